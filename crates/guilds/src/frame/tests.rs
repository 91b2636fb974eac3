use std::sync::{Arc, LazyLock};

use guildhall_core::guild::{ChannelId, GuildEvent, Guilds, MessageId, RoleId, UserId};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use twilight_model::gateway::Intents;

use super::TAKERS;
use crate::{
    DiscordGuilds,
    testkit::{GUILD, ME, Recorder, Running, directory, tenant},
};

const GENERAL: u64 = 1_001;
const HELP: u64 = 1_002;
const STAFF: u64 = 2_001;
const ADA: u64 = 3_001;

fn ready() -> Value {
    json!({
        "v": 10, "user": {"id": ME.to_string(), "username": "Guildhall", "bot": true},
        "guilds": [{"id": GUILD.to_string(), "unavailable": true}], "session_id": "s", "shard": [0, 1],
    })
}

fn guild() -> Value {
    let id = GUILD.to_string();
    json!({
        "id": id, "name": "Town", "owner_id": "1", "preferred_locale": "de", "unavailable": false, "large": false,
        "roles": [
            {"id": STAFF.to_string(), "name": "staff", "position": 2, "permissions": "6", "color": 255, "managed": false},
            {"id": id, "name": "@everyone", "position": 0, "permissions": "1024", "color": 0, "managed": false},
        ],
        "channels": [
            {"id": GENERAL.to_string(), "type": 0, "name": "general", "position": 1, "parent_id": null,
             "permission_overwrites": [{"id": STAFF.to_string(), "type": 0, "allow": "1024", "deny": "0"}]},
            {"id": HELP.to_string(), "type": 15, "name": "help", "rate_limit_per_user": 5},
        ],
        "threads": [{"id": "1500", "type": 11, "name": "a question", "parent_id": HELP.to_string()}],
        "members": [{"user": {"id": ME.to_string(), "username": "Guildhall", "bot": true}, "roles": [STAFF.to_string()]}],
        "voice_states": [{"user_id": ADA.to_string(), "channel_id": "1600"}],
    })
}

fn user() -> Value {
    json!({"id": ADA.to_string(), "username": "ada", "global_name": "Ada", "discriminator": "0"})
}

fn member(nick: Option<&str>, roles: &[u64]) -> Value {
    let roles: Vec<String> = roles.iter().map(ToString::to_string).collect();
    json!({
        "guild_id": GUILD.to_string(), "user": user(), "nick": nick, "roles": roles,
        "joined_at": "2024-05-01T10:00:00.000000+00:00", "communication_disabled_until": null,
    })
}

fn message(id: u64, content: &str) -> Value {
    json!({
        "id": id.to_string(), "channel_id": GENERAL.to_string(), "guild_id": GUILD.to_string(), "author": user(),
        "member": {"roles": [STAFF.to_string()], "nick": "Countess"}, "content": content,
        "timestamp": "2024-05-01T10:00:00.000000+00:00", "edited_timestamp": null,
        "attachments": [{"id": "1", "url": "https://cdn.example/a.png"}], "embeds": [], "type": 0,
    })
}

/// A directory that knows one guild and hears of everything.
fn town() -> Arc<DiscordGuilds> {
    let guilds = directory(|_| {});
    guilds.told("READY", &ready());
    guilds.connected(Intents::all());
    guilds.told("GUILD_CREATE", &guild());
    guilds
}

/// The same, and somebody who listens. The first event is that the guild is available.
fn heard() -> (Arc<DiscordGuilds>, Arc<Recorder>, Running) {
    let guilds = directory(|_| {});
    let recorder = Recorder::new("recorder");
    guilds.listen(recorder.clone());
    let running = Running::start(&guilds);
    guilds.told("READY", &ready());
    guilds.connected(Intents::all());
    guilds.told("GUILD_CREATE", &guild());
    (guilds, recorder, running)
}

