//! Where settings come from, merged into one value, and which source each mistake is in.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
};

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::{Configuration, draft::Draft, place::Place, reference::nested, words::why};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// The file or environment variable.
    pub source: String,
    /// The key; empty for the whole.
    #[serde(rename = "key", serialize_with = "as_text")]
    pub place: Place,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Mistake {
    pub(super) fn new(place: Place, message: &str) -> Self {
        Self { source: String::new(), place, message: message.to_owned() }
    }
}

fn as_text<S: Serializer>(place: &Place, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(place)
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_whole() {
            return write!(f, "{}: {}", self.source, self.message);
        }
        write!(f, "{}: {}: {}", self.source, self.place, self.message)
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {}. Check the path and its permissions.", file.display(), why(source))]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file's name does not say what it is.
    #[error("{}: ends in none of .toml, .yaml, .yml and .json, so its format is unknown. Rename it.", .0.display())]
    UnknownFormat(PathBuf),
    /// It says things that do not fit.
    #[error("{}", list(.0))]
    Mistakes(Vec<Mistake>),
}

fn list(mistakes: &[Mistake]) -> String {
    mistakes.iter().map(Mistake::to_string).collect::<Vec<_>>().join("\n")
}

pub(super) fn load(
    file: Option<&Path>,
    variables: BTreeMap<String, String>,
    trial: impl FnOnce(&Configuration) -> Vec<(Place, String)>,
) -> Result<Configuration, ConfigurationError> {
    let schema = guildhall_core::input::schema_of::<Configuration>();
    let mut origin = Origin { rest: "the environment".to_owned(), variables: BTreeMap::new() };
    let mut value = Value::Object(Map::new());
    if let Some(file) = file {
        origin.rest = file.display().to_string();
        value = read(file)?;
    }
    for (name, text) in variables {
        let Some(key) = name.strip_prefix("GUILDHALL_").map(|key| key.to_lowercase().replace("__", "."))
        else {
            continue;
        };
        // These steer the command line, not the installation.
        if matches!(key.as_str(), "config" | "url" | "token") || key.starts_with("test_") {
            continue;
        }
        set(&mut value, &key, if takes_text(&schema, &key) { Value::from(text) } else { scalar(&text) });
        origin.variables.insert(Place::of(&key), name);
    }
    Draft::new(value).read(trial).map_err(|mut mistakes| {
        for mistake in &mut mistakes {
            mistake.source = origin.of(&mistake.place);
        }
        ConfigurationError::Mistakes(mistakes)
    })
}

/// Which source set a key.
struct Origin {
    /// The file; the environment when there is none.
    rest: String,
    variables: BTreeMap<Place, String>,
}

impl Origin {
    /// A variable may set a whole section or list at once, as JSON.
    fn of(&self, place: &Place) -> String {
        let variable = place.with_parents().find_map(|place| self.variables.get(&place));
        variable.unwrap_or(&self.rest).clone()
    }
}

fn read(file: &Path) -> Result<Value, ConfigurationError> {
    let text = fs::read_to_string(file)
        .map_err(|source| ConfigurationError::Unreadable { file: file.to_owned(), source })?;
    let syntax = |message: String| {
        let source = file.display().to_string();
        ConfigurationError::Mistakes(vec![Mistake { source, place: Place::default(), message }])
    };
    let value: Value = match file.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => toml::from_str(&text).map_err(|error| syntax(error.to_string()))?,
        Some("yaml" | "yml") => serde_saphyr::from_str(&text).map_err(|error| syntax(error.to_string()))?,
        Some("json") => serde_json::from_str(&text).map_err(|error| syntax(error.to_string()))?,
        _ => return Err(ConfigurationError::UnknownFormat(file.to_owned())),
    };
    match value {
        Value::Object(_) => Ok(value),
        Value::Null => Ok(Value::Object(Map::new())),
        _ => Err(syntax("is not a set of keys.".to_owned())),
    }
}

/// Whether nothing but text fits a key: a password of digits is no number.
fn takes_text(schema: &Value, key: &str) -> bool {
    let mut here = schema;
    for (at, part) in key.split('.').enumerate() {
        let section = if at == 0 { Some(here) } else { nested(here).map(|(inner, _)| inner) };
        let Some(property) = section.and_then(|section| section["properties"].get(part)) else {
            return false;
        };
        here = property;
    }
    let types = here["anyOf"].as_array().into_iter().flatten().chain([here]).map(|schema| &schema["type"]);
    let mut types = types.flat_map(|named| named.as_array().cloned().unwrap_or_else(|| vec![named.clone()]));
    let mut text = false;
    types.all(|named| {
        text |= named == "string";
        named == "string" || named == "null" || named.is_null()
    }) && text
}

/// An environment variable is text; numbers and yes/no are meant as such.
fn scalar(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Number(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_))) => value,
        _ => Value::from(text),
    }
}

fn set(value: &mut Value, key: &str, new: Value) {
    let mut place = value;
    for part in key.split('.') {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        let Value::Object(object) = place else { return };
        place = object.entry(part).or_insert(Value::Null);
    }
    *place = new;
}
