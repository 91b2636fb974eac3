//! Forms and menus: what a user fills in, checked as Discord's own program does, and written as Discord sends it.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::ActError;
use super::slash::resolve_ids;
use crate::id::{ApplicationId, ChannelId, MessageId};
use crate::interaction::Interaction;
use crate::validate::component::kind;
use crate::world::World;

/// A form an application showed.
#[derive(Clone, Debug, Serialize)]
pub struct Modal {
    /// What the application recognises it by.
    pub custom_id: String,
    /// Its title.
    pub title: String,
    /// What there is to fill in, top to bottom.
    pub fields: Vec<Field>,
    #[serde(skip)]
    pub(crate) layout: Value,
    #[serde(skip)]
    pub(crate) application: ApplicationId,
    #[serde(skip)]
    pub(crate) source: Option<MessageId>,
    #[serde(skip)]
    pub(crate) triggered_by: Value,
}

/// One field of a form.
#[derive(Clone, Debug, Serialize)]
pub struct Field {
    /// What the application recognises it by.
    pub custom_id: String,
    /// What is written beside it.
    pub label: String,
    /// Discord's component type: 4 text, 3 string menu, 5 to 8 other menus.
    pub kind: i64,
    /// The text it starts with.
    pub value: String,
    /// Whether it must be filled in.
    pub required: bool,
    /// Of a menu: what is chosen unless the user chooses otherwise.
    pub chosen: Vec<String>,
    /// Of a string menu: the options, as label and value.
    pub options: Vec<(String, String)>,
}

impl Modal {
    pub(crate) fn read(form: &Value, interaction: &Interaction, world: &World) -> Self {
        let fields = fields_of(form).map(|field| Field {
            custom_id: field["custom_id"].as_str().unwrap_or_default().into(),
            label: field["label"].as_str().unwrap_or_default().into(),
            kind: field["type"].as_i64().unwrap_or_default(),
            value: field["value"].as_str().unwrap_or_default().into(),
            required: field["required"] != false,
            chosen: chosen_at_first(field),
            options: field["options"].as_array().into_iter().flatten().map(option).collect(),
        });
        Self {
            custom_id: form["custom_id"].as_str().unwrap_or_default().into(),
            title: form["title"].as_str().unwrap_or_default().into(),
            fields: fields.collect(),
            layout: form.clone(),
            application: interaction.application,
            source: interaction.source,
            triggered_by: interaction.metadata(world),
        }
    }
}

fn option(option: &Value) -> (String, String) {
    let text = |key: &str| option[key].as_str().unwrap_or_default().to_owned();
    (text("label"), text("value"))
}

/// The values a menu starts with.
fn chosen_at_first(menu: &Value) -> Vec<String> {
    let options = menu["options"].as_array().into_iter().flatten().filter(|option| option["default"] == true);
    let of_options = options.filter_map(|option| option["value"].as_str());
    let defaults = menu["default_values"].as_array().into_iter().flatten();
    let ids = defaults.filter_map(|value| value["id"].as_str());
    of_options.chain(ids).map(Into::into).collect()
}

fn fields_of(form: &Value) -> impl Iterator<Item = &Value> {
    form["components"].as_array().into_iter().flatten().filter_map(|row| {
        if row["component"].is_object() { Some(&row["component"]) } else { row["components"].get(0) }
    })
}

fn bad(what: &str, why: impl Into<String>) -> ActError {
    ActError::BadValue { what: what.into(), why: why.into() }
}

/// The `data` of a modal submission.
pub(crate) fn submission(
    world: &World,
    channel: ChannelId,
    modal: &Modal,
    given: &Value,
) -> Result<Value, ActError> {
    let empty = Map::new();
    let given = given.as_object().unwrap_or(&empty);
    for key in given.keys() {
        if !modal.fields.iter().any(|field| field.custom_id == *key) {
            return Err(bad(key, "the form has no such field"));
        }
    }
    let mut rows = Vec::new();
    let mut resolved = json!({});
    for row in modal.layout["components"].as_array().into_iter().flatten() {
        let labelled = row["component"].is_object();
        let field = if labelled { &row["component"] } else { &row["components"][0] };
        if !field.is_object() {
            rows.push(json!({"type": row["type"], "id": row["id"]}));
            continue;
        }
        let filled = fill(world, channel, field, given, &mut resolved)?;
        rows.push(if labelled {
            json!({"type": row["type"], "id": row["id"], "component": filled})
        } else {
            json!({"type": row["type"], "id": row["id"], "components": [filled]})
        });
    }
    let mut data = json!({"custom_id": modal.custom_id, "components": rows});
    if resolved.as_object().is_some_and(|map| !map.is_empty()) {
        data["resolved"] = resolved;
    }
    Ok(data)
}

