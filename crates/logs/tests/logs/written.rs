//! What is written where, and what becomes of what cannot be written.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use guildhall_core::{
    Actor, ActorId, Catalogue, Clock, Document, Error, EventLog, Face, Kind, NewEvent, Rank, Reply, Request,
    Rich, Subject, TenantId,
    audit::{AuditLog, Record},
    guild::{
        Channel, ChannelId, ChannelKind, GuildEvent, GuildMember, Overwrite, Role, RoleId, UserId, Voice,
    },
    notebook::Notebook as _,
    permission::DefaultRanks,
};
use guildhall_logs::migrations;
use guildhall_store::testkit;
use serde_json::{Value, json};

use crate::stage::*;

#[tokio::test]
async fn an_edit_shows_both_texts_and_a_deletion_who_did_it() {
    for store in testkit::stores(migrations).await {
        let world = world(store.store());
        world.hear(GuildEvent::MessageWritten(message(1, 50, "the first text"))).await;
        let after = message(1, 50, "the second text");
        world.hear(GuildEvent::MessageEdited { before: None, after }).await;
        let posts = world.posts(1).await;
        assert_eq!(posts[0].0, MESSAGES);
        assert!(posts[0].1.contains("before: the first text"), "{posts:?}");
        assert!(posts[0].1.contains("after: the second text"), "{posts:?}");

        world.hear(deleted(50, &[1], Vec::new())).await;
        world
            .hear(GuildEvent::Audited {
                action: 72,
                by: Some(UserId(3)),
                target: Some(7),
                reason: Some("spam".into()),
                at: world.clock.now(),
            })
            .await;
        let posts = world.posts(2).await;
        assert!(posts[1].1.contains("the second text"), "{posts:?}");
        assert!(posts[1].1.contains("discord:3") && posts[1].1.contains("because: spam"), "{posts:?}");

        // It was forgotten with the deletion.
        world.hear(deleted(50, &[1], Vec::new())).await;
        assert!(!world.posts(3).await[2].1.contains("the second text"));
        world.end().await;
    }
}

#[tokio::test]
async fn joins_tell_invite_and_age_and_leaves_tell_a_kick_from_a_farewell() {
    let store = testkit::sqlite(migrations()).await;
    let world = world(store.store());
    let young = u64::try_from(world.clock.now().unix_timestamp() * 1_000 - 1_420_070_400_000).unwrap() << 22;
    let invite = Some(("welcome".to_owned(), Some(UserId(3))));
    world.hear(GuildEvent::MemberJoined { member: member(young), invite }).await;
    let left = |user: u64| GuildEvent::MemberLeft { user: UserId(user), name: "Bob".into(), before: None };
    world.hear(left(8)).await;
    world.hear(left(9)).await;
    let by = Some(UserId(3));
    let at = world.clock.now();
    world.hear(GuildEvent::Audited { action: 20, by, target: Some(9), reason: None, at }).await;
    let old = GuildEvent::MemberJoined { member: member(1 << 40), invite: None };
    world.hear(old).await;
    let posts = world.end().await;
    assert!(posts.iter().all(|(channel, _)| *channel == JOINS));
    let text: String = posts.iter().map(|(_, text)| text.as_str()).collect();
    for said in ["welcome", " of ", "discord:3", "account made "] {
        assert!(text.contains(said), "{said} of {text}");
    }
    for made in ["2026-01-01T00:00:00Z", "2015-01-01T00:04:22.144Z"] {
        assert_eq!(text.matches(made).count(), 2, "how long ago, and when: {text}");
    }
    assert_eq!(text.matches("younger than a week").count(), 1, "an old account is not marked: {text}");
    assert_eq!(text.matches("was thrown out").count(), 1, "{text}");
}

