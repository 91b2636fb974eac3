//! Whether a value fits a setting, whether it was typed by a person or read from a file.

use guildhall_core::{
    Span, TenantId,
    guild::{ChannelId, Guilds, RoleId},
    input,
    setting::{Setting, SettingKind},
};
use serde_json::{Map, Value};

use crate::error::Misfit;

/// Entries of a list, as `core::setting` bounds them.
const MOST_ENTRIES: usize = 25;
/// Characters of an entry of [`SettingKind::Texts`] and of a name in [`SettingKind::Map`].
const MOST_CHARACTERS: usize = 100;

/// The value as it is kept, or what would fit.
///
/// `null` and, but for lists and texts that may be empty, an empty text give [`Value::Null`], which stands for
/// the default.
pub(crate) fn fit(setting: &Setting, value: &Value) -> Result<Value, Misfit> {
    let text = value.as_str().map(str::trim);
    let clears = match setting.kind {
        SettingKind::Text { min, .. } => min > 0,
        SettingKind::Channels | SettingKind::Roles | SettingKind::Texts | SettingKind::Map { .. } => false,
        _ => true,
    };
    if value.is_null() || (clears && text == Some("")) {
        return Ok(Value::Null);
    }
    match setting.kind {
        SettingKind::Switch => switch(value),
        SettingKind::Text { min, max } => plain(value, min, max),
        SettingKind::Template { names, max } => template(value, names, max),
        SettingKind::Integer { min, max } => integer(value, min, max),
        SettingKind::Duration { min, max } => duration(value, min, max),
        SettingKind::Choice { of } => choice(value, of),
        SettingKind::Channel => channel(value),
        SettingKind::Channels => list(value, Separated::ByBlanks, channel),
        SettingKind::Role => role(value),
        SettingKind::Roles => list(value, Separated::ByBlanks, role),
        SettingKind::Color => color(value),
        SettingKind::Texts => list(value, Separated::ByCommas, |value| {
            let text = plain(value, 1, MOST_CHARACTERS as u64)?;
            // An entry with a comma would be two when somebody edits the list as a text.
            let one = text.as_str().is_some_and(|text| text == text.trim() && !text.contains([',', '\n']));
            if one { Ok(text) } else { Err(not_a_list()) }
        }),
        SettingKind::Map { max } => map(value, max),
    }
}

/// Whether the channels and roles that a fitting value names are there. Where no guild can be reached nothing
/// is checked: a community may be set up before its bot is there.
pub(crate) async fn check_in_guild(
    guilds: &dyn Guilds,
    tenant: &TenantId,
    setting: &Setting,
    value: &Value,
) -> Result<(), Misfit> {
    let channels = matches!(setting.kind, SettingKind::Channel | SettingKind::Channels);
    let roles = matches!(setting.kind, SettingKind::Role | SettingKind::Roles);
    let ids: Vec<u64> = match value {
        Value::Array(items) => items.iter().filter_map(snowflake).collect(),
        single => snowflake(single).into_iter().collect(),
    };
    if !(channels || roles) || ids.is_empty() {
        return Ok(());
    }
    let Ok(guild) = guilds.guild(tenant).await else { return Ok(()) };
    for id in ids {
        if channels && guild.channel(ChannelId(id)).is_none() {
            let message = format!("names the channel {id}, which is not in this server.");
            return Err(Misfit::new("setting_channel_gone", message).with("id", id.to_string()));
        }
        if roles && id == guild.id {
            let message = "cannot be @everyone; choose a role that people are given.";
            return Err(Misfit::new("setting_role_everyone", message));
        }
        if roles && guild.role(RoleId(id)).is_none() {
            let message = format!("names the role {id}, which is not in this server.");
            return Err(Misfit::new("setting_role_gone", message).with("id", id.to_string()));
        }
    }
    Ok(())
}

fn snowflake(value: &Value) -> Option<u64> {
    value.as_str()?.parse().ok()
}

fn switch(value: &Value) -> Result<Value, Misfit> {
    let word = value.as_str().map(|text| text.trim().to_lowercase());
    match (value, word.as_deref()) {
        (Value::Bool(on), _) => Ok((*on).into()),
        (_, Some("on" | "yes" | "true" | "1")) => Ok(true.into()),
        (_, Some("off" | "no" | "false" | "0")) => Ok(false.into()),
        _ => Err(Misfit::new("setting_not_a_switch", "is a switch: write on or off.")),
    }
}

