//! The book of cases: how one is opened, changed and ended. Everything that follows from a change (its place in
//! the history, the timer, the game servers, the mod-log) is written in the same transaction, here and nowhere
//! else.

use std::time::Duration;

use guildhall_core::{
    Actor, ActorId, Error, TenantId,
    guild::{ChannelId, UserId},
};
use guildhall_flows::{FlowError, FlowId};
use guildhall_store::{StoreError, Timestamp, Tx, scope, sequence};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter};
use serde::{Deserialize, Serialize};

use crate::{
    Moderation,
    case::{CaseState, Deed, Evidence, Source, Told},
    deed::Found,
    entity::{case, edit},
    error::ModerationError,
    workflows::{CarryInput, CarryOver, CaseFlow, CaseInput, CaseTimer},
};

/// How often a change is tried again when others changed the same case meanwhile.
const RACES: usize = 20;

/// Who changes a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct By {
    pub(crate) id: ActorId,
    pub(crate) name: String,
}

impl By {
    /// Guildhall itself.
    pub(crate) fn guildhall() -> Self {
        Self { id: ActorId::system("moderation"), name: "Guildhall".to_owned() }
    }

    /// Somebody whom Discord does not name.
    pub(crate) fn by_hand() -> Self {
        Self { id: ActorId::system("discord"), name: "somebody in Discord".to_owned() }
    }
}

impl From<&Actor> for By {
    fn from(actor: &Actor) -> Self {
        Self { id: actor.id.clone(), name: short(&actor.name, 100) }
    }
}

/// A case about to be opened.
#[derive(Clone, Debug)]
pub(crate) struct NewCase {
    pub(crate) deed: Deed,
    pub(crate) target: Option<UserId>,
    pub(crate) target_name: String,
    pub(crate) channel: Option<ChannelId>,
    pub(crate) by: By,
    pub(crate) reason: String,
    pub(crate) evidence: Vec<Evidence>,
    /// How long it is to last.
    pub(crate) lasts: Option<Duration>,
    pub(crate) silent: bool,
    /// Whether the person was told, where that is known already.
    pub(crate) told: Option<Told>,
    pub(crate) source: Source,
    pub(crate) lifts: Option<i64>,
    pub(crate) carries: bool,
    pub(crate) reference: Option<String>,
    /// Of a purge: what it deletes.
    pub(crate) found: Found,
    /// It has been done already, or nothing has to be done.
    pub(crate) done: bool,
    /// Its own workflow does it; otherwise somebody else's.
    pub(crate) own_flow: bool,
}

impl NewCase {
    /// A case with nothing said about it yet.
    pub(crate) fn new(deed: Deed, by: By) -> Self {
        Self {
            deed,
            target: None,
            target_name: String::new(),
            channel: None,
            by,
            reason: String::new(),
            evidence: Vec::new(),
            lasts: None,
            silent: false,
            told: None,
            source: Source::Operation,
            lifts: None,
            carries: false,
            reference: None,
            found: Found::default(),
            done: false,
            own_flow: true,
        }
    }
}

/// One change of one case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Change {
    /// What changed: `reason`, `state`, `end`, `evidence`, `moderator`.
    pub what: String,
    /// From what.
    pub from: String,
    /// To what.
    pub to: String,
}

impl Moderation {
    /// Opens a case and, unless it is done already, starts the workflow that does it.
    pub(crate) async fn open(
        &self,
        tenant: &TenantId,
        new: NewCase,
    ) -> Result<(case::Model, Option<FlowId>), ModerationError> {
        let tx = self.seams.store.begin().await?;
        let opened = self.open_in(&tx, tenant, new).await?;
        self.commit(tx, &[&opened.0]).await?;
        Ok(opened)
    }

