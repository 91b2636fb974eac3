//! Finds keys that the format does not have, by walking a file along the format's own JSON schema.

use std::sync::LazyLock;

use guildhall_core::suggest;
use serde_json::{Map, Value as Json};
use toml::de::{DeTable, DeValue};

use crate::recipe::Recipe;

static SCHEMA: LazyLock<Json> = LazyLock::new(|| schemars::schema_for!(Recipe).to_value());

/// A key path with one more key.
pub(crate) fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
}

/// Every unknown key with what may have been meant.
pub(crate) fn unknown_keys(table: &DeTable<'_>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk_table(table, &SCHEMA, "", &mut found);
    found
}

fn walk_table(table: &DeTable<'_>, schema: &Json, path: &str, found: &mut Vec<(String, String)>) {
    let schemas = applying(table, schema);
    let properties = |schema: &Json| schema.get("properties").and_then(Json::as_object).cloned();
    let known: Map<String, Json> = schemas.iter().filter_map(|schema| properties(schema)).flatten().collect();
    let values =
        schemas.iter().find_map(|schema| schema.get("additionalProperties").filter(|s| s.is_object()));
    // A schema that says nothing about its keys takes any: a configuration value.
    if known.is_empty() && values.is_none() {
        return;
    }
    for (key, value) in table {
        let key = key.get_ref().as_ref();
        let path = join(path, key);
        match known.get(key).or(values) {
            Some(schema) => walk_value(value.get_ref(), schema, &path, found),
            None => {
                let near = suggest::nearest(key, known.keys().map(String::as_str), 3).join("', '");
                found.push((path, format!("there is no such key here; did you mean '{near}'?")));
            }
        }
    }
}

fn walk_value(value: &DeValue<'_>, schema: &Json, path: &str, found: &mut Vec<(String, String)>) {
    match value {
        DeValue::Table(table) => walk_table(table, schema, path, found),
        DeValue::Array(items) => {
            let Some(schema) = referred(schema).get("items") else { return };
            for (index, item) in items.iter().enumerate() {
                walk_value(item.get_ref(), schema, &format!("{path}[{index}]"), found);
            }
        }
        _ => {}
    }
}

/// The schema behind a `$ref`.
fn referred(schema: &Json) -> &Json {
    let name = schema.get("$ref").and_then(Json::as_str).and_then(|path| path.strip_prefix("#/$defs/"));
    name.and_then(|name| SCHEMA.get("$defs")?.get(name)).unwrap_or(schema)
}

/// The schemas that apply to a table: the one given, and of its alternatives the one whose tag the table has,
/// or all of them when the tag is missing or wrong; reading will say so.
fn applying<'a>(table: &DeTable<'_>, schema: &'a Json) -> Vec<&'a Json> {
    let schema = referred(schema);
    let mut all = vec![schema];
    let alternatives =
        ["oneOf", "anyOf", "allOf"].iter().filter_map(|key| schema.get(*key)?.as_array()).flatten();
    let alternatives: Vec<&Json> = alternatives.map(referred).collect();
    let tagged = alternatives.iter().copied().filter(|schema| tag_matches(table, schema)).collect::<Vec<_>>();
    all.extend(if tagged.is_empty() { alternatives } else { tagged });
    all
}

fn tag_matches(table: &DeTable<'_>, schema: &Json) -> bool {
    let Some(properties) = schema.get("properties").and_then(Json::as_object) else { return false };
    properties.iter().any(|(key, property)| {
        let tag = property.get("const").and_then(Json::as_str);
        tag.is_some() && tag == table.get(key.as_str()).and_then(|value| value.get_ref().as_str())
    })
}