fn plain(value: &Value, min: u64, max: u64) -> Result<Value, Misfit> {
    let text = match value {
        Value::String(text) => text.clone(),
        // A file may have a number where a text is meant: a prefix of 1.
        Value::Number(number) => number.to_string(),
        _ => return Err(Misfit::new("setting_not_text", "is a text.")),
    };
    let length = text.chars().count() as u64;
    if (min..=max).contains(&length) {
        return Ok(text.into());
    }
    let message = format!("has {length} characters; {min} to {max} fit.");
    Err(Misfit::new("setting_length", message).with("length", length).with("least", min).with("most", max))
}

fn template(value: &Value, names: &[&str], max: u64) -> Result<Value, Misfit> {
    let value = plain(value, 0, max)?;
    let text = value.as_str().unwrap_or_default();
    let unknown = placeholders(text).find(|name| !names.contains(name)).map(str::to_owned);
    match unknown {
        None => Ok(value),
        Some(unknown) => {
            let allowed: Vec<String> = names.iter().map(|name| format!("{{{name}}}")).collect();
            let allowed = allowed.join(", ");
            let message =
                format!("has {{{unknown}}}, which nothing is put in for. These can be used: {allowed}.");
            let misfit = Misfit::new("setting_template", message).with("name", unknown);
            Err(misfit.with("allowed", allowed))
        }
    }
}

/// The names in `{…}`. Braces around anything but lower-case letters, digits and `_` are plain text.
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|rest| {
        let (name, _) = rest.split_once('}')?;
        let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        (!name.is_empty() && name.len() <= 64 && name.bytes().all(word)).then_some(name)
    })
}

fn integer(value: &Value, min: i64, max: i64) -> Result<Value, Misfit> {
    let number = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
    match number {
        Some(number) if (min..=max).contains(&number) => Ok(number.into()),
        _ => {
            let message = format!("is a whole number from {min} to {max}.");
            Err(Misfit::new("setting_number", message).with("least", min).with("most", max))
        }
    }
}

fn duration(value: &Value, min: u64, max: u64) -> Result<Value, Misfit> {
    let span = value.as_str().and_then(|text| text.parse::<Span>().ok());
    match span {
        Some(span) if (min..=max).contains(&span.seconds()) => Ok(span.to_string().into()),
        _ => {
            let shown = |seconds: u64| {
                let span = Span::new(std::time::Duration::from_secs(seconds));
                span.map_or_else(|_| format!("{seconds}s"), |span| span.to_string())
            };
            let (least, most) = (shown(min), shown(max));
            let message =
                format!("is a length of time from {least} to {most}, written like 30m, 1h30m or 7d.");
            Err(Misfit::new("setting_duration", message).with("least", least).with("most", most))
        }
    }
}

fn choice(value: &Value, of: &[&str]) -> Result<Value, Misfit> {
    let text = value.as_str().unwrap_or_default().trim();
    match of.iter().find(|word| word.eq_ignore_ascii_case(text)) {
        Some(word) => Ok((*word).into()),
        None => {
            let words = of.join(", ");
            Err(Misfit::new("setting_choice", format!("is one of: {words}.")).with("words", words))
        }
    }
}

fn channel(value: &Value) -> Result<Value, Misfit> {
    let id = value.as_str().and_then(|text| text.trim().parse::<ChannelId>().ok());
    let id = id.or_else(|| value.as_u64().filter(|id| *id != 0).map(ChannelId));
    id.map(|id| id.to_string().into()).ok_or_else(|| {
        Misfit::new("setting_channel", "is a channel: mention it, or copy its id from Discord.")
    })
}

fn role(value: &Value) -> Result<Value, Misfit> {
    let id = value.as_str().and_then(|text| text.trim().parse::<RoleId>().ok());
    let id = id.or_else(|| value.as_u64().filter(|id| *id != 0).map(RoleId));
    id.map(|id| id.to_string().into())
        .ok_or_else(|| Misfit::new("setting_role", "is a role: mention it, or copy its id from Discord."))
}

