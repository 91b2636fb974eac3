//! What the operators' channel is told.

use std::sync::atomic::Ordering;

use guildhall_core::{Kind, Rank};
use serde_json::json;

use crate::house::{House, Plan, actor, houses, text};

async fn round(house: &House) {
    house.incidents.flush().await.unwrap();
    house.incidents.tell().await;
}

#[tokio::test]
async fn a_new_fault_is_told_once_and_its_message_grows_with_it() {
    for house in houses(Plan::default).await {
        for tenant in ["a", "b", "a"] {
            house.notice(tenant, "internal", Kind::Bug, "server start", "Something: row 1 is gone");
            round(&house).await;
        }
        let posts = house.post.all();
        assert_eq!(posts.len(), 1, "{}: once a group", house.name);
        let actions: Vec<_> = posts[0].actions().map(|action| action.operation.clone()).collect();
        assert_eq!(actions, ["errors show", "errors resolve"]);
        assert!(posts[0].title.as_deref().unwrap().starts_with("Critical error"), "{:?}", posts[0].title);
        assert!(text(&posts[0]).contains("0af7651916cd43dd8448eb211c80319c"), "it leads to the trace");

        house.minutes(1);
        round(&house).await;
        let said = text(&house.post.all()[0]);
        assert!(
            said.contains("\"Times\"") && said.contains("\"3\"") && said.contains("row # is gone"),
            "{said}"
        );
        let edits = house.post.edits.load(Ordering::Relaxed);
        assert_eq!(edits, 1, "{}", house.name);
        house.minutes(1);
        round(&house).await;
        assert_eq!(house.post.edits.load(Ordering::Relaxed), edits, "nothing new, nothing edited");

        let operator = actor("ops", Rank::OPERATOR);
        let fingerprint = posts[0].actions().next().unwrap().input["error"].clone();
        house.data(&operator, "errors resolve", json!({ "error": fingerprint })).await;
        house.minutes(1);
        round(&house).await;
        assert!(
            house.post.all()[0].title.as_deref().unwrap().starts_with("Error resolved"),
            "{}",
            house.name
        );

        house.notice("a", "internal", Kind::Bug, "server start", "Something: row 2 is gone");
        round(&house).await;
        let posts = house.post.all();
        assert_eq!(posts.len(), 2, "{}", house.name);
        assert!(posts[1].title.as_deref().unwrap().starts_with("Error came back"));
    }
}

#[tokio::test]
async fn refusals_are_told_of_only_when_there_are_many() {
    for house in houses(Plan::default).await {
        for _ in 0..49 {
            house.notice("a", "out_of_stock", Kind::NotFound, "shop buy", "x");
        }
        round(&house).await;
        assert_eq!(house.post.all().len(), 0, "{}", house.name);
        house.notice("a", "out_of_stock", Kind::NotFound, "shop buy", "x");
        round(&house).await;
        assert!(house.post.all()[0].title.as_deref().unwrap().starts_with("New error"), "{}", house.name);
    }
}

#[tokio::test]
async fn a_system_that_is_away_is_critical_whenever_it_is_and_another_failure_only_when_it_is_new() {
    for house in houses(Plan::default).await {
        let happen = async || {
            house.notice("a", "upstream_down", Kind::Upstream, "ban", "discord does not answer");
            house.notice("a", "supplier_away", Kind::Upstream, "shop buy", "no answer");
            round(&house).await;
            let titles: Vec<String> = house.post.all().into_iter().filter_map(|post| post.title).collect();
            titles
        };
        let mut first = happen().await;
        first.sort_unstable();
        assert_eq!(first, ["Critical error: upstream_down", "New error: supplier_away"], "{}", house.name);
        house.minutes(7 * 60);
        let later = happen().await;
        assert_eq!(later.len(), 3, "{}: {later:?}", house.name);
        assert_eq!(later[2], "Critical error: upstream_down", "{}", house.name);
    }
}

#[tokio::test]
async fn a_group_that_doubles_is_told_of_again_after_its_cool_down() {
    for house in houses(Plan::default).await {
        let hour = |count: usize| {
            for _ in 0..count {
                house.notice("a", "supplier_away", Kind::Upstream, "shop buy", "x");
            }
        };
        hour(15);
        round(&house).await;
        assert_eq!(house.post.all().len(), 1, "{}: it is new", house.name);
        for (count, told) in [(29, 1), (58, 2), (116, 2)] {
            house.minutes(60);
            hour(count);
            round(&house).await;
            assert_eq!(house.post.all().len(), told, "{}: {count} in an hour", house.name);
        }
        house.minutes(6 * 60);
        hour(300);
        round(&house).await;
        let last = house.post.all().pop().unwrap();
        assert_eq!(house.post.all().len(), 3, "{}", house.name);
        assert!(last.title.as_deref().unwrap().starts_with("Error doubled"));
        let nonces = house.post.nonces.lock().unwrap().clone();
        assert!(
            nonces.iter().all(|nonce| nonces.iter().filter(|other| *other == nonce).count() == 1),
            "{nonces:?}"
        );
    }
}

#[tokio::test]
async fn a_discord_that_is_away_is_tried_again_and_reported_to_nobody() {
    for house in houses(Plan::default).await {
        *house.post.observer.lock().unwrap() = Some(house.incidents.observer());
        *house.post.failing.lock().unwrap() = Some("guild_unreachable");
        house.notice("a", "internal", Kind::Bug, "server start", "broken");
        round(&house).await;
        round(&house).await;
        assert_eq!(house.incidents.counts().own, 1, "{}: it waits before it tries again", house.name);
        house.minutes(1);
        round(&house).await;
        assert_eq!(house.incidents.counts().own, 2, "{}", house.name);
        assert_eq!(house.incidents.counts().taken, 1, "errors of reporting are not taken for errors");
        let list = house.data(&actor("ops", Rank::OPERATOR), "errors list", json!({ "which": "all" })).await;
        assert_eq!(list["total"], 1, "{}: {list}", house.name);

        *house.post.failing.lock().unwrap() = None;
        house.minutes(1);
        house.incidents.tell().await;
        assert_eq!(house.post.all().len(), 1, "{}", house.name);

        // Somebody deletes the message: that is as good as having read it.
        *house.post.failing.lock().unwrap() = Some("guild_unknown");
        for _ in 0..3 {
            house.notice("a", "internal", Kind::Bug, "server start", "broken");
            house.minutes(1);
            round(&house).await;
        }
        assert_eq!(house.incidents.counts().own, 3, "{}: asked once more, and then no longer", house.name);
    }
}

#[tokio::test]
async fn a_hundred_groups_at_once_are_no_hundred_messages() {
    for house in houses(Plan::default).await {
        for letter in 'a'..='z' {
            house.notice("a", "internal", Kind::Bug, &format!("do {letter}"), "broken");
        }
        round(&house).await;
        assert_eq!(house.post.all().len(), 10, "{}: ten a minute", house.name);
        house.minutes(1);
        house.incidents.tell().await;
        assert_eq!(house.post.all().len(), 20, "{}", house.name);
        house.minutes(1);
        house.incidents.tell().await;
        assert_eq!(house.post.all().len(), 20, "{}: the others wait until they happen again", house.name);
        house.minutes(1);
        for letter in 'a'..='z' {
            house.notice("a", "internal", Kind::Bug, &format!("do {letter}"), "broken");
        }
        round(&house).await;
        assert_eq!(house.post.all().len(), 26, "{}", house.name);
    }
}
