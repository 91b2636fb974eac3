//! Guilds: what they are made of, and what a bot is told of one it is in.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};

use super::World;
use super::account::DEFAULT_LOCALE;
use super::audit::Entry;
use super::member::Member;
use super::role::Role;
use super::voice::VoiceState;
use crate::clock::timestamp;
use crate::gateway::event::{Event, intent};
use crate::id::{ApplicationId, ChannelId, GuildId, RoleId, UserId};
use crate::permission::Permissions;

/// Members that a `GUILD_CREATE` carries to those who hear presences.
const MEMBERS_AT_ONCE: usize = 1_000;

#[derive(Clone, Debug)]
pub(crate) struct Guild {
    pub(crate) id: GuildId,
    pub(crate) name: String,
    pub(crate) owner: UserId,
    pub(crate) locale: String,
    pub(crate) roles: BTreeMap<RoleId, Role>,
    pub(crate) members: BTreeMap<UserId, Member>,
    /// Its channels and threads.
    pub(crate) channels: BTreeSet<ChannelId>,
    /// Banned users, each with the reason given in `X-Audit-Log-Reason`.
    pub(crate) bans: BTreeMap<UserId, Option<String>>,
    pub(crate) voice: BTreeMap<UserId, VoiceState>,
    /// The newest entry is the last.
    pub(crate) audit: VecDeque<Entry>,
    /// Who may use a command, set by hand: the command's id (or the application's, for all of them), and the rules.
    pub(crate) command_rules: BTreeMap<u64, Vec<CommandRule>>,
    /// An outage: bots are told that the guild is unavailable.
    pub(crate) unavailable: bool,
}

/// One line of the integration settings: for a role (1), a user (2) or a channel (3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CommandRule {
    pub(crate) id: u64,
    pub(crate) kind: u8,
    pub(crate) allowed: bool,
}

impl Guild {
    pub(crate) fn json(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "icon": null, "description": null, "home_header": null,
            "splash": null, "discovery_splash": null, "features": [], "banner": null, "owner_id": self.owner,
            "application_id": null, "region": "us-west", "afk_channel_id": null, "afk_timeout": 300,
            "system_channel_id": null, "system_channel_flags": 0, "widget_enabled": false,
            "widget_channel_id": null, "verification_level": 0,
            "roles": self.roles.values().map(Role::json).collect::<Vec<_>>(),
            "default_message_notifications": 1, "mfa_level": 0, "explicit_content_filter": 0,
            "max_presences": null, "max_members": 500_000, "max_stage_video_channel_users": 50,
            "max_video_channel_users": 25, "vanity_url_code": null, "premium_tier": 0,
            "premium_subscription_count": 0, "preferred_locale": self.locale, "rules_channel_id": null,
            "safety_alerts_channel_id": null, "public_updates_channel_id": null,
            "premium_progress_bar_enabled": false, "nsfw": false, "nsfw_level": 0, "emojis": [],
            "stickers": [], "incidents_data": null,
        })
    }
}

impl World {
    pub(crate) fn channels_of(&self, guild: GuildId) -> impl Iterator<Item = &super::channel::Channel> {
        let ids = self.guilds.get(&guild).map(|known| &known.channels);
        ids.into_iter().flatten().filter_map(|id| self.channels.get(id))
    }

