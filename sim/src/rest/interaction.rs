//! Answering interactions: the callback, and the webhook that lives as long as the interaction's token.

use std::time::Duration;

use super::error::ApiError;
use super::{Answer, Call, Outcome, id};
use crate::id::{ApplicationId, InteractionId, MessageId};
use crate::interaction::Interaction;
use crate::world::World;

pub(crate) fn callback(
    world: &mut World,
    call: &Call,
    interaction: &str,
    token: &str,
    within: Duration,
) -> Outcome {
    let asked: InteractionId = id("interaction_id", interaction)?;
    let known = world.by_token(token).filter(|known| known.id == asked).is_some();
    if !known {
        return Err(ApiError::unknown_interaction());
    }
    let uploads = world.receive(&call.uploads);
    let answer = world.answer(asked, &call.form(), uploads, within)?;
    Ok(if call.flag("with_response") { Answer::ok(answer) } else { Answer::nothing() })
}

pub(crate) fn webhook(
    world: &mut World,
    call: &Call,
    webhook: &str,
    token: &str,
    rest: &[&str],
    life: Duration,
) -> Outcome {
    let application: ApplicationId = id("webhook_id", webhook)?;
    let interaction = world
        .by_token(token)
        .filter(|known| known.application == application)
        .ok_or_else(ApiError::unknown_webhook)?
        .clone();
    if world.now() - interaction.created > life {
        return Err(ApiError::invalid_webhook_token());
    }
    let bot = world.bot_of(application);
    match (call.method.as_str(), rest) {
        ("POST", []) => {
            let uploads = world.receive(&call.uploads);
            let message = world.follow_up(interaction.id, &call.form(), uploads)?;
            let message = world.messages.get(&message).ok_or_else(ApiError::unknown_message)?;
            Ok(Answer::ok(world.message_json(message, bot)))
        }
        (method, ["messages", name]) => {
            let message = named(world, &interaction, name)?;
            match method {
                "GET" => {}
                "PATCH" => {
                    let uploads = world.receive(&call.uploads);
                    world.fill(interaction.id, message, &call.form(), uploads)?;
                }
                "DELETE" => {
                    world.remove_message(message);
                    return Ok(Answer::nothing());
                }
                _ => return Err(ApiError::method_not_allowed()),
            }
            let message = world.messages.get(&message).ok_or_else(ApiError::unknown_message)?;
            Ok(Answer::ok(world.message_json(message, bot)))
        }
        (_, []) => Err(ApiError::method_not_allowed()),
        _ => Err(ApiError::not_found()),
    }
}

/// `@original`, or a message of this interaction by its id. Others are unknown to its token.
fn named(world: &World, interaction: &Interaction, name: &str) -> Result<MessageId, ApiError> {
    let message = if name == "@original" {
        interaction.original.ok_or_else(ApiError::unknown_message)?
    } else {
        let asked: MessageId = id("message_id", name)?;
        let own = interaction.original == Some(asked) || interaction.followups.contains(&asked);
        if own { asked } else { return Err(ApiError::unknown_message()) }
    };
    if world.messages.contains_key(&message) { Ok(message) } else { Err(ApiError::unknown_message()) }
}
