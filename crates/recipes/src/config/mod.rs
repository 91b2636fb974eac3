//! Writes a game's configuration files: the recipe's keys are set, everything else of the file stays.
//!
//! Each format has its own writer, which escapes what it writes: a value can hold the format's own marks and
//! is still one value afterwards. Properties, INI, lines, TOML and XML keep comments and order; JSON and
//! YAML keep keys, order and values, but JSON has no comments and YAML's are lost.

mod ini;
mod json;
mod lines;
mod properties;
mod tree;
mod xml;
mod yaml;

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::recipe::FileFormat;

/// An existing file above this is refused rather than rewritten.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Why a configuration file cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file holds something else than its format.
    #[error("the file is not {format}: {message}; mend it, or delete it to have a new one written")]
    Existing {
        /// The format's name.
        format: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The file is larger than 4 MiB.
    #[error("the file is larger than 4 MiB; delete it to have a new one written")]
    TooLarge,
    /// A key that the format cannot have.
    #[error("the key '{key}' cannot be written: {message}")]
    Key {
        /// The key.
        key: String,
        /// Why not.
        message: String,
    },
    /// A value that the format cannot hold.
    #[error("the value of '{key}' cannot be written: {message}")]
    Value {
        /// Its key.
        key: String,
        /// Why not.
        message: String,
    },
}

impl ConfigError {
    fn key(key: &str, message: impl Into<String>) -> Self {
        Self::Key { key: key.to_owned(), message: message.into() }
    }

    fn value(key: &str, message: impl Into<String>) -> Self {
        Self::Value { key: key.to_owned(), message: message.into() }
    }
}

/// The text of a file in which `values` are set and everything else is as in `existing`.
pub fn write(
    format: FileFormat,
    existing: Option<&str>,
    values: &BTreeMap<String, Json>,
) -> Result<String, ConfigError> {
    let existing = existing.unwrap_or_default();
    if existing.len() > MAX_BYTES {
        return Err(ConfigError::TooLarge);
    }
    // A byte order mark would become a part of the first key.
    let existing = existing.strip_prefix('\u{feff}').unwrap_or(existing);
    match format {
        FileFormat::Properties => properties::write(existing, values),
        FileFormat::Ini => ini::write(existing, values),
        FileFormat::Json => json::write(existing, values),
        FileFormat::Yaml => yaml::write(existing, values),
        FileFormat::Xml => xml::write(existing, values),
        FileFormat::Toml => tree::write_toml(existing, values),
        FileFormat::Lines => lines::write(existing, values),
        FileFormat::Text => Err(ConfigError::key("content", "a file of the format text has no values")),
    }
}

/// Checks without an existing file whether the format can hold these keys: for lint.
pub(crate) fn check_keys(format: FileFormat, values: &BTreeMap<String, Json>) -> Result<(), ConfigError> {
    write(format, None, values).map(drop)
}

/// A single value as text, for formats that know nothing else.
fn scalar(key: &str, value: &Json) -> Result<String, ConfigError> {
    let text = match value {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        Json::Bool(yes) => yes.to_string(),
        Json::Null => String::new(),
        Json::Array(_) | Json::Object(_) => return Err(ConfigError::value(key, "this format has no lists or tables")),
    };
    if text.contains(['\n', '\r', '\0']) {
        return Err(ConfigError::value(key, "a line end cannot stand in it"));
    }
    Ok(text)
}

/// Lines as a file: each ends, and nothing is no file.
fn joined(lines: Vec<String>) -> String {
    let mut text = lines.join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    text
}
