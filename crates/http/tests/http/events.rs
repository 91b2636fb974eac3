//! The event stream: order, resumption, who may read what, and readers that do not keep up.

use std::time::Duration;

use futures::StreamExt;
use guildhall_core::{ServerId, Subject};
use guildhall_http::{
    HttpConfig,
    client::{Client, EventFilter},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};
use uuid::Uuid;

use crate::harness::{ADMIN, Harness, MEMBER, PATIENCE, SCOPED, STARTER, STRANGER, answered, config, until};

fn server(number: u128) -> Subject {
    Subject::Server(ServerId(Uuid::from_u128(number)))
}

fn host() -> Subject {
    Subject::Host("alpha".to_owned())
}

/// The events of a text, as (id, kind, data).
fn parsed(text: &str) -> Vec<(i64, String, Value)> {
    let whole = text.rfind("\n\n").map_or("", |end| &text[..end]);
    let event = |frame: &str| {
        let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        Some((
            field("id: ")?.parse().unwrap(),
            field("event: ")?,
            serde_json::from_str(&field("data: ")?).unwrap(),
        ))
    };
    whole.split("\n\n").filter_map(event).collect()
}

/// Reads `count` events from an address.
async fn read(harness: &Harness, path: &str, token: &str, count: usize) -> Vec<(i64, String, Value)> {
    told(harness.request("GET", path, token), count).await
}

async fn told(request: reqwest::RequestBuilder, count: usize) -> Vec<(i64, String, Value)> {
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut stream = response.bytes_stream();
    let mut text = String::new();
    while parsed(&text).len() < count {
        let chunk = tokio::time::timeout(PATIENCE, stream.next())
            .await
            .expect("events in time")
            .expect("more events");
        text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
    }
    parsed(&text)
}

#[tokio::test]
async fn events_come_in_order_and_only_those_asked_for() {
    let harness = Harness::start().await;
    for number in 0..6_u128 {
        harness.events.tell("guild", server(number % 2), json!({ "number": number })).await;
    }
    harness.events.tell("elsewhere", server(0), json!({})).await;
    let all = read(&harness, "/api/v1/events?after=0", MEMBER, 6).await;
    assert_eq!(all.iter().map(|event| event.0).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert_eq!((all[0].1.as_str(), &all[0].2["data"]["number"]), ("test.told", &json!(0)));
    assert_eq!(all[0].2["cursor"], 1);

    let about = format!("/api/v1/events?after=2&subject={}", server(1).key());
    let some = read(&harness, &about, MEMBER, 2).await;
    assert_eq!(some.iter().map(|event| event.0).collect::<Vec<_>>(), [4, 6]);

    let request = harness.request("GET", "/api/v1/events?after=0", MEMBER).header("last-event-id", "4");
    let rest = told(request, 2).await;
    assert_eq!(rest.iter().map(|event| event.0).collect::<Vec<_>>(), [5, 6], "as a browser resumes");

    let theirs = read(&harness, "/api/v1/events?after=0", STRANGER, 1).await;
    assert_eq!(theirs.iter().map(|event| event.0).collect::<Vec<_>>(), [7], "each community has its own");
}

#[tokio::test]
async fn without_a_place_only_what_is_new_is_told() {
    let harness = Harness::start().await;
    harness.events.tell("guild", host(), json!("old")).await;
    let response = harness.request("GET", "/api/v1/events", MEMBER).send().await.unwrap();
    let mut stream = response.bytes_stream();
    let first = stream.next().await.unwrap().unwrap();
    assert_eq!(std::str::from_utf8(&first).unwrap(), "retry: 1000\nid: 1\n\n", "a browser resumes from here");
    harness.events.tell("guild", host(), json!("new")).await;
    let next = tokio::time::timeout(PATIENCE, stream.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(parsed(std::str::from_utf8(&next).unwrap())[0].2["data"], "new");
}

#[tokio::test]
async fn a_run_is_followed_from_the_answer_that_named_it() {
    let harness = Harness::start().await;
    harness.events.tell("guild", server(9), json!({})).await;
    let started = harness.ask("POST", "/api/v1/servers/survival/start", MEMBER).await;
    let follow = &started.body["follow"];
    let path = format!("/api/v1/events?run={}&after={}", follow["run"].as_str().unwrap(), follow["cursor"]);
    let told = read(&harness, &path, MEMBER, 2).await;
    assert_eq!(
        told.iter().map(|event| event.1.as_str()).collect::<Vec<_>>(),
        ["server.progress", "server.ready"]
    );
    assert_eq!(told[1].2["outcome"], "succeeded");
}

#[tokio::test]
async fn a_scope_decides_what_a_token_reads() {
    let harness = Harness::start().await;
    harness.events.tell("guild", server(1), json!({})).await;
    harness.events.tell("guild", host(), json!({})).await;
    let hosts = read(&harness, "/api/v1/events?after=0", SCOPED, 1).await;
    assert_eq!(hosts.iter().map(|event| event.0).collect::<Vec<_>>(), [2]);
    let path = format!("/api/v1/events?subject={}", server(1).key());
    let refused = harness.ask("GET", &path, SCOPED).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (403, "out_of_scope"));
    assert_eq!(harness.records.last().operation, "GET /api/v1/events");
    let refused = harness.ask("GET", "/api/v1/events", STARTER).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code()),
        (403, "out_of_scope"),
        "an operation is not a noun"
    );
}

