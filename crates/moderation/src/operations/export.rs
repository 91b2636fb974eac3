//! `case export`.

use guildhall_core::{
    Action, Answer, Call, Document, Effect, Error, Operation, Rank, document::Style, guild::UserId,
};
use schemars::JsonSchema;
use sea_orm::{PaginatorTrait, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::format_description::well_known::Rfc3339;

use super::search::{Wanted, day};
use crate::{CaseData, Moderation, ModerationError, case::CaseKind, entity::case};

/// Cases in one part.
const PART: u64 = 500;
/// Characters of it that people are shown.
const SHOWN: usize = 2_500;

/// How cases are written out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Comma-separated values, as in RFC 4180.
    #[default]
    Csv,
    /// A JSON list.
    Json,
}

/// One part of an export.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ExportData {
    /// The cases, written out, the oldest first.
    pub text: String,
    /// This part, from 1; 500 cases each.
    pub part: u64,
    /// How many parts there are.
    pub parts: u64,
    /// How many cases there are.
    pub total: u64,
}

/// Writes cases out.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct CaseExport {
    /// As csv or json
    #[serde(default)]
    pub format: Option<Format>,
    /// Only those about this person
    #[serde(default)]
    pub user: Option<UserId>,
    /// Only those of this kind
    #[serde(default)]
    pub kind: Option<CaseKind>,
    /// From this day on, as 2026-01-31, in UTC
    #[serde(default)]
    #[schemars(length(max = 10))]
    pub since: Option<String>,
    /// Which part; 500 cases each
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    pub page: Option<u32>,
}

impl Operation for CaseExport {
    type Domain = Moderation;
    type Output = ExportData;

    const NAME: &'static str = "case export";
    const SUMMARY: &'static str = "Write cases out as CSV or JSON";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &["case export format:json since:2026-01-01"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<ExportData>, Error> {
        let wanted = Wanted {
            user: self.user,
            kind: self.kind,
            since: self.since.as_deref().map(day).transpose()?,
            ..Wanted::default()
        };
        let format = self.format.unwrap_or_default();
        let part = u64::from(self.page.unwrap_or(1).max(1));
        let data = moderation.export(call, &wanted, format, part).await?;
        let (part, parts, total) = (data.part, data.parts, data.total);
        let input = |part: u64| json!({ "format": format, "user": self.user, "kind": self.kind, "since": self.since, "page": part });
        if part > parts {
            let text = if parts == 1 {
                "There is one part.".to_owned()
            } else {
                format!("There are {parts} parts.")
            };
            let last = Action::new("Last part", Self::NAME, input(parts)).style(Style::Primary);
            let document = Document::titled("There is no such part").text(text).action(last);
            return Ok(Answer::new(data, document));
        }
        let mut document = Document::titled(format!("{total} cases, part {part} of {parts}"));
        let end = data.text.floor_char_boundary(SHOWN.min(data.text.len()));
        document = document.code(&data.text[..end]);
        if end < data.text.len() {
            document = document.text(
                "This is the beginning. The whole part is in the answer for programs: `guildhall case export \
                 --json`, or the same operation over REST.",
            );
        }
        if part > 1 {
            document = document.action(Action::new("Previous part", Self::NAME, input(part - 1)));
        }
        if part < parts {
            let next = Action::new("Next part", Self::NAME, input(part + 1)).style(Style::Primary);
            document = document.action(next);
        }
        Ok(Answer::new(data, document))
    }
}

impl Moderation {
    async fn export(
        &self,
        call: &Call,
        wanted: &Wanted,
        format: Format,
        part: u64,
    ) -> Result<ExportData, ModerationError> {
        let reader = self.seams.store.reader();
        let total = wanted.query(call.tenant()).count(reader).await?;
        let rows = wanted
            .query(call.tenant())
            .order_by_asc(case::Column::Number)
            .offset((part - 1).saturating_mul(PART))
            .limit(PART)
            .all(reader)
            .await?;
        let cases: Vec<CaseData> = rows.iter().map(CaseData::from).collect();
        let text = match format {
            Format::Json => serde_json::to_string_pretty(&cases)?,
            Format::Csv => csv(&cases),
        };
        Ok(ExportData { text, part, parts: total.div_ceil(PART).max(1), total })
    }
}

fn csv(cases: &[CaseData]) -> String {
    let moment =
        |at: Option<time::OffsetDateTime>| at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default();
    let mut text = String::from(
        "number,kind,state,target,target_name,moderator,moderator_name,created,expires,ended,ended_by,reason,evidence\r\n",
    );
    for case in cases {
        let evidence: Vec<&str> = case.evidence.iter().map(|evidence| evidence.link.as_str()).collect();
        let cells = [
            case.number.to_string(),
            case.kind.word().to_owned(),
            case.state.word().to_owned(),
            case.target.clone().unwrap_or_default(),
            case.target_name.clone(),
            case.moderator.clone(),
            case.moderator_name.clone(),
            moment(Some(case.created)),
            moment(case.expires),
            moment(case.ended),
            case.ended_by.clone().unwrap_or_default(),
            case.reason.clone(),
            evidence.join(" "),
        ];
        let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

/// One cell. Spreadsheets run what begins like a formula, and names and reasons are anybody's to choose, so an
/// apostrophe goes before it.
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_text_whatever_is_in_it() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("say \"hi\"\nthere"), "\"say \"\"hi\"\"\nthere\"");
        assert_eq!(quoted("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
        assert_eq!(quoted("-1"), "'-1");
    }
}
