//! The types of inputs, and what people are offered while they type them.

use std::{collections::BTreeMap, pin::Pin};

use guildhall_core::{Actor, Error, input, operation::Choice, suggest};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

use crate::Servers;

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
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_come_as_an_object_or_as_words() {
        let read = |value: Value| serde_json::from_value::<Settings>(value).map(|settings| settings.0);
        let wanted: BTreeMap<String, String> = [("motd", "Hello you"), ("max", "20"), ("pvp", "true")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into();
        assert_eq!(read(json!({"motd": "Hello you", "max": 20, "pvp": true})).unwrap(), wanted);
        assert_eq!(read(json!("motd=\"Hello you\" max=20 pvp=true")).unwrap(), wanted);
        assert!(read(json!({"motd": {"a": 1}})).is_err());
        assert!(read(json!("motd")).is_err());
        assert!(read(json!(null)).unwrap().is_empty());
    }

    #[test]
    fn beginnings_come_first_and_typing_errors_still_find_something() {
        let names = ["creative", "old-survival", "survival", "survival-2"];
        assert_eq!(matching("sur", names.into_iter()), ["survival", "survival-2", "old-survival"]);
        assert_eq!(matching("suvrival", names.into_iter())[0], "survival");
        assert_eq!(matching("", names.into_iter()).len(), 4);
    }

    proptest! {
        #[test]
        fn any_value_is_read_or_refused(text in any::<String>()) {
            let _ = serde_json::from_value::<Settings>(Value::from(text));
        }
    }
}
