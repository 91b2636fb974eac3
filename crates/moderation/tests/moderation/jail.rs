//! The jail: roles kept and given back, coming back does not help, channels that are new or opened are closed.

use std::time::Duration;

use guildhall_core::{
    Rank,
    guild::{Channel, ChannelId, ChannelKind, GuildEvent, RoleId, bits},
};
use guildhall_store::testkit::stores;
use serde_json::{Value, json};

use crate::{
    fake::*,
    stage::{World, tables},
};

async fn jailed() -> World {
    let world = World::new().await;
    world.call("jail", json!({ "user": [ANN], "duration": "1d", "reason": "Talk" })).await.unwrap();
    world
}

#[tokio::test]
async fn roles_are_kept_and_given_back() {
    let world = jailed().await;
    assert_eq!(world.guild.roles(ANN), [MANAGED, JAIL], "managed roles stay");
    // A role given in jail stays, one that is gone meanwhile is left out.
    world.guild.lock().members.get_mut(&ANN).unwrap().roles.push(EVENT);
    world.guild.lock().guild.as_mut().unwrap().roles.retain(|role| role.id != ARTIST);
    world.call("unjail", json!({ "user": [ANN] })).await.unwrap();
    assert_eq!(world.guild.roles(ANN), [PLAYER, MANAGED, EVENT]);
    assert_eq!(world.state(1).await, "closed");
    let error = world.call("unjail", json!({ "user": [ANN] })).await.unwrap_err();
    assert_eq!(error.code, "not_jailed");
}

#[tokio::test]
async fn the_jail_ends_on_time_and_a_warning_does_not_open_it() {
    let world = jailed().await;
    world.call("warn", json!({ "user": [ANN] })).await.unwrap();
    let error = world.call("jail", json!({ "user": [ANN] })).await.unwrap_err();
    assert_eq!(error.code, "case_held", "a case of another kind does not hide the jail");
    world.clock.advance(Duration::from_secs(86_400));
    world.until_state_in_time(1, "expired").await;
    assert_eq!(world.guild.roles(ANN), [PLAYER, ARTIST, MANAGED]);
}

#[tokio::test]
async fn who_leaves_and_comes_back_is_put_back_until_it_holds() {
    let world = jailed().await;
    world.guild.leave(ANN);
    let member = world.guild.join(ANN, "Ann", &[]);
    world.guild.trouble("roles 20", 2, unreachable);
    world.notice(GuildEvent::MemberJoined { member, invite: None }).await;
    let back = async || {
        world.clock.advance(Duration::from_millis(500));
        world.guild.roles(ANN) == [JAIL]
    };
    world.until("they are in jail again", back).await;
    // Another bot gives roles to whoever joins.
    world.guild.lock().members.get_mut(&ANN).unwrap().roles.push(PLAYER);
    world.until("and the other bot's role is taken again", back).await;
    world.call("unjail", json!({ "user": [ANN] })).await.unwrap();
    assert_eq!(world.guild.roles(ANN), [PLAYER, ARTIST], "what they had before they left");
}

#[tokio::test]
async fn whose_jail_ends_while_they_are_away_gets_the_roles_when_they_are_back() {
    for ending in ["time", "unjail", "appeal"] {
        let world = jailed().await;
        world.guild.leave(ANN);
        let state = match ending {
            "time" => {
                world.clock.advance(Duration::from_secs(86_400));
                "expired"
            }
            "unjail" => {
                world.call("unjail", json!({ "user": [ANN] })).await.unwrap();
                "closed"
            }
            _ => {
                let (ann, mia) = (world.actor(ANN, Rank::MEMBER), world.actor(MOD, Rank::SENIOR_MODERATOR));
                let appeal = json!({ "case": 1, "text": "It was my brother" });
                world.call_as(ann, "appeal", appeal).await.unwrap();
                world.call_as(mia, "inbox accept", json!({ "appeal": 1 })).await.unwrap();
                "closed"
            }
        };
        world.until_state_in_time(1, state).await;
        // Another bot remembers the jail's role, and gives one to whoever joins.
        let member = world.guild.join(ANN, "Ann", &[JAIL, PLAYER, EVENT]);
        world.guild.trouble("roles 20", 2, unreachable);
        world.notice(GuildEvent::MemberJoined { member, invite: None }).await;
        let back = async || {
            world.clock.advance(Duration::from_millis(500));
            world.guild.roles(ANN) == [PLAYER, ARTIST, EVENT]
        };
        world.until(&format!("they have their roles after {ending}"), back).await;
        let minute = Duration::from_secs(60);
        world.until_settled("moderation-back-to-jail", "20", minute).await;

        // They are given once: who leaves again comes back as anybody does.
        world.guild.leave(ANN);
        let member = world.guild.join(ANN, "Ann", &[]);
        world.notice(GuildEvent::MemberJoined { member, invite: None }).await;
        world.until_settled("moderation-back-to-jail", "20", minute).await;
        assert!(world.guild.roles(ANN).is_empty(), "after {ending}");
    }
}

