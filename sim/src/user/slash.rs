//! Commands as a user calls them: finding the registered command, typing its options, writing the interaction's data.

use serde_json::{Map, Value, json};

use super::{ActError, rules};
use crate::id::{ApplicationId, ChannelId, MessageId, RoleId, UserId};
use crate::permission::Permissions;
use crate::validate::command::STRING;
use crate::world::World;
use crate::world::application::Command;

/// A registered command, or one of its sub-commands, about to be called.
pub(super) struct Invocation {
    pub(super) command: Command,
    /// Group and sub-command names below the command.
    path: Vec<String>,
    options: Vec<Value>,
}

impl Invocation {
    fn name(&self) -> String {
        let mut name = self.command.name().to_owned();
        for part in &self.path {
            name.push(' ');
            name.push_str(part);
        }
        name
    }
}

/// What may be read as the command's name: the words before the first option.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.trim().trim_start_matches('/').split_whitespace()
}

fn may_use(world: &World, command: &Command, channel: ChannelId, user: UserId) -> bool {
    let rights = world.permissions(channel, user);
    let needed = command.body["default_member_permissions"].as_str().and_then(|bits| bits.parse().ok());
    let inside = world.channels.get(&channel).is_some_and(|channel| match channel.guild {
        Some(guild) => {
            let bot = world.bot_of(command.application);
            world.guilds.get(&guild).is_some_and(|guild| guild.members.contains_key(&bot))
        }
        None => command.body["dm_permission"] != false,
    });
    // A requirement of no permission at all reads as: administrators only.
    let by_default = match needed {
        Some(0) => rights.contains(Permissions::ADMINISTRATOR),
        Some(bits) => rights.contains(Permissions(bits)),
        None => true,
    };
    inside && rules::allowed(world, command, channel, user).unwrap_or(by_default)
}

/// The names of what the user can call here.
pub(super) fn offered(world: &World, channel: ChannelId, user: UserId) -> Vec<String> {
    let rights = world.permissions(channel, user);
    if !rights.contains(Permissions::VIEW_CHANNEL | Permissions::USE_APPLICATION_COMMANDS) {
        return Vec::new();
    }
    let guild = world.channels.get(&channel).and_then(|channel| channel.guild);
    let usable =
        world.commands_in(guild).into_iter().filter(|command| may_use(world, command, channel, user));
    let mut names: Vec<String> = usable.map(|command| command.name().to_owned()).collect();
    names.sort();
    names
}

