//! `errors stats`.

use std::{collections::BTreeMap, time::Duration};

use guildhall_core::{Answer, Call, Document, Effect, Error, Operation, Rank, Rich};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::scope;
use crate::{Incidents, entity::group, trend};

/// Rows that are shown.
const ROWS: usize = 20;

/// Counts what went wrong.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ErrorsStats {
    /// By what; by code unless you say otherwise.
    #[serde(default)]
    pub by: Option<By>,
    /// Over how many days, this one included; 7 unless you say otherwise.
    #[serde(default)]
    #[schemars(range(min = 1, max = 60))]
    pub days: Option<u16>,
}

/// What errors are counted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum By {
    /// Who can do something about it.
    Kind,
    /// What went wrong.
    #[default]
    Code,
    /// What was being done.
    Operation,
    /// When.
    Day,
}

/// Counts, the largest first; by day, the oldest first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StatsData {
    /// The counts.
    pub rows: Vec<StatsRow>,
    /// All of them together.
    pub total: u64,
    /// Over how many days.
    pub days: u16,
}

/// One count.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StatsRow {
    /// Of what.
    pub name: String,
    /// How often.
    pub total: u64,
    /// How often on each day, the oldest first.
    pub trend: Vec<u64>,
}

impl Operation for ErrorsStats {
    type Domain = Incidents;
    type Output = StatsData;

    const NAME: &'static str = "errors stats";
    const SUMMARY: &'static str = "Count what went wrong by code, kind, operation or day";
    const RANK: Rank = Rank::MODERATOR;
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &["errors stats by:operation days:30"];

    async fn run(self, incidents: &Incidents, call: &Call) -> Result<Answer<StatsData>, Error> {
        let days = self.days.unwrap_or(7).clamp(1, 60);
        let by = self.by.unwrap_or_default();
        let today = call.clock.now().unix_timestamp().div_euclid(86_400);
        let first = today - i64::from(days) + 1;
        let since =
            OffsetDateTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(first).unwrap_or(0) * 86_400);
        let scope = scope(&call.actor);
        let column = match by {
            By::Kind | By::Day => group::Column::Kind,
            By::Code => group::Column::Code,
            By::Operation => group::Column::Operation,
        };
        let mut rows: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for (name, day, count) in incidents.book.days(&scope, since, column).await? {
            let name = if by == By::Day { name_of(day) } else { name };
            let trend = rows.entry(name).or_insert_with(|| vec![0; usize::from(days)]);
            let slot = usize::try_from(day - first).ok().and_then(|slot| trend.get_mut(slot));
            if let Some(slot) = slot {
                *slot += count;
            }
        }
        let row = |(name, trend): (String, Vec<u64>)| StatsRow { name, total: trend.iter().sum(), trend };
        let mut rows: Vec<StatsRow> = rows.into_iter().map(row).collect();
        if by != By::Day {
            rows.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.name.cmp(&b.name)));
        }
        let data = StatsData { total: rows.iter().map(|row| row.total).sum(), rows, days };
        let document = document(&data, by);
        Ok(Answer::new(data, document))
    }
}

fn document(data: &StatsData, by: By) -> Document {
    let span = if data.days == 1 { "today".to_owned() } else { format!("in {} days", data.days) };
    let document = Document::titled(format!("{} errors {span}", data.total));
    if data.rows.is_empty() {
        return document.text("Nothing went wrong.");
    }
    let heading = match by {
        By::Kind => "Kind",
        By::Code => "Code",
        By::Operation => "Operation",
        By::Day => "Day",
    };
    // By day the last ones are those that people want to see.
    let skipped = if by == By::Day { data.rows.len().saturating_sub(ROWS) } else { 0 };
    let rows = data.rows.iter().skip(skipped).take(ROWS).map(|row| {
        let mut cells = vec![Rich::from(row.name.as_str()), Rich::from(row.total.to_string())];
        if by != By::Day {
            cells.push(Rich::new().code(trend::bars(&row.trend)));
        }
        cells
    });
    let columns: &[&str] = if by == By::Day { &[heading, "Times"] } else { &[heading, "Times", "By day"] };
    let document = document.table(columns, rows.collect());
    match data.rows.len().saturating_sub(ROWS) {
        0 => document,
        more => document.text(format!("And {more} more.")),
    }
}

fn name_of(day: i64) -> String {
    OffsetDateTime::from_unix_timestamp(day.saturating_mul(86_400))
        .map_or_else(|_| day.to_string(), |at| at.date().to_string())
}
