//! Traces and latency as operators see them: with a real collector's protocol, and both databases.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::Request,
    middleware,
    routing::{any, post},
};
use guildhall_core::{Clock as _, ManualClock, incident};
use guildhall_store::{Store, testkit};
use guildhall_telemetry::{
    Latency, Meter, Stage, Stages, migrations,
    otlp::{Exporter, Ids, OtlpConfig},
    request,
};
use tokio::sync::{mpsc, watch};
use tower::ServiceExt as _;
use tracing_subscriber::prelude::*;

fn latency(store: Store, clock: &Arc<ManualClock>) -> Arc<Latency> {
    Latency::new(store, clock.clone(), ["server start", "ban"])
}

fn meter(latency: &Arc<Latency>) -> Meter {
    let meter = Meter::default();
    meter.attach(latency.clone());
    meter
}

/// One call with its stages, as the catalogue and its callers make them. A stage takes at least as long as
/// `work` does.
fn call(operation: &str, work: Duration) {
    let busy = || {
        let began = std::time::Instant::now();
        while began.elapsed() < work {
            std::hint::spin_loop();
        }
    };
    let interaction = tracing::info_span!("interaction");
    let _interaction = interaction.enter();
    tracing::info_span!("verify").in_scope(busy);
    let call = tracing::info_span!("call", operation);
    let _call = call.enter();
    tracing::info_span!("rank").in_scope(|| ());
    tracing::info_span!("run").in_scope(|| {
        busy();
        tracing::info_span!("upstream", name = "discord").in_scope(|| {
            busy();
            busy();
        });
    });
}

#[tokio::test]
async fn the_day_is_told_by_operation_and_stage_and_survives_a_restart() {
    for store in testkit::stores(migrations).await {
        let clock = Arc::<ManualClock>::default();
        let first = latency(store.store(), &clock);
        let subscriber = tracing_subscriber::registry().with(Stages::new(meter(&first)));
        let work = Duration::from_micros(300);
        let began = std::time::Instant::now();
        tracing::subscriber::with_default(subscriber, || {
            for _ in 0..20 {
                call("server start", work);
            }
            call("no such thing", Duration::ZERO);
        });
        // All that was done is at least this part of the time, however busy the machine is.
        let worked = 20.0 * work.as_secs_f64() / began.elapsed().as_secs_f64() * 0.98;
        let [one] = first.last_day().await.unwrap().try_into().unwrap();
        assert_eq!((one.operation.as_str(), one.calls), ("server start", 20));
        assert!(one.p50_us >= 1_200, "{one:?}");
        assert!(one.p50_us <= one.p95_us && one.p95_us <= one.p99_us, "{one:?}");
        let part = |stage| one.stages[&stage];
        assert!(part(Stage::Upstream) >= 2.0 * worked, "{one:?}");
        assert!(part(Stage::Run) >= worked, "{one:?}");
        assert!(part(Stage::Verify) >= worked, "{one:?}");
        assert!(one.stages.values().sum::<f64>() < 1.05, "{one:?}");

        first.write_down().await.unwrap();
        let second = latency(store.store(), &clock);
        assert_eq!(second.last_day().await.unwrap(), vec![one.clone()]);

        // Twice written is not twice counted, and a day later it is gone.
        first.write_down().await.unwrap();
        assert_eq!(first.last_day().await.unwrap()[0].calls, 20);
        clock.advance(Duration::from_secs(25 * 3_600));
        assert!(second.last_day().await.unwrap().is_empty());
        second.write_down().await.unwrap();
    }
}

#[tokio::test]
async fn reads_side_by_side_take_the_time_once() {
    let store = testkit::sqlite(migrations()).await;
    let latency = latency(store.store(), &Arc::default());
    let subscriber = tracing_subscriber::registry().with(Stages::new(meter(&latency)));
    tracing::subscriber::with_default(subscriber, || {
        let call = tracing::info_span!("call", operation = "ban");
        let run = tracing::info_span!(parent: &call, "run");
        let reads: Vec<_> = (0..10).map(|_| tracing::info_span!(parent: &run, "store")).collect();
        let began = std::time::Instant::now();
        while began.elapsed() < Duration::from_millis(20) {
            std::hint::spin_loop();
        }
        drop(reads);
    });
    let [one] = latency.last_day().await.unwrap().try_into().unwrap();
    let (store, run) = (one.stages[&Stage::Store], one.stages[&Stage::Run]);
    assert!(store > 0.5 && store < 1.02 && run < 0.5, "{one:?}");
}

#[tokio::test]
async fn what_was_not_written_down_yet_is_when_it_ends() {
    let store = testkit::sqlite(migrations()).await;
    let clock = Arc::<ManualClock>::default();
    let first = latency(store.store(), &clock);
    let subscriber = tracing_subscriber::registry().with(Stages::new(meter(&first)));
    tracing::subscriber::with_default(subscriber, || call("ban", Duration::ZERO));
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(first.run(stopped));
    stop.send_replace(true);
    running.await.unwrap();
    assert_eq!(latency(store.store(), &clock).last_day().await.unwrap()[0].calls, 1);
}

