//! Guild members: reading, changing, roles, kicks.

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::error::ApiError;
use super::{Answer, Call, Outcome, Visit, id};
use crate::id::{ChannelId, GuildId, RoleId, UserId};
use crate::permission::Permissions;
use crate::validate::{Form, Object, object_of, snowflake};
use crate::world::member::MemberChange;

/// How far ahead a timeout may end.
const LONGEST_TIMEOUT: time::Duration = time::Duration::days(28);

pub(crate) fn route(visit: &mut Visit<'_>, call: &Call, guild: &str, rest: &[&str]) -> Outcome {
    let guild: GuildId = id("guild_id", guild)?;
    let bot = visit.caller.bot;
    visit.world.require_guild(guild, bot, Permissions::NONE)?;
    match (call.method.as_str(), rest) {
        ("GET", []) => {
            let members = visit.world.applications.get(&visit.caller.application);
            if !members.is_some_and(|known| known.may_list_members()) {
                return Err(ApiError::missing_access());
            }
            let (limit, after) = (call.limit(1, 1000)?, call.id::<UserId>("after")?.unwrap_or(UserId(0)));
            let known = visit.world.guild(guild)?;
            let members = known.members.keys().filter(|user| **user > after).take(limit);
            Ok(Answer::ok(members.map(|user| visit.world.member_json(guild, *user)).collect()))
        }
        ("GET", ["search"]) => search(visit, call, guild),
        (method, [user]) => {
            let user = if *user == "@me" { bot } else { id("user_id", user)? };
            visit.world.member(guild, user)?;
            match method {
                "GET" => Ok(Answer::ok(visit.world.member_json(guild, user))),
                "PATCH" => modify(visit, call, guild, user),
                "DELETE" => {
                    visit.world.kick(guild, user, visit.by(call))?;
                    Ok(Answer::nothing())
                }
                _ => Err(ApiError::method_not_allowed()),
            }
        }
        (method @ ("PUT" | "DELETE"), [user, "roles", role]) => {
            let (user, role): (UserId, RoleId) = (id("user_id", user)?, id("role_id", role)?);
            visit.world.give_role(guild, user, role, method == "PUT", visit.by(call))?;
            Ok(Answer::nothing())
        }
        _ => Err(ApiError::not_found()),
    }
}

fn search(visit: &Visit<'_>, call: &Call, guild: GuildId) -> Outcome {
    let limit = call.limit(1, 1000)?;
    let query = call.query.get("query").map(|text| text.to_lowercase()).filter(|text| !text.is_empty());
    let Some(query) = query else {
        return Err(ApiError::form(&["query"], "BASE_TYPE_REQUIRED", "This field is required"));
    };
    let known = visit.world.guild(guild)?;
    let matches = |user: &&UserId| {
        let nick = known.members.get(user).and_then(|member| member.nick.clone());
        let name = visit.world.users.get(user).map(|user| user.name.clone());
        [nick, name].into_iter().flatten().any(|name| name.to_lowercase().starts_with(&query))
    };
    let members = known.members.keys().filter(matches).take(limit);
    Ok(Answer::ok(members.map(|user| visit.world.member_json(guild, *user)).collect()))
}

fn modify(visit: &mut Visit<'_>, call: &Call, guild: GuildId, user: UserId) -> Outcome {
    let form = call.form();
    let body = object_of(&form)?;
    let latest = visit.world.now() + LONGEST_TIMEOUT;
    let change = Form::check(|form| read_change(form, body, latest))?;
    if let Some(Some(channel)) = change.voice {
        let fits = visit.world.channel(channel)?;
        if fits.guild != Some(guild) || !fits.is_voice() {
            return Err(ApiError::wrong_channel_type());
        }
    }
    visit.world.change_member(guild, user, change, visit.by(call))?;
    Ok(Answer::ok(visit.world.member_json(guild, user)))
}

fn read_change(form: &mut Form, body: &Object, latest: OffsetDateTime) -> MemberChange {
    let mut change = MemberChange::default();
    if body.contains_key("nick") {
        change.nick = Some(form.text(body, "nick", 0..=32).filter(|nick| !nick.is_empty()));
    }
    if let Some(roles) = form.snowflakes::<RoleId>(body, "roles", 0..=350) {
        let mut unique: Vec<RoleId> = Vec::new();
        for role in roles {
            if !unique.contains(&role) {
                unique.push(role);
            }
        }
        change.roles = Some(unique);
    }
    change.mute = form.boolean(body, "mute");
    change.deaf = form.boolean(body, "deaf");
    match body.get("channel_id") {
        Some(Value::Null) => change.voice = Some(None),
        Some(value) => match snowflake::<ChannelId>(value) {
            Some(channel) => change.voice = Some(Some(channel)),
            None => form.problem_at("channel_id", "NUMBER_TYPE_COERCE", "Value is not snowflake."),
        },
        None => {}
    }
    let key = "communication_disabled_until";
    match body.get(key) {
        Some(Value::Null) => change.timed_out_until = Some(None),
        Some(value) => {
            let until = value.as_str().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
            match until {
                None => form.problem_at(key, "DATETIME_TYPE_PARSE", "Could not parse timestamp."),
                Some(until) if until > latest => {
                    form.problem_at(key, "GUILD_MEMBER_TIMEOUT_TOO_LONG", "At most 28 days ahead.");
                }
                until => change.timed_out_until = Some(until),
            }
        }
        None => {}
    }
    change
}
