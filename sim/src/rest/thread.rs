//! Threads: starting, joining, archiving, locking; and the older address of pins.

use serde_json::{Value, json};

use super::error::ApiError;
use super::{Answer, Call, Outcome, Visit, channel as channel_route, id, message};
use crate::id::{ChannelId, MessageId, UserId};
use crate::permission::Permissions;
use crate::validate::{Form, Object, object_of};
use crate::world::World;
use crate::world::audit::{Entry, action};
use crate::world::channel::kind;
use crate::world::message::{Message, flag};

/// The periods after which Discord archives a silent thread, in minutes.
const ARCHIVE_AFTER: &[i64] = &[60, 1440, 4320, 10_080];

pub(crate) fn route(visit: &mut Visit<'_>, call: &Call, channel: &str, what: &str, rest: &[&str]) -> Outcome {
    let channel: ChannelId = id("channel_id", channel)?;
    let bot = visit.caller.bot;
    visit.world.require(channel, bot, Permissions::NONE)?;
    match (what, call.method.as_str(), rest) {
        ("pins", "GET", []) => {
            let pinned = message::pinned(visit.world, channel);
            Ok(Answer::ok(pinned.into_iter().map(|message| visit.world.message_json(message, bot)).collect()))
        }
        ("pins", "PUT" | "DELETE", [message]) => message::pin(visit, call, channel, message),
        ("threads", "POST", []) => without_message(visit, call, channel),
        ("threads", "GET", ["archived", sort @ ("public" | "private")]) => {
            archived(visit, call, channel, *sort == "private")
        }
        ("users", "GET", ["@me", "threads", "archived", "private"]) => archived(visit, call, channel, true),
        ("thread-members", method, rest) => members(visit, call, channel, method, rest),
        (_, _, [] | [_]) => Err(ApiError::method_not_allowed()),
        _ => Err(ApiError::not_found()),
    }
}

fn settings(form: &mut Form, body: &Object) -> (String, i64, i64) {
    let name = form.required_text(body, "name", 1..=100).unwrap_or_default();
    let minutes = form.choice(body, "auto_archive_duration", ARCHIVE_AFTER).unwrap_or(4320);
    let slow = form.integer(body, "rate_limit_per_user", 0..=21_600).unwrap_or(0);
    (name, minutes, slow)
}

fn without_message(visit: &mut Visit<'_>, call: &Call, parent: ChannelId) -> Outcome {
    let place = visit.world.channel(parent)?.kind;
    if !matches!(place, kind::TEXT | kind::ANNOUNCEMENT | kind::FORUM) {
        return Err(ApiError::wrong_channel_type());
    }
    let form = call.form();
    let body = object_of(&form)?;
    let (name, minutes, slow) = Form::check(|form| settings(form, body))?;
    let asked = Form::check(|form| form.choice(body, "type", &[10, 11, 12]))?;
    let sort = match asked.and_then(|kind| u8::try_from(kind).ok()) {
        _ if place == kind::FORUM => kind::PUBLIC_THREAD,
        _ if place == kind::ANNOUNCEMENT => kind::ANNOUNCEMENT_THREAD,
        Some(kind::PUBLIC_THREAD) => kind::PUBLIC_THREAD,
        Some(kind::ANNOUNCEMENT_THREAD) => return Err(ApiError::wrong_channel_type()),
        // Without a type Discord makes a private thread.
        _ => kind::PRIVATE_THREAD,
    };
    let need = match sort {
        kind::PRIVATE_THREAD => Permissions::CREATE_PRIVATE_THREADS,
        _ => Permissions::CREATE_PUBLIC_THREADS,
    };
    let bot = visit.caller.bot;
    visit.world.require(parent, bot, need)?;
    // A forum post is checked before its thread exists, so that a bad body leaves nothing behind.
    if place == kind::FORUM {
        let Some(first) = body.get("message") else {
            return Err(ApiError::form(&["message"], "BASE_TYPE_REQUIRED", "This field is required"));
        };
        let uploads = visit.world.receive(&call.uploads);
        visit.world.draft(first, &uploads, None)?;
    }
    let thread = start(visit.world, parent, sort, &name, bot, None)?;
    if let Some(channel) = visit.world.channels.get_mut(&thread) {
        channel.rate_limit_per_user = slow;
        if let Some(thread) = &mut channel.thread {
            thread.auto_archive_minutes = minutes;
            thread.invitable = body.get("invitable").and_then(Value::as_bool).unwrap_or(true);
        }
    }
    visit.world.announce_thread(thread, visit.by(call));
    if let Some(first) = body.get("message").filter(|_| place == kind::FORUM) {
        message::write(visit, call, thread, first)?;
    } else if sort != kind::PRIVATE_THREAD {
        let mut note = Message::new(MessageId(visit.world.next_id()), parent, bot, visit.world.now());
        note.kind = 18;
        note.content = name;
        note.reference = Some((thread, MessageId(thread.0)));
        note.thread = Some(thread);
        visit.world.post(note);
    }
    Ok(Answer::created(channel_route::json(visit, thread)))
}

