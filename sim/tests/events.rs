//! What the gateway tells of moderation, members, channels, voice and invites, to whom, and over several shards.

mod support;

use std::time::Duration;

use guildhall_sim::conformance::Checker;
use guildhall_sim::{ManyGuilds, Permissions};
use serde_json::{Value, json};
use support::Community;
use support::gateway::Client;
use support::gateway::intent::{
    CONTENT, DIRECT, GUILDS, INVITES, MEMBERS, MESSAGES, MODERATION, PRESENCES, VOICE,
};

const EVERYTHING: u64 = GUILDS | MEMBERS | MODERATION | INVITES | VOICE | MESSAGES | CONTENT | DIRECT;

/// Checks a value against Discord's own document, where it is at hand.
fn conforms(schema: &str, value: &Value) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/discord/openapi.json");
    if std::path::Path::new(path).exists() {
        let checker = Checker::load(path).expect("the document can be read");
        assert_eq!(checker.check_value(schema, value), [], "{value}");
    }
}

#[tokio::test]
async fn bans_and_kicks_are_told_with_their_audit_entries() {
    let community = Community::new().await;
    let (mut client, _) = Client::ready(&community, EVERYTHING).await;
    let olive = community.olive.in_guild(community.guild.id());
    olive.ban(community.bo.id(), Some("spam"), 0).expect("a ban");
    assert_eq!(client.event("GUILD_MEMBER_REMOVE").await["user"]["username"], "bo");
    assert_eq!(client.event("GUILD_BAN_ADD").await["user"]["username"], "bo");
    let entry = client.event("GUILD_AUDIT_LOG_ENTRY_CREATE").await;
    assert_eq!((&entry["action_type"], &entry["reason"]), (&json!(22), &json!("spam")));
    assert_eq!(entry["user_id"], json!(community.olive.id()));
    conforms("AuditLogEntryResponse", &entry);
    olive.unban(community.bo.id(), None).expect("an unban");
    client.event("GUILD_BAN_REMOVE").await;
    olive.kick(community.anna.id(), None).expect("a kick");
    client.event("GUILD_MEMBER_REMOVE").await;
    assert_eq!(client.event("GUILD_AUDIT_LOG_ENTRY_CREATE").await["action_type"], 20);
}

#[tokio::test]
async fn the_audit_log_is_for_those_who_may_read_it() {
    let community = Community::new().await;
    let weak = community.sim.application("Weak", &community.olive);
    community.guild.install_with(&weak, Permissions::NONE);
    let mut client = Client::connect(&community, "").await;
    client.identify(&weak.token(), EVERYTHING).await;
    client.event("READY").await;
    let olive = community.olive.in_guild(community.guild.id());
    olive.ban(community.bo.id(), None, 0).expect("a ban");
    olive.create_invite(community.general, 0, 0).expect("an invite");
    let last = community.guild.channel("last");
    loop {
        let payload = client.payload().await;
        let name = payload["t"].as_str().unwrap_or_default().to_owned();
        assert!(!name.contains("AUDIT") && !name.contains("BAN") && !name.contains("INVITE"), "{name}");
        if payload["d"]["id"] == json!(last) {
            break;
        }
    }
}

