//! Locks, slow mode and purges.

use std::time::Duration;

use guildhall_core::Clock;
use guildhall_core::guild::bits;
use serde_json::json;

use crate::{fake::*, stage::World};

fn writable(world: &World, channel: guildhall_core::guild::ChannelId) -> bool {
    let everyone = world.guild.overwrite(channel, EVERYONE);
    everyone.is_none_or(|everyone| everyone.deny & bits::SEND_MESSAGES == 0)
}

#[tokio::test]
async fn a_lock_ends_on_time_and_leaves_what_was_there() {
    let world = World::new().await;
    world.call("lock", json!({ "duration": "30m" })).await.unwrap();
    assert!(!writable(&world, GENERAL));
    let error = world.call("lock", json!({})).await.unwrap_err();
    assert_eq!(error.code, "case_held");
    world.clock.advance(Duration::from_secs(1_800));
    world.until_state_in_time(1, "expired").await;
    assert_eq!(world.guild.overwrite(GENERAL, EVERYONE), None, "there was none before");
    let error = world.call("unlock", json!({})).await.unwrap_err();
    assert_eq!(error.code, "not_locked");
}

#[tokio::test]
async fn the_whole_server_is_locked_and_each_channel_is_as_before_afterwards() {
    let world = World::new().await;
    let rules = world.guild.overwrite(RULES, EVERYONE);
    world.call("lock", json!({ "channel": LOG })).await.unwrap();
    world.call("lock", json!({ "all": true, "reason": "Raid" })).await.unwrap();
    assert!(!writable(&world, GENERAL) && !writable(&world, REPORTS));
    let error = world.call("lock", json!({ "channel": GENERAL })).await.unwrap_err();
    assert_eq!(error.code, "case_held");
    world.call("unlock", json!({ "all": true })).await.unwrap();
    assert!(writable(&world, GENERAL) && writable(&world, REPORTS));
    assert!(!writable(&world, LOG), "it has a lock of its own");
    assert_eq!(world.guild.overwrite(RULES, EVERYONE), rules);
    assert_eq!((world.state(1).await, world.state(2).await), ("active".to_owned(), "closed".to_owned()));
    let error = world.call("lock", json!({ "channel": RULES })).await.unwrap_err();
    assert_eq!(error.code, "nothing_to_lock");
}

#[tokio::test]
async fn a_lock_that_fails_in_the_middle_opens_what_it_closed() {
    let world = World::new().await;
    world.guild.trouble("overwrite 103", 1, forbidden);
    let error = world.call("lock", json!({ "all": true })).await.unwrap_err();
    assert_eq!(error.code, "case_failed");
    assert!(writable(&world, GENERAL) && writable(&world, LOG) && writable(&world, REPORTS));
}

#[tokio::test]
async fn slow_mode_is_shown_and_set() {
    let world = World::new().await;
    let (data, _) = world.call("slowmode", json!({})).await.unwrap();
    assert_eq!((&data["seconds"], &data["case"]), (&json!(0), &json!(null)));
    world.call("slowmode", json!({ "delay": "2m" })).await.unwrap();
    let (data, _) = world.call("slowmode", json!({})).await.unwrap();
    assert_eq!(data["seconds"], 120);
    assert_eq!(world.call("slowmode", json!({ "delay": "7h" })).await.unwrap_err().code, "invalid_input");
}

#[tokio::test]
async fn a_purge_deletes_what_fits_and_counts_what_is_too_old() {
    let world = World::new().await;
    let now = world.clock.now();
    let old = now - Duration::from_secs(20 * 86_400);
    for index in 0..3 {
        world.guild.write(GENERAL, ANN, &format!("old spam {index}"), old);
    }
    for index in 0..150 {
        let at = now - Duration::from_secs(3_600 - index);
        world.guild.write(GENERAL, if index % 2 == 0 { ANN } else { BOB }, "some SPAM", at);
    }
    world.guild.write(GENERAL, ANN, "hello", now);
    let input = json!({ "count": 500, "user": ANN, "contains": "spam" });
    let (data, document) = world.call("purge", input).await.unwrap();
    assert_eq!(data["state"], "closed");
    assert!(format!("{document:?}").contains("3 older than 14 days"), "{document:?}");
    assert_eq!(world.guild.lock().messages.len(), 3 + 75 + 1, "Bob's, the old ones and the greeting stay");
    assert_eq!(world.guild.done(), ["delete 75"]);

    world.call("purge", json!({ "count": 20 })).await.unwrap();
    assert_eq!(world.guild.lock().messages.len(), 79 - 20);
    let error = world.call("purge", json!({ "count": 501 })).await.unwrap_err();
    assert_eq!(error.code, "invalid_input");
}
