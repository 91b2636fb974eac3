//! What people do beside commands: joining by invite, voice, threads, editing, moderating by hand, and where Discord
//! stops them.

mod support;

use std::time::Duration;

use guildhall_sim::{ActError, Permissions};
use serde_json::json;
use support::{Community, check_conformance};

#[tokio::test]
async fn invites_are_counted_and_end() {
    let community = Community::new().await;
    let rest = community.rest();
    let guild = community.guild.id();
    let code = community.anna.in_guild(guild).create_invite(community.general, 2, 3600).expect("an invite");
    let guests: Vec<_> = (0..3).map(|n| community.sim.user(&format!("guest-{n}"))).collect();
    assert_eq!(guests[0].join_by(&code), Ok(guild));
    assert_eq!(guests[0].join_by(&code), Ok(guild), "who is in stays in, and counts once");
    let (_, listed) = rest.get(&format!("/guilds/{guild}/invites")).await;
    assert_eq!((&listed[0]["uses"], &listed[0]["inviter"]["username"]), (&json!(1), &json!("anna")));
    assert_eq!(rest.get(&format!("/invites/{code}")).await.1["guild"]["name"], "Community");
    assert!(guests[1].join_by(&code).is_ok());
    assert!(matches!(guests[2].join_by(&code), Err(ActError::Refused { code: 10006, .. })), "used up");

    let path = format!("/channels/{}/invites", community.general);
    let (status, made) = rest.post(&path, json!({"max_age": 60})).await;
    assert_eq!(status, 200);
    let second = made["code"].as_str().expect("a code");
    community.sim.advance(Duration::from_secs(61));
    assert!(guests[2].join_by(second).is_err(), "its minute is over");
    let third = community.anna.in_guild(guild).create_invite(community.general, 0, 0).expect("an invite");
    assert_eq!(community.bo.in_guild(guild).delete_invite(&third), Err(ActError::NotAllowed));
    community.olive.in_guild(guild).ban(guests[2].id(), None, 0).expect("a ban");
    assert!(matches!(guests[2].join_by(&third), Err(ActError::Refused { code: 40007, .. })), "banned");
    assert_eq!(community.guild.invite_uses(&third), Some(0));
    assert_eq!(rest.call("DELETE", &format!("/invites/{third}"), None).await.0, 200);
    assert_eq!(rest.get(&format!("/invites/{third}")).await.1["code"], 10006);
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn voice_channels_are_entered_moved_in_and_left() {
    let community = Community::new().await;
    let rest = community.rest();
    let guild = community.guild.id();
    let (talk, other) = (community.guild.voice_channel("talk"), community.guild.voice_channel("other"));
    let anna = community.anna.in_guild(guild);
    assert!(anna.join_voice(community.general).is_err(), "no voice channel");
    anna.join_voice(talk).expect("voice");
    anna.mute_self(true, false);
    let state = format!("/guilds/{guild}/voice-states/{}", community.anna.id());
    let (_, shown) = rest.get(&state).await;
    assert_eq!((&shown["channel_id"], &shown["self_mute"]), (&json!(talk), &json!(true)));
    let member = format!("/guilds/{guild}/members/{}", community.anna.id());
    assert_eq!(rest.call("PATCH", &member, Some(json!({"channel_id": other}))).await.0, 200);
    assert_eq!(community.guild.member(community.anna.id()).and_then(|member| member.voice), Some(other));
    rest.call("PATCH", &member, Some(json!({"channel_id": null}))).await;
    assert_eq!(rest.get(&state).await.1["code"], 10065);
    assert_eq!(rest.call("PATCH", &member, Some(json!({"mute": true}))).await.1["code"], 40032);
    anna.join_voice(talk).expect("voice");
    community.olive.in_guild(guild).delete_channel(talk).expect("an owner");
    assert_eq!(community.guild.member(community.anna.id()).and_then(|member| member.voice), None);
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn messages_are_edited_answered_and_deleted_by_those_who_may() {
    let community = Community::new().await;
    let (anna, bo) =
        (community.anna.in_channel(community.general), community.bo.in_channel(community.general));
    let id = anna.send_message("helo").expect("a message");
    assert_eq!(bo.edit_message(id, "mine"), Err(ActError::NotAllowed));
    assert_eq!(bo.delete_message(id), Err(ActError::NotAllowed));
    anna.edit_message(id, "hello").expect("an edit");
    let seen = bo.message(id).expect("a message");
    assert_eq!((seen.content.as_str(), seen.edited_at.is_some()), ("hello", true));
    let reply = bo.reply(id, "hi").expect("a reply");
    assert_eq!(bo.message(reply).expect("a reply").mentions, [community.anna.id()]);
    assert!(matches!(anna.edit_message(id, &"x".repeat(2001)), Err(ActError::BadValue { .. })));
    let owner = community.olive.in_channel(community.general);
    owner.delete_message(id).expect("staff");
    assert!(anna.message(id).is_none());
    assert_eq!(community.guild.audit_log().last().map(|entry| entry.action), Some(72));
}

#[tokio::test]
async fn staff_are_held_to_the_hierarchy_too() {
    let community = Community::new().await;
    let guild = community.guild.id();
    let moderators =
        community.guild.role("moderators", Permissions::KICK_MEMBERS | Permissions::MANAGE_ROLES);
    community.guild.join(&community.anna, &[moderators]);
    let anna = community.anna.in_guild(guild);
    assert_eq!(anna.ban(community.bo.id(), None, 0), Err(ActError::NotAllowed), "kicking is not banning");
    assert_eq!(anna.kick(community.olive.id(), None), Err(ActError::NotAllowed), "the owner");
    assert_eq!(anna.kick(community.app.bot(), None), Err(ActError::NotAllowed), "the bot is higher");
    assert_eq!(anna.give_role(community.bo.id(), moderators), Err(ActError::NotAllowed), "an own role");
    let low = anna.create_role("low", Permissions::NONE).expect("a role");
    anna.give_role(community.bo.id(), low).expect("a lower role");
    anna.kick(community.bo.id(), Some("bye")).expect("a lower member");
    assert!(community.guild.member(community.bo.id()).is_none());
    let last = community.guild.audit_log().last().cloned().expect("an entry");
    assert_eq!((last.action, last.by, last.reason.as_deref()), (20, community.anna.id(), Some("bye")));
    community.guild.set_owner(&community.anna);
    anna.kick(community.app.bot(), None).expect("now the owner");
    assert!(!anna.leave(), "the owner stays");
}

#[tokio::test]
async fn private_threads_are_seen_by_their_members() {
    let community = Community::new().await;
    let rest = community.rest();
    let here = community.olive.in_channel(community.general);
    let thread = here.start_thread("talk", true).expect("a thread");
    assert!(community.anna.in_channel(thread).send_message("hello").is_err());
    let member = format!("/channels/{thread}/thread-members/{}", community.anna.id());
    assert_eq!(rest.call("PUT", &member, None).await.0, 204);
    community.anna.in_channel(thread).send_message("hello").expect("a member");
    assert_eq!(community.olive.in_channel(thread).visible_messages().len(), 1);
    assert!(community.anna.in_channel(thread).leave_thread());
    assert!(community.anna.threads(community.general).is_empty());
    assert_eq!(
        community.bo.in_channel(community.general).start_thread("mine", true),
        Err(ActError::NotAllowed),
        "members start public threads only"
    );
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn accounts_tell_their_age_and_language() {
    let community = Community::new().await;
    let old = community.sim.user_made_ago("old", Duration::from_secs(400 * 86_400));
    let made = (old.id().0 >> 22) as i64 / 1000 + 1_420_070_400;
    let age = time::OffsetDateTime::now_utc().unix_timestamp() - made;
    assert!((400 * 86_400..400 * 86_400 + 600).contains(&age), "{age}");
    assert!(old.id() < community.anna.id(), "ids rise with time");
    assert_eq!(old.locale(), "en-US");
    assert!(old.set_locale("xx").is_err());
    old.set_locale("de").expect("a language");
    assert_eq!(old.locale(), "de");
    let ancient = community.sim.user_made_ago("ancient", Duration::MAX);
    assert_ne!(ancient.id(), old.id());
}

#[tokio::test]
async fn who_has_nitro_writes_twice_as_much() {
    let community = Community::new().await;
    let here = community.anna.in_channel(community.general);
    let (short, long) = ("ä".repeat(2_000), "ä".repeat(4_000));
    let written = here.send_message(&short).expect("2,000 characters");
    assert!(matches!(here.send_message(&long), Err(ActError::BadValue { what, .. }) if what == "message"));
    community.anna.set_nitro(true);
    let id = here.send_message(&long).expect("4,000 characters");
    assert_eq!(here.message(id).map(|message| message.content), Some(long.clone()));
    here.edit_message(written, &long).expect("an edit may be as long");
    assert!(here.send_message(&format!("{long}ä")).is_err());
    assert!(community.bo.in_channel(community.general).send_message(&long).is_err(), "it is hers alone");
    community.anna.set_nitro(false);
    assert!(here.send_message(&long).is_err());
}
