//! What is left out: channels and bots that the guild ignores, logs that are off, and what is no change.

use guildhall_core::{
    EventLog,
    guild::{ChannelId, GuildEvent},
    notebook::Notebook as _,
};
use guildhall_logs::migrations;
use guildhall_store::testkit;
use serde_json::{Value, json};

use crate::stage::*;

#[tokio::test]
async fn ignored_channels_log_channels_and_bots_are_left_out() {
    let store = testkit::sqlite(migrations()).await;
    let world = world(store.store());
    world.desk.set.lock().unwrap().insert("logs.ignored_channels", json!(["60"]));
    world.hear(deleted(60, &[1], vec![message(1, 60, "ignored")])).await;
    world.hear(deleted(MESSAGES.0, &[2], vec![message(2, MESSAGES.0, "a log of the log")])).await;
    world.desk.set.lock().unwrap().insert(REPORTS.key, json!(ChannelId(ROOM)));
    world.hear(deleted(ROOM, &[5], vec![message(5, ROOM, "a report")])).await;
    world.hear(deleted(THREAD, &[6], vec![message(6, THREAD, "what staff said of a report")])).await;
    let mut bot = message(3, 50, "a bot's");
    bot.author.bot = true;
    world.hear(deleted(50, &[3], vec![bot])).await;
    world.hear(deleted(50, &[4], vec![message(4, 50, "a person's")])).await;
    let posts = world.end().await;
    let text: String = posts.iter().map(|(_, text)| text.as_str()).collect();
    assert!(text.contains("a person's"), "{posts:?}");
    for left_out in ["ignored", "a log of the log", "a report", "said of a report", "a bot's"] {
        assert!(!text.contains(left_out), "{posts:?}");
    }
}

#[tokio::test]
async fn a_category_that_is_ignored_covers_its_channels_and_their_threads() {
    let store = testkit::sqlite(migrations()).await;
    let world = world(store.store());
    world.desk.set.lock().unwrap().insert("logs.ignored_channels", json!([CATEGORY.to_string()]));
    for (id, channel) in [(1, ROOM), (2, THREAD), (3, 50)] {
        world.hear(deleted(channel, &[id], vec![message(id, channel, &format!("text {id}"))])).await;
    }
    let text: String = world.end().await.into_iter().map(|(_, text)| text).collect();
    assert!(text.contains("text 3") && !text.contains("text 1") && !text.contains("text 2"), "{text}");
}

#[tokio::test]
async fn a_purge_of_bots_and_people_shows_the_people() {
    let store = testkit::sqlite(migrations()).await;
    let world = world(store.store());
    let mut bot = message(1, 50, "a bot's");
    bot.author.bot = true;
    world.hear(deleted(50, &[1, 2], vec![bot.clone(), message(2, 50, "a person's")])).await;
    world.hear(deleted(50, &[1], vec![bot])).await;
    let text: String = world.end().await.into_iter().map(|(_, text)| text).collect();
    assert!(text.contains("a person's") && !text.contains("a bot's"), "{text}");
    assert_eq!(text.matches("messages were deleted").count(), 1, "a bot's own message is no line: {text}");
}

#[tokio::test]
async fn a_picture_added_to_a_link_is_no_edit() {
    let store = testkit::sqlite(migrations()).await;
    let world = world(store.store());
    for keep in [Value::Null, json!("1h")] {
        world.desk.set.lock().unwrap().insert("logs.keep_messages", keep);
        let (before, after) = (Some("a link".to_owned()), message(1, 50, "a link"));
        world.hear(GuildEvent::MessageEdited { before, after }).await;
    }
    assert_eq!(world.end().await, []);
}

