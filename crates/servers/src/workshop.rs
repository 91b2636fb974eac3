//! What operations, workflows, the inbox and the reconciler share: the store, the agents, the recipes, the
//! clock, and the way in which every change of a server is made.

use std::sync::Arc;

use guildhall_core::{Clock, HostId, RunId, ServerId, TenantId};
use guildhall_flows::{Failure, FlowId, Handle};
use guildhall_link::{
    Agents, LinkError,
    message::{Refusal, Reply, Request, Want},
};
use guildhall_recipes::recipe::ConsoleInput;
use guildhall_store::{EventStore, Store, Tx, scope};
use sea_orm::{ColumnTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::sync::Notify;

use crate::{
    RecipeBook, ServersConfig,
    change::{Change, MOST_VISITS, Surroundings},
    entity::{config, kept_out, player_link, port, server, session, visit},
    error::ServersError,
    launch,
    view::Look,
};

/// How often a change is tried when others change the same server in the same moment.
const TRIES: u32 = 16;

/// What every part of the domain works with.
pub(crate) struct Workshop {
    pub(crate) store: Store,
    pub(crate) events: EventStore,
    pub(crate) flows: Handle,
    pub(crate) agents: Arc<dyn Agents>,
    pub(crate) book: RecipeBook,
    pub(crate) config: ServersConfig,
    pub(crate) clock: Arc<dyn Clock>,
    /// Wakes the reconciler.
    pub(crate) wake: Notify,
}

/// What an agent made of a desired state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    /// It works on it.
    Yes,
    /// It has never heard of the server, and was asked to remove it.
    Nothing,
}

/// Why an agent did not take a desired state.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotApplied {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("{1}")]
    Refused(Refusal, String),
    #[error(transparent)]
    Domain(#[from] ServersError),
}

