//! A community with everything under it that is real: the catalogue, the store, the engine and the scribe.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use guildhall_core::{
    Actor, ActorId, Catalogue, Clock, Document, Error, Face, ManualClock, Rank, Reply, Request, TenantId,
    guild::{ChannelId, GuildEvent, UserId},
    incident::{Observer, Occurrence},
};
use guildhall_flows::{Engine, Handle};
use guildhall_moderation::{Moderation, Seams, migrations, operations};
use guildhall_store::{AuditStore, EventStore, Store, testkit::TestStore};
use sea_orm_migration::MigrationTrait;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::fake::*;

pub fn tables() -> Vec<Box<dyn MigrationTrait>> {
    let mut tables = migrations();
    tables.extend(guildhall_flows::migrations());
    tables
}

/// Hears what went wrong with nobody waiting: what was being done, and the error's code.
#[derive(Clone, Default)]
pub struct Ear(Arc<Mutex<Vec<(String, &'static str)>>>);

impl Ear {
    pub fn heard(&self) -> Vec<(String, &'static str)> {
        self.0.lock().unwrap().clone()
    }
}

impl Observer for Ear {
    fn notice(&self, occurrence: Occurrence) {
        self.0.lock().unwrap().push((occurrence.operation, occurrence.code));
    }
}

pub struct World {
    pub guild: Fake,
    pub settings: FakeSettings,
    pub access: FakeAccess,
    pub permissions: FakePermissions,
    pub observer: Ear,
    pub clock: Arc<ManualClock>,
    pub tenant: TenantId,
    pub moderation: Arc<Moderation>,
    pub catalogue: Arc<Catalogue>,
    pub flows: Handle,
    pub store: Store,
    running: Vec<JoinHandle<()>>,
    readers: AtomicU64,
    _database: Option<TestStore>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.crash();
    }
}

impl World {
    /// On SQLite.
    pub async fn new() -> Self {
        let database = guildhall_store::testkit::sqlite(tables()).await;
        let mut world = Self::on(database.store()).await;
        world._database = Some(database);
        world
    }

    pub async fn on(store: Store) -> Self {
        let settings = FakeSettings::default();
        settings.set("logs.moderation", LOG.to_string());
        settings.set("logs.reports", REPORTS.to_string());
        settings.set("jail.role", JAIL.to_string());
        let clock = Arc::new(ManualClock::default());
        let (guild, access, permissions) = (Fake::new(), FakeAccess::default(), FakePermissions::default());
        let observer = Ear::default();
        let (moderation, catalogue, flows, running) =
            start(&store, &guild, &settings, &access, &permissions, &observer, &clock);
        let tenant = "guild".parse().unwrap();
        Self {
            guild,
            settings,
            access,
            permissions,
            observer,
            clock,
            tenant,
            moderation,
            catalogue,
            flows,
            store,
            running,
            readers: AtomicU64::new(0),
            _database: None,
        }
    }

    /// The program ends without a word.
    pub fn crash(&mut self) {
        self.running.drain(..).for_each(|task| task.abort());
    }

    /// The program ends without a word and is started again.
    pub async fn restart(&mut self) {
        for task in self.running.drain(..) {
            task.abort();
            let _ = task.await;
        }
        let Self { store, guild, settings, access, permissions, observer, clock, .. } = &*self;
        let (moderation, catalogue, flows, running) =
            start(store, guild, settings, access, permissions, observer, clock);
        (self.moderation, self.catalogue, self.flows, self.running) = (moderation, catalogue, flows, running);
    }

    pub fn actor(&self, user: UserId, rank: Rank) -> Actor {
        let name = self.guild.lock().people.get(&user).map(|person| person.name.clone());
        Actor {
            tenant: self.tenant.clone(),
            id: ActorId::discord(user.0),
            name: name.unwrap_or_else(|| user.to_string()),
            face: Face::Discord,
            rank,
            scope: None,
        }
    }

    /// Calls an operation as somebody, in #general, and says yes to its question.
    pub async fn call_as(&self, actor: Actor, name: &str, input: Value) -> Result<(Value, Document), Error> {
        let mut request = Request::json(actor, name, input);
        request.channel = Some(ChannelId(GENERAL.0));
        request.confirmed = true;
        match self.catalogue.call(request).await? {
            Reply::Done { data, document, .. } => Ok((data, document)),
            Reply::Confirm { .. } => panic!("it was confirmed"),
        }
    }

    /// As Mia, a moderator.
    pub async fn call(&self, name: &str, input: Value) -> Result<(Value, Document), Error> {
        self.call_as(self.actor(MOD, Rank::MODERATOR), name, input).await
    }

    /// As [`World::call`], while time goes on: for what is tried again.
    pub async fn patiently(&self, name: &str, input: Value) -> Result<(Value, Document), Error> {
        let mut call = std::pin::pin!(self.call(name, input));
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        loop {
            tokio::select! {
                result = &mut call => return result,
                _ = tick.tick() => self.clock.advance(Duration::from_millis(100)),
            }
        }
    }

    pub async fn case(&self, number: i64) -> Value {
        // A reader of its own each time: one alone may not look that often.
        let reader = UserId(1_000_000 + self.readers.fetch_add(1, Ordering::Relaxed));
        let reader = self.actor(reader, Rank::OPERATOR);
        self.call_as(reader, "case show", serde_json::json!({ "number": number })).await.unwrap().0
    }

    pub async fn state(&self, number: i64) -> String {
        self.case(number).await["state"].as_str().unwrap().to_owned()
    }

    pub async fn notice(&self, event: GuildEvent) {
        self.moderation.listener().notice(&self.tenant, &event).await;
    }

    /// Waits until the condition holds; fails the test after 30 s.
    pub async fn until(&self, what: &str, mut condition: impl AsyncFnMut() -> bool) {
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        for _ in 0..6_000 {
            if condition().await {
                return;
            }
            tick.tick().await;
        }
        panic!("it did not come to this: {what}");
    }

    pub async fn until_state(&self, number: i64, state: &str) {
        self.until(&format!("case {number} is {state}"), async || self.state(number).await == state).await;
    }

    /// Waits until no flow of this kind is under way whose key begins so, while `pass` of time goes by at each
    /// look.
    pub async fn until_settled(&self, kind: &str, key: &str, pass: Duration) {
        let settled = async || {
            self.clock.advance(pass);
            let (flows, _) = self.flows.under_way(0, 200).await.unwrap();
            !flows.iter().any(|flow| flow.kind == kind && flow.key.starts_with(key))
        };
        self.until(&format!("no {kind} of {key} is under way"), settled).await;
    }

    /// As [`World::until_state`], while time goes on: what waits from now on looks at the clock only when it moves.
    pub async fn until_state_in_time(&self, number: i64, state: &str) {
        let pass = async || {
            self.clock.advance(Duration::from_secs(1));
            self.state(number).await == state
        };
        self.until(&format!("case {number} is {state}"), pass).await;
    }
}

fn start(
    store: &Store,
    guild: &Fake,
    settings: &FakeSettings,
    access: &FakeAccess,
    permissions: &FakePermissions,
    observer: &Ear,
    clock: &Arc<ManualClock>,
) -> (Arc<Moderation>, Arc<Catalogue>, Handle, Vec<JoinHandle<()>>) {
    // A crashed engine's leases run out in real programs; here nobody else is at the store.
    let builder = Engine::builder(store.clone(), clock.clone()).sole();
    let clock: Arc<dyn Clock> = clock.clone();
    let moderation = Moderation::new(Seams {
        store: store.clone(),
        events: EventStore::new(store.clone(), clock.clone()),
        flows: builder.handle(),
        guilds: Arc::new(guild.clone()),
        courier: Arc::new(guild.clone()),
        settings: Arc::new(settings.clone()),
        access: Arc::new(access.clone()),
        ranking: Arc::new(FakeRanks),
        permissions: Arc::new(permissions.clone()),
        observer: Arc::new(observer.clone()),
        clock: clock.clone(),
    });
    let flows = builder.handle();
    let engine = moderation.register(builder).build();
    let audit = Arc::new(AuditStore::new(store.clone()));
    let catalogue = Catalogue::builder(audit, clock, Arc::new(permissions.clone()))
        .add(operations(), moderation.clone())
        .guilds(Arc::new(guild.clone()))
        .build();
    let running = vec![
        tokio::spawn(async move { engine.run(std::future::pending()).await }),
        tokio::spawn(moderation.clone().run(std::future::pending())),
    ];
    (moderation, Arc::new(catalogue), flows, running)
}