fn fill(
    world: &World,
    channel: ChannelId,
    field: &Value,
    given: &Map<String, Value>,
    resolved: &mut Value,
) -> Result<Value, ActError> {
    let name = field["custom_id"].as_str().unwrap_or_default();
    let required = field["required"] != false;
    let given = given.get(name);
    let mut out = json!({"type": field["type"], "id": field["id"], "custom_id": name});
    if field["type"] == kind::TEXT_INPUT {
        let text = match given {
            Some(Value::String(text)) => text.as_str(),
            Some(_) => return Err(bad(name, "a text is needed")),
            None => field["value"].as_str().unwrap_or_default(),
        };
        let length = text.chars().count() as u64;
        if text.is_empty() && !required {
            out["value"] = json!("");
            return Ok(out);
        }
        if text.is_empty() {
            return Err(bad(name, "it must be filled in"));
        }
        let (least, most) = (field["min_length"].as_u64().unwrap_or(0), field["max_length"].as_u64());
        if length < least || length > most.unwrap_or(4000) {
            let most = most.unwrap_or(4000);
            return Err(bad(name, format!("between {least} and {most} characters are needed, not {length}")));
        }
        out["value"] = json!(text);
        return Ok(out);
    }
    if field["type"] == 23 {
        out["value"] = json!(given.and_then(Value::as_bool).unwrap_or(false));
        return Ok(out);
    }
    let untouched = chosen_at_first(field);
    let texts: Vec<&str> = match given {
        None => untouched.iter().map(String::as_str).collect(),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one],
        _ => Vec::new(),
    };
    if texts.is_empty() && required && field["min_values"].as_u64() != Some(0) {
        return Err(bad(name, "it must be filled in"));
    }
    let chosen =
        if texts.is_empty() { json!({"values": []}) } else { selection(world, channel, field, &texts)? };
    merge(resolved, &chosen["resolved"]);
    match field["type"].as_i64() {
        Some(21) => out["value"] = chosen["values"].get(0).cloned().unwrap_or_default(),
        _ => out["values"] = chosen["values"].clone(),
    }
    Ok(out)
}

fn merge(into: &mut Value, from: &Value) {
    for (group, entries) in from.as_object().into_iter().flatten() {
        for (id, entry) in entries.as_object().into_iter().flatten() {
            into[group][id] = entry.clone();
        }
    }
}

/// The `data` of a choice in a menu.
pub(crate) fn selection(
    world: &World,
    channel: ChannelId,
    menu: &Value,
    chosen: &[&str],
) -> Result<Value, ActError> {
    let name = menu["custom_id"].as_str().unwrap_or_default();
    let count = chosen.len() as u64;
    let least = menu["min_values"].as_u64().unwrap_or(1);
    let most = menu["max_values"].as_u64().unwrap_or(1);
    if count < least || count > most {
        return Err(bad(name, format!("between {least} and {most} must be chosen, not {count}")));
    }
    let sort = menu["type"].as_i64().unwrap_or_default();
    let mut data = json!({"component_type": sort, "custom_id": name});
    if let Some(options) = menu["options"].as_array() {
        let mut values = Vec::new();
        for wanted in chosen {
            let option =
                options.iter().find(|option| option["value"] == *wanted || option["label"] == *wanted);
            let Some(option) = option else {
                let known: Vec<&str> = options.iter().filter_map(|option| option["label"].as_str()).collect();
                return Err(bad(name, format!("there is no {wanted}; there is: {}", known.join(", "))));
            };
            values.push(option["value"].clone());
        }
        data["values"] = json!(values);
        return Ok(data);
    }
    let (kinds, what): (&[&str], _) = match sort {
        kind::USER_SELECT => (&["users"], "user"),
        kind::ROLE_SELECT => (&["roles"], "role"),
        kind::CHANNEL_SELECT => (&["channels"], "channel"),
        _ => (&["users", "roles"], "user or role"),
    };
    let mut resolved = json!({});
    for wanted in chosen {
        if !resolve_ids(world, channel, kinds, wanted, &mut resolved) {
            return Err(bad(name, format!("{wanted} is no id of a {what} here")));
        }
    }
    data["values"] = json!(chosen);
    data["resolved"] = resolved;
    Ok(data)
}
