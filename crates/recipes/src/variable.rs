//! How a variable is read. Serde cannot refuse unknown keys in a flattened enum, and would forgive a `max` on
//! a text; so all keys are read flat and then given to the kind they belong to.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::recipe::{Variable, VariableKind};

/// A variable as it stands in the file.
#[derive(Deserialize)]
struct Flat {
    description: String,
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Text,
    Integer,
    Boolean,
    Choice,
    Secret,
}

impl Kind {
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Text => &["default", "max_length", "pattern"],
            Self::Integer => &["default", "min", "max"],
            Self::Boolean => &["default"],
            Self::Choice => &["default", "choices"],
            Self::Secret => &[],
        }
    }
}

impl<'de> Deserialize<'de> for Variable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Flat::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl TryFrom<Flat> for Variable {
    type Error = String;

    fn try_from(flat: Flat) -> Result<Self, String> {
        let Flat { description, kind, mut rest } = flat;
        if let Some(key) = rest.keys().find(|key| !kind.keys().contains(&key.as_str())) {
            return Err(match kind.keys() {
                [] => {
                    format!("'{key}' does not belong to a variable of this type, which takes no further keys")
                }
                keys => format!(
                    "'{key}' does not belong to a variable of this type, which takes {}",
                    keys.join(", ")
                ),
            });
        }
        let kind = match kind {
            Kind::Text => VariableKind::Text {
                default: required(&mut rest, "default")?,
                max_length: optional(&mut rest, "max_length")?,
                pattern: optional(&mut rest, "pattern")?,
            },
            Kind::Integer => VariableKind::Integer {
                default: required(&mut rest, "default")?,
                min: optional(&mut rest, "min")?,
                max: optional(&mut rest, "max")?,
            },
            Kind::Boolean => VariableKind::Boolean { default: required(&mut rest, "default")? },
            Kind::Choice => VariableKind::Choice {
                default: required(&mut rest, "default")?,
                choices: required(&mut rest, "choices")?,
            },
            Kind::Secret => VariableKind::Secret {},
        };
        Ok(Self { description, kind })
    }
}

fn optional<T: serde::de::DeserializeOwned>(
    rest: &mut BTreeMap<String, serde_json::Value>,
    key: &str,
) -> Result<Option<T>, String> {
    let Some(value) = rest.remove(key).filter(|value| !value.is_null()) else { return Ok(None) };
    serde_json::from_value(value).map(Some).map_err(|error| format!("{key}: {error}"))
}

fn required<T: serde::de::DeserializeOwned>(
    rest: &mut BTreeMap<String, serde_json::Value>,
    key: &str,
) -> Result<T, String> {
    optional(rest, key)?.ok_or_else(|| format!("'{key}' is missing"))
}
