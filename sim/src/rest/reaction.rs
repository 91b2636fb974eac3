//! Reactions to messages.

use axum::http::Method;
use serde_json::json;

use super::error::ApiError;
use super::{Answer, Call, Outcome, Visit, id};
use crate::gateway::event::{Event, intent};
use crate::id::{ChannelId, MessageId, UserId};
use crate::permission::Permissions;
use crate::world::World;
use crate::world::message::emoji_json;

pub(crate) fn route(
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
        visit.world.refuse_archived(channel)?;
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
