//! Plain lines: the first word is the key, the rest the value. A list is several lines with one key.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{ConfigError, scalar};

pub(super) fn write(existing: &str, values: &BTreeMap<String, Json>) -> Result<String, ConfigError> {
    let mut left: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (key, value) in values {
        if key.is_empty()
            || key.starts_with(COMMENTS)
            || key.contains(|c: char| c.is_whitespace() || c.is_control())
        {
            return Err(ConfigError::key(key, "a key is one word, and not a comment"));
        }
        let items = match value {
            Json::Array(items) => items.as_slice(),
            single => std::slice::from_ref(single),
        };
        let line = |item| {
            let value = scalar(key, item)?;
            if value.trim() != value {
                return Err(ConfigError::value(key, "spaces around a value are lost; leave them out"));
            }
            Ok(if value.is_empty() { key.clone() } else { format!("{key} {value}") })
        };
        left.insert(key, items.iter().map(line).collect::<Result<_, _>>()?);
    }
    let mut lines = Vec::new();
    for line in existing.lines() {
        match key_of(line).filter(|key| values.contains_key(*key)) {
            Some(key) => lines.extend(left.remove(key).into_iter().flatten()),
            None => lines.push(line.to_owned()),
        }
    }
    lines.extend(left.into_values().flatten());
    Ok(super::joined(&lines))
}

const COMMENTS: [char; 2] = ['#', ';'];

fn key_of(line: &str) -> Option<&str> {
    let key = line.split_whitespace().next()?;
    (!key.starts_with(COMMENTS)).then_some(key)
}

#[cfg(test)]
pub(super) fn read(text: &str) -> BTreeMap<String, String> {
    let value = |line: &str, key: &str| line.trim_start()[key.len()..].trim().to_owned();
    text.lines().filter_map(|line| key_of(line).map(|key| (key.to_owned(), value(line, key)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_replaced_in_place_and_lists_are_several_lines() {
        let existing = "# by hand\nSERVER_NAME old\nOTHER 1\nADD a\nADD b\n";
        let values = BTreeMap::from([
            ("SERVER_NAME".to_owned(), Json::from("a new # name")),
            ("ADD".to_owned(), Json::from(vec!["c", "d"])),
            ("EMPTY".to_owned(), "".into()),
        ]);
        let written = write(existing, &values).expect("written");
        assert_eq!(written, "# by hand\nSERVER_NAME a new # name\nOTHER 1\nADD c\nADD d\nEMPTY\n");
    }
}
