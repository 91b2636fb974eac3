//! Members: joining, leaving, and what is changed about them, each with Discord's checks of permission and hierarchy.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::World;
use super::audit::{Entry, action};
use super::rights::By;
use crate::clock::timestamp;
use crate::gateway::event::{Event, intent};
use crate::id::{ChannelId, GuildId, RoleId, UserId};
use crate::permission::Permissions;
use crate::rest::error::ApiError;

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

/// What to change about a member; `None` leaves a thing as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemberChange {
    pub(crate) nick: Option<Option<String>>,
    pub(crate) roles: Option<Vec<RoleId>>,
    pub(crate) timed_out_until: Option<Option<OffsetDateTime>>,
    pub(crate) mute: Option<bool>,
    pub(crate) deaf: Option<bool>,
    /// The voice channel to move to; none disconnects.
    pub(crate) voice: Option<Option<ChannelId>>,
}

impl World {
    pub(crate) fn member(&self, guild: GuildId, user: UserId) -> Result<&Member, ApiError> {
        self.user(user)?;
        self.guild(guild)?.members.get(&user).ok_or_else(ApiError::unknown_member)
    }

    pub(crate) fn member_json(&self, guild: GuildId, user: UserId) -> Value {
        let Some(member) = self.guilds.get(&guild).and_then(|guild| guild.members.get(&user)) else {
            return Value::Null;
        };
        let mut json = member.json();
        json["user"] = self.user_json(user);
        json
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
        let name = if new { "GUILD_MEMBER_ADD" } else { "GUILD_MEMBER_UPDATE" };
        self.member_event(name, guild, user);
    }

    fn member_event(&mut self, name: &'static str, guild: GuildId, user: UserId) {
        let mut data = self.member_json(guild, user);
        data["guild_id"] = json!(guild);
        self.emit(&Event::in_guild(name, guild, intent::GUILD_MEMBERS, data));
    }

    pub(crate) fn member_changed(&mut self, guild: GuildId, user: UserId) {
        self.member_event("GUILD_MEMBER_UPDATE", guild, user);
    }

    /// The member is gone, from voice and from threads too. A bot takes its own role along.
    pub(crate) fn leave(&mut self, guild: GuildId, user: UserId) -> bool {
        if self.member(guild, user).is_err() {
            return false;
        }
        self.set_voice(guild, user, None);
        let channels = self.guilds.get(&guild).map(|known| known.channels.clone()).unwrap_or_default();
        for channel in channels {
            if let Some(thread) = self.channels.get_mut(&channel).and_then(|channel| channel.thread.as_mut())
            {
                thread.members.remove(&user);
            }
        }
        if let Some(known) = self.guilds.get_mut(&guild) {
            known.members.remove(&user);
        }
        let data = json!({"guild_id": guild, "user": self.user_json(user)});
        self.emit(&Event::in_guild("GUILD_MEMBER_REMOVE", guild, intent::GUILD_MEMBERS, data));
        let own =
            self.guilds.get(&guild).and_then(|known| known.roles.values().find(|r| r.bot == Some(user)));
        if let Some(role) = own.map(|role| role.id) {
            self.remove_role(guild, role);
        }
        if let Some(application) = self.applications.values().find(|application| application.bot == user) {
            let id = application.id;
            let event = Event::to_application("GUILD_DELETE", id, json!({"id": guild}));
            self.emit(&event.about(guild).wanting(intent::GUILDS));
        }
        true
    }

    /// Changes a member, all or nothing, after Discord's checks.
    pub(crate) fn change_member(
        &mut self,
        guild: GuildId,
        user: UserId,
        change: MemberChange,
        by: By<'_>,
    ) -> Result<(), ApiError> {
        let before = self.member(guild, user)?.clone();
        self.check_change(guild, user, &before, &change, by)?;
        let mut after = before.clone();
        let mut entry = Entry::new(action::MEMBER_UPDATE, by, user.0);
        let mut noted = false;
        if let Some(nick) = change.nick {
            entry =
                entry.change("nick", before.nick.as_ref().map(|n| json!(n)), nick.as_ref().map(|n| json!(n)));
            noted |= nick != before.nick;
            after.nick = nick;
        }
        if let Some(until) = change.timed_out_until {
            let shown = |at: Option<OffsetDateTime>| at.map(|at| json!(timestamp(at)));
            entry = entry.change("communication_disabled_until", shown(before.timed_out_until), shown(until));
            noted |= until != before.timed_out_until;
            after.timed_out_until = until;
        }
        if let Some(mute) = change.mute {
            noted |= mute != before.mute;
            entry = entry.change("mute", Some(json!(before.mute)), Some(json!(mute)));
            after.mute = mute;
        }
        if let Some(deaf) = change.deaf {
            noted |= deaf != before.deaf;
            entry = entry.change("deaf", Some(json!(before.deaf)), Some(json!(deaf)));
            after.deaf = deaf;
        }
        if let Some(roles) = change.roles {
            after.roles = roles;
        }
        let roles = after.roles.clone();
        self.guild_mut(guild)?.members.insert(user, after);
        if let Some(channel) = change.voice {
            self.move_in_voice(guild, user, channel, by);
        }
        self.member_changed(guild, user);
        if noted {
            self.audit(guild, entry);
        }
        self.audit_roles(guild, user, &before.roles, &roles, by);
        Ok(())
    }

