//! The domain as others hold it: made from its parts, run in the background, asked by operations.

use std::sync::Arc;

use guildhall_core::{
    Actor, Call, Clock, Error, EventLog as _, Follow, RunId, ServerId, TenantId, id::fresh,
};
use guildhall_flows::{EngineBuilder, FlowError, FlowId, FlowInfo, Handle};
use guildhall_link::Agents;
use guildhall_store::{EventStore, Store};
use tokio::sync::Notify;

use crate::{
    RecipeBook, ServersConfig,
    change::Change,
    console::Consoles,
    entity::server,
    error::ServersError,
    life::Job,
    workflows::{self, JobInput},
    workshop::{Tried, Workshop},
};

/// How often an operation is tried when others change the same server in the same moment.
const TRIES: u32 = 16;

/// The game servers of every community. Cheap to clone.
#[derive(Clone)]
pub struct Servers {
    pub(crate) shop: Arc<Workshop>,
    pub(crate) consoles: Arc<Consoles>,
    /// When this process began to watch hosts.
    pub(crate) began: time::OffsetDateTime,
}

impl Servers {
    /// Puts the domain together. `flows` comes from the engine's builder, with which the domain's workflows
    /// are registered next ([`Servers::register`]).
    pub fn new(
        store: Store,
        events: EventStore,
        flows: Handle,
        agents: Arc<dyn Agents>,
        book: RecipeBook,
        config: ServersConfig,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let began = clock.now();
        let shop = Workshop { store, events, flows, agents, book, config, clock, wake: Notify::new() };
        Self { shop: Arc::new(shop), consoles: Arc::default(), began }
    }

    /// Registers this domain's workflows.
    #[must_use]
    pub fn register(&self, engine: EngineBuilder) -> EngineBuilder {
        workflows::register(&self.shop, engine)
    }

    /// The recipes that a community can choose from.
    pub fn recipes(&self) -> &RecipeBook {
        &self.shop.book
    }

    /// Begins a job on a server: its flow, its marks and its events are one transaction. Gives how to follow
    /// it and the server as it was left.
    pub(crate) async fn begin(
        &self,
        actor: &Actor,
        row: &server::Model,
        job: Job,
        forget: bool,
    ) -> Result<Begun, ServersError> {
        let tenant = &actor.tenant;
        let server = ServerId(row.id);
        let cursor = self.shop.events.newest().await?;
        let run: RunId = fresh(self.shop.clock.as_ref());
        let input = JobInput { server, run, by: crate::text::line(&actor.name, 64), forget };
        let key = job_key(server, run);
        for _ in 0..TRIES {
            let tx = self.shop.store.begin().await?;
            let flow = match workflows::start_in(&self.shop.flows, &tx, tenant, job, &key, &input).await {
                Ok(flow) => flow,
                Err(FlowError::Store(error)) => return Err(error.into()),
                Err(error) => return Err(ServersError::Edge(error.into())),
            };
            let mut decide = |change: &mut Change<'_>| {
                match job {
                    Job::Start => drop(change.start(actor, run)?),
                    Job::Stop => drop(change.stop(actor, run)?),
                    Job::Restart => drop(change.restart(actor, run)?),
                    Job::Delete => change.delete(actor, run)?,
                    Job::Create => change.create(actor, run),
                }
                Ok((change.row.clone(), change.topic()))
            };
            match self.shop.change_in(&tx, tenant, server, &mut decide).await? {
                Tried::Done((row, topic), overtaken) => {
                    tx.commit().await?;
                    self.shop.cancel(overtaken).await;
                    return Ok(Begun { follow: Follow { run, cursor, topic }, flow, row });
                }
                Tried::Missing => return Err(gone(row)),
                Tried::Overtaken => tx.rollback().await?,
            }
        }
        Err(ServersError::Contended(Some(row.name.clone())))
    }

    /// What a job of this domain is about: its server's name, or the server's number once that is gone.
    pub async fn subject_of(&self, job: &FlowInfo) -> Result<String, Error> {
        let Some(server) = server_of(&job.key) else { return Ok(job.key.clone()) };
        let row = self.shop.by_id(&job.tenant, server).await?;
        Ok(row.map_or_else(|| server.to_string(), |row| row.name))
    }

    /// A server by name for an operation, or the nearest names.
    pub(crate) async fn named(&self, call: &Call, name: &str) -> Result<server::Model, ServersError> {
        self.shop.named(call.tenant(), name, call.operation).await
    }

    /// Changes a server for an operation.
    pub(crate) async fn change<T: Send>(
        &self,
        tenant: &TenantId,
        row: &server::Model,
        decide: impl FnMut(&mut Change<'_>) -> Result<T, ServersError> + Send,
    ) -> Result<T, ServersError> {
        self.shop.change(tenant, ServerId(row.id), decide).await?.ok_or_else(|| gone(row))
    }
}

/// The key of a job's flow. It is not the server alone: a job that was overtaken may still be at its end, and
/// one that is stuck must not be in the way of the next.
fn job_key(server: ServerId, run: RunId) -> String {
    format!("{server}:{run}")
}

fn server_of(key: &str) -> Option<ServerId> {
    key.split_once(':')?.0.parse().ok()
}

/// A job that has begun.
pub(crate) struct Begun {
    pub(crate) follow: Follow,
    pub(crate) flow: FlowId,
    pub(crate) row: server::Model,
}

/// A server that was deleted a moment ago.
fn gone(row: &server::Model) -> ServersError {
    ServersError::NotFound { name: row.name.clone(), near: Vec::new(), operation: "server status" }
}
