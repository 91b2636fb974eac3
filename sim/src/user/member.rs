//! A user as a member of a guild: voice, leaving, and what staff do by hand. Everything is checked as Discord checks
//! it: permissions, and nobody acts on somebody at or above their own highest role.

use time::OffsetDateTime;

use super::{ActError, User};
use crate::id::{ChannelId, GuildId, RoleId, UserId};
use crate::permission::Permissions;
use crate::rest::channel::text_name;
use crate::rest::error::ApiError;
use crate::world::World;
use crate::world::channel::{Channel, Overwrite, kind};
use crate::world::guild::CommandRule;
use crate::world::member::MemberChange;
use crate::world::rights::By;
use crate::world::role::Role;

/// A user in a guild. Cheap to clone.
#[derive(Clone)]
pub struct Member {
    pub(super) user: User,
    pub(super) guild: GuildId,
}

impl Member {
    fn act<T>(
        &self,
        act: impl FnOnce(&mut World, GuildId, By<'_>) -> Result<T, ApiError>,
    ) -> Result<T, ActError> {
        self.act_because(None, act)
    }

    fn act_because<T>(
        &self,
        reason: Option<&str>,
        act: impl FnOnce(&mut World, GuildId, By<'_>) -> Result<T, ApiError>,
    ) -> Result<T, ActError> {
        let by = By { user: self.user.id, reason };
        Ok(self.user.shared.write(|world| act(world, self.guild, by))?)
    }

    /// Leaves the guild. False for who is no member, and for the owner, who cannot leave.
    pub fn leave(&self) -> bool {
        self.user.shared.write(|world| {
            let owner = world.guilds.get(&self.guild).is_some_and(|guild| guild.owner == self.user.id);
            !owner && world.leave(self.guild, self.user.id)
        })
    }

    /// Changes the own nickname; none takes it away.
    pub fn set_own_nick(&self, nick: Option<&str>) -> Result<(), ActError> {
        self.set_nick(self.user.id, nick)
    }

    /// Enters a voice channel, or moves to it from another.
    pub fn join_voice(&self, channel: ChannelId) -> Result<(), ActError> {
        self.act(|world, guild, by| {
            world.require(channel, by.user, Permissions::CONNECT)?;
            let place = world.channel(channel)?;
            if place.guild != Some(guild) || !place.is_voice() {
                return Err(ApiError::wrong_channel_type());
            }
            world.set_voice(guild, by.user, Some(channel));
            Ok(())
        })
    }

    /// Leaves voice.
    pub fn leave_voice(&self) {
        self.user.shared.write(|world| world.set_voice(self.guild, self.user.id, None));
    }

    /// Switches the own microphone and loudspeaker off or on.
    pub fn mute_self(&self, mute: bool, deaf: bool) {
        self.user.shared.write(|world| world.mute_self(self.guild, self.user.id, mute, deaf));
    }

    /// Makes an invite to a channel: uses 0 and seconds 0 mean without end.
    pub fn create_invite(
        &self,
        channel: ChannelId,
        max_uses: u32,
        max_age_seconds: u32,
    ) -> Result<String, ActError> {
        self.act(|world, _, by| {
            let (age, uses) = (i64::from(max_age_seconds), i64::from(max_uses));
            world.create_invite(channel, age, uses, false, by).map(|invite| invite.code)
        })
    }

    /// Takes an invite back.
    pub fn delete_invite(&self, code: &str) -> Result<(), ActError> {
        self.act(|world, _, by| world.delete_invite(code, by).map(|_| ()))
    }

    /// Throws a member out.
    pub fn kick(&self, user: UserId, reason: Option<&str>) -> Result<(), ActError> {
        self.act_because(reason, |world, guild, by| world.kick(guild, user, by))
    }

    /// Bans a user, member or not, and deletes what they wrote in the last seconds (at most 604,800).
    pub fn ban(&self, user: UserId, reason: Option<&str>, delete_seconds: u32) -> Result<(), ActError> {
        self.act_because(reason, |world, guild, by| world.ban(guild, user, i64::from(delete_seconds), by))
    }

    /// Lifts a ban.
    pub fn unban(&self, user: UserId, reason: Option<&str>) -> Result<(), ActError> {
        self.act_because(reason, |world, guild, by| world.unban(guild, user, by))
    }

    /// Puts a member in timeout until then; none ends it.
    pub fn time_out(&self, user: UserId, until: Option<OffsetDateTime>) -> Result<(), ActError> {
        let change = MemberChange { timed_out_until: Some(until), ..MemberChange::default() };
        self.act(|world, guild, by| world.change_member(guild, user, change, by))
    }

    /// Changes a member's nickname; none takes it away.
    pub fn set_nick(&self, user: UserId, nick: Option<&str>) -> Result<(), ActError> {
        let change = MemberChange { nick: Some(nick.map(Into::into)), ..MemberChange::default() };
        self.act(|world, guild, by| world.change_member(guild, user, change, by))
    }

    /// Moves somebody to another voice channel, or throws them out of voice.
    pub fn move_in_voice(&self, user: UserId, channel: Option<ChannelId>) -> Result<(), ActError> {
        let change = MemberChange { voice: Some(channel), ..MemberChange::default() };
        self.act(|world, guild, by| world.change_member(guild, user, change, by))
    }

    /// Gives a member a role.
    pub fn give_role(&self, user: UserId, role: RoleId) -> Result<(), ActError> {
        self.act(|world, guild, by| world.give_role(guild, user, role, true, by))
    }

    /// Takes a role from a member.
    pub fn take_role(&self, user: UserId, role: RoleId) -> Result<(), ActError> {
        self.act(|world, guild, by| world.give_role(guild, user, role, false, by))
    }

    /// Makes a role, at the bottom.
    pub fn create_role(&self, name: &str, permissions: Permissions) -> Result<RoleId, ActError> {
        self.act(|world, guild, by| {
            let role = Role::new(RoleId(world.next_id()), name, permissions, 1);
            world.create_role(guild, role, by).map(|role| role.id)
        })
    }

    /// Renames a role and changes what it allows.
    pub fn edit_role(&self, role: RoleId, name: &str, permissions: Permissions) -> Result<(), ActError> {
        self.act(|world, guild, by| {
            let before = world.role(guild, role)?.clone();
            world.change_role(guild, Role { name: name.into(), permissions, ..before }, by).map(|_| ())
        })
    }

    /// Deletes a role.
    pub fn delete_role(&self, role: RoleId) -> Result<(), ActError> {
        self.act(|world, guild, by| world.delete_role(guild, role, by))
    }

    /// Moves a role; 1 is the lowest place above `@everyone`.
    pub fn move_role(&self, role: RoleId, position: i64) -> Result<(), ActError> {
        self.act(|world, guild, by| world.move_roles(guild, &[(role, position)], by))
    }

    /// Makes a text channel.
    pub fn create_channel(&self, name: &str) -> Result<ChannelId, ActError> {
        self.act(|world, guild, by| {
            let id = ChannelId(world.next_id());
            let channel = Channel::new(id, kind::TEXT, Some(guild), &text_name(name));
            world.create_channel(guild, channel, false, by)
        })
    }

    /// Renames a channel.
    pub fn rename_channel(&self, channel: ChannelId, name: &str) -> Result<(), ActError> {
        self.change_channel(channel, |channel| channel.name = name.into())
    }

    /// Sets a channel's slow mode, in seconds.
    pub fn set_slowmode(&self, channel: ChannelId, seconds: u32) -> Result<(), ActError> {
        self.change_channel(channel, |channel| channel.rate_limit_per_user = i64::from(seconds))
    }

    fn change_channel(&self, channel: ChannelId, change: impl FnOnce(&mut Channel)) -> Result<(), ActError> {
        self.act(|world, _, by| {
            let mut changed = world.channel(channel)?.clone();
            change(&mut changed);
            world.change_channel(changed, by)
        })
    }

    /// Deletes a channel or thread.
    pub fn delete_channel(&self, channel: ChannelId) -> Result<(), ActError> {
        self.act(|world, _, by| world.delete_channel(channel, by))
    }

    /// Allows and denies a role things in a channel.
    pub fn overwrite_role(
        &self,
        channel: ChannelId,
        role: RoleId,
        allow: Permissions,
        deny: Permissions,
    ) -> Result<(), ActError> {
        let overwrite = Overwrite { id: role.0, member: false, allow, deny };
        self.act(|world, _, by| world.put_overwrite(channel, overwrite, by))
    }

    /// Allows and denies a member things in a channel.
    pub fn overwrite_member(
        &self,
        channel: ChannelId,
        user: UserId,
        allow: Permissions,
        deny: Permissions,
    ) -> Result<(), ActError> {
        let overwrite = Overwrite { id: user.0, member: true, allow, deny };
        self.act(|world, _, by| world.put_overwrite(channel, overwrite, by))
    }

    /// Takes away what a channel says of a role or member, by its id.
    pub fn delete_overwrite(&self, channel: ChannelId, target: u64) -> Result<(), ActError> {
        self.act(|world, _, by| world.delete_overwrite(channel, target, by))
    }

    /// Lets a role use a command (by its id) or keeps it from it, as in the guild's integration settings. The guild's
    /// own number as role stands for everybody.
    pub fn rule_command(&self, command: u64, role: RoleId, allowed: bool) -> Result<(), ActError> {
        self.act(|world, guild, by| {
            world.require_guild(guild, by.user, Permissions::MANAGE_GUILD)?;
            let rules = world.guild_mut(guild)?.command_rules.entry(command).or_default();
            rules.retain(|rule| rule.kind != 1 || rule.id != role.0);
            rules.push(CommandRule { id: role.0, kind: 1, allowed });
            world.command_rules_changed(guild, command);
            Ok(())
        })
    }
}
