//! Building the world over HTTP, and looking at it.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Body, Context, Result, bad, guild, missing, user};
use crate::clock::timestamp;
use crate::delivery;
use crate::id::{ApplicationId, RoleId, UserId};
use crate::permission::Permissions;
use crate::world::channel::{Channel, kind};

pub(super) async fn state(State(shared): Context) -> Json<Value> {
    Json(shared.read(|world| {
        let guilds = world.guilds.values().map(|guild| {
            let members = guild.members.iter().map(|(id, member)| {
                json!({
                    "user": id, "roles": member.roles, "nick": member.nick,
                    "timed_out_until": member.timed_out_until.map(timestamp),
                })
            });
            let bans = guild.bans.iter().map(|(user, reason)| json!({"user": user, "reason": reason}));
            let roles = guild.roles.values();
            let roles = roles.map(|role| json!({"id": role.id, "name": role.name, "position": role.position}));
            json!({
                "id": guild.id, "name": guild.name, "owner": guild.owner,
                "roles": roles.collect::<Vec<_>>(), "members": members.collect::<Vec<_>>(), "bans": bans.collect::<Vec<_>>(),
                "locale": guild.locale,
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
pub(super) struct NewUser {
    name: String,
    /// How old the account is; new without.
    age_seconds: Option<u32>,
    locale: Option<String>,
    #[serde(default)]
    nitro: bool,
}

#[derive(Deserialize)]
pub(super) struct Owned {
    name: String,
    owner: UserId,
}

fn check_name(name: &str) -> Result<()> {
    let length = name.chars().count();
    if (1..=100).contains(&length) { Ok(()) } else { Err(bad("a name has 1 to 100 characters")) }
}

pub(super) async fn add_user(State(shared): Context, body: Body<NewUser>) -> Result<Json<Value>> {
    let Json(body) = body?;
    check_name(&body.name)?;
    let id = shared.write(|world| match body.age_seconds {
        Some(age) => {
            let made = world.now() - time::Duration::seconds(age.into());
            world.add_user_made_at(&body.name, made)
        }
        None => world.add_user(&body.name, false),
    });
    let known = user(&shared, id)?;
    if let Some(locale) = &body.locale {
        known.set_locale(locale)?;
    }
    known.set_nitro(body.nitro);
    Ok(Json(json!({"id": id})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserChange {
    locale: Option<String>,
    direct_messages: Option<bool>,
    nitro: Option<bool>,
}

pub(super) async fn change_user(
    State(shared): Context,
    Path(id): Path<String>,
    body: Body<UserChange>,
) -> Result<Json<Value>> {
    let known = user(&shared, id.parse().map_err(|_| missing("user"))?)?;
    let Json(body) = body?;
    if let Some(locale) = &body.locale {
        known.set_locale(locale)?;
    }
    if let Some(open) = body.direct_messages {
        known.take_direct_messages(open);
    }
    if let Some(nitro) = body.nitro {
        known.set_nitro(nitro);
    }
    Ok(Json(json!({})))
}

pub(super) async fn add_guild(State(shared): Context, body: Body<Owned>) -> Result<Json<Value>> {
    let Json(body) = body?;
    check_name(&body.name)?;
    user(&shared, body.owner)?;
    Ok(Json(json!({"id": shared.write(|world| world.add_guild(&body.name, body.owner))})))
}

pub(super) async fn add_application(State(shared): Context, body: Body<Owned>) -> Result<Json<Value>> {
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

#[derive(Deserialize)]
pub(super) struct NewChannel {
    name: String,
    #[serde(default)]
    kind: ChannelKind,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChannelKind {
    #[default]
    Text,
    Voice,
    Category,
    Forum,
}

pub(super) async fn add_channel(
    State(shared): Context,
    Path(id): Path<String>,
    body: Body<NewChannel>,
) -> Result<Json<Value>> {
    let guild = guild(&shared, &id)?;
    let Json(body) = body?;
    check_name(&body.name)?;
    let sort = match body.kind {
        ChannelKind::Text => kind::TEXT,
        ChannelKind::Voice => kind::VOICE,
        ChannelKind::Category => kind::CATEGORY,
        ChannelKind::Forum => kind::FORUM,
    };
    Ok(Json(json!({"id": shared.write(|world| world.add_channel(guild, sort, &body.name))})))
}

#[derive(Deserialize)]
pub(super) struct NewRole {
    name: String,
    #[serde(default)]
    permissions: u64,
}

pub(super) async fn add_role(
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
pub(super) struct NewMember {
    user: UserId,
    #[serde(default)]
    roles: Vec<RoleId>,
}

pub(super) async fn add_member(
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
pub(super) struct Installed {
    application: ApplicationId,
}

pub(super) async fn install(
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
pub(super) struct Endpoint {
    url: Option<String>,
}

pub(super) async fn set_endpoint(
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
#[serde(deny_unknown_fields)]
pub(super) struct Outage {
    out: bool,
}

pub(super) async fn set_outage(
    State(shared): Context,
    Path(id): Path<String>,
    body: Body<Outage>,
) -> Result<Json<Value>> {
    let guild = guild(&shared, &id)?;
    let Json(body) = body?;
    shared.write(|world| world.set_outage(guild, body.out));
    Ok(Json(json!({})))
}

pub(super) async fn remove_application(
    State(shared): Context,
    Path((id, application)): Path<(String, String)>,
) -> Result<Json<Value>> {
    let guild = guild(&shared, &id)?;
    let application: ApplicationId = application.parse().map_err(|_| missing("application"))?;
    let gone = shared.write(|world| {
        let bot = world.bot_of(application);
        world.leave(guild, bot)
    });
    if gone { Ok(Json(json!({}))) } else { Err(missing("application in this guild")) }
}

pub(super) async fn audit_log(State(shared): Context, Path(id): Path<String>) -> Result<Json<Value>> {
    let guild = guild(&shared, &id)?;
    Ok(Json(shared.read(|world| {
        let log = world.guilds.get(&guild).map(|known| &known.audit);
        log.into_iter().flatten().map(crate::world::audit::Entry::json).collect()
    })))
}
