//! Answers that get lost: Discord does it and says that it did not. Then what can be taken back is taken back,
//! and what cannot is what the case says.

use guildhall_core::{
    Rank,
    guild::{RoleId, bits},
};
use serde_json::json;

use crate::{fake::*, stage::World};

#[tokio::test]
async fn what_has_happened_and_cannot_be_taken_back_is_completed() {
    let ann = || json!({ "user": [ANN] });
    let cases = [
        (None, "kick", "kick 20"),
        (None, "softban", "ban 20 delete"),
        (Some(("ban", ann())), "unban", "unban 20"),
        (Some(("timeout", json!({ "user": [ANN], "duration": "1h" }))), "untimeout", "untimeout 20"),
        (Some(("jail", ann())), "unjail", "roles 20"),
    ];
    for (before, operation, call) in cases {
        let world = World::new().await;
        let mut number = 1;
        if let Some((measure, input)) = before {
            world.call(measure, input).await.unwrap();
            number = 2;
        }
        world.guild.lose(call, forbidden);
        world.call(operation, ann()).await.unwrap();
        assert_eq!(world.state(number).await, "closed", "{operation}");
        assert!(!world.guild.is_banned(ANN), "{operation}");
        if number == 2 {
            assert_eq!(world.state(1).await, "closed", "{operation} has happened, so what it lifts is over");
        }
    }
}

#[tokio::test]
async fn a_release_that_did_not_happen_leaves_its_case_as_it_was() {
    for (measure, lift, call) in [("timeout", "untimeout", "untimeout 20"), ("jail", "unjail", "roles 20")] {
        let world = World::new().await;
        world.call(measure, json!({ "user": [ANN], "duration": "1h" })).await.unwrap();
        let held = world.guild.member_now(ANN);
        world.guild.trouble(call, 1, forbidden);
        let error = world.call(lift, json!({ "user": [ANN] })).await.unwrap_err();
        assert_eq!(error.code, "case_failed", "{lift}");
        assert_eq!((world.state(1).await, world.state(2).await), ("active".to_owned(), "failed".to_owned()));
        assert_eq!(world.guild.member_now(ANN), held);
        world.call(lift, json!({ "user": [ANN] })).await.unwrap();
        assert_eq!(world.state(1).await, "closed");
    }
}

async fn role(world: &World, operation: &str, role: RoleId) -> &'static str {
    let admin = world.actor(OWNER, Rank::OWNER);
    let input = json!({ "user": [BOB], "role": role });
    world.call_as(admin, operation, input).await.unwrap_err().code
}

#[tokio::test]
async fn a_role_goes_back_to_what_it_was() {
    let world = World::new().await;
    world.guild.lose("add 21 3", forbidden);
    assert_eq!(role(&world, "role add", ARTIST).await, "case_failed");
    assert_eq!(world.guild.roles(BOB), [PLAYER], "it is taken again");
    world.guild.lose("remove 21 2", forbidden);
    assert_eq!(role(&world, "role remove", PLAYER).await, "case_failed");
    assert_eq!(world.guild.roles(BOB), [PLAYER], "it is given again");
}

#[tokio::test]
async fn a_nickname_that_was_taken_away_is_given_back() {
    let world = World::new().await;
    world.call("nick", json!({ "user": [ANN], "nick": "Old" })).await.unwrap();
    world.guild.lose("nick 20", forbidden);
    let error = world.call("nick", json!({ "user": [ANN] })).await.unwrap_err();
    assert_eq!(error.code, "case_failed");
    assert_eq!(world.guild.member_now(ANN).unwrap().nick.as_deref(), Some("Old"));
}

#[tokio::test]
async fn names_delays_locks_and_timeouts_go_back_to_what_they_were() {
    let world = World::new().await;
    let attempts = [
        ("nick", json!({ "user": [ANN], "nick": "New" }), "nick 20"),
        ("slowmode", json!({ "delay": "30s" }), "slowmode 100"),
        ("lock", json!({}), "overwrite 100"),
        ("timeout", json!({ "user": [ANN], "duration": "1h" }), "timeout 20"),
        ("ban", json!({ "user": [BOB] }), "ban 21"),
        ("jail", json!({ "user": [ANN] }), "roles 20"),
    ];
    let before = world.guild.member_now(ANN);
    for (operation, input, call) in attempts {
        world.guild.lose(call, forbidden);
        assert_eq!(world.call(operation, input).await.unwrap_err().code, "case_failed", "{operation}");
    }
    let mut after = world.guild.member_now(ANN).unwrap();
    after.roles.sort();
    assert_eq!(Some(after), before);
    assert_eq!(world.guild.overwrite(GENERAL, EVERYONE), None);
    assert_eq!(world.guild.lock().guild.as_ref().unwrap().channel(GENERAL).unwrap().slowmode, 0);
    assert!(!world.guild.is_banned(BOB));
}

#[tokio::test]
async fn every_channel_but_the_jails_own_is_closed_and_what_is_closed_already_is_left_alone() {
    let world = World::new().await;
    world.settings.set("jail.channel", RULES.to_string());
    let stricter = bits::DENIED_IN_JAIL | bits::READ_MESSAGE_HISTORY;
    let own = guildhall_core::guild::Overwrite { target: JAIL.0, role: true, allow: 0, deny: stricter };
    for channel in &mut world.guild.lock().guild.as_mut().unwrap().channels {
        if channel.id == LOG {
            channel.overwrites.push(own);
        }
    }
    world.call("jail", json!({ "user": [ANN] })).await.unwrap();
    let covered = async || world.guild.overwrite(REPORTS, JAIL).is_some();
    world.until("the last channel is closed", covered).await;
    let denied = |channel| world.guild.overwrite(channel, JAIL).map(|own| (own.allow, own.deny));
    assert_eq!(denied(GENERAL), Some((0, bits::DENIED_IN_JAIL)));
    assert_eq!(denied(RULES), Some((bits::READ_AND_WRITE, 0)));
    assert_eq!(denied(LOG), Some((0, stricter)));
    assert_eq!(world.guild.count("overwrite 102 5"), 0);
    assert!(world.guild.overwrite(RULES, EVERYONE).is_some(), "what is said of others stays");
}
