//! INI: `[section]` and `key=value`. A key is `section.key`, split at its last dot; without a dot it stands
//! above all sections.
//!
//! There is no escaping that every reader of INI files knows, so a value is written as it is, and one that
//! would be read as another is refused.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{ConfigError, scalar};

pub(super) fn write(existing: &str, values: &BTreeMap<String, Json>) -> Result<String, ConfigError> {
    let mut left: BTreeMap<(&str, &str), String> = BTreeMap::new();
    for (path, value) in values {
        let (section, key) = path.rsplit_once('.').unwrap_or(("", path));
        check_key(path, section, key)?;
        let value = scalar(path, value)?;
        if value.trim() != value {
            return Err(ConfigError::value(path, "INI drops spaces around a value; leave them out"));
        }
        left.insert((section, key), value);
    }
    let mut lines: Vec<String> = Vec::new();
    let mut section = "";
    // Where a new key of the section that is being read goes: behind its last line that is not blank.
    let mut end = 0;
    for line in existing.lines() {
        if let Some(next) = section_of(line) {
            add_missing(&mut lines, end, section, &mut left);
            section = next;
            lines.push(line.to_owned());
            end = lines.len();
            continue;
        }
        match key_of(line).filter(|key| is_set(values, section, key)) {
            Some(key) => {
                // Of several lines with one key only the first stays.
                if let Some(value) = left.remove(&(section, key)) {
                    let equals = if line.contains(" = ") { " = " } else { "=" };
                    lines.push(format!("{key}{equals}{value}"));
                    end = lines.len();
                }
            }
            None => {
                lines.push(line.to_owned());
                if !line.trim().is_empty() {
                    end = lines.len();
                }
            }
        }
    }
    add_missing(&mut lines, end, section, &mut left);
    let mut written = None;
    for ((section, key), value) in left {
        if section.is_empty() {
            // Above all sections, or it would belong to the last one.
            let at = lines.iter().position(|line| section_of(line).is_some()).unwrap_or(lines.len());
            lines.insert(at, format!("{key}={value}"));
            continue;
        }
        if written != Some(section) {
            lines.push(format!("[{section}]"));
            written = Some(section);
        }
        lines.push(format!("{key}={value}"));
    }
    Ok(super::joined(&lines))
}

fn add_missing(
    lines: &mut Vec<String>,
    end: usize,
    section: &str,
    left: &mut BTreeMap<(&str, &str), String>,
) {
    let keys: Vec<(&str, &str)> = left.keys().filter(|(of, _)| *of == section).copied().collect();
    if section.is_empty() {
        return;
    }
    let added: Vec<String> =
        keys.iter().filter_map(|key| Some(format!("{}={}", key.1, left.remove(key)?))).collect();
    lines.splice(end..end, added);
}

fn is_set(values: &BTreeMap<String, Json>, section: &str, key: &str) -> bool {
    if section.is_empty() {
        values.contains_key(key)
    } else {
        values.contains_key(&format!("{section}.{key}"))
    }
}

fn check_key(path: &str, section: &str, key: &str) -> Result<(), ConfigError> {
    let wrong = |message| Err(ConfigError::key(path, message));
    if key.is_empty() || key.trim() != key || key.starts_with(['[', ';', '#']) || key.contains('=') {
        return wrong("an INI key is a word without '='");
    }
    if section.trim() != section || section.contains(['[', ']']) {
        return wrong("an INI section's name holds no brackets");
    }
    if path.starts_with('.') || path.chars().any(char::is_control) {
        return wrong("an INI key is one line: section.key");
    }
    Ok(())
}

fn section_of(line: &str) -> Option<&str> {
    let (name, _) = line.trim().strip_prefix('[')?.split_once(']')?;
    Some(name.trim())
}

fn key_of(line: &str) -> Option<&str> {
    let line = line.trim();
    if line.starts_with([';', '#']) { None } else { Some(line.split_once('=')?.0.trim()) }
}

#[cfg(test)]
pub(super) fn read(text: &str) -> BTreeMap<String, String> {
    let mut section = String::new();
    let mut values = BTreeMap::new();
    for line in text.lines() {
        if let Some(name) = section_of(line) {
            section = name.to_owned();
        } else if let (Some(key), Some((_, value))) = (key_of(line), line.split_once('=')) {
            let path = if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
            values.insert(path, value.trim().to_owned());
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_into_their_section_and_the_rest_stays() {
        let existing = "; by hand\ntop = 1\n[net]\nport = 1\n\n[/Script/Pal.Settings]\nA=(b,c)\n";
        let values = BTreeMap::from([
            ("net.port".to_owned(), Json::from(7)),
            ("net.name".to_owned(), "a=b;c".into()),
            ("first".to_owned(), true.into()),
            ("/Script/Pal.Settings.A".to_owned(), "(d)".into()),
            ("new.x".to_owned(), "y".into()),
        ]);
        assert_eq!(
            write(existing, &values).expect("written"),
            "; by hand\ntop = 1\nfirst=true\n[net]\nport = 7\nname=a=b;c\n\n[/Script/Pal.Settings]\nA=(d)\n[new]\nx=y\n"
        );
    }
}