#[tokio::test]
async fn members_roles_channels_voice_and_invites_are_told() {
    let community = Community::new().await;
    let guild = community.guild.id();
    let talk = community.guild.voice_channel("talk");
    let anna = community.anna.in_guild(guild);
    anna.join_voice(talk).expect("voice");
    let (mut client, _) = Client::ready(&community, EVERYTHING).await;
    let told = client.event("GUILD_CREATE").await;
    assert_eq!(told["voice_states"][0]["user_id"], json!(community.anna.id()));
    assert_eq!(told["members"].as_array().map(Vec::len), Some(2), "the bot and who is in voice");
    anna.mute_self(true, true);
    let state = client.event("VOICE_STATE_UPDATE").await;
    assert_eq!((&state["self_deaf"], &state["channel_id"]), (&json!(true), &json!(talk)));
    conforms("VoiceStateResponse", &state);
    anna.leave_voice();
    assert_eq!(client.event("VOICE_STATE_UPDATE").await["channel_id"], Value::Null);

    let olive = community.olive.in_guild(guild);
    let code = olive.create_invite(community.general, 1, 0).expect("an invite");
    let made = client.event("INVITE_CREATE").await;
    assert_eq!((&made["code"], &made["max_uses"]), (&json!(code), &json!(1)));
    assert_eq!(made["inviter"]["username"], "olive");
    let guest = community.sim.user("guest");
    guest.join_by(&code).expect("a guest");
    let joined = client.event("GUILD_MEMBER_ADD").await;
    assert_eq!(joined["guild_id"], json!(guild));
    conforms("GuildMemberResponse", &joined);
    assert_eq!(client.event("INVITE_DELETE").await["code"], json!(code), "used up");

    olive.set_nick(guest.id(), Some("G")).expect("a nickname");
    assert_eq!(client.event("GUILD_MEMBER_UPDATE").await["nick"], "G");
    let role = olive.create_role("new", Permissions::NONE).expect("a role");
    assert_eq!(client.event("GUILD_ROLE_CREATE").await["role"]["name"], "new");
    olive.edit_role(role, "newer", Permissions::NONE).expect("a change");
    conforms("GuildRoleResponse", &client.event("GUILD_ROLE_UPDATE").await["role"]);
    olive.delete_role(role).expect("gone");
    assert_eq!(client.event("GUILD_ROLE_DELETE").await["role_id"], json!(role));
    let channel = olive.create_channel("New Place").expect("a channel");
    let created = client.event("CHANNEL_CREATE").await;
    assert_eq!(created["name"], "new-place");
    conforms("GuildChannelResponse", &created);
    olive.set_slowmode(channel, 10).expect("slow");
    assert_eq!(client.event("CHANNEL_UPDATE").await["rate_limit_per_user"], 10);
    olive.delete_channel(channel).expect("gone");
    assert_eq!(client.event("CHANNEL_DELETE").await["id"], json!(channel));
}

#[tokio::test]
async fn messages_are_told_changed_and_gone_alone_and_together() {
    let community = Community::new().await;
    let (mut client, _) = Client::ready(&community, EVERYTHING).await;
    let (mut blind, _) = Client::ready(&community, GUILDS | MESSAGES).await;
    let here = community.anna.in_channel(community.general);
    let ids: Vec<_> = (0..3).map(|n| here.send_message(&format!("m{n}")).expect("a message")).collect();
    assert_eq!(client.event("MESSAGE_CREATE").await["member"]["roles"], json!([]));
    here.send_message(&format!("<@{}>", community.bo.id())).expect("a message");
    let mentioned = loop {
        let message = client.event("MESSAGE_CREATE").await;
        if message["mentions"] != json!([]) {
            break message["mentions"][0].clone();
        }
    };
    assert_eq!((&mentioned["username"], mentioned["member"]["joined_at"].is_string()), (&json!("bo"), true));
    here.edit_message(ids[0], "edited").expect("an edit");
    let changed = client.event("MESSAGE_UPDATE").await;
    assert_eq!((&changed["content"], changed["edited_timestamp"].is_string()), (&json!("edited"), true));
    assert_eq!(blind.event("MESSAGE_UPDATE").await["content"], "", "no content without the intent");
    here.delete_message(ids[0]).expect("gone");
    assert_eq!(client.event("MESSAGE_DELETE").await["id"], json!(ids[0]));
    community.olive.in_channel(community.general).delete_messages(&ids[1..]).expect("gone");
    assert_eq!(client.event("MESSAGE_DELETE_BULK").await["ids"], json!(ids[1..]));
    let own = community.rest();
    let path = format!("/channels/{}/messages", community.general);
    own.post(&path, json!({"content": "mine"})).await;
    let mine = blind.event("MESSAGE_CREATE").await;
    assert_eq!(mine["author"]["id"], json!(community.app.bot()));
    assert_eq!(mine["content"], "mine", "a bot reads what it wrote itself");
}

#[tokio::test]
async fn a_guild_goes_and_comes_back() {
    let community = Community::new().await;
    let (mut client, _) = Client::ready(&community, EVERYTHING).await;
    client.event("GUILD_CREATE").await;
    community.guild.set_outage(true);
    assert_eq!(client.event("GUILD_DELETE").await["unavailable"], true, "an outage");
    community.guild.set_outage(false);
    assert_eq!(client.event("GUILD_CREATE").await["id"], json!(community.guild.id()));
    community.guild.remove(&community.app);
    let gone = client.event("GUILD_DELETE").await;
    assert_eq!((&gone["id"], &gone["unavailable"]), (&json!(community.guild.id()), &Value::Null), "removed");
    assert_eq!(community.guild.bot_role(&community.app), None, "its role went with it");
    community.guild.install(&community.app);
    assert_eq!(client.event("GUILD_CREATE").await["id"], json!(community.guild.id()));
}

