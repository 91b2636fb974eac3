//! Reports of members to the staff. Who reported is kept apart: no page, event or message names them, and only
//! `inbox reveal` shows them, which the audit record keeps.

use guildhall_core::{
    Action, ActorId, Document, Rich, TenantId, Tone,
    document::{Address, Style},
    guild::{MessageLink, UserId},
};
use guildhall_store::{scope, sequence};
use schemars::JsonSchema;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DeriveActiveEnum, EntityTrait, EnumIter, IntoActiveModel, QueryFilter,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Moderation,
    book::{By, short},
    entity::report,
    error::ModerationError,
    reason::LONGEST_QUOTE,
    setting::REPORT_LOG,
    workflows::{self, ReportThread},
};

/// Where a report stands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumIter, DeriveActiveEnum,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ReportState {
    /// Nobody has looked at it.
    Open,
    /// Somebody is at it.
    Taken,
    /// Something was done about it.
    Resolved,
    /// Nothing had to be done about it.
    Dismissed,
}

impl ReportState {
    /// The word, as in the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Taken => "taken",
            Self::Resolved => "resolved",
            Self::Dismissed => "dismissed",
        }
    }

    /// Whether there is nothing left to do.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Resolved | Self::Dismissed)
    }
}

/// A report about to be made.
pub(crate) struct NewReport {
    pub(crate) by: By,
    pub(crate) user: Option<UserId>,
    pub(crate) message: Option<MessageLink>,
    pub(crate) text: String,
}

impl Moderation {
    /// Takes a report. Gives its number.
    pub(crate) async fn take_report(
        &self,
        tenant: &TenantId,
        new: NewReport,
    ) -> Result<i64, ModerationError> {
        if self.first_set(tenant, &[&REPORT_LOG]).await?.is_none() {
            return Err(ModerationError::ReportsOff);
        }
        let message = match new.message {
            Some(at) => self.seams.guilds.message(tenant, at).await?,
            None => None,
        };
        let target = new.user.or(message.as_ref().map(|message| message.author.user));
        if target.is_some_and(|target| Some(target.0) == new.by.id.discord_user()) {
            return Err(ModerationError::ReportsThemselves);
        }
        let target_name = match (target, &message) {
            (Some(user), Some(message)) if message.author.user == user => message.author.name.clone(),
            (Some(user), _) => {
                let person = self.seams.guilds.person(user).await?;
                person.ok_or_else(|| ModerationError::Nobody(user.to_string()))?.name
            }
            (None, _) => String::new(),
        };
        let about = new.message.map(|at| at.to_string()).or(target.map(|user| user.to_string()));
        let open_key = about.map(|about| format!("{}:{about}", new.by.id));
        let tx = self.seams.store.begin().await?;
        let number = sequence::next(&tx, tenant, "report").await?;
        if let Some(key) = &open_key {
            let same = scope::find::<report::Entity>(tenant).filter(report::Column::OpenKey.eq(&**key));
            if same.one(tx.conn()).await?.is_some() {
                return Err(ModerationError::Reported);
            }
        }
        let row = report::Model {
            tenant: tenant.as_str().to_owned(),
            number,
            reporter: new.by.id.as_str().to_owned(),
            reporter_name: new.by.name,
            target: target.map(|user| user.to_string()),
            target_name: short(&target_name, 100),
            message: new.message.map(|at| at.to_string()),
            quote: message.map(|message| short(&message.content, LONGEST_QUOTE)),
            text: new.text,
            state: ReportState::Open,
            handler: None,
            handler_name: None,
            answer: None,
            thread: None,
            open_key,
            created_at: self.seams.clock.now().into(),
            version: 1,
        };
        report::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
        self.post_soon(&tx, tenant, format!("report:{number}")).await?;
        self.seams.flows.start_in::<ReportThread>(&tx, tenant, &number.to_string(), &number).await?;
        tx.commit().await?;
        Ok(number)
    }

    /// A report.
    pub(crate) async fn report_row(
        &self,
        tenant: &TenantId,
        number: i64,
    ) -> Result<report::Model, ModerationError> {
        scope::find::<report::Entity>(tenant)
            .filter(report::Column::Number.eq(number))
            .one(self.seams.store.reader())
            .await?
            .ok_or(ModerationError::NoReport(number))
    }

