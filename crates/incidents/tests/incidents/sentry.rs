//! What Sentry is told, and how it is treated.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use guildhall_core::{Kind, upstream::Health};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::house::{House, Plan, house};

type Answer = (StatusCode, Option<(&'static str, &'static str)>);

#[derive(Clone)]
struct Shared {
    events: mpsc::UnboundedSender<(HeaderMap, String)>,
    answer: Arc<Mutex<Answer>>,
}

/// A stand-in for Sentry.
pub struct StandIn {
    pub dsn: String,
    pub events: mpsc::UnboundedReceiver<(HeaderMap, String)>,
    answer: Arc<Mutex<Answer>>,
}

impl StandIn {
    pub async fn start() -> Self {
        let (events, received) = mpsc::unbounded_channel();
        let answer = Arc::new(Mutex::new((StatusCode::OK, None)));
        let shared = Shared { events, answer: answer.clone() };
        let routes = Router::new().route("/api/42/envelope/", post(take)).with_state(shared);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { dsn: format!("http://dsnkey0123456789@{address}/42"), events: received, answer }
    }

    pub async fn event(&mut self) -> (HeaderMap, Value) {
        let received = tokio::time::timeout(Duration::from_secs(30), self.events.recv()).await;
        let (headers, body) = received.expect("an event comes").unwrap();
        let lines: Vec<&str> = body.lines().collect();
        let item: Value = serde_json::from_str(lines[1]).unwrap();
        assert_eq!(item["length"], lines[2].len());
        (headers, serde_json::from_str(lines[2]).unwrap())
    }
}

async fn take(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response {
    let _ = shared.events.send((headers, body));
    let (status, header) = *shared.answer.lock().unwrap();
    match header {
        Some(header) => (status, [header]).into_response(),
        None => status.into_response(),
    }
}

/// Runs the house while time passes, until `done`.
async fn until(house: &House, done: impl Fn() -> bool) {
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(house.incidents.clone().run(async move {
        let _ = stopped.await;
    }));
    let waiting = async {
        while !done() {
            house.clock.advance(Duration::from_millis(100));
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("it comes to pass");
    stop.send(()).unwrap();
    running.await.unwrap();
}

#[tokio::test]
async fn sentry_hears_of_faults_and_failures_and_never_of_refusals() {
    let mut sentry = StandIn::start().await;
    let house = house(Plan { dsn: Some(sentry.dsn.clone()), ..Plan::default() }).await;
    for kind in [Kind::User, Kind::Permission, Kind::Limit, Kind::NotFound, Kind::Conflict] {
        house.notice("a", "refused", kind, "x", "no");
    }
    house.notice("a", "internal", Kind::Bug, "server start", "Something: 'Ada' broke row 5");
    house.notice("a", "supplier_away", Kind::Upstream, "shop buy", "no answer");
    until(&house, || house.incidents.counts().sentry_sent == 2).await;
    let (headers, first) = sentry.event().await;
    let (_, second) = sentry.event().await;
    assert!(sentry.events.try_recv().is_err(), "refusals stay here");
    let auth = headers["x-sentry-auth"].to_str().unwrap();
    assert!(auth.contains("sentry_version=7") && auth.contains("sentry_key=dsnkey0123456789"), "{auth}");
    let mut codes = [&first, &second].map(|event| event["tags"]["code"].as_str().unwrap());
    codes.sort_unstable();
    assert_eq!(codes, ["internal", "supplier_away"]);
    let fault = if first["tags"]["code"] == "internal" { first } else { second };
    assert_eq!(fault["exception"]["values"][0]["value"], "Something: … broke row #");
    assert_eq!((fault["environment"].as_str(), fault["release"].as_str()), (Some("test"), Some("1.2.3")));
    for tag in ["kind", "operation", "face", "tenant", "reference", "trace_id"] {
        assert!(fault["tags"][tag].is_string(), "{tag} is missing in {fault}");
    }
    assert_eq!(fault["tags"]["tenant"], house.incidents.scrub().hash("a"));
    assert!(!fault.to_string().contains("118765432109876543"), "{fault}");
}

#[tokio::test]
async fn a_flood_becomes_a_handful_of_events() {
    let sentry = StandIn::start().await;
    let house = house(Plan { dsn: Some(sentry.dsn.clone()), ..Plan::default() }).await;
    for _ in 0..30 {
        for _ in 0..100 {
            house.notice("a", "internal", Kind::Bug, "x", "broken");
        }
        house.incidents.flush().await.unwrap();
    }
    let counts = || house.incidents.counts();
    assert_eq!(counts().sentry_dropped, 145, "five of a group a minute");
    until(&house, || counts().sentry_sent == 5).await;
}

#[tokio::test]
async fn what_sentry_asks_for_is_kept() {
    for answer in [
        (StatusCode::TOO_MANY_REQUESTS, Some(("retry-after", "120"))),
        (StatusCode::OK, Some(("x-sentry-rate-limits", "120:error:organization"))),
    ] {
        let mut sentry = StandIn::start().await;
        let house = house(Plan { dsn: Some(sentry.dsn.clone()), ..Plan::default() }).await;
        *sentry.answer.lock().unwrap() = answer;
        house.notice("a", "internal", Kind::Bug, "x", "one");
        until(&house, || house.incidents.counts().sentry_sent + house.incidents.counts().sentry_dropped == 1)
            .await;
        sentry.event().await;
        *sentry.answer.lock().unwrap() = (StatusCode::OK, None);
        house.notice("a", "internal", Kind::Bug, "x", "two");
        let dropped = house.incidents.counts().sentry_dropped;
        until(&house, || house.incidents.counts().sentry_dropped == dropped + 1).await;
        assert!(sentry.events.try_recv().is_err(), "it is left alone");
        house.minutes(3);
        house.notice("a", "internal", Kind::Bug, "x", "three");
        let sent = house.incidents.counts().sentry_sent;
        until(&house, || house.incidents.counts().sentry_sent == sent + 1).await;
    }
}

#[tokio::test]
async fn a_sentry_that_is_away_costs_its_events_and_nothing_else() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dsn = format!("http://dsnkey0123456789@{}/42", listener.local_addr().unwrap());
    drop(listener);
    let house = house(Plan { dsn: Some(dsn), ..Plan::default() }).await;
    house.notice("a", "internal", Kind::Bug, "x", "one");
    house.notice("a", "internal", Kind::Bug, "y", "two");
    let opened = std::sync::atomic::AtomicBool::new(false);
    until(&house, || {
        if house.incidents.sentry() == Some(Health::Open) {
            opened.store(true, std::sync::atomic::Ordering::Relaxed);
        }
        house.incidents.counts().sentry_dropped == 2
    })
    .await;
    assert!(opened.into_inner(), "the breaker opens");
    assert_eq!(house.incidents.flush().await.unwrap(), 0, "what was counted is kept");
}
