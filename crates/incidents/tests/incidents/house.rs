//! An installation with one domain that fails on demand.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use guildhall_core::{
    Actor, ActorId, Answer, Call, CallId, Catalogue, Clock, Document, Effect, Error, EventLog as _, Face,
    Kind, ManualClock, NewEvent, Operation, Operations, Rank, Reply, Request, Subject, TenantId,
    event::Tell,
    fault::Faults,
    guild::{ChannelId, Courier, Delivery, MessageId, MessageLink, UserId},
    incident::{Observer, Occurrence},
    language::{LOCALES as CORE, Texts},
    permission::DefaultRanks,
    setting::{Defaults, Setting, Settings},
    upstream::{Policy, Upstream},
};
use guildhall_incidents::{Incidents, IncidentsConfig, LOCALES, Parts, migrations, operations};
use guildhall_store::{
    AuditStore, EventStore, Store,
    testkit::{TestStore, stores},
};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

pub const CHANNEL: ChannelId = ChannelId(77);

/// The domain that fails.
pub struct Shop {
    pub supplier: Upstream,
    pub events: EventStore,
    /// How often the supplier was asked.
    pub asked: AtomicU64,
}

/// Fails in the way that it is told.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Break {
    pub kind: Kind,
    pub text: String,
}

impl Operation for Break {
    type Domain = Shop;
    type Output = ();

    const NAME: &'static str = "shop break";
    const SUMMARY: &'static str = "Fail";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Change;

    async fn run(self, shop: &Shop, call: &Call) -> Result<Answer<()>, Error> {
        // What broke is told where everybody reads it.
        let event = NewEvent {
            tenant: call.tenant().clone(),
            subject: Subject::Host("shop".to_owned()),
            kind: "shop.broke".to_owned(),
            run: None,
            outcome: None,
            data: serde_json::json!({ "why": self.text, self.text.as_str(): [self.text] }),
            document: Some(Document::titled(self.text.as_str()).text(self.text.as_str())),
            tell: Some(Tell::Open { topic: "shop".to_owned(), title: self.text.clone() }),
        };
        shop.events.append(event).await?;
        Err(match self.kind {
            Kind::Bug => Error::bug(self.text),
            Kind::Upstream => {
                Error::new(Kind::Upstream, "supplier_away", "The supplier said: boo.").because(self.text)
            }
            kind => {
                Error::new(kind, "out_of_stock", format!("There is no {}.", self.text)).remedy("Order some.")
            }
        })
    }
}

/// Asks the supplier.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Order {}

impl Operation for Order {
    type Domain = Shop;
    type Output = ();

    const NAME: &'static str = "shop order";
    const SUMMARY: &'static str = "Order more";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Change;

    async fn run(self, shop: &Shop, _: &Call) -> Result<Answer<()>, Error> {
        let ask = || async {
            shop.asked.fetch_add(1, Ordering::Relaxed);
            Ok::<(), Error>(())
        };
        shop.supplier.call(ask).await?;
        Ok(Answer::new((), Document::titled("Ordered")))
    }
}

/// Keeps what would have been written to Discord.
pub struct Post {
    pub messages: Mutex<BTreeMap<u64, Document>>,
    pub nonces: Mutex<Vec<String>>,
    pub edits: AtomicU64,
    /// The error that the next attempts fail with.
    pub failing: Mutex<Option<&'static str>>,
    /// Told of each failure, as a careless courier would.
    pub observer: Mutex<Option<Arc<dyn Observer>>>,
}

impl Post {
    fn attempt(&self) -> Result<(), Error> {
        let Some(code) = *self.failing.lock().unwrap() else { return Ok(()) };
        if let Some(observer) = self.observer.lock().unwrap().as_ref() {
            observer.notice(occurrence("ops", code, Kind::Upstream, "post", "Discord is away"));
        }
        Err(Error::new(Kind::Upstream, code, "Discord is away."))
    }

    pub fn all(&self) -> Vec<Document> {
        self.messages.lock().unwrap().values().cloned().collect()
    }
}

#[async_trait]
impl Courier for Post {
    async fn post(
        &self,
        tenant: &TenantId,
        channel: ChannelId,
        document: &Document,
        nonce: &str,
    ) -> Result<MessageId, Error> {
        assert_eq!((tenant.as_str(), channel), ("ops", CHANNEL));
        assert!((1..=25).contains(&nonce.len()), "{nonce}");
        self.attempt()?;
        self.nonces.lock().unwrap().push(nonce.to_owned());
        let mut messages = self.messages.lock().unwrap();
        let id = messages.len() as u64 + 1;
        messages.insert(id, document.clone());
        Ok(MessageId(id))
    }

