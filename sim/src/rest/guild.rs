//! Guilds: the guild itself, its channels, its roles, its active threads.

use serde_json::{Value, json};

use super::error::ApiError;
use super::{Answer, Call, Outcome, Visit, channel as channel_route, id, thread};
use crate::gateway::event::{Event, intent};
use crate::id::{ChannelId, GuildId, RoleId};
use crate::permission::Permissions;
use crate::validate::{Form, Object, object_of};
use crate::world::channel::{Channel, kind};
use crate::world::guild::Role;

pub(crate) fn route(visit: &mut Visit<'_>, call: &Call, guild: &str, rest: &[&str]) -> Outcome {
    let guild: GuildId = id("guild_id", guild)?;
    let bot = visit.caller.bot;
    visit.world.require_guild(guild, bot, Permissions::NONE)?;
    match (call.method.as_str(), rest) {
        ("GET", []) => {
            let known = visit.world.guild(guild)?;
            let mut json = known.json();
            if call.flag("with_counts") {
                json["approximate_member_count"] = json!(known.members.len());
                json["approximate_presence_count"] = json!(known.members.len());
            }
            Ok(Answer::ok(json))
        }
        ("GET", ["channels"]) => {
            let channels = visit.world.channels.values();
            let own = channels.filter(|channel| channel.guild == Some(guild) && channel.thread.is_none());
            Ok(Answer::ok(own.map(Channel::json).collect()))
        }
        ("POST", ["channels"]) => create_channel(visit, call, guild),
        ("GET", ["threads", "active"]) => {
            let active = visit.world.channels.values().filter(|channel| {
                channel.guild == Some(guild)
                    && channel.thread.as_ref().is_some_and(|thread| !thread.archived)
                    && visit.world.can_see(channel.id, bot)
            });
            let active: Vec<ChannelId> = active.map(|channel| channel.id).collect();
            Ok(Answer::ok(thread::list(visit, active.into_iter(), None)))
        }
        ("GET", ["roles"]) => {
            Ok(Answer::ok(visit.world.guild(guild)?.roles.values().map(Role::json).collect()))
        }
        ("POST", ["roles"]) => create_role(visit, call, guild),
        (method, ["roles", role]) => role_route(visit, call, guild, role, method),
        (_, [] | ["channels" | "roles"]) => Err(ApiError::method_not_allowed()),
        _ => Err(ApiError::not_found()),
    }
}

fn create_channel(visit: &mut Visit<'_>, call: &Call, guild: GuildId) -> Outcome {
    visit.world.require_guild(guild, visit.caller.bot, Permissions::MANAGE_CHANNELS)?;
    let form = call.form();
    let body = object_of(&form)?;
    let mut channel = Channel::new(ChannelId(visit.world.next_id()), kind::TEXT, Some(guild), "");
    Form::check(|form| {
        if body.get("name").is_none_or(Value::is_null) {
            form.required("name");
        }
        if let Some(sort) = form.choice(body, "type", &[0, 2, 4, 5, 13, 14, 15]) {
            channel.kind = u8::try_from(sort).unwrap_or(kind::TEXT);
        }
        channel_route::fields(form, body, &mut channel);
    })?;
    channel_route::check_parent(visit, &channel)?;
    if channel.kind == kind::TEXT {
        // Discord writes the names of text channels in lower case with dashes.
        channel.name = channel.name.to_lowercase().split_whitespace().collect::<Vec<_>>().join("-");
    }
    let id = channel.id;
    visit.world.channels.insert(id, channel);
    visit.world.channel_event("CHANNEL_CREATE", id);
    Ok(Answer::created(channel_route::json(visit, id)))
}

fn role_fields(form: &mut Form, body: &Object, role: &mut Role) {
    if let Some(name) = form.text(body, "name", 1..=100) {
        role.name = name;
    }
    if let Some(bits) = form.integer(body, "permissions", 0..=i64::MAX) {
        role.permissions = Permissions(u64::try_from(bits).unwrap_or(0));
    }
    if let Some(color) = form.integer(body, "color", 0..=0xff_ffff) {
        role.color = color;
    }
    if let Some(hoist) = form.boolean(body, "hoist") {
        role.hoist = hoist;
    }
    if let Some(mentionable) = form.boolean(body, "mentionable") {
        role.mentionable = mentionable;
    }
}

fn create_role(visit: &mut Visit<'_>, call: &Call, guild: GuildId) -> Outcome {
    visit.world.require_guild(guild, visit.caller.bot, Permissions::MANAGE_ROLES)?;
    let form = call.form();
    let body = object_of(&form)?;
    let id = RoleId(visit.world.next_id());
    let everyone = visit.world.guild(guild)?.roles.get(&RoleId(guild.0));
    let mut role = Role {
        id,
        name: "new role".into(),
        // Without permissions in the request, the role gets those of @everyone.
        permissions: everyone.map(|role| role.permissions).unwrap_or_default(),
        position: 1,
        color: 0,
        hoist: false,
        mentionable: false,
        bot: None,
    };
    Form::check(|form| role_fields(form, body, &mut role))?;
    let json = role.json();
    visit.world.guild_mut(guild)?.roles.insert(id, role);
    let data = json!({"guild_id": guild, "role": json});
    visit.world.emit(&Event::in_guild("GUILD_ROLE_CREATE", guild, intent::GUILDS, data));
    Ok(Answer::ok(json))
}

fn role_route(visit: &mut Visit<'_>, call: &Call, guild: GuildId, role: &str, method: &str) -> Outcome {
    let id: RoleId = id("role_id", role)?;
    let known = visit.world.guild(guild)?.roles.get(&id).ok_or_else(ApiError::unknown_role)?.clone();
    if method == "GET" {
        return Ok(Answer::ok(known.json()));
    }
    visit.world.require_guild(guild, visit.caller.bot, Permissions::MANAGE_ROLES)?;
    match method {
        "PATCH" => {
            let form = call.form();
            let body = object_of(&form)?;
            let mut changed = known;
            Form::check(|form| role_fields(form, body, &mut changed))?;
            let json = changed.json();
            visit.world.guild_mut(guild)?.roles.insert(id, changed);
            let data = json!({"guild_id": guild, "role": json});
            visit.world.emit(&Event::in_guild("GUILD_ROLE_UPDATE", guild, intent::GUILDS, data));
            Ok(Answer::ok(json))
        }
        "DELETE" => {
            if known.bot.is_some() || id.0 == guild.0 {
                return Err(ApiError::invalid_role());
            }
            let known = visit.world.guild_mut(guild)?;
            known.roles.remove(&id);
            for member in known.members.values_mut() {
                member.roles.retain(|role| *role != id);
            }
            let data = json!({"guild_id": guild, "role_id": id});
            visit.world.emit(&Event::in_guild("GUILD_ROLE_DELETE", guild, intent::GUILDS, data));
            Ok(Answer::nothing())
        }
        _ => Err(ApiError::method_not_allowed()),
    }
}
