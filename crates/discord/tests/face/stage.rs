//! What a test needs around the face: memory instead of a store, and a Discord that writes down what it is
//! asked and answers as Discord does.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use ed25519_dalek::{Signer, SigningKey};
use guildhall_core::{
    Catalogue, Clock, Document, Error, Event, EventLog, ManualClock, NewEvent, Rank, ServerId, Subject,
    TenantId,
    audit::{AuditLog, Record},
    event::{Filter, Tell},
    fault::Faults,
    incident::Plain,
    language::{self, Texts},
    notebook::Notebook,
    permission::{DefaultRanks, Member, Ranking},
    setting::{Setting, Settings},
    upstream::{Policy, Upstream},
};
use guildhall_discord::{Community, Discord, DiscordConfig, LOCALES, Parts, Post};
use guildhall_guilds::{DiscordGuilds, GuildsConfig};
use guildhall_sim::{Direction, Exchange};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
    task::JoinHandle,
};

use crate::{
    conformance,
    toys::{self, Toys},
};

pub const APPLICATION: u64 = 4_000_000_000_000_000_001;
pub const GUILD: u64 = 5_000_000_000_000_000_001;
pub const ANNOUNCE: u64 = 6_000_000_000_000_000_001;
pub const USER: u64 = 7_000_000_000_000_000_001;
pub const TOKEN: &str = "bot-token-that-must-not-leak";

/// How long a test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// The clock as the tests read it.
pub trait Now {
    fn now_seconds(&self) -> i64;
    fn now_text(&self) -> String {
        self.now_seconds().to_string()
    }
}

impl Now for ManualClock {
    fn now_seconds(&self) -> i64 {
        self.now().unix_timestamp()
    }
}

/// Records in memory.
#[derive(Default)]
pub struct Audit(pub Mutex<Vec<Record>>);

#[async_trait]
impl AuditLog for Audit {
    async fn record(&self, record: Record) -> Result<(), Error> {
        self.0.lock().unwrap().push(record);
        Ok(())
    }
}

impl Audit {
    /// Operation, verdict and code of each record.
    pub fn seen(&self) -> Vec<(String, &'static str, String)> {
        let line = |r: &Record| (r.operation.clone(), r.verdict.as_str(), r.code.clone().unwrap_or_default());
        self.0.lock().unwrap().iter().map(line).collect()
    }
}

/// Which notes make the notebook panic when they are written.
pub type Trap = Box<dyn FnMut(&str, &Value) -> bool + Send>;

/// A notebook in memory, with the real one's limit, and the keys that were looked up.
#[derive(Default)]
pub struct Book(
    pub Mutex<BTreeMap<(String, String, String), Value>>,
    pub Mutex<Option<Trap>>,
    pub Mutex<Vec<String>>,
);

#[async_trait]
impl Notebook for Book {
    async fn get(&self, tenant: &TenantId, owner: &str, key: &str) -> Result<Option<Value>, Error> {
        self.2.lock().unwrap().push(key.to_owned());
        let key = (tenant.to_string(), owner.to_owned(), key.to_owned());
        Ok(self.0.lock().unwrap().get(&key).cloned())
    }

    async fn put(&self, tenant: &TenantId, owner: &str, key: &str, value: Value) -> Result<(), Error> {
        assert!(value.to_string().len() <= 64 * 1024, "a note is at most 64 KiB");
        let sprung = self.1.lock().unwrap().as_mut().is_some_and(|trap| trap(key, &value));
        assert!(!sprung, "the trap at {key}");
        let key = (tenant.to_string(), owner.to_owned(), key.to_owned());
        self.0.lock().unwrap().insert(key, value);
        Ok(())
    }

    async fn remove(&self, tenant: &TenantId, owner: &str, key: &str) -> Result<(), Error> {
        let key = (tenant.to_string(), owner.to_owned(), key.to_owned());
        self.0.lock().unwrap().remove(&key);
        Ok(())
    }
}