    /// As [`Moderation::open`], as part of a transaction that [`Moderation::commit`] ends.
    pub(crate) async fn open_in(
        &self,
        tx: &Tx,
        tenant: &TenantId,
        new: NewCase,
    ) -> Result<(case::Model, Option<FlowId>), ModerationError> {
        let now = self.seams.clock.now();
        // The number comes first: from here to the end of the transaction nobody else of this community opens a
        // case, so nothing can come between the look for what is held and the insertion.
        let number = sequence::next(tx, tenant, "case").await?;
        let holds = new.deed.holds(new.target, new.channel, new.lifts);
        if let Some(key) = &holds {
            self.refuse_held(tx, tenant, key, &new).await?;
        }
        let kind = new.deed.kind(new.lasts.is_some());
        let state = if new.done || kind.is_written_only() { kind.settled() } else { CaseState::Pending };
        let lasts = new.lasts.map(|lasts| time::Duration::try_from(lasts).unwrap_or(time::Duration::MAX));
        let mut row = case::Model {
            tenant: tenant.as_str().to_owned(),
            number,
            kind,
            state,
            deed: serde_json::to_string(&new.deed)?,
            target: new.target.map(|user| user.to_string()),
            target_name: short(&new.target_name, 100),
            channel: new.channel.map(|channel| channel.to_string()),
            moderator: new.by.id.as_str().to_owned(),
            moderator_name: short(&new.by.name, 100),
            reason: new.reason,
            evidence: serde_json::to_string(&new.evidence)?,
            source: new.source,
            silent: new.silent,
            told: new.told,
            created_at: now.into(),
            expires_at: lasts.map(|lasts| now.saturating_add(lasts).into()),
            ended_at: (!state.is_open()).then(|| now.into()),
            ended_by: None,
            ended_name: None,
            failure: None,
            holds: if state.is_open() { holds } else { None },
            lifts: new.lifts,
            carries: new.carries,
            carried: None,
            reference: new.reference,
            version: 1,
            timer: None,
            round: 0,
            ending: false,
        };
        if state == CaseState::Active {
            self.begin_lasting(tx, tenant, &mut row).await?;
        }
        case::Entity::insert(row.clone().into_active_model()).exec_without_returning(tx.conn()).await?;
        self.due(tx, tenant, &row).await?;
        let to_do = match state {
            CaseState::Pending => true,
            // What was done by writing it may still have to be told.
            _ => kind.is_written_only() && kind.tells_after() && row.told.is_none(),
        };
        let flow = if to_do && new.own_flow {
            let input = CaseInput { number, kind, found: new.found };
            Some(self.seams.flows.start_in::<CaseFlow>(tx, tenant, &number.to_string(), &input).await?)
        } else {
            None
        };
        Ok((row, flow))
    }

    async fn refuse_held(
        &self,
        tx: &Tx,
        tenant: &TenantId,
        key: &str,
        new: &NewCase,
    ) -> Result<(), ModerationError> {
        let held = |key: &str| scope::find::<case::Entity>(tenant).filter(case::Column::Holds.eq(key));
        let mut other = held(key).one(tx.conn()).await?;
        if other.is_none() && key.starts_with("lock:") && key != "lock:all" {
            // A channel inside of a server that is locked as a whole.
            other = held("lock:all").one(tx.conn()).await?;
        }
        // What is being ended by its timer is not ended by hand as well.
        if let (None, Some(lifts)) = (&other, new.lifts) {
            other = scope::find::<case::Entity>(tenant)
                .filter(case::Column::Number.eq(lifts))
                .filter(
                    Condition::any()
                        .add(case::Column::State.ne(CaseState::Active))
                        .add(case::Column::Ending.eq(true)),
                )
                .one(tx.conn())
                .await?;
            if let Some(over) = other.as_ref().filter(|other| !other.state.is_open()) {
                return Err(ModerationError::Over { number: over.number, state: over.state.word() });
            }
        }
        match other {
            None => Ok(()),
            Some(other) => Err(ModerationError::Held {
                who: new.target_name.clone(),
                by: other.moderator_name,
                number: other.number,
            }),
        }
    }

    /// A case.
    pub(crate) async fn case(&self, tenant: &TenantId, number: i64) -> Result<case::Model, ModerationError> {
        scope::find::<case::Entity>(tenant)
            .filter(case::Column::Number.eq(number))
            .one(self.seams.store.reader())
            .await?
            .ok_or(ModerationError::NoCase(number))
    }

    /// The case that holds `key` now.
    pub(crate) async fn holder(
        &self,
        tenant: &TenantId,
        key: &str,
    ) -> Result<Option<case::Model>, ModerationError> {
        let query = scope::find::<case::Entity>(tenant).filter(case::Column::Holds.eq(key));
        Ok(query.one(self.seams.store.reader()).await?)
    }

    /// Changes a case: `decide` says what it is to be, or false to leave it. Called again when somebody else was
    /// faster. Gives the case as it is then.
    pub(crate) async fn change(
        &self,
        tenant: &TenantId,
        number: i64,
        by: &By,
        mut decide: impl FnMut(&mut case::Model) -> Result<bool, ModerationError> + Send,
    ) -> Result<case::Model, ModerationError> {
        for _ in 0..RACES {
            let tx = self.seams.store.begin().await?;
            let before = in_tx(&tx, tenant, number).await?;
            let mut after = before.clone();
            if !decide(&mut after)? {
                tx.rollback().await?;
                return Ok(before);
            }
            if let Some(row) = self.write(&tx, tenant, &before, after, by).await? {
                self.commit(tx, &[&row]).await?;
                return Ok(row);
            }
            tx.rollback().await?;
        }
        Err(ModerationError::Contended(number))
    }

