//! Who may do what: permissions of a guild and of its channels, and the hierarchy of roles.

use std::cmp::Reverse;

use super::World;
use super::role::Role;
use crate::id::{ChannelId, GuildId, RoleId, UserId};
use crate::permission::Permissions;
use crate::rest::error::ApiError;

/// Who does something, and the reason for the audit log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct By<'a> {
    pub(crate) user: UserId,
    pub(crate) reason: Option<&'a str>,
}

/// How high a role lies: by position, and of two at the same one the older.
pub(crate) type Height = (i64, Reverse<RoleId>);

pub(crate) fn height(role: &Role) -> Height {
    (role.position, Reverse(role.id))
}

/// What is left to a member in timeout.
const IN_TIMEOUT: Permissions =
    Permissions(Permissions::VIEW_CHANNEL.0 | Permissions::READ_MESSAGE_HISTORY.0);

impl World {
    /// What a member may do in the whole guild.
    pub(crate) fn guild_permissions(&self, guild: GuildId, user: UserId) -> Permissions {
        let Some(guild) = self.guilds.get(&guild) else { return Permissions::NONE };
        let Some(member) = guild.members.get(&user) else { return Permissions::NONE };
        if guild.owner == user {
            return Permissions::ALL;
        }
        let everyone = RoleId(guild.id.0);
        let bits = guild.roles.get(&everyone).map(|role| role.permissions).unwrap_or_default();
        let bits =
            member.roles.iter().filter_map(|id| guild.roles.get(id)).fold(bits, |b, r| b | r.permissions);
        if bits.contains(Permissions::ADMINISTRATOR) { Permissions::ALL } else { bits }
    }

    /// What a user may do in a channel: Discord's order of overwrites (everyone, roles, member). A thread follows
    /// its parent, and a private thread is seen only by its members and by those who manage threads. Members in
    /// timeout may only look.
    pub(crate) fn permissions(&self, channel: ChannelId, user: UserId) -> Permissions {
        let Some(channel) = self.channels.get(&channel) else { return Permissions::NONE };
        let Some(guild_id) = channel.guild else {
            let inside = channel.recipients.contains(&user);
            return if inside { Permissions::EVERYONE } else { Permissions::NONE };
        };
        let base = self.guild_permissions(guild_id, user);
        if base == Permissions::ALL || base == Permissions::NONE {
            return base;
        }
        if let Some(thread) = &channel.thread {
            let Some(parent) = channel.parent else { return Permissions::NONE };
            let bits = self.permissions(parent, user);
            let hidden = channel.is_private_thread()
                && !thread.members.contains_key(&user)
                && !bits.contains(Permissions::MANAGE_THREADS);
            return if hidden { Permissions::NONE } else { bits };
        }
        let Some(member) = self.guilds.get(&guild_id).and_then(|guild| guild.members.get(&user)) else {
            return Permissions::NONE;
        };
        let mut bits = channel.apply_overwrites(base, RoleId(guild_id.0), &member.roles, user);
        if member.timed_out_until.is_some_and(|until| until > self.now()) {
            bits = bits & IN_TIMEOUT;
        }
        if bits.contains(Permissions::VIEW_CHANNEL) { bits } else { Permissions::NONE }
    }

    pub(crate) fn can_see(&self, channel: ChannelId, user: UserId) -> bool {
        self.permissions(channel, user).contains(Permissions::VIEW_CHANNEL)
    }

    /// Refuses with 50001 what cannot be seen and with 50013 what may not be done.
    pub(crate) fn require(
        &self,
        channel: ChannelId,
        user: UserId,
        need: Permissions,
    ) -> Result<(), ApiError> {
        self.channel(channel)?;
        let bits = self.permissions(channel, user);
        if !bits.contains(Permissions::VIEW_CHANNEL) {
            return Err(ApiError::missing_access());
        }
        if bits.contains(need) { Ok(()) } else { Err(ApiError::missing_permissions()) }
    }

    pub(crate) fn require_guild(
        &self,
        guild: GuildId,
        user: UserId,
        need: Permissions,
    ) -> Result<(), ApiError> {
        if !self.guild(guild)?.members.contains_key(&user) {
            // A guild the bot is not in looks the same as one that does not exist, but for its code.
            return Err(ApiError::missing_access());
        }
        let enough = self.guild_permissions(guild, user).contains(need);
        if enough { Ok(()) } else { Err(ApiError::missing_permissions()) }
    }

    /// The height of a member's highest role; that of `@everyone` for those who have none.
    fn top(&self, guild: GuildId, user: UserId) -> Height {
        let lowest = (0, Reverse(RoleId(guild.0)));
        let Some(guild) = self.guilds.get(&guild) else { return lowest };
        let roles = guild.members.get(&user).map(|member| member.roles.as_slice()).unwrap_or_default();
        roles.iter().filter_map(|id| guild.roles.get(id)).map(height).fold(lowest, Ord::max)
    }

    /// Nobody acts on the owner, on themselves, or on somebody whose highest role is not below their own. Who is no
    /// member has no role.
    pub(crate) fn require_above(
        &self,
        guild: GuildId,
        actor: UserId,
        target: UserId,
    ) -> Result<(), ApiError> {
        let owner = self.guild(guild)?.owner;
        let above = target != owner
            && target != actor
            && (actor == owner || self.top(guild, actor) > self.top(guild, target));
        if above { Ok(()) } else { Err(ApiError::missing_permissions()) }
    }

    /// Roles at or above the actor's highest one cannot be given, taken, changed or deleted.
    pub(crate) fn require_above_role(
        &self,
        guild: GuildId,
        actor: UserId,
        role: RoleId,
    ) -> Result<(), ApiError> {
        let known = self.guild(guild)?;
        let role = known.roles.get(&role).ok_or_else(ApiError::unknown_role)?;
        let above = known.owner == actor || self.top(guild, actor) > height(role);
        if above { Ok(()) } else { Err(ApiError::missing_permissions()) }
    }

    /// Nobody hands out, in a role or an overwrite, what they do not have themselves.
    pub(crate) fn require_own(
        &self,
        guild: GuildId,
        channel: Option<ChannelId>,
        actor: UserId,
        bits: Permissions,
    ) -> Result<(), ApiError> {
        let own = match channel {
            Some(channel) => self.permissions(channel, actor) | self.guild_permissions(guild, actor),
            None => self.guild_permissions(guild, actor),
        };
        // Bits without a meaning are dropped by Discord, so they need nobody's permission.
        if own.contains(bits & Permissions::ALL) { Ok(()) } else { Err(ApiError::missing_permissions()) }
    }
}
