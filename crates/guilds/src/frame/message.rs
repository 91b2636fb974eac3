//! Messages: written, edited, deleted.

use guildhall_core::guild::{ChannelId, GuildEvent, MessageId};
use serde_json::Result;

use crate::{
    DiscordGuilds,
    cache::{KnownMember, message_of},
    wire,
};

pub(super) fn written(guilds: &DiscordGuilds, payload: &str) -> Result<()> {
    let wanted = guilds.listeners.want("message_written");
    // With a prefix somebody is likely to act on who writes, or to be asked who they are.
    let remember = guilds.wants_messages() && guilds.hears_members();
    if !wanted && !remember && !guilds.cache.keeps_any() {
        return Ok(());
    }
    let told: wire::Message<'_> = serde_json::from_str(payload)?;
    let Some(guild) = told.guild_id.map(|guild| guild.0).filter(|guild| guilds.tenants.serves(*guild)) else {
        return Ok(());
    };
    if remember && let (Some(author), Some(member)) = (&told.author, &told.member) {
        guilds.cache.change(guild, |known| {
            if !known.members.has(author.id.0) {
                known.members.put(KnownMember::told(author, member));
            }
        });
    }
    let keeps = guilds.cache.keeps(guild);
    if (keeps || wanted)
        && let Some(message) = message_of(&told)
    {
        if keeps {
            guilds.cache.change(guild, |known| known.messages.put(&message));
        }
        if wanted {
            guilds.tell(guild, GuildEvent::MessageWritten(message));
        }
    }
    Ok(())
}

/// Discord also tells of an "edit" when it adds a preview of a link or when a message is pinned. It is one
/// for people only when the text is another.
pub(super) fn edited(guilds: &DiscordGuilds, payload: &str) -> Result<()> {
    let wanted = guilds.listeners.want("message_edited");
    if !wanted && !guilds.cache.keeps_any() {
        return Ok(());
    }
    let told: wire::Message<'_> = serde_json::from_str(payload)?;
    let (Some(guild), Some(content)) = (told.guild_id.map(|guild| guild.0), &told.content) else {
        return Ok(());
    };
    if !guilds.tenants.serves(guild) {
        return Ok(());
    }
    let before = guilds.cache.look(guild, |known| known.messages.get(told.id.0)).flatten();
    let after = match (message_of(&told), &before) {
        (Some(after), _) => after,
        (None, Some(before)) => {
            let mut after = before.clone();
            after.content = content.owned();
            after
        }
        (None, None) => return Ok(()),
    };
    let another = match &before {
        Some(before) => before.content != after.content,
        None => told.edited_timestamp.is_some(),
    };
    if guilds.cache.keeps(guild) {
        guilds.cache.change(guild, |known| known.messages.put(&after));
    }
    if wanted && another {
        let before = before.map(|before| before.content);
        guilds.tell(guild, GuildEvent::MessageEdited { before, after });
    }
    Ok(())
}

pub(super) fn deleted(guilds: &DiscordGuilds, payload: &str) -> Result<()> {
    let wanted = guilds.listeners.want("messages_deleted");
    if !wanted && !guilds.cache.keeps_any() {
        return Ok(());
    }
    let told: wire::Deleted = serde_json::from_str(payload)?;
    let Some(guild) = told.guild_id.map(|guild| guild.0).filter(|guild| guilds.tenants.serves(*guild)) else {
        return Ok(());
    };
    let messages: Vec<MessageId> = told.id.iter().chain(&told.ids).map(|id| MessageId(id.0)).collect();
    let forget = |known: &mut crate::cache::KnownGuild| -> Vec<_> {
        messages.iter().filter_map(|message| known.messages.remove(message.0)).collect()
    };
    let known = guilds.cache.change(guild, forget).unwrap_or_default();
    if wanted && !messages.is_empty() {
        let channel = ChannelId(told.channel_id.0);
        guilds.tell(guild, GuildEvent::MessagesDeleted { channel, messages, known });
    }
    Ok(())
}
