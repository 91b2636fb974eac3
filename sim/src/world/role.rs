//! Roles: made, changed, moved and deleted, with the events of each.

use serde_json::{Value, json};

use super::World;
use super::audit::{Entry, action};
use super::rights::By;
use crate::gateway::event::{Event, intent};
use crate::id::{GuildId, RoleId, UserId};
use crate::permission::Permissions;
use crate::rest::error::ApiError;

/// Roles a guild may have.
const MOST: usize = 250;

#[derive(Clone, Debug)]
pub(crate) struct Role {
    pub(crate) id: RoleId,
    pub(crate) name: String,
    pub(crate) permissions: Permissions,
    pub(crate) position: i64,
    pub(crate) color: i64,
    pub(crate) hoist: bool,
    pub(crate) mentionable: bool,
    /// The bot this role came with; such a role is managed and cannot be given away.
    pub(crate) bot: Option<UserId>,
}

impl Role {
    pub(crate) fn new(id: RoleId, name: &str, permissions: Permissions, position: i64) -> Self {
        Self {
            id,
            name: name.into(),
            permissions,
            position,
            color: 0,
            hoist: false,
            mentionable: false,
            bot: None,
        }
    }

    pub(crate) fn json(&self) -> Value {
        let mut role = json!({
            "id": self.id, "name": self.name, "permissions": self.permissions.0.to_string(),
            "position": self.position, "color": self.color,
            "colors": {"primary_color": self.color, "secondary_color": null, "tertiary_color": null},
            "hoist": self.hoist, "managed": self.bot.is_some(), "mentionable": self.mentionable,
            "icon": null, "unicode_emoji": null, "flags": 0,
        });
        if let Some(bot) = self.bot {
            role["tags"] = json!({"bot_id": bot});
        }
        role
    }
}

impl World {
    pub(crate) fn role(&self, guild: GuildId, id: RoleId) -> Result<&Role, ApiError> {
        self.guild(guild)?.roles.get(&id).ok_or_else(ApiError::unknown_role)
    }

    fn role_event(&mut self, name: &'static str, guild: GuildId, id: RoleId) {
        let Ok(role) = self.role(guild, id) else { return };
        let data = json!({"guild_id": guild, "role": role.json()});
        self.emit(&Event::in_guild(name, guild, intent::GUILDS, data));
    }

    pub(crate) fn add_role(
        &mut self,
        guild: GuildId,
        name: &str,
        permissions: Permissions,
        bot: Option<UserId>,
    ) -> Option<RoleId> {
        let id = RoleId(self.next_id());
        let known = self.guilds.get_mut(&guild)?;
        let top = known.roles.values().map(|role| role.position).max().unwrap_or(0);
        // The roles of bots stay on top, so that a bot may act on the people of a guild whatever is made first.
        let lowest_bot =
            known.roles.values().filter(|role| role.bot.is_some()).map(|role| role.position).min();
        let position = match (bot, lowest_bot) {
            (None, Some(position)) => position,
            _ => top + 1,
        };
        let above: Vec<RoleId> =
            known.roles.values().filter(|role| role.position >= position).map(|role| role.id).collect();
        for role in known.roles.values_mut().filter(|role| role.position >= position) {
            role.position += 1;
        }
        known.roles.insert(id, Role { bot, ..Role::new(id, name, permissions, position) });
        self.role_event("GUILD_ROLE_CREATE", guild, id);
        for role in above {
            self.role_event("GUILD_ROLE_UPDATE", guild, role);
        }
        Some(id)
    }

    /// A role as an application or a person makes it: at the bottom, just above `@everyone`.
    pub(crate) fn create_role(&mut self, guild: GuildId, role: Role, by: By<'_>) -> Result<Role, ApiError> {
        self.require_guild(guild, by.user, Permissions::MANAGE_ROLES)?;
        self.require_own(guild, None, by.user, role.permissions)?;
        let known = self.guild_mut(guild)?;
        if known.roles.len() >= MOST {
            return Err(ApiError::too_many_roles());
        }
        known.roles.insert(role.id, role.clone());
        self.role_event("GUILD_ROLE_CREATE", guild, role.id);
        let entry =
            Entry::new(action::ROLE_CREATE, by, role.id.0).change("name", None, Some(json!(role.name)));
        self.audit(guild, entry);
        Ok(role)
    }

    pub(crate) fn change_role(&mut self, guild: GuildId, role: Role, by: By<'_>) -> Result<Role, ApiError> {
        self.require_guild(guild, by.user, Permissions::MANAGE_ROLES)?;
        self.require_above_role(guild, by.user, role.id)?;
        let before = self.role(guild, role.id)?.clone();
        self.require_own(guild, None, by.user, role.permissions & !before.permissions)?;
        self.guild_mut(guild)?.roles.insert(role.id, role.clone());
        self.role_event("GUILD_ROLE_UPDATE", guild, role.id);
        let mut entry = Entry::new(action::ROLE_UPDATE, by, role.id.0);
        let (old, new) = (before.json(), role.json());
        for key in ["name", "permissions", "color", "hoist", "mentionable"] {
            if old[key] != new[key] {
                entry = entry.change(key, Some(old[key].clone()), Some(new[key].clone()));
            }
        }
        self.audit(guild, entry);
        Ok(role)
    }

