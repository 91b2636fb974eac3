//! Guilds, their roles and their members.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::World;
use crate::clock::timestamp;
use crate::gateway::event::{Event, intent};
use crate::id::{ApplicationId, GuildId, RoleId, UserId};
use crate::permission::Permissions;

#[derive(Clone, Debug)]
pub(crate) struct Guild {
    pub(crate) id: GuildId,
    pub(crate) name: String,
    pub(crate) owner: UserId,
    pub(crate) roles: BTreeMap<RoleId, Role>,
    pub(crate) members: BTreeMap<UserId, Member>,
    /// Banned users, each with the reason given in `X-Audit-Log-Reason`.
    pub(crate) bans: BTreeMap<UserId, Option<String>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Role {
    pub(crate) id: RoleId,
    pub(crate) name: String,
    pub(crate) permissions: Permissions,
    pub(crate) position: i64,
    pub(crate) color: i64,
    pub(crate) hoist: bool,
    pub(crate) mentionable: bool,
    /// The bot this role came with; such a role is managed and cannot be given away.
    pub(crate) bot: Option<UserId>,
}

impl Role {
    pub(crate) fn json(&self) -> Value {
        let mut role = json!({
            "id": self.id, "name": self.name, "permissions": self.permissions.0.to_string(),
            "position": self.position, "color": self.color,
            "colors": {"primary_color": self.color, "secondary_color": null, "tertiary_color": null},
            "hoist": self.hoist, "managed": self.bot.is_some(), "mentionable": self.mentionable,
            "icon": null, "unicode_emoji": null, "flags": 0,
        });
        if let Some(bot) = self.bot {
            role["tags"] = json!({"bot_id": bot});
        }
        role
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) nick: Option<String>,
    pub(crate) roles: Vec<RoleId>,
    pub(crate) joined_at: OffsetDateTime,
    pub(crate) timed_out_until: Option<OffsetDateTime>,
    pub(crate) mute: bool,
    pub(crate) deaf: bool,
}

impl Member {
    pub(crate) fn new(joined_at: OffsetDateTime) -> Self {
        Self { nick: None, roles: Vec::new(), joined_at, timed_out_until: None, mute: false, deaf: false }
    }

    /// The member object without its user, as it stands in messages.
    pub(crate) fn json(&self) -> Value {
        json!({
            "avatar": null, "banner": null, "flags": 0, "nick": self.nick, "pending": false,
            "communication_disabled_until": self.timed_out_until.map(timestamp),
            "joined_at": timestamp(self.joined_at), "premium_since": null, "roles": self.roles,
            "mute": self.mute, "deaf": self.deaf,
        })
    }
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
            "premium_subscription_count": 0, "preferred_locale": "en-US", "rules_channel_id": null,
            "safety_alerts_channel_id": null, "public_updates_channel_id": null,
            "premium_progress_bar_enabled": false, "nsfw": false, "nsfw_level": 0, "emojis": [],
            "stickers": [], "incidents_data": null,
        })
    }
}

impl World {
    /// What `GUILD_CREATE` carries: the guild with its channels, threads and (up to a thousand) members.
    pub(crate) fn guild_create_json(&self, guild: &Guild, viewer: UserId) -> Value {
        let mut json = guild.json();
        let visible = |channel: &&super::channel::Channel| {
            channel.guild == Some(guild.id) && self.can_see(channel.id, viewer)
        };
        let channels = self.channels.values().filter(visible).filter(|channel| channel.thread.is_none());
        json["channels"] = channels.map(|channel| channel.json()).collect();
        let threads = self
            .channels
            .values()
            .filter(visible)
            .filter(|channel| channel.thread.as_ref().is_some_and(|thread| !thread.archived));
        json["threads"] = threads.map(|thread| thread.json_for(viewer)).collect();
        json["members"] = guild.members.keys().take(1000).map(|id| self.member_json(guild.id, *id)).collect();
        json["member_count"] = json!(guild.members.len());
        json["joined_at"] = json!(guild.members.get(&viewer).map(|member| timestamp(member.joined_at)));
        json["large"] = json!(false);
        json["unavailable"] = json!(false);
        for list in
            ["presences", "voice_states", "stage_instances", "guild_scheduled_events", "soundboard_sounds"]
        {
            json[list] = json!([]);
        }
        json
    }