    async fn edit(&self, _: &TenantId, at: MessageLink, document: &Document) -> Result<(), Error> {
        self.attempt()?;
        assert_eq!(at.channel, CHANNEL);
        assert!(self.messages.lock().unwrap().insert(at.message.0, document.clone()).is_some());
        self.edits.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn direct(&self, _: &TenantId, _: UserId, _: &Document, _: &str) -> Result<Delivery, Error> {
        Ok(Delivery::Closed)
    }
}

/// Settings that a test changes.
#[derive(Default)]
pub struct Set(pub Mutex<BTreeMap<&'static str, Value>>);

#[async_trait]
impl Settings for Set {
    async fn value(&self, tenant: &TenantId, setting: &'static Setting) -> Result<Value, Error> {
        let set = self.0.lock().unwrap().get(setting.key).cloned();
        match set {
            Some(value) => Ok(value),
            None => Defaults.value(tenant, setting).await,
        }
    }
}

pub struct House {
    pub name: &'static str,
    pub incidents: Arc<Incidents>,
    pub catalogue: Arc<Catalogue>,
    pub clock: Arc<ManualClock>,
    pub post: Arc<Post>,
    pub set: Arc<Set>,
    pub store: Store,
    pub shop: Arc<Shop>,
    kept: Option<TestStore>,
}

/// What differs from house to house.
#[derive(Default)]
pub struct Plan {
    pub dsn: Option<String>,
    pub secrets: Vec<SecretString>,
}

pub fn build(name: &'static str, store: Store, plan: Plan) -> House {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clock = Arc::new(ManualClock::default());
    let faults = Faults::new(clock.clone());
    let post = Arc::new(Post {
        messages: Mutex::default(),
        nonces: Mutex::default(),
        edits: AtomicU64::new(0),
        failing: Mutex::default(),
        observer: Mutex::default(),
    });
    let set = Arc::new(Set::default());
    let config = IncidentsConfig {
        operators_channel: Some(("ops".parse().unwrap(), CHANNEL)),
        sentry_dsn: plan.dsn.map(SecretString::from),
        environment: "test".to_owned(),
        release: "1.2.3".to_owned(),
        pepper: Some("pepper-for-tests".into()),
    };
    let parts = Parts {
        store: store.clone(),
        texts: Arc::new(Texts::new(&[CORE, LOCALES]).unwrap()),
        settings: set.clone(),
        courier: post.clone(),
        faults: faults.clone(),
        secrets: plan.secrets,
        clock: clock.clone(),
    };
    let incidents = Incidents::new(config, parts).unwrap();
    let shop = Arc::new(Shop {
        supplier: Upstream::new("supplier", Policy::default(), clock.clone(), faults.clone()),
        events: EventStore::new(store.clone(), clock.clone()),
        asked: AtomicU64::new(0),
    });
    let catalogue =
        Catalogue::builder(Arc::new(AuditStore::new(store.clone())), clock.clone(), Arc::new(DefaultRanks))
            .add(Operations::new().with::<Break>().with::<Order>(), shop.clone())
            .add(operations(), incidents.clone())
            .presenter(incidents.presenter())
            .observer(incidents.observer())
            .faults(faults)
            .build();
    let catalogue = Arc::new(catalogue);
    House { name, incidents, catalogue, clock, post, set, store, shop, kept: None }
}

/// One house on each database.
pub async fn houses(plan: impl Fn() -> Plan) -> Vec<House> {
    let stores = stores(migrations).await;
    let house = |kept: TestStore| House { kept: None, ..build(kept.name, kept.store(), plan()) }.keep(kept);
    stores.into_iter().map(house).collect()
}

/// One house on SQLite.
pub async fn house(plan: Plan) -> House {
    let kept = guildhall_store::testkit::sqlite(migrations()).await;
    build(kept.name, kept.store(), plan).keep(kept)
}

impl House {
    fn keep(mut self, kept: TestStore) -> Self {
        self.kept = Some(kept);
        self
    }

    /// Everything that its database holds, as text.
    pub async fn everything(&self) -> String {
        let kept = self.kept.as_ref().expect("it has a database of its own").everything().await;
        String::from_utf8_lossy(&kept).into_owned()
    }

    pub async fn call(&self, actor: &Actor, operation: &str, input: Value) -> Result<Reply, Error> {
        self.catalogue.call(Request::json(actor.clone(), operation, input)).await
    }

    /// The data of an answer, for which the call has to work.
    pub async fn data(&self, actor: &Actor, operation: &str, input: Value) -> Value {
        match self.call(actor, operation, input).await {
            Ok(Reply::Done { data, .. }) => data,
            other => panic!("{}: {operation} answered {other:?}", self.name),
        }
    }

    /// Lets the shop fail.
    pub async fn fail(&self, actor: &Actor, kind: Kind, text: &str) -> Error {
        let input = serde_json::json!({ "kind": kind, "text": text });
        self.call(actor, "shop break", input).await.unwrap_err()
    }

    pub fn notice(&self, tenant: &str, code: &'static str, kind: Kind, operation: &str, detail: &str) {
        let mut occurrence = occurrence(tenant, code, kind, operation, detail);
        occurrence.at = self.clock.now();
        self.incidents.notice(occurrence);
    }

    pub fn minutes(&self, minutes: u64) {
        self.clock.advance(std::time::Duration::from_secs(60 * minutes));
    }
}

pub fn occurrence(tenant: &str, code: &'static str, kind: Kind, operation: &str, detail: &str) -> Occurrence {
    Occurrence {
        at: OffsetDateTime::UNIX_EPOCH,
        code,
        kind,
        operation: operation.to_owned(),
        detail: detail.to_owned(),
        tenant: tenant.parse().unwrap(),
        actor: Some(ActorId::discord(118_765_432_109_876_543)),
        face: Face::Discord,
        call: Some(CallId(uuid::Uuid::new_v4())),
        trace: Some("0af7651916cd43dd8448eb211c80319c".to_owned()),
    }
}

pub fn actor(tenant: &str, rank: Rank) -> Actor {
    Actor {
        tenant: tenant.parse().unwrap(),
        id: ActorId::discord(42),
        name: "Ada".to_owned(),
        face: Face::Discord,
        rank,
        scope: None,
    }
}

/// All of a document as one text.
pub fn text(document: &Document) -> String {
    serde_json::to_string(document).unwrap()
}
