//! Messages of a channel: writing, reading, editing, deleting and pins.

use axum::http::Method;
use serde_json::{Value, json};

use super::error::ApiError;
use super::{Answer, Call, Outcome, Visit, id, reaction, thread};
use crate::gateway::event::{Event, intent};
use crate::id::{ChannelId, MessageId};
use crate::permission::Permissions;
use crate::validate::{Form, object_of};
use crate::world::World;
use crate::world::audit::{Entry, action};
use crate::world::message::{Message, flag};

pub(crate) fn route(visit: &mut Visit<'_>, call: &Call, channel: &str, rest: &[&str]) -> Outcome {
    let channel: ChannelId = id("channel_id", channel)?;
    let bot = visit.caller.bot;
    visit.world.require(channel, bot, Permissions::NONE)?;
    match (call.method.as_str(), rest) {
        ("GET", []) => list(visit, call, channel),
        ("POST", []) => create(visit, call, channel),
        ("POST", ["bulk-delete"]) => bulk_delete(visit, call, channel),
        ("GET", ["pins"]) => {
            let items = pinned(visit.world, channel).into_iter().map(|message| {
                let at = crate::clock::timestamp(message.sent_at);
                json!({"pinned_at": at, "message": visit.world.message_json(message, bot)})
            });
            let items: Vec<Value> = items.collect();
            Ok(Answer::ok(json!({"items": items, "has_more": false})))
        }
        ("PUT" | "DELETE", ["pins", message]) => pin(visit, call, channel, message),
        (_, [message, "reactions", rest @ ..]) => reaction::route(visit, call, channel, message, rest),
        ("POST", [message, "threads"]) => thread::from_message(visit, call, channel, message),
        ("GET", [message]) => {
            visit.world.require(channel, bot, Permissions::READ_MESSAGE_HISTORY)?;
            let message: MessageId = id("message_id", message)?;
            Ok(Answer::ok(visit.world.message_json(visit.world.message(channel, message)?, bot)))
        }
        ("PATCH", [message]) => edit(visit, call, channel, message),
        ("DELETE", [message]) => {
            let message: MessageId = id("message_id", message)?;
            visit.world.delete_message(channel, message, visit.by(call))?;
            Ok(Answer::nothing())
        }
        (_, [] | [_]) => Err(ApiError::method_not_allowed()),
        _ => Err(ApiError::not_found()),
    }
}

fn create(visit: &mut Visit<'_>, call: &Call, channel: ChannelId) -> Outcome {
    let bot = visit.caller.bot;
    visit.world.require_writing(channel, bot)?;
    let id = write(visit, call, channel, &call.form())?;
    let message = visit.world.messages.get(&id).ok_or_else(ApiError::unknown_message)?;
    Ok(Answer::ok(visit.world.message_json(message, bot)))
}

/// Posts a message with this body as the caller's bot.
pub(crate) fn write(
    visit: &mut Visit<'_>,
    call: &Call,
    channel: ChannelId,
    body: &Value,
) -> Result<MessageId, ApiError> {
    let bot = visit.caller.bot;
    let uploads = visit.world.receive(&call.uploads);
    let mut draft = visit.world.draft(body, &uploads, None)?;
    // Only answers to interactions can be ephemeral; elsewhere the flag is ignored.
    draft.flags = draft.flags.map(|flags| flags & !flag::EPHEMERAL);
    let enforce = body["enforce_nonce"] == true;
    if let (true, Some(nonce)) = (enforce, &draft.nonce) {
        let same = visit.world.messages.values().rev().take(200).find(|message| {
            message.channel == channel && message.author == bot && message.nonce.as_ref() == Some(nonce)
        });
        if let Some(message) = same {
            return Ok(message.id);
        }
    }
    let mut message = Message::new(MessageId(visit.world.next_id()), channel, bot, visit.world.now());
    if let Some(replied) = draft.reply_to {
        if visit.world.message(channel, replied).is_ok() {
            message.kind = 19;
            message.reference = Some((channel, replied));
        } else if body["message_reference"]["fail_if_not_exists"] != false {
            return Err(ApiError::form(&["message_reference"], "REPLIES_UNKNOWN_MESSAGE", "Unknown message"));
        }
    }
    let replied_author =
        message.reference.and_then(|(_, id)| visit.world.messages.get(&id)).map(|m| m.author);
    let id = visit.world.post_draft(message, draft, uploads);
    if let Some(author) = replied_author.filter(|_| body["allowed_mentions"]["replied_user"] != false)
        && let Some(message) = visit.world.messages.get_mut(&id)
        && !message.mentions.contains(&author)
    {
        message.mentions.push(author);
    }
    Ok(id)
}

