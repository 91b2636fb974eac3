//! `POST /sim/interactions`: a user's act and what came of it.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::talk::{Viewer, message_json};
use super::{Asked, Body, Context, Result, bad, missing, user};
use crate::id::{ChannelId, InteractionId, MessageId, UserId};
use crate::user::{Answer, InteractionHandle, Place};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewInteraction {
    user: UserId,
    channel: ChannelId,
    command: Option<String>,
    options: Option<Value>,
    autocomplete: Option<String>,
    focused: Option<String>,
    message: Option<MessageId>,
    press: Option<String>,
    select: Option<String>,
    #[serde(default)]
    values: Vec<String>,
    modal: Option<InteractionId>,
    fields: Option<Value>,
    user_command: Option<String>,
    message_command: Option<String>,
    target: Option<String>,
    wait_ms: Option<u64>,
}

impl NewInteraction {
    fn act(&self, place: &Place) -> Result<InteractionHandle> {
        let options = || self.options.clone().unwrap_or_else(|| json!({}));
        if let Some(command) = &self.command {
            let typed = self.options.is_none();
            let run = if typed { place.type_command(command) } else { place.run(command, options()) };
            return Ok(run?);
        }
        if let Some(command) = &self.autocomplete {
            let focused = self.focused.as_deref().ok_or_else(|| bad("autocomplete needs focused"))?;
            return Ok(place.autocomplete(command, options(), focused)?);
        }
        if let (Some(message), Some(button)) = (self.message, &self.press) {
            return Ok(place.press(message, button)?);
        }
        if let (Some(message), Some(menu)) = (self.message, &self.select) {
            let values: Vec<&str> = self.values.iter().map(String::as_str).collect();
            return Ok(place.select(message, menu, &values)?);
        }
        if let Some(id) = self.modal {
            let shown = InteractionHandle { user: place.user().clone(), id };
            let Some(Answer::Modal(modal)) = shown.current() else { return Err(missing("form")) };
            return Ok(place.submit_modal(&modal, self.fields.clone().unwrap_or_else(|| json!({})))?);
        }
        let target = || self.target.as_deref().ok_or_else(|| bad("a context-menu command needs a target"));
        if let Some(command) = &self.user_command {
            let target = target()?.parse().map_err(|_| missing("user"))?;
            return Ok(place.run_on_user(command, target)?);
        }
        if let Some(command) = &self.message_command {
            let target = target()?.parse().map_err(|_| missing("message"))?;
            return Ok(place.run_on_message(command, target)?);
        }
        Err(bad(
            "say what to do: command, autocomplete, message with press or select, modal, user_command, ...",
        ))
    }
}

pub(super) async fn interact(State(shared): Context, body: Body<NewInteraction>) -> Result<Json<Value>> {
    let Json(body) = body?;
    let place = user(&shared, body.user)?.in_channel(body.channel);
    let handle = body.act(&place)?;
    let within = Duration::from_millis(body.wait_ms.unwrap_or(5_000).min(60_000));
    let settled = || match handle.current() {
        None | Some(Answer::Deferred(_)) => None,
        Some(answer) => Some(answer),
    };
    // Not settled in time is an answer too: the caller sees how far it got.
    let _ = handle.user.wait(within, settled, String::new).await;
    Ok(Json(handle_json(&handle)))
}

pub(super) async fn interaction(
    State(shared): Context,
    Path(id): Path<String>,
    asked: Asked<Viewer>,
) -> Result<Json<Value>> {
    let Query(asked) = asked?;
    let id: InteractionId = id.parse().map_err(|_| missing("interaction"))?;
    let known =
        shared.read(|world| world.interactions.get(&id).is_some_and(|known| known.user == asked.user));
    if !known {
        return Err(missing("interaction"));
    }
    Ok(Json(handle_json(&InteractionHandle { user: user(&shared, asked.user)?, id })))
}

fn handle_json(handle: &InteractionHandle) -> Value {
    let answer = handle.current().map(|answer| match answer {
        Answer::Message(message) => json!({"kind": "message", "message": message_json(&message)}),
        Answer::Deferred(message) => json!({"kind": "deferred", "message": message_json(&message)}),
        Answer::DeferredUpdate => json!({"kind": "deferred_update"}),
        Answer::Updated(message) => json!({"kind": "updated", "message": message_json(&message)}),
        Answer::Modal(modal) => json!({"kind": "modal", "modal": modal}),
        Answer::Choices(choices) => json!({"kind": "choices", "choices": choices}),
        Answer::Failed(text) => json!({"kind": "failed", "text": text}),
    });
    let followups: Vec<Value> = handle.followups().iter().map(message_json).collect();
    json!({"id": handle.id(), "answer": answer, "followups": followups})
}
