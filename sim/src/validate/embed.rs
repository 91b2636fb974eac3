//! Embeds: Discord's lengths, and the form in which it gives them back.

use serde_json::{Value, json};

use super::component::is_web_address;
use super::{Form, Object};

/// Characters in all embeds of a message together.
const MOST_TEXT: usize = 6000;

pub(crate) fn of_message(form: &mut Form, list: &[Value]) -> Vec<Value> {
    let mut total = 0;
    let mut out = Vec::new();
    for (index, embed) in list.iter().enumerate().take(10) {
        out.extend(form.at(index, |form| form.object(embed).map(|embed| one(form, embed, &mut total))));
    }
    if total > MOST_TEXT {
        let message = format!("Embed size exceeds maximum size of {MOST_TEXT}");
        form.problem("MAX_EMBED_SIZE_EXCEEDED", message);
    }
    out
}

fn one(form: &mut Form, embed: &Object, total: &mut usize) -> Value {
    let mut out = json!({"type": "rich"});
    for (key, most) in [("title", 256), ("description", 4096), ("url", 2048)] {
        if let Some(text) = form.text(embed, key, 0..=most) {
            if key == "url" && !is_web_address(&text) {
                form.problem_at("url", "URL_TYPE_INVALID_URL", "Not a well formed URL.");
            } else if key != "url" {
                *total += text.chars().count();
            }
            out[key] = json!(text);
        }
    }
    if let Some(color) = form.integer(embed, "color", 0..=0xff_ffff) {
        out["color"] = json!(color);
    }
    if let Some(at) = form.text(embed, "timestamp", 0..=64) {
        out["timestamp"] = json!(at);
    }
    for (key, text_key, most) in [("author", "name", 256), ("footer", "text", 2048)] {
        let Some(part) = embed.get(key).filter(|part| !part.is_null()) else { continue };
        form.at(key, |form| {
            let Some(part) = form.object(part) else { return };
            if let Some(text) = form.required_text(part, text_key, 0..=most) {
                *total += text.chars().count();
                out[key] = json!({ text_key: text });
            }
            for address in ["url", "icon_url"] {
                if let Some(text) = form.text(part, address, 0..=2048) {
                    out[key][address] = json!(text);
                }
            }
        });
    }
    for key in ["image", "thumbnail"] {
        if let Some(address) = embed.get(key).and_then(|image| image["url"].as_str()) {
            out[key] = json!({"url": address, "proxy_url": address});
        }
    }
    if let Some(list) = form.list(embed, "fields", 0..=25) {
        out["fields"] = form.at("fields", |form| fields(form, list, total));
    }
    out
}

fn fields(form: &mut Form, list: &[Value], total: &mut usize) -> Value {
    let mut out = Vec::new();
    for (index, field) in list.iter().enumerate().take(25) {
        form.at(index, |form| {
            let Some(field) = form.object(field) else { return };
            let name = form.required_text(field, "name", 1..=256).unwrap_or_default();
            let value = form.required_text(field, "value", 1..=1024).unwrap_or_default();
            let inline = form.boolean(field, "inline").unwrap_or(false);
            *total += name.chars().count() + value.chars().count();
            out.push(json!({"name": name, "value": value, "inline": inline}));
        });
    }
    json!(out)
}
