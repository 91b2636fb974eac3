//! `errors resolve`.

use std::time::Duration;

use guildhall_core::{Answer, Call, Document, Effect, Error, Operation, Rank, Span, Tone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ErrorName, named, scope, show};
use crate::{Fingerprint, Incidents, IncidentsError};

/// Says that an error is mended. It opens again when it comes back.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ErrorsResolve {
    /// Its fingerprint, or the reference that somebody was given.
    pub error: ErrorName,
    /// How it was mended.
    #[serde(default)]
    #[schemars(length(min = 1, max = 500))]
    pub note: Option<String>,
}

/// What was resolved.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ResolveData {
    /// The group.
    pub fingerprint: Fingerprint,
}

impl Operation for ErrorsResolve {
    type Domain = Incidents;
    type Output = ResolveData;

    const NAME: &'static str = "errors resolve";
    const SUMMARY: &'static str = "Say that an error is mended; it opens again when it comes back";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] = &["errors resolve error:E-1A2B3C4D note:the disk was full"];

    async fn run(self, incidents: &Incidents, call: &Call) -> Result<Answer<ResolveData>, Error> {
        let view = named(incidents, call, &self.error).await?;
        // What has come in up to now is of before.
        incidents.flush().await?;
        let now = call.clock.now();
        let by = call.actor.id.as_str();
        let scope = scope(&call.actor);
        let changed =
            incidents.book.resolve(&scope, &view.fingerprint, by, self.note.as_deref(), now).await?;
        if !changed {
            return Err(IncidentsError::Resolved(since(now - view.resolved.unwrap_or(now))).into());
        }
        let document = Document::titled("Resolved")
            .tone(Tone::Good)
            .text(format!(
                "{} in {} counts as mended. If it comes back, it opens again.",
                view.code, view.operation
            ))
            .action(show(&view.fingerprint));
        Ok(Answer::new(ResolveData { fingerprint: view.fingerprint }, document))
    }
}

/// How long ago, to the largest unit: what was mended days ago was not mended to the second.
fn since(passed: time::Duration) -> String {
    let seconds = passed.whole_seconds().unsigned_abs().max(1);
    let unit = [86_400, 3_600, 60, 1].into_iter().find(|unit| seconds >= *unit).unwrap_or(1);
    let rounded = Span::new(Duration::from_secs(seconds / unit * unit));
    rounded.map_or_else(|_| format!("{seconds}s"), |rounded| rounded.to_string())
}
