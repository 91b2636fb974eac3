//! Permission overwrites of channels: checked, set and taken away.

use serde_json::json;

use super::World;
use super::audit::{Entry, action};
use super::channel::Overwrite;
use super::rights::By;
use crate::id::{ChannelId, GuildId, RoleId, UserId};
use crate::permission::Permissions;
use crate::rest::error::ApiError;

impl World {
    /// Only what one has oneself can be allowed or denied, and only administrators hand out the right to do so.
    pub(crate) fn check_overwrites(
        &self,
        guild: GuildId,
        channel: Option<ChannelId>,
        overwrites: &[Overwrite],
        actor: UserId,
    ) -> Result<(), ApiError> {
        let known = channel.and_then(|id| self.channels.get(&id)).map(|c| c.overwrites.as_slice());
        for overwrite in overwrites {
            let old = known.unwrap_or_default().iter().find(|old| old.id == overwrite.id);
            if old == Some(overwrite) {
                continue;
            }
            let (allowed, denied) = old.map(|old| (old.allow, old.deny)).unwrap_or_default();
            let fresh = (overwrite.allow & !allowed) | (overwrite.deny & !denied);
            self.require_own(guild, channel, actor, fresh)?;
            let administrator = self.guild_permissions(guild, actor).contains(Permissions::ADMINISTRATOR);
            if fresh.contains(Permissions::MANAGE_ROLES) && !administrator {
                return Err(ApiError::missing_permissions());
            }
        }
        Ok(())
    }

    pub(crate) fn put_overwrite(
        &mut self,
        channel: ChannelId,
        overwrite: Overwrite,
        by: By<'_>,
    ) -> Result<(), ApiError> {
        let Some(guild) = self.channel(channel)?.guild else { return Err(ApiError::not_in_dm()) };
        self.require(channel, by.user, Permissions::MANAGE_ROLES)?;
        if self.channel(channel)?.thread.is_some() {
            return Err(ApiError::wrong_channel_type());
        }
        let known = if overwrite.member {
            self.users.contains_key(&UserId(overwrite.id))
        } else {
            self.guild(guild)?.roles.contains_key(&RoleId(overwrite.id))
        };
        if !known {
            return Err(ApiError::unknown_overwrite());
        }
        self.check_overwrites(guild, Some(channel), &[overwrite], by.user)?;
        let overwrites = &mut self.channel_mut(channel)?.overwrites;
        let old = overwrites.iter().position(|known| known.id == overwrite.id);
        match old {
            Some(index) => overwrites[index] = overwrite,
            None => overwrites.push(overwrite),
        }
        self.channel_event("CHANNEL_UPDATE", channel);
        let what = if old.is_some() { action::OVERWRITE_UPDATE } else { action::OVERWRITE_CREATE };
        let entry = Entry::new(what, by, channel.0)
            .change("allow", None, Some(json!(overwrite.allow.0.to_string())))
            .change("deny", None, Some(json!(overwrite.deny.0.to_string())));
        self.audit(guild, about(entry, overwrite));
        Ok(())
    }

    pub(crate) fn delete_overwrite(
        &mut self,
        channel: ChannelId,
        target: u64,
        by: By<'_>,
    ) -> Result<(), ApiError> {
        let Some(guild) = self.channel(channel)?.guild else { return Err(ApiError::not_in_dm()) };
        self.require(channel, by.user, Permissions::MANAGE_ROLES)?;
        let overwrites = &mut self.channel_mut(channel)?.overwrites;
        let Some(index) = overwrites.iter().position(|known| known.id == target) else {
            return Err(ApiError::unknown_overwrite());
        };
        let gone = overwrites.remove(index);
        self.channel_event("CHANNEL_UPDATE", channel);
        self.audit(guild, about(Entry::new(action::OVERWRITE_DELETE, by, channel.0), gone));
        Ok(())
    }
}

fn about(entry: Entry, overwrite: Overwrite) -> Entry {
    entry.option("id", overwrite.id).option("type", i32::from(overwrite.member))
}