/// Everything of channels, roles and members that the audit log tells, and what it says of each.
fn audited_changes() -> Vec<(GuildEvent, &'static [&'static str])> {
    let role = |name: &str, permissions| Role {
        id: RoleId(5),
        name: name.to_owned(),
        position: 1,
        permissions,
        color: 0,
        managed: false,
    };
    let changed =
        |before: Channel, after: Channel| GuildEvent::ChannelChanged { before: Some(before), after };
    let slow = Channel { slowmode: 30, ..room(50, None, "general") };
    let own = Overwrite { target: 5, role: true, allow: 0, deny: 1 };
    let open = Channel { overwrites: vec![own], ..room(50, None, "general") };
    let staff = GuildMember { roles: vec![RoleId(5)], nick: Some("Bobby".to_owned()), ..member(8) };
    vec![
        (GuildEvent::ChannelCreated(room(50, None, "new")), &["#new", "was made"]),
        (GuildEvent::ChannelDeleted(room(50, None, "old")), &["#old", "was deleted"]),
        (changed(room(50, None, "old"), room(50, None, "new")), &["name: old → new"]),
        (changed(room(50, None, "general"), slow), &["slow mode: 0 s → 30 s"]),
        (changed(room(50, None, "general"), room(50, Some(70), "general")), &["moved to another category"]),
        (changed(room(50, None, "general"), open.clone()), &["permissions for the role 5 were set"]),
        (changed(open, room(50, None, "general")), &["permissions for the role 5 were removed"]),
        (GuildEvent::RoleCreated(role("new", 0)), &["Role ", "new", "was made"]),
        (
            GuildEvent::RoleChanged { before: Some(role("mods", 0b110)), after: role("staff", 0b001) },
            &["mods → staff", "permissions: 1 given, 2 taken"],
        ),
        (GuildEvent::RoleDeleted { role: RoleId(5), before: Some(role("old", 0)) }, &["old", "was deleted"]),
        (
            GuildEvent::MemberChanged { before: Some(member(8)), after: staff.clone() },
            &["roles given: 5", "nickname: none → Bobby"],
        ),
        (GuildEvent::MemberChanged { before: Some(staff), after: member(8) }, &["roles taken: 5"]),
    ]
}

#[tokio::test]
async fn every_change_of_channels_roles_and_members_is_in_the_audit_log() {
    for (event, said) in audited_changes() {
        let store = testkit::sqlite(migrations()).await;
        let world = world(store.store());
        world.hear(event.clone()).await;
        let posts = world.end().await;
        let [(AUDIT, text)] = posts.as_slice() else { panic!("{event:?}: {posts:?}") };
        for said in said {
            assert!(text.contains(said), "{said} of {text}");
        }
    }
}

#[tokio::test]
async fn voice_tells_who_entered_went_elsewhere_and_left() {
    let store = testkit::sqlite(migrations()).await;
    let world = world(store.store());
    for (from, to) in [(None, Some(50)), (Some(50), Some(51)), (Some(51), Some(51)), (Some(51), None)] {
        world.hear(moved("Ann", from, to)).await;
    }
    let posts = world.end().await;
    assert!(posts.iter().all(|(channel, _)| *channel == VOICE), "{posts:?}");
    let text: String = posts.iter().map(|(_, text)| text.as_str()).collect();
    for said in [" entered ", " went from ", " left "] {
        assert_eq!(text.matches(said).count(), 1, "{said} of {text}");
    }
    assert_eq!(text.matches("Ann").count(), 3, "muting oneself is no move: {text}");
}