/// An event log in memory.
pub struct Log {
    events: Mutex<Vec<Event>>,
    clock: Arc<dyn Clock>,
    changes: watch::Sender<i64>,
}

impl Log {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { events: Mutex::default(), clock, changes: watch::Sender::new(0) }
    }
}

#[async_trait]
impl EventLog for Log {
    async fn append(&self, event: NewEvent) -> Result<i64, Error> {
        let mut events = self.events.lock().unwrap();
        let cursor = events.last().map_or(0, |event| event.cursor) + 1;
        let NewEvent { tenant, subject, kind, run, outcome, data, document, tell } = event;
        let at = self.clock.now();
        events.push(Event { cursor, at, tenant, subject, kind, run, outcome, data, document, tell });
        self.changes.send_replace(cursor);
        Ok(cursor)
    }

    async fn after(&self, cursor: i64, filter: &Filter, limit: u64) -> Result<Vec<Event>, Error> {
        let events = self.events.lock().unwrap();
        let wanted = |event: &&Event| {
            event.cursor > cursor && filter.tenant.as_ref().is_none_or(|tenant| *tenant == event.tenant)
        };
        Ok(events.iter().filter(wanted).take(usize::try_from(limit).unwrap()).cloned().collect())
    }

    async fn newest(&self) -> Result<i64, Error> {
        Ok(self.events.lock().unwrap().last().map_or(0, |event| event.cursor))
    }

    fn changes(&self) -> watch::Receiver<i64> {
        self.changes.subscribe()
    }
}

/// Administrators are administrators, the rest are members.
pub struct ByPermission;

#[async_trait]
impl Ranking for ByPermission {
    async fn rank(&self, member: &Member) -> Result<Rank, Error> {
        Ok(if member.administrator { Rank::ADMIN } else { Rank::MEMBER })
    }
}

