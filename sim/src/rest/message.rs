//! Messages of a channel: writing, reading, editing, deleting, reactions and pins.

use axum::http::Method;
use serde_json::{Value, json};
use time::Duration;

use super::error::ApiError;
use super::{Answer, Call, Outcome, Visit, id, thread};
use crate::gateway::event::{Event, intent};
use crate::id::{ChannelId, MessageId, UserId};
use crate::permission::Permissions;
use crate::validate::{Form, object_of};
use crate::world::World;
use crate::world::message::{Message, emoji_json, flag};

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
        (_, [message, "reactions", rest @ ..]) => reactions(visit, call, channel, message, rest),
        ("POST", [message, "threads"]) => thread::from_message(visit, call, channel, message),
        ("GET", [message]) => {
            visit.world.require(channel, bot, Permissions::READ_MESSAGE_HISTORY)?;
            let message: MessageId = id("message_id", message)?;
            Ok(Answer::ok(visit.world.message_json(visit.world.message(channel, message)?, bot)))
        }
        ("PATCH", [message]) => edit(visit, call, channel, message),
        ("DELETE", [message]) => {
            let message: MessageId = id("message_id", message)?;
            if visit.world.message(channel, message)?.author != bot {
                visit.world.require(channel, bot, Permissions::MANAGE_MESSAGES)?;
            }
            refuse_archived(visit.world, channel)?;
            visit.world.remove_message(message);
            Ok(Answer::nothing())
        }
        (_, [] | [_]) => Err(ApiError::method_not_allowed()),
        _ => Err(ApiError::not_found()),
    }
}

/// Nothing but writing and un-archiving works in an archived thread.
pub(crate) fn refuse_archived(world: &World, channel: ChannelId) -> Result<(), ApiError> {
    let archived = world.channel(channel)?.thread.as_ref().is_some_and(|thread| thread.archived);
    if archived { Err(ApiError::thread_archived()) } else { Ok(()) }
}

/// Whether the user may write there, locked threads included.
pub(crate) fn require_writing(world: &World, channel: ChannelId, user: UserId) -> Result<(), ApiError> {
    let place = world.channel(channel)?;
    if !place.takes_messages() {
        return Err(ApiError::not_a_text_channel());
    }
    let need = match place.thread {
        Some(_) => Permissions::SEND_MESSAGES_IN_THREADS,
        None => Permissions::SEND_MESSAGES,
    };
    world.require(channel, user, need)?;
    let manages = world.permissions(channel, user).contains(Permissions::MANAGE_THREADS);
    match &place.thread {
        Some(thread) if thread.locked && !manages && thread.archived => Err(ApiError::thread_archived()),
        Some(thread) if thread.locked && !manages => Err(ApiError::thread_locked()),
        _ => Ok(()),
    }
}

fn create(visit: &mut Visit<'_>, call: &Call, channel: ChannelId) -> Outcome {
    let bot = visit.caller.bot;
    require_writing(visit.world, channel, bot)?;
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
    refuse_archived(visit.world, channel)?;
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
    visit.world.require(channel, bot, Permissions::READ_MESSAGE_HISTORY)?;
    let limit = call.limit(50, 100)?;
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
    visit.world.require(channel, visit.caller.bot, Permissions::MANAGE_MESSAGES)?;
    let form = call.form();
    let body = object_of(&form)?;
    let ids: Vec<MessageId> = Form::check(|form| {
        if body.get("messages").is_none_or(Value::is_null) {
            form.required("messages");
        }
        form.snowflakes(body, "messages", 2..=100).unwrap_or_default()
    })?;
    let oldest = visit.world.now() - Duration::days(14);
    let known: Vec<MessageId> =
        ids.into_iter().filter(|id| visit.world.message(channel, *id).is_ok()).collect();
    let old = |id: &MessageId| visit.world.messages.get(id).is_some_and(|m| m.sent_at < oldest);
    if known.iter().any(old) {
        return Err(ApiError::too_old_to_bulk_delete());
    }
    for id in &known {
        visit.world.messages.remove(id);
    }
    let guild = visit.world.channel(channel)?.guild;
    let mut data = json!({"ids": known, "channel_id": channel});
    if let Some(guild) = guild {
        data["guild_id"] = json!(guild);
    }
    let event = visit.world.in_channel("MESSAGE_DELETE_BULK", channel, guild, data);
    visit.world.emit(&event);
    Ok(Answer::nothing())
}

pub(crate) fn pinned(world: &World, channel: ChannelId) -> Vec<&Message> {
    world.messages.values().rev().filter(|message| message.channel == channel && message.pinned).collect()
}

