//! Who may use a command by the rules that a guild's staff set in the integration settings, over what the command asks
//! for by default.

use crate::id::{ChannelId, UserId};
use crate::permission::Permissions;
use crate::world::World;
use crate::world::application::Command;
use crate::world::guild::CommandRule;

const ROLE: u8 = 1;
const USER: u8 = 2;
const CHANNEL: u8 = 3;

/// What the rules say; none where they say nothing and the command's own default counts. A command's own rules hide
/// those of its application. Administrators are never shut out.
pub(super) fn allowed(world: &World, command: &Command, channel: ChannelId, user: UserId) -> Option<bool> {
    let place = world.channels.get(&channel)?;
    let guild_id = place.guild?;
    let guild = world.guilds.get(&guild_id)?;
    let rules = guild
        .command_rules
        .get(&command.id.0)
        .or_else(|| guild.command_rules.get(&command.application.0))
        .filter(|rules| !rules.is_empty())?;
    if world.guild_permissions(guild_id, user).contains(Permissions::ADMINISTRATOR) {
        return Some(true);
    }
    let rule = |kind: u8, id: u64| -> Option<bool> {
        let found: Option<&CommandRule> = rules.iter().find(|rule| rule.kind == kind && rule.id == id);
        found.map(|rule| rule.allowed)
    };
    // A thread follows its channel; the guild's number less one stands for all channels.
    let asked = place.parent.filter(|_| place.thread.is_some()).unwrap_or(channel);
    let here = rule(CHANNEL, asked.0).or_else(|| rule(CHANNEL, guild_id.0 - 1));
    if here == Some(false) {
        return Some(false);
    }
    if let Some(own) = rule(USER, user.0) {
        return Some(own);
    }
    let roles = guild.members.get(&user).map(|member| member.roles.as_slice()).unwrap_or_default();
    let of_roles: Vec<bool> = roles.iter().filter_map(|role| rule(ROLE, role.0)).collect();
    if !of_roles.is_empty() {
        return Some(of_roles.contains(&true));
    }
    // The number of the guild stands for everybody.
    rule(ROLE, guild_id.0)
}
