//! A measure against or for one person: what has to hold before it is taken, and the case it becomes.

use std::time::Duration;

use futures::future::join_all;
use guildhall_core::{
    Actor, Call, Error, Kind, TenantId,
    guild::{GuildMember, RoleId, Standing, UserId, hierarchy},
};
use guildhall_flows::FlowId;

use crate::{
    Moderation,
    book::{By, NewCase},
    case::{CaseKind, CaseState, Deed, Evidence},
    entity::case,
    error::ModerationError,
    standing,
};

/// The longest timeout that Discord knows
/// (<https://discord.com/developers/docs/resources/guild#modify-guild-member>).
pub(crate) const LONGEST_TIMEOUT: Duration = Duration::from_secs(28 * 86_400);
/// How long a call waits for what it began; then it answers that it goes on.
const PATIENCE: Duration = Duration::from_secs(4);

/// What is to be done to a person.
#[derive(Clone, Debug)]
pub(crate) enum Measure {
    Ban { delete_seconds: u32 },
    Softban { delete_seconds: u32 },
    Unban,
    Kick,
    Warn,
    Note,
    Timeout,
    Untimeout,
    Jail,
    Unjail,
    Nick(Option<String>),
    Role { role: RoleId, give: bool },
}

/// How it is to be done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms {
    pub(crate) reason: String,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) lasts: Option<Duration>,
    pub(crate) silent: bool,
}

impl Measure {
    fn kind(&self) -> CaseKind {
        match self {
            Self::Ban { .. } => CaseKind::Ban,
            Self::Softban { .. } => CaseKind::Softban,
            Self::Unban => CaseKind::Unban,
            Self::Kick => CaseKind::Kick,
            Self::Warn => CaseKind::Warn,
            Self::Note => CaseKind::Note,
            Self::Timeout => CaseKind::Timeout,
            Self::Untimeout => CaseKind::Untimeout,
            Self::Jail => CaseKind::Jail,
            Self::Unjail => CaseKind::Unjail,
            Self::Nick(_) => CaseKind::Nick,
            Self::Role { .. } => CaseKind::Role,
        }
    }
}

impl Moderation {
    /// Checks everything, opens the case and begins. Nothing has happened when this is an error.
    pub(crate) async fn begin(
        &self,
        actor: &Actor,
        user: UserId,
        measure: &Measure,
        terms: &Terms,
    ) -> Result<(case::Model, Option<FlowId>), ModerationError> {
        let new = self.prepare(actor, user, measure, terms).await?;
        self.open(&actor.tenant, new).await
    }