#[tokio::test]
async fn channels_roles_voice_and_settings_have_their_logs() {
    for store in testkit::stores(migrations).await {
        let world = world(store.store());
        let role = |name: &str| Role {
            id: RoleId(5),
            name: name.into(),
            position: 1,
            permissions: 0,
            color: 0,
            managed: false,
        };
        world.hear(GuildEvent::RoleChanged { before: Some(role("mods")), after: role("staff") }).await;
        let channel = Channel {
            id: ChannelId(50),
            name: "general".into(),
            kind: ChannelKind::Text,
            parent: None,
            slowmode: 0,
            overwrites: Vec::new(),
        };
        world.hear(GuildEvent::ChannelDeleted(channel)).await;
        let to = Voice { user: UserId(7), name: "Ann".into(), channel: Some(ChannelId(70)) };
        world.hear(GuildEvent::VoiceMoved { from: None, to }).await;
        let event = NewEvent {
            tenant: world.tenant.clone(),
            subject: Subject::Community,
            kind: "setting.changed".into(),
            run: None,
            outcome: None,
            data: json!({}),
            document: Some(
                Document::titled("The configuration has changed")
                    .field("what", Rich::new().code("general.prefix"))
                    .field("to", "!"),
            ),
            tell: None,
        };
        let posts = world.posts(2).await;
        // What happened before the logs first ran is not told, so they have to be there.
        while world.notebook.get(&"system".parse().unwrap(), "logs", "cursor").await.unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        world.events.append(event).await.unwrap();
        let all = world.posts(posts.len() + 1).await;
        let of = |log: ChannelId| {
            all.iter()
                .filter(|(channel, _)| *channel == log)
                .map(|(_, text)| text.as_str())
                .collect::<String>()
        };
        let audit = of(AUDIT);
        assert!(audit.contains("mods → staff") && audit.contains("#general"), "{audit}");
        for said in ["The configuration has changed", "what: ", "general.prefix", "to: "] {
            assert!(audit.contains(said), "{said} of {audit}");
        }
        assert!(of(VOICE).contains("entered"), "{all:?}");
        world.end().await;
    }
}