#[tokio::test]
async fn who_is_back_for_a_moment_when_the_jail_ends_gets_the_roles_too() {
    let world = jailed().await;
    world.guild.leave(ANN);
    world.guild.join(ANN, "Ann", &[]);
    world.call("unjail", json!({ "user": [ANN] })).await.unwrap();
    assert_eq!(world.guild.roles(ANN), [PLAYER, ARTIST]);
}

fn channel(id: ChannelId, kind: ChannelKind) -> Channel {
    Channel { id, name: "new".to_owned(), kind, parent: None, slowmode: 0, overwrites: Vec::new() }
}

/// What the jail's role is allowed and denied in a channel.
fn bits_in(world: &World, channel: ChannelId) -> Option<(u64, u64)> {
    world.guild.overwrite(channel, JAIL).map(|own| (own.allow, own.deny))
}

const SHUT: Option<(u64, u64)> = Some((0, bits::DENIED_IN_JAIL));
const OPEN: Option<(u64, u64)> = Some((bits::READ_AND_WRITE, 0));

#[tokio::test]
async fn channels_are_closed_to_those_in_jail_when_they_are_made() {
    let world = World::new().await;
    world.settings.set("jail.channel", RULES.to_string());
    world.call("jail", json!({ "user": [ANN] })).await.unwrap();
    world.until_settled("moderation-cover-jail", "all", Duration::from_millis(10)).await;
    assert!([GENERAL, LOG, REPORTS].into_iter().all(|old| bits_in(&world, old) == SHUT));
    assert_eq!(bits_in(&world, RULES), OPEN, "the jail's own channel is theirs");

    let (new, own, thread) = (ChannelId(555), ChannelId(556), ChannelId(557));
    let kinds = [(new, ChannelKind::Text), (own, ChannelKind::Text), (thread, ChannelKind::Thread)];
    world.settings.set("jail.channel", own.to_string());
    world.guild.trouble("overwrite", 1, unreachable);
    for (id, kind) in kinds {
        world.guild.lock().guild.as_mut().unwrap().channels.push(channel(id, kind));
        assert_eq!(bits_in(&world, id), None);
        world.notice(GuildEvent::ChannelCreated(channel(id, kind))).await;
    }
    world.until_settled("moderation-cover-jail", "55", Duration::from_millis(500)).await;
    assert_eq!((bits_in(&world, new), bits_in(&world, own)), (SHUT, OPEN));
    assert_eq!(bits_in(&world, thread), None, "a thread has no overwrites of its own");
    assert_eq!(bits_in(&world, RULES), OPEN, "only what is new was looked at");
}

/// A guild whose channels are closed to those in jail but for their own, and a category that is not.
async fn closed() -> World {
    let world = World::new().await;
    world.settings.set("jail.channel", RULES.to_string());
    world.call("jail", json!({ "user": [ANN] })).await.unwrap();
    world.until_settled("moderation-cover-jail", "all", Duration::from_millis(10)).await;
    world.guild.lock().guild.as_mut().unwrap().channels.push(channel(CATEGORY, ChannelKind::Category));
    world
}

const CATEGORY: ChannelId = ChannelId(200);

/// Somebody changes a channel; gives what Discord tells of it.
fn change(world: &World, id: ChannelId, change: impl FnOnce(&mut Channel)) -> GuildEvent {
    let mut state = world.guild.lock();
    let channels = &mut state.guild.as_mut().unwrap().channels;
    let channel = channels.iter_mut().find(|channel| channel.id == id).unwrap();
    let before = Some(channel.clone());
    change(channel);
    GuildEvent::ChannelChanged { before, after: channel.clone() }
}

/// Into the category, with its permissions instead of one's own.
fn synced(channel: &mut Channel) {
    channel.parent = Some(CATEGORY);
    channel.overwrites.clear();
}

/// How often the jail's role was shut out of this channel, or let in.
fn times(world: &World, channel: ChannelId) -> usize {
    world.guild.count(&format!("overwrite {channel} {JAIL}"))
}

