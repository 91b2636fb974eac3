//! Appeals against cases: one a case, decided by the staff, and the person is told.

use guildhall_core::{
    Action, Actor, ActorId, Document, Rich, TenantId, Tone, document::Style, guild::UserId, setting,
};
use guildhall_flows::FlowId;
use guildhall_store::{Tx, scope, sequence};
use schemars::JsonSchema;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DeriveActiveEnum, EntityTrait, EnumIter, IntoActiveModel, QueryFilter,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Moderation,
    book::{By, NewCase, in_tx, short},
    case::{CaseKind, CaseState},
    entity::{appeal, case},
    error::ModerationError,
    reason::LONGEST,
    setting::APPEALS,
};

/// Where an appeal stands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumIter, DeriveActiveEnum,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum AppealState {
    /// The staff has to decide.
    Open,
    /// The case was lifted, or declared void.
    Accepted,
    /// The case stays.
    Denied,
}

impl AppealState {
    /// The word, as in the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Denied => "denied",
        }
    }
}

impl Moderation {
    /// Takes an appeal. Gives its number.
    pub(crate) async fn take_appeal(
        &self,
        actor: &Actor,
        number: i64,
        text: String,
    ) -> Result<i64, ModerationError> {
        let tenant = &actor.tenant;
        if !setting::get::<bool>(self.seams.settings.as_ref(), tenant, &APPEALS).await? {
            return Err(ModerationError::AppealsOff);
        }
        let row = self.case(tenant, number).await?;
        if row.user().map(|user| user.0) != actor.id.discord_user() || row.user().is_none() {
            return Err(ModerationError::NotYours(number));
        }
        // What is over once it is done, as a kick, can be appealed against all the same: it still counts.
        if !row.kind.appealable() || row.state != row.kind.settled() {
            return Err(ModerationError::NotAppealable(number));
        }
        let tx = self.seams.store.begin().await?;
        let appeal = sequence::next(&tx, tenant, "appeal").await?;
        let earlier = scope::find::<appeal::Entity>(tenant).filter(appeal::Column::Case.eq(number));
        if earlier.one(tx.conn()).await?.is_some() {
            return Err(ModerationError::Appealed(number));
        }
        let by = By::from(actor);
        let new = appeal::Model {
            tenant: tenant.as_str().to_owned(),
            number: appeal,
            case: number,
            person: by.id.as_str().to_owned(),
            person_name: by.name,
            text,
            state: AppealState::Open,
            decided_at: None,
            decided_by: None,
            decided_name: None,
            answer: None,
            open_case: Some(number),
            created_at: self.seams.clock.now().into(),
            version: 1,
        };
        appeal::Entity::insert(new.into_active_model()).exec_without_returning(tx.conn()).await?;
        self.post_soon(&tx, tenant, format!("appeal:{appeal}")).await?;
        tx.commit().await?;
        Ok(appeal)
    }

    /// An appeal.
    pub(crate) async fn appeal_row(
        &self,
        tenant: &TenantId,
        number: i64,
    ) -> Result<appeal::Model, ModerationError> {
        scope::find::<appeal::Entity>(tenant)
            .filter(appeal::Column::Number.eq(number))
            .one(self.seams.store.reader())
            .await?
            .ok_or(ModerationError::NoAppeal(number))
    }

