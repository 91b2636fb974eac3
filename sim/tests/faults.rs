//! Failures on order: broken, lost, slow and limited answers, on one route or on all.

mod support;

use std::time::{Duration, Instant};

use guildhall_sim::{Fault, FaultOrder};
use serde_json::json;
use support::{Community, check_conformance};

#[tokio::test]
async fn one_route_fails_and_the_others_go_on() {
    let community = Community::new().await;
    let rest = community.rest();
    let ban = format!("/guilds/{}/bans/{}", community.guild.id(), community.bo.id());
    community.sim.fault(FaultOrder::on("PUT /guilds/*/bans/*", Fault::Status { status: 502 }).times(2));
    for _ in 0..2 {
        let (status, answer) = rest.call("PUT", &ban, Some(json!({}))).await;
        assert_eq!((status, &answer["message"]), (502, &json!("502: Bad Gateway")));
        assert!(community.guild.bans().is_empty(), "nothing was done");
        assert_eq!(rest.get("/users/@me").await.0, 200);
    }
    assert_eq!(rest.call("PUT", &ban, Some(json!({}))).await.0, 204, "used up");
    assert_eq!(community.sim.faults_struck(), 2);
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn an_answer_is_lost_although_the_thing_was_done() {
    let community = Community::new().await;
    let rest = community.rest();
    let ban = format!("/guilds/{}/bans/{}", community.guild.id(), community.bo.id());
    community.sim.fault(FaultOrder::everywhere(Fault::Lost { status: 504 }).times(1));
    assert_eq!(rest.call("PUT", &ban, Some(json!({}))).await.0, 504);
    assert_eq!(community.guild.bans().len(), 1, "done all the same");
}

#[tokio::test]
async fn everything_is_down_limited_or_slow_until_healed() {
    let community = Community::new().await;
    let rest = community.rest();
    community.sim.fault(FaultOrder::everywhere(Fault::Status { status: 500 }));
    assert_eq!(rest.get("/users/@me").await.0, 500);
    assert_eq!(rest.get("/gateway/bot").await.0, 500);
    community.sim.heal();
    assert_eq!(rest.get("/users/@me").await.0, 200);

    let limited = Fault::RateLimited { retry_after_ms: 1500, global: false };
    community.sim.fault(FaultOrder::on("GET /users/@me", limited).times(1));
    let refused = rest.response("GET", "/users/@me", None).await;
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["retry-after"]),
        (429, &"2".parse().expect("a value"))
    );
    let body: serde_json::Value = refused.json().await.expect("JSON");
    assert_eq!((&body["retry_after"], &body["global"]), (&json!(1.5), &json!(false)));

    community.sim.fault(FaultOrder::on("GET /users/**", Fault::Slow { delay_ms: 300 }));
    let started = Instant::now();
    assert_eq!(rest.get("/users/@me").await.0, 200);
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}