/// Settings in memory, by tenant and key, and whether they take a moment, as from a store.
#[derive(Default)]
pub struct Set(pub Mutex<BTreeMap<(String, &'static str), Value>>, pub AtomicBool);

#[async_trait]
impl Settings for Set {
    async fn value(&self, tenant: &TenantId, setting: &'static Setting) -> Result<Value, Error> {
        if self.1.load(Ordering::Relaxed) {
            tokio::task::yield_now().await;
        }
        let set = self.0.lock().unwrap().get(&(tenant.to_string(), setting.key)).cloned();
        Ok(set.unwrap_or_else(|| setting.default_value()))
    }
}

impl Set {
    /// Sets something for the tests' community.
    pub fn set(&self, setting: &'static Setting, value: Value) {
        self.0.lock().unwrap().insert((tenant().to_string(), setting.key), value);
    }
}

/// One request that Discord got.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub body: Value,
}

impl Asked {
    /// All text of the message in it.
    pub fn words(&self) -> String {
        words(&self.body)
    }
}

/// All text of a message, its buttons' labels included.
pub fn words(value: &Value) -> String {
    match value {
        Value::Array(parts) => parts.iter().map(words).collect::<Vec<_>>().join("\n"),
        Value::Object(object) => {
            let own =
                ["content", "label"].iter().filter_map(|key| object.get(*key)?.as_str().map(str::to_owned));
            let inner = ["components", "data"].iter().filter_map(|key| object.get(*key).map(words));
            own.chain(inner).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// Every button of a message: label and `custom_id`.
pub fn buttons(value: &Value) -> Vec<(String, String)> {
    match value {
        Value::Array(parts) => parts.iter().flat_map(buttons).collect(),
        Value::Object(object) => {
            let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let own = (object.get("type") == Some(&json!(2))).then(|| (text("label"), text("custom_id")));
            let inner = ["components", "data"].iter().filter_map(|key| object.get(*key)).flat_map(buttons);
            own.into_iter().chain(inner).collect()
        }
        _ => Vec::new(),
    }
}

/// The button with this label.
pub fn button(message: &Value, label: &str) -> String {
    let all = buttons(message);
    let found = all.iter().find(|(name, _)| name == label);
    found.unwrap_or_else(|| panic!("no button '{label}' in {all:?}")).1.clone()
}

/// Whether only one person sees a message.
pub fn is_ephemeral(flags: &Value) -> bool {
    flags.as_u64().is_some_and(|flags| flags & 64 != 0)
}

#[derive(Default)]
struct Memory {
    asked: Vec<Asked>,
    messages: HashMap<String, Vec<Value>>,
    failures: Vec<Failure>,
    down: bool,
    last: u64,
}

struct Failure {
    method: &'static str,
    part: String,
    left: usize,
    status: u16,
    code: u64,
    /// The request has its effect, and only the answer is lost.
    after: bool,
}

/// A Discord that writes down what it is asked.
#[derive(Clone)]
pub struct Fake {
    memory: Arc<Mutex<Memory>>,
    clock: Arc<ManualClock>,
    changes: watch::Sender<usize>,
    pub url: String,
}

impl Fake {
    async fn start(clock: Arc<ManualClock>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let fake = Self { memory: Arc::default(), clock, changes: watch::Sender::new(0), url };
        let router = Router::new().fallback(answer).with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        fake
    }

    /// The next `times` requests like this fail.
    pub fn fail(&self, method: &'static str, part: &str, times: usize, status: u16, code: u64) {
        let failure = Failure { method, part: part.to_owned(), left: times, status, code, after: false };
        self.memory.lock().unwrap().failures.push(failure);
    }

    /// The next request like this is carried out, but its answer is lost.
    pub fn lose_answer(&self, method: &'static str, part: &str) {
        let failure = Failure { method, part: part.to_owned(), left: 1, status: 502, code: 0, after: true };
        self.memory.lock().unwrap().failures.push(failure);
    }

    /// Lets every request fail, or none any more.
    pub fn set_down(&self, down: bool) {
        self.memory.lock().unwrap().down = down;
    }

    /// How many requests have come.
    pub fn requests(&self) -> usize {
        self.memory.lock().unwrap().asked.len()
    }

    /// Forgets nonces, as Discord does after some minutes.
    pub fn forget_nonces(&self) {
        for message in self.memory.lock().unwrap().messages.values_mut().flatten() {
            message.as_object_mut().unwrap().remove("nonce");
        }
    }

    /// What was asked so far.
    pub fn asked(&self, method: &str, part: &str) -> Vec<Asked> {
        let memory = self.memory.lock().unwrap();
        memory
            .asked
            .iter()
            .filter(|asked| asked.method == method && asked.path.contains(part))
            .cloned()
            .collect()
    }

    /// Waits until `count` requests like this have come, and returns the last of them.
    pub async fn wait(&self, method: &str, part: &str, count: usize) -> Asked {
        let mut changes = self.changes.subscribe();
        let come = changes.wait_for(|_| self.asked(method, part).len() >= count);
        match tokio::time::timeout(PATIENCE, come).await {
            Ok(_) => self.asked(method, part).remove(count - 1),
            Err(_) => panic!(
                "{count} × {method} {part} did not come, only {:#?}",
                self.memory
                    .lock()
                    .unwrap()
                    .asked
                    .iter()
                    .map(|a| format!("{} {}", a.method, a.path))
                    .collect::<Vec<_>>()
            ),
        }
    }

    fn carry_out(&self, memory: &mut Memory, method: &str, path: &str, body: &Value) -> (u16, Value) {
        memory.last += 1;
        let milliseconds = u64::try_from(self.clock.now().unix_timestamp_nanos() / 1_000_000).unwrap();
        let id = (milliseconds - 1_420_070_400_000) << 22 | memory.last;
        let parts: Vec<&str> = path.trim_start_matches("/api/v10/").split('/').collect();
        match (method, parts.as_slice()) {
            ("GET", ["gateway", "bot"]) => (200, json!({"url": "ws://127.0.0.1:9/", "shards": 1})),
            ("GET", ["users", "@me"]) => (200, json!({"id": APPLICATION.to_string()})),
            ("POST", ["users", "@me", "channels"]) => (200, json!({"id": "99"})),
            ("PUT", ["applications", ..]) => (200, json!([])),
            ("POST", ["interactions", _, _, "callback"]) | ("DELETE", _) => (204, Value::Null),
            ("GET", ["channels", channel, "messages"]) => {
                (200, json!(memory.messages.get(*channel).cloned().unwrap_or_default()))
            }
            ("POST", ["channels", channel, "messages"]) => {
                let kept = memory.messages.entry((*channel).to_owned()).or_default();
                let same = kept.iter().find(|kept| {
                    body["enforce_nonce"] == json!(true)
                        && kept.get("nonce").is_some_and(|n| *n == body["nonce"])
                });
                if let Some(same) = same {
                    return (200, same.clone());
                }
                let message = json!({
                    "id": id.to_string(),
                    "channel_id": channel,
                    "author": {"id": APPLICATION.to_string()},
                    "components": body["components"],
                    "nonce": body["nonce"],
                });
                kept.insert(0, message.clone());
                (200, message)
            }
            ("POST", ["channels", _, "messages", message, "threads"]) => (201, json!({"id": message})),
            ("PATCH" | "GET", ["webhooks", _, _, "messages", _]) => {
                (200, json!({"id": "77", "channel_id": ANNOUNCE.to_string()}))
            }
            _ => (200, json!({"id": id.to_string(), "channel_id": parts.get(1)})),
        }
    }
}

async fn answer(State(fake): State<Fake>, method: Method, uri: Uri, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (method, path) = (method.to_string(), uri.path().to_owned());
    let (status, answer) = {
        let mut memory = fake.memory.lock().unwrap();
        let failure = memory
            .failures
            .iter_mut()
            .find(|failure| failure.left > 0 && failure.method == method && path.contains(&failure.part));
        let failure = failure.map(|failure| {
            failure.left -= 1;
            (failure.status, json!({"code": failure.code, "message": "no"}), failure.after)
        });
        let answer = match failure {
            _ if memory.down => (503, json!({"code": 0, "message": "no"})),
            Some((status, problem, false)) => (status, problem),
            Some((status, problem, true)) => {
                fake.carry_out(&mut memory, &method, &path, &body);
                (status, problem)
            }
            None => fake.carry_out(&mut memory, &method, &path, &body),
        };
        memory.asked.push(Asked { method, path, body });
        answer
    };
    fake.changes.send_modify(|count| *count += 1);
    let status = StatusCode::from_u16(status).unwrap();
    if answer.is_null() { status.into_response() } else { (status, axum::Json(answer)).into_response() }
}

/// Asserts at the end that every request to the fake is one of Discord's.
struct Checked(Fake);

impl Drop for Checked {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let exchange = |asked: &Asked| Exchange {
            direction: Direction::ToDiscord,
            method: asked.method.clone(),
            path: asked.path.trim_start_matches("/api/v10").to_owned(),
            query: String::new(),
            request: (!asked.body.is_null()).then(|| asked.body.clone()),
            status: 0,
            response: None,
        };
        let requests: Vec<Exchange> = self.0.memory.lock().unwrap().asked.iter().map(exchange).collect();
        let wrong: Vec<String> =
            conformance::wrong_requests(&requests).iter().map(ToString::to_string).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

/// The face on a stage.
pub struct Stage {
    pub clock: Arc<ManualClock>,
    pub audit: Arc<Audit>,
    pub book: Arc<Book>,
    pub log: Arc<Log>,
    pub toys: Arc<Toys>,
    pub set: Arc<Set>,
    pub fake: Fake,
    pub config: DiscordConfig,
    pub guilds: Option<Arc<DiscordGuilds>>,
    /// Whether the next face has one operation more.
    pub more: bool,
    pub post: Arc<Post>,
    pub face: Arc<Discord>,
    _checked: Checked,
    key: SigningKey,
    pub base: String,
    client: reqwest::Client,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Stage {
    /// A face that answers over HTTP. Nothing of it runs in the background yet.
    pub async fn set() -> Self {
        Self::with(|_| {}).await
    }

    /// The same, configured otherwise.
    pub async fn with(change: impl FnOnce(&mut DiscordConfig)) -> Self {
        let clock = Arc::new(ManualClock::default());
        let fake = Fake::start(clock.clone()).await;
        let key = SigningKey::from_bytes(&[7; 32]);
        let public_key = hex::encode(key.verifying_key().as_bytes());
        let mut config = DiscordConfig::new(APPLICATION, public_key, SecretString::from(TOKEN));
        config.api_url = fake.url.clone();
        config.gateway = None;
        config.communities =
            vec![Community { tenant: tenant(), guild_id: GUILD, announce_channel: ANNOUNCE }];
        change(&mut config);
        let (log, book) = (Arc::new(Log::new(clock.clone())), Arc::new(Book::default()));
        let (audit, toys) = (Arc::new(Audit::default()), Arc::new(Toys::default()));
        let set = Arc::new(Set::default());
        let (audits, more) = (&audit, false);
        let props =
            Props { audit: audits, toys: &toys, log: &log, book: &book, set: &set, guilds: None, more };
        let (face, post) = put_up(&config, clock.clone(), &props);
        let base = serve(&face).await;
        let client = reqwest::Client::new();
        let (guilds, running) = (None, None);
        Self {
            _checked: Checked(fake.clone()),
            more,
            clock,
            audit,
            book,
            log,
            toys,
            set,
            fake,
            config,
            guilds,
            post,
            face,
            key,
            base,
            client,
            running,
        }
    }

    /// Puts a breaker between the face and Discord, as the program does.
    pub async fn guard(&mut self) -> Upstream {
        let clock: Arc<dyn Clock> = self.clock.clone();
        let upstream = Upstream::new("discord", Policy::default(), clock.clone(), Faults::new(clock));
        self.config.upstream = Some(upstream.clone());
        self.renew().await;
        upstream
    }

    /// Lets time pass in steps of half a second until it is `so`, and at most for so long. Between two steps a request
    /// goes to the face and back, so whatever asks Discord meanwhile has had the time to.
    pub async fn passes(&self, most: Duration, so: impl Fn() -> bool) -> bool {
        const STEP: Duration = Duration::from_millis(500);
        for _ in 0..most.as_millis() / STEP.as_millis() {
            if so() {
                return true;
            }
            self.clock.advance(STEP);
            let ping = json!({"id": "1", "application_id": APPLICATION.to_string(), "type": 1, "token": "t", "version": 1});
            assert_eq!(self.send(&ping).await.0, 200);
        }
        so()
    }

    /// Starts what runs in the background.
    pub fn run(&mut self) {
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(self.face.clone().run(async move {
            let _ = stopped.await;
        }));
        self.running = Some((stop, running));
    }

    /// Ends what runs in the background, and puts a new face in the old one's place, as a restart does.
    pub async fn restart(&mut self) {
        if let Some((stop, running)) = self.running.take() {
            let _ = stop.send(());
            tokio::time::timeout(PATIENCE, running).await.expect("the face ends").unwrap();
        }
        self.renew().await;
    }

    /// Ends the background at once, in the middle of whatever it does.
    pub async fn crash(&mut self) {
        if let Some((_, running)) = self.running.take() {
            running.abort();
            let _ = running.await;
        }
        self.renew().await;
    }

    async fn renew(&mut self) {
        let Self { audit, toys, log, book, set, more, .. } = &*self;
        let props = Props { audit, toys, log, book, set, guilds: self.guilds.clone(), more: *more };
        (self.face, self.post) = put_up(&self.config, self.clock.clone(), &props);
        self.base = serve(&self.face).await;
    }

    /// Lets the face have a directory that knows only what it is told.
    pub async fn learn(&mut self, frames: &[(&str, Value)]) {
        let mut config = GuildsConfig::new(APPLICATION, SecretString::from(TOKEN));
        config.api_url = self.fake.url.clone();
        config.communities = vec![(tenant(), GUILD)];
        let clock: Arc<dyn Clock> = self.clock.clone();
        let upstream = Upstream::new("discord", Policy::default(), clock.clone(), Faults::new(clock.clone()));
        let guilds = DiscordGuilds::new(config, upstream, clock).unwrap();
        for (kind, payload) in frames {
            guilds.frame(0, kind, &serde_json::value::to_raw_value(payload).unwrap());
        }
        self.guilds = Some(guilds);
        self.renew().await;
    }

    /// Sends a signed interaction and returns the status and the answer.
    pub async fn send(&self, interaction: &Value) -> (u16, Value) {
        self.post(interaction.to_string().into_bytes(), self.clock.now().unix_timestamp().to_string()).await
    }

    /// Signs and sends any body.
    pub async fn post(&self, body: Vec<u8>, timestamp: String) -> (u16, Value) {
        let signature = self.sign(&timestamp, &body);
        self.post_as(body, Some(&timestamp), Some(&signature)).await
    }

    /// The signature of a body.
    pub fn sign(&self, timestamp: &str, body: &[u8]) -> String {
        let signed: Vec<u8> = timestamp.bytes().chain(body.iter().copied()).collect();
        hex::encode(self.key.sign(&signed).to_bytes())
    }

    /// Sends a body with these headers.
    pub async fn post_as(
        &self,
        body: Vec<u8>,
        timestamp: Option<&str>,
        signature: Option<&str>,
    ) -> (u16, Value) {
        let mut request = self.client.post(format!("{}/interactions", self.base)).body(body);
        if let Some(timestamp) = timestamp {
            request = request.header("X-Signature-Timestamp", timestamp);
        }
        if let Some(signature) = signature {
            request = request.header("X-Signature-Ed25519", signature);
        }
        let response = tokio::time::timeout(PATIENCE, request.send()).await.expect("an answer").unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
    }

    /// Sends an interaction that must be taken, and returns the answer.
    pub async fn answer(&self, interaction: Value) -> Value {
        let (status, answer) = self.send(&interaction).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Sends in the background.
    pub fn begin(self: &Arc<Self>, interaction: Value) -> JoinHandle<Value> {
        let stage = self.clone();
        tokio::spawn(async move { stage.answer(interaction).await })
    }

    /// Waits until a slow operation has begun.
    pub async fn begun(&self) {
        tokio::time::timeout(PATIENCE, self.toys.begun.acquire()).await.expect("it begins").unwrap().forget();
    }

    /// Lets a slow operation end.
    pub fn open_gate(&self) {
        self.toys.gate.add_permits(1);
    }

    /// Tells an event.
    pub async fn tell(&self, tell: Tell, document: Document) -> i64 {
        self.log.append(event(tell, document)).await.unwrap()
    }

    /// Waits until there is a note whose key begins like this.
    pub async fn noted(&self, begin: &str) -> Value {
        let find = || {
            let notes = self.book.0.lock().unwrap();
            notes.iter().find(|((_, _, key), _)| key.starts_with(begin)).map(|(_, value)| value.clone())
        };
        let come = async {
            loop {
                match find() {
                    Some(value) => return value,
                    None => tokio::task::yield_now().await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, come).await.expect("a note")
    }

    /// Waits until it was looked up `times` times whether the commands have changed, and whatever comes of that
    /// has had time: an event is told, which takes several requests.
    pub async fn commands_considered(&self, times: usize) {
        let looked = || {
            let keys = self.book.2.lock().unwrap();
            keys.iter().filter(|key| key.starts_with("commands/")).count()
        };
        let come = async {
            while looked() < times {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, come).await.expect("the commands are considered");
        let topic = format!("considered-{times}");
        let announce = Tell::Announce { topic, title: "A title".to_owned() };
        let cursor = self.tell(announce, Document::titled("hello")).await;
        self.told(cursor).await;
    }

    /// The same, with the time going on meanwhile.
    pub async fn told_in_time(&self, cursor: i64) {
        let goes_on = async {
            loop {
                self.clock.advance(Duration::from_millis(100));
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = self.told(cursor) => {}
            () = goes_on => {}
        }
    }

    /// Waits until the teller has noted that everything up to `cursor` is dealt with.
    pub async fn told(&self, cursor: i64) {
        let come = async {
            while self.cursor() < cursor {
                tokio::task::yield_now().await;
            }
        };
        let told = tokio::time::timeout(PATIENCE, come).await;
        assert!(told.is_ok(), "told up to {} of {cursor}", self.cursor());
    }

    /// How far the teller has noted that everything is dealt with.
    pub fn cursor(&self) -> i64 {
        let key = (tenant().to_string(), "discord".to_owned(), "cursor".to_owned());
        self.book.0.lock().unwrap().get(&key).and_then(Value::as_i64).unwrap_or_default()
    }

    /// Whether it is noted that Discord has the commands.
    pub fn has_registered(&self) -> bool {
        self.book.0.lock().unwrap().keys().any(|(_, _, key)| key.starts_with("commands/"))
    }
}

/// What a face needs beside its configuration.
pub struct Props<'a> {
    pub audit: &'a Arc<Audit>,
    pub toys: &'a Arc<Toys>,
    pub log: &'a Arc<Log>,
    pub book: &'a Arc<Book>,
    pub set: &'a Arc<Set>,
    pub guilds: Option<Arc<DiscordGuilds>>,
    pub more: bool,
}

/// A face over the toys, and its post.
pub fn put_up(config: &DiscordConfig, clock: Arc<dyn Clock>, props: &Props<'_>) -> (Arc<Discord>, Arc<Post>) {
    let texts = Arc::new(Texts::new(&[language::LOCALES, LOCALES]).unwrap());
    let catalogue = Catalogue::builder(props.audit.clone(), clock.clone(), Arc::new(DefaultRanks))
        .add(toys::operations(props.more), props.toys.clone())
        .presenter(Arc::new(Plain(texts)))
        .build();
    let post = Post::new(config, props.book.clone(), clock.clone()).unwrap();
    let parts = Parts {
        catalogue: Arc::new(catalogue),
        events: props.log.clone(),
        notebook: props.book.clone(),
        ranking: Arc::new(ByPermission),
        settings: props.set.clone(),
        guilds: props.guilds.clone(),
        post: post.clone(),
        clock,
    };
    (Discord::new(config.clone(), parts).unwrap(), post)
}

/// Serves the face's routes and returns where.
pub async fn serve(face: &Arc<Discord>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let router = face.routes();
    tokio::spawn(async move { axum::serve(listener, router).await });
    base
}

/// Something to tell.
pub fn event(tell: Tell, document: Document) -> NewEvent {
    NewEvent {
        tenant: tenant(),
        subject: Subject::Server(ServerId::from(uuid::Uuid::nil())),
        kind: "toy.told".to_owned(),
        run: None,
        outcome: None,
        data: Value::Null,
        document: Some(document),
        tell: Some(tell),
    }
}

pub fn tenant() -> TenantId {
    "meadow".parse().unwrap()
}

static LAST: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);

fn interaction(kind: u8, data: &Value) -> Value {
    let id = LAST.fetch_add(1, Ordering::Relaxed);
    json!({
        "id": id.to_string(),
        "application_id": APPLICATION.to_string(),
        "type": kind,
        "token": format!("token-{id}"),
        "version": 1,
        "guild_id": GUILD.to_string(),
        "channel_id": ANNOUNCE.to_string(),
        "member": {
            "user": {"id": USER.to_string(), "username": "robin", "global_name": "Robin"},
            "roles": ["11", "12"],
            "permissions": "0",
        },
        "data": data,
    })
}

/// A slash command; a blank in the name makes a sub-command.
pub fn command(name: &str, options: &[(&str, Value)]) -> Value {
    interaction(2, &data_of(name, options, None))
}

/// Somebody types into `focused`.
pub fn typing(name: &str, options: &[(&str, Value)], focused: &str) -> Value {
    interaction(4, &data_of(name, options, Some(focused)))
}

fn data_of(name: &str, options: &[(&str, Value)], focused: Option<&str>) -> Value {
    let kind = |value: &Value| match value {
        Value::Bool(_) => 5,
        Value::Number(number) if number.is_i64() || number.is_u64() => 4,
        Value::Number(_) => 10,
        _ => 3,
    };
    let leaves: Vec<Value> = options
        .iter()
        .map(|(name, value)| {
            json!({"name": name, "type": kind(value), "value": value, "focused": focused == Some(*name)})
        })
        .collect();
    let words: Vec<&str> = name.split(' ').collect();
    let (first, rest) = words.split_first().unwrap();
    let mut inner = json!(leaves);
    for (depth, word) in rest.iter().enumerate().rev() {
        let kind = if depth + 1 == rest.len() { 1 } else { 2 };
        inner = json!([{"name": word, "type": kind, "options": inner}]);
    }
    json!({"id": "1", "name": first, "type": 1, "options": inner})
}

/// A button on a message that everybody sees, or that only the presser sees.
pub fn press(custom_id: &str, ephemeral: bool) -> Value {
    let mut press = interaction(3, &json!({"custom_id": custom_id, "component_type": 2}));
    press["message"] =
        json!({"id": "70", "channel_id": "71", "flags": if ephemeral { 64 | 32_768 } else { 32_768 }});
    press
}

/// Something chosen in a menu.
pub fn choose(custom_id: &str, ephemeral: bool, values: &[&str]) -> Value {
    let mut choice = press(custom_id, ephemeral);
    choice["data"] = json!({"custom_id": custom_id, "component_type": 3, "values": values});
    choice
}

/// An entry of the menu of a person (2) or a message (3).
pub fn entry(kind: u8, label: &str, target: u64) -> Value {
    interaction(2, &json!({"id": "1", "name": label, "type": kind, "target_id": target.to_string()}))
}

/// The same in a direct message, where there is no guild and no member.
pub fn in_private(mut interaction: Value) -> Value {
    let user = interaction["member"]["user"].clone();
    let object = interaction.as_object_mut().unwrap();
    object.retain(|key, _| key != "member" && key != "guild_id");
    object.insert("user".to_owned(), user);
    object.insert("channel_id".to_owned(), json!("99"));
    interaction
}

/// The same by somebody with this language.
pub fn speaking(locale: &str, mut interaction: Value) -> Value {
    interaction["locale"] = json!(locale);
    interaction
}

/// A form sent in.
pub fn form(custom_id: &str, inputs: &[(&str, &str)]) -> Value {
    let labels: Vec<Value> = inputs
        .iter()
        .map(|(name, value)| json!({"type": 18, "component": {"type": 4, "custom_id": name, "value": value}}))
        .collect();
    interaction(5, &json!({"custom_id": custom_id, "components": labels}))
}

/// The same, by an administrator.
pub fn by_admin(mut interaction: Value) -> Value {
    interaction["member"]["permissions"] = json!("8");
    interaction
}
