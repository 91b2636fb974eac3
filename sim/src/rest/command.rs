//! Registering application commands, global and for one guild.

use serde_json::{Value, json};

use super::error::ApiError;
use super::{Answer, Call, Outcome, Visit, id};
use crate::id::{ApplicationId, CommandId, GuildId};
use crate::validate::command as form;
use crate::world::application::Command;

pub(crate) fn global(visit: &mut Visit<'_>, call: &Call, application: &str, rest: &[&str]) -> Outcome {
    own(visit, application)?;
    route(visit, call, None, rest)
}

pub(crate) fn in_guild(
    visit: &mut Visit<'_>,
    call: &Call,
    application: &str,
    guild: &str,
    rest: &[&str],
) -> Outcome {
    own(visit, application)?;
    let guild: GuildId = id("guild_id", guild)?;
    let inside = visit.world.guilds.get(&guild).is_some_and(|g| g.members.contains_key(&visit.caller.bot));
    if !inside {
        return Err(ApiError::missing_access());
    }
    route(visit, call, Some(guild), rest)
}

/// An application manages its own commands only.
fn own(visit: &Visit<'_>, application: &str) -> Result<(), ApiError> {
    let asked: ApplicationId = id("application_id", application)?;
    let own = asked == visit.caller.application;
    if own { Ok(()) } else { Err(ApiError::missing_access()) }
}

fn route(visit: &mut Visit<'_>, call: &Call, guild: Option<GuildId>, rest: &[&str]) -> Outcome {
    match (call.method.as_str(), rest) {
        ("GET", []) => Ok(Answer::ok(list(visit, guild))),
        ("POST", []) => create(visit, call, guild),
        ("PUT", []) => overwrite(visit, call, guild),
        ("GET", ["permissions"]) if guild.is_some() => {
            let own = |id: u64| {
                let known = visit.world.commands.get(&CommandId(id));
                id == visit.caller.application.0
                    || known.is_some_and(|known| known.application == visit.caller.application)
            };
            let known = guild.and_then(|guild| visit.world.guilds.get(&guild));
            let ids: Vec<u64> =
                known.into_iter().flat_map(|known| known.command_rules.keys().copied()).collect();
            let rules = ids
                .into_iter()
                .filter(|id| own(*id))
                .filter_map(|id| visit.world.command_rules_json(guild?, visit.caller.application, id));
            Ok(Answer::ok(rules.collect()))
        }
        ("GET", [command, "permissions"]) => {
            let command: u64 = id("command_id", command)?;
            let rules = guild
                .and_then(|guild| visit.world.command_rules_json(guild, visit.caller.application, command));
            rules.map(Answer::ok).ok_or_else(ApiError::unknown_command_permissions)
        }
        // Only staff with a bearer token of their own set these; bots are refused.
        ("PUT", [_, "permissions"]) => Err(ApiError::bots_cannot()),
        (method, [command]) => {
            let command: CommandId = id("command_id", command)?;
            let known = visit
                .world
                .commands
                .get(&command)
                .filter(|known| known.application == visit.caller.application && known.guild == guild)
                .ok_or_else(ApiError::unknown_command)?
                .clone();
            match method {
                "GET" => Ok(Answer::ok(known.json())),
                "PATCH" => edit(visit, call, &known),
                "DELETE" => {
                    visit.world.commands.remove(&command);
                    Ok(Answer::nothing())
                }
                _ => Err(ApiError::method_not_allowed()),
            }
        }
        (_, []) => Err(ApiError::method_not_allowed()),
        _ => Err(ApiError::not_found()),
    }
}

fn list(visit: &Visit<'_>, guild: Option<GuildId>) -> Value {
    visit
        .world
        .commands
        .values()
        .filter(|command| command.application == visit.caller.application && command.guild == guild)
        .map(Command::json)
        .collect()
}

fn find(visit: &Visit<'_>, guild: Option<GuildId>, body: &Value) -> Option<CommandId> {
    visit
        .world
        .commands
        .values()
        .find(|command| {
            command.application == visit.caller.application
                && command.guild == guild
                && command.body["name"] == body["name"]
                && command.body["type"] == body["type"]
        })
        .map(|command| command.id)
}

fn store(visit: &mut Visit<'_>, guild: Option<GuildId>, id: Option<CommandId>, body: Value) -> Value {
    let version = visit.world.next_id();
    let id = id.unwrap_or(CommandId(version));
    // The version moves only when something changed, so that a client can tell.
    let version = match visit.world.commands.get(&id) {
        Some(known) if known.body == body => known.version,
        _ => version,
    };
    let command = Command { id, application: visit.caller.application, guild, version, body };
    let json = command.json();
    visit.world.commands.insert(id, command);
    json
}

/// Creating a command of a name that exists replaces it, with status 200 instead of 201.
fn create(visit: &mut Visit<'_>, call: &Call, guild: Option<GuildId>) -> Outcome {
    let body = form::check(&call.form(), None)?;
    let known = find(visit, guild, &body);
    let json = store(visit, guild, known, body);
    Ok(if known.is_some() { Answer::ok(json) } else { Answer::created(json) })
}

fn edit(visit: &mut Visit<'_>, call: &Call, known: &Command) -> Outcome {
    let body = form::check(&call.form(), Some(&known.body))?;
    if find(visit, known.guild, &body).is_some_and(|other| other != known.id) {
        let message = "Application command names must be unique";
        return Err(ApiError::form(&["name"], "APPLICATION_COMMANDS_DUPLICATE_NAME", message));
    }
    Ok(Answer::ok(store(visit, known.guild, Some(known.id), body)))
}

fn overwrite(visit: &mut Visit<'_>, call: &Call, guild: Option<GuildId>) -> Outcome {
    let bodies = form::check_all(&call.form())?;
    let mut kept = Vec::new();
    let mut out = Vec::new();
    for body in bodies {
        let known = find(visit, guild, &body);
        let json = store(visit, guild, known, body);
        kept.extend(json["id"].as_str().and_then(|id| id.parse::<CommandId>().ok()));
        out.push(json);
    }
    let application = visit.caller.application;
    visit.world.commands.retain(|id, command| {
        command.application != application || command.guild != guild || kept.contains(id)
    });
    Ok(Answer::ok(json!(out)))
}
