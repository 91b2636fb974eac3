//! What outlives the call: doing a case, waiting for its end, carrying it to the game servers, banning many, and
//! the thread of a report.

mod carry;
mod case;
mod mass;
mod report;
mod timer;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use guildhall_flows::{EngineBuilder, Failure};

pub(crate) use carry::{CarryInput, CarryOver};
pub(crate) use case::{CaseFlow, CaseInput};
pub(crate) use mass::MassBan;
pub(crate) use report::{ReportThread, topic as thread_topic};
pub(crate) use timer::CaseTimer;

use crate::{
    Moderation,
    jail::{BackToJail, CoverJail},
};

/// The domain, as workflows hold it.
pub(crate) type Shared = Arc<Moderation>;

/// Adds all of them.
pub(crate) fn register(moderation: &Shared, engine: EngineBuilder) -> EngineBuilder {
    engine
        .register(CaseFlow(moderation.clone()))
        .register(CaseTimer(moderation.clone()))
        .register(CarryOver(moderation.clone()))
        .register(MassBan(moderation.clone()))
        .register(CoverJail(moderation.clone()))
        .register(BackToJail(moderation.clone()))
        .register(ReportThread(moderation.clone()))
}

/// For steps whose failure the workflow can live with: only the end of the whole flow, by its deadline or by
/// somebody who cancelled it, is passed on.
pub(crate) fn unless_ended<T>(result: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match result {
        Ok(output) => Ok(Some(output)),
        Err(failure) if matches!(failure.code.as_str(), "deadline" | "cancelled") => Err(failure),
        Err(_) => Ok(None),
    }
}
