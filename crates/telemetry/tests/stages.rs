//! Where the time of a real call goes: a request to REST with a token, through the catalogue, to an operation that
//! reads, writes and asks another system, and back.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{
    sync::{
        Arc, Mutex, Once, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use axum::{
    Router,
    body::Body,
    http::{Request, header::AUTHORIZATION},
    middleware,
};
use guildhall_core::{
    Actor, Answer, Call, Catalogue, Clock, Document, Effect, Error, Kind, Operation, Operations, Rank, Spec,
    SystemClock, TenantId,
    fault::Faults,
    incident::{Presenter, Reader},
    permission::{DefaultRanks, Permissions, Requirement},
    upstream::{Policy, Upstream},
};
use guildhall_http::{Http, HttpConfig, Part, Parts, Readiness, metrics};
use guildhall_store::{AuditStore, EventStore, NewToken, Store, TokenStore, sequence, testkit};
use guildhall_telemetry::{Latency, Meter, Stage, Stages, migrations, otlp::Ids, request};
use schemars::JsonSchema;
use serde::Deserialize;
use tower::ServiceExt as _;
use tracing::{
    Id, Instrument as _,
    span::{Attributes, Record},
};
use tracing_subscriber::{Layer, Registry, layer::Context, prelude::*};

/// Works for so long, as a processor does.
fn busy(millis: u64) {
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(millis) {
        std::hint::spin_loop();
    }
}

const RANK: u64 = 5;
const RUN: u64 = 10;
const STORE: u64 = 40;
const UPSTREAM: u64 = 20;
const ANSWER: u64 = 5;

/// A domain with a store and a supplier.
struct Shop {
    store: Store,
    supplier: Upstream,
}

/// Buys something.
#[derive(Deserialize, JsonSchema)]
struct Buy {
    /// Whether the supplier has none left.
    #[serde(default)]
    sold_out: Option<bool>,
    /// Whether the supplier answers only when it is asked again.
    #[serde(default)]
    late: Option<bool>,
}

impl Operation for Buy {
    type Domain = Shop;
    type Output = i64;
    const NAME: &'static str = "shop buy";
    const SUMMARY: &'static str = "Buy something";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Change;

    async fn run(self, shop: &Shop, call: &Call) -> Result<Answer<i64>, Error> {
        busy(RUN);
        let tx = shop.store.begin().await?;
        // Reading while something is written takes the time once.
        TokenStore::new(shop.store.clone(), call.clock.clone()).list(call.tenant()).await?;
        busy(STORE);
        let number = sequence::next(&tx, call.tenant(), "order").await?;
        tx.commit().await?;
        let late = AtomicBool::new(self.late == Some(true));
        let delivery: Result<(), Error> = shop
            .supplier
            .call(|| async {
                busy(UPSTREAM);
                match self.sold_out {
                    Some(true) => Err(Error::new(Kind::Conflict, "sold_out", "There is none left.")),
                    _ if late.swap(false, Ordering::Relaxed) => {
                        Err(Error::new(Kind::Upstream, "busy", "Ask again."))
                    }
                    _ => Ok(()),
                }
            })
            .await;
        delivery.map(|()| Answer::new(number, Document::titled("Bought")))
    }
}

/// Takes its time to say who may.
struct Careful;

#[async_trait]
impl Permissions for Careful {
    async fn required(&self, actor: &Actor, spec: &Spec) -> Result<Requirement, Error> {
        busy(RANK);
        DefaultRanks.required(actor, spec).await
    }
}

/// Takes its time to find words.
struct Slow;

#[async_trait]
impl Presenter for Slow {
    async fn present(&self, _: &Reader, error: &Error) -> Document {
        busy(ANSWER);
        error.document()
    }

    fn without_secrets<'a>(&self, text: &'a str) -> std::borrow::Cow<'a, str> {
        text.into()
    }
}

struct Ready;

#[async_trait]
impl Readiness for Ready {
    async fn parts(&self) -> Vec<Part> {
        Vec::new()
    }
}

