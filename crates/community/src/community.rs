//! The domain: what is kept where, and the seams through which the rest of the program uses it.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock, Weak},
};

use guildhall_core::{
    Actor, Catalogue, Clock, Error, EventLog, Rank, TenantId,
    fault::Faults,
    guild::{Guild, GuildListener, Guilds, RoleId, UserId},
    incident::Observer,
    permission::{Permissions, Ranking},
    setting::{Setting, Settings},
    upstream::Health,
};
use guildhall_store::Store;
use secrecy::SecretString;

use crate::{CommunityError, book::Book, cache::Books, ranks::Shapes, redis::Redis, settings::Registry};

/// What the installation says of its communities.
#[derive(Clone, Debug, Default)]
pub struct CommunityConfig {
    /// Who runs the installation. They have rank 10 in every community.
    pub operators: Vec<UserId>,
    /// Roles that give a rank, from the configuration file. A community may give such a role another rank.
    pub assigned: BTreeMap<TenantId, Vec<(RoleId, Rank)>>,
    /// Redis or Valkey, `redis://user:password@host:6379/0`, for installations of several processes.
    pub redis: Option<SecretString>,
}

impl CommunityConfig {
    /// Says what is wrong with the configuration, without any secret of it.
    pub fn check(&self) -> Result<(), String> {
        let clock: Arc<dyn Clock> = Arc::new(guildhall_core::SystemClock);
        match &self.redis {
            Some(url) => Redis::new(url, clock.clone(), Faults::new(clock)).map(drop),
            None => Ok(()),
        }
    }
}

/// What communities set for themselves: ranks, settings, help.
pub struct Community {
    config: CommunityConfig,
    store: Store,
    events: Arc<dyn EventLog>,
    guilds: Arc<dyn Guilds>,
    registry: Arc<Registry>,
    books: Books,
    redis: Option<Arc<Redis>>,
    shapes: Shapes,
    catalogue: OnceLock<Weak<Catalogue>>,
    clock: Arc<dyn Clock>,
}

impl Community {
    /// The domain. `settings` are those of all crates. A Redis address that [`CommunityConfig::check`] turns
    /// down is said in the log, and Redis is not used.
    pub fn new(
        config: CommunityConfig,
        store: Store,
        events: Arc<dyn EventLog>,
        guilds: Arc<dyn Guilds>,
        settings: Vec<&'static Setting>,
        faults: Faults,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        let registry = Arc::new(Registry::new(settings));
        let redis = config.redis.as_ref().and_then(|url| {
            let redis = Redis::new(url, clock.clone(), faults);
            redis.inspect_err(|problem| tracing::error!("Redis is not used: {problem}")).ok().map(Arc::new)
        });
        let books = Books::new(store.clone(), clock.clone(), registry.clone(), redis.clone());
        let shapes = Shapes::new(guilds.clone(), clock.clone());
        Arc::new(Self {
            config,
            store,
            events,
            guilds,
            registry,
            books,
            redis,
            shapes,
            catalogue: OnceLock::new(),
            clock,
        })
    }

    /// Names the catalogue, which is built after its domains: for help, requirements and explanations. Only the
    /// first one counts. The catalogue holds this domain, so this holds the catalogue weakly.
    pub fn attach(&self, catalogue: &Arc<Catalogue>) {
        let _ = self.catalogue.set(Arc::downgrade(catalogue));
    }

    /// Names who hears of an outage of Redis, once for each. Only the first one counts.
    pub fn report_to(&self, observer: Arc<dyn Observer>) {
        if let Some(redis) = &self.redis {
            redis.report_to(observer);
        }
    }

    /// Hears what changes ranks on Discord, so that a role that is given counts at once.
    pub fn listener(self: &Arc<Self>) -> Arc<dyn GuildListener> {
        self.clone()
    }

    /// Reads what communities have set.
    pub fn settings(self: &Arc<Self>) -> Arc<dyn Settings> {
        self.clone()
    }

    /// Decides who may call what.
    pub fn permissions(self: &Arc<Self>) -> Arc<dyn Permissions> {
        self.clone()
    }

    /// Knows which rank a member has.
    pub fn ranking(self: &Arc<Self>) -> Arc<dyn Ranking> {
        self.clone()
    }

    /// Hears of other processes' changes until `shutdown` ends.
    pub async fn run(self: Arc<Self>, shutdown: impl Future<Output = ()> + Send) {
        match &self.redis {
            Some(redis) => redis.listen(&self.books, shutdown).await,
            None => shutdown.await,
        }
    }

    /// Forgets what is cached of a community, so that the next reader goes to Redis or the database.
    pub fn forget(&self, tenant: &TenantId) {
        self.books.forget(tenant);
        self.shapes.forget(tenant);
    }

    /// How Redis is doing; `None` where there is none.
    pub fn redis(&self) -> Option<Health> {
        self.redis.as_ref().map(|redis| redis.health())
    }

    /// Whether word of other processes' changes can arrive by Redis at this moment.
    pub fn is_connected(&self) -> bool {
        self.redis.as_ref().is_some_and(|redis| redis.hears())
    }

    pub(crate) async fn book(&self, tenant: &TenantId) -> Result<Arc<Book>, Error> {
        self.books.get(tenant).await.map_err(Into::into)
    }

    pub(crate) fn books(&self) -> &Books {
        &self.books
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn events(&self) -> &dyn EventLog {
        self.events.as_ref()
    }

    pub(crate) fn guilds(&self) -> &dyn Guilds {
        self.guilds.as_ref()
    }

    pub(crate) fn shapes(&self) -> &Shapes {
        &self.shapes
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    pub(crate) fn config(&self) -> &CommunityConfig {
        &self.config
    }

    pub(crate) fn catalogue(&self) -> Result<Arc<Catalogue>, CommunityError> {
        self.catalogue.get().and_then(Weak::upgrade).ok_or(CommunityError::NoCatalogue)
    }

    /// The guild, where it can be reached: for names of channels and roles.
    pub(crate) async fn guild(&self, tenant: &TenantId) -> Option<Guild> {
        self.guilds.guild(tenant).await.ok()
    }

    /// What a role is called, as people mention it; its id where the guild does not know it.
    pub(crate) async fn role_name(&self, tenant: &TenantId, role: RoleId) -> String {
        let guild = self.guild(tenant).await;
        let known = guild.as_ref().and_then(|guild| guild.role(role));
        known.map_or_else(|| role.to_string(), |role| format!("@{}", role.name.trim_start_matches('@')))
    }

    /// Ranks below this one are within the actor's power. Who owns the guild or runs the installation stands
    /// above all ranks of a community.
    pub(crate) async fn authority(&self, actor: &Actor) -> u8 {
        match self.bypass(actor).await {
            Some(_) => Rank::OPERATOR.level(),
            None => actor.rank.level(),
        }
    }
}
