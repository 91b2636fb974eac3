//! What people wrote: kept for as long as the guild says, and no longer.

use std::time::Duration;

use guildhall_core::{
    Kind, TenantId,
    guild::{GuildEvent, GuildListener},
};
use guildhall_logs::migrations;
use guildhall_store::{Store, testkit};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use crate::stage::*;

#[tokio::test]
async fn what_people_wrote_is_kept_no_longer_than_the_guild_says() {
    for store in testkit::stores(migrations).await {
        let world = world(store.store());
        world.desk.set.lock().unwrap().insert("logs.keep_messages", json!("1h"));
        world.hear(GuildEvent::MessageWritten(message(1, 50, "an hour and no more"))).await;
        // Reading it back shows that it was written down, before time goes on.
        world.hear(GuildEvent::MessageEdited { before: None, after: message(1, 50, "still known") }).await;
        assert!(world.posts(1).await[0].1.contains("an hour and no more"));
        world.clock.advance(Duration::from_secs(3_700));
        let gone = async {
            loop {
                world.clock.advance(Duration::from_secs(61));
                let before = world.desk.posted.borrow().len();
                world.hear(GuildEvent::MessageEdited { before: None, after: message(1, 50, "x") }).await;
                if world.posts(before + 1).await[before].1.contains("before: not known") {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), gone).await.expect("it is forgotten");
        world.end().await;
    }
}

/// How many messages are kept of a community.
#[expect(clippy::disallowed_methods, reason = "the table is the crate's own, and the tenant is named")]
async fn kept(store: &Store, tenant: &TenantId) -> i64 {
    let text = format!("SELECT COUNT(*) AS kept FROM logs_message WHERE tenant = '{tenant}'");
    let statement = Statement::from_string(store.reader().get_database_backend(), text);
    store.reader().query_one_raw(statement).await.unwrap().unwrap().try_get("", "kept").unwrap()
}

impl World {
    /// Lets time pass until so many messages are kept of a community.
    async fn until_kept(&self, store: &Store, tenant: &TenantId, count: i64) {
        let wait = async {
            while kept(store, tenant).await != count {
                self.clock.advance(Duration::from_secs(1));
                tokio::task::yield_now().await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(20), wait).await;
        in_time.unwrap_or_else(|_| panic!("it never came to {count} messages of {tenant}"));
    }
}

#[tokio::test]
async fn what_was_kept_is_forgotten_once_the_guild_says_so() {
    for (key, to) in [
        ("logs.keep_messages", Value::Null),
        ("logs.keep_messages", json!("1h")),
        ("logs.messages", Value::Null),
        ("features.logs", json!(false)),
    ] {
        for store in testkit::stores(migrations).await {
            let world = world(store.store());
            let mut old = message(1, 50, "two hours old");
            old.at -= Duration::from_secs(7_200);
            world.hear(GuildEvent::MessageWritten(old)).await;
            world.until_kept(&store.store(), &world.tenant, 1).await;
            world.desk.set.lock().unwrap().insert(key, to.clone());
            world.until_kept(&store.store(), &world.tenant, 0).await;
            world.end().await;
        }
    }
}

#[tokio::test]
async fn a_community_whose_settings_cannot_be_read_makes_no_others_messages_stay() {
    let store = testkit::sqlite(migrations()).await;
    let world = world(store.store());
    let others: [TenantId; 2] = ["aconites".parse().unwrap(), "yarrows".parse().unwrap()];
    for tenant in others.iter().chain([&world.tenant]) {
        world.logs.notice(tenant, &GuildEvent::MessageWritten(message(1, 50, "words"))).await;
    }
    for tenant in &others {
        world.until_kept(&store.store(), tenant, 1).await;
        world.desk.unreadable.lock().unwrap().insert(tenant.clone(), (u32::MAX, Kind::Bug));
    }
    world.desk.set.lock().unwrap().insert("logs.keep_messages", Value::Null);
    world.until_kept(&store.store(), &world.tenant, 0).await;
    for tenant in &others {
        assert_eq!(kept(&store.store(), tenant).await, 1, "nobody knows how long these are kept");
    }
    world.end().await;
}

#[tokio::test]
async fn a_guild_that_keeps_nothing_has_nothing_kept() {
    for store in testkit::stores(migrations).await {
        let world = world(store.store());
        world.desk.set.lock().unwrap().insert("logs.keep_messages", Value::Null);
        world.hear(GuildEvent::MessageWritten(message(1, 50, "between us"))).await;
        world.hear(deleted(50, &[1], vec![message(1, 50, "between us")])).await;
        let posts = world.posts(1).await;
        assert!(!posts[0].1.contains("between us"), "{posts:?}");
        world.end().await;
    }
}

#[tokio::test]
async fn what_is_not_logged_is_not_kept_either() {
    for store in testkit::stores(migrations).await {
        let world = world(store.store());
        let set = |key: &'static str, to: Value| {
            world.desk.set.lock().unwrap().insert(key, to);
        };
        set("logs.ignored_channels", json!([CATEGORY.to_string(), "60"]));
        for (id, channel) in [(1, 60), (2, ROOM), (3, THREAD)] {
            world.hear(GuildEvent::MessageWritten(message(id, channel, "between us"))).await;
        }
        set("logs.ignored_channels", json!([]));
        set("features.logs", json!(false));
        world.hear(GuildEvent::MessageWritten(message(4, 50, "between us"))).await;
        set("features.logs", json!(true));
        set("logs.messages", Value::Null);
        world.hear(GuildEvent::MessageWritten(message(5, 50, "between us"))).await;
        set("logs.messages", json!(MESSAGES));
        for (id, channel) in [(1, 60), (2, ROOM), (3, THREAD), (4, 50), (5, 50)] {
            world.hear(deleted(channel, &[id], Vec::new())).await;
        }
        let text: String = world.end().await.into_iter().map(|(_, text)| text).collect();
        assert_eq!(text.matches("1 message was deleted").count(), 5, "{text}");
        assert!(!text.contains("between us"), "{text}");
    }
}

#[tokio::test]
async fn a_guild_that_removes_the_bot_leaves_nothing_behind() {
    for store in testkit::stores(migrations).await {
        let world = world(store.store());
        world.hear(GuildEvent::MessageWritten(message(1, 50, "written down"))).await;
        // An edit of another message writes down what was only in memory.
        world.hear(GuildEvent::MessageEdited { before: None, after: message(9, 50, "another") }).await;
        world.hear(GuildEvent::MessageWritten(message(2, 50, "in memory"))).await;
        world.hear(GuildEvent::Removed).await;
        world.hear(deleted(50, &[1, 2], Vec::new())).await;
        let text: String = world.end().await.into_iter().map(|(_, text)| text).collect();
        assert!(text.contains("2 messages were deleted"), "{text}");
        assert!(!text.contains("written down") && !text.contains("in memory"), "{text}");
    }
}
