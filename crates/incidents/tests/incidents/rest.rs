//! The house behind the REST face and before a collector of traces, put together as in the program.

use std::sync::Arc;

use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::State,
    http::{Request, header::AUTHORIZATION},
    middleware,
    routing::post,
};
use futures::StreamExt as _;
use guildhall_core::{Rank, TenantId};
use guildhall_http::{Http, HttpConfig, Part, Parts, Readiness, metrics};
use guildhall_store::{EventStore, NewToken, TokenStore};
use guildhall_telemetry::{
    otlp::{Exporter, Ids, OtlpConfig},
    request,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tower::ServiceExt as _;
use tracing_subscriber::{Layer as _, filter::filter_fn, prelude::*};

use crate::house::{House, Plan, house, houses};

/// The face, and somebody who may use it.
pub struct Rest {
    router: Router,
    token: String,
}

struct Ready;

#[async_trait]
impl Readiness for Ready {
    async fn parts(&self) -> Vec<Part> {
        Vec::new()
    }
}

impl Rest {
    pub async fn of(house: &House) -> Self {
        let tenant: TenantId = "a".parse().unwrap();
        let tokens = TokenStore::new(house.store.clone(), house.clock.clone());
        let new = NewToken { name: "desk".to_owned(), rank: Rank::OPERATOR, scope: None, expires: None };
        let token = tokens.create(&tenant, new).await.unwrap();
        let parts = Parts {
            catalogue: house.catalogue.clone(),
            events: Arc::new(EventStore::new(house.store.clone(), house.clock.clone())),
            tokens: Arc::new(tokens),
            readiness: Arc::new(Ready),
            clock: house.clock.clone(),
            metrics: metrics::install().unwrap(),
        };
        let config = HttpConfig::new("127.0.0.1:0".parse().unwrap(), tenant);
        let trace = middleware::from_fn_with_state(Ids::W3c, request::trace);
        Self { router: Http::new(config, parts).routes().layer(trace), token }
    }

    async fn send(&self, request: Request<Body>) -> (u16, String) {
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), 1024 * 1024).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    pub async fn post(&self, path: &str, body: &str) -> (u16, String) {
        let request = Request::post(path).header(AUTHORIZATION, self.bearer());
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    pub async fn get(&self, path: &str) -> (u16, String) {
        let request = Request::get(path).header(AUTHORIZATION, self.bearer());
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Asks with another token.
    pub async fn get_as(&self, path: &str, token: &str) -> (u16, String) {
        let request = Request::get(path).header(AUTHORIZATION, format!("Bearer {token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Asks with a method of one's own.
    pub async fn ask(&self, method: &str, path: &str) -> (u16, String) {
        let request = Request::builder().method(method).uri(path).header(AUTHORIZATION, self.bearer());
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// The stream of events from its beginning, until so many have come.
    pub async fn events(&self, count: usize) -> String {
        let request = Request::get("/api/v1/events?after=0").header(AUTHORIZATION, self.bearer());
        let answer = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let mut frames = answer.into_body().into_data_stream();
        let mut told = String::new();
        while told.matches("\nevent: ").count() < count {
            told.push_str(std::str::from_utf8(&frames.next().await.unwrap().unwrap()).unwrap());
        }
        told
    }

    /// Lets the shop fail within a trace that the caller began.
    async fn fail_within(&self, trace: &str) -> String {
        let request = Request::post("/api/v1/operations/shop.break")
            .header(AUTHORIZATION, self.bearer())
            .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
        let body = json!({ "kind": "upstream", "text": "no bread" }).to_string();
        self.send(request.body(Body::from(body)).unwrap()).await.1
    }
}

/// The way to a collector that hands out what it is sent.
pub async fn exporter(ids: Ids) -> (Exporter, mpsc::UnboundedReceiver<Bytes>) {
    let (sender, bodies) = mpsc::unbounded_channel();
    let take = async |State(sender): State<mpsc::UnboundedSender<Bytes>>, body: Bytes| {
        sender.send(body).unwrap();
        ""
    };
    let router = Router::new().route("/v1/traces", post(take)).with_state(sender);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let config = OtlpConfig { endpoint, ids, ratio: 1.0, release: "test".to_owned() };
    (tokio::task::spawn_blocking(move || Exporter::start(&config)).await.unwrap().unwrap(), bodies)
}

#[tokio::test]
async fn an_error_leads_to_its_trace() {
    let house = house(Plan::default()).await;
    let rest = Rest::of(&house).await;
    let (exporter, _spans) = exporter(Ids::W3c).await;
    let layer = exporter.layer().with_filter(filter_fn(|meta| meta.is_span()));
    let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let body: Value = serde_json::from_str(&rest.fail_within(trace).await).unwrap();
    drop(guard);
    house.incidents.flush().await.unwrap();
    let reference = body["error"]["reference"].as_str().unwrap();
    // By the reference that the caller was given.
    let (status, shown) = rest.get(&format!("/api/v1/errors/{reference}")).await;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(status, 200, "{shown}");
    let sample = &shown["data"]["samples"][0];
    assert_eq!((&sample["trace"], &sample["reference"]), (&json!(trace), &json!(reference)), "{shown}");
    tokio::task::spawn_blocking(|| exporter.close()).await.unwrap();
}

#[tokio::test]
async fn what_went_wrong_is_listed_shown_counted_and_resolved() {
    for house in houses(Plan::default).await {
        let rest = Rest::of(&house).await;
        let input = json!({ "kind": "upstream", "text": "no bread" }).to_string();
        for _ in 0..2 {
            rest.post("/api/v1/operations/shop.break", &input).await;
        }
        house.incidents.flush().await.unwrap();
        let get = async |path: &str| {
            let (status, body) = rest.get(path).await;
            assert_eq!(status, 200, "{}: {path}: {body}", house.name);
            serde_json::from_str::<Value>(&body).unwrap()["data"].clone()
        };
        let open = get("/api/v1/errors").await;
        assert_eq!((&open["total"], &open["errors"][0]["total"]), (&json!(1), &json!(2)), "{open}");
        let fingerprint = open["errors"][0]["fingerprint"].as_str().unwrap().to_owned();
        let shown = get(&format!("/api/v1/errors/{fingerprint}")).await;
        assert_eq!(shown["group"]["code"], "supplier_away", "{shown}");
        let stats = get("/api/v1/errors:stats?by=code").await;
        assert_eq!(stats["rows"][0]["name"], "supplier_away", "{stats}");

        let mended =
            rest.post(&format!("/api/v1/errors/{fingerprint}/resolve"), "{\"note\": \"rang up\"}").await;
        assert_eq!(mended.0, 200, "{}", mended.1);
        assert_eq!(get("/api/v1/errors").await["total"], 0);
        let resolved = get("/api/v1/errors?which=resolved").await;
        assert_eq!(resolved["errors"][0]["state"], "resolved", "{resolved}");
        assert_eq!(get(&format!("/api/v1/errors/{fingerprint}")).await["note"], "rang up");
        let again = rest.post(&format!("/api/v1/errors/{fingerprint}/resolve"), "{}").await;
        assert_eq!(again.0, 409, "{}", again.1);
    }
}

#[tokio::test]
async fn people_read_repeats_folded_and_programs_read_each_in_full() {
    let house = house(Plan::default()).await;
    let rest = Rest::of(&house).await;
    let input = json!({ "kind": "not_found", "text": "bread" }).to_string();
    let mut answers: Vec<Value> = Vec::new();
    for _ in 0..4 {
        let (status, body) = rest.post("/api/v1/operations/shop.break", &input).await;
        assert_eq!(status, 404);
        answers.push(serde_json::from_str(&body).unwrap());
    }
    let (first, last) = (&answers[0], &answers[3]);
    assert!(first["document"].to_string().contains("Order some."), "{first}");
    assert!(last["document"].to_string().contains("(3 more times in the last minute)"), "{last}");
    assert!(!last["document"].to_string().contains("Order some."), "{last}");
    for answer in &answers {
        assert_eq!(answer["error"]["message"], "There is no bread.");
        assert_eq!(answer["error"]["remedy"], "Order some.");
    }
}
