//! The types of inputs, and what people are offered while they type them.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
};

use guildhall_core::{Actor, Error, input, operation::Choice, suggest};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

use crate::Servers;

/// Names that can be given at once.
const MOST_NAMES: usize = 64;

/// A server's name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ServerName(#[schemars(length(min = 1, max = 32), extend("x-complete" = "server"))] pub String);

/// A recipe's name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RecipeName(#[schemars(length(min = 1, max = 32), extend("x-complete" = "recipe"))] pub String);

/// Names and values: an object of plain values, or `name=value name="two words"` as one text. Some values are
/// secret, and which only the recipe knows; so none of them is kept in records.
#[derive(Clone, Debug, Default)]
pub struct Settings(pub BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = match Value::deserialize(deserializer)? {
            Value::Null => return Ok(Self::default()),
            Value::Object(object) => object,
            Value::String(text) => input::pairs(&text).map_err(D::Error::custom)?,
            _ => return Err(D::Error::custom("set needs names and values")),
        };
        let settings = object.into_iter().map(|(name, value)| match value {
            Value::String(text) => Ok((name, text)),
            Value::Bool(_) | Value::Number(_) => Ok((name, value.to_string())),
            _ => Err(D::Error::custom("set needs plain values: texts, numbers, true or false")),
        });
        Ok(Self(settings.collect::<Result<_, _>>()?))
    }
}

impl JsonSchema for Settings {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Settings".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "additionalProperties": { "type": ["string", "number", "boolean"] },
            "x-secret": true,
        })
    }
}

/// Several names: `motd max_players`, with blanks or commas between.
#[derive(Clone, Debug, Default)]
pub struct Names(pub BTreeSet<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
        let names = words.split(|c: char| c == ',' || c.is_whitespace()).filter(|name| !name.is_empty());
        let names: BTreeSet<String> = names.map(str::to_owned).collect();
        if names.len() > MOST_NAMES {
            return Err(D::Error::custom(format!("at most {MOST_NAMES} names at once")));
        }
        Ok(Self(names))
    }
}

impl JsonSchema for Names {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Names".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": 1000 })
    }
}

type Completing<'a> = Pin<Box<dyn Future<Output = Result<Vec<Choice>, Error>> + Send + 'a>>;

/// The community's servers, the best match first.
pub(super) fn complete_server<'a>(
    servers: &'a Servers,
    actor: &'a Actor,
    partial: &'a str,
) -> Completing<'a> {
    Box::pin(async move {
        let names = servers.shop.names(&actor.tenant).await?;
        let choice = |name: &str| Choice { value: name.to_owned(), label: name.to_owned() };
        Ok(matching(partial, names.iter().map(String::as_str)).into_iter().map(choice).collect())
    })
}

/// The recipes, the best match first.
pub(super) fn complete_recipe<'a>(servers: &'a Servers, _: &'a Actor, partial: &'a str) -> Completing<'a> {
    Box::pin(async move {
        let book = servers.recipes();
        let names = matching(partial, book.iter().map(|recipe| recipe.name.as_str()));
        let choice = |name: &str| {
            let title = book.find(name).map(|recipe| recipe.title.clone()).unwrap_or_default();
            // A choice's label is at most 100 characters (Discord).
            Choice { value: name.to_owned(), label: format!("{name} · {title}").chars().take(100).collect() }
        };
        Ok(names.into_iter().map(choice).collect())
    })
}

/// Up to 25 names: those that contain what was typed, beginnings first; otherwise the nearest.
fn matching<'a>(partial: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let partial = partial.trim().to_lowercase();
    let names: Vec<&str> = names.collect();
    let mut found: Vec<&str> = names.iter().copied().filter(|name| name.contains(&partial)).collect();
    if found.is_empty() {
        return suggest::nearest(&partial, names, 5);
    }
    found.sort_by_key(|name| (!name.starts_with(&partial), *name));
    found.truncate(25);
    found
}

#[cfg(test)]
mod tests;
