//! Channels: reading, changing and deleting them, permission overwrites, typing.

use serde_json::{Value, json};

use super::error::ApiError;
use super::{Answer, Call, Outcome, Visit, id, invite, thread};
use crate::gateway::event::{Event, intent};
use crate::id::ChannelId;
use crate::permission::Permissions;
use crate::validate::{Form, Object, object_of, snowflake};
use crate::world::channel::{Channel, Overwrite, kind};

pub(crate) fn route(visit: &mut Visit<'_>, call: &Call, channel: &str, rest: &[&str]) -> Outcome {
    let channel: ChannelId = id("channel_id", channel)?;
    visit.world.require(channel, visit.caller.bot, Permissions::NONE)?;
    match (call.method.as_str(), rest) {
        ("GET", []) => Ok(Answer::ok(json(visit, channel))),
        ("PATCH", []) => {
            if visit.world.channel(channel)?.thread.is_some() {
                thread::modify(visit, call, channel)
            } else {
                modify(visit, call, channel)
            }
        }
        ("DELETE", []) => {
            let gone = json(visit, channel);
            visit.world.delete_channel(channel, visit.by(call))?;
            Ok(Answer::ok(gone))
        }
        ("POST", ["typing"]) => typing(visit, channel),
        ("PUT", ["permissions", target]) => overwrite(visit, call, channel, target),
        ("DELETE", ["permissions", target]) => {
            let target: u64 = id("overwrite_id", target)?;
            visit.world.delete_overwrite(channel, target, visit.by(call))?;
            Ok(Answer::nothing())
        }
        ("GET", ["webhooks"]) => Ok(Answer::ok(json!([]))),
        (_, ["invites"]) => invite::of_channel(visit, call, channel),
        (_, [] | ["typing"] | ["permissions", _]) => Err(ApiError::method_not_allowed()),
        _ => Err(ApiError::not_found()),
    }
}

pub(crate) fn json(visit: &Visit<'_>, channel: ChannelId) -> Value {
    match visit.world.channels.get(&channel) {
        Some(channel) => visit.world.channel_json(channel, visit.caller.bot),
        None => Value::Null,
    }
}

fn typing(visit: &mut Visit<'_>, channel: ChannelId) -> Outcome {
    visit.world.require(channel, visit.caller.bot, Permissions::SEND_MESSAGES)?;
    let guild = visit.world.channel(channel)?.guild;
    let mut data = json!({
        "channel_id": channel, "user_id": visit.caller.bot, "timestamp": visit.world.now().unix_timestamp(),
    });
    let event = match guild {
        Some(guild) => {
            data["guild_id"] = json!(guild);
            data["member"] = visit.world.member_json(guild, visit.caller.bot);
            Event::in_guild("TYPING_START", guild, intent::GUILD_MESSAGE_TYPING, data)
        }
        None => Event::direct("TYPING_START", intent::DIRECT_MESSAGE_TYPING, data),
    };
    visit.world.emit(&event.seen_in(channel));
    Ok(Answer::nothing())
}

fn modify(visit: &mut Visit<'_>, call: &Call, id: ChannelId) -> Outcome {
    let form = call.form();
    let body = object_of(&form)?;
    let mut changed = visit.world.channel(id)?.clone();
    if changed.guild.is_none() {
        return Err(ApiError::not_in_dm());
    }
    visit.world.require(id, visit.caller.bot, Permissions::MANAGE_CHANNELS)?;
    Form::check(|form| fields(form, body, &mut changed))?;
    check_parent(visit, &changed)?;
    visit.world.change_channel(changed, visit.by(call))?;
    Ok(Answer::ok(json(visit, id)))
}

pub(crate) fn check_parent(visit: &Visit<'_>, channel: &Channel) -> Result<(), ApiError> {
    let Some(parent) = channel.parent else { return Ok(()) };
    let fits = visit.world.channels.get(&parent).is_some_and(|parent| {
        parent.guild == channel.guild && parent.kind == kind::CATEGORY && channel.kind != kind::CATEGORY
    });
    if fits {
        return Ok(());
    }
    Err(ApiError::form(&["parent_id"], "CHANNEL_PARENT_INVALID", "Category does not exist"))
}

/// Discord writes the names of text channels in lower case with dashes.
pub(crate) fn text_name(name: &str) -> String {
    name.to_lowercase().split_whitespace().collect::<Vec<_>>().join("-")
}

/// The fields that a new and a changed guild channel share.
pub(crate) fn fields(form: &mut Form, body: &Object, channel: &mut Channel) {
    if let Some(name) = form.text(body, "name", 1..=100) {
        channel.name = name;
    }
    if let Some(topic) = form.text(body, "topic", 0..=4096) {
        channel.topic = Some(topic);
    }
    if let Some(position) = form.integer(body, "position", 0..=i64::from(i32::MAX)) {
        channel.position = position;
    }
    if let Some(nsfw) = form.boolean(body, "nsfw") {
        channel.nsfw = nsfw;
    }
    if let Some(seconds) = form.integer(body, "rate_limit_per_user", 0..=21_600) {
        channel.rate_limit_per_user = seconds;
    }
    match body.get("parent_id") {
        Some(Value::Null) => channel.parent = None,
        Some(parent) => channel.parent = snowflake(parent),
        None => {}
    }
    if let Some(list) = form.list(body, "permission_overwrites", 0..=100) {
        channel.overwrites = list.iter().filter_map(read_overwrite).collect();
    }
}

fn read_overwrite(value: &Value) -> Option<Overwrite> {
    let bits = |key: &str| {
        value[key].as_u64().or_else(|| value[key].as_str()?.parse().ok()).map(Permissions).unwrap_or_default()
    };
    Some(Overwrite {
        id: snowflake(&value["id"])?,
        member: value["type"].as_u64() == Some(1),
        allow: bits("allow"),
        deny: bits("deny"),
    })
}

fn overwrite(visit: &mut Visit<'_>, call: &Call, channel: ChannelId, target: &str) -> Outcome {
    let mut form = call.form();
    if !form.is_object() {
        form = json!({});
    }
    let target: u64 = id("overwrite_id", target)?;
    form["id"] = json!(target.to_string());
    let Some(overwrite) = read_overwrite(&form) else { return Err(ApiError::unknown_overwrite()) };
    visit.world.put_overwrite(channel, overwrite, visit.by(call))?;
    Ok(Answer::nothing())
}