    /// Marks a pending case as done, and what it lifts as ended. Whatever else it is, it stays.
    pub(crate) async fn finish(
        &self,
        tenant: &TenantId,
        number: i64,
        deed: Option<&Deed>,
    ) -> Result<case::Model, ModerationError> {
        for _ in 0..RACES {
            let tx = self.seams.store.begin().await?;
            let before = in_tx(&tx, tenant, number).await?;
            if before.state != CaseState::Pending {
                tx.rollback().await?;
                return Ok(before);
            }
            let by = By { id: before.moderator.clone().into(), name: before.moderator_name.clone() };
            let mut after = before.clone();
            after.state = before.kind.settled();
            if let Some(deed) = deed {
                after.deed = serde_json::to_string(deed)?;
            }
            let Some(row) = self.write(&tx, tenant, &before, after, &by).await? else {
                tx.rollback().await?;
                continue;
            };
            let lifted = match before.lifts {
                Some(lifted) => {
                    let old = in_tx(&tx, tenant, lifted).await?;
                    let mut new = old.clone();
                    new.end(CaseState::Closed, &by);
                    match old.state {
                        CaseState::Active => match self.write(&tx, tenant, &old, new, &by).await? {
                            Some(lifted) => Some(lifted),
                            None => {
                                tx.rollback().await?;
                                continue;
                            }
                        },
                        _ => None,
                    }
                }
                None => None,
            };
            let changed: Vec<_> = [Some(&row), lifted.as_ref()].into_iter().flatten().collect();
            self.commit(tx, &changed).await?;
            return Ok(row);
        }
        Err(ModerationError::Contended(number))
    }

    /// Writes a change and what follows from it. `None` when somebody else was faster.
    pub(crate) async fn write(
        &self,
        tx: &Tx,
        tenant: &TenantId,
        before: &case::Model,
        mut after: case::Model,
        by: &By,
    ) -> Result<Option<case::Model>, ModerationError> {
        let now = Timestamp::from(self.seams.clock.now());
        after.version = before.version + 1;
        let began = before.state == CaseState::Pending && after.state == CaseState::Active;
        let over = before.state.is_open() && !after.state.is_open();
        if over {
            after.holds = None;
            after.ending = false;
            after.ended_at = Some(now);
        }
        if began {
            self.begin_lasting(tx, tenant, &mut after).await?;
        }
        let moved = after.state == CaseState::Active && before.expires_at != after.expires_at;
        if moved || over {
            self.move_timer(tx, tenant, &mut after, over).await?;
        }
        if over && before.state == CaseState::Active && after.carries {
            self.carry_over(tx, tenant, &after).await?;
        }
        let columns = case::ActiveModel {
            kind: Set(after.kind),
            state: Set(after.state),
            deed: Set(after.deed.clone()),
            moderator: Set(after.moderator.clone()),
            moderator_name: Set(after.moderator_name.clone()),
            reason: Set(after.reason.clone()),
            evidence: Set(after.evidence.clone()),
            expires_at: Set(after.expires_at),
            ended_at: Set(after.ended_at),
            ended_by: Set(after.ended_by.clone()),
            ended_name: Set(after.ended_name.clone()),
            failure: Set(after.failure.clone()),
            holds: Set(after.holds.clone()),
            version: Set(after.version),
            timer: Set(after.timer),
            ending: Set(after.ending),
            ..Default::default()
        };
        let changed = scope::update::<case::Entity>(tenant)
            .set(columns)
            .filter(case::Column::Number.eq(before.number))
            .filter(case::Column::Version.eq(before.version))
            // A timer that went on to its next turn meanwhile would not hear the signal that was sent above.
            .filter(case::Column::Round.eq(before.round))
            .exec(tx.conn())
            .await?;
        if changed.rows_affected == 0 {
            return Ok(None);
        }
        let edit = edit::ActiveModel {
            tenant: Set(tenant.as_str().to_owned()),
            number: Set(after.number),
            version: Set(after.version),
            at: Set(now),
            actor: Set(by.id.as_str().to_owned()),
            actor_name: Set(by.name.clone()),
            changes: Set(serde_json::to_string(&changes(before, &after))?),
        };
        edit::Entity::insert(edit).exec_without_returning(tx.conn()).await?;
        self.due(tx, tenant, &after).await?;
        Ok(Some(after))
    }

