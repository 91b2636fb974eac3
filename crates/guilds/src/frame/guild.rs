//! The session's begin, guilds that come and go, their roles, their invites and their audit log.

use std::collections::HashSet;

use guildhall_core::guild::{GuildEvent, RoleId, UserId, made_at};
use serde_json::Result;

use crate::{
    DiscordGuilds,
    cache::{KnownGuild, role_of},
    wire,
};

/// A new session: Discord tells every guild of the shard again, and what was known before may have changed
/// while nobody listened.
pub(super) fn ready(guilds: &DiscordGuilds, payload: &str) -> Result<()> {
    let told: wire::Ready<'_> = serde_json::from_str(payload)?;
    guilds.is_me(told.user.id.0);
    let listed: HashSet<u64> = told.guilds.iter().map(|guild| guild.id.0).collect();
    for guild in listed.iter().filter(|guild| guilds.tenants.serves(**guild)) {
        guilds.cache.await_guild(*guild);
    }
    // Which guilds would have to be here (<https://discord.com/developers/docs/events/gateway#sharding>).
    let Some((number, total)) = told.shard.filter(|(_, total)| *total > 0) else { return Ok(()) };
    let expected: HashSet<u64> = guilds.cache.ids().into_iter().chain(guilds.tenants.named()).collect();
    for guild in expected.into_iter().filter(|guild| (guild >> 22) % total == number) {
        if !listed.contains(&guild) {
            gone(guilds, guild);
        }
    }
    Ok(())
}

pub(super) fn created(guilds: &DiscordGuilds, payload: &str) -> Result<()> {
    let told: wire::Guild<'_> = serde_json::from_str(payload)?;
    let guild = told.id.0;
    if !guilds.tenants.serves(guild) {
        return Ok(());
    }
    if told.unavailable {
        guilds.cache.await_guild(guild);
        return Ok(());
    }
    guilds.cache.put(KnownGuild::told(&told, guilds.me()));
    if guilds.listeners.want("member_joined") {
        guilds.invites.learn(guild);
    }
    guilds.tell(guild, GuildEvent::Available);
    Ok(())
}

pub(super) fn changed(guilds: &DiscordGuilds, payload: &str) -> Result<()> {
    let told: wire::Guild<'_> = serde_json::from_str(payload)?;
    guilds.cache.change(told.id.0, |known| known.renamed(&told));
    Ok(())
}

/// An outage of Discord's takes a guild away for a while; only without that word the bot was removed
/// (<https://discord.com/developers/docs/events/gateway-events#guild-delete>).
pub(super) fn deleted(guilds: &DiscordGuilds, payload: &str) -> Result<()> {
    let told: wire::Guild<'_> = serde_json::from_str(payload)?;
    if !guilds.tenants.serves(told.id.0) {
        return Ok(());
    }
    if told.unavailable {
        guilds.cache.await_guild(told.id.0);
    } else {
        gone(guilds, told.id.0);
    }
    Ok(())
}

fn gone(guilds: &DiscordGuilds, guild: u64) {
    guilds.invites.forget(guild);
    if guilds.cache.remove(guild) {
        guilds.tell(guild, GuildEvent::Removed);
    }
}

pub(super) fn role_created(guilds: &DiscordGuilds, payload: &str) -> Result<()> {
    let told: wire::RoleOf<'_> = serde_json::from_str(payload)?;
    guilds.cache.change(told.guild_id.0, |known| known.roles.put(&told.role));
    if guilds.listeners.want("role_created") {
        guilds.tell(told.guild_id.0, GuildEvent::RoleCreated(role_of(&told.role)));
    }
    Ok(())
}

pub(super) fn role_changed(guilds: &DiscordGuilds, payload: &str) -> Result<()> {
    let told: wire::RoleOf<'_> = serde_json::from_str(payload)?;
    let before = guilds.cache.change(told.guild_id.0, |known| known.roles.put(&told.role)).flatten();
    if guilds.listeners.want("role_changed") {
        let after = role_of(&told.role);
        if before.as_ref() != Some(&after) {
            guilds.tell(told.guild_id.0, GuildEvent::RoleChanged { before, after });
        }
    }
    Ok(())
}

pub(super) fn role_deleted(guilds: &DiscordGuilds, payload: &str) -> Result<()> {
    let told: wire::RoleGone = serde_json::from_str(payload)?;
    let before = guilds.cache.change(told.guild_id.0, |known| {
        known.changes += 1;
        known.members.strip(told.role_id.0);
        known.roles.remove(told.role_id.0)
    });
    if guilds.listeners.want("role_deleted") {
        let (role, before) = (RoleId(told.role_id.0), before.flatten());
        guilds.tell(told.guild_id.0, GuildEvent::RoleDeleted { role, before });
    }
    Ok(())
}

pub(super) fn invite_created(guilds: &DiscordGuilds, payload: &str) -> Result<()> {
    let told: wire::Invite<'_> = serde_json::from_str(payload)?;
    if let Some(guild) = told.guild_id.filter(|guild| guilds.tenants.serves(guild.0)) {
        guilds.invites.created(guild.0, &told);
    }
    Ok(())
}

pub(super) fn invite_deleted(guilds: &DiscordGuilds, payload: &str) -> Result<()> {
    let told: wire::Invite<'_> = serde_json::from_str(payload)?;
    if let Some(guild) = told.guild_id {
        guilds.invites.deleted(guild.0, &told.code.0, guilds.clock.now());
    }
    Ok(())
}

pub(super) fn audited(guilds: &DiscordGuilds, payload: &str) -> Result<()> {
    if !guilds.listeners.want("audited") {
        return Ok(());
    }
    let told: wire::Audit<'_> = serde_json::from_str(payload)?;
    let event = GuildEvent::Audited {
        action: told.action_type,
        by: told.user_id.map(|user| UserId(user.0)),
        target: told.target_id.as_ref().and_then(|target| target.0.parse().ok()),
        reason: told.reason.as_ref().map(wire::Text::owned),
        at: made_at(told.id.0),
    };
    guilds.tell(told.guild_id.0, event);
    Ok(())
}
