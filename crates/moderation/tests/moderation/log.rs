//! The mod-log: one message a case, which says what the case says, whatever Discord does to it.

use std::time::Duration;

use serde_json::json;

use crate::{fake::*, stage::World};

/// What the log says of a case; nothing while it says nothing.
fn logged(world: &World, number: i64) -> String {
    let title = format!("Case {number} ");
    let said = world.guild.posts(LOG).into_iter().map(|post| format!("{:?}", post.document));
    said.filter(|said| said.contains(&title)).collect()
}

#[tokio::test]
async fn the_log_follows_a_case_to_its_end() {
    let world = World::new().await;
    world.call("tempban", json!({ "user": [ANN], "duration": "1h", "reason": "Spam" })).await.unwrap();
    let said = ["\"Ann\"", "\"Mia\"", "Spam", "active", "They got a message.", "Until"];
    let all = async || said.iter().all(|word| logged(&world, 1).contains(word));
    world.until("whom, by whom, why, and until when", all).await;
    world.clock.advance(Duration::from_secs(3_600));
    world.until_state_in_time(1, "expired").await;
    world.until("that it is over", async || logged(&world, 1).contains("expired")).await;

    world.guild.trouble("timeout 20", 1, forbidden);
    world.guild.join(ANN, "Ann", &[PLAYER]);
    world.call("timeout", json!({ "user": [ANN], "duration": "1h" })).await.unwrap_err();
    world.until("that it failed", async || logged(&world, 2).contains("failed")).await;

    world.call("jail", json!({ "user": [BOB] })).await.unwrap();
    world.until("that it holds", async || logged(&world, 3).contains("active")).await;
    world.call("unjail", json!({ "user": [BOB] })).await.unwrap();
    world.until("who ended it", async || logged(&world, 3).contains(" by Mia")).await;
    world.until("and by which case", async || logged(&world, 4).contains("Case 3")).await;
    assert_eq!(world.guild.posts(LOG).len(), 4, "each case has one message");
}

#[tokio::test]
async fn a_log_that_is_off_has_no_cases_until_it_is_on_and_one_that_moves_leaves_its_messages() {
    let world = World::new().await;
    world.settings.set("logs.moderation", json!(null));
    world.call("warn", json!({ "user": [ANN] })).await.unwrap();
    world.settings.set("logs.moderation", LOG.to_string());
    world.call("warn", json!({ "user": [BOB] })).await.unwrap();
    // What is due is written in order, so the first has had its turn.
    world.until("the second is logged", async || !logged(&world, 2).is_empty()).await;
    assert_eq!(logged(&world, 1), "");
    world.call("case edit", json!({ "number": 1, "reason": "Caps" })).await.unwrap();
    world.until("with its next change the first is too", async || logged(&world, 1).contains("Caps")).await;
    world.settings.set("logs.moderation", REPORTS.to_string());
    world.call("case edit", json!({ "number": 1, "reason": "Spam" })).await.unwrap();
    world.until("it is edited where it is", async || logged(&world, 1).contains("Spam")).await;
    assert!(world.guild.posts(REPORTS).is_empty());
}

#[tokio::test]
async fn a_deleted_log_message_is_posted_anew_and_a_deleted_channel_holds_up_nothing() {
    let world = World::new().await;
    world.call("warn", json!({ "user": [ANN] })).await.unwrap();
    world.until("it is logged", async || world.guild.posts(LOG).len() == 1).await;
    world.guild.lock().posts.clear();
    world.call("case edit", json!({ "number": 1, "reason": "Again" })).await.unwrap();
    world.until("it is posted anew", async || world.guild.posts(LOG).len() == 1).await;

    world.guild.trouble("post", 1_000, gone);
    world.call("warn", json!({ "user": [BOB] })).await.unwrap();
    assert_eq!(world.state(2).await, "active");
    world.until("the case says so", async || world.case(2).await["log"].is_string()).await;
}

#[tokio::test]
async fn a_log_that_discord_does_not_take_now_is_written_later() {
    let world = World::new().await;
    world.guild.trouble("post", 3, unreachable);
    world.call("warn", json!({ "user": [ANN] })).await.unwrap();
    let pass = async || {
        world.clock.advance(Duration::from_secs(1));
        world.guild.posts(LOG).len() == 1
    };
    world.until("it is logged in the end", pass).await;
}

#[tokio::test]
async fn a_log_message_whose_answer_was_lost_is_the_only_one_and_says_what_is_true() {
    let world = World::new().await;
    world.guild.lose(&format!("post {LOG}"), unreachable);
    // Nothing but the edit changes the case, so nothing else is written between the two tries.
    world.call("warn", json!({ "user": [ANN], "reason": "First time", "silent": true })).await.unwrap();
    world.until("it was posted, and nobody knows", async || world.guild.posts(LOG).len() == 1).await;
    world.call("case edit", json!({ "number": 1, "reason": "Third time" })).await.unwrap();
    let said = async || {
        world.clock.advance(Duration::from_secs(1));
        let posts = world.guild.posts(LOG);
        posts.first().is_some_and(|post| format!("{:?}", post.document).contains("Third time"))
    };
    world.until("it says what the case says", said).await;
    assert_eq!(world.guild.posts(LOG).len(), 1);
}