    /// What `GUILD_CREATE` carries: the guild with its channels and threads. Only those who hear presences get the
    /// members with it; the others get themselves and who is in voice, and ask for the rest.
    pub(crate) fn guild_create_json(&self, guild: &Guild, viewer: UserId, intents: u64) -> Value {
        let mut json = guild.json();
        let visible = || self.channels_of(guild.id).filter(|channel| self.can_see(channel.id, viewer));
        json["channels"] = visible().filter(|c| c.thread.is_none()).map(|channel| channel.json()).collect();
        let open = visible().filter(|c| c.thread.as_ref().is_some_and(|thread| !thread.archived));
        json["threads"] = open.map(|thread| thread.json_for(viewer)).collect();
        let all = intents & intent::GUILD_PRESENCES != 0;
        let members = guild.members.keys().filter(|id| all || **id == viewer || guild.voice.contains_key(id));
        json["members"] = members.take(MEMBERS_AT_ONCE).map(|id| self.member_json(guild.id, *id)).collect();
        json["member_count"] = json!(guild.members.len());
        json["joined_at"] = json!(guild.members.get(&viewer).map(|member| timestamp(member.joined_at)));
        json["large"] = json!(guild.members.len() > 250);
        json["unavailable"] = json!(false);
        json["voice_states"] = json!([]);
        if intents & intent::GUILD_VOICE_STATES != 0 {
            json["voice_states"] =
                guild.voice.keys().map(|id| self.voice_json(guild.id, *id, false)).collect();
        }
        for list in ["presences", "stage_instances", "guild_scheduled_events", "soundboard_sounds"] {
            json[list] = json!([]);
        }
        json
    }

    pub(crate) fn add_guild(&mut self, name: &str, owner: UserId) -> GuildId {
        let id = GuildId(self.next_id());
        let everyone = Role::new(RoleId(id.0), "@everyone", Permissions::EVERYONE, 0);
        let guild = Guild {
            id,
            name: name.into(),
            owner,
            locale: DEFAULT_LOCALE.into(),
            roles: BTreeMap::from([(everyone.id, everyone)]),
            members: BTreeMap::from([(owner, Member::new(self.now()))]),
            channels: BTreeSet::new(),
            bans: BTreeMap::new(),
            voice: BTreeMap::new(),
            audit: VecDeque::new(),
            command_rules: BTreeMap::new(),
            unavailable: false,
        };
        self.guilds.insert(id, guild);
        id
    }

    pub(crate) fn guild_changed(&mut self, guild: GuildId) {
        let Some(known) = self.guilds.get(&guild) else { return };
        let event = Event::in_guild("GUILD_UPDATE", guild, intent::GUILDS, known.json());
        self.emit(&event);
    }

    /// Invites the application's bot: it becomes a member with a managed role of its own.
    pub(crate) fn install(&mut self, guild: GuildId, application: ApplicationId, permissions: Permissions) {
        let Some((bot, name)) = self.applications.get(&application).map(|app| (app.bot, app.name.clone()))
        else {
            return;
        };
        let Some(role) = self.add_role(guild, &name, permissions, Some(bot)) else { return };
        self.join(guild, bot, &[role]);
        self.announce_guild(guild, Some(application));
    }

    /// Sends `GUILD_CREATE` to the sessions of one application, or of all that are in the guild.
    pub(crate) fn announce_guild(&mut self, guild: GuildId, only: Option<ApplicationId>) {
        let Some(known) = self.guilds.get(&guild) else { return };
        let told: Vec<(String, Value)> = self
            .sessions
            .iter()
            .filter(|session| session.hears_guild(Some(guild)) && session.intents & intent::GUILDS != 0)
            .filter(|session| only.is_none_or(|only| session.application == only))
            .filter_map(|session| {
                let bot = self.bot_of(session.application);
                let inside = known.members.contains_key(&bot);
                inside.then(|| (session.id.clone(), self.guild_create_json(known, bot, session.intents)))
            })
            .collect();
        for (session, data) in told {
            self.sessions.dispatch(&session, "GUILD_CREATE", &data);
        }
    }

    /// An outage begins or ends: bots hear that the guild went, without having been removed, and that it is back.
    pub(crate) fn set_outage(&mut self, guild: GuildId, out: bool) {
        let Some(known) = self.guilds.get_mut(&guild) else { return };
        if std::mem::replace(&mut known.unavailable, out) == out {
            return;
        }
        if out {
            let data = json!({"id": guild, "unavailable": true});
            self.emit(&Event::in_guild("GUILD_DELETE", guild, intent::GUILDS, data));
        } else {
            self.announce_guild(guild, None);
        }
    }
}