#[tokio::test]
async fn what_the_gateway_told_is_answered_without_asking_discord() {
    let guilds = town();
    let tenant = tenant(GUILD);
    let town = guilds.guild(&tenant).await.unwrap();
    assert_eq!((town.name.as_str(), town.owner, town.locale.as_str()), ("Town", UserId(1), "de"));
    assert_eq!(town.roles.iter().map(|role| role.id.0).collect::<Vec<_>>(), [GUILD, STAFF]);
    assert_eq!(town.channels.len(), 2, "threads are none of the channels");
    assert_eq!(town.channel(ChannelId(HELP)).unwrap().slowmode, 5);
    assert_eq!(town.channel(ChannelId(GENERAL)).unwrap().overwrites[0].allow, 1_024);
    let myself = guilds.myself(&tenant).await.unwrap();
    assert_eq!((myself.user, myself.bot, town.permissions(&myself)), (UserId(ME), true, 1_030));

    guilds.told("GUILD_MEMBER_ADD", &member(None, &[]));
    guilds.told("GUILD_UPDATE", &json!({"id": GUILD.to_string(), "name": "City", "owner_id": "2"}));
    let ada = guilds.member(&tenant, UserId(ADA)).await.unwrap().unwrap();
    assert_eq!((ada.name.as_str(), ada.username.as_str()), ("Ada", "ada"));
    assert_eq!(ada.joined.unwrap().unix_timestamp(), 1_714_557_600);
    assert_eq!(guilds.guild(&tenant).await.unwrap().name, "City");

    guilds.disconnected();
    let unreachable = guilds.guild(&tenant).await.unwrap_err();
    assert_eq!(unreachable.code, "guild_unreachable", "what was heard is not relied on any more");
}

#[tokio::test]
async fn a_member_who_was_just_changed_is_not_answered_from_memory_until_discord_tells() {
    let guilds = town();
    guilds.told("GUILD_MEMBER_ADD", &member(None, &[]));
    let ada = || async { guilds.member(&tenant(GUILD), UserId(ADA)).await };
    assert!(ada().await.is_ok());
    guilds.doubt(GUILD, UserId(ADA));
    assert_eq!(ada().await.unwrap_err().code, "guild_unreachable", "Discord is asked");
    guilds.told("GUILD_MEMBER_UPDATE", &member(None, &[STAFF]));
    assert_eq!(ada().await.unwrap().unwrap().roles, [RoleId(STAFF)]);
}

#[tokio::test]
async fn an_outage_takes_nobody_away_and_a_removal_does() {
    let (guilds, recorder, _running) = heard();
    let id = GUILD.to_string();
    guilds.told("GUILD_DELETE", &json!({"id": id, "unavailable": true}));
    assert_eq!(guilds.present(GUILD), Some(true));
    assert_eq!(guilds.guild(&tenant(GUILD)).await.unwrap_err().code, "guild_unreachable");
    guilds.told("GUILD_CREATE", &guild());
    assert!(guilds.guild(&tenant(GUILD)).await.is_ok());
    guilds.told("GUILD_DELETE", &json!({"id": id}));
    assert_eq!(guilds.present(GUILD), Some(false));
    assert_eq!(guilds.guild(&tenant(GUILD)).await.unwrap_err().code, "guild_left");
    assert_eq!(recorder.kinds(3).await, ["available", "available", "removed"]);
    assert_eq!(guilds.cached().guilds, 0);
}

#[tokio::test]
async fn a_new_session_begins_anew_and_tells_who_removed_the_bot_meanwhile() {
    let (guilds, recorder, _running) = heard();
    guilds.told("READY", &ready());
    assert_eq!(guilds.present(GUILD), Some(true));
    assert_eq!(
        guilds.guild(&tenant(GUILD)).await.unwrap_err().code,
        "guild_unreachable",
        "not told again yet"
    );
    let mut other = ready();
    (other["guilds"], other["shard"]) = (json!([]), json!([1, 1_000]));
    guilds.told("READY", &other);
    assert_eq!(guilds.present(GUILD), Some(true), "it is another shard's guild");
    other["shard"] = json!([700, 1_000]);
    guilds.told("READY", &other);
    assert_eq!(guilds.present(GUILD), Some(false));
    assert_eq!(recorder.kinds(2).await, ["available", "removed"]);
}