pub(crate) fn pin(visit: &mut Visit<'_>, call: &Call, channel: ChannelId, message: &str) -> Outcome {
    let message: MessageId = id("message_id", message)?;
    visit.world.require(channel, visit.caller.bot, Permissions::PIN_MESSAGES)?;
    visit.world.message(channel, message)?;
    refuse_archived(visit.world, channel)?;
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
    }
    Ok(Answer::nothing())
}

fn reactions(
    visit: &mut Visit<'_>,
    call: &Call,
    channel: ChannelId,
    message: &str,
    rest: &[&str],
) -> Outcome {
    let message: MessageId = id("message_id", message)?;
    let bot = visit.caller.bot;
    visit.world.message(channel, message)?;
    if call.method != Method::GET {
        refuse_archived(visit.world, channel)?;
    }
    match (call.method.as_str(), rest) {
        ("PUT", [emoji, "@me"]) => {
            visit.world.require(channel, bot, Permissions::ADD_REACTIONS)?;
            react(visit.world, message, emoji, bot);
            Ok(Answer::nothing())
        }
        ("DELETE", [emoji, user]) => {
            let user = if *user == "@me" { bot } else { id("user_id", user)? };
            if user != bot {
                visit.world.require(channel, bot, Permissions::MANAGE_MESSAGES)?;
            }
            unreact(visit.world, message, |given, giver| given == *emoji && giver == user);
            Ok(Answer::nothing())
        }
        ("DELETE", []) => {
            visit.world.require(channel, bot, Permissions::MANAGE_MESSAGES)?;
            unreact(visit.world, message, |_, _| true);
            Ok(Answer::nothing())
        }
        ("DELETE", [emoji]) => {
            visit.world.require(channel, bot, Permissions::MANAGE_MESSAGES)?;
            unreact(visit.world, message, |given, _| given == *emoji);
            Ok(Answer::nothing())
        }
        ("GET", [emoji]) => {
            let limit = call.limit(25, 100)?;
            let message = visit.world.message(channel, message)?;
            let given = message.reactions.iter().find(|(given, _)| given == emoji);
            let users = given.map(|(_, users)| users.as_slice()).unwrap_or_default();
            Ok(Answer::ok(users.iter().take(limit).map(|user| visit.world.user_json(*user)).collect()))
        }
        _ => Err(ApiError::not_found()),
    }
}

/// Adds a reaction and tells everybody.
pub(crate) fn react(world: &mut World, id: MessageId, emoji: &str, user: UserId) {
    let Some(message) = world.messages.get_mut(&id) else { return };
    match message.reactions.iter_mut().find(|(given, _)| given == emoji) {
        Some((_, users)) if users.contains(&user) => return,
        Some((_, users)) => users.push(user),
        None => message.reactions.push((emoji.into(), vec![user])),
    }
    reaction_event(world, "MESSAGE_REACTION_ADD", id, emoji, user);
}

fn unreact(world: &mut World, id: MessageId, gone: impl Fn(&str, UserId) -> bool) {
    let Some(message) = world.messages.get_mut(&id) else { return };
    let mut removed = Vec::new();
    for (emoji, users) in &mut message.reactions {
        let taken: Vec<UserId> = users.iter().copied().filter(|user| gone(emoji, *user)).collect();
        users.retain(|user| !taken.contains(user));
        removed.extend(taken.into_iter().map(|user| (emoji.clone(), user)));
    }
    message.reactions.retain(|(_, users)| !users.is_empty());
    for (emoji, user) in removed {
        reaction_event(world, "MESSAGE_REACTION_REMOVE", id, &emoji, user);
    }
}

fn reaction_event(world: &mut World, name: &'static str, id: MessageId, emoji: &str, user: UserId) {
    let Some(message) = world.messages.get(&id) else { return };
    let (channel, author) = (message.channel, message.author);
    let guild = world.channels.get(&channel).and_then(|channel| channel.guild);
    let mut data = json!({
        "user_id": user, "channel_id": channel, "message_id": id, "emoji": emoji_json(emoji), "burst": false,
        "type": 0, "message_author_id": author,
    });
    let event = match guild {
        Some(guild) => {
            data["guild_id"] = json!(guild);
            if name == "MESSAGE_REACTION_ADD" {
                data["member"] = world.member_json(guild, user);
            }
            Event::in_guild(name, guild, intent::GUILD_MESSAGE_REACTIONS, data)
        }
        None => Event::direct(name, intent::DIRECT_MESSAGE_REACTIONS, data),
    };
    world.emit(&event.seen_in(channel));
}
