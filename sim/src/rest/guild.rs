//! Guilds: the guild itself, its channels, its active threads, its invites, its voice states.

use serde_json::Value;

use super::error::ApiError;
use super::{Answer, Call, Outcome, Visit, channel as channel_route, id, invite, thread};
use crate::id::{ChannelId, GuildId, UserId};
use crate::permission::Permissions;
use crate::validate::{Form, object_of, snowflake};
use crate::world::account::LOCALES;
use crate::world::audit::{Entry, action};
use crate::world::channel::{Channel, kind};

pub(crate) fn route(visit: &mut Visit<'_>, call: &Call, guild: &str, rest: &[&str]) -> Outcome {
    let guild: GuildId = id("guild_id", guild)?;
    let bot = visit.caller.bot;
    visit.world.require_guild(guild, bot, Permissions::NONE)?;
    match (call.method.as_str(), rest) {
        ("GET", []) => {
            let known = visit.world.guild(guild)?;
            let mut json = known.json();
            if call.flag("with_counts") {
                json["approximate_member_count"] = serde_json::json!(known.members.len());
                json["approximate_presence_count"] = serde_json::json!(known.members.len());
            }
            Ok(Answer::ok(json))
        }
        ("PATCH", []) => modify(visit, call, guild),
        ("GET", ["channels"]) => {
            let own = visit.world.channels_of(guild).filter(|channel| channel.thread.is_none());
            Ok(Answer::ok(own.map(Channel::json).collect()))
        }
        ("POST", ["channels"]) => create_channel(visit, call, guild),
        ("PATCH", ["channels"]) => move_channels(visit, call, guild),
        ("GET", ["invites"]) => invite::of_guild(visit, guild),
        ("GET", ["voice-states", user]) => {
            let user: UserId = if *user == "@me" { bot } else { id("user_id", user)? };
            if !visit.world.guild(guild)?.voice.contains_key(&user) {
                return Err(ApiError::unknown_voice_state());
            }
            Ok(Answer::ok(visit.world.voice_json(guild, user, true)))
        }
        ("GET", ["threads", "active"]) => {
            let active = visit.world.channels_of(guild).filter(|channel| {
                channel.thread.as_ref().is_some_and(|thread| !thread.archived)
                    && visit.world.can_see(channel.id, bot)
            });
            let active: Vec<ChannelId> = active.map(|channel| channel.id).collect();
            Ok(Answer::ok(thread::list(visit, active.into_iter(), None)))
        }
        (_, [] | ["channels"]) => Err(ApiError::method_not_allowed()),
        _ => Err(ApiError::not_found()),
    }
}

fn modify(visit: &mut Visit<'_>, call: &Call, guild: GuildId) -> Outcome {
    visit.world.require_guild(guild, visit.caller.bot, Permissions::MANAGE_GUILD)?;
    let form = call.form();
    let body = object_of(&form)?;
    let (name, locale) = Form::check(|form| {
        let name = form.text(body, "name", 2..=100);
        let locale = form.text(body, "preferred_locale", 0..=10);
        if locale.as_deref().is_some_and(|locale| !LOCALES.contains(&locale)) {
            form.problem_at("preferred_locale", "BASE_TYPE_CHOICES", "This is not an available locale.");
        }
        (name, locale)
    })?;
    let known = visit.world.guild_mut(guild)?;
    if let Some(name) = name {
        known.name = name;
    }
    if let Some(locale) = locale {
        known.locale = locale;
    }
    let json = known.json();
    visit.world.guild_changed(guild);
    visit.world.audit(guild, Entry::new(action::GUILD_UPDATE, visit.by(call), guild.0));
    Ok(Answer::ok(json))
}

fn create_channel(visit: &mut Visit<'_>, call: &Call, guild: GuildId) -> Outcome {
    visit.world.require_guild(guild, visit.caller.bot, Permissions::MANAGE_CHANNELS)?;
    let form = call.form();
    let body = object_of(&form)?;
    let mut channel = Channel::new(ChannelId(visit.world.next_id()), kind::TEXT, Some(guild), "");
    channel.position = i64::try_from(visit.world.guild(guild)?.channels.len()).unwrap_or(0);
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
        channel.name = channel_route::text_name(&channel.name);
    }
    let own = body.get("permission_overwrites").is_some_and(Value::is_array);
    let id = visit.world.create_channel(guild, channel, own, visit.by(call))?;
    Ok(Answer::created(channel_route::json(visit, id)))
}

/// New positions, and categories, of several channels at once.
fn move_channels(visit: &mut Visit<'_>, call: &Call, guild: GuildId) -> Outcome {
    visit.world.require_guild(guild, visit.caller.bot, Permissions::MANAGE_CHANNELS)?;
    let form = call.form();
    let Some(entries) = form.as_array() else {
        return Err(ApiError::form(&[], "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType"));
    };
    let mut changed = Vec::new();
    for entry in entries.iter().take(500) {
        let body = object_of(entry)?;
        let Some(id) = body.get("id").and_then(snowflake::<ChannelId>) else {
            return Err(ApiError::form(&["id"], "BASE_TYPE_REQUIRED", "This field is required"));
        };
        let mut channel = visit.world.channel(id)?.clone();
        if channel.guild != Some(guild) {
            return Err(ApiError::unknown_channel());
        }
        Form::check(|form| {
            let only: crate::validate::Object = body
                .iter()
                .filter(|(key, _)| matches!(key.as_str(), "position" | "parent_id"))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            channel_route::fields(form, &only, &mut channel);
        })?;
        channel_route::check_parent(visit, &channel)?;
        changed.push(channel);
    }
    for channel in changed {
        visit.world.change_channel(channel, visit.by(call))?;
    }
    Ok(Answer::nothing())
}
