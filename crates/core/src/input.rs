//! The inputs of an operation, as every face needs them: names, kinds, bounds, completion.
//!
//! They are read from the JSON schema of the operation's struct, so a face has nothing to declare: slash
//! command options, command line flags, query parameters and prefix words all come from here.

mod pattern;

use std::collections::BTreeMap;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    Error, FieldError, Kind,
    duration::{BadSpan, Span},
    error::{self, Misfit, Variable},
    guild::{ChannelId, MessageLink, RoleId, UserId},
    suggest,
};

pub use pattern::Pattern;

/// The schema keyword that names a completer: `#[schemars(extend("x-complete" = "server"))]`.
pub const COMPLETE: &str = "x-complete";
/// The schema keyword that says what a text stands for: `user`, `role`, `channel`, `message`, `duration`.
pub const KIND: &str = "x-kind";
/// The schema keyword that keeps a value out of records and logs.
pub const SECRET: &str = "x-secret";
/// The schema keyword for people who are banned: a name is looked for among them and not among the members.
pub const BANNED: &str = "x-banned";
/// The schema keyword that says how a text is read from a line that somebody types: `rest` or `people`.
pub const LINE: &str = "x-line";
/// The schema keyword for the longest length of time that is taken, where that is less than the longest that can be
/// written: `28d`.
pub const LONGEST: &str = "x-longest";

/// One input.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Field {
    /// Its name, `snake_case`.
    pub name: String,
    /// What it is for, one line.
    pub description: String,
    /// What fits in.
    pub kind: FieldKind,
    /// Whether it must be given.
    pub required: bool,
    /// What holds when it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// Which completer suggests values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complete: Option<String>,
    /// Kept out of records and logs.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    /// People who are banned: a name is looked for among them and not among the members.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub banned: bool,
    /// How a text is read from a line that somebody types, where that is not by its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<Line>,
    /// The longest length of time that is taken, where that is less than the longest that can be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest: Option<Span>,
}

impl Field {
    /// Whether it may be given several times, which then are one list.
    pub fn takes_several(&self) -> bool {
        matches!(self.kind, FieldKind::List | FieldKind::Map | FieldKind::Users)
            || self.line == Some(Line::People)
    }

    /// What it is for, as a sentence of plain text; nothing where nothing is said of it.
    pub fn sentence(&self) -> String {
        let text = self.description.replace('`', "");
        let text = text.trim();
        let ends = text.is_empty() || text.ends_with(['.', '!', '?', '…']);
        if ends { text.to_owned() } else { format!("{text}.") }
    }

    /// Lengths of time that fit, to show how one is written.
    pub fn durations(&self) -> &'static str {
        match self.longest.map_or(u64::MAX, Span::seconds) {
            0..3_600 => "30s, 1m30s",
            3_600..86_400 => "30s, 5m, 1h",
            86_400..604_800 => "30m, 1h30m, 1d",
            _ => "30m, 1h30m, 7d",
        }
    }
}

/// How a text is read from a line that somebody types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// It takes the rest of the line, though texts come after it; those have to be named.
    Rest,
    /// It takes the ids and mentions of people that follow each other, though it is not a list of people: for
    /// more of them than an input of [`FieldKind::Users`] may have.
    People,
}

/// What fits into an input. Bounds are inclusive.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum FieldKind {
    /// Text, in characters.
    Text {
        /// At least.
        min: Option<u64>,
        /// At most.
        max: Option<u64>,
        /// A regular expression it matches.
        pattern: Option<Pattern>,
    },
    /// A whole number.
    Integer {
        /// At least.
        min: Option<i64>,
        /// At most.
        max: Option<i64>,
    },
    /// A number.
    Number {
        /// At least.
        min: Option<f64>,
        /// At most.
        max: Option<f64>,
    },
    /// Yes or no.
    Boolean,
    /// One of these words.
    Choice {
        /// The words.
        of: Vec<String>,
    },
    /// A person on Discord, by id.
    User,
    /// Several people on Discord, by id.
    Users,
    /// A role, by id.
    Role,
    /// A channel, by id.
    Channel,
    /// A message, by its link.
    Message,
    /// A length of time: `30m`, `7d`.
    Duration,
    /// Several texts.
    List,
    /// Names and values: `motd=Hello max_players=20`.
    Map,
}

