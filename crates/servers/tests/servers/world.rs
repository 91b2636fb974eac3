//! A community with staff and members, one host with a simulated agent, and everything between them.

#![expect(clippy::unwrap_used, reason = "what goes wrong here is to fail the test")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use guildhall_core::{
    Actor, ActorId, Block, Catalogue, Document, Error, Event, EventLog, Face, ManualClock, Outcome, Rank,
    Reply, Request, Rich, RunId, ServerId, TenantId,
    audit::{AuditLog, Record},
    document::Span,
    event::{Filter, Tell},
    permission::DefaultRanks,
};
use guildhall_flows::{Engine, FlowId, Handle};
use guildhall_link::testkit::SimulatedAgent;
use guildhall_recipes::Recipe;
use guildhall_servers::{RecipeBook, Servers, ServersConfig, operations};
use guildhall_store::{EventStore, testkit::TestStore};
use serde_json::{Value, json};
use std::sync::Mutex;

/// Keeps audit records for a test to look at.
#[derive(Default)]
pub struct Records(pub Mutex<Vec<Record>>);

#[async_trait]
impl AuditLog for Records {
    async fn record(&self, record: Record) -> Result<(), Error> {
        self.0.lock().unwrap().push(record);
        Ok(())
    }
}

pub struct World {
    pub catalogue: Arc<Catalogue>,
    pub servers: Servers,
    pub agent: SimulatedAgent,
    pub events: EventStore,
    pub flows: Handle,
    pub store: Arc<TestStore>,
    pub records: Arc<Records>,
    pub clock: Arc<ManualClock>,
    pub tenant: TenantId,
    running: Arc<AtomicBool>,
    _engine: tokio::task::JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.agent.detach();
        self.running.store(false, Ordering::Relaxed);
        self._engine.abort();
    }
}

pub fn migrations() -> Vec<Box<dyn sea_orm_migration::MigrationTrait>> {
    let mut migrations = guildhall_flows::migrations();
    migrations.extend(guildhall_servers::migrations());
    migrations
}

/// One world on each database.
pub async fn worlds() -> Vec<World> {
    worlds_with(ServersConfig { address: "play.example.org".to_owned(), ..ServersConfig::default() }).await
}

pub async fn worlds_with(config: ServersConfig) -> Vec<World> {
    let mut worlds = Vec::new();
    for store in guildhall_store::testkit::stores(migrations).await {
        worlds.push(World::new(store, config.clone()).await);
    }
    worlds
}

/// One world, on SQLite: for what does not depend on the database.
pub async fn world() -> World {
    let config = ServersConfig { address: "play.example.org".to_owned(), ..ServersConfig::default() };
    World::new(guildhall_store::testkit::sqlite(migrations()).await, config).await
}

/// The tests' game as one that reads no console.
pub fn deafgame() -> Recipe {
    let mut recipe = testgame();
    recipe.name = "deafgame".to_owned();
    recipe.console.input = guildhall_recipes::recipe::ConsoleInput::None;
    recipe
}

/// The tests' game as one that can throw players out, but not keep them out.
pub fn opengame() -> Recipe {
    let mut recipe = testgame();
    recipe.name = "opengame".to_owned();
    (recipe.access.ban, recipe.access.unban) = (None, None);
    recipe
}

pub fn testgame() -> Recipe {
    Recipe::parse(include_str!("testgame.toml"), "testgame.toml").expect("the tests' recipe is fine")
}

impl World {
    pub async fn new(store: TestStore, config: ServersConfig) -> Self {
        Self::on(Arc::new(store), config, Arc::default()).await
    }

    /// The control plane again, on the same store, with another configuration and a host that is set up anew.
    pub async fn again(self, config: ServersConfig) -> Self {
        let (store, clock) = (self.store.clone(), self.clock.clone());
        drop(self);
        clock.advance(Duration::from_secs(3_600));
        Self::on(store, config, clock).await
    }

