//! `audit list`: who did what, through which face, and what came of it.

use guildhall_core::{Action, ActorId, Answer, Call, Document, Effect, Error, Operation, Rank, Rich};
use guildhall_store::audit::{Filter, Page};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::Administration;

/// Records a page. Twelve lines fit on a phone.
const PAGE: u64 = 12;

/// Shows what was done, newest first.
#[derive(Deserialize, JsonSchema)]
pub struct List {
    /// Only this operation: `server start`.
    #[serde(default)]
    operation: Option<String>,
    /// Only this actor: `discord:4711` or `token:ci`.
    #[serde(default)]
    actor: Option<String>,
    /// Only what ended so.
    #[serde(default)]
    verdict: Option<VerdictName>,
    /// Only records before this number: the next page.
    #[serde(default)]
    before: Option<i64>,
}

/// What came of a call.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum VerdictName {
    Done,
    Asked,
    Refused,
    Failed,
}

/// One record.
#[derive(Serialize, JsonSchema)]
pub struct Entry {
    /// Its number.
    number: i64,
    /// When the call began.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    at: OffsetDateTime,
    /// How long it took, in microseconds.
    took_us: i64,
    /// Of which community; `discord` for what came to none.
    community: String,
    /// Who.
    actor: String,
    /// What they were called.
    actor_name: String,
    /// Through which face.
    face: String,
    /// With which rank.
    rank: u8,
    /// What was asked for.
    operation: String,
    /// With what; secrets blanked.
    input: Value,
    /// What came of it.
    verdict: String,
    /// The error's code, when there was one.
    code: Option<String>,
    /// Why they needed no rank, where their own would not have been enough: `owner of the guild`, `operator`.
    bypass: Option<String>,
    /// The number that people quote.
    reference: String,
}

impl Operation for List {
    type Domain = Administration;
    type Output = Vec<Entry>;
    const NAME: &'static str = "audit list";
    const SUMMARY: &'static str = "Show who did what, newest first; operators see every community";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] =
        &["audit list", "audit list operation:server start verdict:refused"];

    async fn run(self, domain: &Administration, call: &Call) -> Result<Answer<Vec<Entry>>, Error> {
        let filter = Filter {
            actor: self.actor.clone().map(ActorId::from),
            operation: self.operation.clone(),
            verdict: self.verdict.and_then(|verdict| word(&verdict)),
            ..Filter::default()
        };
        let page = Page { before: self.before, limit: PAGE };
        // Who runs the installation also reads what never came to a community: a forged signature, a guild
        // that is not served.
        let everybody = call.actor.rank == Rank::OPERATOR && call.actor.scope.is_none();
        let entries = if everybody {
            domain.audit.list_all(&filter, page).await?
        } else {
            domain.audit.list(call.tenant(), &filter, page).await?
        };
        let more = (entries.len() as u64 == PAGE).then(|| entries.last().map(|entry| entry.seq)).flatten();
        let rows = entries
            .iter()
            .map(|entry| {
                let mut verdict = match &entry.code {
                    Some(code) => format!("{}: {code}", entry.verdict),
                    None => entry.verdict.clone(),
                };
                if let Some(bypass) = &entry.bypass {
                    verdict.push_str(&format!(", as {bypass}"));
                }
                let who = Rich::new().person(&entry.actor, entry.actor_name.as_str());
                vec![
                    Rich::new().ago(entry.at),
                    who,
                    entry.face.as_str().into(),
                    Rich::new().code(entry.operation.as_str()),
                    verdict.into(),
                ]
            })
            .collect();
        let mut document = if entries.is_empty() {
            Document::titled("Audit record").text("There is nothing that fits.")
        } else {
            Document::titled("Audit record").table(&["when", "who", "from", "what", "verdict"], rows)
        };
        if let Some(before) = more {
            let mut input = json!({"before": before});
            for (name, value) in [("operation", self.operation), ("actor", self.actor)] {
                if let Some(value) = value {
                    input[name] = value.into();
                }
            }
            if let Some(verdict) = self.verdict.and_then(|verdict| word(&verdict)) {
                input["verdict"] = verdict.into();
            }
            document = document.action(Action::new("Older", Self::NAME, input));
        }
        Ok(Answer::new(entries.into_iter().map(Entry::from).collect(), document))
    }
}

fn word(verdict: &VerdictName) -> Option<String> {
    serde_json::to_value(verdict).ok()?.as_str().map(str::to_owned)
}

impl From<guildhall_store::audit::Entry> for Entry {
    fn from(entry: guildhall_store::audit::Entry) -> Self {
        Self {
            number: entry.seq,
            at: entry.at,
            took_us: entry.took_us,
            community: entry.tenant.to_string(),
            actor: entry.actor.as_str().to_owned(),
            actor_name: entry.actor_name,
            face: entry.face,
            rank: entry.rank,
            operation: entry.operation,
            input: entry.input,
            verdict: entry.verdict,
            code: entry.code,
            bypass: entry.bypass,
            reference: entry.call.reference(),
        }
    }
}
