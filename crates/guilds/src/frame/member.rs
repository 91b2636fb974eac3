//! Members: joined, changed, left, banned, unbanned, speaking.

use guildhall_core::guild::{ChannelId, GuildEvent, UserId, Voice};
use serde_json::Result;
use tokio::sync::OnceCell;

use crate::{
    DiscordGuilds,
    cache::{KnownMember, member_of},
    lane::What,
    wire,
};

/// The member of a frame, its person and its guild, when the guild is served.
fn member<'a>(
    guilds: &DiscordGuilds,
    payload: &'a str,
) -> Result<Option<(u64, wire::User<'a>, wire::Member<'a>)>> {
    let which: wire::Which = serde_json::from_str(payload)?;
    let mut member: wire::Member<'_> = serde_json::from_str(payload)?;
    let guild = which.guild_id.map(|guild| guild.0).filter(|guild| guilds.tenants.serves(*guild));
    Ok(guild.zip(member.user.take()).map(|(guild, user)| (guild, user, member)))
}

pub(super) fn joined(guilds: &DiscordGuilds, payload: &str) -> Result<()> {
    let Some((guild, user, member)) = member(guilds, payload)? else { return Ok(()) };
    if guilds.hears_members() {
        guilds.cache.change(guild, |known| {
            known.changes += 1;
            known.members.put(KnownMember::told(&user, &member));
        });
    }
    if guilds.listeners.want("member_joined")
        && let Some(tenant) = guilds.tenants.of_guild(guild)
    {
        let what = What::Joined { member: member_of(&user, &member), told: OnceCell::new() };
        guilds.listeners.tell(tenant, guild, what);
    }
    Ok(())
}

pub(super) fn changed(guilds: &DiscordGuilds, payload: &str) -> Result<()> {
    let Some((guild, user, member)) = member(guilds, payload)? else { return Ok(()) };
    // Of itself the bot hears whatever its intents are.
    let keep = guilds.hears_members() || guilds.me() == Some(user.id.0);
    let before = guilds.cache.change(guild, |known| {
        known.changes += 1;
        if keep { known.members.put(KnownMember::told(&user, &member)) } else { None }
    });
    if guilds.listeners.want("member_changed") {
        let before = before.flatten().map(|before| before.member());
        let after = member_of(&user, &member);
        if before.as_ref() != Some(&after) {
            guilds.tell(guild, GuildEvent::MemberChanged { before, after });
        }
    }
    Ok(())
}

pub(super) fn left(guilds: &DiscordGuilds, payload: &str) -> Result<()> {
    let told: wire::UserOf<'_> = serde_json::from_str(payload)?;
    let guild = told.guild_id.0;
    if !guilds.tenants.serves(guild) {
        return Ok(());
    }
    let before = guilds.cache.change(guild, |known| {
        known.changes += 1;
        known.members.remove(told.user.id.0)
    });
    if guilds.listeners.want("member_left") {
        let before = before.flatten().map(|before| before.member());
        let name = before.as_ref().map_or_else(|| told.user.shown().to_owned(), |before| before.name.clone());
        guilds.tell(guild, GuildEvent::MemberLeft { user: UserId(told.user.id.0), name, before });
    }
    Ok(())
}

pub(super) fn banned(guilds: &DiscordGuilds, payload: &str) -> Result<()> {
    ban(guilds, payload, "banned", |user, name| GuildEvent::Banned { user, name })
}

pub(super) fn unbanned(guilds: &DiscordGuilds, payload: &str) -> Result<()> {
    ban(guilds, payload, "unbanned", |user, name| GuildEvent::Unbanned { user, name })
}

fn ban(
    guilds: &DiscordGuilds,
    payload: &str,
    kind: &str,
    event: impl FnOnce(UserId, String) -> GuildEvent,
) -> Result<()> {
    if guilds.listeners.want(kind) {
        let told: wire::UserOf<'_> = serde_json::from_str(payload)?;
        guilds.tell(told.guild_id.0, event(UserId(told.user.id.0), told.user.shown().to_owned()));
    }
    Ok(())
}

/// Discord tells of muting and cameras in the same way; only another channel is a move.
pub(super) fn voice(guilds: &DiscordGuilds, payload: &str) -> Result<()> {
    let told: wire::VoiceState<'_> = serde_json::from_str(payload)?;
    let Some(guild) = told.guild_id.map(|guild| guild.0).filter(|guild| guilds.tenants.serves(*guild)) else {
        return Ok(());
    };
    let (user, to) = (told.user_id.0, told.channel_id.map(|channel| channel.0));
    let from = guilds.cache.change(guild, |known| known.voice(user, to)).flatten();
    if from != to && guilds.listeners.want("voice_moved") {
        let member = told.member.as_ref();
        let shown = member.and_then(|member| {
            let user = member.user.as_ref()?;
            Some(member.nick.as_ref().map_or(user.shown(), |nick| &nick.0).to_owned())
        });
        let known =
            || guilds.cache.look(guild, |known| known.member(user).map(|member| member.name)).flatten();
        let name = shown.or_else(known).unwrap_or_else(|| user.to_string());
        let to = Voice { user: UserId(user), name, channel: to.map(ChannelId) };
        guilds.tell(guild, GuildEvent::VoiceMoved { from: from.map(ChannelId), to });
    }
    Ok(())
}