    /// What follows when a case begins to hold.
    async fn begin_lasting(
        &self,
        tx: &Tx,
        tenant: &TenantId,
        row: &mut case::Model,
    ) -> Result<(), ModerationError> {
        if row.expires_at.is_some() {
            let flow = self.start_timer(tx, tenant, row.number).await?;
            row.timer = Some(flow.0);
        }
        if row.carries {
            self.carry_over(tx, tenant, row).await?;
        }
        Ok(())
    }

    /// Tells the timer that the end has moved or come; starts one where there is none.
    async fn move_timer(
        &self,
        tx: &Tx,
        tenant: &TenantId,
        row: &mut case::Model,
        over: bool,
    ) -> Result<(), ModerationError> {
        if let Some(timer) = row.timer {
            let signal = format!("moved {}", row.round);
            match self.seams.flows.signal_in(tx, FlowId(timer), &signal, &()).await {
                // A timer with that many signals to read reads the case again before it waits.
                Ok(()) | Err(FlowError::TooManySignals(..)) => return Ok(()),
                Err(FlowError::Unknown(_) | FlowError::Settled(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if !over && row.expires_at.is_some() {
            row.timer = Some(self.start_timer(tx, tenant, row.number).await?.0);
        }
        Ok(())
    }

    pub(crate) async fn start_timer(
        &self,
        tx: &Tx,
        tenant: &TenantId,
        number: i64,
    ) -> Result<FlowId, ModerationError> {
        match self.seams.flows.start_in::<CaseTimer>(tx, tenant, &number.to_string(), &number).await {
            Ok(flow) | Err(FlowError::Active { flow, .. }) => Ok(flow),
            Err(error) => Err(error.into()),
        }
    }

    async fn carry_over(&self, tx: &Tx, tenant: &TenantId, row: &case::Model) -> Result<(), ModerationError> {
        // Each change has a flow of its own, and each does what the case says when it runs; so an old one that
        // is still being tried again cannot bring back what a newer one has lifted.
        let key = format!("{}.{}", row.number, row.version);
        let input = CarryInput { number: row.number };
        match self.seams.flows.start_in::<CarryOver>(tx, tenant, &key, &input).await {
            Ok(_) | Err(FlowError::Active { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The mod-log is to say what the case says now.
    pub(crate) async fn due(&self, tx: &Tx, tenant: &TenantId, row: &case::Model) -> Result<(), StoreError> {
        if row.kind.is_private() {
            return Ok(());
        }
        self.post_soon(tx, tenant, format!("case:{}", row.number)).await
    }
}

pub(crate) async fn in_tx(tx: &Tx, tenant: &TenantId, number: i64) -> Result<case::Model, ModerationError> {
    scope::find::<case::Entity>(tenant)
        .filter(case::Column::Number.eq(number))
        .one(tx.conn())
        .await?
        .ok_or(ModerationError::NoCase(number))
}

/// What is different, in words for the history.
fn changes(before: &case::Model, after: &case::Model) -> Vec<Change> {
    let moment = |at: Option<Timestamp>| {
        let text = at.and_then(|at| at.time().format(&time::format_description::well_known::Rfc3339).ok());
        text.unwrap_or_else(|| "none".to_owned())
    };
    let links = |row: &case::Model| {
        row.evidence().iter().map(|evidence| evidence.link.clone()).collect::<Vec<_>>().join(" ")
    };
    [
        ("state", before.state.word().to_owned(), after.state.word().to_owned()),
        ("reason", before.reason.clone(), after.reason.clone()),
        ("end", moment(before.expires_at), moment(after.expires_at)),
        ("evidence", links(before), links(after)),
        ("moderator", before.moderator_name.clone(), after.moderator_name.clone()),
        ("problem", before.failure.clone().unwrap_or_default(), after.failure.clone().unwrap_or_default()),
    ]
    .into_iter()
    .filter(|(_, from, to)| from != to)
    .map(|(what, from, to)| Change { what: what.to_owned(), from, to })
    .collect()
}

/// At most so many characters, without NUL, which a database may refuse.
pub(crate) fn short(text: &str, most: usize) -> String {
    text.chars().filter(|c| *c != '\0').take(most).collect()
}

/// An error's message with what to do about it.
pub(crate) fn spoken(error: &Error) -> String {
    short(&error.to_string(), 500)
}