    /// Decides. Of two at once one decides and the other is told who did. `lifting` is the case that lifts what
    /// was appealed against; without one, an accepted appeal ends the case itself. Either is in the same
    /// transaction, so an accepted appeal is never forgotten.
    pub(crate) async fn decide_appeal(
        &self,
        tenant: &TenantId,
        number: i64,
        by: &By,
        to: AppealState,
        answer: String,
        lifting: Option<NewCase>,
    ) -> Result<Option<(case::Model, Option<FlowId>)>, ModerationError> {
        let tx = self.seams.store.begin().await?;
        let query = scope::find::<appeal::Entity>(tenant).filter(appeal::Column::Number.eq(number));
        let row = query.one(tx.conn()).await?.ok_or(ModerationError::NoAppeal(number))?;
        let columns = appeal::ActiveModel {
            state: Set(to),
            decided_at: Set(Some(self.seams.clock.now().into())),
            decided_by: Set(Some(by.id.as_str().to_owned())),
            decided_name: Set(Some(by.name.clone())),
            answer: Set(Some(answer.clone())),
            open_case: Set(None),
            version: Set(row.version + 1),
            ..Default::default()
        };
        let changed = scope::update::<appeal::Entity>(tenant)
            .set(columns)
            .filter(appeal::Column::Number.eq(number))
            .filter(appeal::Column::State.eq(AppealState::Open))
            .exec(tx.conn())
            .await?;
        if changed.rows_affected == 0 {
            tx.rollback().await?;
            let row = self.appeal_row(tenant, number).await?;
            return Err(ModerationError::AppealDecided {
                number,
                state: row.state.word(),
                by: row.decided_name.unwrap_or_default(),
            });
        }
        let (mut opened, mut withdrawn) = (None, None);
        match lifting {
            Some(new) => opened = Some(self.open_in(&tx, tenant, new).await?),
            None if to == AppealState::Accepted => {
                withdrawn = self.withdraw_in(&tx, tenant, &row, &answer, by).await?;
            }
            None => {}
        }
        self.post_soon(&tx, tenant, format!("appeal:{number}")).await?;
        self.post_soon(&tx, tenant, format!("verdict:{number}")).await?;
        let changed = opened.iter().map(|(case, _)| case).chain(&withdrawn);
        self.commit(tx, &changed.collect::<Vec<_>>()).await?;
        Ok(opened)
    }

    /// Ends a case that has nothing to be undone on Discord, with the appeal's outcome as its last word. Where
    /// nothing holds, as after a warning or a kick, it counts no more.
    async fn withdraw_in(
        &self,
        tx: &Tx,
        tenant: &TenantId,
        appeal: &appeal::Model,
        answer: &str,
        by: &By,
    ) -> Result<Option<case::Model>, ModerationError> {
        let before = in_tx(tx, tenant, appeal.case).await?;
        if before.state != before.kind.settled() {
            return Ok(None);
        }
        let mut after = before.clone();
        let holds = before.kind.lifted_by().is_some();
        after.end(if holds { CaseState::Closed } else { CaseState::Voided }, by);
        let mut note = format!("Appeal {} was accepted.", appeal.number);
        if !answer.is_empty() {
            note = format!("{note} {answer}");
        }
        let room = LONGEST.saturating_sub(note.chars().count() + 1);
        after.reason = format!("{}\n{note}", short(&before.reason, room)).trim_start().to_owned();
        match self.write(tx, tenant, &before, after, by).await? {
            Some(row) => Ok(Some(row)),
            None => Err(ModerationError::Contended(appeal.case)),
        }
    }

    /// Opens it again, because what was to be lifted could not be.
    pub(crate) async fn reopen_appeal(&self, tenant: &TenantId, number: i64) -> Result<(), ModerationError> {
        let row = self.appeal_row(tenant, number).await?;
        let tx = self.seams.store.begin().await?;
        let columns = appeal::ActiveModel {
            state: Set(AppealState::Open),
            decided_at: Set(None),
            decided_by: Set(None),
            decided_name: Set(None),
            answer: Set(None),
            open_case: Set(Some(row.case)),
            version: Set(row.version + 1),
            ..Default::default()
        };
        scope::update::<appeal::Entity>(tenant)
            .set(columns)
            .filter(appeal::Column::Number.eq(number))
            .filter(appeal::Column::Version.eq(row.version))
            .exec(tx.conn())
            .await?;
        self.post_soon(&tx, tenant, format!("appeal:{number}")).await?;
        tx.commit().await?;
        Ok(())
    }