/// Input as it comes from a face.
#[derive(Clone, Debug)]
pub enum Raw {
    /// Typed already: REST, Discord, a document's action.
    Json(Value),
    /// Words: the command line, a prefix message. A name may come several times, with a text each, where its input
    /// takes several values.
    Words(BTreeMap<String, Vec<String>>),
}

/// The JSON schema of what is read as `T`, without references.
pub fn schema_of<T: JsonSchema>() -> Value {
    schema_with::<T>(SchemaSettings::draft2020_12().for_deserialize())
}

/// The JSON schema of what is written as `T`, without references: a member that may be left out is not
/// required here, though it has no default.
pub fn output_schema_of<T: JsonSchema>() -> Value {
    schema_with::<T>(SchemaSettings::draft2020_12().for_serialize())
}

fn schema_with<T: JsonSchema>(mut settings: SchemaSettings) -> Value {
    settings.inline_subschemas = true;
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// Reads the fields from an object schema, in the order of the struct.
pub fn fields_of(schema: &Value) -> Vec<Field> {
    let required: Vec<&str> = schema["required"]
        .as_array()
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let Some(properties) = schema["properties"].as_object() else { return Vec::new() };
    properties
        .iter()
        .map(|(name, property)| {
            let inner = without_null(property);
            let text = |key: &str| {
                property.get(key).or_else(|| inner.get(key)).and_then(Value::as_str).map(str::to_owned)
            };
            let flag = |key: &str| {
                property.get(key).or_else(|| inner.get(key)).and_then(Value::as_bool).unwrap_or(false)
            };
            Field {
                name: name.clone(),
                description: text("description").unwrap_or_default().replace('\n', " "),
                kind: kind_of(inner),
                required: required.contains(&name.as_str()),
                default: property.get("default").filter(|value| !value.is_null()).cloned(),
                complete: text(COMPLETE),
                secret: flag(SECRET),
                banned: flag(BANNED),
                line: match text(LINE).as_deref() {
                    Some("rest") => Some(Line::Rest),
                    Some("people") => Some(Line::People),
                    _ => None,
                },
                longest: text(LONGEST).and_then(|text| text.parse().ok()),
            }
        })
        .collect()
}

/// An `Option<T>` is `anyOf [T, null]` in a schema: the `T` of it.
fn without_null(schema: &Value) -> &Value {
    let Some(variants) = schema["anyOf"].as_array() else { return schema };
    variants.iter().find(|variant| variant["type"] != "null").unwrap_or(schema)
}

fn kind_of(schema: &Value) -> FieldKind {
    match (schema[KIND].as_str(), schema["items"][KIND].as_str()) {
        (Some("user"), _) => return FieldKind::User,
        (Some("role"), _) => return FieldKind::Role,
        (Some("channel"), _) => return FieldKind::Channel,
        (Some("message"), _) => return FieldKind::Message,
        (Some("duration"), _) => return FieldKind::Duration,
        (_, Some("user")) => return FieldKind::Users,
        _ => {}
    }
    if let Some(words) = schema["enum"].as_array() {
        return FieldKind::Choice {
            of: words.iter().filter_map(|w| w.as_str().map(str::to_owned)).collect(),
        };
    }
    if let Some(variants) = schema["oneOf"].as_array() {
        let of: Vec<String> =
            variants.iter().filter_map(|v| v["const"].as_str().map(str::to_owned)).collect();
        if !of.is_empty() {
            return FieldKind::Choice { of };
        }
    }
    let named = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).find(|t| *t != "null"),
        other => other.as_str(),
    };
    match named {
        Some("integer") => {
            FieldKind::Integer { min: schema["minimum"].as_i64(), max: schema["maximum"].as_i64() }
        }
        Some("number") => {
            FieldKind::Number { min: schema["minimum"].as_f64(), max: schema["maximum"].as_f64() }
        }
        Some("boolean") => FieldKind::Boolean,
        Some("array") => FieldKind::List,
        Some("object") => FieldKind::Map,
        _ => FieldKind::Text {
            min: schema["minLength"].as_u64(),
            max: schema["maxLength"].as_u64(),
            pattern: schema["pattern"].as_str().map(Pattern::new),
        },
    }
}