#[tokio::test]
async fn every_shard_hears_its_own_guilds() {
    let community = Community::new().await;
    let many = ManyGuilds { count: 6, channels: 1, roles: 0, members: 0 };
    let mut guilds = community.sim.guilds(&many, &community.olive, Some(&community.app));
    guilds.push(community.guild.clone());
    community.app.recommend_shards(2);
    assert_eq!(community.rest().get("/gateway/bot").await.1["shards"], 2);
    let mut heard = 0;
    for shard in [0, 1] {
        let (mut client, ready) = Client::shard(&community, EVERYTHING | PRESENCES, [shard, 2]).await;
        let own: Vec<_> = guilds.iter().filter(|guild| (guild.id().0 >> 22) % 2 == shard).collect();
        assert_eq!(ready["guilds"].as_array().map(Vec::len), Some(own.len()));
        for _ in &own {
            client.event("GUILD_CREATE").await;
        }
        heard += own.len();
        // A guild whose bot is put in later is told to the right shard too.
        let app = &community.app;
        if let Some(guild) = own.first() {
            guild.remove(app);
            assert_eq!(client.event("GUILD_DELETE").await["id"], json!(guild.id()));
            guild.install(app);
            assert_eq!(client.event("GUILD_CREATE").await["id"], json!(guild.id()));
        }
    }
    assert_eq!(heard, 7);
}

#[tokio::test]
async fn a_thousand_guilds_are_made_and_told() {
    let community = Community::new().await;
    let many = ManyGuilds { count: 1000, channels: 3, roles: 2, members: 5 };
    let guilds = community.sim.guilds(&many, &community.olive, Some(&community.app));
    assert_eq!(guilds.len(), 1000);
    let (mut client, ready) = Client::ready(&community, GUILDS | PRESENCES).await;
    assert_eq!(ready["guilds"].as_array().map(Vec::len), Some(1001));
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 1001 {
        let guild = client.event("GUILD_CREATE").await;
        seen.insert(guild["id"].as_str().expect("an id").to_owned());
    }
    let page = community.rest().get("/users/@me/guilds?limit=200").await.1;
    assert_eq!(page.as_array().map(Vec::len), Some(200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_reaches_a_slow_client_whole() {
    let community = Community::new().await;
    let (mut client, _) = Client::ready(&community, GUILDS | MESSAGES | CONTENT).await;
    let place = community.anna.in_channel(community.general);
    // More than the gateway keeps for a client that does not read: the flood has to wait for it.
    let long = "x".repeat(1_000);
    let flood = place.flood(16_000, None, move |number| format!("{number} {long}")).expect("a flood");
    let unread = async {
        while !flood.is_finished() {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(2), unread).await.is_err(), "nobody reads yet");
    for number in 0..16_000 {
        let message = client.event("MESSAGE_CREATE").await;
        let content = message["content"].as_str().unwrap_or_default();
        assert!(content.starts_with(&format!("{number} ")), "{number} is missing");
    }
    assert_eq!(flood.finished().await, 16_000);
    assert!(place.visible_messages().is_empty(), "kept nowhere");
    let slow = place.flood(1_000_000, Some(100), |_| "x".into()).expect("a flood");
    client.event("MESSAGE_CREATE").await;
    assert!(!slow.is_finished() && slow.sent() < 10_000);
    drop(slow);
    let weak = community.guild.hidden_channel("hidden", &[]);
    assert!(community.anna.in_channel(weak).flood(1, None, |_| String::new()).is_err());
}

#[tokio::test]
async fn a_switched_off_intent_closes_the_door() {
    let community = Community::new().await;
    community.app.grant_intents(MEMBERS);
    for (intents, close) in [(CONTENT, Some(4014)), (PRESENCES, Some(4014)), (MEMBERS, None)] {
        let mut client = Client::connect(&community, "").await;
        client.identify(&community.app.token(), GUILDS | intents).await;
        match close {
            Some(code) => assert_eq!(client.closed().await, Some(code)),
            None => assert!(client.event("READY").await["session_id"].is_string()),
        }
    }
    community.app.grant_intents(0);
    let path = format!("/guilds/{}/members?limit=10", community.guild.id());
    assert_eq!(community.rest().get(&path).await.1["code"], 50001, "listing needs the intent by REST too");
}
