//! Dotted paths in trees: what JSON, YAML and TOML share, and TOML itself.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use toml_edit::{DocumentMut, InlineTable, Item, Table, Value};

use super::ConfigError;

/// Tables inside each other, at most.
const MAX_DEPTH: usize = 64;

/// Sets each path of `values` in a tree whose root is a table.
pub(super) fn set(root: &mut Json, values: &BTreeMap<String, Json>) -> Result<(), ConfigError> {
    for (path, value) in values {
        let (parents, last) = keys(path)?;
        let mut table = as_table(root, path)?;
        for key in parents {
            table = as_table(table.entry(key).or_insert(Json::Null), path)?;
        }
        table.insert(last.to_owned(), value.clone());
    }
    Ok(())
}

fn as_table<'a>(node: &'a mut Json, path: &str) -> Result<&'a mut Map<String, Json>, ConfigError> {
    if node.is_null() {
        *node = Json::Object(Map::new());
    }
    node.as_object_mut()
        .ok_or_else(|| ConfigError::value(path, "the file has something else than a table on the way"))
}

fn keys(path: &str) -> Result<(Vec<&str>, &str), ConfigError> {
    let mut keys: Vec<&str> = path.split('.').collect();
    if keys.iter().any(|key| key.is_empty()) || keys.len() > MAX_DEPTH {
        return Err(ConfigError::key(path, "a path is words with dots between them"));
    }
    // `split` gives at least one piece.
    let last = keys.pop().unwrap_or_default();
    Ok((keys, last))
}

pub(super) fn write_toml(existing: &str, values: &BTreeMap<String, Json>) -> Result<String, ConfigError> {
    let mut document: DocumentMut = existing.parse().map_err(|error: toml_edit::TomlError| {
        ConfigError::Existing { format: "TOML", message: error.message().to_owned() }
    })?;
    for (path, value) in values {
        let (parents, last) = keys(path)?;
        let mut table: &mut dyn toml_edit::TableLike = document.as_table_mut();
        for key in parents {
            let mut fresh = Table::new();
            fresh.set_implicit(true);
            table = table.entry(key).or_insert(Item::Table(fresh)).as_table_like_mut().ok_or_else(|| {
                ConfigError::value(path, "the file has something else than a table on the way")
            })?;
        }
        let mut value = toml_value(path, value)?;
        match table.get_mut(last).and_then(Item::as_value_mut) {
            Some(old) => {
                // The comment behind a value belongs to its line.
                *value.decor_mut() = old.decor().clone();
                *old = value;
            }
            None => drop(table.insert(last, Item::Value(value))),
        }
    }
    Ok(document.to_string())
}

fn toml_value(path: &str, value: &Json) -> Result<Value, ConfigError> {
    Ok(match value {
        Json::Null => return Err(ConfigError::value(path, "TOML has no null")),
        Json::Bool(yes) => (*yes).into(),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.into(),
            (None, Some(float)) => float.into(),
            (None, None) => return Err(ConfigError::value(path, "the number does not fit into TOML")),
        },
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => {
            let items: Result<toml_edit::Array, _> =
                items.iter().map(|item| toml_value(path, item)).collect();
            Value::Array(items?)
        }
        Json::Object(map) => {
            let mut table = InlineTable::new();
            for (key, item) in map {
                table.insert(key, toml_value(path, item)?);
            }
            Value::InlineTable(table)
        }
    })
}