/// Turns what a face got into the object that the operation's struct is read from, or says what is wrong
/// with each input.
pub fn read(fields: &[Field], raw: Raw) -> Result<Value, Error> {
    let mut wrong = Vec::new();
    let mut given = match raw {
        Raw::Json(Value::Null) => Map::new(),
        Raw::Json(Value::Object(object)) => object,
        Raw::Json(_) => {
            return Err(Error::new(Kind::User, "invalid_input", "The input is not a JSON object.")
                .remedy("Send an object with one member an input."));
        }
        Raw::Words(words) => typed(fields, words, &mut wrong),
    };
    for (name, value) in &mut given {
        let field = fields.iter().find(|field| field.name == *name);
        if let (Some(FieldKind::Users), Value::String(text)) = (field.map(|field| &field.kind), &*value) {
            *value = several(text);
        }
        match field {
            Some(_) if value.is_null() => {}
            Some(field) => {
                if let Err(misfit) = fits(field, value) {
                    wrong.push(misfit.of(name));
                }
            }
            None => wrong.push(unknown(fields, name).of(name)),
        }
    }
    for field in fields.iter().filter(|field| field.required) {
        let missing = given.get(&field.name).is_none_or(Value::is_null);
        if missing && !wrong.iter().any(|error| error.field == field.name) {
            let message = format!("is missing. {}", field.sentence());
            let misfit = Misfit::new("input_missing", message.trim_end()).with("what", field.sentence());
            wrong.push(misfit.of(field.name.as_str()));
        }
    }
    if wrong.is_empty() {
        return Ok(Value::Object(given));
    }
    Err(match <[FieldError; 1]>::try_from(wrong) {
        Ok([one]) => one.into(),
        Err(many) => {
            let message = format!("{} inputs do not fit.", many.len());
            let error = Error::new(Kind::User, "invalid_inputs", message).with("count", many.len());
            Error { fields: many, ..error }
        }
    })
}

fn unknown(fields: &[Field], name: &str) -> Misfit {
    match suggest::nearest(name, fields.iter().map(|field| field.name.as_str()), 1).first() {
        Some(near) => {
            let message = format!("is not an input of this operation. Did you mean '{near}'?");
            Misfit::new("input_unknown", message).with("near", *near)
        }
        None => Misfit::new("input_none_taken", "is not an input of this operation, which takes none."),
    }
}

fn typed(
    fields: &[Field],
    words: BTreeMap<String, Vec<String>>,
    wrong: &mut Vec<FieldError>,
) -> Map<String, Value> {
    let mut object = Map::new();
    for (name, values) in words {
        let read = match fields.iter().find(|field| field.name == name) {
            Some(field) if values.len() > 1 && !field.takes_several() => Err(given_twice()),
            Some(field) => typed_value(&field.kind, &values),
            None => Ok(Value::from(values.join(" "))),
        };
        match read {
            Ok(value) => {
                object.insert(name, value);
            }
            Err(misfit) => wrong.push(misfit.of(&name)),
        }
    }
    object
}

fn typed_value(kind: &FieldKind, values: &[String]) -> Result<Value, Misfit> {
    let joined = || values.join(" ");
    match kind {
        FieldKind::Text { .. }
        | FieldKind::Choice { .. }
        | FieldKind::User
        | FieldKind::Role
        | FieldKind::Channel
        | FieldKind::Message
        | FieldKind::Duration => Ok(Value::from(joined())),
        FieldKind::Integer { min, max } => {
            let text = joined();
            text.parse::<i64>().map(Value::from).map_err(|_| no_integer(&text, *min, *max))
        }
        FieldKind::Number { .. } => joined().parse::<f64>().map(Value::from).map_err(|_| not_a_number()),
        FieldKind::Boolean => match joined().to_lowercase().as_str() {
            "true" | "yes" | "on" | "1" | "" => Ok(Value::from(true)),
            "false" | "no" | "off" | "0" => Ok(Value::from(false)),
            _ => Err(Misfit::new("input_not_yes_or_no", "is neither yes nor no.")),
        },
        FieldKind::List => Ok(Value::from(values.to_vec())),
        FieldKind::Users => Ok(several(&joined())),
        FieldKind::Map => pairs(&joined()).map(Value::Object).map_err(not_pairs),
    }
}

/// Several ids, mentions or names, with blanks or commas between.
pub(crate) fn people(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', ',', '\n', '\t']).filter(|word| !word.is_empty())
}

fn several(text: &str) -> Value {
    people(text).map(Value::from).collect()
}

/// An input for one value was given several.
pub fn given_twice() -> Misfit {
    Misfit::new("input_given_twice", "is given twice. Give every input once.")
}