/// Notes each of Guildhall's spans with those around it, as `request/call/run`.
#[derive(Clone, Default)]
struct Ways(Arc<Mutex<Vec<String>>>);

impl Layer<Registry> for Ways {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, Registry>) {
        let ours = |target: &str| target.starts_with("guildhall");
        if ours(attributes.metadata().target()) {
            let around = context.span_scope(id).unwrap().filter(|span| ours(span.metadata().target()));
            let mut names: Vec<&str> = around.map(|span| span.name()).collect();
            names.reverse();
            self.0.lock().unwrap().push(names.join("/"));
        }
    }
}

impl Ways {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// What listens now. The database's own threads let go of spans too, and they know the process's subscriber alone;
/// so there is one, which tells whoever's turn it is.
static LISTENING: RwLock<Option<(Stages, Ways)>> = RwLock::new(None);
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

struct Relay;

impl Layer<Registry> for Relay {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, Registry>) {
        if let Some((stages, ways)) = &*LISTENING.read().unwrap() {
            stages.on_new_span(attributes, id, context.clone());
            ways.on_new_span(attributes, id, context);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, Registry>) {
        if let Some((stages, _)) = &*LISTENING.read().unwrap() {
            stages.on_record(id, values, context);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, Registry>) {
        if let Some((stages, _)) = &*LISTENING.read().unwrap() {
            stages.on_close(id, context);
        }
    }
}

/// Listens to what this house does from here on, and to nothing else.
fn listen(latency: &Arc<Latency>) -> Ways {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing_subscriber::registry().with(Relay).init());
    let (meter, ways) = (Meter::default(), Ways::default());
    meter.attach(latency.clone());
    *LISTENING.write().unwrap() = Some((Stages::new(meter), ways.clone()));
    ways
}

struct House {
    router: Router,
    token: String,
    latency: Arc<Latency>,
}

async fn house(store: &Store) -> House {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let faults = Faults::new(clock.clone());
    let supplier = Upstream::new("supplier", Policy::default(), clock.clone(), faults);
    let shop = Shop { store: store.clone(), supplier };
    let audit = Arc::new(AuditStore::new(store.clone()));
    let catalogue = Catalogue::builder(audit, clock.clone(), Arc::new(Careful))
        .add(Operations::new().with::<Buy>(), Arc::new(shop))
        .presenter(Arc::new(Slow))
        .build();
    let latency = Latency::new(store.clone(), clock.clone(), catalogue.specs().map(|spec| spec.name));
    let tokens = TokenStore::new(store.clone(), clock.clone());
    let tenant: TenantId = "guild".parse().unwrap();
    let new = NewToken { name: "shop".to_owned(), rank: Rank::MEMBER, scope: None, expires: None };
    let token = tokens.create(&tenant, new).await.unwrap();
    let parts = Parts {
        catalogue: Arc::new(catalogue),
        events: Arc::new(EventStore::new(store.clone(), clock.clone())),
        tokens: Arc::new(tokens),
        readiness: Arc::new(Ready),
        clock,
        metrics: metrics::install().unwrap(),
    };
    let http = Http::new(HttpConfig::new("127.0.0.1:0".parse().unwrap(), tenant), parts);
    // As the program puts it together.
    let router = http.routes().layer(middleware::from_fn_with_state(Ids::W3c, request::trace));
    House { router, token, latency }
}

impl House {
    async fn buy(&self, body: &'static str) -> u16 {
        let request = Request::post("/api/v1/operations/shop.buy")
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .body(Body::from(body))
            .unwrap();
        self.router.clone().oneshot(request).await.unwrap().status().as_u16()
    }

