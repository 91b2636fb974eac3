//! What people can do with errors: staff look after those of their community, operators after everything.

mod clear;
mod faults;
mod list;
mod resolve;
mod show;
mod simulate;
mod stats;

use guildhall_core::{Action, Actor, Call, Error, Operations, Rank, error::typed, operation::Choice};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;

use crate::{Fingerprint, Incidents, IncidentsError, State, View, book::Scope};

pub use clear::{ClearData, ErrorsClear};
pub use faults::{ErrorsFaults, FaultsData};
pub use list::{ErrorsList, ListData, Which};
pub use resolve::{ErrorsResolve, ResolveData};
pub use show::{ErrorsShow, SampleData, ShowData};
pub use simulate::{ErrorsSimulate, What};
pub use stats::{By, ErrorsStats, StatsData, StatsRow};

/// Every operation on errors, and the completers of `incident` and `error_code` inputs.
pub fn operations() -> Operations<Incidents> {
    Operations::new()
        .with::<ErrorsList>()
        .with::<ErrorsShow>()
        .with::<ErrorsStats>()
        .with::<ErrorsResolve>()
        .with::<ErrorsSimulate>()
        .with::<ErrorsFaults>()
        .with::<ErrorsClear>()
        .completer("incident", |incidents, actor, partial| {
            Box::pin(complete_error(incidents, actor, partial))
        })
        .completer("error_code", |incidents, _, partial| Box::pin(complete_code(incidents, partial)))
}

/// A group of errors.
#[derive(Debug, Serialize, JsonSchema)]
pub struct GroupData {
    /// Which.
    pub fingerprint: Fingerprint,
    /// The errors' code.
    pub code: String,
    /// Who can do something about it.
    pub kind: guildhall_core::Kind,
    /// What was being done.
    pub operation: String,
    /// How it stands.
    pub state: State,
    /// How often in all.
    pub total: u64,
    /// In how many communities.
    pub communities: u64,
    /// The first time.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub first: OffsetDateTime,
    /// The last time.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub last: OffsetDateTime,
    /// The shape of the causes, for operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// How often in each of the last 24 hours, this one at the end.
    pub trend: Vec<u64>,
}

impl GroupData {
    fn new(view: &View, trend: Option<&[u64; crate::trend::HOURS]>, all: bool) -> Self {
        Self {
            fingerprint: view.fingerprint.clone(),
            code: view.code.clone(),
            kind: view.kind,
            operation: view.operation.clone(),
            state: view.state,
            total: view.total,
            communities: view.communities,
            first: view.first,
            last: view.last,
            cause: (all && !view.cause.is_empty()).then(|| view.cause.clone()),
            trend: trend.copied().unwrap_or_default().to_vec(),
        }
    }
}

/// A group, by its fingerprint or by the reference of one of its errors.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct ErrorName(#[schemars(length(min = 1, max = 64), extend("x-complete" = "incident"))] pub String);

/// Whether the actor sees every community's errors, with their causes.
fn is_operator(actor: &Actor) -> bool {
    actor.rank >= Rank::OPERATOR
}

fn scope(actor: &Actor) -> Scope {
    if is_operator(actor) { Scope::Everyone } else { Scope::One(actor.tenant.clone()) }
}

/// The group that is meant.
async fn named(incidents: &Incidents, call: &Call, name: &ErrorName) -> Result<View, Error> {
    let scope = scope(&call.actor);
    let text = name.0.trim();
    let shown = || IncidentsError::NotFound(typed(text, 64));
    let fingerprint = match text.parse::<Fingerprint>() {
        Ok(fingerprint) => fingerprint,
        Err(_) => {
            let reference = reference(text).ok_or_else(shown)?;
            incidents.book.referred(&scope, &reference).await?.ok_or_else(shown)?
        }
    };
    Ok(incidents.book.view(&scope, &fingerprint).await?.ok_or_else(shown)?)
}

/// A reference as people write it down: `E-1A2B3C4D`, in any case, without the `E-` as well.
fn reference(text: &str) -> Option<String> {
    let upper = text.to_ascii_uppercase();
    let digits = upper.strip_prefix("E-").unwrap_or(&upper);
    let fits = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    fits.then(|| format!("E-{digits}"))
}

async fn complete_error(incidents: &Incidents, actor: &Actor, partial: &str) -> Result<Vec<Choice>, Error> {
    let partial: String = partial.chars().take(64).collect();
    let views = incidents.book.like(&scope(actor), &partial).await?;
    let choice = |view: View| {
        let label = format!("{} in {} ({} times)", view.code, view.operation, view.total);
        Choice { value: view.fingerprint.to_string(), label: label.chars().take(100).collect() }
    };
    Ok(views.into_iter().map(choice).collect())
}

async fn complete_code(incidents: &Incidents, partial: &str) -> Result<Vec<Choice>, Error> {
    let partial = partial.trim().to_lowercase();
    let codes = incidents.texts.codes().filter(|code| code.contains(&partial) && code.len() <= 100);
    Ok(codes.take(25).map(|code| Choice { value: code.to_owned(), label: code.to_owned() }).collect())
}

fn show(fingerprint: &Fingerprint) -> Action {
    Action::new("Show", "errors show", json!({ "error": fingerprint }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_as_people_write_it() {
        for text in ["E-1A2B3C4D", "e-1a2b3c4d", "1a2b3c4d"] {
            assert_eq!(reference(text).as_deref(), Some("E-1A2B3C4D"));
        }
        for text in ["", "E-", "E-1A2B3C4", "E-1A2B3C4DX", "E-ÄÖÜ12345"] {
            assert_eq!(reference(text), None);
        }
    }
}