#[tokio::test]
async fn a_filter_that_is_not_understood_is_refused() {
    let harness = Harness::start().await;
    for query in ["after=x", "subject=server", "run=1", "server=survival"] {
        let refused = harness.ask("GET", &format!("/api/v1/events?{query}"), MEMBER).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (422, "invalid_input"), "{query}");
    }
}

#[tokio::test]
async fn a_quiet_stream_says_that_it_lives_until_its_token_is_revoked() {
    let harness = Harness::with(HttpConfig { keep_alive: Duration::from_millis(30), ..config() }).await;
    let response = harness.request("GET", "/api/v1/events", MEMBER).send().await.unwrap();
    let mut stream = response.bytes_stream();
    let mut text = String::new();
    while text.matches(": here").count() < 3 {
        let chunk = tokio::time::timeout(PATIENCE, stream.next()).await.unwrap().unwrap().unwrap();
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    harness.tokens.revoke(MEMBER);
    let rest = tokio::time::timeout(PATIENCE, stream.collect::<Vec<_>>()).await;
    assert!(rest.is_ok(), "the stream ends");
}

#[tokio::test]
async fn one_token_has_so_many_streams_and_gets_them_back() {
    let harness = Harness::with(HttpConfig { max_streams_per_token: 1, max_streams: 2, ..config() }).await;
    let open = |token| harness.request("GET", "/api/v1/events", token).send();
    let first = open(MEMBER).await.unwrap();
    assert_eq!(first.status(), 200);
    let refused = answered(harness.request("GET", "/api/v1/events", MEMBER)).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (429, "too_many_streams"));
    let second = open(ADMIN).await.unwrap();
    assert_eq!(second.status(), 200);
    assert_eq!(open(STRANGER).await.unwrap().status(), 429, "all places are taken");
    drop((first, second));
    until("the place is free again", || async { open(MEMBER).await.unwrap().status() == 200 }).await;
}

/// A reader that stops reading is disconnected, and resumes with the last id it got: nothing is lost, nothing
/// comes twice, and while it slept the server kept next to nothing for it.
#[tokio::test]
async fn a_reader_that_sleeps_is_disconnected_and_resumes() {
    const EVENTS: usize = 1_200;
    let harness = Harness::with(HttpConfig { stall_timeout: Duration::from_millis(300), ..config() }).await;
    let filling = "x".repeat(16 * 1024);
    for _ in 0..EVENTS {
        harness.events.tell("guild", host(), json!(filling)).await;
    }
    let stalled = harness.metric("guildhall_http_stalled_connections_total").await;

    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(8 * 1024).unwrap();
    let mut reader = socket.connect(harness.address).await.unwrap();
    let request =
        format!("GET /api/v1/events?after=0 HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {MEMBER}\r\n\r\n");
    reader.write_all(request.as_bytes()).await.unwrap();
    let mut seen = vec![0; 64 * 1024];
    reader.read_exact(&mut seen).await.unwrap();
    until("the server gave up on the reader", || async {
        harness.metric("guildhall_http_stalled_connections_total").await > stalled
    })
    .await;
    // What was under way may still arrive; then the connection is gone, in one way or the other.
    let _ = reader.read_to_end(&mut seen).await;
    let text = without_chunk_sizes(&seen);
    let mut got: Vec<i64> = parsed(&text).into_iter().map(|event| event.0).collect();
    assert!(!got.is_empty() && got.len() < EVENTS, "it got {} events", got.len());

    let client = Client::new(&harness.url(""), MEMBER).unwrap();
    let rest = client.events(EventFilter::default(), got.last().copied()).take(EVENTS - got.len());
    got.extend(rest.map(|event| event.unwrap().cursor).collect::<Vec<_>>().await);
    assert_eq!(got, (1..=i64::try_from(EVENTS).unwrap()).collect::<Vec<_>>());
}

/// The body of a chunked answer, as far as it came.
fn without_chunk_sizes(bytes: &[u8]) -> String {
    let start = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let (mut rest, mut body) = (&bytes[start..], Vec::new());
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        let chunk = &rest[end + 2..];
        if chunk.len() < size + 2 {
            break;
        }
        body.extend_from_slice(&chunk[..size]);
        rest = &chunk[size + 2..];
    }
    String::from_utf8(body).unwrap()
}