/// What is wrong with a whole number: it may be one that is too large to be counted with.
fn no_integer(text: &str, min: Option<i64>, max: Option<i64>) -> Misfit {
    let text = text.trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let counted = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let shown = error::typed(text, 24);
    match counted && text.parse::<i64>().is_err() {
        false => Misfit::new("input_not_whole", "is not a whole number."),
        true if text.starts_with('-') => too_small(shown, min.unwrap_or(i64::MIN).to_string()),
        true => too_large(shown, max.unwrap_or(i64::MAX).to_string()),
    }
}

fn not_a_number() -> Misfit {
    Misfit::new("input_not_a_number", "is not a number.")
}

fn not_pairs(message: String) -> Misfit {
    Misfit::new("input_not_pairs", message)
}

/// Reads `name=value name="two words"`.
pub fn pairs(text: &str) -> Result<Map<String, Value>, String> {
    let mut object = Map::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let Some((name, after)) = rest.split_once('=') else {
            return Err(format!("needs name=value pairs; '{rest}' has no '='."));
        };
        let name = name.trim();
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(format!("needs name=value pairs; '{name}' is not a name."));
        }
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or("has a quote that is not closed.")?,
            None => after.split_once(char::is_whitespace).unwrap_or((after, "")),
        };
        object.insert(name.to_owned(), Value::from(value));
        rest = left.trim_start();
    }
    Ok(object)
}

fn fits(field: &Field, value: &Value) -> Result<(), Misfit> {
    let not_text = || Misfit::new("input_not_text", "is not text.");
    match &field.kind {
        FieldKind::Text { min, max, pattern } => {
            let text = value.as_str().ok_or_else(not_text)?;
            let length = text.chars().count() as u64;
            if let Some(min) = min.filter(|min| length < *min) {
                let message = format!("is too short: {length} of at least {min} characters.");
                let misfit = Misfit::new("input_too_short", message);
                return Err(misfit.with("length", length).with("least", min));
            }
            if let Some(max) = max.filter(|max| length > *max) {
                let message = format!("is too long: {length} of at most {max} characters.");
                let misfit = Misfit::new("input_too_long", message);
                return Err(misfit.with("length", length).with("most", max));
            }
            if pattern.as_ref().is_some_and(|pattern| !pattern.matches(text)) {
                // The pattern itself means nothing to most people; what the input is for says it in words.
                let message = format!("'{text}' does not fit. {}", field.sentence());
                let misfit = Misfit::new("input_unfit", message.trim_end());
                return Err(misfit.with("text", text).with("what", field.sentence()));
            }
            Ok(())
        }
        FieldKind::Integer { min, max } => {
            let Some(number) = value.as_i64() else {
                let text = match value {
                    Value::String(text) => text.clone(),
                    // Larger ones are read with a point, though they were written without.
                    other => other
                        .as_f64()
                        .filter(|number| number.abs() >= 1e18)
                        .map_or_else(|| other.to_string(), |number| format!("{number:.0}")),
                };
                return Err(no_integer(&text, *min, *max));
            };
            between(number, *min, *max)
        }
        FieldKind::Number { min, max } => between(value.as_f64().ok_or_else(not_a_number)?, *min, *max),
        FieldKind::Boolean => value
            .as_bool()
            .map(|_| ())
            .ok_or_else(|| Misfit::new("input_not_a_switch", "is neither true nor false.")),
        FieldKind::Choice { of } => match value.as_str() {
            Some(word) if of.iter().any(|choice| choice == word) => Ok(()),
            _ => {
                let words = of.join(", ");
                Err(Misfit::new("input_not_a_choice", format!("is none of: {words}.")).with("words", words))
            }
        },
        FieldKind::User => reads::<UserId>(value, "input_not_a_user"),
        FieldKind::Role => reads::<RoleId>(value, "input_not_a_role"),
        FieldKind::Channel => reads::<ChannelId>(value, "input_not_a_channel"),
        FieldKind::Message => reads::<MessageLink>(value, "input_not_a_message"),
        FieldKind::Duration => {
            let text = value.as_str().ok_or_else(not_text)?;
            let read = text.parse::<Span>();
            let shown = error::typed(text, 40);
            let longest = field.longest.map(|span| span.to_string());
            let code = match &read {
                Ok(span) if field.longest.is_none_or(|longest| *span <= longest) => return Ok(()),
                Err(BadSpan::TooLong(_)) if longest.is_none() && !field.required => "input_duration_too_long",
                Ok(_) | Err(BadSpan::TooLong(_)) => {
                    let most = longest.unwrap_or_else(|| "10y".to_owned());
                    let message = format!("is at most {most}, and '{shown}' is longer.");
                    let misfit = Misfit::new("input_too_lasting", message);
                    return Err(misfit.with("text", shown).with("most", most));
                }
                Err(BadSpan::Unreadable(_)) => "input_not_a_duration",
                Err(BadSpan::Nothing) => "input_no_duration",
            };
            let why = read.err().map(|error| error.to_string()).unwrap_or_default();
            Err(Misfit::new(code, format!("does not fit: {why}.")).with("text", shown))
        }
        FieldKind::Users => match value.as_array() {
            Some(people) if people.is_empty() => Err(Misfit::new("input_nobody", "names nobody.")),
            Some(people) if people.len() > MOST_PEOPLE => {
                let message = format!("names {} people, more than {MOST_PEOPLE}.", people.len());
                let misfit = Misfit::new("input_too_many_people", message);
                Err(misfit.with("count", people.len()).with("most", MOST_PEOPLE))
            }
            Some(people) => people.iter().try_for_each(|one| reads::<UserId>(one, "input_not_a_user")),
            None => Err(Misfit::new("input_not_a_list", "is not a list.")),
        },
        FieldKind::List => match value.as_array() {
            Some(items) if items.iter().all(Value::is_string) => Ok(()),
            _ => Err(Misfit::new("input_not_a_list", "is not a list of texts.")),
        },
        FieldKind::Map => match value {
            Value::Object(object) if object.values().all(|value| !value.is_object() && !value.is_array()) => {
                Ok(())
            }
            Value::String(text) => pairs(text).map(|_| ()).map_err(not_pairs),
            _ => Err(Misfit::new("input_not_a_map", "is not an object of plain values.")),
        },
    }
}

