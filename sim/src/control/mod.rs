//! The stand-in driven over HTTP, for programs in other languages and for people with `curl`. Everything is JSON;
//! ids are strings; requests with a body need `Content-Type: application/json`. A mistake is answered with status
//! 400 or 404 and `{"error": "what was wrong"}`.
//!
//! | request | body or query | answer |
//! |---|---|---|
//! | `GET /sim/state` | | addresses, users, guilds with roles and members, channels, applications with their tokens |
//! | `POST /sim/users` | `name`, `age_seconds`, `locale` and `nitro` (optional) | `id` |
//! | `PATCH /sim/users/{id}` | `locale`, `direct_messages` (false: closed), `nitro` | |
//! | `POST /sim/guilds` | `name`, `owner` | `id` |
//! | `POST /sim/guilds/{id}/channels` | `name`, `kind` (`text`, `voice`, `category`, `forum`; text without) | `id` |
//! | `POST /sim/guilds/{id}/roles` | `name`, `permissions` (number, optional) | `id` |
//! | `POST /sim/guilds/{id}/members` | `user`, `roles` (optional) | |
//! | `POST /sim/guilds/{id}/applications` | `application` | |
//! | `DELETE /sim/guilds/{id}/applications/{application}` | | |
//! | `PUT /sim/guilds/{id}/outage` | `out` | |
//! | `GET /sim/guilds/{id}/audit-log` | | the entries as Discord writes them, oldest first |
//! | `POST /sim/guilds/{id}/staff` | `user`, and one act by hand, see below | `id` of what was made |
//! | `POST /sim/invites/{code}` | `user`, who joins by it | `guild` |
//! | `POST /sim/applications` | `name`, `owner` | `id`, `bot`, `token`, `public_key` |
//! | `PUT /sim/applications/{id}/endpoint` | `url` (or null: over the gateway) | |
//! | `GET /sim/channels` | `user` | the channels and threads that user sees |
//! | `GET /sim/messages` | `user`, `channel` | the messages that user sees, with `text` and `buttons` |
//! | `GET /sim/inbox` | `user` | the direct messages of that user, by channel |
//! | `POST /sim/messages` | `user`, `channel`, `content`, `reply_to` (optional) | `id` |
//! | `PATCH /sim/messages/{id}` | `user`, `channel`, `content` (null deletes the message) | |
//! | `POST /sim/interactions` | `user`, `channel`, and one act, see below | `id`, `answer`, `followups` |
//! | `GET /sim/interactions/{id}` | `user` | `id`, `answer` (null while there is none), `followups` |
//! | `GET /sim/changes` | `since` | `version`, as soon as it is above `since`, or after 25 seconds |
//! | `GET /sim/log` | | the recorded requests |
//! | `POST /sim/time` | `skip_seconds` | |
//! | `POST /sim/gateway` | `action`: `drop`, `sever` or `forget` | |
//! | `POST /sim/faults` | `fault`, `route`, `times`, see [`crate::FaultOrder`] | |
//! | `DELETE /sim/faults` | | `struck`: how many requests were hit |
//!
//! The acts of `POST /sim/guilds/{id}/staff` carry `act` and what belongs to it, `{"user": "ID", "act": "ban", "target":
//! "ID", "reason": "spam"}`: `kick`, `ban`, `unban`, `time_out` (`seconds`; 0 ends it), `set_nick`, `give_role`,
//! `take_role`, `create_role`, `edit_role`, `delete_role`, `move_role`, `create_channel`, `rename_channel`,
//! `delete_channel`, `set_slowmode`, `overwrite_role`, `overwrite_member`, `delete_overwrite`, `create_invite`,
//! `delete_invite`, `join_voice`, `leave_voice`, `move_in_voice`, `rule_command` and `leave`.
//!
//! The acts of `POST /sim/interactions`:
//!
//! * `{"command": "/server start server:survival"}`, or `{"command": "server start", "options": {"server": "survival"}}`
//! * `{"autocomplete": "server start", "options": {"server": "su"}, "focused": "server"}`
//! * `{"message": "ID", "press": "Stop"}` (what is written on the button, or its custom id)
//! * `{"message": "ID", "select": "custom id", "values": ["one"]}`
//! * `{"modal": "ID of the interaction that showed it", "fields": {"reason": "spam"}}`
//! * `{"user_command": "name", "target": "user ID"}`, `{"message_command": "name", "target": "message ID"}`
//!
//! The answer comes when the application has answered, past any “thinking”, at the latest after `wait_ms` (default
//! 5000, at most 60000); `"answer": {"kind": "deferred"}` then says that it still thinks. The kinds are `message`,
//! `deferred`, `deferred_update`, `updated`, `modal`, `choices` and `failed`.