    pub(crate) fn delete_role(&mut self, guild: GuildId, id: RoleId, by: By<'_>) -> Result<(), ApiError> {
        self.require_guild(guild, by.user, Permissions::MANAGE_ROLES)?;
        let known = self.role(guild, id)?.clone();
        if known.bot.is_some() || id.0 == guild.0 {
            return Err(ApiError::invalid_role());
        }
        self.require_above_role(guild, by.user, id)?;
        self.remove_role(guild, id);
        let entry = Entry::new(action::ROLE_DELETE, by, id.0).change("name", Some(json!(known.name)), None);
        self.audit(guild, entry);
        Ok(())
    }

    /// Takes the role out of the guild, of its members and of its channels.
    pub(crate) fn remove_role(&mut self, guild: GuildId, id: RoleId) {
        let Some(known) = self.guilds.get_mut(&guild) else { return };
        known.roles.remove(&id);
        for member in known.members.values_mut() {
            member.roles.retain(|role| *role != id);
        }
        for channel in known.channels.clone() {
            if let Some(channel) = self.channels.get_mut(&channel) {
                channel.overwrites.retain(|overwrite| overwrite.member || overwrite.id != id.0);
            }
        }
        let data = json!({"guild_id": guild, "role_id": id});
        self.emit(&Event::in_guild("GUILD_ROLE_DELETE", guild, intent::GUILDS, data));
    }

    /// Puts roles at positions; the others keep their order around them. Everybody moves only what is below them, and
    /// not above themselves.
    pub(crate) fn move_roles(
        &mut self,
        guild: GuildId,
        moves: &[(RoleId, i64)],
        by: By<'_>,
    ) -> Result<(), ApiError> {
        self.require_guild(guild, by.user, Permissions::MANAGE_ROLES)?;
        for (id, _) in moves {
            if id.0 == guild.0 {
                return Err(ApiError::invalid_role());
            }
            self.require_above_role(guild, by.user, *id)?;
        }
        let before: Vec<(RoleId, i64)> =
            self.guild(guild)?.roles.values().map(|role| (role.id, role.position)).collect();
        self.place_roles(guild, moves);
        let too_high = moves.iter().any(|(id, _)| self.require_above_role(guild, by.user, *id).is_err());
        let changed: Vec<RoleId> = before
            .iter()
            .filter(|(id, position)| self.role(guild, *id).is_ok_and(|role| role.position != *position))
            .map(|(id, _)| *id)
            .collect();
        if too_high {
            let known = self.guild_mut(guild)?;
            for (id, position) in before {
                if let Some(role) = known.roles.get_mut(&id) {
                    role.position = position;
                }
            }
            return Err(ApiError::missing_permissions());
        }
        for id in changed {
            self.role_event("GUILD_ROLE_UPDATE", guild, id);
        }
        for (id, _) in moves {
            self.audit(guild, Entry::new(action::ROLE_UPDATE, by, id.0));
        }
        Ok(())
    }

    /// Orders the roles anew: the moved ones at the places asked for, 1 being the lowest below which only
    /// `@everyone` lies.
    pub(crate) fn place_roles(&mut self, guild: GuildId, moves: &[(RoleId, i64)]) {
        let Some(known) = self.guilds.get_mut(&guild) else { return };
        let mut order: Vec<&Role> = known.roles.values().filter(|role| role.id.0 != guild.0).collect();
        order.sort_by_key(|role| super::rights::height(role));
        let mut order: Vec<RoleId> =
            order.into_iter().map(|role| role.id).filter(|id| moves.iter().all(|(m, _)| m != id)).collect();
        let mut moves = moves.to_vec();
        moves.sort_by_key(|(_, position)| *position);
        for (id, position) in moves {
            let place = usize::try_from(position.saturating_sub(1)).unwrap_or(0).min(order.len());
            if known.roles.contains_key(&id) {
                order.insert(place, id);
            }
        }
        for (index, id) in order.into_iter().enumerate() {
            if let Some(role) = known.roles.get_mut(&id) {
                role.position = i64::try_from(index).unwrap_or(i64::MAX - 1) + 1;
            }
        }
    }

    /// A staff member or a test moved a role by hand: events, but no questions.
    pub(crate) fn set_role_position(&mut self, guild: GuildId, id: RoleId, position: i64) {
        self.place_roles(guild, &[(id, position)]);
        let all: Vec<RoleId> =
            self.guilds.get(&guild).map(|g| g.roles.keys().copied().collect()).unwrap_or_default();
        for role in all.into_iter().filter(|role| role.0 != guild.0) {
            self.role_event("GUILD_ROLE_UPDATE", guild, role);
        }
    }
}
