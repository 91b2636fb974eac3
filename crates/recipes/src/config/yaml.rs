//! YAML. Comments of an existing file are lost: the reader has none to give back.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{ConfigError, tree};

pub(super) fn write(existing: &str, values: &BTreeMap<String, Json>) -> Result<String, ConfigError> {
    let wrong = |message: String| ConfigError::Existing { format: "YAML", message };
    let blank = existing.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
    let mut root: Json = if blank {
        Json::Null
    } else {
        serde_saphyr::from_str(existing).map_err(|error| wrong(first_line(&error.to_string())))?
    };
    tree::set(&mut root, values)?;
    serde_saphyr::to_string(&root).map_err(|error| wrong(error.to_string()))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
