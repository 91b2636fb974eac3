//! Channels and threads: made, changed, gone.

use guildhall_core::guild::GuildEvent;
use serde_json::Result;

use crate::{DiscordGuilds, cache::channel_of, wire};

fn served<'a>(guilds: &DiscordGuilds, payload: &'a str) -> Result<Option<(u64, wire::Channel<'a>)>> {
    let told: wire::Channel<'_> = serde_json::from_str(payload)?;
    let guild = told.guild_id.map(|guild| guild.0).filter(|guild| guilds.tenants.serves(*guild));
    Ok(guild.map(|guild| (guild, told)))
}

pub(super) fn created(guilds: &DiscordGuilds, payload: &str) -> Result<()> {
    let Some((guild, told)) = served(guilds, payload)? else { return Ok(()) };
    guilds.cache.change(guild, |known| known.channels.put(&told));
    if guilds.listeners.want("channel_created") {
        guilds.tell(guild, GuildEvent::ChannelCreated(channel_of(&told)));
    }
    Ok(())
}

/// Discord also tells of an old thread that the bot was added to.
pub(super) fn thread_created(guilds: &DiscordGuilds, payload: &str) -> Result<()> {
    let Some((guild, told)) = served(guilds, payload)? else { return Ok(()) };
    guilds.cache.change(guild, |known| known.channels.put(&told));
    if told.newly_created == Some(true) && guilds.listeners.want("channel_created") {
        guilds.tell(guild, GuildEvent::ChannelCreated(channel_of(&told)));
    }
    Ok(())
}

/// Only what people see of a channel counts: its place in the list does not.
pub(super) fn changed(guilds: &DiscordGuilds, payload: &str) -> Result<()> {
    let Some((guild, told)) = served(guilds, payload)? else { return Ok(()) };
    let archived = told.thread_metadata.as_ref().is_some_and(|thread| thread.archived);
    let before = guilds.cache.change(guild, |known| {
        // Discord bounds the active threads of a guild, not the archived ones.
        if archived { known.channels.remove(told.id.0) } else { known.channels.put(&told) }
    });
    if guilds.listeners.want("channel_changed") {
        let (before, after) = (before.flatten(), channel_of(&told));
        if before.as_ref() != Some(&after) {
            guilds.tell(guild, GuildEvent::ChannelChanged { before, after });
        }
    }
    Ok(())
}

pub(super) fn deleted(guilds: &DiscordGuilds, payload: &str) -> Result<()> {
    let Some((guild, told)) = served(guilds, payload)? else { return Ok(()) };
    let before = guilds.cache.change(guild, |known| {
        known.channels.forget_threads(Some(&[told.id]));
        known.channels.remove(told.id.0)
    });
    if guilds.listeners.want("channel_deleted") {
        let before = before.flatten().unwrap_or_else(|| channel_of(&told));
        guilds.tell(guild, GuildEvent::ChannelDeleted(before));
    }
    Ok(())
}

/// The bot may see more channels than before; these are all active threads of them.
pub(super) fn threads(guilds: &DiscordGuilds, payload: &str) -> Result<()> {
    let told: wire::Threads<'_> = serde_json::from_str(payload)?;
    if guilds.tenants.serves(told.guild_id.0) {
        guilds.cache.change(told.guild_id.0, |known| {
            known.channels.forget_threads(told.channel_ids.as_deref());
            for thread in &told.threads {
                known.channels.put(thread);
            }
        });
    }
    Ok(())
}