#[tokio::test]
async fn an_edit_is_another_text_and_what_was_there_before_is_known_where_texts_are_kept() {
    let (guilds, recorder, _running) = heard();
    guilds.keep_messages(&tenant(GUILD), true);
    guilds.told("MESSAGE_CREATE", &message(50, "helo"));
    let mut preview = message(50, "helo");
    preview["embeds"] = json!([{}]);
    guilds.told("MESSAGE_UPDATE", &preview);
    guilds.told("MESSAGE_UPDATE", &message(50, "hello"));
    guilds.told(
        "MESSAGE_DELETE_BULK",
        &json!({
            "ids": ["50", "51"], "channel_id": GENERAL.to_string(), "guild_id": GUILD.to_string(),
        }),
    );
    let heard = recorder.heard(4).await;
    let [_, (_, GuildEvent::MessageWritten(written)), (_, edited), (_, deleted)] = &heard[..] else {
        panic!("{heard:?}");
    };
    assert_eq!((written.author.name.as_str(), written.content.as_str()), ("Countess", "helo"));
    assert_eq!((written.roles[0], written.attachments.len()), (RoleId(STAFF), 1));
    let GuildEvent::MessageEdited { before, after } = edited else { panic!("{edited:?}") };
    assert_eq!((before.as_deref(), after.content.as_str()), (Some("helo"), "hello"));
    let GuildEvent::MessagesDeleted { messages, known, .. } = deleted else { panic!("{deleted:?}") };
    assert_eq!(messages, &[MessageId(50), MessageId(51)]);
    assert_eq!(known.iter().map(|one| one.content.as_str()).collect::<Vec<_>>(), ["hello"]);
}

#[tokio::test]
async fn no_text_is_kept_where_nobody_asked_or_no_longer_wants_it() {
    let (guilds, recorder, _running) = heard();
    guilds.told("MESSAGE_CREATE", &message(50, "secret"));
    assert_eq!(guilds.cached().messages, 0);
    guilds.keep_messages(&tenant(GUILD), true);
    guilds.told("MESSAGE_CREATE", &message(51, "secret"));
    assert_eq!(guilds.cached().messages, 1);
    guilds.keep_messages(&tenant(GUILD), false);
    assert_eq!(guilds.cached().messages, 0);
    let mut edit = message(51, "another");
    edit["edited_timestamp"] = json!("2024-05-01T10:01:00.000000+00:00");
    guilds.told("MESSAGE_UPDATE", &edit);
    let heard = recorder.heard(4).await;
    assert!(matches!(&heard[3].1, GuildEvent::MessageEdited { before: None, .. }), "{heard:?}");
}

#[tokio::test]
async fn members_come_change_and_go_with_what_they_were_before() {
    let (guilds, recorder, _running) = heard();
    guilds.told("GUILD_MEMBER_ADD", &member(None, &[]));
    guilds.told("GUILD_MEMBER_UPDATE", &member(Some("Countess"), &[STAFF]));
    guilds.told("GUILD_MEMBER_UPDATE", &member(Some("Countess"), &[STAFF]));
    guilds.told("GUILD_ROLE_DELETE", &json!({"guild_id": GUILD.to_string(), "role_id": STAFF.to_string()}));
    let left = json!({"guild_id": GUILD.to_string(), "user": user()});
    guilds.told("GUILD_MEMBER_REMOVE", &left);
    guilds.told("GUILD_BAN_ADD", &left);
    guilds.told("GUILD_BAN_REMOVE", &left);
    let heard = recorder.heard(7).await;
    let kinds: Vec<_> = heard.iter().map(|(_, event)| event.kind()).collect();
    assert_eq!(
        kinds[1..],
        ["member_joined", "member_changed", "role_deleted", "member_left", "banned", "unbanned",]
    );
    let GuildEvent::MemberJoined { member, invite } = &heard[1].1 else { panic!() };
    assert_eq!((member.user, invite), (UserId(ADA), &None));
    let GuildEvent::MemberChanged { before: Some(before), after } = &heard[2].1 else { panic!() };
    assert_eq!((before.name.as_str(), before.roles.len()), ("Ada", 0));
    assert_eq!((after.name.as_str(), after.roles.as_slice()), ("Countess", &[RoleId(STAFF)][..]));
    let GuildEvent::MemberLeft { name, before: Some(before), .. } = &heard[4].1 else { panic!() };
    assert_eq!((name.as_str(), before.roles.len()), ("Countess", 0), "the role went before");
}

