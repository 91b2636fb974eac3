//! `errors resolve`.

use guildhall_core::{Answer, Call, Document, Effect, Error, Operation, Rank, Tone};
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
            return Err(IncidentsError::Resolved(view.resolved.unwrap_or(now)).into());
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
