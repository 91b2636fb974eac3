//! Who may act on whom: nobody on an equal or a higher one, and the bot neither.
//!
//! [`check`] looks before anything happens. The refusals are made here too, so that a refusal that Discord
//! itself makes later is told in the same words.

use super::{Guild, GuildMember, Guilds, UserId, bits};
use crate::{Error, Kind, TenantId};

/// What [`check`] read, for who acts next.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The guild.
    pub guild: Guild,
    /// The bot.
    pub myself: GuildMember,
    /// Who acts, when it is a member.
    pub actor: Option<GuildMember>,
    /// On whom; `None` when they are not in the guild.
    pub target: Option<GuildMember>,
}

/// Whether `actor` may act on `target`, and whether the bot can do it for them.
///
/// `actor` is `None` when a part of Guildhall acts, or somebody who stands outside of the guild's hierarchy.
/// `needs` are the [permission bits](bits) that the bot has to have; with 0 nothing is done on Discord (a
/// warning, a note), and the bot's own standing does not matter.
///
/// # Errors
///
/// `guild_yourself`, `guild_the_bot`, `guild_the_owner`, `guild_not_a_member` (the actor is not in the guild),
/// `guild_not_below_you`, `guild_missing_permission`, `guild_role_too_low`, `guild_no_role`, `guild_administrator`
/// (a timeout), and what [`Guilds`] itself fails with.
pub async fn check(
    guilds: &dyn Guilds,
    tenant: &TenantId,
    actor: Option<UserId>,
    target: UserId,
    needs: u64,
) -> Result<Checked, Error> {
    if actor == Some(target) {
        return Err(Error::new(Kind::User, "guild_yourself", "You cannot do that to yourself.")
            .remedy("Name somebody else."));
    }
    let guild = guilds.guild(tenant).await?;
    let myself = guilds.myself(tenant).await?;
    if target == myself.user {
        return Err(Error::new(Kind::User, "guild_the_bot", "I cannot do that to myself.")
            .remedy("Name somebody else."));
    }
    if target == guild.owner {
        return Err(the_owner());
    }
    let acting = match actor {
        Some(user) => Some(guilds.member(tenant, user).await?.ok_or_else(not_a_member)?),
        None => None,
    };
    let target = guilds.member(tenant, target).await?;
    if let (Some(acting), Some(target)) = (&acting, &target)
        && guild.standing(acting) <= guild.standing(target)
    {
        let message = format!("{} stands as high as you, or higher.", target.name);
        return Err(Error::new(Kind::Permission, "guild_not_below_you", message)
            .remedy("Ask somebody whose highest role is above theirs.")
            .with("name", target.name.clone()));
    }
    if needs != 0 {
        able(&guild, &myself, target.as_ref(), needs)?;
    }
    Ok(Checked { guild, myself, actor: acting, target })
}

/// Whether the bot has these permissions and stands above the target.
///
/// # Errors
///
/// `guild_missing_permission`, `guild_role_too_low`, `guild_no_role`, `guild_the_owner`, `guild_administrator`.
pub fn able(
    guild: &Guild,
    myself: &GuildMember,
    target: Option<&GuildMember>,
    needs: u64,
) -> Result<(), Error> {
    let missing = needs & !guild.permissions(myself);
    if missing != 0 {
        return Err(missing_permission(missing));
    }
    let Some(target) = target else { return Ok(()) };
    if guild.standing(myself) <= guild.standing(target) {
        return Err(match guild.highest_role(target) {
            _ if target.user == guild.owner => the_owner(),
            Some(role) => role_too_low(&role.name),
            None => no_role(),
        });
    }
    if needs & bits::MODERATE_MEMBERS != 0 && guild.permissions(target) & bits::ADMINISTRATOR != 0 {
        return Err(administrator(&target.name));
    }
    Ok(())
}

