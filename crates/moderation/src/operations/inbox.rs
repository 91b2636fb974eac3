//! `inbox …`: what members have sent to the staff, reports and appeals, and what becomes of it.

use guildhall_core::{
    Action, Answer, Call, Document, Effect, Error, Misfit, Operation, Rank, Rich, TenantId, Tone,
    guild::UserId,
};
use guildhall_store::scope;
use schemars::JsonSchema;
use sea_orm::{ColumnTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    AppealState, Moderation, ModerationError, ReportState,
    book::By,
    entity::{appeal, report},
    reason::cleaned,
    standing::acting,
};

/// Reports, and appeals, on one page.
const PAGE: u64 = 10;

/// What waits for the staff.
#[derive(Debug, Serialize, JsonSchema)]
pub struct InboxData {
    /// Reports, the oldest first; at most 10 a page.
    pub reports: Vec<InboxItem>,
    /// Appeals, the oldest first; at most 10 a page.
    pub appeals: Vec<InboxItem>,
    /// How many reports wait in all.
    pub all_reports: u64,
    /// How many appeals wait in all.
    pub all_appeals: u64,
    /// This page, from 1.
    pub page: u64,
    /// How many pages there are.
    pub pages: u64,
}

/// One thing that waits.
#[derive(Debug, Serialize, JsonSchema)]
pub struct InboxItem {
    /// Its number.
    pub number: i64,
    /// About whom, or by whom an appeal is.
    pub about: String,
    /// Its state.
    pub state: String,
    /// What it says.
    pub text: String,
    /// Of an appeal that is decided: whether the person was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told: Option<String>,
}

/// A report, without who sent it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReportData {
    /// Its number.
    pub report: i64,
    /// Its state.
    pub state: ReportState,
    /// About whom.
    pub target: Option<String>,
    /// What it says.
    pub text: String,
    /// Who of the staff is at it.
    pub handler: Option<String>,
}

impl From<report::Model> for InboxItem {
    fn from(row: report::Model) -> Self {
        let state = row.state.word().to_owned();
        Self { number: row.number, about: row.target_name, state, text: row.text, told: None }
    }
}

impl From<appeal::Model> for InboxItem {
    fn from(row: appeal::Model) -> Self {
        let state = row.state.word().to_owned();
        Self { number: row.number, about: row.person_name, state, text: row.text, told: None }
    }
}

impl From<&report::Model> for ReportData {
    fn from(row: &report::Model) -> Self {
        Self {
            report: row.number,
            state: row.state,
            target: row.target.clone(),
            text: row.text.clone(),
            handler: row.handler_name.clone(),
        }
    }
}

/// Shows what waits for the staff.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct InboxList {
    /// Which page; 10 reports and 10 appeals each
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    pub page: Option<u32>,
}

impl Operation for InboxList {
    type Domain = Moderation;
    type Output = InboxData;

    const NAME: &'static str = "inbox list";
    const SUMMARY: &'static str = "Show the reports and appeals that wait for the staff";
    const RANK: Rank = Rank::JUNIOR_MODERATOR;
    const EFFECT: Effect = Effect::Read;
    const IN_PLACE: bool = true;
    const ALIASES: &'static [&'static str] = &["inbox"];
    const EXAMPLES: &'static [&'static str] = &["inbox list"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<InboxData>, Error> {
        let data = moderation.inbox(call, u64::from(self.page.unwrap_or(1).max(1))).await?;
        let mut document = Document::titled(match data.pages {
            1 => "Inbox".to_owned(),
            pages => format!("Inbox, page {} of {pages}", data.page),
        });
        if data.all_reports + data.all_appeals == 0 {
            return Ok(Answer::new(data, document.tone(Tone::Good).text("Nothing waits.")));
        }
        for (name, field, all, items) in [
            ("Reports", "report", data.all_reports, &data.reports),
            ("Appeals", "appeal", data.all_appeals, &data.appeals),
        ] {
            if items.is_empty() {
                continue;
            }
            let rows = items.iter().map(|item| {
                let text = crate::book::short(&item.text.replace('\n', " "), 60);
                vec![
                    Rich::new().strong(item.number.to_string()),
                    Rich::from(item.about.as_str()),
                    Rich::from(item.state.as_str()),
                    Rich::from(text),
                ]
            });
            document = document
                .heading(format!("{name} ({all})"))
                .table(&["Number", "Who", "State", "Text"], rows.collect());
            for item in items.iter().take(5) {
                let input = json!({ field: item.number });
                document =
                    document.action(Action::new(format!("{field} {}", item.number), "inbox show", input));
            }
        }
        let turn = |label: &str, page: u64| Action::new(label, Self::NAME, json!({ "page": page }));
        document = document.divider();
        if data.page > 1 {
            document = document.action(turn("Previous", data.page - 1));
        }
        if data.page < data.pages {
            document = document.action(turn("Next", data.page + 1));
        }
        Ok(Answer::new(data, document))
    }
}

