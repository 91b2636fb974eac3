//! Settings as people read them.

use guildhall_core::{
    Document, Rich, Span,
    guild::{ChannelId, Guild, RoleId},
    setting::{Setting, SettingKind},
};
use serde_json::Value;

use super::Registry;
use crate::change::{Change, Subject};

/// Characters of a value on a page; the rest is behind `config get`.
const LONGEST: usize = 300;

/// A value in words: channels and roles by name where the guild is known.
pub(crate) fn in_words(setting: &Setting, value: &Value, guild: Option<&Guild>) -> String {
    let channel = |value: &Value| {
        let id: Option<ChannelId> = value.as_str().and_then(|text| text.parse().ok());
        let known = id.and_then(|id| guild.and_then(|guild| guild.channel(id)));
        match (known, guild) {
            (Some(channel), _) => format!("#{}", channel.name),
            (None, Some(_)) => format!("{} (no longer there)", typed(value)),
            (None, None) => typed(value),
        }
    };
    let role = |value: &Value| {
        let id: Option<RoleId> = value.as_str().and_then(|text| text.parse().ok());
        let known = id.and_then(|id| guild.and_then(|guild| guild.role(id)));
        match (known, guild) {
            (Some(role), _) => format!("@{}", role.name),
            (None, Some(_)) => format!("{} (no longer there)", typed(value)),
            (None, None) => typed(value),
        }
    };
    let several = |one: &dyn Fn(&Value) -> String| match value.as_array() {
        Some(items) if !items.is_empty() => items.iter().map(one).collect::<Vec<_>>().join(", "),
        _ => "none".to_owned(),
    };
    let text = match (setting.kind, value) {
        (_, Value::Null) => "not set".to_owned(),
        (SettingKind::Switch, Value::Bool(on)) => if *on { "on" } else { "off" }.to_owned(),
        (SettingKind::Channel, value) => channel(value),
        (SettingKind::Role, value) => role(value),
        (SettingKind::Channels, _) => several(&channel),
        (SettingKind::Roles, _) => several(&role),
        (SettingKind::Texts, _) => several(&typed),
        (SettingKind::Map { .. }, Value::Object(map)) if map.is_empty() => "none".to_owned(),
        (SettingKind::Text { .. }, Value::String(text)) if text.is_empty() => "empty".to_owned(),
        (_, value) => typed(value),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// A value as one types it, so that a form can be filled in with it.
pub(crate) fn typed(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(typed).collect::<Vec<_>>().join(", "),
        Value::Object(map) => {
            let pairs = map.iter().map(|(name, text)| format!("{name}=\"{}\"", typed(text)));
            pairs.collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}

/// What a setting takes, in a line.
pub(crate) fn what_fits(setting: &Setting) -> String {
    let span = |seconds: u64| {
        let span = Span::new(std::time::Duration::from_secs(seconds));
        span.map_or_else(|_| format!("{seconds}s"), |span| span.to_string())
    };
    match setting.kind {
        SettingKind::Switch => "on or off".to_owned(),
        SettingKind::Text { min, max } => format!("text of {min} to {max} characters"),
        SettingKind::Template { names, max } => {
            let names: Vec<String> = names.iter().map(|name| format!("{{{name}}}")).collect();
            format!("text of at most {max} characters; filled in: {}", names.join(", "))
        }
        SettingKind::Integer { min, max } => format!("a whole number from {min} to {max}"),
        SettingKind::Duration { min, max } => {
            format!("a length of time from {} to {}", span(min), span(max))
        }
        SettingKind::Choice { of } => format!("one of: {}", of.join(", ")),
        SettingKind::Channel => "a channel".to_owned(),
        SettingKind::Channels => "up to 25 channels".to_owned(),
        SettingKind::Role => "a role".to_owned(),
        SettingKind::Roles => "up to 25 roles".to_owned(),
        SettingKind::Color => "a colour, such as #5865f2".to_owned(),
        SettingKind::Texts => "up to 25 texts with commas between".to_owned(),
        SettingKind::Map { max } => format!("up to 25 of name=\"text\", texts of at most {max} characters"),
    }
}

/// A change in three cells: what, from, to. Channels and roles have their names where the guild is known.
pub(crate) fn change_cells(registry: &Registry, guild: Option<&Guild>, change: &Change) -> [Rich; 3] {
    let setting = registry.get(&change.name).filter(|_| change.subject == Subject::Setting);
    let cell = |value: &Option<Value>| match (value, setting) {
        (None, _) => Rich::from("default"),
        (Some(value), Some(setting)) => Rich::from(in_words(setting, value, guild)),
        (Some(value), None) => Change::shown(value),
    };
    let role = change.name.parse().ok().filter(|_| change.subject == Subject::Role);
    let role = role.and_then(|id: RoleId| guild.and_then(|guild| guild.role(id)));
    let title = role.map_or_else(|| change.title(), |role| format!("role @{}", role.name));
    [Rich::new().code(title), cell(&change.from), cell(&change.to)]
}

/// Changes as a table: what, from, to.
pub(crate) fn changes_table(
    document: Document,
    registry: &Registry,
    guild: Option<&Guild>,
    changes: &[Change],
) -> Document {
    let rows = changes.iter().map(|change| change_cells(registry, guild, change).to_vec());
    document.table(&["what", "from", "to"], rows.collect())
}
