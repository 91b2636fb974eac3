//! The face on a free port, with everything behind it in memory.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, Once, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use axum::Router;
use guildhall_core::{
    Actor, ActorId, Catalogue, CatalogueBuilder, Error, Event, EventLog, Face, ManualClock, NewEvent, Rank,
    Subject, TenantId,
    audit::{AuditLog, Record},
    event::Filter,
    incident::Plain,
    language::Texts,
    permission::{DefaultRanks, Tokens},
};
use guildhall_http::{Http, HttpConfig, Part, Parts, Readiness, metrics};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, oneshot, watch},
    task::JoinHandle,
};

use crate::shed::{self, Shed};

pub const ADMIN: &str = "gh_admin_0123456789abcdef";
pub const MEMBER: &str = "gh_member_0123456789abcdef";
pub const SCOPED: &str = "gh_scoped_0123456789abcdef";
pub const STARTER: &str = "gh_starter_0123456789abcdef";
pub const STRANGER: &str = "gh_stranger_0123456789abcdef";
pub const TOKENS: [&str; 5] = [ADMIN, MEMBER, SCOPED, STARTER, STRANGER];

/// Nothing here takes this long unless it is broken.
pub const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Default)]
pub struct Records(Mutex<Vec<Record>>, watch::Sender<usize>);

#[async_trait]
impl AuditLog for Records {
    async fn record(&self, record: Record) -> Result<(), Error> {
        let mut records = self.0.lock().unwrap();
        records.push(record);
        self.1.send_replace(records.len());
        Ok(())
    }
}

impl Records {
    pub fn all(&self) -> Vec<Record> {
        self.0.lock().unwrap().clone()
    }

    pub fn last(&self) -> Record {
        self.all().pop().expect("a record")
    }

    /// Waits for a record of this operation.
    pub async fn wait_for(&self, operation: &str) -> Record {
        let mut changes = self.1.subscribe();
        let find = || self.all().into_iter().find(|record| record.operation == operation);
        let found = tokio::time::timeout(PATIENCE, changes.wait_for(|_| find().is_some())).await;
        drop(found.expect("a record in time"));
        find().unwrap()
    }
}

pub struct Happened {
    events: Mutex<Vec<Event>>,
    newest: watch::Sender<i64>,
}

#[async_trait]
impl EventLog for Happened {
    async fn append(&self, event: NewEvent) -> Result<i64, Error> {
        let mut events = self.events.lock().unwrap();
        let cursor = i64::try_from(events.len()).unwrap() + 1;
        let NewEvent { tenant, subject, kind, run, outcome, data, document, tell } = event;
        let at = OffsetDateTime::UNIX_EPOCH;
        events.push(Event { cursor, at, tenant, subject, kind, run, outcome, data, document, tell });
        drop(events);
        self.newest.send_replace(cursor);
        Ok(cursor)
    }

    async fn after(&self, cursor: i64, filter: &Filter, limit: u64) -> Result<Vec<Event>, Error> {
        let events = self.events.lock().unwrap();
        let wanted = |event: &&Event| {
            event.cursor > cursor
                && filter.tenant.as_ref().is_none_or(|tenant| *tenant == event.tenant)
                && filter.subject.as_ref().is_none_or(|subject| *subject == event.subject)
                && filter.run.is_none_or(|run| Some(run) == event.run)
        };
        Ok(events.iter().filter(wanted).take(usize::try_from(limit).unwrap()).cloned().collect())
    }

    async fn newest(&self) -> Result<i64, Error> {
        Ok(*self.newest.borrow())
    }

    fn changes(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }
}

impl Happened {
    pub async fn tell(&self, tenant: &str, subject: Subject, data: Value) -> i64 {
        let event = NewEvent {
            tenant: tenant.parse().unwrap(),
            subject,
            kind: "test.told".to_owned(),
            run: None,
            outcome: None,
            data,
            document: None,
            tell: None,
        };
        self.append(event).await.unwrap()
    }
}

pub struct Holders(Mutex<HashMap<String, Actor>>);

#[async_trait]
impl Tokens for Holders {
    async fn holder(&self, secret: &str) -> Result<Option<Actor>, Error> {
        Ok(self.0.lock().unwrap().get(secret).cloned())
    }
}

impl Holders {
    pub fn revoke(&self, secret: &str) {
        self.0.lock().unwrap().remove(secret);
    }
}

pub struct State(pub Mutex<Vec<Part>>);

#[async_trait]
impl Readiness for State {
    async fn parts(&self) -> Vec<Part> {
        self.0.lock().unwrap().clone()
    }
}

pub struct Harness {
    pub address: SocketAddr,
    pub records: Arc<Records>,
    pub events: Arc<Happened>,
    pub tokens: Arc<Holders>,
    pub state: Arc<State>,
    pub shed: Arc<Shed>,
    pub clock: Arc<ManualClock>,
    pub http: Http,
    pub web: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    pub serving: Option<JoinHandle<std::io::Result<()>>>,
}