impl Moderation {
    /// One page of what waits; a page beyond the last is the last.
    async fn inbox(&self, call: &Call, page: u64) -> Result<InboxData, ModerationError> {
        let reader = self.seams.store.reader();
        let reports = scope::find::<report::Entity>(call.tenant())
            .filter(report::Column::State.is_in([ReportState::Open, ReportState::Taken]));
        let appeals =
            scope::find::<appeal::Entity>(call.tenant()).filter(appeal::Column::State.eq(AppealState::Open));
        let (all_reports, all_appeals) =
            (reports.clone().count(reader).await?, appeals.clone().count(reader).await?);
        let pages = all_reports.max(all_appeals).div_ceil(PAGE).max(1);
        let page = page.min(pages);
        let before = (page - 1) * PAGE;
        let reports = reports.order_by_asc(report::Column::Number).offset(before).limit(PAGE);
        let appeals = appeals.order_by_asc(appeal::Column::Number).offset(before).limit(PAGE);
        let (reports, appeals) = (reports.all(reader).await?, appeals.all(reader).await?);
        Ok(InboxData {
            reports: reports.into_iter().map(InboxItem::from).collect(),
            appeals: appeals.into_iter().map(InboxItem::from).collect(),
            all_reports,
            all_appeals,
            page,
            pages,
        })
    }
}

/// Shows one report or appeal.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct InboxShow {
    /// A report's number
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub report: Option<i64>,
    /// Or an appeal's
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub appeal: Option<i64>,
}

impl Operation for InboxShow {
    type Domain = Moderation;
    type Output = InboxItem;

    const NAME: &'static str = "inbox show";
    const SUMMARY: &'static str = "Show one report or one appeal";
    const RANK: Rank = Rank::JUNIOR_MODERATOR;
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &["inbox show report:3", "inbox show appeal:1"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<InboxItem>, Error> {
        let tenant = call.tenant();
        if let Some(number) = self.appeal {
            return moderation.appeal_answer(tenant, number).await;
        }
        let which = "is missing: give the number of a report, or that of an appeal.";
        let number = self.report.ok_or_else(|| Misfit::new("inbox_which", which).of("report"))?;
        let row = moderation.report_row(tenant, number).await?;
        Ok(Answer::new(row.into(), moderation.report_page(tenant, number).await?))
    }
}

/// Takes a report: whoever does is named in it and let into its thread.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct InboxTake {
    /// The report's number
    #[schemars(range(min = 1))]
    pub report: i64,
}

impl Operation for InboxTake {
    type Domain = Moderation;
    type Output = ReportData;

    const NAME: &'static str = "inbox take";
    const SUMMARY: &'static str = "Take a report, and get into its private thread";
    const RANK: Rank = Rank::JUNIOR_MODERATOR;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] = &["inbox take report:3"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<ReportData>, Error> {
        let by = By::from(&call.actor);
        let row = moderation.handle_report(call.tenant(), self.report, &by, ReportState::Taken, None).await?;
        let mut document = Document::titled(format!("Report {} is yours", row.number)).tone(Tone::Good);
        if let Some(user) = call.actor.id.discord_user().map(UserId) {
            document = match moderation.enter_thread(call.tenant(), self.report, user).await {
                Ok(thread) => document.field("Thread", thread),
                // The report is taken; a thread is a convenience.
                Err(error) => document.tone(Tone::Warning).text(Error::from(error).to_string()),
            };
        }
        Ok(Answer::new(ReportData::from(&row), document))
    }
}

async fn end(
    moderation: &Moderation,
    call: &Call,
    report: i64,
    to: ReportState,
    answer: Option<&str>,
) -> Result<Answer<ReportData>, Error> {
    let answer = answer.map(cleaned).filter(|answer| !answer.is_empty());
    let by = By::from(&call.actor);
    let row = moderation.handle_report(call.tenant(), report, &by, to, answer).await?;
    let document = Document::titled(format!("Report {report} is {}", to.word())).tone(Tone::Good);
    Ok(Answer::new(ReportData::from(&row), document))
}

/// Ends a report about which something was done.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct InboxResolve {
    /// The report's number
    #[schemars(range(min = 1))]
    pub report: i64,
    /// What was done
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub answer: Option<String>,
}

impl Operation for InboxResolve {
    type Domain = Moderation;
    type Output = ReportData;

    const NAME: &'static str = "inbox resolve";
    const SUMMARY: &'static str = "End a report about which something was done";
    const RANK: Rank = Rank::JUNIOR_MODERATOR;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] = &["inbox resolve report:3 answer:Warned"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<ReportData>, Error> {
        end(moderation, call, self.report, ReportState::Resolved, self.answer.as_deref()).await
    }
}

/// Ends a report about which nothing has to be done.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct InboxDismiss {
    /// The report's number
    #[schemars(range(min = 1))]
    pub report: i64,
    /// Why
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub answer: Option<String>,
}

impl Operation for InboxDismiss {
    type Domain = Moderation;
    type Output = ReportData;