fn edit(visit: &mut Visit<'_>, call: &Call, channel: ChannelId, message: &str) -> Outcome {
    let bot = visit.caller.bot;
    let message: MessageId = id("message_id", message)?;
    visit.world.refuse_archived(channel)?;
    let own = visit.world.message(channel, message)?.author == bot;
    let form = call.form();
    if !own {
        // Of somebody else's message only the embeds can be suppressed, by those who manage messages.
        let only_flags = form.as_object().is_some_and(|body| body.keys().all(|key| key == "flags"));
        if !only_flags {
            return Err(ApiError::not_your_message());
        }
        visit.world.require(channel, bot, Permissions::MANAGE_MESSAGES)?;
    }
    let uploads = visit.world.receive(&call.uploads);
    visit.world.edit(message, &form, uploads)?;
    Ok(Answer::ok(visit.world.message_json(visit.world.message(channel, message)?, bot)))
}

fn list(visit: &Visit<'_>, call: &Call, channel: ChannelId) -> Outcome {
    let bot = visit.caller.bot;
    let limit = call.limit(50, 100)?;
    // Who may not read back gets nothing rather than a refusal.
    if !visit.world.permissions(channel, bot).contains(Permissions::READ_MESSAGE_HISTORY) {
        return Ok(Answer::ok(json!([])));
    }
    let (before, after) = (call.id::<MessageId>("before")?, call.id::<MessageId>("after")?);
    let around = call.id::<MessageId>("around")?;
    let all = visit.world.messages.values().filter(|m| m.channel == channel && m.only_for.is_none());
    // Newest first, whatever was asked; `after` takes those that follow it.
    let mut found: Vec<&Message> = match (before, after, around) {
        (Some(before), ..) => all.rev().filter(|m| m.id < before).take(limit).collect(),
        (_, Some(after), _) => all.filter(|m| m.id > after).take(limit).collect(),
        (.., Some(around)) => {
            let all: Vec<&Message> = all.collect();
            let middle = all.partition_point(|m| m.id < around);
            let start = middle.saturating_sub(limit / 2);
            all.into_iter().skip(start).take(limit).collect()
        }
        _ => all.rev().take(limit).collect(),
    };
    found.sort_by_key(|message| std::cmp::Reverse(message.id));
    Ok(Answer::ok(found.into_iter().map(|message| visit.world.message_json(message, bot)).collect()))
}

fn bulk_delete(visit: &mut Visit<'_>, call: &Call, channel: ChannelId) -> Outcome {
    let form = call.form();
    let body = object_of(&form)?;
    let ids: Vec<MessageId> = Form::check(|form| {
        if body.get("messages").is_none_or(Value::is_null) {
            form.required("messages");
        }
        form.snowflakes(body, "messages", 2..=100).unwrap_or_default()
    })?;
    visit.world.bulk_delete(channel, &ids, visit.by(call))?;
    Ok(Answer::nothing())
}

pub(crate) fn pinned(world: &World, channel: ChannelId) -> Vec<&Message> {
    world.messages.values().rev().filter(|message| message.channel == channel && message.pinned).collect()
}

pub(crate) fn pin(visit: &mut Visit<'_>, call: &Call, channel: ChannelId, message: &str) -> Outcome {
    let message: MessageId = id("message_id", message)?;
    visit.world.require(channel, visit.caller.bot, Permissions::PIN_MESSAGES)?;
    let author = visit.world.message(channel, message)?.author;
    visit.world.refuse_archived(channel)?;
    if let Some(message) = visit.world.messages.get_mut(&message) {
        message.pinned = call.method == Method::PUT;
    }
    visit.world.changed_message(message);
    let mut data = json!({"channel_id": channel, "last_pin_timestamp": null});
    if let Some(guild) = visit.world.channel(channel)?.guild {
        data["guild_id"] = json!(guild);
        visit
            .world
            .emit(&Event::in_guild("CHANNEL_PINS_UPDATE", guild, intent::GUILDS, data).seen_in(channel));
        let pins = call.method == Method::PUT;
        let what = if pins { action::MESSAGE_PIN } else { action::MESSAGE_UNPIN };
        let entry = Entry::new(what, visit.by(call), author.0);
        visit.world.audit(guild, entry.option("channel_id", channel).option("message_id", message));
    }
    Ok(Answer::nothing())
}