/// People in one input. More than one at a time are for a raid, and a raid is not stopped by hand.
pub const MOST_PEOPLE: usize = 200;

fn reads<T: std::str::FromStr>(value: &Value, code: &'static str) -> Result<(), Misfit>
where
    T::Err: std::fmt::Display,
{
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.parse::<T>() {
        Ok(_) => Ok(()),
        Err(error) => {
            let shown = error::typed(&text, 64);
            Err(Misfit::new(code, format!("does not fit: {error}.")).with("text", shown))
        }
    }
}

/// What a message can speak of.
trait Shown: std::fmt::Display + Into<Variable> {}

impl<T: std::fmt::Display + Into<Variable>> Shown for T {}

fn between<T: Shown + PartialOrd + Copy>(number: T, min: Option<T>, max: Option<T>) -> Result<(), Misfit> {
    if let Some(min) = min.filter(|min| number < *min) {
        return Err(too_small(number, min));
    }
    match max {
        Some(max) if number > max => Err(too_large(number, max)),
        _ => Ok(()),
    }
}

fn too_small(number: impl Shown, least: impl Shown) -> Misfit {
    let misfit = Misfit::new("input_too_small", format!("is {number}, less than {least}."));
    misfit.with("number", number).with("least", least)
}

fn too_large(number: impl Shown, most: impl Shown) -> Misfit {
    let misfit = Misfit::new("input_too_large", format!("is {number}, more than {most}."));
    misfit.with("number", number).with("most", most)
}

/// A copy of the input that may be kept: secrets blanked, long texts cut.
pub fn for_records(fields: &[Field], input: &Value) -> Value {
    const LONGEST: usize = 512;
    let Some(object) = input.as_object() else { return Value::Null };
    let kept = object.iter().take(32).map(|(name, value)| {
        let secret = fields.iter().any(|field| field.secret && field.name == *name);
        let value = match value {
            _ if secret => Value::from("[secret]"),
            Value::String(text) if text.len() > LONGEST => {
                let end = text.floor_char_boundary(LONGEST);
                Value::from(format!("{}… ({} bytes)", &text[..end], text.len()))
            }
            Value::Array(_) | Value::Object(_) if value.to_string().len() > 4 * LONGEST => {
                Value::from("[too long to keep]")
            }
            other => other.clone(),
        };
        (name.chars().take(64).collect(), value)
    });
    Value::Object(kept.collect())
}
