//! What a frame of the gateway changes, and what it says has happened.
//!
//! Frames are read where they come in, so that a guild's events keep their order; nothing here waits.

mod channel;
mod guild;
mod member;
mod message;

use guildhall_core::guild::GuildEvent;
use serde_json::Result;

use crate::{DiscordGuilds, lane::What, meters};

type Taker = fn(&DiscordGuilds, &str) -> Result<()>;

/// What is done with which frame, the most frequent first.
const TAKERS: [(&str, Taker); 27] = [
    ("MESSAGE_CREATE", message::written),
    ("MESSAGE_UPDATE", message::edited),
    ("MESSAGE_DELETE", message::deleted),
    ("MESSAGE_DELETE_BULK", message::deleted),
    ("VOICE_STATE_UPDATE", member::voice),
    ("GUILD_MEMBER_UPDATE", member::changed),
    ("GUILD_MEMBER_ADD", member::joined),
    ("GUILD_MEMBER_REMOVE", member::left),
    ("GUILD_BAN_ADD", member::banned),
    ("GUILD_BAN_REMOVE", member::unbanned),
    ("GUILD_AUDIT_LOG_ENTRY_CREATE", guild::audited),
    ("CHANNEL_CREATE", channel::created),
    ("CHANNEL_UPDATE", channel::changed),
    ("CHANNEL_DELETE", channel::deleted),
    ("THREAD_CREATE", channel::thread_created),
    ("THREAD_UPDATE", channel::changed),
    ("THREAD_DELETE", channel::deleted),
    ("THREAD_LIST_SYNC", channel::threads),
    ("GUILD_ROLE_CREATE", guild::role_created),
    ("GUILD_ROLE_UPDATE", guild::role_changed),
    ("GUILD_ROLE_DELETE", guild::role_deleted),
    ("INVITE_CREATE", guild::invite_created),
    ("INVITE_DELETE", guild::invite_deleted),
    ("GUILD_CREATE", guild::created),
    ("GUILD_UPDATE", guild::changed),
    ("GUILD_DELETE", guild::deleted),
    ("READY", guild::ready),
];

/// Takes one frame.
pub(crate) fn take(guilds: &DiscordGuilds, shard: u32, kind: &str, payload: &str) {
    let Some((name, taker)) = TAKERS.iter().find(|(name, _)| *name == kind) else { return };
    if let Err(error) = taker(guilds, payload) {
        meters::unreadable(name);
        // The text of the error says where it is wrong and never what was written there.
        tracing::warn!(
            shard,
            kind = name,
            line = error.line(),
            column = error.column(),
            "a frame cannot be read"
        );
    }
}

impl DiscordGuilds {
    pub(crate) fn tell(&self, guild: u64, event: GuildEvent) {
        if let Some(tenant) = self.tenants.of_guild(guild) {
            self.listeners.tell(tenant, guild, What::Known(event));
        }
    }
}

#[cfg(test)]
mod tests;
