//! What is too much, too slow or nonsense.

use std::time::Duration;

use axum::{Router, body::Body, http::Request};
use guildhall_core::audit::Verdict;
use guildhall_http::HttpConfig;
use proptest::prelude::*;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tower::ServiceExt;

use crate::harness::{ADMIN, Harness, MEMBER, PATIENCE, answered, config, until};

#[tokio::test]
async fn a_body_over_the_limit_is_refused_while_it_is_still_being_sent() {
    let harness = Harness::start().await;
    for size in [64 * 1024 + 1, 900_000] {
        let request =
            harness.request("POST", "/api/v1/servers", ADMIN).header("content-type", "application/json");
        let answer = answered(request.body("x".repeat(size))).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (413, "body_too_large"), "{}", answer.body);
        assert_eq!(harness.records.last().code.as_deref(), Some("body_too_large"));
    }
    let fits = json!({"name": "lobby", "recipe": "bzflag", "settings": {"motd": "x".repeat(60_000)}});
    assert_eq!(harness.send("POST", "/api/v1/servers", ADMIN, fits).await.status, 200);
}

#[tokio::test]
async fn a_body_that_dribbles_in_is_given_up() {
    let harness = Harness::with(HttpConfig { request_timeout: Duration::from_millis(200), ..config() }).await;
    let mut stream = TcpStream::connect(harness.address).await.unwrap();
    let head = format!(
        "POST /api/v1/servers HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {ADMIN}\r\ncontent-length: 100\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 64];
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut answer)).await.unwrap().unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(harness.records.last().code.as_deref(), Some("request_too_slow"));
}

#[tokio::test]
async fn an_operation_that_takes_long_goes_on_and_keeps_its_record() {
    let harness = Harness::with(HttpConfig { request_timeout: Duration::from_millis(200), ..config() }).await;
    let answer = harness.call("server.wait", MEMBER, json!({})).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (504, "still_running"));
    assert!(harness.records.all().is_empty());
    harness.shed.gate.add_permits(1);
    assert_eq!(harness.records.wait_for("server wait").await.verdict, Verdict::Done);
}

#[tokio::test]
async fn a_caller_that_hangs_up_does_not_stop_what_it_began() {
    let harness = Harness::start().await;
    let mut stream = TcpStream::connect(harness.address).await.unwrap();
    let head = format!(
        "POST /api/v1/operations/server.wait HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {MEMBER}\r\ncontent-length: 0\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    harness.shed.waiting.acquire().await.unwrap().forget();
    drop(stream);
    assert_eq!(harness.ask("GET", "/healthz", "").await.status, 200);
    harness.shed.gate.add_permits(1);
    assert_eq!(harness.records.wait_for("server wait").await.verdict, Verdict::Done);
}

#[tokio::test]
async fn more_calls_than_there_is_room_for_are_told_to_come_back() {
    let harness = Harness::with(HttpConfig { max_calls: 1, ..config() }).await;
    let first = tokio::spawn(answered(
        harness.request("POST", "/api/v1/operations/server.wait", MEMBER).json(&json!({})),
    ));
    harness.shed.waiting.acquire().await.unwrap().forget();
    let busy = harness.ask("GET", "/api/v1/servers", MEMBER).await;
    assert_eq!((busy.status.as_u16(), busy.code(), busy.header("retry-after")), (503, "overloaded", "1"));
    harness.shed.gate.add_permits(1);
    assert_eq!(first.await.unwrap().status, 200);
    assert_eq!(harness.ask("GET", "/api/v1/servers", MEMBER).await.status, 200);
}

#[tokio::test]
async fn connections_over_the_limit_wait_their_turn() {
    let harness = Harness::with(HttpConfig { max_connections: 1, ..config() }).await;
    let mut holding = TcpStream::connect(harness.address).await.unwrap();
    holding.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut seen = [0; 12];
    holding.read_exact(&mut seen).await.unwrap();
    let mut waiting = TcpStream::connect(harness.address).await.unwrap();
    waiting.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(200), waiting.read_exact(&mut seen)).await;
    assert!(early.is_err(), "there is no room yet");
    drop(holding);
    tokio::time::timeout(PATIENCE, waiting.read_exact(&mut seen)).await.unwrap().unwrap();
    assert_eq!(&seen, b"HTTP/1.1 200");
}

