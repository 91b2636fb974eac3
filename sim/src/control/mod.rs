//! The stand-in driven over HTTP, for programs in other languages and for people with `curl`. Everything is JSON;
//! ids are strings; requests with a body need `Content-Type: application/json`. A mistake is answered with status
//! 400 or 404 and `{"error": "what was wrong"}`.
//!
//! | request | body or query | answer |
//! |---|---|---|
//! | `GET /sim/state` | | addresses, users, guilds with roles and members, channels, applications with their tokens |
//! | `POST /sim/users` | `name` | `id` |
//! | `POST /sim/guilds` | `name`, `owner` | `id` |
//! | `POST /sim/guilds/{id}/channels` | `name` | `id` |
//! | `POST /sim/guilds/{id}/roles` | `name`, `permissions` (number, optional) | `id` |
//! | `POST /sim/guilds/{id}/members` | `user`, `roles` (optional) | |
//! | `POST /sim/guilds/{id}/applications` | `application` | |
//! | `POST /sim/applications` | `name`, `owner` | `id`, `bot`, `token`, `public_key` |
//! | `PUT /sim/applications/{id}/endpoint` | `url` (or null: over the gateway) | |
//! | `GET /sim/channels` | `user` | the channels and threads that user sees |
//! | `GET /sim/messages` | `user`, `channel` | the messages that user sees, with `text` and `buttons` |
//! | `POST /sim/messages` | `user`, `channel`, `content` | `id` |
//! | `POST /sim/interactions` | `user`, `channel`, and one act, see below | `id`, `answer`, `followups` |
//! | `GET /sim/interactions/{id}` | `user` | `id`, `answer` (null while there is none), `followups` |
//! | `GET /sim/changes` | `since` | `version`, as soon as it is above `since`, or after 25 seconds |
//! | `GET /sim/log` | | the recorded requests |
//! | `POST /sim/time` | `skip_seconds` | |
//! | `POST /sim/gateway` | `action`: `drop`, `sever` or `forget` | |
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

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::delivery;
use crate::id::{ApplicationId, ChannelId, GuildId, RoleId, UserId};
use crate::permission::Permissions;
use crate::shared::Shared;
use crate::user::{ActError, User};
use crate::world::channel::{Channel, kind};
use crate::world::message::Message;

/// How long `GET /sim/changes` waits at most.
const LONGEST_POLL: Duration = Duration::from_secs(25);

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
        .route("/state", get(state))
        .route("/users", post(add_user))
        .route("/guilds", post(add_guild))
        .route("/guilds/{id}/channels", post(add_channel))
        .route("/guilds/{id}/roles", post(add_role))
        .route("/guilds/{id}/members", post(add_member))
        .route("/guilds/{id}/applications", post(install))
        .route("/applications", post(add_application))
        .route("/applications/{id}/endpoint", put(set_endpoint))
        .route("/channels", get(channels))
        .route("/messages", get(messages).post(send_message))
        .route("/interactions", post(act::interact))
        .route("/interactions/{id}", get(act::interaction))
        .route("/changes", get(changes))
        .route("/log", get(log))
        .route("/time", post(skip_time))
        .route("/gateway", post(gateway))
}