#[tokio::test]
async fn of_a_channel_that_is_ignored_no_voice_and_no_change_is_logged() {
    let store = testkit::sqlite(migrations()).await;
    let world = world(store.store());
    let ignored = json!(["60", CATEGORY.to_string()]);
    world.desk.set.lock().unwrap().insert("logs.ignored_channels", ignored);
    for (from, to) in [(None, Some(60)), (Some(60), None), (Some(60), Some(ROOM)), (None, Some(ROOM))] {
        world.hear(moved("Quiet", from, to)).await;
    }
    world.hear(moved("Eve", Some(50), Some(60))).await;
    world.hear(moved("Zoe", Some(ROOM), Some(50))).await;
    // Discord, asked for 73, does not know it any more; its category stands in what it tells of it.
    for (id, parent) in [(60, None), (ROOM, Some(CATEGORY)), (73, Some(CATEGORY))] {
        world.hear(GuildEvent::ChannelCreated(room(id, parent, "quiet"))).await;
        let (before, after) = (Some(room(id, parent, "still")), room(id, parent, "quiet"));
        world.hear(GuildEvent::ChannelChanged { before, after }).await;
        world.hear(GuildEvent::ChannelDeleted(room(id, parent, "quiet"))).await;
    }
    world.hear(GuildEvent::ChannelDeleted(room(50, None, "loud"))).await;
    let posts = world.end().await;
    let text: String = posts.iter().map(|(_, text)| text.as_str()).collect();
    assert!(!text.contains("Quiet") && !text.contains("quiet"), "{text}");
    assert!(!text.contains("the channel 60") && !text.contains(&format!("the channel {ROOM}")), "{text}");
    assert!(text.contains("Eve") && text.contains(" left ") && !text.contains(" went from "), "{text}");
    assert!(text.contains("Zoe") && text.contains(" entered "), "{text}");
    assert!(text.contains("#loud"), "{text}");
}

impl World {
    /// Lets something happen for each log, and a setting be changed.
    async fn something_for_each_log(&self) {
        self.hear(GuildEvent::ChannelDeleted(room(50, None, "general"))).await;
        self.hear(GuildEvent::MemberJoined { member: member(8), invite: None }).await;
        self.hear(deleted(50, &[1], vec![message(1, 50, "text")])).await;
        self.hear(moved("Ann", None, Some(50))).await;
        let home = "system".parse().unwrap();
        let noted = async || self.notebook.get(&home, "logs", "cursor").await.unwrap();
        while noted().await.is_none() {
            tokio::task::yield_now().await;
        }
        let event = setting_changed(&self.tenant, "The configuration has changed");
        self.events.append(event).await.unwrap();
        let read = json!(self.events.newest().await.unwrap());
        while noted().await.is_none_or(|cursor| cursor != read) {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_log_that_is_not_set_is_not_written_and_the_others_are() {
    let logs =
        [("logs.audit", AUDIT), ("logs.joins", JOINS), ("logs.messages", MESSAGES), ("logs.voice", VOICE)];
    for off in logs {
        let store = testkit::sqlite(migrations()).await;
        let world = world(store.store());
        world.desk.set.lock().unwrap().insert(off.0, Value::Null);
        world.something_for_each_log().await;
        let mut written: Vec<ChannelId> = world.end().await.into_iter().map(|(channel, _)| channel).collect();
        written.sort_unstable();
        written.dedup();
        let others: Vec<ChannelId> =
            logs.iter().map(|(_, channel)| *channel).filter(|channel| *channel != off.1).collect();
        assert_eq!(written, others, "without {}", off.0);
    }
}

#[tokio::test]
async fn nothing_is_written_where_the_feature_is_off() {
    for (on, expected) in [(true, 4), (false, 0)] {
        let store = testkit::sqlite(migrations()).await;
        let world = world(store.store());
        world.desk.set.lock().unwrap().insert("features.logs", json!(on));
        world.something_for_each_log().await;
        let posts = world.end().await;
        let channels: std::collections::BTreeSet<ChannelId> =
            posts.iter().map(|(channel, _)| *channel).collect();
        assert_eq!(channels.len(), expected, "{posts:?}");
    }
}