#[tokio::test]
async fn channels_that_are_moved_or_opened_are_closed_again() {
    let world = closed().await;
    assert!(world.moderation.listener().wants("channel_changed"));
    world.notice(change(&world, GENERAL, synced)).await;
    world.notice(change(&world, RULES, synced)).await;
    world.notice(change(&world, LOG, |log| log.overwrites[0].deny = bits::SEND_MESSAGES)).await;
    // It lets in who is in jail, but nothing was changed in it.
    change(&world, REPORTS, synced);
    world.until_settled("moderation-cover-jail", "", Duration::from_secs(1)).await;
    assert_eq!([GENERAL, RULES, LOG, REPORTS].map(|id| bits_in(&world, id)), [SHUT, OPEN, SHUT, None]);
    assert_eq!([GENERAL, RULES, LOG].map(|id| times(&world, id)), [2, 2, 2], "once in jail, once again");
    let category = ChannelKind::Category;
    world.notice(GuildEvent::ChannelChanged { before: None, after: channel(CATEGORY, category) }).await;
    world.until_settled("moderation-cover-jail", "", Duration::from_secs(1)).await;
    assert_eq!(bits_in(&world, CATEGORY), SHUT, "what is made in it later is closed from the beginning");
}

#[tokio::test]
async fn a_change_that_opens_nothing_takes_no_request_nor_does_the_jails_own() {
    let world = closed().await;
    let done = world.guild.done();
    let idle = async |why: &str| {
        assert_eq!(world.flows.under_way(0, 10).await.unwrap().1, 0, "{why}");
        assert_eq!(world.guild.done(), done, "{why}");
    };
    for id in [GENERAL, RULES, LOG, REPORTS] {
        // The jail's own change, as Discord tells of it.
        world.notice(change(&world, id, |_| {})).await;
        world.notice(change(&world, id, |channel| channel.name = "renamed".to_owned())).await;
        world
            .notice(change(&world, id, |channel| channel.overwrites.retain(|one| one.target == JAIL.0)))
            .await;
        world.notice(change(&world, id, |channel| channel.parent = Some(CATEGORY))).await;
    }
    idle("nobody in jail is let in").await;
    let thread = channel(ChannelId(300), ChannelKind::Thread);
    world.notice(GuildEvent::ChannelChanged { before: None, after: thread }).await;
    idle("a thread is as its channel").await;
    world.guild.lock().guild.as_mut().unwrap().roles.retain(|role| role.id != JAIL);
    world.notice(change(&world, GENERAL, synced)).await;
    idle("the jail's role is gone").await;
    world.settings.set("jail.role", Value::Null);
    world.notice(change(&world, LOG, synced)).await;
    idle("there is no jail").await;
}

#[tokio::test]
async fn who_opens_a_channel_over_and_over_is_answered_twice_a_minute_and_not_forgotten() {
    let mut world = closed().await;
    world.notice(change(&world, GENERAL, synced)).await;
    world.until("it is closed again", async || bits_in(&world, GENERAL) == SHUT).await;
    for _ in 0..20 {
        world.notice(change(&world, GENERAL, synced)).await;
    }
    // Not in the memory of one process either.
    world.restart().await;
    let shut = async || {
        world.clock.advance(Duration::from_secs(1));
        bits_in(&world, GENERAL) == SHUT
    };
    world.until("it is closed in the end", shut).await;
    world.until_settled("moderation-cover-jail", "", Duration::from_secs(1)).await;
    assert_eq!(times(&world, GENERAL), 3, "once in jail, and twice in this minute");
    world.notice(change(&world, GENERAL, synced)).await;
    world.until("and once more after it", async || bits_in(&world, GENERAL) == SHUT).await;
}

#[tokio::test]
async fn a_channel_that_the_bot_may_not_change_holds_up_no_other_and_is_told_of() {
    let world = World::new().await;
    world.guild.trouble(&format!("overwrite {GENERAL}"), 10, forbidden);
    world.guild.trouble(&format!("overwrite {RULES}"), 1, gone);
    world.guild.trouble(&format!("overwrite {LOG}"), 2, unreachable);
    world.call("jail", json!({ "user": [ANN] })).await.unwrap();
    world.until_settled("moderation-cover-jail", "all", Duration::from_millis(500)).await;
    assert_eq!([LOG, REPORTS].map(|id| bits_in(&world, id)), [SHUT, SHUT]);
    let told = world.observer.heard();
    assert!(told.contains(&("moderation-cover-jail".to_owned(), "guild_missing_permission")), "{told:?}");
}

