//! Channels and messages as a user sees them and writes them, over HTTP.

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Asked, Body, Context, Result, missing, user};
use crate::id::{ChannelId, MessageId, UserId};
use crate::user::Place;
use crate::world::message::Message;

#[derive(Deserialize)]
pub(super) struct Viewer {
    pub(super) user: UserId,
}

#[derive(Deserialize)]
pub(super) struct View {
    user: UserId,
    channel: ChannelId,
}

pub(super) async fn channels(State(shared): Context, asked: Asked<Viewer>) -> Result<Json<Value>> {
    let Query(asked) = asked?;
    Ok(Json(json!(user(&shared, asked.user)?.channels())))
}

pub(super) fn message_json(message: &Message) -> Value {
    let mut json = json!(message);
    json["text"] = json!(message.text());
    json["buttons"] = json!(message.buttons());
    json["ephemeral"] = json!(message.is_ephemeral());
    json["loading"] = json!(message.is_loading());
    json
}

pub(super) async fn messages(State(shared): Context, asked: Asked<View>) -> Result<Json<Value>> {
    let Query(asked) = asked?;
    let place = user(&shared, asked.user)?.in_channel(asked.channel);
    Ok(Json(place.visible_messages().iter().map(message_json).collect()))
}

#[derive(Deserialize)]
pub(super) struct NewMessage {
    user: UserId,
    channel: ChannelId,
    content: String,
    /// The message this one answers.
    reply_to: Option<MessageId>,
}

pub(super) async fn send_message(State(shared): Context, body: Body<NewMessage>) -> Result<Json<Value>> {
    let Json(body) = body?;
    let place = user(&shared, body.user)?.in_channel(body.channel);
    let id = match body.reply_to {
        Some(to) => place.reply(to, &body.content)?,
        None => place.send_message(&body.content)?,
    };
    Ok(Json(json!({"id": id})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageChange {
    user: UserId,
    channel: ChannelId,
    /// The new text; without one the message is deleted.
    content: Option<String>,
}

pub(super) async fn change_message(
    State(shared): Context,
    Path(id): Path<String>,
    body: Body<MessageChange>,
) -> Result<Json<Value>> {
    let id: MessageId = id.parse().map_err(|_| missing("message"))?;
    let Json(body) = body?;
    let place = user(&shared, body.user)?.in_channel(body.channel);
    match &body.content {
        Some(content) => place.edit_message(id, content)?,
        None => place.delete_message(id)?,
    }
    Ok(Json(json!({})))
}

/// Everything in the user's direct messages, by channel.
pub(super) async fn inbox(State(shared): Context, asked: Asked<Viewer>) -> Result<Json<Value>> {
    let Query(asked) = asked?;
    let inbox = user(&shared, asked.user)?.inbox();
    let render = |place: &Place| {
        let messages: Vec<Value> = place.visible_messages().iter().map(message_json).collect();
        json!({"channel": place.channel(), "messages": messages})
    };
    Ok(Json(inbox.iter().map(render).collect()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Joining {
    user: UserId,
}

pub(super) async fn join_by_invite(
    State(shared): Context,
    Path(code): Path<String>,
    body: Body<Joining>,
) -> Result<Json<Value>> {
    let Json(body) = body?;
    Ok(Json(json!({"guild": user(&shared, body.user)?.join_by(&code)?})))
}