fn start(
    world: &mut World,
    parent: ChannelId,
    sort: u8,
    name: &str,
    owner: UserId,
    id: Option<u64>,
) -> Result<ChannelId, ApiError> {
    world.add_thread(parent, sort, name, owner, id).ok_or_else(ApiError::wrong_channel_type)
}

pub(crate) fn from_message(visit: &mut Visit<'_>, call: &Call, parent: ChannelId, text: &str) -> Outcome {
    let bot = visit.caller.bot;
    let id: MessageId = id("message_id", text)?;
    let place = visit.world.channel(parent)?.kind;
    if !matches!(place, kind::TEXT | kind::ANNOUNCEMENT) {
        return Err(ApiError::wrong_channel_type());
    }
    visit.world.require(parent, bot, Permissions::CREATE_PUBLIC_THREADS)?;
    let form = call.form();
    let body = object_of(&form)?;
    let (name, minutes, slow) = Form::check(|form| settings(form, body))?;
    if visit.world.message(parent, id)?.thread.is_some() {
        return Err(ApiError::thread_exists());
    }
    let sort = if place == kind::ANNOUNCEMENT { kind::ANNOUNCEMENT_THREAD } else { kind::PUBLIC_THREAD };
    // A thread on a message has the message's number.
    let thread = start(visit.world, parent, sort, &name, bot, Some(id.0))?;
    if let Some(channel) = visit.world.channels.get_mut(&thread) {
        channel.rate_limit_per_user = slow;
        if let Some(thread) = &mut channel.thread {
            thread.auto_archive_minutes = minutes;
        }
    }
    if let Some(message) = visit.world.messages.get_mut(&id) {
        message.thread = Some(thread);
        message.flags |= flag::HAS_THREAD;
    }
    visit.world.announce_thread(thread, visit.by(call));
    visit.world.changed_message(id);
    Ok(Answer::created(channel_route::json(visit, thread)))
}

/// Archive, lock, rename. An archived thread takes nothing but changes that un-archive it or say so again; a locked
/// one is un-archived only by those who manage threads.
pub(crate) fn modify(visit: &mut Visit<'_>, call: &Call, id: ChannelId) -> Outcome {
    let bot = visit.caller.bot;
    let form = call.form();
    let body = object_of(&form)?;
    let mut changed = visit.world.channel(id)?.clone();
    let manages = visit.world.permissions(id, bot).contains(Permissions::MANAGE_THREADS);
    let Some(mut thread) = changed.thread.take() else { return Err(ApiError::wrong_channel_type()) };
    let asked = body.get("archived").and_then(Value::as_bool);
    if thread.archived && asked.is_none() && !body.is_empty() {
        return Err(ApiError::thread_archived());
    }
    let only_waking = asked == Some(false) && body.len() == 1 && !thread.locked;
    let renaming_own = thread.owner == bot && !body.contains_key("locked");
    if !(manages || only_waking || renaming_own) {
        return Err(ApiError::missing_permissions());
    }
    let now = visit.world.now();
    Form::check(|form| {
        if let Some(name) = form.text(body, "name", 1..=100) {
            changed.name = name;
        }
        if let Some(minutes) = form.choice(body, "auto_archive_duration", ARCHIVE_AFTER) {
            thread.auto_archive_minutes = minutes;
        }
        if let Some(slow) = form.integer(body, "rate_limit_per_user", 0..=21_600) {
            changed.rate_limit_per_user = slow;
        }
        if let Some(archived) = form.boolean(body, "archived")
            && archived != thread.archived
        {
            thread.archived = archived;
            thread.archive_changed = now;
        }
        if let Some(locked) = form.boolean(body, "locked") {
            thread.locked = locked;
        }
        if let Some(invitable) = form.boolean(body, "invitable") {
            thread.invitable = invitable;
        }
    })?;
    changed.thread = Some(thread);
    let guild = changed.guild;
    visit.world.channels.insert(id, changed);
    visit.world.channel_event("THREAD_UPDATE", id);
    if let Some(guild) = guild {
        let entry = Entry::new(action::THREAD_UPDATE, visit.by(call), id.0);
        visit.world.audit(guild, entry);
    }
    Ok(Answer::ok(channel_route::json(visit, id)))
}