#[tokio::test]
async fn what_a_store_that_was_away_did_not_take_is_written_down_when_it_is_back() {
    for store in testkit::stores(Vec::new).await {
        // Without its tables the store refuses everything, as one that is away would.
        let clock = Arc::<ManualClock>::default();
        let first = latency(store.store(), &clock);
        let subscriber = tracing_subscriber::registry().with(Stages::new(meter(&first)));
        tracing::subscriber::with_default(subscriber, || call("ban", Duration::ZERO));
        assert!(first.write_down().await.is_err(), "{}", store.name);
        clock.advance(Duration::from_secs(3_600));
        let back = store.again(migrations()).await;
        first.write_down().await.unwrap();
        for latency in [first, latency(back, &clock)] {
            assert_eq!(latency.last_day().await.unwrap()[0].calls, 1, "{}", store.name);
        }
    }
}

/// A collector that hands out the bodies it is sent.
async fn collector() -> (String, mpsc::Receiver<Vec<u8>>) {
    let (sender, bodies) = mpsc::channel(16);
    let take = async |State(sender): State<mpsc::Sender<Vec<u8>>>, body: axum::body::Bytes| {
        sender.send(body.to_vec()).await.unwrap();
        ""
    };
    let router = Router::new().route("/v1/traces", post(take)).with_state(sender);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (format!("http://{address}/v1/traces"), bodies)
}

async fn exporter(ids: Ids) -> (Exporter, mpsc::Receiver<Vec<u8>>) {
    // A second test in one process finds the first one's provider, which is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (endpoint, bodies) = collector().await;
    let config = OtlpConfig { endpoint, ids, ratio: 1.0, release: "test".to_owned() };
    let exporter = tokio::task::spawn_blocking(move || Exporter::start(&config)).await.unwrap().unwrap();
    (exporter, bodies)
}

/// Sends one request through the middleware and returns the answer's headers and the trace that was seen.
async fn ask(ids: Ids, exporter: &Exporter, header: (&str, &str)) -> (axum::http::HeaderMap, Option<String>) {
    ask_for(ids, exporter, "GET", header).await
}

async fn ask_for(
    ids: Ids,
    exporter: &Exporter,
    method: &str,
    header: (&str, &str),
) -> (axum::http::HeaderMap, Option<String>) {
    let (seen, mut trace) = mpsc::channel(1);
    let handler = async move || {
        seen.send(incident::current_trace()).await.unwrap();
        "hello"
    };
    let router = Router::new()
        .route("/hello/{name}", any(handler))
        .layer(middleware::from_fn_with_state(ids, request::trace));
    let subscriber = tracing_subscriber::registry().with(exporter.layer());
    let _guard = tracing::subscriber::set_default(subscriber);
    let request = Request::builder().method(method).uri("/hello/hunter2").header(header.0, header.1);
    let request = request.body(Body::empty()).unwrap();
    let answer = router.oneshot(request).await.unwrap();
    (answer.headers().clone(), trace.recv().await.unwrap())
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn a_callers_trace_goes_on_here_and_reaches_the_collector() {
    let (exporter, mut bodies) = exporter(Ids::W3c).await;
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let (headers, trace) = ask(Ids::W3c, &exporter, ("traceparent", parent)).await;
    assert_eq!(trace.as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
    assert!(headers["traceresponse"].to_str().unwrap().starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
    tokio::task::spawn_blocking(|| exporter.close()).await.unwrap();
    let body = bodies.recv().await.unwrap();
    assert!(contains(&body, b"request") && contains(&body, b"guildhall"));
    assert!(
        contains(&body, b"/hello/{name}") && !contains(&body, b"hunter2"),
        "the route, and nothing typed"
    );
    assert!(contains(&body, b"GET"));
    assert!(contains(&body, &[0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6]), "the trace's id");
    assert!(contains(&body, &[0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]), "the parent's id");
}

#[tokio::test]
async fn a_method_that_somebody_made_up_is_not_sent() {
    let (exporter, mut bodies) = exporter(Ids::W3c).await;
    ask_for(Ids::W3c, &exporter, "HUNTER2", ("accept", "*/*")).await;
    tokio::task::spawn_blocking(|| exporter.close()).await.unwrap();
    let body = bodies.recv().await.unwrap();
    assert!(contains(&body, b"_OTHER") && !contains(&body, b"HUNTER2"));
}

#[tokio::test]
async fn x_ray_ids_are_taken_up_and_made() {
    let (exporter, _bodies) = exporter(Ids::XRay).await;
    let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
    let (headers, trace) = ask(Ids::XRay, &exporter, ("x-amzn-trace-id", header)).await;
    assert_eq!(trace.as_deref(), Some("5759e988bd862e3fe1be46a994272793"));
    let answer = headers["x-amzn-trace-id"].to_str().unwrap();
    assert!(answer.contains("Root=1-5759e988-bd862e3fe1be46a994272793"), "{answer}");

    // A header that is no trace harms nobody; the new id begins with the time, as X-Ray demands.
    let (_, trace) = ask(Ids::XRay, &exporter, ("x-amzn-trace-id", "Root=nonsense")).await;
    let seconds = i64::from_str_radix(&trace.unwrap()[..8], 16).unwrap();
    let now = guildhall_core::SystemClock.now().unix_timestamp();
    assert!((now - seconds).abs() < 60, "{seconds} is not near {now}");
    tokio::task::spawn_blocking(|| exporter.close()).await.unwrap();
}

#[test]
fn an_address_that_is_none_is_named() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = OtlpConfig {
        endpoint: "not an address".to_owned(),
        ids: Ids::W3c,
        ratio: 1.0,
        release: String::new(),
    };
    let error = Exporter::start(&config).unwrap_err().to_string();
    assert!(error.contains("not an address") && error.contains("4318"), "{error}");
}