mod act;
mod build;
mod rig;
mod staff;
mod talk;

use std::sync::Arc;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post, put};
use axum::{Json, Router};
use serde_json::json;

use crate::id::{GuildId, UserId};
use crate::shared::Shared;
use crate::user::{ActError, User};

type Context = State<Arc<Shared>>;
type Result<T> = std::result::Result<T, Mistake>;
type Body<T> = std::result::Result<Json<T>, JsonRejection>;
type Asked<T> = std::result::Result<Query<T>, QueryRejection>;

/// What a caller did wrong.
struct Mistake(StatusCode, String);

impl IntoResponse for Mistake {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

impl From<ActError> for Mistake {
    fn from(error: ActError) -> Self {
        Self(StatusCode::BAD_REQUEST, error.to_string())
    }
}

impl From<JsonRejection> for Mistake {
    fn from(rejection: JsonRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}

impl From<QueryRejection> for Mistake {
    fn from(rejection: QueryRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}

fn missing(what: &str) -> Mistake {
    Mistake(StatusCode::NOT_FOUND, format!("there is no such {what}"))
}

fn bad(what: impl Into<String>) -> Mistake {
    Mistake(StatusCode::BAD_REQUEST, what.into())
}

pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/state", get(build::state))
        .route("/users", post(build::add_user))
        .route("/users/{id}", patch(build::change_user))
        .route("/guilds", post(build::add_guild))
        .route("/guilds/{id}/channels", post(build::add_channel))
        .route("/guilds/{id}/roles", post(build::add_role))
        .route("/guilds/{id}/members", post(build::add_member))
        .route("/guilds/{id}/applications", post(build::install))
        .route("/guilds/{id}/applications/{application}", delete(build::remove_application))
        .route("/guilds/{id}/outage", put(build::set_outage))
        .route("/guilds/{id}/audit-log", get(build::audit_log))
        .route("/guilds/{id}/staff", post(staff::act))
        .route("/applications", post(build::add_application))
        .route("/applications/{id}/endpoint", put(build::set_endpoint))
        .route("/invites/{code}", post(talk::join_by_invite))
        .route("/channels", get(talk::channels))
        .route("/inbox", get(talk::inbox))
        .route("/messages", get(talk::messages).post(talk::send_message))
        .route("/messages/{id}", patch(talk::change_message))
        .route("/interactions", post(act::interact))
        .route("/interactions/{id}", get(act::interaction))
        .route("/changes", get(rig::changes))
        .route("/log", get(rig::log))
        .route("/time", post(rig::skip_time))
        .route("/gateway", post(rig::gateway))
        .route("/faults", post(rig::order_fault).delete(rig::heal))
}

fn guild(shared: &Shared, id: &str) -> Result<GuildId> {
    let id: GuildId = id.parse().map_err(|_| missing("guild"))?;
    shared.read(|world| world.guilds.contains_key(&id)).then_some(id).ok_or_else(|| missing("guild"))
}

fn user(shared: &Arc<Shared>, id: UserId) -> Result<User> {
    let known = shared.read(|world| world.users.contains_key(&id));
    known.then(|| User { shared: Arc::clone(shared), id }).ok_or_else(|| missing("user"))
}
