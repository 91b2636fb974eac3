//! The table of routes, and the rate-limit bucket each of them counts in.

use std::time::Duration;

use axum::http::Method;
use serde_json::json;

use super::error::ApiError;
use super::{Answer, Call, Caller, Outcome, Visit};
use super::{
    application, audit, ban, channel, command, guild, interaction, invite, member, message, role, thread,
    user,
};
use crate::shared::Shared;
use crate::world::World;

/// The route of a request with its ids left out, and the id that splits its bucket (the channel, guild or webhook).
pub(crate) fn bucket(call: &Call) -> (String, String) {
    let mut template = call.method.to_string();
    let mut major = String::new();
    for (index, segment) in call.path.iter().enumerate() {
        let splits = index == 1 && matches!(call.path[0].as_str(), "channels" | "guilds" | "webhooks");
        if splits || (index == 2 && call.path[0] == "webhooks") {
            major.push_str(segment);
        }
        let number = segment.bytes().all(|byte| byte.is_ascii_digit());
        let token = index == 2 && matches!(call.path[0].as_str(), "webhooks" | "interactions");
        template.push('/');
        template.push_str(if number || token { ":" } else { segment });
    }
    (template, major)
}

pub(crate) fn run(
    world: &mut World,
    call: &Call,
    caller: Option<Caller>,
    within: Duration,
    life: Duration,
    shared: &Shared,
) -> Outcome {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    // These need no bot token: the gateway's address is public, and an interaction carries its own token.
    match (&call.method, path.as_slice()) {
        (&Method::GET, ["gateway"]) => return Ok(Answer::ok(json!({"url": shared.gateway_url()}))),
        (&Method::POST, ["interactions", id, token, "callback"]) => {
            return interaction::callback(world, call, id, token, within);
        }
        (_, ["webhooks", webhook, token, rest @ ..]) => {
            return interaction::webhook(world, call, webhook, token, rest, life);
        }
        _ => {}
    }
    let caller = caller.ok_or_else(ApiError::unauthorized)?;
    let mut visit = Visit { world, caller };
    let shards = visit.world.application(caller.application)?.shards;
    match (call.method.as_str(), path.as_slice()) {
        ("GET", ["gateway", "bot"]) => Ok(Answer::ok(json!({
            "url": shared.gateway_url(), "shards": shards,
            "session_start_limit": {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1},
        }))),
        (_, ["users", rest @ ..]) => user::route(&mut visit, call, rest),
        (_, ["oauth2", "applications", "@me"] | ["applications", "@me"]) => application::me(&mut visit, call),
        (_, ["applications", id, "commands", rest @ ..]) => command::global(&mut visit, call, id, rest),
        (_, ["applications", id, "guilds", guild, "commands", rest @ ..]) => {
            command::in_guild(&mut visit, call, id, guild, rest)
        }
        (_, ["channels", id, "messages", rest @ ..]) => message::route(&mut visit, call, id, rest),
        (_, ["channels", id, rest @ ("pins" | "threads" | "thread-members" | "users"), tail @ ..]) => {
            thread::route(&mut visit, call, id, rest, tail)
        }
        (_, ["channels", id, rest @ ..]) => channel::route(&mut visit, call, id, rest),
        (_, ["guilds", id, "members", rest @ ..]) => member::route(&mut visit, call, id, rest),
        (_, ["guilds", id, rest @ ("bans" | "bulk-ban"), tail @ ..]) => {
            ban::route(&mut visit, call, id, rest, tail)
        }
        (_, ["guilds", id, "roles", rest @ ..]) => role::route(&mut visit, call, id, rest),
        ("GET", ["guilds", id, "audit-logs"]) => audit::list(&mut visit, call, id),
        (_, ["invites", code]) => invite::route(&mut visit, call, code),
        (_, ["guilds", id, rest @ ..]) => guild::route(&mut visit, call, id, rest),
        _ => Err(ApiError::not_found()),
    }
}
