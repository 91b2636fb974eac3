//! Locks, slow mode and purges.

use std::time::Duration;

use guildhall_core::{
    Clock, Error, Rank, Reply, Request,
    guild::{MessageId, bits},
};
use serde_json::{Value, json};

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

#[tokio::test]
async fn a_purge_of_bots_in_another_channel_leaves_people_and_this_channel_alone() {
    let world = World::new().await;
    let now = world.clock.now();
    for channel in [GENERAL, LOG] {
        world.guild.write(channel, BOT, "beep", now);
        world.guild.write(channel, ANN, "hello", now);
    }
    world.call("purge", json!({ "count": 10, "bots": true, "channel": LOG })).await.unwrap();
    let state = world.guild.lock();
    let left: Vec<_> = state.messages.iter().map(|one| (one.channel, one.author.user)).collect();
    assert_eq!(left, [(GENERAL, BOT), (GENERAL, ANN), (LOG, ANN)]);
}

/// What is asked before it is done, with the button that means yes.
async fn asked(
    world: &World,
    operation: &str,
    input: Value,
    message: Option<MessageId>,
) -> Result<(String, Request), Error> {
    let mut request = Request::json(world.actor(MOD, Rank::ADMIN), operation, input);
    (request.channel, request.message) = (Some(GENERAL), message);
    match world.catalogue.call(request.clone()).await? {
        Reply::Confirm { question, document, .. } => {
            let yes = document.actions().next().unwrap().clone();
            request.input = guildhall_core::input::Raw::Json(yes.input);
            request.confirmed = yes.confirmed;
            Ok((question, request))
        }
        Reply::Done { .. } => panic!("it did not ask"),
    }
}

#[tokio::test]
async fn a_purge_leaves_its_own_command_and_question_and_whatever_came_after_them() {
    let world = World::new().await;
    let now = world.clock.now();
    let ago = |seconds| now - Duration::from_secs(seconds);
    let (oldest, old) = (ago(60), ago(50));
    let mut left = vec![world.guild.write(GENERAL, ANN, "good morning", oldest)];
    for _ in 0..3 {
        world.guild.write(GENERAL, ANN, "spam", old);
    }
    let command = world.guild.write(GENERAL, MOD, "$purge 3", ago(3));
    let (_, yes) = asked(&world, "purge", json!({ "count": 3 }), Some(command)).await.unwrap();
    left.extend([
        command,
        world.guild.write(GENERAL, BOT, "Are you sure?", ago(2)),
        world.guild.write(GENERAL, BOB, "what is going on", ago(1)),
    ]);
    let reply = world.catalogue.call(yes).await.unwrap();
    assert!(format!("{:?}", reply.document()).contains("Deleted"), "{reply:?}");
    let messages: Vec<_> = world.guild.lock().messages.iter().map(|message| message.id).collect();
    assert_eq!(messages, left);
    assert_eq!(world.guild.done(), ["delete 3"]);
}

#[tokio::test]
async fn a_purge_that_finds_nothing_says_so_and_is_no_case() {
    let world = World::new().await;
    world.guild.write(GENERAL, ANN, "hello", world.clock.now());
    let old = world.clock.now() - Duration::from_secs(20 * 86_400);
    world.guild.write(GENERAL, BOB, "long ago", old);
    for input in [json!({ "count": 5, "contains": "spam" }), json!({ "count": 5, "user": BOB })] {
        let error = world.call("purge", input).await.unwrap_err();
        assert_eq!(error.code, "nothing_to_purge");
        assert!(error.message.contains("#general"), "{error}");
    }
    assert_eq!(world.call("case list", json!({})).await.unwrap().0["total"], 0);
    assert_eq!(world.guild.lock().messages.len(), 2);
}

#[tokio::test]
async fn the_question_says_what_would_be_done() {
    let world = World::new().await;
    for (operation, input, question) in [
        ("purge", json!({ "count": 50 }), "Delete up to 50 messages in #general? They do not come back."),
        (
            "purge",
            json!({ "count": 1, "user": ANN, "channel": LOG, "contains": "http" }),
            "Delete up to 1 message of Ann in #mod-log that have “http” in them? They do not come back.",
        ),
        (
            "purge",
            json!({ "count": 9, "bots": true }),
            "Delete up to 9 messages of bots in #general? They do not come back.",
        ),
        ("massban", json!({ "users": "20" }), "Ban 1 person? Each is banned for good and told nothing."),
        ("massban", json!({ "users": "20 21" }), "Ban 2 people? Each is banned for good and told nothing."),
    ] {
        assert_eq!(asked(&world, operation, input, None).await.unwrap().0, question);
    }
}

#[tokio::test]
async fn what_would_be_refused_afterwards_is_not_asked() {
    let world = World::new().await;
    let error = asked(&world, "massban", json!({ "users": "a b c" }), None).await.unwrap_err();
    assert_eq!(error.code, "no_id");
    let request = Request::json(world.actor(MOD, Rank::ADMIN), "purge", json!({ "count": 5 }));
    assert_eq!(world.catalogue.call(request).await.unwrap_err().code, "which_channel");
    world.guild.lock().guild.as_mut().unwrap().roles.iter_mut().for_each(|role| role.permissions = 0);
    for (operation, input) in [("purge", json!({ "count": 5 })), ("massban", json!({ "users": "20" }))] {
        let error = asked(&world, operation, input, None).await.unwrap_err();
        assert_eq!(error.code, "guild_missing_permission", "{operation}");
    }
}

#[tokio::test]
async fn what_is_taken_away_is_not_called_by_what_sets_it() {
    let world = World::new().await;
    let title = async |operation: &str, input: Value| {
        let actor = world.actor(OWNER, Rank::OWNER);
        world.call_as(actor, operation, input).await.unwrap().1.title.unwrap()
    };
    assert_eq!(title("slowmode", json!({ "delay": "30s" })).await, "#general: slowed down");
    assert_eq!(title("slowmode", json!({ "delay": "off" })).await, "#general: slow mode is off");
    assert_eq!(title("nick", json!({ "user": [BOB], "nick": "Robert" })).await, "Bob: renamed");
    assert_eq!(title("nick", json!({ "user": [BOB] })).await, "Bob: nickname taken away");
    let role = json!({ "user": [BOB], "role": ARTIST });
    assert_eq!(title("role add", role.clone()).await, "Bob: given the role Artist");
    assert_eq!(title("role remove", role).await, "Bob: relieved of the role Artist");
}
