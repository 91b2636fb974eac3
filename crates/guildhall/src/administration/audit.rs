//! `audit list`: who did what, through which face, and what came of it.

use guildhall_core::{Action, ActorId, Answer, Call, Document, Effect, Error, Operation, Rank, Rich, Spec};
use guildhall_store::audit::{Entry as Kept, Filter, Page};
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
    /// Who; nothing for what is told in confidence, which only the operators of the installation see in full.
    actor: Option<String>,
    /// What they were called; `kept apart` for what is told in confidence.
    actor_name: String,
    /// Through which face.
    face: String,
    /// With which rank; nothing for what is told in confidence.
    rank: Option<u8>,
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
        let kept = if everybody {
            domain.audit.list_all(&filter, page).await?
        } else {
            domain.audit.list(call.tenant(), &filter, page).await?
        };
        let more = (kept.len() as u64 == PAGE).then(|| kept.last().map(|entry| entry.seq)).flatten();
        let confidential = |entry: &Kept| !everybody && told_in_confidence(&domain.specs, &entry.operation);
        // Whoever asks for somebody's records is not told by their number what is kept apart of them.
        let entries = kept.into_iter().filter(|entry| self.actor.is_none() || !confidential(entry));
        let entries: Vec<Entry> = entries.map(|entry| Entry::of(confidential(&entry), entry)).collect();
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
                let who = match &entry.actor {
                    Some(actor) => {
                        Rich::new().person(&ActorId::from(actor.clone()), entry.actor_name.as_str())
                    }
                    None => entry.actor_name.as_str().into(),
                };
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
        Ok(Answer::new(entries, document))
    }
}

fn word(verdict: &VerdictName) -> Option<String> {
    serde_json::to_value(verdict).ok()?.as_str().map(str::to_owned)
}

/// What stands for somebody whom the staff is not told of.
const KEPT_APART: &str = "kept apart";

/// Whether what is said with an operation is for the staff, and who said it is not: nothing that is put into it is
/// kept in records either.
fn told_in_confidence(specs: &[Spec], operation: &str) -> bool {
    let spec = specs.iter().find(|spec| spec.name == operation);
    spec.is_some_and(|spec| !spec.fields.is_empty() && spec.fields.iter().all(|field| field.secret))
}

impl Entry {
    fn of(confidential: bool, entry: Kept) -> Self {
        let shown = !confidential;
        Self {
            number: entry.seq,
            at: entry.at,
            took_us: entry.took_us,
            community: entry.tenant.to_string(),
            actor: shown.then(|| entry.actor.as_str().to_owned()),
            actor_name: if shown { entry.actor_name } else { KEPT_APART.to_owned() },
            face: entry.face,
            rank: shown.then_some(entry.rank),
            operation: entry.operation,
            input: entry.input,
            verdict: entry.verdict,
            code: entry.code,
            bypass: entry.bypass.filter(|_| shown),
            reference: entry.call.reference(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_in_confidence_is_known() {
        let specs = crate::installation::specs();
        let names = specs.iter().map(|spec| spec.name);
        let confidential: Vec<&str> = names.filter(|name| told_in_confidence(&specs, name)).collect();
        assert_eq!(confidential, ["report", "report-message"]);
    }
}
