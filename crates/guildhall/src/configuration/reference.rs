//! The page docs/configuration.md, written from the types.

use std::fmt::Write as _;

use serde_json::Value;

use super::Configuration;

/// Every key with its meaning and its default.
pub fn markdown() -> String {
    let schema = guildhall_core::input::schema_of::<Configuration>();
    let mut page = String::from(
        "# Configuration\n\n<!-- Written by `guildhall config reference`; `make golden` writes it anew. -->\n\n\
         One file, TOML, YAML or JSON, given with `--config FILE` or `GUILDHALL_CONFIG`. Everything has a default, so \
         the file may be left out. The environment wins over the file: `GUILDHALL_HTTP__LISTEN=0.0.0.0:80` sets \
         `http.listen`. `guildhall config check` names file and key of every mistake.\n",
    );
    section(&mut page, "", &schema);
    page
}

/// The same for programs: a JSON schema of the whole file.
pub fn schema() -> String {
    let schema = guildhall_core::input::schema_of::<Configuration>();
    format!("{schema:#}\n")
}

fn section(page: &mut String, prefix: &str, schema: &Value) {
    let Some(properties) = schema["properties"].as_object() else { return };
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let (inner, plain): (Vec<_>, Vec<_>) =
        properties.iter().partition(|(_, property)| nested(property).is_some());
    if !plain.is_empty() {
        page.push_str("\n| key | default | |\n|---|---|---|\n");
    }
    for (name, property) in plain {
        let default = match property.get("default") {
            Some(Value::Null) | None if required.contains(&name.as_str()) => "required".to_owned(),
            Some(Value::Null) | None => "–".to_owned(),
            Some(default) => format!("`{default}`"),
        };
        let _ = writeln!(page, "| `{prefix}{name}` | {default} | {} |", description(property));
    }
    for (name, property) in inner {
        let Some((schema, list)) = nested(property) else { continue };
        let path = format!("{prefix}{name}");
        let (heading, path) = if list { (format!("[[{path}]]"), path) } else { (format!("[{path}]"), path) };
        let _ = write!(page, "\n## {heading}\n\n{}\n", description(property));
        section(page, &format!("{path}."), schema);
    }
}

/// The schema of a section, and whether it may come several times.
pub(super) fn nested(property: &Value) -> Option<(&Value, bool)> {
    if property["properties"].is_object() {
        return Some((property, false));
    }
    if property["items"]["properties"].is_object() {
        return Some((&property["items"], true));
    }
    let variants = property["anyOf"].as_array()?;
    variants.iter().find(|variant| variant["properties"].is_object()).map(|variant| (variant, false))
}

fn description(property: &Value) -> String {
    property["description"].as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|")
}
