//! Health, readiness, figures, other routers beside ours, and the end.

use axum::{Router, routing::get};
use futures::StreamExt;
use guildhall_http::Part;
use serde_json::json;

use crate::harness::{Harness, MEMBER, PATIENCE, answered, config, until};

#[tokio::test]
async fn readiness_names_each_part_and_health_does_not_depend_on_them() {
    let harness = Harness::start().await;
    assert_eq!(harness.ask("GET", "/readyz", "").await.status, 200);
    let parts = vec![Part::ok("store"), Part::down("discord", "The gateway is not connected.").optional()];
    *harness.state.0.lock().unwrap() = parts;
    let ready = harness.ask("GET", "/readyz", "").await;
    assert_eq!((ready.status.as_u16(), &ready.body["ready"]), (200, &json!(true)), "it is of use without it");
    assert_eq!(ready.body["parts"][1]["why"], "The gateway is not connected.");
    *harness.state.0.lock().unwrap() = vec![Part::down("store", "The disk is full."), Part::ok("broker")];
    let ready = harness.ask("GET", "/readyz", "").await;
    assert_eq!((ready.status.as_u16(), &ready.body["parts"][0]["ok"]), (503, &json!(false)));
    let health = harness.ask("GET", "/healthz", "").await;
    assert_eq!((health.status.as_u16(), &health.body["status"]), (200, &json!("alive")));
}

#[tokio::test]
async fn figures_count_requests_by_route_and_calls_by_operation() {
    let harness = Harness::start().await;
    harness.ask("GET", "/api/v1/servers/survival", MEMBER).await;
    harness.ask("GET", "/api/v1/servers/other", MEMBER).await;
    harness.ask("GET", "/made/up/by/somebody", "").await;
    harness.call("made.up", MEMBER, json!({})).await;
    let text = harness.request("GET", "/metrics", "").send().await.unwrap().text().await.unwrap();
    let has = |parts: &[&str]| text.lines().any(|line| parts.iter().all(|part| line.contains(part)));
    let bucket = "guildhall_http_request_seconds_bucket";
    assert!(
        has(&[bucket, "route=\"/api/v1/servers/{server}\"", "status=\"200\"", "method=\"GET\""]),
        "{text}"
    );
    assert!(has(&[bucket, "route=\"/api/v1/servers/{server}\"", "status=\"404\""]));
    assert!(has(&[
        "guildhall_calls_total",
        "operation=\"server status\"",
        "face=\"rest\"",
        "verdict=\"done\""
    ]));
    assert!(has(&["guildhall_calls_total", "operation=\"other\"", "verdict=\"refused\""]));
    assert!(!text.contains("survival") && !text.contains("made"), "no label comes from a caller");
}

#[tokio::test]
async fn a_router_beside_ours_is_served_measured_and_guarded() {
    let beside = Router::new().route("/interactions", get(|| async { "pong" })).route(
        "/broken",
        get(|| async {
            if true {
                panic!("a secret of the inside")
            }
        }),
    );
    let harness = Harness::beside(config(), beside).await;
    let text = harness.request("GET", "/interactions", "").send().await.unwrap().text().await.unwrap();
    assert_eq!(text, "pong");
    let broken = harness.ask("GET", "/broken", "").await;
    assert_eq!((broken.status.as_u16(), broken.code()), (500, "internal"));
    assert!(broken.body["error"]["reference"].as_str().unwrap().starts_with("E-"));
    assert!(!broken.body.to_string().contains("secret"));
    let text = harness.request("GET", "/metrics", "").send().await.unwrap().text().await.unwrap();
    assert!(text.contains("route=\"/interactions\""));
}

#[tokio::test]
async fn the_end_waits_for_calls_and_closes_event_streams() {
    let mut harness = Harness::start().await;
    let response = harness.request("GET", "/api/v1/events", MEMBER).send().await.unwrap();
    let mut stream = response.bytes_stream();
    stream.next().await.unwrap().unwrap();
    let calling = tokio::spawn(answered(
        harness.request("POST", "/api/v1/operations/server.wait", MEMBER).json(&json!({})),
    ));
    harness.shed.waiting.acquire().await.unwrap().forget();
    harness.stop();
    assert!(stream.next().await.is_none(), "the stream ends by itself");
    assert!(!harness.serving.as_ref().unwrap().is_finished(), "a call is still running");
    harness.shed.gate.add_permits(1);
    assert_eq!(calling.await.unwrap().status, 200, "it got its answer");
    let serving = harness.serving.take().unwrap();
    tokio::time::timeout(PATIENCE, serving).await.unwrap().unwrap().unwrap();
    until("nobody answers any more", || async {
        harness.web.get(harness.url("/healthz")).send().await.is_err()
    })
    .await;
}
