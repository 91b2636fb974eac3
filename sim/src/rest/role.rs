//! Roles of a guild: listed, made, changed, moved, deleted, counted.

use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::{Answer, Call, Outcome, Visit, id};
use crate::id::{GuildId, RoleId};
use crate::permission::Permissions;
use crate::validate::{Form, Object, object_of, snowflake};
use crate::world::role::Role;

pub(crate) fn route(visit: &mut Visit<'_>, call: &Call, guild: &str, rest: &[&str]) -> Outcome {
    let guild: GuildId = id("guild_id", guild)?;
    visit.world.require_guild(guild, visit.caller.bot, Permissions::NONE)?;
    match (call.method.as_str(), rest) {
        ("GET", []) => Ok(Answer::ok(list(visit, guild)?)),
        ("POST", []) => create(visit, call, guild),
        ("PATCH", []) => reorder(visit, call, guild),
        ("GET", ["member-counts"]) => {
            let known = visit.world.guild(guild)?;
            let mut counts = Map::new();
            for role in known.roles.keys().filter(|role| role.0 != guild.0) {
                let have = known.members.values().filter(|member| member.roles.contains(role)).count();
                counts.insert(role.to_string(), json!(have));
            }
            Ok(Answer::ok(Value::Object(counts)))
        }
        (method, [role]) => {
            let id: RoleId = id("role_id", role)?;
            let known = visit.world.role(guild, id)?.clone();
            match method {
                "GET" => Ok(Answer::ok(known.json())),
                "PATCH" => {
                    let form = call.form();
                    let body = object_of(&form)?;
                    let mut changed = known;
                    Form::check(|form| fields(form, body, &mut changed))?;
                    Ok(Answer::ok(visit.world.change_role(guild, changed, visit.by(call))?.json()))
                }
                "DELETE" => {
                    visit.world.delete_role(guild, id, visit.by(call))?;
                    Ok(Answer::nothing())
                }
                _ => Err(ApiError::method_not_allowed()),
            }
        }
        (_, []) => Err(ApiError::method_not_allowed()),
        _ => Err(ApiError::not_found()),
    }
}

fn list(visit: &Visit<'_>, guild: GuildId) -> Result<Value, ApiError> {
    Ok(visit.world.guild(guild)?.roles.values().map(Role::json).collect())
}

fn fields(form: &mut Form, body: &Object, role: &mut Role) {
    if let Some(name) = form.text(body, "name", 1..=100) {
        role.name = name;
    }
    if let Some(bits) = form.integer(body, "permissions", 0..=i64::MAX) {
        role.permissions = Permissions(u64::try_from(bits).unwrap_or(0)) & Permissions::ALL;
    }
    if let Some(color) = form.integer(body, "color", 0..=0xff_ffff) {
        role.color = color;
    }
    if let Some(colors) = body.get("colors").filter(|colors| colors.is_object()) {
        form.at("colors", |form| {
            let Some(colors) = form.object(colors) else { return };
            if let Some(color) = form.integer(colors, "primary_color", 0..=0xff_ffff) {
                role.color = color;
            }
        });
    }
    if let Some(hoist) = form.boolean(body, "hoist") {
        role.hoist = hoist;
    }
    if let Some(mentionable) = form.boolean(body, "mentionable") {
        role.mentionable = mentionable;
    }
}

fn create(visit: &mut Visit<'_>, call: &Call, guild: GuildId) -> Outcome {
    visit.world.require_guild(guild, visit.caller.bot, Permissions::MANAGE_ROLES)?;
    let form = call.form();
    let body = object_of(&form)?;
    let id = RoleId(visit.world.next_id());
    // Without permissions in the request, the role gets those of @everyone.
    let everyone = visit.world.role(guild, RoleId(guild.0)).map(|role| role.permissions).unwrap_or_default();
    let own = visit.world.guild_permissions(guild, visit.caller.bot);
    let mut role = Role::new(id, "new role", everyone & own, 1);
    Form::check(|form| fields(form, body, &mut role))?;
    Ok(Answer::ok(visit.world.create_role(guild, role, visit.by(call))?.json()))
}

fn reorder(visit: &mut Visit<'_>, call: &Call, guild: GuildId) -> Outcome {
    let form = call.form();
    let Some(entries) = form.as_array() else {
        return Err(ApiError::form(&[], "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType"));
    };
    let moves = Form::check(|form| {
        let mut moves: Vec<(RoleId, i64)> = Vec::new();
        form.length(entries.len(), 0..=250);
        for (index, entry) in entries.iter().enumerate().take(250) {
            form.at(index, |form| {
                let Some(entry) = form.object(entry) else { return };
                let position = form.integer(entry, "position", 0..=i64::from(i32::MAX));
                match (entry.get("id").and_then(snowflake), position) {
                    (Some(role), Some(position)) => moves.push((role, position)),
                    (None, _) => form.required("id"),
                    // Without a position the role stays where it is.
                    (Some(_), None) => {}
                }
            });
        }
        moves
    })?;
    visit.world.move_roles(guild, &moves, visit.by(call))?;
    Ok(Answer::ok(list(visit, guild)?))
}