    pub(crate) fn add_guild(&mut self, name: &str, owner: UserId) -> GuildId {
        let id = GuildId(self.next_id());
        let everyone = Role {
            id: RoleId(id.0),
            name: "@everyone".into(),
            permissions: Permissions::EVERYONE,
            position: 0,
            color: 0,
            hoist: false,
            mentionable: false,
            bot: None,
        };
        let members = BTreeMap::from([(owner, Member::new(self.now()))]);
        let roles = BTreeMap::from([(everyone.id, everyone)]);
        self.guilds.insert(id, Guild { id, name: name.into(), owner, roles, members, bans: BTreeMap::new() });
        id
    }

    pub(crate) fn add_role(
        &mut self,
        guild: GuildId,
        name: &str,
        permissions: Permissions,
        bot: Option<UserId>,
    ) -> Option<RoleId> {
        let id = RoleId(self.next_id());
        let position = i64::try_from(self.guilds.get(&guild)?.roles.len()).unwrap_or(i64::MAX);
        let role = Role {
            id,
            name: name.into(),
            permissions,
            position,
            color: 0,
            hoist: false,
            mentionable: false,
            bot,
        };
        let json = role.json();
        self.guilds.get_mut(&guild)?.roles.insert(id, role);
        let data = json!({"guild_id": guild, "role": json});
        self.emit(&Event::in_guild("GUILD_ROLE_CREATE", guild, intent::GUILDS, data));
        Some(id)
    }

    /// Makes the user a member, unless already one; everybody watching members hears of it.
    pub(crate) fn join(&mut self, guild: GuildId, user: UserId, roles: &[RoleId]) {
        let now = self.now();
        let Some(known) = self.guilds.get_mut(&guild) else { return };
        let new = !known.members.contains_key(&user);
        let member = known.members.entry(user).or_insert_with(|| Member::new(now));
        for role in roles {
            if !member.roles.contains(role) {
                member.roles.push(*role);
            }
        }
        let mut data = self.member_json(guild, user);
        data["guild_id"] = json!(guild);
        let name = if new { "GUILD_MEMBER_ADD" } else { "GUILD_MEMBER_UPDATE" };
        self.emit(&Event::in_guild(name, guild, intent::GUILD_MEMBERS, data));
    }

    pub(crate) fn leave(&mut self, guild: GuildId, user: UserId) -> bool {
        let Some(known) = self.guilds.get_mut(&guild) else { return false };
        if known.members.remove(&user).is_none() {
            return false;
        }
        let data = json!({"guild_id": guild, "user": self.user_json(user)});
        self.emit(&Event::in_guild("GUILD_MEMBER_REMOVE", guild, intent::GUILD_MEMBERS, data));
        if let Some(application) = self.applications.values().find(|application| application.bot == user) {
            let id = application.id;
            self.emit(&Event::to_application("GUILD_DELETE", id, json!({"id": guild})));
        }
        true
    }

    pub(crate) fn member_changed(&mut self, guild: GuildId, user: UserId) {
        let mut data = self.member_json(guild, user);
        data["guild_id"] = json!(guild);
        self.emit(&Event::in_guild("GUILD_MEMBER_UPDATE", guild, intent::GUILD_MEMBERS, data));
    }

    /// Invites the application's bot: it becomes a member with a managed role of its own.
    pub(crate) fn install(&mut self, guild: GuildId, application: ApplicationId, permissions: Permissions) {
        let Some((bot, name)) = self.applications.get(&application).map(|app| (app.bot, app.name.clone()))
        else {
            return;
        };
        let Some(role) = self.add_role(guild, &name, permissions, Some(bot)) else { return };
        self.join(guild, bot, &[role]);
        if let Some(known) = self.guilds.get(&guild) {
            let data = self.guild_create_json(known, bot);
            self.emit(&Event::to_application("GUILD_CREATE", application, data));
        }
    }
}