#[tokio::test]
async fn a_head_that_never_ends_is_given_up() {
    let harness = Harness::with(HttpConfig { stall_timeout: Duration::from_millis(200), ..config() }).await;
    let mut stream = TcpStream::connect(harness.address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nx-").await.unwrap();
    let mut seen = Vec::new();
    let closed = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut seen)).await;
    assert!(closed.is_ok(), "the connection is closed");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn path() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => prop::sample::select(vec![
            "api", "v1", "operations", "servers", "servers:wait", "survival", "start", "console", "events", "server.list",
            "server.delete", "keys", "keep", "openapi.json", "healthz", "..", "", "{server}", "%00", "%ff", "%zz",
        ]).prop_map(str::to_owned),
        1 => "[!-~]{0,12}",
    ];
    let joined = prop::collection::vec(part, 0..6).prop_map(|parts| format!("/{}", parts.join("/")));
    let query = prop_oneof![Just(String::new()), "[!-~]{0,40}".prop_map(|text| format!("?{text}"))];
    let known = prop::sample::select(vec![
        "/api/v1/servers/survival/start",
        "/api/v1/servers",
        "/api/v1/operations/server.create",
        "/api/v1/servers/survival",
        "/api/v1/keys/a/keep",
        "/api/v1/servers/survival/console",
    ])
    .prop_map(str::to_owned);
    (prop_oneof![joined, known], query).prop_map(|(path, query)| format!("{path}{query}"))
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let json = prop_oneof![
        Just("null".to_owned()),
        Just("[]".to_owned()),
        Just("{\"server\": 3}".to_owned()),
        Just("{\"server\": \"survival\", \"lines\": 1e400}".to_owned()),
        Just("{\"name\": {\"a\": []}, \"settings\": \"=\"}".to_owned()),
        "[{}\\[\\]\":,a-z0-9 \\\\]{0,60}",
    ];
    prop_oneof![prop::collection::vec(any::<u8>(), 0..200), json.prop_map(String::into_bytes)]
}

async fn status(router: &Router, method: &str, path: &str, kind: &str, body: Vec<u8>) -> Option<u16> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {ADMIN}"))
        .header("content-type", kind)
        .body(Body::from(body))
        .ok()?;
    Some(router.clone().oneshot(request).await.unwrap().status().as_u16())
}

/// Whatever is asked with whatever body, the answer is never that we broke.
#[test]
fn no_request_breaks_it() {
    let runtime = runtime();
    let harness =
        runtime.block_on(Harness::with(HttpConfig { request_timeout: Duration::from_secs(5), ..config() }));
    harness.shed.gate.add_permits(100_000);
    let router = harness.http.routes();
    let methods = prop::sample::select(vec!["GET", "POST", "DELETE", "PUT", "HEAD", "BREW"]);
    let kinds =
        prop::sample::select(vec!["application/json", "application/x-www-form-urlencoded", "text/plain"]);
    proptest!(ProptestConfig::with_cases(600), |(method in methods, path in path(), kind in kinds, body in body())| {
        if let Some(status) = runtime.block_on(status(&router, method, &path, kind, body)) {
            prop_assert!(status < 500, "{method} {path} gave {status}");
        }
    });
}

/// Nor do bytes that are not HTTP at all, and the next caller is served.
#[test]
fn no_bytes_break_it() {
    let runtime = runtime();
    let harness =
        runtime.block_on(Harness::with(HttpConfig { stall_timeout: Duration::from_secs(2), ..config() }));
    let line = "(GET|POST|\\PC{0,6}) /[!-~]{0,20} HTTP/1.[0-9]\r\n([a-z-]{1,12}: [ -~]{0,20}\r\n){0,4}\r\n";
    let bytes = prop_oneof![prop::collection::vec(any::<u8>(), 0..300), line.prop_map(String::into_bytes)];
    proptest!(ProptestConfig::with_cases(100), |(bytes in bytes)| {
        let answer = runtime.block_on(async {
            let mut stream = TcpStream::connect(harness.address).await.unwrap();
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
            let mut answer = Vec::new();
            let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an end in time");
            answer
        });
        prop_assert!(!answer.starts_with(b"HTTP/1.1 5"), "{}", String::from_utf8_lossy(&answer));
    });
    runtime.block_on(until("the next caller is served", || async {
        harness.ask("GET", "/healthz", "").await.status == 200
    }));
}