    const NAME: &'static str = "inbox dismiss";
    const SUMMARY: &'static str = "End a report about which nothing has to be done";
    const RANK: Rank = Rank::JUNIOR_MODERATOR;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] = &["inbox dismiss report:3 answer:A joke among friends"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<ReportData>, Error> {
        end(moderation, call, self.report, ReportState::Dismissed, self.answer.as_deref()).await
    }
}

/// Who sent a report.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RevealData {
    /// The report's number.
    pub report: i64,
    /// An actor's id.
    pub reporter: String,
    /// What they are called.
    pub reporter_name: String,
}

/// Shows who sent a report. The audit record keeps who looked, and why.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct InboxReveal {
    /// The report's number
    #[schemars(range(min = 1))]
    pub report: i64,
    /// Why it has to be known; it is kept in the audit record
    #[schemars(length(min = 3, max = 200))]
    pub reason: String,
}

impl Operation for InboxReveal {
    type Domain = Moderation;
    type Output = RevealData;

    const NAME: &'static str = "inbox reveal";
    const SUMMARY: &'static str = "Show who sent a report; the audit record keeps that you looked";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] = &["inbox reveal report:3 reason:Threats in the report itself"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<RevealData>, Error> {
        let row = moderation.report_row(call.tenant(), self.report).await?;
        let person = guildhall_core::ActorId::from(row.reporter.clone());
        let document = Document::titled(format!("Who sent report {}", row.number))
            .tone(Tone::Warning)
            .field("By", Rich::new().person(&person, row.reporter_name.as_str()))
            .text("Keep it to yourself. That you looked is in the audit record.");
        let data =
            RevealData { report: row.number, reporter: row.reporter, reporter_name: row.reporter_name };
        Ok(Answer::new(data, document))
    }
}

/// Accepts an appeal: the case is lifted and the person is told.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct InboxAccept {
    /// The appeal's number
    #[schemars(range(min = 1))]
    pub appeal: i64,
    /// What the person is told besides
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub answer: Option<String>,
}

impl Operation for InboxAccept {
    type Domain = Moderation;
    type Output = InboxItem;

    const NAME: &'static str = "inbox accept";
    const SUMMARY: &'static str = "Accept an appeal and lift its case or declare it void";
    const RANK: Rank = Rank::SENIOR_MODERATOR;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] = &["inbox accept appeal:1"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<InboxItem>, Error> {
        let answer = cleaned(self.answer.as_deref().unwrap_or_default());
        moderation.accept(call, self.appeal, answer).await?;
        moderation.appeal_answer(call.tenant(), self.appeal).await
    }
}

/// Denies an appeal: the case stays and the person is told.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct InboxDeny {
    /// The appeal's number
    #[schemars(range(min = 1))]
    pub appeal: i64,
    /// What the person is told besides
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub answer: Option<String>,
}

impl Operation for InboxDeny {
    type Domain = Moderation;
    type Output = InboxItem;

    const NAME: &'static str = "inbox deny";
    const SUMMARY: &'static str = "Deny an appeal";
    const RANK: Rank = Rank::SENIOR_MODERATOR;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] = &["inbox deny appeal:1 answer:It was not the first time"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<InboxItem>, Error> {
        let answer = cleaned(self.answer.as_deref().unwrap_or_default());
        let by = By::from(&call.actor);
        moderation.decide_appeal(call.tenant(), self.appeal, &by, AppealState::Denied, answer, None).await?;
        moderation.appeal_answer(call.tenant(), self.appeal).await
    }
}

impl Moderation {
    async fn appeal_answer(&self, tenant: &TenantId, number: i64) -> Result<Answer<InboxItem>, Error> {
        let row = self.appeal_row(tenant, number).await?;
        let told = self.told_verdict(tenant, &row).await?;
        let item = InboxItem { told, ..InboxItem::from(row) };
        Ok(Answer::new(item, self.appeal_page(tenant, number).await?))
    }

    async fn accept(&self, call: &Call, number: i64, answer: String) -> Result<(), ModerationError> {
        let tenant = call.tenant();
        let row = self.appeal_row(tenant, number).await?;
        let case = self.case(tenant, row.case).await?;
        // Nobody of the staff decides about themselves, or about who stands above them.
        if let Some(user) = case.user() {
            self.may_act_on(tenant, acting(&call.actor), call.actor.rank, user, 0).await?;
        }
        let reason = format!("Appeal {number} was accepted");
        let by = By::from(&call.actor);
        let lifting = match case.state.is_open() {
            true => self.counterpart(call, &case, reason).await?.filter(|new| new.lifts == Some(case.number)),
            false => None,
        };
        let opened = self.decide_appeal(tenant, number, &by, AppealState::Accepted, answer, lifting).await?;
        let Some(opened) = opened else { return Ok(()) };
        match self.outcome(tenant, opened).await {
            Ok(_) => Ok(()),
            Err(error) => {
                self.reopen_appeal(tenant, number).await?;
                Err(error)
            }
        }
    }
}
