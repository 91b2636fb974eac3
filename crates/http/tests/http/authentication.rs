//! Tokens: who gets in, who does not, and what is kept of it.

use std::time::Duration;

use guildhall_core::audit::Verdict;
use guildhall_http::HttpConfig;
use serde_json::json;

use crate::harness::{ADMIN, Harness, MEMBER, TOKENS, answered, config, logged};

const WRONG: &str = "gh_wrong_0123456789abcdef";

#[tokio::test]
async fn without_a_token_nothing_runs() {
    let harness = Harness::start().await;
    for (method, path) in
        [("GET", "/api/v1/servers"), ("POST", "/api/v1/operations/server.list"), ("GET", "/api/v1/nowhere")]
    {
        let refused = harness.ask(method, path, "").await;
        assert_eq!((refused.status.as_u16(), refused.code()), (401, "token_missing"), "{path}");
        assert!(refused.header("www-authenticate").starts_with("Bearer"));
    }
    assert!(harness.records.all().is_empty());
}

#[tokio::test]
async fn a_wrong_token_is_refused_and_put_down_to_its_peer() {
    let harness = Harness::start().await;
    let refused = harness.ask("GET", "/api/v1/servers", WRONG).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (401, "token_unknown"));
    assert!(refused.header("www-authenticate").starts_with("Bearer"));
    let record = harness.records.last();
    assert_eq!(record.actor.as_str(), "peer:127.0.0.1");
    assert_eq!((record.tenant.as_str(), record.verdict), ("installation", Verdict::Refused));
    for authorization in ["Basic YTpi", "Bearer", "Bearer a b", "\u{7f}"] {
        let request =
            harness.request("GET", "/api/v1/servers", "").header("authorization", authorization.as_bytes());
        let Ok(request) = request.build() else { continue };
        assert_eq!(harness.web.execute(request).await.unwrap().status(), 401, "{authorization}");
    }
}

#[tokio::test]
async fn guessing_is_slowed_down_and_whoever_was_let_in_before_still_is() {
    let harness = Harness::with(HttpConfig { failures_per_minute: 3, ..config() }).await;
    assert_eq!(harness.ask("GET", "/api/v1/servers", MEMBER).await.status, 200);
    for _ in 0..3 {
        assert_eq!(harness.ask("GET", "/api/v1/servers", WRONG).await.status, 401);
    }
    let slowed = harness.ask("GET", "/api/v1/servers", WRONG).await;
    assert_eq!((slowed.status.as_u16(), slowed.code()), (429, "too_many_wrong_tokens"));
    assert_eq!(slowed.header("retry-after"), "20");
    let right = harness.ask("GET", "/api/v1/servers", ADMIN).await;
    assert_eq!(right.status, 429, "a guess that is right does not show while guessing is stopped");
    assert_eq!(harness.ask("GET", "/api/v1/servers", MEMBER).await.status, 200, "it was good before");
    let refused = harness.records.all().into_iter().filter(|record| record.verdict == Verdict::Refused);
    assert_eq!(refused.count(), 3, "what is slowed down is not recorded");

    harness.clock.advance(Duration::from_secs(20));
    assert_eq!(harness.ask("GET", "/api/v1/servers", ADMIN).await.status, 200);
}

#[tokio::test]
async fn a_revoked_token_lets_nobody_in_any_more() {
    let harness = Harness::start().await;
    assert_eq!(harness.ask("GET", "/api/v1/servers", MEMBER).await.status, 200);
    harness.tokens.revoke(MEMBER);
    assert_eq!(harness.ask("GET", "/api/v1/servers", MEMBER).await.status, 401);
}

#[tokio::test]
async fn peers_behind_our_proxy_are_told_apart() {
    let trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    let harness = Harness::with(HttpConfig { failures_per_minute: 1, trusted_proxies, ..config() }).await;
    let from = |peer: &'static str| {
        answered(harness.request("GET", "/api/v1/servers", WRONG).header("x-forwarded-for", peer))
    };
    assert_eq!(from("9.9.9.9").await.status, 401);
    assert_eq!(harness.records.last().actor.as_str(), "peer:9.9.9.9");
    assert_eq!(from("9.9.9.9").await.status, 429);
    assert_eq!(from("1.2.3.4, 9.9.9.9").await.status, 429, "what the peer itself says does not count");
    assert_eq!(from("8.8.8.8").await.status, 401);
}

#[tokio::test]
async fn refusals_of_one_caller_are_recorded_up_to_a_bound() {
    let harness = Harness::start().await;
    for _ in 0..70 {
        assert_eq!(harness.ask("GET", "/api/v1/nowhere", MEMBER).await.status, 404);
    }
    assert_eq!(harness.records.all().len(), 60);
    let unknown = harness.call("no.such", MEMBER, json!({})).await;
    assert_eq!((unknown.status.as_u16(), unknown.code()), (404, "unknown_operation"));
    assert_eq!(harness.records.all().len(), 60, "made up operations count as well");
    assert!(harness.metric("guildhall_refusals_unrecorded_total").await >= 11.0);
}

#[tokio::test]
async fn no_token_is_ever_logged_answered_or_recorded() {
    let harness = Harness::start().await;
    let mut said = String::new();
    for token in TOKENS.into_iter().chain([WRONG]) {
        for (method, path) in [
            ("GET", "/api/v1/servers"),
            ("GET", "/api/v1/nowhere"),
            ("PUT", "/api/v1/servers"),
            ("GET", "/api/v1/events?after=x"),
            ("DELETE", "/api/v1/servers/survival"),
            ("GET", "/metrics"),
        ] {
            let answer = harness.ask(method, path, token).await;
            said.push_str(&format!("{:?} {}", answer.headers, answer.body));
        }
        let answer = harness.call("server.break", token, json!({"how": "panic"})).await;
        said.push_str(&answer.body.to_string());
    }
    said.push_str(&format!("{:?}", harness.records.all()));
    let logged = logged();
    assert!(logged.contains("server break"), "the log was kept");
    for token in TOKENS.into_iter().chain([WRONG]) {
        assert!(!said.contains(token), "an answer or record has a token");
        assert!(!logged.contains(token), "the log has a token");
    }
}
