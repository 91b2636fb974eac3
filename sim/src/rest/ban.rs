//! Bans: listed, looked up, set, lifted, and set in bulk.

use serde_json::{Value, json};

use super::error::ApiError;
use super::{Answer, Call, Outcome, Visit, id};
use crate::id::{GuildId, UserId};
use crate::permission::Permissions;
use crate::validate::{Form, object_of};

/// Seconds of messages that a ban can delete: seven days.
const LONGEST_DELETION: i64 = 604_800;

const SECONDS: &str = "delete_message_seconds";
const DAYS: &str = "delete_message_days";

pub(crate) fn route(visit: &mut Visit<'_>, call: &Call, guild: &str, what: &str, rest: &[&str]) -> Outcome {
    let guild: GuildId = id("guild_id", guild)?;
    visit.world.require_guild(guild, visit.caller.bot, Permissions::BAN_MEMBERS)?;
    match (what, call.method.as_str(), rest) {
        ("bans", "GET", []) => list(visit, call, guild),
        ("bans", "GET", [user]) => {
            let user: UserId = id("user_id", user)?;
            let reason = visit.world.guild(guild)?.bans.get(&user).ok_or_else(ApiError::unknown_ban)?;
            Ok(Answer::ok(render(visit, user, reason.as_deref())))
        }
        ("bans", "PUT", [user]) => {
            let user: UserId = id("user_id", user)?;
            let seconds = deletion(call)?;
            visit.world.ban(guild, user, seconds, visit.by(call))?;
            Ok(Answer::nothing())
        }
        ("bans", "DELETE", [user]) => {
            let user: UserId = id("user_id", user)?;
            visit.world.unban(guild, user, visit.by(call))?;
            Ok(Answer::nothing())
        }
        ("bulk-ban", "POST", []) => bulk(visit, call, guild),
        _ => Err(ApiError::method_not_allowed()),
    }
}

fn render(visit: &Visit<'_>, user: UserId, reason: Option<&str>) -> Value {
    json!({"user": visit.world.user_json(user), "reason": reason})
}

/// By user id, rising; `before` and `after` page through it.
fn list(visit: &Visit<'_>, call: &Call, guild: GuildId) -> Outcome {
    let limit = call.limit(1000, 1000)?;
    let (before, after) = (call.id::<UserId>("before")?, call.id::<UserId>("after")?);
    let bans = &visit.world.guild(guild)?.bans;
    let mut found: Vec<(&UserId, &Option<String>)> = match before {
        Some(before) => bans.range(..before).rev().take(limit).collect(),
        None => {
            bans.iter().filter(|(user, _)| after.is_none_or(|after| **user > after)).take(limit).collect()
        }
    };
    found.sort_by_key(|(user, _)| **user);
    Ok(Answer::ok(found.into_iter().map(|(user, why)| render(visit, *user, why.as_deref())).collect()))
}

/// How many seconds of messages go with the ban; the older field counts days. Discord reads both from the query too,
/// which is where discord.py writes them.
fn deletion(call: &Call) -> Result<i64, ApiError> {
    let form = call.form();
    let mut body = object_of(&form)?.clone();
    for key in [SECONDS, DAYS] {
        if let Some(text) = call.query.get(key) {
            body.entry(key).or_insert_with(|| json!(text));
        }
    }
    Form::check(|form| {
        let seconds = form.integer(&body, SECONDS, 0..=LONGEST_DELETION);
        let days = form.integer(&body, DAYS, 0..=7).map(|days| days.saturating_mul(86_400));
        seconds.or(days).unwrap_or(0)
    })
}

fn bulk(visit: &mut Visit<'_>, call: &Call, guild: GuildId) -> Outcome {
    visit.world.require_guild(guild, visit.caller.bot, Permissions::MANAGE_GUILD)?;
    let form = call.form();
    let body = object_of(&form)?;
    let users: Vec<UserId> = Form::check(|form| {
        if body.get("user_ids").is_none_or(Value::is_null) {
            form.required("user_ids");
        }
        form.snowflakes(body, "user_ids", 1..=200).unwrap_or_default()
    })?;
    let seconds = deletion(call)?;
    let (mut banned, mut failed) = (Vec::new(), Vec::new());
    for user in users {
        let known = visit.world.guild(guild)?.bans.contains_key(&user);
        let done = !known && visit.world.ban(guild, user, seconds, visit.by(call)).is_ok();
        if done { banned.push(user) } else { failed.push(user) }
    }
    if banned.is_empty() {
        return Err(ApiError::nobody_banned());
    }
    Ok(Answer::ok(json!({"banned_users": banned, "failed_users": failed})))
}
