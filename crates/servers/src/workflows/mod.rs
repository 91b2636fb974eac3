//! The jobs that take longer than a call, as durable workflows: every step can be repeated and taken back.
//!
//! A job owns the busy mark of its server while it runs. Where a newer operation has taken the mark over, the steps and undos of the older job do nothing.

mod create;
mod delete;
mod errand;
mod place;
mod restart;
mod start;
mod stop;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use guildhall_core::{RunId, ServerId, TenantId};
use guildhall_flows::{EngineBuilder, FlowError, FlowId, Handle};
use guildhall_store::Tx;
use serde::{Deserialize, Serialize};

pub(crate) use create::CreateServer;
pub(crate) use delete::DeleteServer;
pub(crate) use errand::trouble_of;
pub(crate) use restart::RestartServer;
pub(crate) use start::StartServer;
pub(crate) use stop::StopServer;

use crate::{life::Job, workshop::Workshop};

/// What a job is started with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JobInput {
    /// Which server.
    pub(crate) server: ServerId,
    /// The job's number: it owns the server's busy mark, and events tell of it.
    pub(crate) run: RunId,
    /// Who called the operation, for what is told at the end.
    pub(crate) by: String,
    /// Only for `delete`: the host is not asked.
    #[serde(default)]
    pub(crate) forget: bool,
}

/// What a waiting job is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum News {
    /// Players can join, and that is written down.
    Ready,
    /// It is down, and that is written down.
    Stopped,
    /// It failed; why is in its row.
    Failed,
    /// Something happened; ask the host.
    Look,
}

/// The signal that a job waits for while the server comes up.
pub(crate) const UP: &str = "up";
/// The signal that a job waits for while the server goes down.
pub(crate) const DOWN: &str = "down";

/// Starts a job's workflow as part of a transaction.
pub(crate) async fn start_in(
    flows: &Handle,
    tx: &Tx,
    tenant: &TenantId,
    job: Job,
    key: &str,
    input: &JobInput,
) -> Result<FlowId, FlowError> {
    match job {
        Job::Create => flows.start_in::<CreateServer>(tx, tenant, key, input).await,
        Job::Start => flows.start_in::<StartServer>(tx, tenant, key, input).await,
        Job::Stop => flows.start_in::<StopServer>(tx, tenant, key, input).await,
        Job::Restart => flows.start_in::<RestartServer>(tx, tenant, key, input).await,
        Job::Delete => flows.start_in::<DeleteServer>(tx, tenant, key, input).await,
    }
}

pub(crate) fn register(shop: &Arc<Workshop>, engine: EngineBuilder) -> EngineBuilder {
    engine
        .register(CreateServer(shop.clone()))
        .register(StartServer(shop.clone()))
        .register(StopServer(shop.clone()))
        .register(RestartServer(shop.clone()))
        .register(DeleteServer(shop.clone()))
}
