//! Where settings come from, merged into one value, and which source each mistake is in.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use super::Configuration;

/// Mistakes listed before the rest is left out: a file of another program makes hundreds.
const MOST_MISTAKES: usize = 50;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file or environment variable.
    pub source: String,
    /// The key, dotted; empty for the whole.
    pub key: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Mistake {
    pub(super) fn new(key: String, message: &str) -> Self {
        Self { source: String::new(), key, message: message.to_owned() }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            return write!(f, "{}: {}", self.source, self.message);
        }
        write!(f, "{}: {}: {}", self.source, self.key, self.message)
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// The file cannot be read.
    #[error("{file}: cannot be read: {source}. Check the path and its permissions.", file = file.display())]
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
) -> Result<Configuration, ConfigurationError> {
    let mut origin = Origin { file: "the built-in defaults".to_owned(), variables: BTreeMap::new() };
    let mut value = Value::Object(Map::new());
    if let Some(file) = file {
        origin.file = file.display().to_string();
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
        set(&mut value, &key, scalar(&text));
        origin.variables.insert(key, name);
    }
    let mut mistakes = Vec::new();
    let configuration = typed(value, &mut mistakes);
    mistakes.extend(configuration.iter().flat_map(Configuration::check));
    for mistake in &mut mistakes {
        mistake.source = origin.of(&mistake.key);
    }
    match configuration {
        Some(configuration) if mistakes.is_empty() => Ok(configuration),
        _ => Err(ConfigurationError::Mistakes(mistakes)),
    }
}

/// Which source set a key.
struct Origin {
    file: String,
    variables: BTreeMap<String, String>,
}

impl Origin {
    fn of(&self, key: &str) -> String {
        self.variables.get(key).cloned().unwrap_or_else(|| self.file.clone())
    }
}

fn read(file: &Path) -> Result<Value, ConfigurationError> {
    let text = fs::read_to_string(file)
        .map_err(|source| ConfigurationError::Unreadable { file: file.to_owned(), source })?;
    let syntax = |message: String| {
        let source = file.display().to_string();
        ConfigurationError::Mistakes(vec![Mistake { source, key: String::new(), message }])
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

/// Reads the value, and on a mistake takes the wrong key out and reads on, so that all are found at once.
fn typed(mut value: Value, mistakes: &mut Vec<Mistake>) -> Option<Configuration> {
    while mistakes.len() < MOST_MISTAKES {
        let error = match serde_path_to_error::deserialize::<_, Configuration>(&value) {
            Ok(configuration) => return Some(configuration),
            Err(error) => error,
        };
        let key = error.path().to_string();
        let message = error.into_inner().to_string();
        let key = if key == "." { String::new() } else { key };
        mistakes.push(Mistake { source: String::new(), key: key.clone(), message });
        if !remove(&mut value, &key) {
            return None;
        }
    }
    None
}

/// Takes `a.b[2].c` out of the value; false when there was nothing at that place.
fn remove(value: &mut Value, key: &str) -> bool {
    let path = key.replace('[', ".").replace(']', "");
    let parts: Vec<&str> = path.split('.').filter(|part| !part.is_empty()).collect();
    let Some((last, parents)) = parts.split_last() else { return false };
    let mut place = value;
    for part in parents {
        let next = match place {
            Value::Object(object) => object.get_mut(*part),
            Value::Array(items) => part.parse::<usize>().ok().and_then(|at| items.get_mut(at)),
            _ => None,
        };
        match next {
            Some(next) => place = next,
            None => return false,
        }
    }
    match place {
        Value::Object(object) => object.shift_remove(*last).is_some(),
        Value::Array(items) => match last.parse::<usize>() {
            Ok(at) if at < items.len() => {
                items.remove(at);
                true
            }
            _ => false,
        },
        _ => false,
    }
}