fn color(value: &Value) -> Result<Value, Misfit> {
    let text = value.as_str().unwrap_or_default().trim();
    let digits = text.strip_prefix('#').unwrap_or(text);
    if digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(format!("#{}", digits.to_ascii_lowercase()).into());
    }
    Err(Misfit::new("setting_color", "is a colour, written like #5865f2."))
}

#[derive(Clone, Copy, PartialEq)]
enum Separated {
    ByBlanks,
    ByCommas,
}

fn list(
    value: &Value,
    separated: Separated,
    one: impl Fn(&Value) -> Result<Value, Misfit>,
) -> Result<Value, Misfit> {
    let items: Vec<Value> = match value {
        Value::Array(items) => items.clone(),
        Value::String(text) => text
            .split(|c| {
                matches!(c, ',' | '\n') || (separated == Separated::ByBlanks && char::is_whitespace(c))
            })
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(Value::from)
            .collect(),
        _ => return Err(not_a_list()),
    };
    if items.len() > MOST_ENTRIES {
        let message = format!("has {} entries; at most {MOST_ENTRIES} fit.", items.len());
        return Err(Misfit::new("setting_too_many", message)
            .with("count", items.len())
            .with("most", MOST_ENTRIES));
    }
    let mut kept: Vec<Value> = Vec::with_capacity(items.len());
    for item in &items {
        let item = one(item)?;
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
    Ok(kept.into())
}

fn not_a_list() -> Misfit {
    Misfit::new("setting_list", "is a list, with commas between.")
}

fn map(value: &Value, max: u64) -> Result<Value, Misfit> {
    let wrong =
        || Misfit::new("setting_map", "is a list of name=\"text\", such as spam=\"No spam, please.\"");
    let entries: Map<String, Value> = match value {
        Value::Object(entries) => entries.clone(),
        Value::String(text) => input::pairs(text).map_err(|_| wrong())?,
        _ => return Err(wrong()),
    };
    if entries.len() > MOST_ENTRIES {
        let message = format!("has {} entries; at most {MOST_ENTRIES} fit.", entries.len());
        return Err(Misfit::new("setting_too_many", message)
            .with("count", entries.len())
            .with("most", MOST_ENTRIES));
    }
    let mut kept = Map::new();
    for (name, text) in entries {
        plain(&Value::from(name.as_str()), 1, MOST_CHARACTERS as u64)?;
        // What `pairs` could not read again could not be changed by typing.
        if name.contains(|c: char| c.is_whitespace() || c == '=' || c == '"') {
            return Err(wrong());
        }
        let text = plain(&text, 1, max)?;
        if text.as_str().is_some_and(|text| text.contains('"')) {
            return Err(wrong());
        }
        kept.insert(name, text);
    }
    // By name, so that two that say the same are the same.
    kept.sort_keys();
    Ok(Value::Object(kept))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn of(kind: SettingKind) -> Setting {
        Setting { key: "test.one", summary: "A setting of a test", kind, default: "null" }
    }

    #[test]
    fn each_kind_takes_what_fits_and_says_what_would() {
        let cases: &[(SettingKind, Value, Result<Value, &str>)] = &[
            (SettingKind::Switch, json!("On"), Ok(json!(true))),
            (SettingKind::Switch, json!(false), Ok(json!(false))),
            (SettingKind::Switch, json!("maybe"), Err("setting_not_a_switch")),
            (SettingKind::Text { min: 1, max: 3 }, json!("!"), Ok(json!("!"))),
            (SettingKind::Text { min: 1, max: 3 }, json!("!!!!"), Err("setting_length")),
            (SettingKind::Text { min: 1, max: 3 }, json!(""), Ok(Value::Null)),
            (SettingKind::Text { min: 0, max: 3 }, json!(""), Ok(json!(""))),
            (SettingKind::Text { min: 1, max: 3 }, json!(["a"]), Err("setting_not_text")),
            (SettingKind::Template { names: &["user"], max: 50 }, json!("Hi {user}"), Ok(json!("Hi {user}"))),
            (SettingKind::Template { names: &["user"], max: 50 }, json!("{usr}"), Err("setting_template")),
            (SettingKind::Template { names: &["user"], max: 50 }, json!("{ not } {"), Ok(json!("{ not } {"))),
            (SettingKind::Integer { min: 1, max: 9 }, json!("9"), Ok(json!(9))),
            (SettingKind::Integer { min: 1, max: 9 }, json!(10), Err("setting_number")),
            (SettingKind::Integer { min: 1, max: 9 }, json!("nine"), Err("setting_number")),
            (SettingKind::Duration { min: 60, max: 86_400 }, json!("90 minutes"), Ok(json!("1h30m"))),
            (SettingKind::Duration { min: 60, max: 86_400 }, json!("30s"), Err("setting_duration")),
            (SettingKind::Duration { min: 60, max: 86_400 }, json!(90), Err("setting_duration")),
            (SettingKind::Choice { of: &["full", "brief"] }, json!("Full"), Ok(json!("full"))),
            (SettingKind::Choice { of: &["full", "brief"] }, json!("long"), Err("setting_choice")),
            (SettingKind::Channel, json!("<#42>"), Ok(json!("42"))),
            (SettingKind::Channel, json!(42), Ok(json!("42"))),
            (SettingKind::Channel, json!("general"), Err("setting_channel")),
            (SettingKind::Channels, json!("<#1> <#2>,<#1>"), Ok(json!(["1", "2"]))),
            (SettingKind::Channels, json!(""), Ok(json!([]))),
            (SettingKind::Role, json!("<@&7>"), Ok(json!("7"))),
            (SettingKind::Role, json!("<@7>"), Err("setting_role")),
            (SettingKind::Roles, json!(["7", "<@&8>"]), Ok(json!(["7", "8"]))),
            (SettingKind::Color, json!("5865F2"), Ok(json!("#5865f2"))),
            (SettingKind::Color, json!("blurple"), Err("setting_color")),
            (SettingKind::Texts, json!("two words, three"), Ok(json!(["two words", "three"]))),
            (SettingKind::Texts, json!(7), Err("setting_list")),
            (SettingKind::Texts, json!(vec!["x"; 26]), Err("setting_too_many")),
            (SettingKind::Map { max: 20 }, json!("b=\"No b\" a=A"), Ok(json!({"a": "A", "b": "No b"}))),
            (SettingKind::Map { max: 20 }, json!("just words"), Err("setting_map")),
            (SettingKind::Map { max: 20 }, json!({"a b": "x"}), Err("setting_map")),
        ];
        for (kind, value, expected) in cases {
            let found = fit(&of(*kind), value).map_err(|misfit| misfit.code);
            assert_eq!(found, expected.clone(), "{kind:?} {value}");
        }
    }

    #[test]
    fn an_unknown_name_in_a_template_is_answered_with_those_there_are() {
        let kind = SettingKind::Template { names: &["user", "case"], max: 100 };
        let misfit = fit(&of(kind), &json!("Dear {name}")).unwrap_err();
        assert!(misfit.message.contains("{name}") && misfit.message.contains("{user}, {case}"), "{misfit:?}");
    }

    fn any_kind() -> impl Strategy<Value = SettingKind> {
        prop::sample::select(vec![
            SettingKind::Switch,
            SettingKind::Text { min: 1, max: 20 },
            SettingKind::Text { min: 0, max: 20 },
            SettingKind::Template { names: &["user", "reason"], max: 60 },
            SettingKind::Integer { min: -5, max: 5 },
            SettingKind::Duration { min: 1, max: 10_000_000 },
            SettingKind::Choice { of: &["one", "two"] },
            SettingKind::Channel,
            SettingKind::Channels,
            SettingKind::Role,
            SettingKind::Roles,
            SettingKind::Color,
            SettingKind::Texts,
            SettingKind::Map { max: 30 },
        ])
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,30}".prop_map(Value::from),
            "[a-z0-9{}<#@&>=\" ,]{0,30}".prop_map(Value::from),
        ];
        leaf.prop_recursive(2, 8, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z =]{0,4}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_fits_once_fits_again_unchanged(kind in any_kind(), value in any_value()) {
            let setting = of(kind);
            if let Ok(kept) = fit(&setting, &value) {
                prop_assert_eq!(fit(&setting, &kept), Ok(kept));
            }
        }
    }
}
