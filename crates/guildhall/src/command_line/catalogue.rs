//! The catalogue for readers: a list, JSON, the page docs/operations.md, and OpenAPI.

use std::{fmt::Write as _, io::Write as _};

use guildhall_core::{
    Effect, Face, Rank, Spec,
    input::{Field, FieldKind},
};
use serde_json::{Value, json};

use super::Trouble;

/// The ways in for people and programs. An operation is on each of them, as its [`Spec`] is all that they need.
const FACES: [Face; 3] = [Face::Discord, Face::Rest, Face::Cli];

/// One line an operation.
pub fn list(specs: &[Spec]) -> String {
    let widest = specs.iter().map(|spec| spec.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for spec in specs {
        let effect = effect(spec.effect);
        let _ = writeln!(
            text,
            "{:<widest$}  {effect:<7}  rank {:<2}  {}",
            spec.name,
            spec.rank.level(),
            spec.summary
        );
    }
    text
}

/// Everything, for programs.
pub fn json(specs: &[Spec]) -> Result<Value, Trouble> {
    let mut list = Vec::new();
    for spec in specs {
        let mut entry = serde_json::to_value(spec)?;
        entry["faces"] = json!(FACES);
        list.push(entry);
    }
    Ok(Value::Array(list))
}

/// The page for people.
pub fn markdown(specs: &[Spec]) -> String {
    let mut page = String::from(
        "# Operations\n\n<!-- Written by `guildhall operations --markdown`; `make golden` writes it anew. -->\n\n\
         Everything a person can do. Each is a slash command (`/server start`), a REST call (see \
         [openapi.json](openapi.json)) and a command (`guildhall server start`). The rank is the default; ranks go from 0 \
         (anybody) to 10 (runs the installation).\n",
    );
    for spec in specs {
        let _ = write!(
            page,
            "\n## {}\n\n{}\n\nRank {} · {} · {} calls a minute, {} at once{}\n",
            spec.name,
            spec.summary,
            spec.rank,
            effect(spec.effect),
            spec.limit.per_minute,
            spec.limit.burst,
            if spec.private { " · answer seen by the caller alone" } else { "" },
        );
        if spec.fields.is_empty() {
            continue;
        }
        page.push_str("\n| input | | takes | |\n|---|---|---|---|\n");
        for field in &spec.fields {
            let needed = if field.required { "required" } else { "" };
            let _ =
                writeln!(page, "| `{}` | {needed} | {} | {} |", field.name, takes(field), field.description);
        }
    }
    page.push_str("\n## Who may do what\n\n|");
    for level in 0..=10 {
        let _ = write!(page, " | {level}");
    }
    page.push_str(" |\n|---");
    page.push_str(&"|---".repeat(11));
    page.push_str("|\n");
    for spec in specs {
        let _ = write!(page, "| {}", spec.name);
        for rank in (0..=10).filter_map(Rank::new) {
            page.push_str(if rank >= spec.rank { " | ✓" } else { " | " });
        }
        page.push_str(" |\n");
    }
    page
}

/// What an operation does to the world, in a word.
pub fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Read => "read",
        Effect::Change => "change",
        Effect::Destroy => "destroy",
    }
}

fn takes(field: &Field) -> String {
    match &field.kind {
        FieldKind::Text { min, max, .. } => match (min, max) {
            (Some(min), Some(max)) => format!("text, {min} to {max} characters"),
            (None, Some(max)) => format!("text, at most {max} characters"),
            (Some(min), None) => format!("text, at least {min} characters"),
            (None, None) => "text".to_owned(),
        },
        FieldKind::Integer { min, max } => bounds("whole number", min.as_ref(), max.as_ref()),
        FieldKind::Number { min, max } => bounds("number", min.as_ref(), max.as_ref()),
        FieldKind::Boolean => "yes or no".to_owned(),
        FieldKind::Choice { of } => of.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        FieldKind::User => "a person: id or mention".to_owned(),
        FieldKind::Users => "people: ids or mentions".to_owned(),
        FieldKind::Role => "a role: id or mention".to_owned(),
        FieldKind::Channel => "a channel: id or mention".to_owned(),
        FieldKind::Message => "a message: its link".to_owned(),
        FieldKind::Duration => "a length of time: `30m`, `7d`".to_owned(),
        FieldKind::List => "several texts".to_owned(),
        FieldKind::Map => "`name=value` pairs".to_owned(),
    }
}

fn bounds<T: std::fmt::Display>(what: &str, min: Option<&T>, max: Option<&T>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("{what}, {min} to {max}"),
        (Some(min), None) => format!("{what}, at least {min}"),
        (None, Some(max)) => format!("{what}, at most {max}"),
        (None, None) => what.to_owned(),
    }
}

/// Prints the catalogue in the form that was asked for.
pub fn print(specs: &[Spec], as_json: bool, as_markdown: bool) -> Result<(), Trouble> {
    let text = match (as_json, as_markdown) {
        (true, _) => format!("{}\n", serde_json::to_string_pretty(&json(specs)?)?),
        (false, true) => markdown(specs),
        (false, false) => list(specs),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_face_but_guildhalls_own_is_listed() {
        let schema = guildhall_core::input::schema_of::<Face>();
        let all: BTreeSet<&str> = schema["oneOf"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|face| face["const"].as_str())
            .collect();
        let listed = FACES.iter().chain([&Face::System]).map(|face| face.as_str());
        assert_eq!(listed.collect::<BTreeSet<_>>(), all);
    }
}