    /// As [`Moderation::begin`], up to the case that is to be opened.
    pub(crate) async fn prepare(
        &self,
        actor: &Actor,
        user: UserId,
        measure: &Measure,
        terms: &Terms,
    ) -> Result<NewCase, ModerationError> {
        let tenant = &actor.tenant;
        let kind = measure.kind();
        let acting = standing::acting(actor);
        let checked = self.may_act_on(tenant, acting, actor.rank, user, kind.needs()).await?;
        let name = match &checked.target {
            Some(member) => member.name.clone(),
            None => {
                let person = self.seams.guilds.person(user).await?;
                person.ok_or_else(|| ModerationError::Nobody(user.to_string()))?.name
            }
        };
        let here = || checked.target.as_ref().ok_or_else(|| ModerationError::NotHere(name.clone()));
        let mut lifts = None;
        let deed = match measure {
            Measure::Ban { delete_seconds } => {
                self.not_banned(tenant, user, &name).await?;
                Deed::Ban { delete_seconds: *delete_seconds }
            }
            Measure::Softban { delete_seconds } => {
                here()?;
                Deed::Softban { delete_seconds: *delete_seconds }
            }
            Measure::Unban => {
                if self.seams.guilds.banned(tenant, user).await?.is_none() {
                    return Err(ModerationError::NotBanned(name));
                }
                lifts = self.holder(tenant, &format!("ban:{user}")).await?.map(|row| row.number);
                Deed::Unban
            }
            Measure::Kick => here().map(|_| Deed::Kick)?,
            Measure::Warn => here().map(|_| Deed::Warn)?,
            Measure::Note => Deed::Note,
            Measure::Timeout => {
                let lasts = terms.lasts.unwrap_or(LONGEST_TIMEOUT);
                if lasts > LONGEST_TIMEOUT {
                    let span = guildhall_core::Span::new(lasts).map(|span| span.to_string());
                    return Err(ModerationError::TimeoutTooLong(span.unwrap_or_default()));
                }
                if self.is_timed_out(here()?) {
                    return Err(self.who_holds(tenant, &format!("timeout:{user}"), name).await?);
                }
                Deed::Timeout
            }
            Measure::Untimeout => {
                if !self.is_timed_out(here()?) {
                    return Err(ModerationError::NotTimedOut(name));
                }
                lifts = self.holder(tenant, &format!("timeout:{user}")).await?.map(|row| row.number);
                Deed::Untimeout
            }
            Measure::Jail => {
                let role = self.jail_role(tenant).await?;
                let managed = |role: &RoleId| checked.guild.role(*role).is_some_and(|role| role.managed);
                let own = here()?.roles.iter().copied().filter(|own| *own != role && !managed(own));
                Deed::Jail { role, roles: own.collect(), owed: false }
            }
            Measure::Unjail => {
                let Some(row) = self.jailed(tenant, user).await? else {
                    return Err(ModerationError::NotJailed(name));
                };
                lifts = Some(row.number);
                match row.deed()? {
                    Deed::Jail { role, roles, .. } => Deed::Unjail { role, roles },
                    _ => return Err(Error::bug("a jail case whose deed is another").into()),
                }
            }
            Measure::Nick(nick) => Deed::Nick { nick: nick.clone(), before: here()?.nick.clone() },
            Measure::Role { role, give } => {
                let held = here()?.roles.contains(role);
                let found = checked.guild.role(*role);
                let found = found.ok_or_else(|| ModerationError::NoRole(role.to_string()))?;
                let called = found.name.clone();
                if role.0 == checked.guild.id {
                    return Err(ModerationError::RoleEveryone);
                }
                if found.managed {
                    return Err(ModerationError::RoleManaged(called));
                }
                match (held, *give) {
                    (true, true) => return Err(ModerationError::RoleHeld { who: name, role: called }),
                    (false, false) => return Err(ModerationError::RoleNotHeld { who: name, role: called }),
                    _ => {}
                }
                let height = Standing::Role(found.position, std::cmp::Reverse(found.id));
                if height >= checked.guild.standing(&checked.myself) {
                    return Err(hierarchy::role_too_low(&found.name).into());
                }
                let actor = checked.actor.as_ref();
                if actor.is_some_and(|actor| height >= checked.guild.standing(actor)) {
                    return Err(ModerationError::RoleNotBelow(called));
                }
                Deed::Role { role: *role, give: *give, name: called }
            }
        };
        let kind = deed.kind(terms.lasts.is_some());
        let told = match kind.tells_first() || kind.tells_after() {
            true => self.untold(tenant, terms.silent).await?,
            false => None,
        };
        Ok(NewCase {
            target: Some(user),
            target_name: name,
            reason: terms.reason.clone(),
            evidence: terms.evidence.clone(),
            lasts: terms.lasts,
            silent: terms.silent,
            told,
            lifts,
            carries: self.carries(tenant, kind).await?,
            ..NewCase::new(deed, By::from(actor))
        })
    }