impl Workshop {
    /// Changes one server in a transaction of its own; `None` when there is no such server. `decide` may be
    /// asked several times, each time with what is there then.
    pub(crate) async fn change<T: Send>(
        &self,
        tenant: &TenantId,
        server: ServerId,
        mut decide: impl FnMut(&mut Change<'_>) -> Result<T, ServersError> + Send,
    ) -> Result<Option<T>, ServersError> {
        for _ in 0..TRIES {
            let tx = self.store.begin().await?;
            match self.change_in(&tx, tenant, server, &mut decide).await? {
                Tried::Done(value, overtaken) => {
                    tx.commit().await?;
                    self.cancel(overtaken).await;
                    return Ok(Some(value));
                }
                Tried::Missing => return Ok(None),
                Tried::Overtaken => tx.rollback().await?,
            }
        }
        Err(ServersError::Contended(None))
    }

    /// The same as part of a larger transaction, once.
    pub(crate) async fn change_in<T: Send>(
        &self,
        tx: &Tx,
        tenant: &TenantId,
        server: ServerId,
        decide: &mut (impl FnMut(&mut Change<'_>) -> Result<T, ServersError> + Send),
    ) -> Result<Tried<T>, ServersError> {
        let Some(mut change) = Change::read(tx, &self.surroundings(), tenant, server).await? else {
            return Ok(Tried::Missing);
        };
        let value = decide(&mut change)?;
        Ok(match change.write(tx, &self.events, &self.flows).await? {
            Some(overtaken) => Tried::Done(value, overtaken),
            None => Tried::Overtaken,
        })
    }

    /// Ends the flows of jobs that were overtaken. It only saves them their waits: what they would still do to
    /// the server they find to be another job's.
    pub(crate) async fn cancel(&self, overtaken: Vec<FlowId>) {
        for flow in overtaken {
            let reason = Failure::new("superseded", "A newer operation has taken over.");
            if let Err(error) = self.flows.cancel(flow, reason).await {
                tracing::debug!(%flow, %error, "an overtaken job ends by itself");
            }
        }
    }

    pub(crate) fn surroundings(&self) -> Surroundings<'_> {
        Surroundings { deadlines: &self.config.deadlines, clock: self.clock.as_ref(), config: &self.config }
    }

    /// Tells the server's agent what is wanted now. Can be repeated: the agent knows the generation.
    pub(crate) async fn apply(&self, tenant: &TenantId, server: ServerId) -> Result<Applied, NotApplied> {
        let wish = self.change(tenant, server, |change| {
            let Some(host) = change.row.host.clone() else { return Ok(None) };
            let want = Want::from(change.row.goal);
            let mut ports = change.ports.clone();
            for name in change.launch.recipe.ports.keys() {
                if let Some(number) = change.launch.wished_port(name) {
                    ports.entry(name.clone()).or_insert(number);
                }
            }
            ports.retain(|name, _| change.launch.recipe.ports.contains_key(name));
            let desired = launch::desired(&change.launch, &change.row, want, ports, &change.address)?;
            Ok(Some((host, desired)))
        });
        let Some(Some((host, desired))) = wish.await? else { return Ok(Applied::Nothing) };
        let generation = desired.generation;
        let unasked = desired.want != Want::Running;
        let host: HostId =
            host.parse().map_err(|error| ServersError::Edge(guildhall_core::Error::bug(error)))?;
        let reply = self.agents.request(&host, Request::Apply { desired: Box::new(desired) }).await?;
        match reply {
            Reply::Applied { generation: kept } if kept == generation => {
                let confirmed = i64::try_from(generation).unwrap_or(i64::MAX);
                self.change(tenant, server, |change| {
                    change.row.confirmed = change.row.confirmed.max(confirmed);
                    Ok(())
                })
                .await?;
                Ok(Applied::Yes)
            }
            Reply::Refused { why: Refusal::UnknownServer, .. } if unasked => Ok(Applied::Nothing),
            // The same generation with other words: the answer to the first was lost, and the row has moved on.
            Reply::Refused { why: Refusal::OldGeneration, message } => {
                match self.generation_on(&host, server).await? {
                    Some(kept) if kept == generation => Ok(Applied::Yes),
                    _ => Err(NotApplied::Refused(Refusal::OldGeneration, crate::text::line(&message, 300))),
                }
            }
            Reply::Refused { why, message } => {
                Err(NotApplied::Refused(why, crate::text::line(&message, 300)))
            }
            other => {
                let message = format!("an answer to something else ({})", kind_of(&other));
                Err(LinkError::Untrusted(host, message).into())
            }
        }
    }

    async fn generation_on(&self, host: &HostId, server: ServerId) -> Result<Option<u64>, LinkError> {
        match self.agents.request(host, Request::Observe { server }).await? {
            Reply::Observed { observed } if observed.server == server => Ok(Some(observed.generation)),
            _ => Ok(None),
        }
    }

    /// The newest operation or event may have changed what is to be repaired.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Writes a line to the console of a running game.
    pub(crate) async fn send_line(&self, look: &Look, line: String, by: String) -> Result<(), ServersError> {
        let row = &look.row;
        if look.launch.recipe.console.input == ConsoleInput::None {
            return Err(ServersError::NoConsole(row.name.clone()));
        }
        if !row.state.may_run() {
            return Err(ServersError::NotRunning { name: row.name.clone(), state: row.state });
        }
        match self.ask_host(look, Request::Send { server: row.id.into(), line, by }).await? {
            Reply::Done => Ok(()),
            _ => Err(ServersError::Refused(String::new())),
        }
    }

    /// Asks a server's host for something that takes a running game.
    pub(crate) async fn ask_host(&self, look: &Look, request: Request) -> Result<Reply, ServersError> {
        let row = &look.row;
        let not_running = || ServersError::NotRunning { name: row.name.clone(), state: row.state };
        let host: HostId = row.host.as_deref().and_then(|host| host.parse().ok()).ok_or_else(not_running)?;
        match self.agents.request(&host, request).await {
            Ok(Reply::Refused { why: Refusal::NotRunning | Refusal::UnknownServer, .. }) => {
                Err(not_running())
            }
            Ok(Reply::Refused { why: Refusal::NoConsole, .. }) => {
                Err(ServersError::NoConsole(row.name.clone()))
            }
            Ok(Reply::Refused { message, .. }) => {
                Err(ServersError::Refused(crate::text::line(&message, 300)))
            }
            Ok(reply) => Ok(reply),
            Err(error) => Err(ServersError::HostAway { name: row.name.clone(), source: Some(error) }),
        }
    }

    /// A server by name.
    pub(crate) async fn find(
        &self,
        tenant: &TenantId,
        name: &str,
    ) -> Result<Option<server::Model>, ServersError> {
        let query = scope::find::<server::Entity>(tenant).filter(server::Column::Name.eq(name));
        Ok(query.one(self.store.reader()).await?)
    }

    /// A server by id.
    pub(crate) async fn by_id(
        &self,
        tenant: &TenantId,
        id: ServerId,
    ) -> Result<Option<server::Model>, ServersError> {
        let query = scope::find::<server::Entity>(tenant).filter(server::Column::Id.eq(id.0));
        Ok(query.one(self.store.reader()).await?)
    }

    /// A server by name, or the nearest names.
    pub(crate) async fn named(
        &self,
        tenant: &TenantId,
        name: &str,
        operation: &'static str,
    ) -> Result<server::Model, ServersError> {
        if let Some(row) = self.find(tenant, name).await? {
            return Ok(row);
        }
        let names = self.names(tenant).await?;
        let near = guildhall_core::suggest::nearest(name, names.iter().map(String::as_str), 3);
        Err(ServersError::NotFound {
            name: name.chars().take(32).collect(),
            near: near.into_iter().map(str::to_owned).collect(),
            operation,
        })
    }

    /// Every name, in order.
    pub(crate) async fn names(&self, tenant: &TenantId) -> Result<Vec<String>, ServersError> {
        let names = scope::find::<server::Entity>(tenant)
            .select_only()
            .column(server::Column::Name)
            .order_by_asc(server::Column::Name)
            .limit(1_000);
        Ok(names.into_tuple().all(self.store.reader()).await?)
    }

    /// One page of a community's servers, by name, and how many there are in all.
    pub(crate) async fn page(
        &self,
        tenant: &TenantId,
        page: u64,
        size: u64,
    ) -> Result<(Vec<server::Model>, u64), ServersError> {
        let reader = self.store.reader();
        let total = scope::find::<server::Entity>(tenant).count(reader).await?;
        let rows = scope::find::<server::Entity>(tenant)
            .order_by_asc(server::Column::Name)
            .offset(page.saturating_mul(size))
            .limit(size)
            .all(reader)
            .await?;
        Ok((rows, total))
    }

    /// A server with what is shown of it.
    pub(crate) async fn look(&self, row: server::Model) -> Result<Look, ServersError> {
        let tenant: TenantId = row.tenant.parse().map_err(guildhall_core::Error::bug)?;
        let reader = self.store.reader();
        let config = scope::find::<config::Entity>(&tenant)
            .filter(config::Column::Server.eq(row.id))
            .filter(config::Column::Version.eq(row.launched.unwrap_or(row.config)))
            .one(reader)
            .await?
            .ok_or_else(|| guildhall_core::Error::bug("a server has lost its launch configuration"))?;
        let ports =
            scope::find::<port::Entity>(&tenant).filter(port::Column::Server.eq(row.id)).all(reader).await?;
        let mut names = Vec::new();
        if let Some(session) = row.session {
            let playing = scope::find::<visit::Entity>(&tenant)
                .filter(visit::Column::Session.eq(session))
                .filter(visit::Column::LeftAt.is_null())
                .order_by_asc(visit::Column::Id)
                .limit(MOST_VISITS);
            names = playing.all(reader).await?.into_iter().map(|visit| visit.player).collect();
        }
        Ok(Look {
            launch: launch::read(&config, self.config.secrets.as_ref())?,
            ports: ports
                .into_iter()
                .filter_map(|row| Some((row.name, u16::try_from(row.number).ok()?)))
                .collect(),
            address: self.config.address_of(row.host.as_deref().unwrap_or_default()).to_owned(),
            names,
            at: self.clock.now(),
            row,
        })
    }

    /// Removes everything that is kept of a server but its events.
    pub(crate) async fn erase(
        &self,
        tx: &Tx,
        tenant: &TenantId,
        server: ServerId,
    ) -> Result<(), ServersError> {
        let (conn, id) = (tx.conn(), server.0);
        scope::delete::<visit::Entity>(tenant).filter(visit::Column::Server.eq(id)).exec(conn).await?;
        scope::delete::<session::Entity>(tenant).filter(session::Column::Server.eq(id)).exec(conn).await?;
        scope::delete::<port::Entity>(tenant).filter(port::Column::Server.eq(id)).exec(conn).await?;
        let told = scope::delete::<kept_out::Entity>(tenant).filter(kept_out::Column::Server.eq(id));
        told.exec(conn).await?;
        let links = scope::delete::<player_link::Entity>(tenant).filter(player_link::Column::Server.eq(id));
        links.exec(conn).await?;
        scope::delete::<config::Entity>(tenant).filter(config::Column::Server.eq(id)).exec(conn).await?;
        scope::delete::<server::Entity>(tenant).filter(server::Column::Id.eq(id)).exec(conn).await?;
        Ok(())
    }

    /// Whether a host's agent is connected.
    pub(crate) fn is_online(&self, host: &str) -> bool {
        self.agents.hosts().borrow().iter().any(|(id, presence)| id.as_str() == host && presence.online)
    }

    /// Gives a run's ports back; `all` also gives back those that earlier runs reserved.
    pub(crate) async fn release_ports(
        &self,
        tenant: &TenantId,
        server: ServerId,
        run: RunId,
        all: bool,
    ) -> Result<(), ServersError> {
        let tx = self.store.begin().await?;
        let mut release = scope::delete::<port::Entity>(tenant).filter(port::Column::Server.eq(server.0));
        if !all {
            release = release.filter(port::Column::Run.eq(run.0));
        }
        release.exec(tx.conn()).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// What came of one try to change a server.
pub(crate) enum Tried<T> {
    Done(T, Vec<FlowId>),
    Missing,
    /// Somebody else was faster; nothing is written.
    Overtaken,
}

/// An answer's name, for a message.
pub(crate) fn kind_of(reply: &Reply) -> &'static str {
    match reply {
        Reply::Applied { .. } => "applied",
        Reply::Observed { .. } => "observed",
        Reply::AllObserved { .. } => "all_observed",
        Reply::Ports { .. } => "ports",
        Reply::Console { .. } => "console",
        Reply::Done => "done",
        Reply::Events { .. } => "events",
        Reply::Refused { .. } => "refused",
    }
}
