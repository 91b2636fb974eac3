//! Every operation can be called by a line that somebody types: what the examples say, and what each takes.

use std::collections::BTreeMap;

use guildhall_core::{
    Spec,
    input::{self, Field, FieldKind, Raw},
    words::{self, Begin, Vocabulary},
};
use serde_json::Value;

/// Texts of which each input's pattern takes one.
const TEXTS: &[&str] = &["survival", "12", "2026-01-01", "E-1A2B3C4D", "30m", "#general", "Moderator"];

/// Reads a line as the Discord face does, and then as the catalogue does; the operation and its input.
fn read(specs: &[Spec], line: &str) -> Result<(&'static str, Value), String> {
    let vocabulary = Vocabulary::new(specs.iter());
    let Begin::Operation(name, rest) = vocabulary.find(line) else {
        return Err(format!("'{line}' begins with no operation"));
    };
    let spec = specs.iter().find(|spec| spec.name == name).expect("the vocabulary knows operations alone");
    let sorted = words::read(&spec.fields, rest, None);
    if let Some(over) = sorted.over {
        return Err(format!("'{line}': nothing takes '{over}'"));
    }
    let input = input::read(&spec.fields, Raw::Words(sorted.words));
    input.map(|input| (name, input)).map_err(|error| format!("'{line}': {error}"))
}

/// Names in examples as Discord sends them: the guild's people are found by name, its roles are mentioned.
fn as_sent(example: &str) -> String {
    let words = example.split(' ').map(|word| match word.split_once(":@") {
        Some(("role", _)) => "role:<@&234567890123456789>".to_owned(),
        Some((name, _)) => format!("{name}:<@123456789012345678>"),
        None => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Something that fits the input, as one types it.
fn sample(field: &Field) -> String {
    match &field.kind {
        FieldKind::Text { min, max, pattern } => {
            let fits = |text: &&&str| {
                let length = text.chars().count() as u64;
                min.is_none_or(|min| length >= min)
                    && max.is_none_or(|max| length <= max)
                    && pattern.as_ref().is_none_or(|pattern| pattern.matches(text))
            };
            (*TEXTS.iter().find(fits).unwrap_or_else(|| panic!("no text fits {field:?}"))).to_owned()
        }
        FieldKind::Choice { of } => of.first().cloned().unwrap_or_default(),
        FieldKind::Integer { min, max } => max.map_or(5, |max| max.min(5)).max(min.unwrap_or(0)).to_string(),
        FieldKind::Number { min, .. } => min.unwrap_or(0.5).to_string(),
        FieldKind::Boolean => "yes".to_owned(),
        FieldKind::User | FieldKind::Users => "<@123456789012345678>".to_owned(),
        FieldKind::Role => "<@&234567890123456789>".to_owned(),
        FieldKind::Channel => "<#345678901234567890>".to_owned(),
        FieldKind::Message => "https://discord.com/channels/1/2/3".to_owned(),
        FieldKind::Duration => "30m".to_owned(),
        FieldKind::List => "one".to_owned(),
        FieldKind::Map => "motd=hello".to_owned(),
    }
}

/// A value as text, however the operation reads it.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(" "),
        Value::Object(object) => object
            .iter()
            .map(|(name, value)| format!("{name}={}", shown(value)))
            .collect::<Vec<_>>()
            .join(" "),
        other => other.to_string(),
    }
}

#[test]
fn every_example_is_a_line_that_calls_its_operation() {
    let specs = super::specs();
    let mut wrong = Vec::new();
    for spec in &specs {
        for example in spec.examples {
            let line = as_sent(example);
            let named: Vec<&Field> =
                spec.fields.iter().filter(|field| line.contains(&format!(" {}:", field.name))).collect();
            match read(&specs, &line) {
                Err(why) => wrong.push(why),
                Ok((name, _)) if name != spec.name => wrong.push(format!("'{example}' calls {name}")),
                Ok((_, input)) => {
                    let given = input.as_object().map_or(0, serde_json::Map::len);
                    if given != named.len() || named.iter().any(|field| input[&field.name].is_null()) {
                        wrong.push(format!("'{example}' gives {input}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let examples: usize = specs.iter().map(|spec| spec.examples.len()).sum();
    assert!(examples > 60, "{examples}");
}

#[test]
fn every_operation_takes_all_of_its_inputs_from_a_line() {
    let specs = super::specs();
    assert!(specs.len() > 80);
    let mut wrong = Vec::new();
    for spec in &specs {
        let samples: BTreeMap<&str, String> =
            spec.fields.iter().map(|field| (field.name.as_str(), sample(field))).collect();
        let all: String = spec
            .fields
            .iter()
            .map(|field| format!(" {}:{}", field.name, samples[field.name.as_str()]))
            .collect();
        let needed = || spec.fields.iter().filter(|field| field.required);
        let in_order: String = needed().map(|field| format!(" {}", samples[field.name.as_str()])).collect();
        let flags: String =
            needed().map(|field| format!(" --{} {}", field.name, samples[field.name.as_str()])).collect();
        let lines = [(all, spec.fields.len()), (in_order, needed().count()), (flags, needed().count())];
        for (inputs, given) in lines {
            let line = format!("{}{inputs}", spec.name);
            match read(&specs, &line) {
                Err(why) => wrong.push(why),
                Ok((name, _)) if name != spec.name => wrong.push(format!("'{line}' calls {name}")),
                Ok((_, input)) => {
                    let read = input.as_object().cloned().unwrap_or_default();
                    let same =
                        read.iter().all(|(name, value)| samples.get(name.as_str()) == Some(&shown(value)));
                    if read.len() != given || !same {
                        wrong.push(format!("'{line}' gives {input}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
