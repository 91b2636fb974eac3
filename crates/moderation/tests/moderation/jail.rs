//! The jail: roles kept and given back, coming back does not help, new channels are closed.

use std::time::Duration;

use guildhall_core::guild::{Channel, ChannelId, ChannelKind, GuildEvent, RoleId};
use serde_json::{Value, json};

use crate::{fake::*, stage::World};

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
    world.until_state(1, "expired").await;
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
async fn new_channels_are_closed_to_those_in_jail() {
    let world = jailed().await;
    let id = ChannelId(555);
    let channel = Channel {
        id,
        name: "new".to_owned(),
        kind: ChannelKind::Text,
        parent: None,
        slowmode: 0,
        overwrites: Vec::new(),
    };
    world.guild.lock().guild.as_mut().unwrap().channels.push(channel.clone());
    world.guild.trouble("overwrite", 1, unreachable);
    world.notice(GuildEvent::ChannelCreated(channel)).await;
    let closed = async || {
        world.clock.advance(Duration::from_millis(500));
        world.guild.overwrite(id, JAIL).is_some()
    };
    world.until("the new channel is closed", closed).await;
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
