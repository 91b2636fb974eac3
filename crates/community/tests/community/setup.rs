//! The first set-up: proposed first, made once, finished after a failure.

use std::sync::atomic::Ordering;

use guildhall_core::guild::{Overwrite, bits};
use serde_json::{Value, json};

use crate::world::{
    ADMIN, GUARDIAN_ROLE, GUILD, JAIL_CHANNEL, JAIL_ROLE, MANAGER, MOD_LOG, OWNER, REPORTS, World, button,
    channel, words, world, worlds,
};

fn named(world: &World, name: &str) -> Vec<u64> {
    let guild = world.guilds.guild.lock().unwrap();
    let channels = guild.channels.iter().filter(|channel| channel.name == name).map(|channel| channel.id.0);
    let roles = guild.roles.iter().filter(|role| role.name == name).map(|role| role.id.0);
    channels.chain(roles).collect()
}

fn overwrite(world: &World, channel: u64, target: u64) -> Option<Overwrite> {
    let guild = world.guilds.guild.lock().unwrap();
    let channel = guild.channels.iter().find(|known| known.id.0 == channel)?;
    channel.overwrites.iter().find(|overwrite| overwrite.target == target).copied()
}

#[tokio::test]
async fn channels_and_roles_are_proposed_then_made_once() {
    for world in worlds().await {
        let name = world.store.name;
        world.call(OWNER, "rank assign", json!({"rank": "2", "role": GUARDIAN_ROLE.to_string()})).await;
        let proposal = world.show(ADMIN, "config setup", json!({})).await;
        let text = words(&proposal);
        assert!(text.contains("logs.reports | #reports | new"), "{name}: {text}");
        assert!(text.contains("jail.role | @Jailed | new"), "{name}: {text}");
        // The public channel with the right name is not for the staff.
        assert!(text.contains("logs.moderation | #mod-log | new"), "{name}: {text}");
        assert_eq!(named(&world, "reports").len(), 0, "{name}: nothing is made by looking");

        world.press(ADMIN, button(&proposal, "Set it up")).await.unwrap();
        let [reports] = named(&world, "reports")[..] else { panic!("{name}: one channel") };
        let [jail] = named(&world, "jail")[..] else { panic!("{name}: one channel") };
        let [jailed] = named(&world, "Jailed")[..] else { panic!("{name}: one role") };
        assert_eq!(world.value(&REPORTS).await, json!(reports.to_string()), "{name}");
        assert_eq!(world.value(&JAIL_CHANNEL).await, json!(jail.to_string()), "{name}");
        assert_eq!(world.value(&JAIL_ROLE).await, json!(jailed.to_string()), "{name}");
        assert_ne!(world.value(&MOD_LOG).await, json!("302"), "{name}: the public one is left alone");

        let everyone = overwrite(&world, reports, GUILD).unwrap();
        assert_ne!(everyone.deny & bits::VIEW_CHANNEL, 0, "{name}: it is private");
        for seeing in [GUARDIAN_ROLE, 99] {
            assert_ne!(overwrite(&world, reports, seeing).unwrap().allow & bits::VIEW_CHANNEL, 0, "{name}");
        }
        for closed in [301, 302, reports] {
            // What was made for the staff is closed by not being open; the rest is closed by name.
            let deny = overwrite(&world, closed, jailed).map_or(everyone.deny, |own| own.deny);
            assert_ne!(deny & bits::VIEW_CHANNEL, 0, "{name} {closed}");
        }
        assert_ne!(overwrite(&world, jail, jailed).unwrap().allow & bits::SEND_MESSAGES, 0, "{name}");

        let before = world.guilds.guild.lock().unwrap().channels.len();
        world.press(ADMIN, button(&proposal, "Set it up")).await.unwrap();
        assert_eq!(
            world.guilds.guild.lock().unwrap().channels.len(),
            before,
            "{name}: nothing is made twice"
        );
        let again = world.show(ADMIN, "config setup", json!({})).await;
        assert!(words(&again).contains("Everything is there already"), "{name}: {}", words(&again));
    }
}

#[tokio::test]
async fn a_failure_half_way_is_said_and_finished_at_the_next_press() {
    // However far it came: every number of things that work before one fails.
    for works in 0..8 {
        let world = world().await;
        world.guilds.works.store(works, Ordering::Relaxed);
        let press = || world.try_call(ADMIN, "config setup", json!({"apply": true}));
        let first = press().await;
        if let Err(error) = &first {
            assert_eq!(error.code, "setup_stopped", "{works}");
            assert!(error.message.contains("Manage Channels"), "{works}: {error}");
            assert!(error.remedy.as_deref().unwrap().contains("goes on where it stopped"), "{works}");
        }
        world.guilds.works.store(usize::MAX, Ordering::Relaxed);
        press().await.unwrap();
        for name in ["reports", "jail", "Jailed"] {
            assert_eq!(named(&world, name).len(), 1, "{works} {name}");
        }
        assert_ne!(world.value(&JAIL_CHANNEL).await, Value::Null, "{works}");
        let jailed = named(&world, "Jailed")[0];
        assert!(overwrite(&world, 301, jailed).is_some(), "{works}");
    }
}

#[tokio::test]
async fn one_channel_is_one_and_several_are_several() {
    let world = world().await;
    let proposed = async || words(&world.show(ADMIN, "config setup", json!({})).await);
    assert!(proposed().await.contains("shut out of 2 channels."), "{}", proposed().await);
    world.guilds.guild.lock().unwrap().channels.truncate(1);
    assert!(proposed().await.contains("shut out of 1 channel."), "{}", proposed().await);
}

#[tokio::test]
async fn what_is_there_and_private_is_used() {
    let world = world().await;
    let hidden = Overwrite { target: GUILD, role: true, allow: 0, deny: bits::VIEW_CHANNEL };
    world.guilds.guild.lock().unwrap().channels.push(channel(400, "reports", vec![hidden]));
    let proposal = world.show(ADMIN, "config setup", json!({})).await;
    assert!(words(&proposal).contains("logs.reports | #reports | the one there is"), "{}", words(&proposal));
    world.press(ADMIN, button(&proposal, "Set it up")).await.unwrap();
    assert_eq!(world.value(&REPORTS).await, json!("400"));
    assert_eq!(named(&world, "reports"), [400]);
}

#[tokio::test]
async fn two_who_press_at_once_make_everything_once() {
    for world in worlds().await {
        let name = world.store.name;
        let press = |user| world.try_call(user, "config setup", json!({"apply": true}));
        let (one, two) = tokio::join!(press(ADMIN), press(MANAGER));
        assert!(one.is_ok() || two.is_ok(), "{name}");
        for refused in [one, two].into_iter().filter_map(Result::err) {
            assert_eq!(refused.code, "setup_busy", "{name}");
        }
        for thing in ["reports", "jail", "Jailed"] {
            assert_eq!(named(&world, thing).len(), 1, "{name} {thing}");
        }
    }
}
