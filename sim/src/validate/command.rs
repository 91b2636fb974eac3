//! Application commands: names, descriptions, options and choices by Discord's rules, and the normal form in which
//! Discord gives them back.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use super::{Form, Object, object_of};
use crate::rest::error::ApiError;

/// Characters in a command's names, descriptions and choice values together.
const MOST_TEXT: usize = 8000;

/// Discord's own pattern for the names of slash commands and options.
static NAME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}$").ok());

mod option {
    pub(super) const SUB_COMMAND: i64 = 1;
    pub(super) const GROUP: i64 = 2;
    pub(super) const STRING: i64 = 3;
    pub(super) const INTEGER: i64 = 4;
    pub(super) const CHANNEL: i64 = 7;
    pub(super) const NUMBER: i64 = 10;
    pub(super) const ALL: &[i64] = &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
}

/// One command in normal form. `before` is the command as it was, for a partial edit.
pub(crate) fn check(body: &Value, before: Option<&Value>) -> Result<Value, ApiError> {
    let object = object_of(body)?;
    let merged = merge(object, before);
    Form::check(|form| command(form, &merged))
}

/// A whole set, as bulk overwrite takes it.
pub(crate) fn check_all(body: &Value) -> Result<Vec<Value>, ApiError> {
    let list = match body {
        Value::Array(list) => list,
        Value::Null => return Ok(Vec::new()),
        _ => {
            let message = "Only iterables may be used in a ListType";
            return Err(ApiError::form(&[], "LIST_TYPE_CONVERT", message));
        }
    };
    Form::check(|form| {
        let mut names = BTreeSet::new();
        let mut counts = [0_usize; 5];
        let mut out = Vec::new();
        for (index, body) in list.iter().enumerate() {
            let checked = form.at(index, |form| {
                let checked = form.object(body).map(|body| command(form, body))?;
                let kind = checked["type"].as_u64().unwrap_or(1);
                if !names.insert((kind, checked["name"].as_str().unwrap_or_default().to_owned())) {
                    form.problem(
                        "APPLICATION_COMMANDS_DUPLICATE_NAME",
                        "Application command names must be unique",
                    );
                }
                if let Some(count) = usize::try_from(kind).ok().and_then(|kind| counts.get_mut(kind)) {
                    *count += 1;
                }
                Some(checked)
            });
            out.extend(checked);
        }
        // A hundred slash commands, fifteen of either kind of context-menu command.
        if counts[1] > 100 || counts[2] > 15 || counts[3] > 15 {
            form.length(list.len(), 0..=130);
            form.problem("APPLICATION_COMMAND_TOO_MANY", "Maximum number of application commands reached");
        }
        out
    })
}

fn merge(body: &Object, before: Option<&Value>) -> Object {
    let mut merged = before.and_then(Value::as_object).cloned().unwrap_or_default();
    for (key, value) in body {
        if before.is_none() || key != "type" {
            merged.insert(key.clone(), value.clone());
        }
    }
    merged
}

fn command(form: &mut Form, body: &Object) -> Value {
    let kind = form.choice(body, "type", &[1, 2, 3, 4]).unwrap_or(1);
    let mut size = 0;
    let name = if kind == 1 {
        name(form, body, &mut size)
    } else {
        let name = form.required_text(body, "name", 1..=32).unwrap_or_default();
        size += name.chars().count();
        name
    };
    let mut out = json!({"type": kind, "name": name});
    if kind == 1 || kind == 4 {
        out["description"] = json!(described(form, body, &mut size));
    } else {
        if form.text(body, "description", 0..=100).is_some_and(|text| !text.is_empty()) {
            let message = "Context menu commands cannot have description";
            form.problem_at("description", "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION_INVALID", message);
        }
        out["description"] = json!("");
    }
    localizations(form, body, &mut out);
    permissions(form, body, &mut out);
    if let Some(list) = form.list(body, "options", 0..=25) {
        if kind != 1 && !list.is_empty() {
            let message = "Context menu commands cannot have options";
            form.problem_at("options", "APPLICATION_COMMAND_CONTEXT_MENU_OPTIONS_INVALID", message);
        } else if !list.is_empty() {
            out["options"] = form.at("options", |form| options(form, list, 0, &mut size));
        }
    }
    if size > MOST_TEXT {
        let message = format!("Command exceeds maximum size ({MOST_TEXT})");
        form.problem("APPLICATION_COMMAND_TOO_LARGE", message);
    }
    out
}