async fn state(State(shared): Context) -> Json<Value> {
    Json(shared.read(|world| {
        let guilds = world.guilds.values().map(|guild| {
            let members = guild.members.iter().map(|(id, member)| json!({"user": id, "roles": member.roles}));
            let roles = guild.roles.values().map(|role| json!({"id": role.id, "name": role.name}));
            json!({
                "id": guild.id, "name": guild.name, "owner": guild.owner,
                "roles": roles.collect::<Vec<_>>(), "members": members.collect::<Vec<_>>(),
            })
        });
        let applications = world.applications.values().map(|application| {
            json!({
                "id": application.id, "name": application.name, "bot": application.bot,
                "token": application.token, "public_key": application.public_key(),
                "endpoint": application.endpoint, "connections": world.sessions.connected(application.id),
            })
        });
        json!({
            "rest": shared.rest_base(), "gateway": shared.gateway_url(),
            "users": world.users.values()
                .map(|user| json!({"id": user.id, "name": user.name, "bot": user.bot})).collect::<Vec<_>>(),
            "guilds": guilds.collect::<Vec<_>>(),
            "channels": world.channels.values().map(Channel::json).collect::<Vec<_>>(),
            "applications": applications.collect::<Vec<_>>(),
        })
    }))
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Owned {
    name: String,
    owner: UserId,
}

fn check_name(name: &str) -> Result<()> {
    let length = name.chars().count();
    if (1..=100).contains(&length) { Ok(()) } else { Err(bad("a name has 1 to 100 characters")) }
}

async fn add_user(State(shared): Context, body: Body<Named>) -> Result<Json<Value>> {
    let Json(body) = body?;
    check_name(&body.name)?;
    Ok(Json(json!({"id": shared.write(|world| world.add_user(&body.name, false))})))
}

async fn add_guild(State(shared): Context, body: Body<Owned>) -> Result<Json<Value>> {
    let Json(body) = body?;
    check_name(&body.name)?;
    user(&shared, body.owner)?;
    Ok(Json(json!({"id": shared.write(|world| world.add_guild(&body.name, body.owner))})))
}

async fn add_application(State(shared): Context, body: Body<Owned>) -> Result<Json<Value>> {
    let Json(body) = body?;
    check_name(&body.name)?;
    user(&shared, body.owner)?;
    shared.write(|world| {
        let id = world.add_application(&body.name, body.owner);
        let known = world.applications.get(&id).ok_or_else(|| missing("application"))?;
        let key = known.public_key();
        Ok(Json(json!({"id": id, "bot": known.bot, "token": known.token, "public_key": key})))
    })
}

fn guild(shared: &Shared, id: &str) -> Result<GuildId> {
    let id: GuildId = id.parse().map_err(|_| missing("guild"))?;
    shared.read(|world| world.guilds.contains_key(&id)).then_some(id).ok_or_else(|| missing("guild"))
}

fn user(shared: &Arc<Shared>, id: UserId) -> Result<User> {
    let known = shared.read(|world| world.users.contains_key(&id));
    known.then(|| User { shared: Arc::clone(shared), id }).ok_or_else(|| missing("user"))
}

async fn add_channel(
    State(shared): Context,
    Path(id): Path<String>,
    body: Body<Named>,
) -> Result<Json<Value>> {
    let guild = guild(&shared, &id)?;
    let Json(body) = body?;
    check_name(&body.name)?;
    Ok(Json(json!({"id": shared.write(|world| world.add_channel(guild, kind::TEXT, &body.name))})))
}

#[derive(Deserialize)]
struct NewRole {
    name: String,
    #[serde(default)]
    permissions: u64,
}

async fn add_role(
    State(shared): Context,
    Path(id): Path<String>,
    body: Body<NewRole>,
) -> Result<Json<Value>> {
    let guild = guild(&shared, &id)?;
    let Json(body) = body?;
    check_name(&body.name)?;
    let permissions = Permissions(body.permissions);
    Ok(Json(json!({"id": shared.write(|world| world.add_role(guild, &body.name, permissions, None))})))
}

#[derive(Deserialize)]
struct NewMember {
    user: UserId,
    #[serde(default)]
    roles: Vec<RoleId>,
}

async fn add_member(
    State(shared): Context,
    Path(id): Path<String>,
    body: Body<NewMember>,
) -> Result<Json<Value>> {
    let guild = guild(&shared, &id)?;
    let Json(body) = body?;
    user(&shared, body.user)?;
    let known = |role: &RoleId| {
        shared.read(|world| world.guilds.get(&guild).is_some_and(|guild| guild.roles.contains_key(role)))
    };
    if !body.roles.iter().all(known) {
        return Err(missing("role"));
    }
    shared.write(|world| world.join(guild, body.user, &body.roles));
    Ok(Json(json!({})))
}

#[derive(Deserialize)]
struct Installed {
    application: ApplicationId,
}

async fn install(
    State(shared): Context,
    Path(id): Path<String>,
    body: Body<Installed>,
) -> Result<Json<Value>> {
    let guild = guild(&shared, &id)?;
    let Json(body) = body?;
    if !shared.read(|world| world.applications.contains_key(&body.application)) {
        return Err(missing("application"));
    }
    shared.write(|world| world.install(guild, body.application, Permissions::BOT));
    Ok(Json(json!({})))
}

#[derive(Deserialize)]
struct Endpoint {
    url: Option<String>,
}

async fn set_endpoint(
    State(shared): Context,
    Path(id): Path<String>,
    body: Body<Endpoint>,
) -> Result<Json<Value>> {
    let id: ApplicationId = id.parse().map_err(|_| missing("application"))?;
    let Json(body) = body?;
    if !shared.read(|world| world.applications.contains_key(&id)) {
        return Err(missing("application"));
    }
    if let Some(url) = &body.url {
        delivery::verify_endpoint(&shared, id, url).await.map_err(bad)?;
    }
    shared.write(|world| {
        if let Some(known) = world.applications.get_mut(&id) {
            known.endpoint = body.url;
        }
    });
    Ok(Json(json!({})))
}

#[derive(Deserialize)]
struct Viewer {
    user: UserId,
}

#[derive(Deserialize)]
struct View {
    user: UserId,
    channel: ChannelId,
}

async fn channels(State(shared): Context, asked: Asked<Viewer>) -> Result<Json<Value>> {
    let Query(asked) = asked?;
    Ok(Json(json!(user(&shared, asked.user)?.channels())))
}

fn message_json(message: &Message) -> Value {
    let mut json = json!(message);
    json["text"] = json!(message.text());
    json["buttons"] = json!(message.buttons());
    json["ephemeral"] = json!(message.is_ephemeral());
    json["loading"] = json!(message.is_loading());
    json
}

async fn messages(State(shared): Context, asked: Asked<View>) -> Result<Json<Value>> {
    let Query(asked) = asked?;
    let place = user(&shared, asked.user)?.in_channel(asked.channel);
    Ok(Json(place.visible_messages().iter().map(message_json).collect()))
}

#[derive(Deserialize)]
struct NewMessage {
    user: UserId,
    channel: ChannelId,
    content: String,
}

async fn send_message(State(shared): Context, body: Body<NewMessage>) -> Result<Json<Value>> {
    let Json(body) = body?;
    let id = user(&shared, body.user)?.in_channel(body.channel).send_message(&body.content)?;
    Ok(Json(json!({"id": id})))
}

#[derive(Deserialize)]
struct Since {
    #[serde(default)]
    since: u64,
}

async fn changes(State(shared): Context, asked: Asked<Since>) -> Result<Json<Value>> {
    let Query(asked) = asked?;
    let mut changes = shared.changes();
    let news = async {
        tokio::select! {
            _ = changes.wait_for(|version| *version > asked.since) => {}
            () = shared.stopped() => {}
        }
    };
    // No change for a while is an answer too.
    let _ = tokio::time::timeout(LONGEST_POLL, news).await;
    Ok(Json(json!({"version": shared.version()})))
}

async fn log(State(shared): Context) -> Json<Value> {
    let log = shared.log.lock().unwrap_or_else(PoisonError::into_inner);
    Json(json!({"exchanges": log.all(), "dropped": log.dropped()}))
}

#[derive(Deserialize)]
struct Skip {
    skip_seconds: u32,
}

async fn skip_time(State(shared): Context, body: Body<Skip>) -> Result<Json<Value>> {
    let Json(body) = body?;
    shared.clock.skip(Duration::from_secs(body.skip_seconds.into()));
    shared.write(|_| ());
    Ok(Json(json!({})))
}

#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
enum GatewayAction {
    Drop,
    Sever,
    Forget,
}

async fn gateway(State(shared): Context, body: Body<GatewayAction>) -> Result<Json<Value>> {
    let Json(action) = body?;
    shared.write(|world| match action {
        GatewayAction::Drop => world.sessions.ask_to_reconnect(),
        GatewayAction::Sever => world.sessions.sever(),
        GatewayAction::Forget => world.sessions.forget(),
    });
    Ok(Json(json!({})))
}