    /// Microseconds of the only call there was: the whole of it, and a stage.
    async fn only_call(&self) -> (u64, impl Fn(Stage) -> u64) {
        // The last one to let go of a span may be the database's own thread, a moment after the answer.
        let [one] = loop {
            let figures = self.latency.last_day().await.unwrap();
            if !figures.is_empty() {
                break figures.try_into().unwrap();
            }
            tokio::task::yield_now().await;
        };
        assert_eq!((one.operation.as_str(), one.calls), ("shop buy", 1));
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "microseconds of a second"
        )]
        let of = move |stage| (one.stages[&stage] * one.p99_us as f64) as u64;
        (one.p99_us, of)
    }
}

/// A figure has two digits, so one in a hundred may be lost.
fn at_least(millis: u64) -> u64 {
    millis * 1_000 * 98 / 100
}

#[tokio::test]
async fn every_stage_of_a_call_is_measured_once() {
    let _turn = TURN.lock().await;
    for store in testkit::stores(migrations).await {
        let house = house(&store).await;
        let ways = listen(&house.latency);
        assert_eq!(house.buy("{}").await, 200);
        let ways = ways.take();
        for way in [
            "request",
            "request/verify",
            "request/verify/store",
            "request/call",
            "request/call/rank",
            "request/call/run",
            "request/call/run/store",
            "request/call/run/upstream",
            "request/call/audit",
            "request/answer",
        ] {
            assert!(ways.iter().any(|known| known == way), "{}: {way} is not among {ways:?}", store.name);
        }

        let (whole, of) = house.only_call().await;
        let all: u64 = Stage::ALL.into_iter().map(&of).sum();
        assert!(of(Stage::Verify) > 0, "{}: a token is looked up", store.name);
        assert!(of(Stage::Rank) >= at_least(RANK), "{}: {}", store.name, of(Stage::Rank));
        assert!(of(Stage::Run) >= at_least(RUN), "{}: {}", store.name, of(Stage::Run));
        assert!(of(Stage::Store) >= at_least(STORE), "{}: {}", store.name, of(Stage::Store));
        assert!(of(Stage::Upstream) >= at_least(UPSTREAM), "{}: {}", store.name, of(Stage::Upstream));
        assert!(all <= whole + whole / 50, "{}: {all} of {whole} µs", store.name);
        // Neither the database's time nor the supplier's is in that of the operation.
        assert!(
            of(Stage::Run) + at_least(STORE + UPSTREAM + RANK) <= whole + whole / 50,
            "{}: {} of {whole} µs",
            store.name,
            of(Stage::Run)
        );
    }
}

#[tokio::test]
async fn the_pause_before_another_try_belongs_to_the_upstream() {
    let _turn = TURN.lock().await;
    let store = testkit::sqlite(migrations()).await;
    let house = house(&store).await;
    listen(&house.latency);
    assert_eq!(house.buy("{\"late\": true}").await, 200);
    let (whole, of) = house.only_call().await;
    let pause = u64::try_from(Policy::default().pause.as_millis()).unwrap();
    assert!(of(Stage::Upstream) >= at_least(2 * UPSTREAM + pause), "{} of {whole}", of(Stage::Upstream));
}

#[tokio::test]
async fn an_error_is_answered_in_a_stage_of_its_own() {
    let _turn = TURN.lock().await;
    let store = testkit::sqlite(migrations()).await;
    let house = house(&store).await;
    listen(&house.latency);
    assert_eq!(house.buy("{\"sold_out\": true}").await, 409);
    let (_, of) = house.only_call().await;
    assert!(of(Stage::Answer) >= at_least(ANSWER), "{}", of(Stage::Answer));
}

#[tokio::test]
async fn what_nobody_waits_for_makes_no_spans() {
    let _turn = TURN.lock().await;
    let store = testkit::sqlite(migrations()).await;
    let house = house(&store).await;
    let ways = listen(&house.latency);
    house.latency.last_day().await.unwrap();
    house.latency.write_down().await.unwrap();
    assert_eq!(ways.take(), Vec::<String>::new());
    let asked = async { house.latency.last_day().await.unwrap() };
    asked.instrument(tracing::info_span!(target: "guildhall", "request")).await;
    assert_eq!(ways.take(), ["request", "request/store"]);
}