    /// What the person is told; nothing while it is open.
    pub(crate) async fn verdict(
        &self,
        tenant: &TenantId,
        number: i64,
    ) -> Result<Option<(UserId, Document)>, ModerationError> {
        let row = self.appeal_row(tenant, number).await?;
        let Some(user) = ActorId::from(row.person.clone()).discord_user().map(UserId) else {
            return Ok(None);
        };
        let guild = self.seams.guilds.guild(tenant).await?.name;
        let case = self.case(tenant, row.case).await?;
        let page = match row.state {
            AppealState::Open => return Ok(None),
            // What is not lifted yet is not promised.
            AppealState::Accepted if case.state == CaseState::Active => {
                let message = "The case is still being lifted.";
                let kind = guildhall_core::Kind::Upstream;
                return Err(guildhall_core::Error::new(kind, "case_pending", message).into());
            }
            AppealState::Accepted => Document::titled(format!("Your appeal on {guild} was accepted"))
                .tone(Tone::Good)
                .text(match case.kind {
                    CaseKind::Ban | CaseKind::Tempban => "You may come back.",
                    CaseKind::Warn => "The warning is void.",
                    CaseKind::Kick | CaseKind::Softban => "The case is void. It does not count any more.",
                    _ => "What was done to you has been lifted.",
                }),
            AppealState::Denied => {
                Document::titled(format!("Your appeal on {guild} was denied")).tone(Tone::Bad)
            }
        };
        let page = page.field("Case", row.case.to_string());
        Ok(Some((
            user,
            match row.answer.filter(|answer| !answer.is_empty()) {
                Some(answer) => page.field("The staff says", answer),
                None => page,
            },
        )))
    }

    /// Whether the person was told of the decision; nothing while there is none.
    pub(crate) async fn told_verdict(
        &self,
        tenant: &TenantId,
        row: &appeal::Model,
    ) -> Result<Option<String>, ModerationError> {
        if row.state == AppealState::Open {
            return Ok(None);
        }
        let told = self.note_of(tenant, &format!("verdict:{}", row.number)).await?;
        Ok(Some(told.unwrap_or_else(|| "Not yet.".to_owned())))
    }

    /// An appeal as the staff reads it.
    pub(crate) async fn appeal_page(
        &self,
        tenant: &TenantId,
        number: i64,
    ) -> Result<Document, ModerationError> {
        let row = self.appeal_row(tenant, number).await?;
        let case = self.case(tenant, row.case).await?;
        let tone = match row.state {
            AppealState::Open => Tone::Warning,
            AppealState::Accepted => Tone::Good,
            AppealState::Denied => Tone::Neutral,
        };
        let person = ActorId::from(row.person.clone());
        let mut page = Document::titled(format!("Appeal {} against case {}", row.number, row.case))
            .tone(tone)
            .field("By", Rich::new().person(&person, row.person_name.as_str()))
            .field("What they say", row.text.as_str())
            .field("The case", format!("{} by {}", case.kind.title(), case.moderator_name))
            .field("Its reason", if case.reason.is_empty() { "None was given." } else { &case.reason });
        let mut state = Rich::from(row.state.word());
        if let Some(name) = &row.decided_name {
            state = state.text(format!(" by {name}"));
        }
        page = page.field("State", state);
        if let Some(answer) = row.answer.as_deref().filter(|answer| !answer.is_empty()) {
            page = page.field("Answer", answer);
        }
        if let Some(told) = self.told_verdict(tenant, &row).await? {
            return Ok(page.field("Told", told));
        }
        let appeal = json!({ "appeal": row.number });
        Ok(page
            .action(
                Action::new("Accept", "inbox accept", appeal.clone())
                    .asking(&["answer"])
                    .style(Style::Primary),
            )
            .action(Action::new("Deny", "inbox deny", appeal).asking(&["answer"]).style(Style::Danger))
            .action(Action::new("The case", "case show", json!({ "number": row.case }))))
    }
}
