//! `case list`, `cases-author` and `case search`.

use std::collections::BTreeSet;

use guildhall_core::{
    Action, Answer, Call, Document, Effect, Error, Operation, Rank, TenantId,
    guild::{MessageLink, UserId},
    operation::{Menu, MenuTarget},
};
use guildhall_store::{Timestamp, scope};
use schemars::JsonSchema;
use sea_orm::{
    ColumnTrait, Condition, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait, Func, LikeExpr},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::{Date, Duration, OffsetDateTime, macros::format_description};

use crate::{
    CaseData, Moderation, ModerationError,
    book::short,
    case::{CaseKind, CaseState},
    entity::case,
    page,
};

/// Cases on one page.
const PAGE: u64 = 10;

/// One page of cases, the newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CasesData {
    /// The cases.
    pub cases: Vec<CaseData>,
    /// This page, from 1.
    pub page: u64,
    /// How many pages there are.
    pub pages: u64,
    /// How many cases there are.
    pub total: u64,
}

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) user: Option<UserId>,
    pub(crate) moderator: Option<UserId>,
    pub(crate) kind: Option<CaseKind>,
    pub(crate) state: Option<CaseState>,
    pub(crate) since: Option<OffsetDateTime>,
    pub(crate) until: Option<OffsetDateTime>,
    pub(crate) text: Option<String>,
}

impl Wanted {
    pub(crate) fn query(&self, tenant: &TenantId) -> Select<case::Entity> {
        let mut query = scope::find::<case::Entity>(tenant);
        if let Some(user) = self.user {
            query = query.filter(case::Column::Target.eq(user.to_string()));
        }
        if let Some(moderator) = self.moderator {
            query = query.filter(case::Column::Moderator.eq(format!("discord:{moderator}")));
        }
        if let Some(kind) = self.kind {
            query = query.filter(case::Column::Kind.eq(kind));
        }
        if let Some(state) = self.state {
            query = query.filter(case::Column::State.eq(state));
        }
        if let Some(since) = self.since {
            query = query.filter(case::Column::CreatedAt.gte(Timestamp::from(since)));
        }
        if let Some(until) = self.until {
            query = query.filter(case::Column::CreatedAt.lt(Timestamp::from(until)));
        }
        if let Some(text) = self.text.as_deref().filter(|text| !text.trim().is_empty()) {
            let lower = |column: case::Column| Expr::expr(Func::lower(Expr::col(column)));
            let mut any = Condition::any();
            for text in lowered(text.trim()) {
                let like = || LikeExpr::new(format!("%{}%", escaped(&text))).escape('\\');
                any = any
                    .add(lower(case::Column::Reason).like(like()))
                    .add(lower(case::Column::TargetName).like(like()))
                    .add(lower(case::Column::Evidence).like(like()));
            }
            query = query.filter(any);
        }
        query
    }
}

/// How a text may read once a database has made it lower case: PostgreSQL's `lower` knows every letter,
/// SQLite's those of ASCII alone, so that an Ü stays an Ü.
fn lowered(text: &str) -> BTreeSet<String> {
    let lower = text.to_lowercase();
    let capital = |c: char| {
        let mut upper = c.to_uppercase();
        match (upper.next(), upper.next()) {
            (Some(upper), None) if !c.is_ascii() => upper,
            _ => c,
        }
    };
    let capitals = lower.chars().map(capital).collect();
    BTreeSet::from([text.to_ascii_lowercase(), capitals, lower])
}

