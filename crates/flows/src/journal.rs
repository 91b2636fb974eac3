//! The seam between a workflow and the engine that keeps its journal.

use std::{future::Future, pin::Pin, time::Duration};

use async_trait::async_trait;
use serde_json::Value;

use crate::{Failure, StepError};

/// A step's effect; it is called at most once by a run of the workflow's code.
pub type Effect<'a> =
    Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = Result<Value, StepError>> + Send + 'a>> + Send + 'a>;

/// A step's undo, with the step's output when that is known, and why the flow is being undone.
pub type UndoFn = Box<
    dyn FnOnce(Option<Value>, Failure) -> Pin<Box<dyn Future<Output = Result<(), StepError>> + Send>> + Send,
>;

/// One step, as a workflow asks for it.
pub struct StepCall<'a> {
    /// Unique within the flow.
    pub name: &'a str,
    /// What it does to the world.
    pub effect: Effect<'a>,
    /// How that is taken back.
    pub undo: Option<UndoFn>,
    /// How often a transient error is tried again.
    pub retries: u32,
    /// How long one try may take.
    pub within: Duration,
}

/// Keeps what a flow has done and does the rest. [`Flow`](crate::Flow) is the only caller; an engine is the
/// only implementor. The crate's page says how Restate's context would be one.
///
/// Where a flow must stop for now (it sleeps, its lease is gone, the program ends), the future just does not
/// end and is dropped: workflow code never sees it.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Does a step, or gives what it gave when it was done before.
    async fn step(&self, call: StepCall<'_>) -> Result<Value, Failure>;

    /// Waits. The end of the wait is kept, so a restart does not prolong it.
    async fn sleep(&self, name: &str, duration: Duration) -> Result<(), Failure>;

    /// Waits for a signal of this name, which may have come before; `None` when the time is over.
    async fn signal(&self, name: &str, within: Duration) -> Result<Option<Value>, Failure>;
}