    async fn not_banned(&self, tenant: &TenantId, user: UserId, name: &str) -> Result<(), ModerationError> {
        match self.seams.guilds.banned(tenant, user).await? {
            None => Ok(()),
            // Whose ban it is says more than that there is one.
            Some(_) => match self.holder(tenant, &format!("ban:{user}")).await? {
                Some(row) => Err(held(row, name)),
                None => Err(ModerationError::AlreadyBanned(name.to_owned())),
            },
        }
    }

    async fn who_holds(
        &self,
        tenant: &TenantId,
        key: &str,
        name: String,
    ) -> Result<ModerationError, ModerationError> {
        Ok(match self.holder(tenant, key).await? {
            Some(row) => held(row, &name),
            None => ModerationError::AlreadyTimedOut(name),
        })
    }

    fn is_timed_out(&self, member: &GuildMember) -> bool {
        member.timeout.is_some_and(|until| until > self.seams.clock.now())
    }

    /// Waits for these for a moment, all of them together.
    pub(crate) async fn await_briefly(&self, flows: Vec<FlowId>) {
        if flows.is_empty() {
            return;
        }
        let all = join_all(flows.into_iter().map(|flow| self.seams.flows.wait(flow)));
        tokio::select! {
            _ = all => {}
            () = self.seams.clock.sleep(PATIENCE) => {}
        }
    }

    /// Opens a case, and gives it once it is done or takes its time.
    pub(crate) async fn carry_out(
        &self,
        tenant: &TenantId,
        new: NewCase,
    ) -> Result<case::Model, ModerationError> {
        let opened = self.open(tenant, new).await?;
        self.outcome(tenant, opened).await
    }

    /// The case as it came out of [`Moderation::begin`], once it is done or takes its time.
    pub(crate) async fn outcome(
        &self,
        tenant: &TenantId,
        opened: (case::Model, Option<FlowId>),
    ) -> Result<case::Model, ModerationError> {
        let (row, flow) = opened;
        let Some(flow) = flow else { return done(row) };
        self.await_briefly(vec![flow]).await;
        done(self.case(tenant, row.number).await?)
    }

    /// Ends what a case holds: the counterpart of its measure becomes a case of its own. It takes what the
    /// community asks of whoever lifts such a measure by its own operation.
    pub(crate) async fn counterpart(
        &self,
        call: &Call,
        row: &case::Model,
        reason: String,
    ) -> Result<Option<NewCase>, ModerationError> {
        if let Some(operation) = row.kind.lifted_by() {
            self.may_call(call, operation).await?;
        }
        let measure = match row.kind {
            CaseKind::Ban | CaseKind::Tempban => Measure::Unban,
            CaseKind::Timeout => Measure::Untimeout,
            CaseKind::Jail => Measure::Unjail,
            CaseKind::Lock => return self.unlocking(&call.actor, row, reason).await.map(Some),
            _ => return Ok(None),
        };
        let Some(user) = row.user() else { return Ok(None) };
        let terms = Terms { reason, ..Terms::default() };
        match self.prepare(&call.actor, user, &measure, &terms).await {
            Ok(new) => Ok(Some(new)),
            // Discord knows nothing of it any more; then the case alone is to be closed.
            Err(
                ModerationError::NotBanned(_)
                | ModerationError::NotTimedOut(_)
                | ModerationError::NotHere(_)
                | ModerationError::Nobody(_),
            ) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The case, or why it failed.
pub(crate) fn done(row: case::Model) -> Result<case::Model, ModerationError> {
    match row.state {
        CaseState::Failed => Err(ModerationError::Failed {
            number: row.number,
            why: row.failure.unwrap_or_else(|| "nobody knows why.".to_owned()),
        }),
        _ => Ok(row),
    }
}

fn held(row: case::Model, name: &str) -> ModerationError {
    ModerationError::Held { who: name.to_owned(), by: row.moderator_name, number: row.number }
}

/// Whether a failure of one of several is worth going on to the next.
pub(crate) fn stops_all(error: &Error) -> bool {
    matches!(error.kind, Kind::Upstream | Kind::Bug)
}