/// Text in which the wildcards of LIKE stand for themselves.
fn escaped(text: &str) -> String {
    short(text, 100).replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// A day as people write it: `2026-01-31`.
pub(crate) fn day(text: &str) -> Result<OffsetDateTime, ModerationError> {
    let format = format_description!("[year]-[month]-[day]");
    match Date::parse(text.trim(), format) {
        Ok(date) => Ok(date.midnight().assume_utc()),
        Err(_) => Err(ModerationError::NoDate(short(text, 40))),
    }
}

impl Moderation {
    async fn cases(
        &self,
        tenant: &TenantId,
        wanted: &Wanted,
        page: u64,
    ) -> Result<(Vec<case::Model>, u64), ModerationError> {
        let reader = self.seams.store.reader();
        let total = wanted.query(tenant).count(reader).await?;
        let rows = wanted
            .query(tenant)
            .order_by_desc(case::Column::Number)
            .offset((page - 1).saturating_mul(PAGE))
            .limit(PAGE)
            .all(reader)
            .await?;
        Ok((rows, total))
    }

    /// The cases of one person or of all. Their pages are turned by `case list`.
    async fn cases_about(
        &self,
        call: &Call,
        user: Option<UserId>,
        page: Option<u32>,
    ) -> Result<Answer<CasesData>, Error> {
        let wanted = Wanted { user, ..Wanted::default() };
        let again = (CaseList::NAME, json!({ "user": user }));
        self.cases_page(call, "Cases", &wanted, page, again).await
    }

    async fn cases_page(
        &self,
        call: &Call,
        title: &str,
        wanted: &Wanted,
        page: Option<u32>,
        again: (&'static str, Value),
    ) -> Result<Answer<CasesData>, Error> {
        let page = u64::from(page.filter(|page| *page > 0).unwrap_or(1));
        let (rows, total) = self.cases(call.tenant(), wanted, page).await?;
        let pages = Ord::max(total.div_ceil(PAGE), 1);
        let data = CasesData { cases: rows.iter().map(CaseData::from).collect(), page, pages, total };
        let turn = |label: &str, page: u64| {
            let (operation, mut input) = again.clone();
            input["page"] = json!(page);
            Action::new(label, operation, input)
        };
        if total == 0 {
            return Ok(Answer::new(data, Document::titled(title).text("There are none.")));
        }
        if rows.is_empty() {
            let text = format!("There are {pages} pages.");
            let document = Document::titled("There is no such page").text(text).action(turn("First page", 1));
            return Ok(Answer::new(data, document));
        }
        let title = match pages {
            1 => format!("{title} ({total})"),
            _ => format!("{title} ({total}), page {page} of {pages}"),
        };
        let mut document = Document::titled(title).block(page::table(&rows));
        for row in rows.iter().take(5) {
            let input = json!({ "number": row.number });
            document = document.action(Action::new(format!("Case {}", row.number), "case show", input));
        }
        document = document.divider();
        if page > 1 {
            document = document.action(turn("Previous", page - 1));
        }
        if page < pages {
            document = document.action(turn("Next", page + 1));
        }
        Ok(Answer::new(data, document))
    }
}

/// Shows cases, of one person or of all.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct CaseList {
    /// Only those about this person
    #[serde(default)]
    pub user: Option<UserId>,
    /// Which page; 10 cases each
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    pub page: Option<u32>,
}

impl Operation for CaseList {
    type Domain = Moderation;
    type Output = CasesData;

    const NAME: &'static str = "case list";
    const SUMMARY: &'static str = "Show the newest cases, of one person or of all";
    const RANK: Rank = Rank::JUNIOR_MODERATOR;
    const EFFECT: Effect = Effect::Read;
    const ALIASES: &'static [&'static str] = &["cases"];
    const EXAMPLES: &'static [&'static str] = &["case list", "case list user:@somebody"];
    const MENU: Option<Menu> = Some(Menu { label: "Cases", on: MenuTarget::User, field: "user", ask: &[] });

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<CasesData>, Error> {
        moderation.cases_about(call, self.user, self.page).await
    }
}

/// Shows the cases of who wrote a message.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct CasesAuthor {
    /// The message, by its link
    pub message: MessageLink,
}

impl Operation for CasesAuthor {
    type Domain = Moderation;
    type Output = CasesData;

    const NAME: &'static str = "cases-author";
    const SUMMARY: &'static str = "Show the cases of who wrote a message";
    const RANK: Rank = Rank::JUNIOR_MODERATOR;
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &["cases-author message:https://discord.com/channels/1/2/3"];
    const MENU: Option<Menu> =
        Some(Menu { label: "Cases of author", on: MenuTarget::Message, field: "message", ask: &[] });

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<CasesData>, Error> {
        let message = moderation.seams.guilds.message(call.tenant(), self.message).await?;
        let author = message.ok_or(ModerationError::NoMessage)?.author.user;
        moderation.cases_about(call, Some(author), None).await
    }
}

/// Looks for cases.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct CaseSearch {
    /// With these words in reason, name or evidence
    #[serde(default)]
    #[schemars(length(max = 100), extend("x-line" = "rest"))]
    pub text: Option<String>,
    /// About this person
    #[serde(default)]
    pub user: Option<UserId>,
    /// By this moderator
    #[serde(default)]
    pub moderator: Option<UserId>,
    /// Of this kind
    #[serde(default)]
    pub kind: Option<CaseKind>,
    /// In this state
    #[serde(default)]
    pub state: Option<CaseState>,
    /// From this day on, as 2026-01-31, in UTC
    #[serde(default)]
    #[schemars(length(max = 10))]
    pub since: Option<String>,
    /// Up to and with this day
    #[serde(default)]
    #[schemars(length(max = 10))]
    pub until: Option<String>,
    /// Which page; 10 cases each
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    pub page: Option<u32>,
}

impl Operation for CaseSearch {
    type Domain = Moderation;
    type Output = CasesData;

    const NAME: &'static str = "case search";
    const SUMMARY: &'static str = "Look for cases by person, moderator, kind, state, date and text";
    const RANK: Rank = Rank::JUNIOR_MODERATOR;
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] =
        &["case search text:spam kind:ban", "case search moderator:@somebody since:2026-01-01 state:active"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<CasesData>, Error> {
        let again = (Self::NAME, json!(self));
        let until = self.until.as_deref().map(day).transpose()?;
        let wanted = Wanted {
            user: self.user,
            moderator: self.moderator,
            kind: self.kind,
            state: self.state,
            since: self.since.as_deref().map(day).transpose()?,
            until: until.map(|until| until.saturating_add(Duration::DAY)),
            text: self.text,
        };
        moderation.cases_page(call, "Cases found", &wanted, self.page, again).await
    }
}

#[cfg(test)]
mod tests;
