//! What has an end: it comes in time, after a restart as well, and ending by hand ends the wait.

use std::time::Duration;

use serde_json::json;

use crate::{fake::*, stage::World};

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn a_temporary_ban_ends_on_time() {
    let world = World::new().await;
    let (data, _) = world.call("ban", json!({ "user": [ANN], "duration": "2h" })).await.unwrap();
    assert_eq!(data["cases"][0]["kind"], "tempban");
    world.clock.advance(HOUR);
    assert!(world.guild.is_banned(ANN));
    world.clock.advance(HOUR);
    world.until_state(1, "expired").await;
    assert_eq!(world.guild.done(), ["ban 20", "unban 20"]);
}

#[tokio::test]
async fn an_end_that_comes_while_the_program_is_down_is_done_when_it_is_back() {
    let mut world = World::new().await;
    world.call("tempban", json!({ "user": [ANN], "duration": "1h" })).await.unwrap();
    world.restart().await;
    assert!(world.guild.is_banned(ANN));
    world.clock.advance(HOUR);
    world.restart().await;
    // What the crash cut off in the store may have to be tried again a moment later.
    world.until_state_in_time(1, "expired").await;
    assert_eq!(world.guild.count("unban 20"), 1);
}

#[tokio::test]
async fn ending_by_hand_ends_the_timer() {
    let world = World::new().await;
    world.call("tempban", json!({ "user": [ANN], "duration": "1h" })).await.unwrap();
    world.call("unban", json!({ "user": [ANN] })).await.unwrap();
    assert_eq!(world.state(1).await, "closed");
    // Banned anew meanwhile: the old timer has nothing to say about it.
    world.call("ban", json!({ "user": [ANN] })).await.unwrap();
    world.clock.advance(HOUR * 2);
    world.call("warn", json!({ "user": [BOB] })).await.unwrap();
    assert!(world.guild.is_banned(ANN));
    assert_eq!(world.guild.count("unban 20"), 1);
    assert_eq!(world.state(1).await, "closed");
}

#[tokio::test]
async fn moving_the_end_moves_the_timer_both_ways() {
    let world = World::new().await;
    world.call("ban", json!({ "user": [ANN] })).await.unwrap();
    world.call("case edit", json!({ "number": 1, "duration": "10h" })).await.unwrap();
    assert_eq!(world.case(1).await["kind"], "tempban");
    world.call("case edit", json!({ "number": 1, "duration": "3h" })).await.unwrap();
    world.call("case edit", json!({ "number": 1, "forever": true })).await.unwrap();
    assert_eq!(world.case(1).await["kind"], "ban");
    world.clock.advance(HOUR * 12);
    world.call("warn", json!({ "user": [BOB] })).await.unwrap();
    assert!(world.guild.is_banned(ANN));
    // An end that is past already is now.
    world.call("case edit", json!({ "number": 1, "duration": "12h" })).await.unwrap();
    world.until_state(1, "expired").await;
    assert!(!world.guild.is_banned(ANN));
    let error = world.call("case edit", json!({ "number": 1, "duration": "1d" })).await.unwrap_err();
    assert_eq!(error.code, "case_without_end");
}

#[tokio::test]
async fn what_cannot_be_ended_is_said_and_tried_again() {
    let world = World::new().await;
    world.call("tempban", json!({ "user": [ANN], "duration": "1h" })).await.unwrap();
    world.guild.trouble("unban", 2, forbidden);
    world.clock.advance(HOUR);
    world.until("the case says so", async || world.case(1).await["failure"].is_string()).await;
    assert_eq!(world.state(1).await, "active");
    let pass = async || {
        world.clock.advance(Duration::from_secs(60));
        world.state(1).await == "expired"
    };
    world.until("it is ended in the end", pass).await;
    assert!(world.case(1).await["failure"].is_null());
}

#[tokio::test]
async fn a_timeout_is_as_long_as_discord_lets_it_and_follows_its_case() {
    let world = World::new().await;
    let error = world.call("timeout", json!({ "user": [ANN], "duration": "29d" })).await.unwrap_err();
    assert_eq!(error.code, "timeout_too_long");
    world.call("timeout", json!({ "user": [ANN], "duration": "1h" })).await.unwrap();
    let until = world.guild.member_now(ANN).unwrap().timeout.unwrap();
    let error = world.call("timeout", json!({ "user": [ANN], "duration": "1h" })).await.unwrap_err();
    assert_eq!(error.code, "case_held");
    world.call("case edit", json!({ "number": 1, "duration": "5h" })).await.unwrap();
    let moved = async || world.guild.member_now(ANN).unwrap().timeout.unwrap() == until + HOUR * 4;
    world.until("Discord knows the new end", moved).await;
    world.call("untimeout", json!({ "user": [ANN] })).await.unwrap();
    assert_eq!(world.guild.member_now(ANN).unwrap().timeout, None);
    assert_eq!(world.state(1).await, "closed");
    let error = world.call("untimeout", json!({ "user": [ANN] })).await.unwrap_err();
    assert_eq!(error.code, "not_timed_out");
}

#[tokio::test]
async fn a_tempban_that_somebody_ends_in_discord_is_closed() {
    let world = World::new().await;
    world.call("tempban", json!({ "user": [ANN], "duration": "1h" })).await.unwrap();
    world.guild.lock().bans.remove(&ANN);
    let event = guildhall_core::guild::GuildEvent::Unbanned { user: ANN, name: "Ann".to_owned() };
    world.notice(event).await;
    assert_eq!(world.state(1).await, "closed");
    world.clock.advance(HOUR * 2);
    world.call("warn", json!({ "user": [BOB] })).await.unwrap();
    assert_eq!(world.guild.count("unban 20"), 0);
}