fn permissions(form: &mut Form, body: &Object, out: &mut Value) {
    let rights = form.integer(body, "default_member_permissions", 0..=i64::MAX);
    out["default_member_permissions"] = json!(rights.map(|bits| bits.to_string()));
    out["nsfw"] = json!(form.boolean(body, "nsfw").unwrap_or(false));
    out["dm_permission"] = json!(form.boolean(body, "dm_permission").unwrap_or(true));
    for (key, allowed) in [("contexts", 0..=2), ("integration_types", 0..=1)] {
        let list = form.list(body, key, 1..=3);
        for (index, value) in list.unwrap_or_default().iter().enumerate() {
            if !value.as_i64().is_some_and(|number| allowed.contains(&number)) {
                form.at(key, |form| {
                    let message = format!("Value must be one of {{0, {}}}.", allowed.end());
                    form.problem_at(index, "BASE_TYPE_CHOICES", message);
                });
            }
        }
        out[key] = match (list, key) {
            (Some(list), _) => json!(list),
            (None, "contexts") => Value::Null,
            (None, _) => json!([0]),
        };
    }
}

fn name(form: &mut Form, body: &Object, size: &mut usize) -> String {
    let Some(name) = form.required_text(body, "name", 1..=32) else { return String::new() };
    *size += name.chars().count();
    let fits = NAME.as_ref().is_none_or(|pattern| pattern.is_match(&name));
    // Letters that have a lower case must be in it.
    if (1..=32).contains(&name.chars().count()) && (!fits || name.to_lowercase() != name) {
        form.problem_at("name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid");
    }
    name
}

fn described(form: &mut Form, body: &Object, size: &mut usize) -> String {
    let text = form.required_text(body, "description", 1..=100).unwrap_or_default();
    *size += text.chars().count();
    text
}

fn localizations(form: &mut Form, body: &Object, out: &mut Value) {
    for (key, most) in [("name_localizations", 32), ("description_localizations", 100)] {
        let Some(map) = body.get(key).filter(|map| !map.is_null()) else { continue };
        form.at(key, |form| {
            let Some(map) = form.object(map) else { return };
            for locale in map.keys() {
                form.text(map, locale, 1..=most);
            }
            out[key] = json!(map);
        });
    }
}