fn archived(visit: &Visit<'_>, call: &Call, parent: ChannelId, private: bool) -> Outcome {
    let limit = call.limit(50, 100)?;
    let found: Vec<ChannelId> = visit
        .world
        .channels
        .values()
        .filter(|channel| channel.parent == Some(parent) && channel.is_private_thread() == private)
        .filter(|channel| channel.thread.as_ref().is_some_and(|thread| thread.archived))
        .filter(|channel| visit.world.can_see(channel.id, visit.caller.bot))
        .map(|channel| channel.id)
        .collect();
    let more = found.len() > limit;
    Ok(Answer::ok(list(visit, found.into_iter().rev().take(limit), Some(more))))
}

/// The thread list objects: threads, and the caller's membership in them.
pub(crate) fn list(visit: &Visit<'_>, threads: impl Iterator<Item = ChannelId>, more: Option<bool>) -> Value {
    let bot = visit.caller.bot;
    let threads: Vec<ChannelId> = threads.collect();
    let members: Vec<Value> =
        threads.iter().filter_map(|id| visit.world.channels.get(id)?.thread_member_json(bot)).collect();
    let threads: Vec<Value> =
        threads.iter().filter_map(|id| visit.world.channels.get(id)).map(|thread| thread.json()).collect();
    json!({"threads": threads, "members": members, "has_more": more.unwrap_or(false)})
}

fn members(visit: &mut Visit<'_>, call: &Call, id: ChannelId, method: &str, rest: &[&str]) -> Outcome {
    let bot = visit.caller.bot;
    let channel = visit.world.channel(id)?;
    let Some(thread) = &channel.thread else { return Err(ApiError::wrong_channel_type()) };
    let guild = channel.guild;
    let with_member = call.flag("with_member");
    let render = |user: UserId| {
        let mut json = channel.thread_member_json(user)?;
        if let (true, Some(guild)) = (with_member, guild) {
            json["member"] = visit.world.member_json(guild, user);
        }
        Some(json)
    };
    let (method, user) = match (method, rest) {
        ("GET", []) => {
            let limit = call.limit(100, 100)?;
            let users = thread.members.keys().take(limit);
            return Ok(Answer::ok(users.filter_map(|user| render(*user)).collect()));
        }
        (method @ ("PUT" | "DELETE"), ["@me"]) => (method, bot),
        (method, [user]) => (method, super::id("user_id", user)?),
        _ => return Err(ApiError::method_not_allowed()),
    };
    if method == "GET" {
        return render(user).map(Answer::ok).ok_or_else(ApiError::unknown_member);
    }
    visit.world.refuse_archived(id)?;
    if let Some(guild) = guild {
        visit.world.member(guild, user)?;
    }
    let own_private = channel.is_private_thread() && thread.owner == bot;
    if method == "DELETE" && user != bot && !own_private {
        visit.world.require(id, bot, Permissions::MANAGE_THREADS)?;
    }
    visit.world.change_thread_member(id, user, method == "PUT");
    Ok(Answer::nothing())
}
