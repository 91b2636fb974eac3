//! flows
mod engine;
mod failure;
mod fault;
mod handle;
pub mod journal;
mod lease;
mod migration;
mod table;
#[cfg(feature = "testkit")]
pub mod testkit;
mod turn;
mod workflow;

pub use engine::{Engine, EngineBuilder};
pub use failure::{Failure, FlowError, StepError};
pub use handle::{FlowInfo, Handle, Outcome};
pub use migration::migrations;
pub use table::State;
pub use workflow::{Flow, FlowId, RETRIES, STEP_WITHIN, Step, Undo, Workflow};