fn options(form: &mut Form, list: &[Value], depth: usize, size: &mut usize) -> Value {
    let mut names = BTreeSet::new();
    let mut out = Vec::new();
    let nested =
        |option: &Value| matches!(option["type"].as_i64(), Some(option::SUB_COMMAND | option::GROUP));
    let mixed = list.iter().any(nested) && !list.iter().all(nested);
    let mut optional_seen = false;
    for (index, body) in list.iter().enumerate().take(25) {
        let checked = form.at(index, |form| {
            let body_object = form.object(body)?;
            let checked = option(form, body_object, depth, size);
            let name = checked["name"].as_str().unwrap_or_default();
            if !names.insert(name.to_owned()) {
                let message = "Option name already exists";
                form.problem_at("name", "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", message);
            }
            if mixed {
                let message = "Sub-command and sub-command group option types are mutually exclusive to all \
                               other types";
                form.problem_at("type", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message);
            }
            if checked["required"] == true && optional_seen {
                let message = "Required options must be placed before non-required options";
                form.problem("APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message);
            }
            optional_seen |= checked["required"] != true && !nested(body);
            Some(checked)
        });
        out.extend(checked);
    }
    json!(out)
}

fn option(form: &mut Form, body: &Object, depth: usize, size: &mut usize) -> Value {
    if body.get("type").is_none_or(Value::is_null) {
        form.required("type");
    }
    let kind = form.choice(body, "type", option::ALL).unwrap_or(option::STRING);
    let too_deep = (kind == option::SUB_COMMAND && depth > 1) || (kind == option::GROUP && depth > 0);
    if too_deep {
        let message = "Sub-commands and groups cannot be nested this deep";
        form.problem_at("type", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message);
    }
    let name = name(form, body, size);
    let description = described(form, body, size);
    let mut out = json!({"type": kind, "name": name, "description": description});
    localizations(form, body, &mut out);
    if kind == option::SUB_COMMAND || kind == option::GROUP {
        let list = form.list(body, "options", 0..=25).unwrap_or_default();
        let wrong = kind == option::GROUP && list.iter().any(|inner| inner["type"] != option::SUB_COMMAND);
        if wrong {
            let message = "A group holds sub-commands only";
            form.problem_at("options", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message);
        }
        // A sub-command's own options are at depth 2 however they were reached, so nothing nests below them.
        let below = if kind == option::GROUP { 1 } else { 2 };
        if !too_deep && !list.is_empty() {
            out["options"] = form.at("options", |form| options(form, list, below, size));
        }
        return out;
    }
    if form.boolean(body, "required") == Some(true) {
        out["required"] = json!(true);
    }
    typed(form, body, kind, &mut out, size);
    out
}

fn typed(form: &mut Form, body: &Object, kind: i64, out: &mut Value, size: &mut usize) {
    let chooses = matches!(kind, option::STRING | option::INTEGER | option::NUMBER);
    let completes = form.boolean(body, "autocomplete") == Some(true);
    let listed = form.list(body, "choices", 0..=25).unwrap_or_default();
    if completes && (!chooses || !listed.is_empty()) {
        let message = "Autocomplete and choices cannot be used together, or with this type";
        form.problem_at("autocomplete", "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_INVALID", message);
    }
    if completes {
        out["autocomplete"] = json!(true);
    }
    if !listed.is_empty() {
        if chooses {
            out["choices"] = form.at("choices", |form| choices(form, listed, kind, size));
        } else {
            let message = "Choices are not allowed for this option type";
            form.problem_at("choices", "APPLICATION_COMMAND_OPTIONS_CHOICES_INVALID", message);
        }
    }
    match kind {
        option::STRING => {
            let least = form.integer(body, "min_length", 0..=6000);
            let most = form.integer(body, "max_length", 1..=6000);
            for (key, value) in [("min_length", least), ("max_length", most)] {
                if let Some(value) = value {
                    out[key] = json!(value);
                }
            }
        }
        option::INTEGER | option::NUMBER => {
            for key in ["min_value", "max_value"] {
                let value = body.get(key).filter(|value| !value.is_null());
                match value {
                    Some(value) if value.is_number() => out[key] = value.clone(),
                    Some(_) => form.problem_at(key, "NUMBER_TYPE_COERCE", "Value is not a number."),
                    None => {}
                }
            }
        }
        option::CHANNEL => {
            if let Some(list) = form.list(body, "channel_types", 0..=25).filter(|list| !list.is_empty()) {
                out["channel_types"] = json!(list);
            }
        }
        _ => {}
    }
}

fn choices(form: &mut Form, list: &[Value], kind: i64, size: &mut usize) -> Value {
    let mut names = BTreeSet::new();
    let mut out = Vec::new();
    for (index, choice) in list.iter().enumerate().take(25) {
        form.at(index, |form| {
            let Some(object) = form.object(choice) else { return };
            let name = form.required_text(object, "name", 1..=100).unwrap_or_default();
            *size += name.chars().count();
            if !names.insert(name.clone()) {
                let message = "Option choice name already exists";
                form.problem_at("name", "APPLICATION_COMMAND_OPTIONS_CHOICE_NAME_ALREADY_EXISTS", message);
            }
            let value = object.get("value").cloned().unwrap_or_default();
            let fits = match kind {
                option::STRING => value.as_str().is_some_and(|text| text.chars().count() <= 100),
                option::INTEGER => value.is_i64(),
                _ => value.is_number(),
            };
            if !fits {
                let message = "The value does not fit the type of its option";
                form.problem_at("value", "APPLICATION_COMMAND_OPTIONS_CHOICE_VALUE_INVALID", message);
            }
            *size += value.as_str().map_or(0, |text| text.chars().count());
            let mut json = json!({"name": name, "value": value});
            if let Some(map) = object.get("name_localizations").filter(|map| map.is_object()) {
                json["name_localizations"] = map.clone();
            }
            out.push(json);
        });
    }
    json!(out)
}

/// Choices an application offers while a user types.
pub(crate) fn check_suggestions(data: &Value, kind: i64) -> Result<Vec<Value>, ApiError> {
    let object = object_of(data)?;
    Form::check(|form| {
        let mut size = 0;
        let list = form.list(object, "choices", 0..=25).unwrap_or_default();
        match form.at("choices", |form| choices(form, list, kind, &mut size)) {
            Value::Array(choices) => choices,
            _ => Vec::new(),
        }
    })
}

/// The option type of a text option, for suggestions whose option is unknown.
pub(crate) const STRING: i64 = option::STRING;
