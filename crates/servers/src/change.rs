//! One change of one server: everything it needs is read, plain code decides, and the row (compare-and-set on
//! its version), its session, its players and its events are written, all in one transaction.

use std::{collections::BTreeMap, time::Duration};

use guildhall_core::{Clock, NewEvent, RunId, ServerId, SessionId, TenantId};
use guildhall_flows::{FlowError, FlowId, Handle};
use guildhall_recipes::secrets::SecretsKey;
use guildhall_store::{EventStore, Timestamp, Tx, scope};
use sea_orm::{
    ActiveModelTrait, ActiveValue::NotSet, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, Set, sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    entity::{config, port, server, session, visit},
    error::ServersError,
    launch::{self, Launch},
    state::{Deadlines, State},
    workflows::News,
};

/// Stays of players kept for one session; more are counted and left out of its summary.
pub(crate) const MOST_VISITS: u64 = 5_000;
/// Earlier versions whose secrets are sealed with one change; the next change seals the rest.
const MOST_SEALED: u64 = 500;

/// A server as read, and what is to become of it.
pub(crate) struct Change<'a> {
    /// Whose it is.
    pub(crate) tenant: TenantId,
    /// The row; write the new values here.
    pub(crate) row: server::Model,
    /// The launch configuration that the last start used; before the first start, the newest.
    pub(crate) launch: Launch,
    /// The newest launch configuration.
    pub(crate) newest: Launch,
    /// The session, while there is one.
    pub(crate) session: Option<session::Model>,
    /// The session's players, oldest first.
    pub(crate) visits: Vec<visit::Model>,
    /// Its reserved ports.
    pub(crate) ports: BTreeMap<String, u16>,
    /// The moment of the change.
    pub(crate) at: Timestamp,
    pub(crate) deadlines: &'a Deadlines,
    pub(crate) clock: &'a dyn Clock,
    /// The key of secrets.
    pub(crate) secrets: Option<&'a SecretsKey>,
    /// The address that players of its host are told.
    pub(crate) address: String,
    /// A new version of the launch configuration, if there is to be one.
    pub(crate) version: Option<config::Model>,
    /// The job that ended with this change; the events that follow still tell of it.
    pub(crate) over: Option<RunId>,
    /// What is told of it, in order.
    pub(crate) told: Vec<NewEvent>,
    /// What the jobs at work on it are told, by the signal's name.
    pub(crate) news: Vec<(FlowId, &'static str, News)>,
    /// Jobs that have been overtaken; whoever commits the change cancels them.
    pub(crate) overtaken: Vec<FlowId>,
    before: (server::Model, Option<session::Model>, Vec<visit::Model>),
}

/// What a change's reading needs from its surroundings.
pub(crate) struct Surroundings<'a> {
    pub(crate) deadlines: &'a Deadlines,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) config: &'a crate::ServersConfig,
}

impl<'a> Change<'a> {
    /// Reads a server; `None` when there is none.
    pub(crate) async fn read(
        tx: &Tx,
        around: &Surroundings<'a>,
        tenant: &TenantId,
        server: ServerId,
    ) -> Result<Option<Self>, ServersError> {
        let conn = tx.conn();
        let row =
            scope::find::<server::Entity>(tenant).filter(server::Column::Id.eq(server.0)).one(conn).await?;
        let Some(row) = row else { return Ok(None) };
        let version = |version: i64| {
            scope::find::<config::Entity>(tenant)
                .filter(config::Column::Server.eq(server.0))
                .filter(config::Column::Version.eq(version))
        };
        let missing =
            || ServersError::Edge(guildhall_core::Error::bug("a server has lost its launch configuration"));
        let secrets = around.config.secrets.as_ref();
        let newest = launch::read(&version(row.config).one(conn).await?.ok_or_else(missing)?, secrets)?;
        let launch = match row.launched.filter(|launched| *launched != newest.version) {
            Some(launched) => {
                launch::read(&version(launched).one(conn).await?.ok_or_else(missing)?, secrets)?
            }
            None => newest.clone(),
        };
        let mut session = None;
        let mut visits = Vec::new();
        if let Some(id) = row.session {
            session =
                scope::find::<session::Entity>(tenant).filter(session::Column::Id.eq(id)).one(conn).await?;
            visits = scope::find::<visit::Entity>(tenant)
                .filter(visit::Column::Session.eq(id))
                .order_by_asc(visit::Column::Id)
                .limit(MOST_VISITS)
                .all(conn)
                .await?;
        }
        let ports = ports_of(tx, tenant, row.id).await?;
        let address = around.config.address_of(row.host.as_deref().unwrap_or_default()).to_owned();
        let before = (row.clone(), session.clone(), visits.clone());
        Ok(Some(Self {
            tenant: tenant.clone(),
            row,
            launch,
            newest,
            session,
            visits,
            ports,
            at: around.clock.now().into(),
            deadlines: around.deadlines,
            clock: around.clock,
            secrets,
            address,
            version: None,
            over: None,
            told: Vec::new(),
            news: Vec::new(),
            overtaken: Vec::new(),
            before,
        }))
    }