pub struct Answered {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answered {
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

pub fn config() -> HttpConfig {
    HttpConfig::new("127.0.0.1:0".parse().unwrap(), "installation".parse().unwrap())
}

pub fn ring() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
}

/// Everything that is logged in this process, on every level.
pub fn logged() -> String {
    String::from_utf8_lossy(&log().lock().unwrap()).into_owned()
}

fn log() -> &'static Arc<Mutex<Vec<u8>>> {
    #[derive(Clone)]
    struct Keep(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Keep {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    static LOG: OnceLock<Arc<Mutex<Vec<u8>>>> = OnceLock::new();
    LOG.get_or_init(|| {
        let log: Arc<Mutex<Vec<u8>>> = Arc::default();
        let keep = Keep(log.clone());
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || keep.clone())
            .init();
        log
    })
}

fn actor(tenant: &str, name: &str, rank: Rank, scope: Option<&[&str]>) -> Actor {
    Actor {
        tenant: tenant.parse::<TenantId>().unwrap(),
        id: ActorId::token(name),
        name: name.to_owned(),
        face: Face::Rest,
        rank,
        scope: scope.map(|scope| scope.iter().map(|&entry| entry.to_owned()).collect()),
    }
}

impl Harness {
    pub async fn start() -> Self {
        Self::with(config()).await
    }

    pub async fn with(config: HttpConfig) -> Self {
        Self::beside(config, Router::new()).await
    }

    /// Starts with another router merged in, as the wiring does.
    pub async fn beside(config: HttpConfig, beside: Router) -> Self {
        Self::furnished(config, beside, |catalogue| catalogue).await
    }

    /// Starts with another router, and with more in the catalogue.
    pub async fn furnished(
        config: HttpConfig,
        beside: Router,
        furnish: impl FnOnce(CatalogueBuilder) -> CatalogueBuilder,
    ) -> Self {
        ring();
        log();
        let records = Arc::new(Records::default());
        let events = Arc::new(Happened { events: Mutex::default(), newest: watch::Sender::new(0) });
        let holders = [
            (ADMIN, actor("guild", "admin", Rank::ADMIN, None)),
            (MEMBER, actor("guild", "member", Rank::MEMBER, None)),
            (SCOPED, actor("guild", "scoped", Rank::ADMIN, Some(&["host"]))),
            (STARTER, actor("guild", "starter", Rank::ADMIN, Some(&["server start"]))),
            (STRANGER, actor("elsewhere", "stranger", Rank::ADMIN, None)),
        ];
        let holders = holders.map(|(secret, actor)| (secret.to_owned(), actor));
        let tokens = Arc::new(Holders(Mutex::new(HashMap::from(holders))));
        let state = Arc::new(State(Mutex::new(vec![Part::ok("store")])));
        let shed = Arc::new(Shed {
            servers: Mutex::new(["survival".to_owned()].into()),
            events: events.clone(),
            gate: Semaphore::new(0),
            waiting: Semaphore::new(0),
        });
        let operations = shed::operations();
        let names: Vec<&'static str> = operations.specs().map(|spec| spec.name).collect();
        let audit = Arc::new(metrics::Counted::new(records.clone(), names));
        let clock = Arc::new(ManualClock::default());
        let texts = Texts::new(&[guildhall_core::language::LOCALES, guildhall_http::LOCALES]).unwrap();
        let catalogue = Catalogue::builder(audit, clock.clone(), Arc::new(DefaultRanks))
            .add(operations, shed.clone())
            .presenter(Arc::new(Plain(Arc::new(texts))));
        let catalogue = furnish(catalogue).build();
        let parts = Parts {
            catalogue: Arc::new(catalogue),
            events: events.clone(),
            tokens: tokens.clone(),
            readiness: state.clone(),
            clock: clock.clone(),
            metrics: metrics::install().unwrap(),
        };
        let listener = TcpListener::bind(config.listen).await.unwrap();
        let address = listener.local_addr().unwrap();
        let http = Http::new(config, parts);
        let (stop, stopped) = oneshot::channel();
        let (serving, router) = (http.clone(), http.routes().merge(beside));
        let serving = tokio::spawn(async move {
            let shutdown = async {
                let _ = stopped.await;
            };
            serving.serve(listener, router, shutdown).await
        });
        let web = reqwest::Client::builder().tls_certs_only(std::iter::empty()).no_proxy().build().unwrap();
        let (stop, serving) = (Some(stop), Some(serving));
        Self { address, records, events, tokens, state, shed, clock, http, web, stop, serving }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn request(&self, method: &str, path: &str, token: &str) -> reqwest::RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.web.request(method, self.url(path)).timeout(PATIENCE);
        if token.is_empty() { request } else { request.bearer_auth(token) }
    }

    pub async fn ask(&self, method: &str, path: &str, token: &str) -> Answered {
        answered(self.request(method, path, token)).await
    }

    pub async fn send(&self, method: &str, path: &str, token: &str, body: Value) -> Answered {
        answered(self.request(method, path, token).json(&body)).await
    }

    pub async fn call(&self, operation: &str, token: &str, body: Value) -> Answered {
        self.send("POST", &format!("/api/v1/operations/{operation}"), token, body).await
    }

    /// Begins the shutdown.
    pub fn stop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
    }

    /// The value of a metric without labels.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.request("GET", "/metrics", "").send().await.unwrap().text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }
}

pub async fn answered(request: reqwest::RequestBuilder) -> Answered {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or_else(|_| json!({ "not json": text }));
    Answered { status, headers, body }
}

/// Asks again until it holds.
pub async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    let waiting = async {
        while !holds().await {
            ticks.tick().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "it never came true that {what}");
}