pub(super) fn resolve(
    world: &World,
    channel: ChannelId,
    user: UserId,
    line: &str,
) -> Result<Invocation, ActError> {
    if !world.permissions(channel, user).contains(Permissions::VIEW_CHANNEL) {
        return Err(ActError::CannotSee("channel"));
    }
    if !world.permissions(channel, user).contains(Permissions::USE_APPLICATION_COMMANDS) {
        return Err(ActError::NotAllowed);
    }
    let guild = world.channels.get(&channel).and_then(|channel| channel.guild);
    let offered = world.commands_in(guild);
    let mut words = words(line);
    let first = words.next().unwrap_or_default();
    let found: Vec<&&Command> =
        offered.iter().filter(|command| command.kind() == 1 && command.name() == first).collect();
    if found.is_empty() {
        return Err(unknown(line, &offered));
    }
    let usable = found.into_iter().find(|command| may_use(world, command, channel, user));
    let command = (*usable.ok_or(ActError::NotAllowed)?).clone();
    let mut options = list(&command.body["options"]);
    let mut path = Vec::new();
    while options.first().is_some_and(|option| matches!(option["type"].as_i64(), Some(1 | 2))) {
        let word = words.next().unwrap_or_default();
        let Some(below) = options.iter().find(|option| option["name"] == word) else {
            return Err(unknown(line, &offered));
        };
        path.push(word.to_owned());
        let last = below["type"] == 1;
        options = list(&below["options"]);
        if last {
            break;
        }
    }
    Ok(Invocation { command, path, options })
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn unknown(line: &str, offered: &[&Command]) -> ActError {
    let mut known = Vec::new();
    for command in offered.iter().filter(|command| command.kind() == 1) {
        let below: Vec<String> = list(&command.body["options"])
            .iter()
            .filter(|option| matches!(option["type"].as_i64(), Some(1 | 2)))
            .filter_map(|option| Some(format!("{} {}", command.name(), option["name"].as_str()?)))
            .collect();
        if below.is_empty() { known.push(command.name().to_owned()) } else { known.extend(below) }
    }
    let name = line.trim().trim_start_matches('/').to_owned();
    ActError::UnknownCommand { name, known: known.join(", ") }
}

/// Reads `name:value` pairs. A value goes on to the next known option, so that it may hold spaces.
pub(super) fn typed_options(invocation: &Invocation, line: &str) -> Result<Value, ActError> {
    let mut options = Map::new();
    let mut current: Option<String> = None;
    for word in words(line).skip(1 + invocation.path.len()) {
        let start = word
            .split_once(':')
            .filter(|(name, _)| invocation.options.iter().any(|option| option["name"] == *name));
        match (start, &current) {
            (Some((name, value)), _) => {
                options.insert(name.into(), json!(value));
                current = Some(name.into());
            }
            (None, Some(name)) => {
                let before = options.get(name).and_then(Value::as_str).unwrap_or_default();
                let longer = format!("{before} {word}");
                options.insert(name.clone(), json!(longer.trim_start()));
            }
            (None, None) => {
                let option = word.split_once(':').map_or(word, |(name, _)| name);
                return Err(unknown_option(invocation, option));
            }
        }
    }
    Ok(Value::Object(options))
}

fn unknown_option(invocation: &Invocation, option: &str) -> ActError {
    let known: Vec<&str> = invocation.options.iter().filter_map(|option| option["name"].as_str()).collect();
    ActError::UnknownOption { command: invocation.name(), option: option.into(), known: known.join(", ") }
}

/// The `data` of the interaction, and the type of the option under the cursor.
pub(super) fn data(
    world: &World,
    channel: ChannelId,
    invocation: &Invocation,
    given: &Value,
    focused: Option<&str>,
) -> Result<(Value, i64), ActError> {
    let empty = Map::new();
    let given = given.as_object().unwrap_or(&empty);
    for name in given.keys() {
        if !invocation.options.iter().any(|option| option["name"] == *name) {
            return Err(unknown_option(invocation, name));
        }
    }
    let mut resolved = json!({});
    let mut filled = Vec::new();
    let mut focused_type = STRING;
    for option in &invocation.options {
        let name = option["name"].as_str().unwrap_or_default();
        let value = given.get(name).filter(|value| !value.is_null());
        if focused == Some(name) {
            if option["autocomplete"] != true {
                let why = "this option does not complete itself".into();
                return Err(ActError::BadValue { what: name.into(), why });
            }
            focused_type = option["type"].as_i64().unwrap_or(STRING);
            let typed = value.map(plain).unwrap_or_default();
            filled.push(json!({"name": name, "type": option["type"], "value": typed, "focused": true}));
            continue;
        }
        match value {
            Some(value) => {
                let value = typed(world, channel, option, value, &mut resolved)
                    .map_err(|why| ActError::BadValue { what: name.into(), why })?;
                filled.push(json!({"name": name, "type": option["type"], "value": value}));
            }
            None if option["required"] == true && focused.is_none() => {
                return Err(ActError::MissingOption { command: invocation.name(), option: name.into() });
            }
            None => {}
        }
    }
    let mut options = json!(filled);
    for (depth, name) in invocation.path.iter().enumerate().rev() {
        let sort = if depth + 1 == invocation.path.len() { 1 } else { 2 };
        options = json!([{"name": name, "type": sort, "options": options}]);
    }
    let command = &invocation.command;
    let mut data = json!({"id": command.id, "name": command.name(), "type": 1, "options": options});
    if let Some(guild) = command.guild {
        data["guild_id"] = json!(guild);
    }
    if resolved.as_object().is_some_and(|map| !map.is_empty()) {
        data["resolved"] = resolved;
    }
    Ok((data, focused_type))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), Into::into)
}