#[tokio::test]
async fn another_voice_channel_is_a_move_and_a_muted_microphone_is_none() {
    let (guilds, recorder, _running) = heard();
    let voice = |channel: Option<&str>| {
        json!({
            "guild_id": GUILD.to_string(), "user_id": ADA.to_string(), "channel_id": channel, "self_mute": true,
            "member": {"user": user(), "roles": []},
        })
    };
    for channel in [Some("1600"), Some("1601"), None, None] {
        guilds.told("VOICE_STATE_UPDATE", &voice(channel));
    }
    let moves: Vec<_> = recorder.heard(3).await[1..]
        .iter()
        .map(|(_, event)| match event {
            GuildEvent::VoiceMoved { from, to } => {
                (from.map(|id| id.0), to.channel.map(|id| id.0), to.name.clone())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let ada = || "Ada".to_owned();
    assert_eq!(moves, [(Some(1_600), Some(1_601), ada()), (Some(1_601), None, ada())]);
    assert_eq!(guilds.cached().voices, 0);
}

#[tokio::test]
async fn channels_and_roles_change_where_people_see_it() {
    let (guilds, recorder, _running) = heard();
    let id = GUILD.to_string();
    let mut general = guild()["channels"][0].clone();
    general["guild_id"] = json!(id);
    general["position"] = json!(9);
    guilds.told("CHANNEL_UPDATE", &general);
    general["rate_limit_per_user"] = json!(30);
    guilds.told("CHANNEL_UPDATE", &general);
    let mut staff = guild()["roles"][0].clone();
    staff["permissions"] = json!("8");
    guilds.told("GUILD_ROLE_UPDATE", &json!({"guild_id": id, "role": staff}));
    let thread = |archived: bool| {
        json!({"id": "1501", "guild_id": id, "type": 11, "name": "talk", "parent_id": GENERAL.to_string(),
               "newly_created": true, "thread_metadata": {"archived": archived}})
    };
    guilds.told("THREAD_CREATE", &thread(false));
    assert_eq!(guilds.cached().channels, 4);
    guilds.told("THREAD_UPDATE", &thread(true));
    assert_eq!(guilds.cached().channels, 3, "closed threads are without number and not kept");
    guilds
        .told("CHANNEL_DELETE", &json!({"id": HELP.to_string(), "guild_id": id, "type": 15, "name": "help"}));
    assert_eq!(guilds.cached().channels, 1, "the threads went with it");
    let audited = json!({
        "id": "175928847299117063", "guild_id": id, "action_type": 22, "user_id": "1", "target_id": ADA.to_string(),
        "reason": "spam",
    });
    guilds.told("GUILD_AUDIT_LOG_ENTRY_CREATE", &audited);
    let heard = recorder.heard(6).await;
    let GuildEvent::ChannelChanged { before: Some(before), after } = &heard[1].1 else { panic!("{heard:?}") };
    assert_eq!((before.slowmode, after.slowmode), (0, 30));
    let GuildEvent::RoleChanged { before: Some(before), after } = &heard[2].1 else { panic!("{heard:?}") };
    assert_eq!((before.permissions, after.permissions), (6, 8));
    assert!(matches!(&heard[3].1, GuildEvent::ChannelCreated(channel) if channel.name == "talk"));
    assert!(matches!(&heard[4].1, GuildEvent::ChannelDeleted(channel) if channel.slowmode == 5));
    let GuildEvent::Audited { action: 22, target, reason, at, .. } = &heard[5].1 else { panic!("{heard:?}") };
    assert_eq!((target, reason.as_deref(), at.year()), (&Some(ADA), Some("spam"), 2_016));
}

#[tokio::test]
async fn guilds_that_are_not_served_leave_no_trace() {
    let guilds = directory(|config| {
        config.open = false;
        config.communities = vec![("town".parse().unwrap(), GUILD)];
    });
    let recorder = Recorder::new("recorder");
    guilds.listen(recorder.clone());
    let _running = Running::start(&guilds);
    guilds.told("READY", &ready());
    let mut other = guild();
    other["id"] = json!("42");
    guilds.told("GUILD_CREATE", &other);
    let mut stray = message(50, "hello");
    stray["guild_id"] = json!("42");
    guilds.told("MESSAGE_CREATE", &stray);
    guilds.told("GUILD_BAN_ADD", &json!({"guild_id": "42", "user": user()}));
    guilds.told("GUILD_CREATE", &guild());
    let heard = recorder.heard(1).await;
    assert_eq!((heard[0].0.as_str(), heard[0].1.kind()), ("town", "available"));
    assert_eq!((guilds.cached().guilds, guilds.present(42)), (1, None));
}

#[tokio::test]
async fn only_what_somebody_wants_is_asked_of_the_gateway() {
    let guilds = directory(|_| {});
    assert_eq!(guilds.intents(), Intents::GUILDS);
    guilds.want_messages(true);
    assert_eq!(guilds.intents(), Intents::GUILDS | Intents::GUILD_MESSAGES | Intents::MESSAGE_CONTENT);
    guilds.listen(Recorder::new("everything"));
    let more = Intents::GUILD_MEMBERS | Intents::GUILD_MODERATION | Intents::GUILD_VOICE_STATES;
    assert!(guilds.intents().contains(more | Intents::GUILD_INVITES));
}

/// Every kind of frame as Discord sends it.
fn recorded() -> Vec<(&'static str, Value)> {
    let id = GUILD.to_string();
    let role = guild()["roles"][0].clone();
    let mut channel = guild()["channels"][0].clone();
    channel["guild_id"] = json!(id);
    let left = json!({"guild_id": id, "user": user()});
    let deleted = json!({"id": "50", "ids": ["51"], "channel_id": GENERAL.to_string(), "guild_id": id});
    let of = |kind: &str| match kind {
        "READY" => ready(),
        "GUILD_CREATE" | "GUILD_UPDATE" => guild(),
        "GUILD_DELETE" => json!({"id": id}),
        "MESSAGE_CREATE" | "MESSAGE_UPDATE" => message(50, "text"),
        "MESSAGE_DELETE" | "MESSAGE_DELETE_BULK" => deleted.clone(),
        "GUILD_MEMBER_ADD" | "GUILD_MEMBER_UPDATE" => member(Some("x"), &[STAFF]),
        "GUILD_MEMBER_REMOVE" | "GUILD_BAN_ADD" | "GUILD_BAN_REMOVE" => left.clone(),
        "GUILD_ROLE_CREATE" | "GUILD_ROLE_UPDATE" => json!({"guild_id": id, "role": role}),
        "GUILD_ROLE_DELETE" => json!({"guild_id": id, "role_id": STAFF.to_string()}),
        "VOICE_STATE_UPDATE" => json!({"guild_id": id, "user_id": "1", "channel_id": "2"}),
        "THREAD_LIST_SYNC" => json!({"guild_id": id, "channel_ids": ["1"], "threads": [channel]}),
        "INVITE_CREATE" | "INVITE_DELETE" => json!({"guild_id": id, "code": "abc", "uses": 1, "max_uses": 0}),
        "GUILD_AUDIT_LOG_ENTRY_CREATE" => json!({"id": "5", "guild_id": id, "action_type": 1}),
        _ => channel.clone(),
    };
    TAKERS.iter().map(|(kind, _)| (*kind, of(kind))).collect()
}

#[tokio::test]
async fn every_kind_of_frame_can_be_read_as_discord_sends_it() {
    let guilds = town();
    guilds.listen(Recorder::new("everything"));
    for (kind, payload) in recorded() {
        let (_, taker) = TAKERS.iter().find(|(name, _)| *name == kind).unwrap();
        assert!(taker(&guilds, &payload.to_string()).is_ok(), "{kind}");
    }
}

/// Something else in place of one value of the frame.
fn disturb(value: &mut Value, at: &mut usize, with: &Value) {
    if *at == 0 {
        *value = with.clone();
    }
    *at = at.wrapping_sub(1);
    match value {
        Value::Array(list) => list.iter_mut().for_each(|inner| disturb(inner, at, with)),
        Value::Object(map) => map.values_mut().for_each(|inner| disturb(inner, at, with)),
        _ => {}
    }
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<u64>().prop_map(|number| json!(number.to_string())),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((".{0,5}", inner), 0..3).prop_map(|pairs| pairs.into_iter().collect()),
        ]
    })
}

/// One directory for all cases, because making one reads the machine's certificates.
static TOWN: LazyLock<(Runtime, Arc<DiscordGuilds>)> = LazyLock::new(|| {
    let runtime = Runtime::new().unwrap();
    let guilds = {
        let _inside = runtime.enter();
        town()
    };
    guilds.listen(Recorder::new("everything"));
    guilds.keep_messages(&tenant(GUILD), true);
    (runtime, guilds)
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Whatever comes, nothing breaks, and the guild can be looked at afterwards.
    #[test]
    fn no_frame_breaks_it(frames in prop::collection::vec((0..TAKERS.len(), 0..24_usize, anything()), 1..12)) {
        let guilds = &TOWN.1;
        let recorded = recorded();
        for (which, mut at, with) in frames {
            let (kind, mut payload) = recorded[which].clone();
            disturb(&mut payload, &mut at, &with);
            guilds.told(kind, &payload);
        }
        let size = guilds.cached();
        prop_assert!(size.bytes >= size.guilds, "{size:?}");
    }
}