/// The bot lacks permissions. They are named as Discord's own settings name them, the first one in the
/// reader's language.
pub fn missing_permission(missing: u64) -> Error {
    let mut names = permission_names(missing);
    let shown = names.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", ");
    let message = format!("I lack the permission “{shown}”.");
    let word = if names.len() == 1 { names.remove(0).0.to_owned() } else { shown.clone() };
    Error::new(Kind::Permission, "guild_missing_permission", message)
        .remedy(format!(
            "Give it to my role in Server Settings → Roles, and see that the channel does not take it away: {shown}."
        ))
        .with("permission", word)
}

/// The bot's highest role is not above this role: one to be given, or the highest of somebody.
pub fn role_too_low(name: &str) -> Error {
    let message = format!("My highest role is not above the role “{name}”.");
    Error::new(Kind::Permission, "guild_role_too_low", message)
        .remedy(format!("Drag my role above “{name}” in Server Settings → Roles."))
        .with("name", name)
}

/// The bot has no role, so it stands above nobody.
fn no_role() -> Error {
    let message = "I have no role in this Discord server, so I stand above nobody there.";
    Error::new(Kind::Permission, "guild_no_role", message)
        .remedy("Make a role for me in Server Settings → Roles, and give it to me.")
}

/// Discord lets nobody put an administrator in timeout.
pub fn administrator(name: &str) -> Error {
    let message = format!("{name} is an administrator, and Discord puts no administrator in timeout.");
    Error::new(Kind::Permission, "guild_administrator", message)
        .remedy("Take the administrator role away first.")
        .with("name", name)
}

/// Nobody acts on the owner of a server.
pub fn the_owner() -> Error {
    let message = "Nobody can do that to the owner of the server.";
    Error::new(Kind::Permission, "guild_the_owner", message).remedy("Name somebody else.")
}

fn not_a_member() -> Error {
    let message = "You are not in this Discord server, so you stand above nobody there.";
    Error::new(Kind::Permission, "guild_not_a_member", message).remedy("Join the server first.")
}

/// What permissions are called: words for programs, and names as in Discord's settings.
pub fn permission_names(missing: u64) -> Vec<(&'static str, &'static str)> {
    const NAMES: [(u64, &str, &str); 20] = [
        (bits::KICK_MEMBERS, "kick_members", "Kick Members"),
        (bits::BAN_MEMBERS, "ban_members", "Ban Members"),
        (bits::ADMINISTRATOR, "administrator", "Administrator"),
        (bits::MANAGE_CHANNELS, "manage_channels", "Manage Channels"),
        (bits::MANAGE_GUILD, "manage_server", "Manage Server"),
        (bits::ADD_REACTIONS, "add_reactions", "Add Reactions"),
        (bits::VIEW_AUDIT_LOG, "view_audit_log", "View Audit Log"),
        (bits::VIEW_CHANNEL, "view_channels", "View Channels"),
        (bits::SEND_MESSAGES, "send_messages", "Send Messages"),
        (bits::MANAGE_MESSAGES, "manage_messages", "Manage Messages"),
        (bits::READ_MESSAGE_HISTORY, "read_message_history", "Read Message History"),
        (bits::CONNECT, "connect", "Connect"),
        (bits::SPEAK, "speak", "Speak"),
        (bits::MANAGE_NICKNAMES, "manage_nicknames", "Manage Nicknames"),
        (bits::MANAGE_ROLES, "manage_roles", "Manage Roles"),
        (bits::MANAGE_THREADS, "manage_threads", "Manage Threads"),
        (bits::CREATE_PUBLIC_THREADS, "create_public_threads", "Create Public Threads"),
        (bits::CREATE_PRIVATE_THREADS, "create_private_threads", "Create Private Threads"),
        (bits::SEND_MESSAGES_IN_THREADS, "send_messages_in_threads", "Send Messages in Threads"),
        (bits::MODERATE_MEMBERS, "timeout_members", "Timeout Members"),
    ];
    let known = NAMES.iter().filter(|(bit, ..)| missing & bit != 0).map(|(_, word, name)| (*word, *name));
    let mut names: Vec<_> = known.collect();
    if names.is_empty() {
        names.push(("administrator", "Administrator"));
    }
    names
}

#[cfg(test)]
mod tests;