    fn check_change(
        &self,
        guild: GuildId,
        user: UserId,
        before: &Member,
        change: &MemberChange,
        by: By<'_>,
    ) -> Result<(), ApiError> {
        if change.nick.is_some() {
            let own = user == by.user;
            let need = if own { Permissions::CHANGE_NICKNAME } else { Permissions::MANAGE_NICKNAMES };
            self.require_guild(guild, by.user, need)?;
            if !own {
                self.require_above(guild, by.user, user)?;
            }
        }
        if let Some(roles) = &change.roles {
            self.require_guild(guild, by.user, Permissions::MANAGE_ROLES)?;
            let added = roles.iter().filter(|role| !before.roles.contains(role));
            let taken = before.roles.iter().filter(|role| !roles.contains(role));
            for role in added.chain(taken) {
                self.check_giving(guild, *role, by.user)?;
            }
        }
        if let Some(until) = change.timed_out_until {
            self.require_guild(guild, by.user, Permissions::MODERATE_MEMBERS)?;
            self.require_above(guild, by.user, user)?;
            // Administrators cannot be timed out, whoever asks.
            if until.is_some() && self.guild_permissions(guild, user).contains(Permissions::ADMINISTRATOR) {
                return Err(ApiError::missing_permissions());
            }
        }
        let voice = [
            (change.mute.is_some(), Permissions::MUTE_MEMBERS),
            (change.deaf.is_some(), Permissions::DEAFEN_MEMBERS),
            (change.voice.is_some(), Permissions::MOVE_MEMBERS),
        ];
        for (_, need) in voice.into_iter().filter(|(asked, _)| *asked) {
            self.require_guild(guild, by.user, need)?;
            if !self.guild(guild)?.voice.contains_key(&user) {
                return Err(ApiError::not_in_voice());
            }
        }
        Ok(())
    }

    fn check_giving(&self, guild: GuildId, role: RoleId, actor: UserId) -> Result<(), ApiError> {
        let managed = self.role(guild, role)?.bot.is_some();
        if managed || role.0 == guild.0 {
            return Err(ApiError::missing_permissions());
        }
        self.require_above_role(guild, actor, role)
    }

    /// Gives a role to a member or takes it. Doing it again changes nothing and is no mistake.
    pub(crate) fn give_role(
        &mut self,
        guild: GuildId,
        user: UserId,
        role: RoleId,
        give: bool,
        by: By<'_>,
    ) -> Result<(), ApiError> {
        self.require_guild(guild, by.user, Permissions::MANAGE_ROLES)?;
        let before = self.member(guild, user)?.roles.clone();
        self.check_giving(guild, role, by.user)?;
        if before.contains(&role) == give {
            return Ok(());
        }
        let mut after = before.clone();
        if give {
            after.push(role);
        } else {
            after.retain(|known| *known != role);
        }
        if let Some(member) = self.guild_mut(guild)?.members.get_mut(&user) {
            member.roles.clone_from(&after);
        }
        self.member_changed(guild, user);
        self.audit_roles(guild, user, &before, &after, by);
        Ok(())
    }

    fn audit_roles(&mut self, guild: GuildId, user: UserId, before: &[RoleId], after: &[RoleId], by: By<'_>) {
        let named = |world: &Self, roles: &[RoleId], others: &[RoleId]| -> Vec<Value> {
            let fresh = roles.iter().filter(|role| !others.contains(role));
            fresh
                .map(|id| json!({"id": id, "name": world.role(guild, *id).map_or("", |role| role.name.as_str())}))
                .collect()
        };
        let (added, taken) = (named(self, after, before), named(self, before, after));
        if added.is_empty() && taken.is_empty() {
            return;
        }
        let mut entry = Entry::new(action::MEMBER_ROLE_UPDATE, by, user.0);
        for (key, roles) in [("$add", added), ("$remove", taken)] {
            if !roles.is_empty() {
                entry = entry.change(key, None, Some(json!(roles)));
            }
        }
        self.audit(guild, entry);
    }
}