    /// Somebody of the staff takes it, or ends it. Of two at once one gets it and the other is told who did.
    pub(crate) async fn handle_report(
        &self,
        tenant: &TenantId,
        number: i64,
        by: &By,
        to: ReportState,
        answer: Option<String>,
    ) -> Result<report::Model, ModerationError> {
        let tx = self.seams.store.begin().await?;
        let query = scope::find::<report::Entity>(tenant).filter(report::Column::Number.eq(number));
        let row = query.one(tx.conn()).await?.ok_or(ModerationError::NoReport(number))?;
        let taken_by_another = to == ReportState::Taken && row.state == ReportState::Taken;
        if row.state.is_over() || taken_by_another {
            return Err(handled(&row));
        }
        let columns = report::ActiveModel {
            state: Set(to),
            handler: Set(Some(by.id.as_str().to_owned())),
            handler_name: Set(Some(by.name.clone())),
            answer: Set(answer.or(row.answer)),
            open_key: Set(if to.is_over() { None } else { row.open_key }),
            version: Set(row.version + 1),
            ..Default::default()
        };
        let changed = scope::update::<report::Entity>(tenant)
            .set(columns)
            .filter(report::Column::Number.eq(number))
            .filter(report::Column::Version.eq(row.version))
            .exec(tx.conn())
            .await?;
        if changed.rows_affected == 0 {
            tx.rollback().await?;
            return Err(handled(&self.report_row(tenant, number).await?));
        }
        self.post_soon(&tx, tenant, format!("report:{number}")).await?;
        if row.thread.is_some() {
            self.post_soon(&tx, tenant, workflows::thread_topic(number)).await?;
        }
        tx.commit().await?;
        self.report_row(tenant, number).await
    }

    /// A report as the staff reads it.
    pub(crate) async fn report_page(
        &self,
        tenant: &TenantId,
        number: i64,
    ) -> Result<Document, ModerationError> {
        let row = self.report_row(tenant, number).await?;
        let guild = self.seams.guilds.guild(tenant).await.ok();
        let note = self.note_of(tenant, &workflows::thread_topic(number)).await?;
        Ok(page(&row, guild.map(|guild| guild.id), note))
    }
}

fn handled(row: &report::Model) -> ModerationError {
    ModerationError::ReportHandled {
        number: row.number,
        state: row.state.word(),
        by: row.handler_name.clone().unwrap_or_else(|| "somebody".to_owned()),
    }
}

fn page(row: &report::Model, guild: Option<u64>, note: Option<String>) -> Document {
    let tone = match row.state {
        ReportState::Open => Tone::Warning,
        ReportState::Taken => Tone::Working,
        ReportState::Resolved | ReportState::Dismissed => Tone::Good,
    };
    let mut page = Document::titled(format!("Report {}", row.number)).tone(tone);
    let user = row.target.as_deref().and_then(|text| text.parse::<UserId>().ok());
    if let Some(user) = user {
        page = page.field("About", Rich::new().person(&ActorId::discord(user.0), row.target_name.as_str()));
    }
    page = page.field("What happened", row.text.as_str());
    if let Some(quote) = row.quote.as_deref().filter(|quote| !quote.is_empty()) {
        page = page.field("The message", format!("“{quote}”"));
    }
    let place = row.message.as_deref().and_then(|text| text.parse::<MessageLink>().ok());
    let place = place.map(|at| link(guild, at));
    if let Some(place) = &place {
        page = page.field("Where", Rich::new().address(place));
    }
    page = page.field("When", Rich::new().time(row.created_at.time()));
    let mut state = Rich::from(row.state.word());
    if let Some(name) = &row.handler_name {
        state = state.text(format!(" by {name}"));
    }
    page = page.field("State", state);
    if let Some(answer) = &row.answer {
        page = page.field("Outcome", answer.as_str());
    }
    if let Some(words) = thread_words(row, guild, note) {
        page = page.field("Thread", words);
    }
    if row.state.is_over() {
        return page;
    }
    let report = json!({ "report": row.number });
    if row.state == ReportState::Open {
        page = page.action(Action::new("Take it", "inbox take", report.clone()).style(Style::Primary));
    }
    if let Some(user) = user {
        let evidence: Vec<&String> = place.iter().collect();
        let warn = json!({ "user": [user], "evidence": evidence });
        page = page.action(Action::new("Warn", "warn", warn.clone()).asking(&["reason"]));
        page = page.action(Action::new("Timeout", "timeout", warn).asking(&["duration", "reason"]));
    }
    page.action(Action::new("Resolved", "inbox resolve", report.clone()).asking(&["answer"]))
        .action(Action::new("Dismiss", "inbox dismiss", report).asking(&["answer"]).style(Style::Danger))
}

/// Where a report's thread is, or what is noted about why there is none; nothing while it is being made.
pub(crate) fn thread_words(row: &report::Model, guild: Option<u64>, note: Option<String>) -> Option<Rich> {
    let Some(thread) = row.place() else { return note.map(Rich::from) };
    let name = guild.map_or_else(|| thread.to_string(), |guild| Address::channel(guild, thread).to_string());
    Some(Rich::new().channel(thread, name))
}

/// A message's address, as far as the guild is known.
pub(crate) fn link(guild: Option<u64>, at: MessageLink) -> String {
    match guild {
        Some(guild) => Address::message(guild, at).to_string(),
        None => at.to_string(),
    }
}