#[tokio::test]
async fn channels_made_while_nobody_listened_are_closed_when_the_guild_is_back() {
    let world = World::new().await;
    let new = ChannelId(555);
    world.guild.lock().guild.as_mut().unwrap().channels.push(channel(new, ChannelKind::Voice));
    world.settings.set("jail.role", Value::Null);
    assert!(world.moderation.listener().wants("available"));
    world.notice(GuildEvent::Available).await;
    assert_eq!(world.flows.under_way(0, 10).await.unwrap().1, 0, "there is no jail");
    world.settings.set("jail.role", json!(JAIL));
    world.notice(GuildEvent::Available).await;
    world.until_settled("moderation-cover-jail", "all", Duration::from_millis(10)).await;
    assert_eq!((bits_in(&world, new), bits_in(&world, GENERAL)), (SHUT, SHUT));
    let done = world.guild.done().len();
    world.notice(GuildEvent::Available).await;
    world.until_settled("moderation-cover-jail", "all", Duration::from_millis(10)).await;
    assert_eq!(world.guild.done().len(), done, "what is closed already is left alone");
}

#[tokio::test]
async fn who_came_back_while_nobody_listened_is_dealt_with_when_the_guild_is_back() {
    for store in stores(tables).await {
        let mut world = World::on(store.store()).await;
        world.call("jail", json!({ "user": [ANN] })).await.unwrap();
        world.call("jail", json!({ "user": [BOB], "duration": "1h" })).await.unwrap();
        world.guild.leave(BOB);
        world.clock.advance(Duration::from_secs(3_600));
        world.until_state_in_time(2, "expired").await;
        world.crash();
        world.guild.leave(ANN);
        world.guild.join(ANN, "Ann", &[EVENT]);
        world.guild.join(BOB, "Bob", &[]);
        world.restart().await;
        world.notice(GuildEvent::Available).await;
        let dealt = async || {
            world.clock.advance(Duration::from_millis(500));
            (world.guild.roles(ANN), world.guild.roles(BOB)) == (vec![JAIL], vec![PLAYER])
        };
        world.until("one is in jail again, the other has their roles", dealt).await;
    }
}

#[tokio::test]
async fn who_cannot_be_put_back_is_told_of() {
    let world = jailed().await;
    world.guild.leave(ANN);
    let member = world.guild.join(ANN, "Ann", &[]);
    world.guild.trouble("roles 20", 100, forbidden);
    world.notice(GuildEvent::MemberJoined { member, invite: None }).await;
    world.until_settled("moderation-back-to-jail", "20", Duration::from_secs(5)).await;
    let told = world.observer.heard();
    assert!(told.contains(&("moderation-back-to-jail".to_owned(), "guild_missing_permission")), "{told:?}");
    assert!(world.guild.roles(ANN).is_empty());
}

#[tokio::test]
async fn a_jail_refuses_before_it_changes_anything() {
    let world = World::new().await;
    let refused = async |role: Value, code: &str| {
        if role.is_null() {
            world.settings.set("jail.role", Value::Null);
        } else {
            world.settings.set("jail.role", role);
        }
        let error = world.call("jail", json!({ "user": [ANN] })).await.unwrap_err();
        assert_eq!(error.code, code);
    };
    refused(Value::Null, "no_jail").await;
    refused(json!(RoleId(99)), "jail_gone").await;
    refused(json!(MANAGED), "role_managed").await;
    refused(json!(TOP), "guild_role_too_low").await;
    world.settings.set("jail.role", json!(JAIL));
    let error = world.call("jail", json!({ "user": [OTHER_MOD] })).await.unwrap_err();
    assert_eq!(error.code, "guild_not_below_you");
    let error = world.call("jail", json!({ "user": [STRANGER] })).await.unwrap_err();
    assert_eq!(error.code, "target_not_here");
    assert_eq!(world.guild.roles(ANN), [PLAYER, ARTIST, MANAGED]);
    assert_eq!(world.guild.done(), [""; 0]);
}

#[tokio::test]
async fn a_jail_that_fails_gives_the_roles_back() {
    let world = World::new().await;
    world.guild.trouble("roles 20", 1, forbidden);
    let error = world.call("jail", json!({ "user": [ANN] })).await.unwrap_err();
    assert_eq!(error.code, "case_failed");
    assert_eq!(world.guild.roles(ANN), [PLAYER, ARTIST, MANAGED]);
    assert_eq!(world.state(1).await, "failed");
}
