//! Users, guild members, their roles, kicks and bans.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::error::ApiError;
use super::{Answer, Call, Outcome, Visit, channel as channel_route, id};
use crate::gateway::event::{Event, intent};
use crate::id::{GuildId, RoleId, UserId};
use crate::permission::Permissions;
use crate::validate::{Form, object_of, snowflake};

pub(crate) fn users(visit: &mut Visit<'_>, call: &Call, rest: &[&str]) -> Outcome {
    let bot = visit.caller.bot;
    match (call.method.as_str(), rest) {
        ("GET", ["@me"]) => {
            let mut me = visit.world.user_json(bot);
            me["mfa_enabled"] = json!(false);
            me["locale"] = json!("en-US");
            me["verified"] = json!(true);
            me["email"] = Value::Null;
            Ok(Answer::ok(me))
        }
        ("GET", ["@me", "guilds"]) => {
            let guilds = visit.world.guilds.values().filter(|guild| guild.members.contains_key(&bot));
            let render = |guild: &crate::world::guild::Guild| {
                json!({
                    "id": guild.id, "name": guild.name, "icon": null, "banner": null,
                    "owner": guild.owner == bot, "features": [],
                    "permissions": visit.world.guild_permissions(guild.id, bot).0.to_string(),
                })
            };
            Ok(Answer::ok(guilds.map(render).collect()))
        }
        ("DELETE", ["@me", "guilds", guild]) => {
            let guild: GuildId = id("guild_id", guild)?;
            if visit.world.leave(guild, bot) { Ok(Answer::nothing()) } else { Err(ApiError::unknown_guild()) }
        }
        ("POST", ["@me", "channels"]) => {
            let form = call.form();
            let other: Option<UserId> = object_of(&form)?.get("recipient_id").and_then(snowflake);
            let Some(other) = other else {
                return Err(ApiError::form(
                    &["recipient_id"],
                    "BASE_TYPE_REQUIRED",
                    "This field is required",
                ));
            };
            visit.world.user(other)?;
            if other == bot {
                return Err(ApiError::not_in_dm());
            }
            let channel = visit.world.direct_channel(bot, other);
            Ok(Answer::ok(channel_route::json(visit, channel)))
        }
        ("GET", [user]) => {
            let user: UserId = id("user_id", user)?;
            Ok(Answer::ok(visit.world.user(user)?.json()))
        }
        _ => Err(ApiError::not_found()),
    }
}

pub(crate) fn route(visit: &mut Visit<'_>, call: &Call, guild: &str, what: &str, rest: &[&str]) -> Outcome {
    let guild: GuildId = id("guild_id", guild)?;
    let bot = visit.caller.bot;
    visit.world.require_guild(guild, bot, Permissions::NONE)?;
    match (what, call.method.as_str(), rest) {
        ("members", "GET", []) => {
            let (limit, after) = (call.limit(1, 1000)?, call.id::<UserId>("after")?.unwrap_or(UserId(0)));
            let known = visit.world.guild(guild)?;
            let members = known.members.keys().filter(|user| **user > after).take(limit);
            Ok(Answer::ok(members.map(|user| visit.world.member_json(guild, *user)).collect()))
        }
        ("members", "GET", ["search"]) => {
            let limit = call.limit(1, 1000)?;
            let query = call.query.get("query").map(|text| text.to_lowercase()).unwrap_or_default();
            let known = visit.world.guild(guild)?;
            let matches = |user: &&UserId| {
                let nick = known.members.get(user).and_then(|member| member.nick.clone());
                let name = visit.world.users.get(user).map(|user| user.name.clone());
                [nick, name].into_iter().flatten().any(|name| name.to_lowercase().starts_with(&query))
            };
            let members = known.members.keys().filter(matches).take(limit);
            Ok(Answer::ok(members.map(|user| visit.world.member_json(guild, *user)).collect()))
        }
        ("members", method, [user]) => {
            let user = if *user == "@me" { bot } else { id("user_id", user)? };
            visit.world.member(guild, user)?;
            match method {
                "GET" => Ok(Answer::ok(visit.world.member_json(guild, user))),
                "PATCH" => modify(visit, call, guild, user),
                "DELETE" => {
                    visit.world.require_guild(guild, bot, Permissions::KICK_MEMBERS)?;
                    refuse_owner(visit, guild, user)?;
                    visit.world.leave(guild, user);
                    Ok(Answer::nothing())
                }
                _ => Err(ApiError::method_not_allowed()),
            }
        }
        ("members", method @ ("PUT" | "DELETE"), [user, "roles", role]) => {
            give_role(visit, guild, user, role, method == "PUT")
        }
        ("bans", method, rest) => bans(visit, call, guild, method, rest),
        _ => Err(ApiError::not_found()),
    }
}

/// Nobody kicks, bans or times out the owner.
fn refuse_owner(visit: &Visit<'_>, guild: GuildId, user: UserId) -> Result<(), ApiError> {
    let owner = visit.world.guild(guild)?.owner == user;
    if owner { Err(ApiError::missing_permissions()) } else { Ok(()) }
}

