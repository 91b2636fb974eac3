//! What has an end: it comes in time, after a restart as well, and ending by hand ends the wait.

use std::time::Duration;

use guildhall_core::guild::{UserId, bits};
use guildhall_flows::Failure;
use serde_json::{Value, json};

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
    world.until_state_in_time(1, "expired").await;
    assert_eq!(world.guild.done(), ["ban 20", "unban 20"]);
}

/// What can have an end, about what, what ends it by hand, and whether it holds on Discord.
type Timed = (&'static str, fn() -> Value, &'static str, fn(&World) -> bool);

const TIMED: [Timed; 3] = [
    ("tempban", || json!({ "user": [ANN] }), "unban", |world| world.guild.is_banned(ANN)),
    ("jail", || json!({ "user": [ANN] }), "unjail", |world| world.guild.roles(ANN).contains(&JAIL)),
    (
        "lock",
        || json!({}),
        "unlock",
        |world| {
            let everyone = world.guild.overwrite(GENERAL, EVERYONE);
            everyone.is_some_and(|everyone| everyone.deny & bits::SEND_MESSAGES != 0)
        },
    ),
];

fn lasting(about: fn() -> Value, duration: &str) -> Value {
    let mut input = about();
    input["duration"] = json!(duration);
    input
}

#[tokio::test]
async fn an_end_comes_on_time_after_a_restart_and_late_only_when_the_program_was_down() {
    for (measure, about, _, holds) in TIMED {
        for down in [false, true] {
            let mut world = World::new().await;
            world.call(measure, lasting(about, "1h")).await.unwrap();
            world.restart().await;
            world.clock.advance(HOUR - Duration::from_secs(1));
            let state = world.state(1).await;
            assert!(holds(&world) && state == "active", "the {measure} is {state} before its end");
            if down {
                world.crash();
                world.clock.advance(HOUR);
                world.restart().await;
            } else {
                world.clock.advance(Duration::from_secs(1));
            }
            // What the crash cut off in the store may have to be tried again a moment later.
            world.until_state_in_time(1, "expired").await;
            assert!(!holds(&world), "the {measure} still holds");
        }
    }
}

#[tokio::test]
async fn ending_by_hand_ends_the_timer() {
    for (measure, about, lift, holds) in TIMED {
        let world = World::new().await;
        world.call(measure, lasting(about, "1h")).await.unwrap();
        world.call(lift, about()).await.unwrap();
        assert_eq!((world.state(1).await.as_str(), holds(&world)), ("closed", false), "{measure}");
        // Done anew meanwhile: the old timer has nothing to say about it.
        world.call(measure, lasting(about, "5h")).await.unwrap();
        world.clock.advance(HOUR * 2);
        world.until_settled("moderation-timer", "1", Duration::from_millis(10)).await;
        let states = (world.state(1).await, world.state(3).await);
        assert_eq!(states, ("closed".to_owned(), "active".to_owned()), "{measure}");
        assert!(holds(&world), "the old timer ended the new {measure}");
        world.clock.advance(HOUR * 3);
        world.until_state_in_time(3, "expired").await;
        assert!(!holds(&world), "the new {measure} has a timer of its own");
    }
}

#[tokio::test]
async fn ends_that_nothing_waits_for_any_more_come_however_many_they_are() {
    let world = World::new().await;
    let people: Vec<UserId> = (3_000..3_060).map(UserId).collect();
    for some in people.chunks(20) {
        some.iter().for_each(|user| world.guild.know(*user, "Raider"));
        world.call("tempban", json!({ "user": some, "duration": "1h" })).await.unwrap();
    }
    let (flows, _) = world.flows.under_way(0, 200).await.unwrap();
    let timers: Vec<_> = flows.iter().filter(|flow| flow.kind == "moderation-timer").collect();
    assert_eq!(timers.len(), people.len());
    for timer in timers {
        let reason = Failure::new("cancelled", "Somebody has cancelled it.");
        world.flows.cancel(timer.id, reason).await.unwrap();
    }
    world.until_settled("moderation-timer", "", Duration::from_millis(10)).await;
    assert!(people.iter().all(|user| world.guild.is_banned(*user)));
    world.clock.advance(HOUR * 2);
    let free = async || {
        world.clock.advance(Duration::from_secs(1));
        !people.iter().any(|user| world.guild.is_banned(*user))
    };
    world.until("everybody may come back", free).await;
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
    world.until_state_in_time(1, "expired").await;
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
    let said = async || {
        world.clock.advance(Duration::from_secs(1));
        world.case(1).await["failure"].is_string()
    };
    world.until("the case says so", said).await;
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
    assert_eq!(error.fields[0].code, Some("input_too_lasting"));
    assert_eq!(error.message, "duration is at most 28d, and '29d' is longer.");
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
