//! The jobs that take longer than a call, as durable workflows: every step can be repeated and taken back.
//!
//! A job owns the busy mark of its server while it runs; its number is the flow's. Where a newer operation
//! has taken the mark over, the steps and undos of the older job do nothing.

mod create;
mod delete;
mod errand;
mod place;
mod restart;
mod start;
mod stop;

use std::sync::Arc;

use guildhall_core::ServerId;
use guildhall_flows::EngineBuilder;
use serde::{Deserialize, Serialize};

pub(crate) use create::CreateServer;
pub(crate) use delete::DeleteServer;
pub(crate) use restart::RestartServer;
pub(crate) use start::StartServer;
pub(crate) use stop::StopServer;

use crate::{Workshop, life::Job};

/// What a job is started with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JobInput {
    /// Which server.
    pub(crate) server: ServerId,
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
    /// A newer operation has taken over.
    Superseded,
}

/// The signal that a job waits for while the server comes up.
pub(crate) const UP: &str = "up";
/// The signal that a job waits for while the server goes down.
pub(crate) const DOWN: &str = "down";

/// The kind of a job's workflow.
pub(crate) fn kind(job: Job) -> &'static str {
    use guildhall_flows::Workflow;
    match job {
        Job::Create => CreateServer::KIND,
        Job::Start => StartServer::KIND,
        Job::Stop => StopServer::KIND,
        Job::Restart => RestartServer::KIND,
        Job::Delete => DeleteServer::KIND,
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