    async fn on(store: Arc<TestStore>, config: ServersConfig, clock: Arc<ManualClock>) -> Self {
        let agent = SimulatedAgent::new("host-1".parse().unwrap(), clock.clone());
        let events = EventStore::new(store.store(), clock.clone());
        let engine = Engine::builder(store.store(), clock.clone());
        let servers = Servers::new(
            store.store(),
            events.clone(),
            engine.handle(),
            Arc::new(agent.clone()),
            RecipeBook::of([testgame(), deafgame(), opengame()]),
            config,
            clock.clone(),
        );
        let engine = servers.register(engine).build();
        let flows = engine.handle();
        let running = tokio::spawn(async move { engine.run(std::future::pending()).await });
        agent.attach(Arc::new(servers.clone()));
        let records = Arc::<Records>::default();
        let catalogue = Catalogue::builder(records.clone(), clock.clone(), Arc::new(DefaultRanks))
            .add(operations(), Arc::new(servers.clone()))
            .build();
        Self {
            catalogue: Arc::new(catalogue),
            servers,
            agent,
            events,
            flows,
            store,
            records,
            clock,
            tenant: "guild".parse().unwrap(),
            running: Arc::new(AtomicBool::new(true)),
            _engine: running,
        }
    }

    pub fn actor(&self, user: u64, name: &str, rank: Rank) -> Actor {
        Actor {
            tenant: self.tenant.clone(),
            id: ActorId::discord(user),
            name: name.to_owned(),
            face: Face::Discord,
            rank,
            scope: None,
        }
    }

    pub fn admin(&self) -> Actor {
        self.actor(1, "Ada", Rank::ADMIN)
    }

    pub fn member(&self) -> Actor {
        self.actor(2, "Ben", Rank::MEMBER)
    }

    pub async fn call(&self, actor: Actor, operation: &str, input: Value) -> Result<Reply, Error> {
        self.catalogue.call(Request::json(actor, operation, input)).await
    }

    /// Calls as an administrator, and gives the answer's data.
    pub async fn data(&self, operation: &str, input: Value) -> Value {
        match self.call(self.admin(), operation, input).await {
            Ok(Reply::Done { data, .. }) => data,
            other => panic!("{operation}: {other:?}"),
        }
    }

    pub async fn document(&self, operation: &str, input: Value) -> String {
        match self.call(self.admin(), operation, input).await {
            Ok(reply) => text(reply.document()),
            Err(error) => panic!("{operation}: {error}"),
        }
    }

    /// Calls, and returns when the job is over: with how it ended.
    pub async fn finish(&self, actor: Actor, operation: &str, input: Value) -> Outcome {
        let mut request = Request::json(actor, operation, input);
        request.confirmed = true;
        match self.catalogue.call(request).await {
            Ok(Reply::Done { follow: Some(follow), .. }) => self.outcome(follow.run).await,
            other => panic!("{operation}: {other:?}"),
        }
    }

    pub async fn outcome(&self, run: RunId) -> Outcome {
        let filter = Filter { run: Some(run), ..Filter::default() };
        let mut changes = self.events.changes();
        loop {
            changes.mark_unchanged();
            let told = self.events.after(0, &filter, 500).await.unwrap();
            if let Some(outcome) = told.iter().find_map(|event| event.outcome) {
                return outcome;
            }
            changes.changed().await.unwrap();
        }
    }

    pub async fn create(&self, name: &str) -> ServerId {
        self.create_from(name, "testgame").await
    }

    pub async fn create_from(&self, name: &str, recipe: &str) -> ServerId {
        let outcome =
            self.finish(self.admin(), "server create", json!({"name": name, "recipe": recipe})).await;
        assert_eq!(outcome, Outcome::Succeeded);
        self.id(name).await
    }

    pub async fn id(&self, name: &str) -> ServerId {
        let data = self.data("server status", json!({"server": name})).await;
        data["id"].as_str().unwrap().parse().unwrap()
    }

    pub async fn start(&self, name: &str) -> Outcome {
        self.finish(self.member(), "server start", json!({"server": name})).await
    }

    pub async fn stop(&self, name: &str) -> Outcome {
        self.finish(self.member(), "server stop", json!({"server": name})).await
    }

    pub async fn state(&self, name: &str) -> String {
        self.data("server status", json!({"server": name})).await["state"].as_str().unwrap().to_owned()
    }

    /// Returns once the server is in a state; whatever brings it there makes an event.
    pub async fn until_state(&self, name: &str, state: &str) {
        let mut changes = self.events.changes();
        loop {
            changes.mark_unchanged();
            if self.state(name).await == state {
                return;
            }
            changes.changed().await.unwrap();
        }
    }

