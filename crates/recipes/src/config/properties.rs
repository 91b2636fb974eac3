//! Java properties: `key=value`, with `\` before what would be read otherwise.
//!
//! The rules are those of `java.util.Properties.load`. Everything outside ASCII is written as `\uXXXX`, which
//! every version of Java reads whatever it takes the file's encoding for.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::Value as Json;

use super::{ConfigError, scalar};

pub(super) fn write(existing: &str, values: &BTreeMap<String, Json>) -> Result<String, ConfigError> {
    let mut left: BTreeMap<&str, String> = BTreeMap::new();
    for (key, value) in values {
        if key.is_empty() || key.chars().any(char::is_control) {
            return Err(ConfigError::key(key, "a key is one line and not empty"));
        }
        left.insert(key, format!("{}={}", escaped(key, true), escaped(&scalar(key, value)?, false)));
    }
    let mut lines = Vec::new();
    for line in logical_lines(existing) {
        match key_and_value(&line).and_then(|(key, _)| values.get_key_value(&key)) {
            // Java keeps the last of several, so that only one may stay.
            Some((key, _)) => lines.extend(left.remove(key.as_str())),
            None => lines.push(line),
        }
    }
    lines.extend(left.into_values());
    Ok(super::joined(&lines))
}

/// Lines with their continuations, as they stand.
fn logical_lines(text: &str) -> Vec<String> {
    let mut logical: Vec<String> = Vec::new();
    let mut open = false;
    // Java ends lines at a lone carriage return as well.
    for line in text.replace("\r\n", "\n").replace('\r', "\n").lines() {
        match logical.last_mut().filter(|_| open) {
            Some(last) => {
                last.push('\n');
                last.push_str(line);
            }
            None => logical.push(line.to_owned()),
        }
        let comment = !open && line.trim_start_matches(BLANK).starts_with(['#', '!']);
        let backslashes = line.bytes().rev().take_while(|byte| *byte == b'\\').count();
        open = !comment && backslashes % 2 == 1;
    }
    // A continuation at the file's end continues with nothing, and must not swallow what is added behind it.
    if let Some(last) = logical.last_mut().filter(|_| open) {
        last.pop();
    }
    logical
}

/// Key and value of a logical line, or nothing for a comment or an empty line.
fn key_and_value(line: &str) -> Option<(String, String)> {
    let mut joined = String::new();
    for (index, part) in line.lines().enumerate() {
        let part = if index == 0 { part } else { part.trim_start_matches(BLANK) };
        let backslashes = part.bytes().rev().take_while(|byte| *byte == b'\\').count();
        joined.push_str(if backslashes % 2 == 1 { &part[..part.len() - 1] } else { part });
    }
    let line = joined.trim_start_matches(BLANK);
    if line.is_empty() || line.starts_with(['#', '!']) {
        return None;
    }
    let mut escape = false;
    let end = line.find(|c: char| {
        let ends = !escape && (c == '=' || c == ':' || BLANK.contains(&c));
        escape = c == '\\' && !escape;
        ends
    });
    let (key, rest) = line.split_at(end.unwrap_or(line.len()));
    let rest = rest.trim_start_matches(BLANK);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start_matches(BLANK);
    Some((unescaped(key), unescaped(rest)))
}

const BLANK: [char; 3] = [' ', '\t', '\u{c}'];

fn escaped(text: &str, key: bool) -> String {
    let mut written = String::with_capacity(text.len());
    for (index, character) in text.char_indices() {
        match character {
            '\\' => written.push_str("\\\\"),
            '\t' => written.push_str("\\t"),
            ' ' if key || index == 0 => written.push_str("\\ "),
            '=' | ':' if key => written.extend(['\\', character]),
            '#' | '!' if key && index == 0 => written.extend(['\\', character]),
            ' '..='~' => written.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    // Writing into a String cannot fail.
                    let _ = write!(written, "\\u{unit:04X}");
                }
            }
        }
    }
    written
}

fn unescaped(text: &str) -> String {
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut characters = text.chars();
    let push = |units: &mut Vec<u16>, c: char| units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
    while let Some(character) = characters.next() {
        if character != '\\' {
            push(&mut units, character);
            continue;
        }
        match characters.next() {
            Some('t') => push(&mut units, '\t'),
            Some('n') => push(&mut units, '\n'),
            Some('r') => push(&mut units, '\r'),
            Some('f') => push(&mut units, '\u{c}'),
            Some('u') => {
                let digits: String = characters.by_ref().take(4).collect();
                units.push(u16::from_str_radix(&digits, 16).unwrap_or(0xfffd));
            }
            Some(other) => push(&mut units, other),
            None => {}
        }
    }
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
pub(super) fn read(text: &str) -> BTreeMap<String, String> {
    logical_lines(text).iter().filter_map(|line| key_and_value(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_order_and_foreign_keys_stay() {
        let existing =
            "#Minecraft server properties\n# by hand\nmotd : old\\\n   one\npvp=true\n\nmotd=twice\n";
        let values = BTreeMap::from([
            ("motd".to_owned(), Json::from("Grüße: a=b \\o/")),
            ("x y".to_owned(), 7.into()),
        ]);
        let written = write(existing, &values).expect("written");
        assert_eq!(
            written,
            "#Minecraft server properties\n# by hand\nmotd=Gr\\u00FC\\u00DFe: a=b \\\\o/\npvp=true\n\nx\\ y=7\n"
        );
        assert_eq!(read(&written)["motd"], "Grüße: a=b \\o/");
        assert_eq!(read(&written)["x y"], "7");
    }
}
