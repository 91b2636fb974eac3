//! Menus: the options of a string menu, and what the menus of users, roles and channels start with.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::component::{emoji, kind};
use super::{Form, Object, snowflake};

pub(crate) fn select_options(form: &mut Form, object: &Object) -> Vec<Value> {
    let Some(options) = form.list(object, "options", 1..=25) else {
        form.required("options");
        return Vec::new();
    };
    let mut values = BTreeSet::new();
    let mut out = Vec::new();
    form.at("options", |form| {
        for (index, option) in options.iter().enumerate().take(25) {
            form.at(index, |form| {
                let Some(option) = form.object(option) else { return };
                let label = form.required_text(option, "label", 1..=100);
                let value = form.required_text(option, "value", 1..=100).unwrap_or_default();
                if !values.insert(value.clone()) {
                    let message = "The specified option value is already used";
                    form.problem_at("value", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", message);
                }
                let mut json = json!({"label": label, "value": value});
                if let Some(description) = form.text(option, "description", 0..=100) {
                    json["description"] = json!(description);
                }
                if let Some(emoji) = emoji(form, option) {
                    json["emoji"] = emoji;
                }
                if form.boolean(option, "default") == Some(true) {
                    json["default"] = json!(true);
                }
                out.push(json);
            });
        }
    });
    out
}

/// What menus of users, roles and channels have beside the others: what is chosen at first, and which channels show.
pub(crate) fn entity_select(form: &mut Form, object: &Object, kind: i64, out: &mut Value) {
    let most = out["max_values"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(1);
    if let Some(values) = form.list(object, "default_values", 0..=25) {
        let fitting: &[&str] = match kind {
            kind::USER_SELECT => &["user"],
            kind::ROLE_SELECT => &["role"],
            kind::CHANNEL_SELECT => &["channel"],
            _ => &["user", "role"],
        };
        form.at("default_values", |form| {
            if values.len() > most {
                form.problem("SELECT_DEFAULT_VALUES_OUT_OF_RANGE", "More defaults than can be chosen");
            }
            for (index, value) in values.iter().enumerate() {
                let id = snowflake::<u64>(&value["id"]);
                if id.is_none() || !value["type"].as_str().is_some_and(|kind| fitting.contains(&kind)) {
                    let message =
                        format!("Each default needs an id and one of the types {}", fitting.join(", "));
                    form.problem_at(index, "SELECT_DEFAULT_VALUE_INVALID", message);
                }
            }
        });
        out["default_values"] = json!(values);
    }
    if let Some(types) = form.list(object, "channel_types", 0..=25).filter(|types| !types.is_empty()) {
        out["channel_types"] = json!(types);
    }
}