    /// Writes what became of it, and gives the jobs that were overtaken. `None` when somebody else changed the
    /// server in between: nothing is written then, and the caller reads again.
    pub(crate) async fn write(
        self,
        tx: &Tx,
        events: &EventStore,
        flows: &Handle,
    ) -> Result<Option<Vec<FlowId>>, ServersError> {
        let conn = tx.conn();
        let (row, session, visits) = self.before;
        if row != self.row {
            let mut active = self.row.clone().into_active_model().reset_all();
            active.id = NotSet;
            active.tenant = NotSet;
            active.version = Set(row.version + 1);
            let written = scope::update::<server::Entity>(&self.tenant)
                .set(active)
                .filter(server::Column::Id.eq(row.id))
                .filter(server::Column::Version.eq(row.version))
                .exec(conn)
                .await?;
            if written.rows_affected != 1 {
                return Ok(None);
            }
        }
        if let Some(now) = self.session.filter(|now| session.as_ref() != Some(now)) {
            let id = now.id;
            let is_new = session.is_none_or(|before| before.id != id);
            let active = now.into_active_model().reset_all();
            if is_new {
                session::Entity::insert(active).exec_without_returning(conn).await?;
            } else {
                let update = scope::update::<session::Entity>(&self.tenant).set(active);
                update.filter(session::Column::Id.eq(id)).exec(conn).await?;
            }
        }
        for now in self.visits {
            let id = now.id;
            let before = visits.iter().find(|before| before.id == id);
            if before == Some(&now) {
                continue;
            }
            let is_new = before.is_none();
            let active = now.into_active_model().reset_all();
            if is_new {
                visit::Entity::insert(active).exec_without_returning(conn).await?;
            } else {
                let update = scope::update::<visit::Entity>(&self.tenant).set(active);
                update.filter(visit::Column::Id.eq(id)).exec(conn).await?;
            }
        }
        if let (Some(version), Some(key)) = (&self.version, self.secrets) {
            seal_earlier(conn, &self.tenant, version, key).await?;
        }
        if let Some(version) = self.version {
            config::Entity::insert(version.into_active_model()).exec_without_returning(conn).await?;
        }
        for (flow, name, news) in self.news {
            match flows.signal_in(tx, flow, name, &news).await {
                // A job that has ended, or has enough to read, needs no news.
                Ok(())
                | Err(FlowError::Unknown(_) | FlowError::Settled(_) | FlowError::TooManySignals(..)) => {}
                Err(error) => return Err(ServersError::Edge(error.into())),
            }
        }
        // Last, because on PostgreSQL nobody else can tell anything until this transaction ends.
        for event in self.told {
            events.append_in(tx, event).await?;
        }
        Ok(Some(self.overtaken))
    }

    /// Which it is.
    pub(crate) fn server(&self) -> ServerId {
        self.row.id.into()
    }

    /// The conversation of the session, if there is one.
    pub(crate) fn topic(&self) -> Option<String> {
        self.row.session.map(|id| SessionId(id).to_string())
    }

    /// The job at work, or the one that has just ended.
    pub(crate) fn run(&self) -> Option<RunId> {
        self.row.run.map(RunId).or(self.over)
    }

    /// Whether this job is still the one at work: a newer operation takes the mark over.
    pub(crate) fn owned_by(&self, run: RunId) -> bool {
        self.row.run == Some(run.0)
    }

    /// Puts the server into a state, with the deadline that the state has.
    pub(crate) fn enter(&mut self, state: State) {
        if self.row.state != state {
            self.row.since = self.at;
        }
        self.row.state = state;
        self.row.progress = None;
        self.row.deadline =
            state.deadline(self.deadlines, Some(&self.launch.recipe)).map(|expiry| self.after(expiry.after));
    }

    /// The moment that comes this long after the change.
    pub(crate) fn after(&self, duration: Duration) -> Timestamp {
        (self.at.time() + duration).into()
    }

    /// A fresh id.
    pub(crate) fn fresh(&self) -> Uuid {
        self.clock.uuid()
    }
}

/// Seals the secrets of earlier versions, which were kept in plain before there was a key.
async fn seal_earlier(
    conn: &impl ConnectionTrait,
    tenant: &TenantId,
    newest: &config::Model,
    key: &SecretsKey,
) -> Result<(), ServersError> {
    let unsealed = scope::find::<config::Entity>(tenant)
        .filter(config::Column::Server.eq(newest.server))
        .filter(config::Column::Version.lt(newest.version))
        .filter(config::Column::Variables.not_like("%{\"sealed\":%"))
        .order_by_desc(config::Column::Version)
        .limit(MOST_SEALED);
    for row in unsealed.all(conn).await? {
        let launch = launch::read(&row, Some(key))?;
        if launch.has_secrets() {
            let kept = launch::variables(&launch, tenant, row.server, Some(key))?;
            scope::update::<config::Entity>(tenant)
                .col_expr(config::Column::Variables, Expr::value(kept))
                .filter(config::Column::Server.eq(row.server))
                .filter(config::Column::Version.eq(row.version))
                .exec(conn)
                .await?;
        }
    }
    Ok(())
}

pub(crate) async fn ports_of(
    tx: &Tx,
    tenant: &TenantId,
    server: Uuid,
) -> Result<BTreeMap<String, u16>, ServersError> {
    let rows =
        scope::find::<port::Entity>(tenant).filter(port::Column::Server.eq(server)).all(tx.conn()).await?;
    Ok(rows.into_iter().filter_map(|row| Some((row.name, u16::try_from(row.number).ok()?))).collect())
}
