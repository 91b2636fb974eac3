//! Kicks and bans, with the same checks for a bot that asks by REST and for a person who does it by hand.

use serde_json::json;

use super::World;
use super::audit::{Entry, action};
use super::rights::By;
use crate::gateway::event::{Event, intent};
use crate::id::{GuildId, MessageId, UserId};
use crate::permission::Permissions;
use crate::rest::error::ApiError;

impl World {
    pub(crate) fn kick(&mut self, guild: GuildId, user: UserId, by: By<'_>) -> Result<(), ApiError> {
        self.member(guild, user)?;
        self.require_guild(guild, by.user, Permissions::KICK_MEMBERS)?;
        self.require_above(guild, by.user, user)?;
        self.leave(guild, user);
        self.audit(guild, Entry::new(action::MEMBER_KICK, by, user.0));
        Ok(())
    }

    /// Bans, member or not, and deletes what the user wrote in the last seconds. Banning again changes nothing.
    pub(crate) fn ban(
        &mut self,
        guild: GuildId,
        user: UserId,
        delete_seconds: i64,
        by: By<'_>,
    ) -> Result<(), ApiError> {
        self.require_guild(guild, by.user, Permissions::BAN_MEMBERS)?;
        self.user(user)?;
        self.require_above(guild, by.user, user)?;
        if self.guild(guild)?.bans.contains_key(&user) {
            return Ok(());
        }
        let reason = by.reason.filter(|reason| !reason.is_empty()).map(Into::into);
        self.guild_mut(guild)?.bans.insert(user, reason);
        self.leave(guild, user);
        self.forget_messages_of(guild, user, delete_seconds);
        self.ban_event("GUILD_BAN_ADD", guild, user);
        self.audit(guild, Entry::new(action::MEMBER_BAN_ADD, by, user.0));
        Ok(())
    }

    pub(crate) fn unban(&mut self, guild: GuildId, user: UserId, by: By<'_>) -> Result<(), ApiError> {
        self.require_guild(guild, by.user, Permissions::BAN_MEMBERS)?;
        self.guild_mut(guild)?.bans.remove(&user).ok_or_else(ApiError::unknown_ban)?;
        self.ban_event("GUILD_BAN_REMOVE", guild, user);
        self.audit(guild, Entry::new(action::MEMBER_BAN_REMOVE, by, user.0));
        Ok(())
    }

    fn ban_event(&mut self, name: &'static str, guild: GuildId, user: UserId) {
        let data = json!({"guild_id": guild, "user": self.user_json(user)});
        let event = Event::in_guild(name, guild, intent::GUILD_MODERATION, data);
        self.emit(&event.needing(Permissions::BAN_MEMBERS | Permissions::VIEW_AUDIT_LOG));
    }

    /// What the user wrote lately goes, channel by channel in bulk.
    fn forget_messages_of(&mut self, guild: GuildId, user: UserId, seconds: i64) {
        if seconds <= 0 {
            return;
        }
        let since = self.now() - time::Duration::seconds(seconds);
        let channels = self.guilds.get(&guild).map(|known| known.channels.clone()).unwrap_or_default();
        let written = |channel| -> Vec<MessageId> {
            let all = self.messages.values().filter(|message| message.author == user);
            all.filter(|m| m.channel == channel && m.sent_at > since).map(|message| message.id).collect()
        };
        let found: Vec<_> = channels.into_iter().map(|channel| (channel, written(channel))).collect();
        for (channel, messages) in found {
            self.remove_messages(channel, &messages);
        }
    }
}
