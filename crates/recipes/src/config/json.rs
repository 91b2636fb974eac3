//! JSON, written with two spaces of indent as most games do.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{ConfigError, tree};

pub(super) fn write(existing: &str, values: &BTreeMap<String, Json>) -> Result<String, ConfigError> {
    let wrong =
        |error: serde_json::Error| ConfigError::Existing { format: "JSON", message: error.to_string() };
    let mut root = if existing.trim().is_empty() {
        Json::Null
    } else {
        serde_json::from_str(existing).map_err(wrong)?
    };
    tree::set(&mut root, values)?;
    let text = serde_json::to_string_pretty(&root).map_err(wrong)?;
    Ok(text + "\n")
}