/// A value in the type of its option, or what is wrong with it.
fn typed(
    world: &World,
    channel: ChannelId,
    option: &Value,
    value: &Value,
    resolved: &mut Value,
) -> Result<Value, String> {
    let text = plain(value);
    if let Some(choices) = option["choices"].as_array() {
        let found =
            choices.iter().find(|choice| choice["name"] == text.as_str() || plain(&choice["value"]) == text);
        let names: Vec<&str> = choices.iter().filter_map(|choice| choice["name"].as_str()).collect();
        return found
            .map(|choice| choice["value"].clone())
            .ok_or_else(|| format!("{text} is none of the choices: {}", names.join(", ")));
    }
    let bounds = |number: f64| {
        let low = option["min_value"].as_f64().is_some_and(|least| number < least);
        let high = option["max_value"].as_f64().is_some_and(|most| number > most);
        if low || high { Err(format!("{number} is out of bounds")) } else { Ok(()) }
    };
    match option["type"].as_i64() {
        Some(STRING) => {
            let length = text.chars().count() as u64;
            let low = option["min_length"].as_u64().is_some_and(|least| length < least);
            let high = length > option["max_length"].as_u64().unwrap_or(6000);
            if low || high { Err(format!("{length} characters are out of bounds")) } else { Ok(json!(text)) }
        }
        Some(4) => {
            let number: i64 = text.parse().map_err(|_| format!("{text} is no whole number"))?;
            bounds(number as f64)?;
            Ok(json!(number))
        }
        Some(5) => {
            let truth: bool =
                text.to_lowercase().parse().map_err(|_| format!("{text} is neither true nor false"))?;
            Ok(json!(truth))
        }
        Some(10) => {
            let number: f64 = text.parse().map_err(|_| format!("{text} is no number"))?;
            bounds(number)?;
            Ok(json!(number))
        }
        Some(sort @ 6..=9) => {
            let id = text.trim_start_matches("<@&").trim_start_matches("<@").trim_start_matches("<#");
            let id = id.trim_end_matches('>');
            let (kinds, what): (&[&str], _) = match sort {
                6 => (&["users"], "user"),
                7 => (&["channels"], "channel"),
                8 => (&["roles"], "role"),
                _ => (&["users", "roles"], "user or role"),
            };
            let found = resolve_ids(world, channel, kinds, id, resolved);
            if found { Ok(json!(id)) } else { Err(format!("{text} is no id of a {what} here")) }
        }
        _ => Err("the stand-in cannot fill in options of this type".into()),
    }
}

/// Adds what the id names to the `resolved` object; false when it names nothing of these kinds.
pub(super) fn resolve_ids(
    world: &World,
    channel: ChannelId,
    kinds: &[&str],
    id: &str,
    resolved: &mut Value,
) -> bool {
    let Ok(number) = id.parse::<u64>() else { return false };
    let guild = world.channels.get(&channel).and_then(|channel| channel.guild);
    for kind in kinds {
        match *kind {
            "users" if world.users.contains_key(&UserId(number)) => {
                resolved["users"][id] = world.user_json(UserId(number));
                let member = guild.map(|guild| world.member_json(guild, UserId(number)));
                if let Some(mut member) = member.and_then(|member| member.as_object().cloned()) {
                    member.remove("user");
                    member.remove("mute");
                    member.remove("deaf");
                    let rights = world.permissions(channel, UserId(number)).0.to_string();
                    member.insert("permissions".into(), json!(rights));
                    resolved["members"][id] = Value::Object(member);
                }
                return true;
            }
            "roles" => {
                let role = guild.and_then(|guild| world.guilds.get(&guild)?.roles.get(&RoleId(number)));
                if let Some(role) = role {
                    resolved["roles"][id] = role.json();
                    return true;
                }
            }
            "channels" => {
                let found = world.channels.get(&ChannelId(number)).filter(|found| found.guild == guild);
                if let Some(found) = found {
                    let mut json = found.json();
                    json["permissions"] = json!(Permissions::ALL.0.to_string());
                    resolved["channels"][id] = json;
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

/// The application and `data` of a context-menu command.
pub(super) fn context_menu(
    world: &World,
    channel: ChannelId,
    user: UserId,
    name: &str,
    sort: u64,
    target: u64,
) -> Result<(ApplicationId, Value), ActError> {
    let guild = world.channels.get(&channel).and_then(|channel| channel.guild);
    let offered = world.commands_in(guild);
    let command = offered.iter().find(|command| command.kind() == sort && command.name() == name);
    let Some(command) = command else {
        let known: Vec<&str> =
            offered.iter().filter(|command| command.kind() == sort).map(|command| command.name()).collect();
        return Err(ActError::UnknownCommand { name: name.into(), known: known.join(", ") });
    };
    if !may_use(world, command, channel, user) {
        return Err(ActError::NotAllowed);
    }
    let id = target.to_string();
    let mut resolved = json!({});
    if sort == 3 {
        let message = world.messages.get(&MessageId(target)).ok_or(ActError::CannotSee("message"))?;
        resolved["messages"][&id] = world.message_json(message, world.bot_of(command.application));
    } else if !resolve_ids(world, channel, &["users"], &id, &mut resolved) {
        return Err(ActError::CannotSee("user"));
    }
    let mut data =
        json!({"id": command.id, "name": name, "type": sort, "target_id": id, "resolved": resolved});
    if let Some(guild) = command.guild {
        data["guild_id"] = json!(guild);
    }
    Ok((command.application, data))
}