fn give_role(visit: &mut Visit<'_>, guild: GuildId, user: &str, role: &str, give: bool) -> Outcome {
    let user: UserId = id("user_id", user)?;
    let role: RoleId = id("role_id", role)?;
    visit.world.require_guild(guild, visit.caller.bot, Permissions::MANAGE_ROLES)?;
    visit.world.member(guild, user)?;
    let known = visit.world.guild_mut(guild)?;
    let managed = known.roles.get(&role).ok_or_else(ApiError::unknown_role)?.bot.is_some();
    if managed || role.0 == guild.0 {
        return Err(ApiError::missing_permissions());
    }
    if let Some(member) = known.members.get_mut(&user) {
        member.roles.retain(|known| *known != role);
        if give {
            member.roles.push(role);
        }
    }
    visit.world.member_changed(guild, user);
    Ok(Answer::nothing())
}

fn modify(visit: &mut Visit<'_>, call: &Call, guild: GuildId, user: UserId) -> Outcome {
    let form = call.form();
    let body = object_of(&form)?;
    let bot = visit.caller.bot;
    let need = [
        ("nick", if user == bot { Permissions::CHANGE_NICKNAME } else { Permissions::MANAGE_NICKNAMES }),
        ("roles", Permissions::MANAGE_ROLES),
        ("communication_disabled_until", Permissions::MODERATE_MEMBERS),
    ];
    for (_, permission) in need.into_iter().filter(|(key, _)| body.contains_key(*key)) {
        visit.world.require_guild(guild, bot, permission)?;
    }
    if body.contains_key("communication_disabled_until") {
        refuse_owner(visit, guild, user)?;
    }
    let mut member = visit.world.member(guild, user)?.clone();
    let known: Vec<RoleId> = visit.world.guild(guild)?.roles.keys().copied().collect();
    let latest = visit.world.now() + time::Duration::days(28);
    Form::check(|form| {
        if body.contains_key("nick") {
            member.nick = form.text(body, "nick", 0..=32).filter(|nick| !nick.is_empty());
        }
        if let Some(roles) = form.snowflakes::<RoleId>(body, "roles", 0..=350) {
            member.roles = roles.into_iter().filter(|role| known.contains(role)).collect();
        }
        if let Some(mute) = form.boolean(body, "mute") {
            member.mute = mute;
        }
        if let Some(deaf) = form.boolean(body, "deaf") {
            member.deaf = deaf;
        }
        let key = "communication_disabled_until";
        match body.get(key) {
            Some(Value::Null) => member.timed_out_until = None,
            Some(value) => {
                let until = value.as_str().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
                match until {
                    None => form.problem_at(key, "DATETIME_TYPE_PARSE", "Could not parse timestamp."),
                    Some(until) if until > latest => {
                        form.problem_at(key, "GUILD_MEMBER_TIMEOUT_TOO_LONG", "At most 28 days ahead.");
                    }
                    until => member.timed_out_until = until,
                }
            }
            None => {}
        }
    })?;
    visit.world.guild_mut(guild)?.members.insert(user, member);
    visit.world.member_changed(guild, user);
    Ok(Answer::ok(visit.world.member_json(guild, user)))
}

fn bans(visit: &mut Visit<'_>, call: &Call, guild: GuildId, method: &str, rest: &[&str]) -> Outcome {
    visit.world.require_guild(guild, visit.caller.bot, Permissions::BAN_MEMBERS)?;
    let known = visit.world.guild(guild)?;
    let render = |user: &UserId, reason: &Option<String>| json!({"user": visit.world.user_json(*user), "reason": reason});
    match (method, rest) {
        ("GET", []) => {
            let limit = call.limit(1000, 1000)?;
            Ok(Answer::ok(known.bans.iter().take(limit).map(|(user, why)| render(user, why)).collect()))
        }
        ("GET", [user]) => {
            let user: UserId = id("user_id", user)?;
            let reason = known.bans.get(&user).ok_or_else(ApiError::unknown_ban)?;
            Ok(Answer::ok(render(&user, reason)))
        }
        ("PUT", [user]) => {
            let user: UserId = id("user_id", user)?;
            visit.world.user(user)?;
            refuse_owner(visit, guild, user)?;
            let form = call.form();
            let body = object_of(&form)?;
            let seconds = Form::check(|form| form.integer(body, "delete_message_seconds", 0..=604_800))?;
            visit.world.leave(guild, user);
            visit.world.guild_mut(guild)?.bans.insert(user, call.reason.clone());
            forget_messages(visit, guild, user, seconds.unwrap_or(0));
            ban_event(visit, "GUILD_BAN_ADD", guild, user);
            Ok(Answer::nothing())
        }
        ("DELETE", [user]) => {
            let user: UserId = id("user_id", user)?;
            let gone = visit.world.guild_mut(guild)?.bans.remove(&user);
            gone.ok_or_else(ApiError::unknown_ban)?;
            ban_event(visit, "GUILD_BAN_REMOVE", guild, user);
            Ok(Answer::nothing())
        }
        _ => Err(ApiError::method_not_allowed()),
    }
}

fn forget_messages(visit: &mut Visit<'_>, guild: GuildId, user: UserId, seconds: i64) {
    let since = visit.world.now() - time::Duration::seconds(seconds);
    let written: Vec<_> = visit
        .world
        .messages
        .values()
        .filter(|message| message.author == user && message.sent_at > since)
        .filter(|m| visit.world.channels.get(&m.channel).is_some_and(|c| c.guild == Some(guild)))
        .map(|message| message.id)
        .collect();
    for message in written {
        visit.world.remove_message(message);
    }
}

fn ban_event(visit: &mut Visit<'_>, name: &'static str, guild: GuildId, user: UserId) {
    let data = json!({"guild_id": guild, "user": visit.world.user_json(user)});
    visit.world.emit(&Event::in_guild(name, guild, intent::GUILD_MODERATION, data));
}