    /// Returns once a job waits for its host.
    pub async fn until_waiting(&self, job: FlowId) {
        let waits = async || {
            let info = self.flows.info(job).await.unwrap().unwrap();
            info.waiting.is_some_and(|waiting| waiting.starts_with("signal"))
        };
        while !waits().await {
            tokio::task::yield_now().await;
        }
    }

    /// Returns once a job is stuck; the time goes on while it pauses between its tries.
    pub async fn until_stuck(&self, job: FlowId) {
        loop {
            let info = self.flows.info(job).await.unwrap().unwrap();
            if info.state == guildhall_flows::State::Stuck {
                return;
            }
            assert!(!info.state.is_settled(), "{info:?}");
            if info.waiting.is_some_and(|waiting| waiting.starts_with("undo")) {
                self.clock.advance(Duration::from_secs(1));
            }
            tokio::task::yield_now().await;
        }
    }

    pub async fn told(&self) -> Vec<Event> {
        let filter = Filter { tenant: Some(self.tenant.clone()), ..Filter::default() };
        self.events.after(0, &filter, 500).await.unwrap()
    }

    /// The kinds of events since a cursor.
    pub async fn kinds_after(&self, cursor: i64) -> Vec<String> {
        self.told().await.into_iter().filter(|event| event.cursor > cursor).map(|event| event.kind).collect()
    }

    pub async fn cursor(&self) -> i64 {
        self.events.newest().await.unwrap()
    }

    pub async fn reconcile(&self) {
        self.agent.until_idle().await;
        self.servers.reconcile().await.unwrap();
        self.agent.until_idle().await;
    }
}

/// Everything that people were told, as text.
pub fn told_text(events: &[Event]) -> String {
    let mut all = String::new();
    for event in events {
        let way = match &event.tell {
            None => "programs only".to_owned(),
            Some(Tell::Announce { title, .. }) => format!("announce '{title}'"),
            Some(Tell::Open { title, .. }) => format!("open '{title}'"),
            Some(Tell::Status { .. }) => "status".to_owned(),
            Some(Tell::Say { .. }) => "say".to_owned(),
            Some(Tell::Close { .. }) => "close".to_owned(),
        };
        let outcome = event.outcome.map(|outcome| format!(" -> {outcome:?}")).unwrap_or_default();
        all.push_str(&format!("== {} ({way}){outcome}\n", event.kind));
        if let Some(document) = &event.document {
            all.push_str(&text(document));
        }
    }
    all
}

/// A document as plain text.
pub fn text(document: &Document) -> String {
    let mut lines = Vec::new();
    if let Some(title) = &document.title {
        lines.push(format!("# {title} [{:?}]", document.tone));
    }
    for block in &document.blocks {
        match block {
            Block::Heading { text } => lines.push(format!("## {text}")),
            Block::Text { text } => lines.push(line(text)),
            Block::Fields { fields } => {
                lines.extend(fields.iter().map(|field| format!("{}: {}", field.name, line(&field.value))));
            }
            Block::Table(table) => {
                lines.push(table.columns.join(" | "));
                lines.extend(
                    table.rows.iter().map(|row| row.iter().map(line).collect::<Vec<_>>().join(" | ")),
                );
            }
            Block::Progress { label, done, total } => lines.push(format!("({done}/{total}) {label}")),
            Block::Code { text } => lines.push(format!("```\n{text}\n```")),
            Block::Image { url, .. } => lines.push(url.clone()),
            Block::Menu(_) | Block::Divider => {}
            Block::Actions { actions } => {
                let labels: Vec<String> = actions
                    .iter()
                    .map(|action| format!("[{}: {} {}]", action.label, action.operation, action.input))
                    .collect();
                lines.push(labels.join(" "));
            }
        }
    }
    lines.join("\n") + "\n"
}

fn line(rich: &Rich) -> String {
    let spans = rich.0.iter().map(|span| match span {
        Span::Plain(text) | Span::Strong(text) => text.clone(),
        Span::Code(text) => format!("`{text}`"),
        Span::Time(at) => format!("<{at}>"),
        Span::Ago(at) => format!("<{at}>"),
        Span::Person { name, .. } => format!("@{name}"),
        Span::Channel { name, .. } => name.clone(),
        Span::Link(address) => address.to_string(),
    });
    spans.collect()
}
