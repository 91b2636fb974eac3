//! Modals: the form an application shows, checked as Discord does.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::component::{Components, kind};
use super::select::{entity_select, select_options};
use super::{Form, Object, object_of};
use crate::rest::error::ApiError;

/// A modal in normal form: every field has its id, and `required` is written out.
pub(crate) fn check(data: &Value) -> Result<Value, ApiError> {
    let object = object_of(data)?;
    Form::check(|form| {
        let custom_id = form.required_text(object, "custom_id", 1..=100);
        let title = form.required_text(object, "title", 1..=45);
        let mut rows = Vec::new();
        match form.list(object, "components", 1..=40) {
            None => form.required("components"),
            Some(list) => {
                let files = BTreeMap::new();
                let mut fields = Components::new(&files, 0);
                let legacy = list.iter().filter(|row| row["type"] == kind::ROW).count();
                if legacy > 5 {
                    form.at("components", |form| form.length(legacy, 1..=5));
                }
                form.at("components", |form| {
                    for (index, row) in list.iter().enumerate().take(40) {
                        rows.extend(form.at(index, |form| top(form, row, &mut fields, index)));
                    }
                });
            }
        }
        json!({"custom_id": custom_id, "title": title, "components": rows})
    })
}

fn top(form: &mut Form, row: &Value, fields: &mut Components<'_>, index: usize) -> Option<Value> {
    let object = form.object(row)?;
    let id = 2 * index + 1;
    match object.get("type").and_then(Value::as_i64) {
        Some(kind::ROW) => {
            let list = form.list(object, "components", 1..=1);
            let Some(input) = list.and_then(|list| list.first()) else {
                if list.is_none() {
                    form.required("components");
                }
                return None;
            };
            let filled = form.at("components", |form| {
                form.at(0, |form| {
                    let input = form.object(input)?;
                    if input.get("type").and_then(Value::as_i64) != Some(kind::TEXT_INPUT) {
                        form.problem("UNION_TYPE_CHOICES", "Value of field \"type\" must be one of (4,).");
                        return None;
                    }
                    if input.get("label").is_none_or(Value::is_null) {
                        form.required("label");
                    }
                    Some(field(form, input, fields, id + 1))
                })
            })?;
            Some(json!({"type": kind::ROW, "id": id, "components": [filled]}))
        }
        Some(kind::LABEL) => {
            let label = form.required_text(object, "label", 1..=45);
            let description = form.text(object, "description", 1..=100);
            let Some(component) = object.get("component").filter(|component| component.is_object()) else {
                form.required("component");
                return None;
            };
            let mut filled = form.at("component", |form| {
                let component = form.object(component)?;
                Some(field(form, component, fields, id + 1))
            })?;
            if filled["label"].is_null() {
                filled["label"] = json!(label);
            }
            Some(json!({
                "type": kind::LABEL, "id": id, "label": label, "description": description, "component": filled,
            }))
        }
        Some(kind::TEXT) => {
            let content = form.required_text(object, "content", 1..=4000);
            Some(json!({"type": kind::TEXT, "id": id, "content": content}))
        }
        _ => {
            form.problem("UNION_TYPE_CHOICES", "Value of field \"type\" must be one of (1, 10, 18).");
            None
        }
    }
}

/// One thing to fill in: a text input, a select, a file upload, a radio or checkbox group, a checkbox.
fn field(form: &mut Form, object: &Object, fields: &mut Components<'_>, id: usize) -> Value {
    let type_number = object.get("type").and_then(Value::as_i64).unwrap_or(0);
    if !matches!(type_number, 3..=8 | 19 | 21..=23) {
        let message = "Value of field \"type\" must be one of (3, 4, 5, 6, 7, 8, 19, 21, 22, 23).";
        form.problem("UNION_TYPE_CHOICES", message);
    }
    let custom_id = fields.custom_id(form, object);
    let required = form.boolean(object, "required").unwrap_or(true);
    let mut out = json!({"type": type_number, "id": id, "custom_id": custom_id, "required": required});
    if type_number == kind::TEXT_INPUT {
        if object.get("style").is_none_or(Value::is_null) {
            form.required("style");
        }
        out["style"] = json!(form.choice(object, "style", &[1, 2]));
        out["label"] = json!(form.text(object, "label", 1..=45));
        out["value"] = json!(form.text(object, "value", 0..=4000));
        out["placeholder"] = json!(form.text(object, "placeholder", 0..=100));
        out["min_length"] = json!(form.integer(object, "min_length", 0..=4000));
        out["max_length"] = json!(form.integer(object, "max_length", 1..=4000));
        return out;
    }
    out["min_values"] = json!(form.integer(object, "min_values", 0..=25));
    out["max_values"] = json!(form.integer(object, "max_values", 1..=25));
    if let Some(text) = form.text(object, "placeholder", 0..=150) {
        out["placeholder"] = json!(text);
    }
    if matches!(type_number, kind::STRING_SELECT | 21 | 22) {
        out["options"] = json!(select_options(form, object));
    } else {
        entity_select(form, object, type_number, &mut out);
    }
    out
}
