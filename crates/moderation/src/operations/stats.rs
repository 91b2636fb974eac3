//! `case stats`.

use guildhall_core::{Answer, Call, Document, Effect, Error, Operation, Rank, Rich, TenantId, guild::UserId};
use schemars::JsonSchema;
use sea_orm::{
    PaginatorTrait, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use serde::{Deserialize, Serialize};
use time::{Date, Month, OffsetDateTime};

use super::search::{Wanted, day};
use crate::{Moderation, ModerationError, entity::case};

/// Moderators that are listed.
const MODERATORS: u64 = 10;
/// Months that are listed.
const MONTHS: usize = 12;

/// How many there are of something.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Counted {
    /// Of what.
    pub name: String,
    /// How many.
    pub count: u64,
}

/// Numbers about cases.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StatsData {
    /// All of them.
    pub total: u64,
    /// By kind, the most first.
    pub kinds: Vec<Counted>,
    /// By moderator, the most first; at most 10.
    pub moderators: Vec<Counted>,
    /// By month of the last year, the newest first, as `2026-01`.
    pub months: Vec<Counted>,
}

/// Counts cases.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct CaseStats {
    /// Only those about this person
    #[serde(default)]
    pub user: Option<UserId>,
    /// From this day on, as 2026-01-31, in UTC
    #[serde(default)]
    #[schemars(length(max = 10))]
    pub since: Option<String>,
}

impl Operation for CaseStats {
    type Domain = Moderation;
    type Output = StatsData;

    const NAME: &'static str = "case stats";
    const SUMMARY: &'static str = "Count cases by kind, moderator and month";
    const RANK: Rank = Rank::JUNIOR_MODERATOR;
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &["case stats", "case stats since:2026-01-01"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<StatsData>, Error> {
        let since = self.since.as_deref().map(day).transpose()?;
        let wanted = Wanted { user: self.user, since, ..Wanted::default() };
        let data = moderation.stats(call.tenant(), &wanted).await?;
        let mut document = Document::titled(format!("{} cases", data.total));
        for (name, counted) in
            [("Kind", &data.kinds), ("Moderator", &data.moderators), ("Month", &data.months)]
        {
            if !counted.is_empty() {
                let rows = counted
                    .iter()
                    .map(|one| vec![Rich::from(one.name.as_str()), Rich::from(one.count.to_string())]);
                document = document.table(&[name, "Cases"], rows.collect());
            }
        }
        Ok(Answer::new(data, document))
    }
}

impl Moderation {
    async fn stats(&self, tenant: &TenantId, wanted: &Wanted) -> Result<StatsData, ModerationError> {
        let reader = self.seams.store.reader();
        let total = wanted.query(tenant).count(reader).await?;
        let count = || Expr::col(case::Column::Number).count();
        let kinds: Vec<(crate::CaseKind, i64)> = wanted
            .query(tenant)
            .select_only()
            .column(case::Column::Kind)
            .column_as(count(), "cases")
            .group_by(case::Column::Kind)
            .order_by_desc(count())
            .order_by_asc(case::Column::Kind)
            .into_tuple()
            .all(reader)
            .await?;
        let moderators: Vec<(String, String, i64)> = wanted
            .query(tenant)
            .select_only()
            .column(case::Column::Moderator)
            .column_as(Expr::col(case::Column::ModeratorName).max(), "name")
            .column_as(count(), "cases")
            .group_by(case::Column::Moderator)
            .order_by_desc(count())
            .order_by_asc(case::Column::Moderator)
            .limit(MODERATORS)
            .into_tuple()
            .all(reader)
            .await?;
        let mut months = Vec::new();
        let mut from = first_of(self.seams.clock.now().date());
        let mut until = None;
        for _ in 0..MONTHS {
            let since = wanted.since.map_or(from, |since| Ord::max(since, from));
            let mut month = Wanted { since: Some(since), ..wanted.clone() };
            month.until = until;
            let cases = month.query(tenant).count(reader).await?;
            if cases > 0 {
                let name = format!("{:04}-{:02}", from.year(), u8::from(from.month()));
                months.push(Counted { name, count: cases });
            }
            if wanted.since.is_some_and(|since| since >= from) {
                break;
            }
            until = Some(from);
            from = first_of((from - time::Duration::DAY).date());
        }
        let number = |count: i64| u64::try_from(count).unwrap_or_default();
        Ok(StatsData {
            total,
            kinds: kinds
                .into_iter()
                .map(|(kind, count)| Counted { name: kind.word().to_owned(), count: number(count) })
                .collect(),
            moderators: moderators
                .into_iter()
                .map(|(_, name, count)| Counted { name, count: number(count) })
                .collect(),
            months,
        })
    }
}

fn first_of(date: Date) -> OffsetDateTime {
    let first = Date::from_calendar_date(date.year(), date.month(), 1);
    first.unwrap_or(Date::from_calendar_date(1970, Month::January, 1).unwrap_or(date)).midnight().assume_utc()
}