#[tokio::test]
async fn a_change_that_cannot_be_logged_holds_up_no_other_and_none_is_told_twice() {
    let store = testkit::sqlite(migrations()).await;
    let world = world(store.store());
    let home = "system".parse().unwrap();
    while world.notebook.get(&home, "logs", "cursor").await.unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    let [broken, shaky, other]: [TenantId; 3] =
        ["aconites", "lilies", "yarrows"].map(|name| name.parse().unwrap());
    let unreadable = |tenant: &TenantId, times: u32, kind: Kind| {
        world.desk.unreadable.lock().unwrap().insert(tenant.clone(), (times, kind));
    };
    unreadable(&shaky, 1, Kind::Upstream);
    world.events.append(setting_changed(&shaky, "the first")).await.unwrap();
    // It fails, and is tried again when time goes on; by then there is more to read in one go.
    while world.desk.unreadable.lock().unwrap()[&shaky].0 > 0 {
        tokio::task::yield_now().await;
    }
    unreadable(&broken, u32::MAX, Kind::Bug);
    unreadable(&other, 1, Kind::Upstream);
    for (tenant, title) in [
        (&world.tenant, "the second"),
        (&broken, "the third"),
        (&other, "the fourth"),
        (&world.tenant, "the last"),
    ] {
        world.events.append(setting_changed(tenant, title)).await.unwrap();
    }
    let told = async {
        loop {
            world.clock.advance(Duration::from_secs(2));
            tokio::task::yield_now().await;
            if world.desk.posted.borrow().iter().any(|(_, text)| text.contains("the last")) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told).await.expect("the last change is told");
    let text: String = world.end().await.into_iter().map(|(_, text)| text).collect();
    let count = |title: &str| text.matches(title).count();
    let counts = ["the first", "the second", "the third", "the fourth", "the last"].map(count);
    assert_eq!(counts, [1, 1, 0, 1, 1], "{text}");
}

/// Keeps no records.
struct Nowhere;

#[async_trait]
impl AuditLog for Nowhere {
    async fn record(&self, _: Record) -> Result<(), Error> {
        Ok(())
    }
}

/// What an administrator is answered who has the logs looked at.
async fn check(world: &World) -> (Value, Document) {
    let catalogue = Catalogue::builder(Arc::new(Nowhere), world.clock.clone(), Arc::new(DefaultRanks))
        .add(guildhall_logs::operations(), world.logs.clone())
        .build();
    let actor = Actor {
        tenant: world.tenant.clone(),
        id: ActorId::discord(3),
        name: "Ada".to_owned(),
        face: Face::Discord,
        rank: Rank::ADMIN,
        scope: None,
    };
    let reply = catalogue.call(Request::json(actor, "logs check", json!({}))).await.unwrap();
    let Reply::Done { data, document, .. } = reply else { panic!("{reply:?}") };
    (data, document)
}

#[tokio::test]
async fn logs_check_writes_to_each_log_and_says_which_does_not_work() {
    let store = testkit::sqlite(migrations()).await;
    let world = world(store.store());
    world.desk.set.lock().unwrap().insert("logs.joins", Value::Null);
    world.desk.set.lock().unwrap().insert("logs.voice", json!(GONE));
    world.desk.set.lock().unwrap().insert("logs.reports", json!(GONE));
    world.hear(GuildEvent::Available).await;
    let (data, document) = check(&world).await;
    let seen: Vec<_> = data.as_array().unwrap().iter().map(|one| (&one["log"], &one["problem"])).collect();
    let gone = |key: &str| {
        json!(format!("its channel is gone: /config setup makes another, or set one: /config set key:{key}"))
    };
    let expected = [
        (json!("logs.audit"), Value::Null),
        (json!("logs.joins"), Value::Null),
        (json!("logs.messages"), Value::Null),
        (json!("logs.voice"), gone("logs.voice")),
        // What other crates write is looked at as well.
        (json!("logs.reports"), gone("logs.reports")),
    ];
    assert_eq!(seen, expected.iter().map(|(log, problem)| (log, problem)).collect::<Vec<_>>());
    let said = serde_json::to_string(&document).unwrap();
    assert!(said.contains("off; set a channel to turn it on") && said.contains("works"), "{said}");
    let posts = world.end().await;
    let channels: Vec<ChannelId> = posts.iter().map(|(channel, _)| *channel).collect();
    assert_eq!(channels, [AUDIT, MESSAGES], "{posts:?}");
    assert!(posts.iter().all(|(_, text)| text.contains("This log works; ")), "{posts:?}");
}

#[tokio::test]
async fn logs_check_says_what_cannot_be_written_where_nothing_is_heard_of_the_guild() {
    let store = testkit::sqlite(migrations()).await;
    let world = world(store.store());
    world.desk.set.lock().unwrap().insert("logs.voice", Value::Null);
    let (data, _) = check(&world).await;
    let problem = |log: usize| data[log]["problem"].as_str().map(str::to_owned);
    assert!(problem(0).unwrap().starts_with("works for settings and ranks alone: "), "{data}");
    for log in [1, 2] {
        let said = problem(log).unwrap();
        assert!(said.starts_with("nothing is written: ") && said.contains("turn on the gateway"), "{said}");
    }
    assert_eq!(problem(3), None, "a log that is off has no problem");
    let posts = world.end().await;
    let channels: Vec<ChannelId> = posts.iter().map(|(channel, _)| *channel).collect();
    assert_eq!(channels, [AUDIT], "no log that cannot work says that it does: {posts:?}");
}

#[tokio::test]
async fn a_flood_is_summed_up() {
    let store = testkit::sqlite(migrations()).await;
    let world = world(store.store());
    for id in 1..=400 {
        world.hear(deleted(50, &[id], vec![message(id, 50, "flood")])).await;
    }
    let posts = world.end().await;
    assert!(posts.len() <= 12, "{} posts", posts.len());
    let shown: usize = posts.iter().map(|(_, text)| text.matches("was deleted in").count()).sum();
    let left_out: usize = posts
        .iter()
        .filter_map(|(_, text)| text.split("and ").nth(1)?.split(" more").next()?.parse::<usize>().ok())
        .sum();
    assert_eq!(shown + left_out, 400, "{posts:?}");
}

#[tokio::test]
async fn a_log_channel_that_is_gone_is_an_error_that_somebody_hears_of() {
    let store = testkit::sqlite(migrations()).await;
    let world = world(store.store());
    world.desk.set.lock().unwrap().insert("logs.voice", json!(GONE));
    let to = Voice { user: UserId(7), name: "Ann".into(), channel: Some(ChannelId(70)) };
    world.hear(GuildEvent::VoiceMoved { from: None, to }).await;
    let desk = world.desk.clone();
    world.end().await;
    assert_eq!(desk.noticed.lock().unwrap()[0].code, "log_channel_gone");
}

#[test]
fn both_languages_say_everything() {
    assert_eq!(guildhall_core::language::gaps(&[guildhall_logs::LOCALES]), Vec::<String>::new());
}
