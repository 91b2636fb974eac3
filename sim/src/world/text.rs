//! A message as readable text: what a person sees, without layout.

use serde_json::Value;

use super::message::Message;

/// How deep components may nest in Discord: container, row or section, button.
const DEEPEST: usize = 8;

pub(crate) fn of_message(message: &Message) -> String {
    let mut lines = Vec::new();
    if !message.content.is_empty() {
        lines.push(message.content.clone());
    }
    for embed in &message.embeds {
        of_embed(embed, &mut lines);
    }
    walk(&message.components, &mut |component| of_component(component, &mut lines));
    lines.extend(message.attachments.iter().map(|file| format!("[file {}]", file.filename)));
    if message.is_loading() && lines.is_empty() {
        lines.push(format!("{} is thinking...", message.author_name));
    }
    lines.join("\n")
}

fn of_component(component: &Value, lines: &mut Vec<String>) {
    let described = |media: &Value| media["description"].as_str().map(|text| format!("[image {text}]"));
    match component["type"].as_u64() {
        Some(10) => lines.extend(component["content"].as_str().map(Into::into)),
        Some(11) => lines.extend(described(component)),
        Some(12) => lines.extend(component["items"].as_array().into_iter().flatten().filter_map(described)),
        Some(13) => lines.extend(component["name"].as_str().map(|name| format!("[file {name}]"))),
        _ => {}
    }
}

fn of_embed(embed: &Value, lines: &mut Vec<String>) {
    let texts = [&embed["author"]["name"], &embed["title"], &embed["description"]];
    lines.extend(texts.into_iter().filter_map(Value::as_str).map(Into::into));
    for field in embed["fields"].as_array().into_iter().flatten() {
        let (name, value) = (field["name"].as_str(), field["value"].as_str());
        lines.push(format!("{}: {}", name.unwrap_or_default(), value.unwrap_or_default()));
    }
    lines.extend(embed["footer"]["text"].as_str().map(Into::into));
}

/// Visits every component, outer before inner, in reading order: a section's accessory after its texts.
pub(crate) fn walk<'a>(components: &'a [Value], visit: &mut impl FnMut(&'a Value)) {
    fn inner<'a>(components: &'a [Value], left: usize, visit: &mut impl FnMut(&'a Value)) {
        for component in components {
            visit(component);
            if left == 0 {
                continue;
            }
            if let Some(children) = component["components"].as_array() {
                inner(children, left - 1, visit);
            }
            for key in ["accessory", "component"] {
                if component[key].is_object() {
                    inner(std::slice::from_ref(&component[key]), left - 1, visit);
                }
            }
        }
    }
    inner(components, DEEPEST, visit);
}

/// What stands between `<mark` and `>` wherever it does: `marked("hi <@5>", "@")` gives `5`.
pub(crate) fn marked<'a>(text: &'a str, mark: &'a str) -> impl Iterator<Item = &'a str> {
    text.split('<').skip(1).filter_map(move |rest| rest.split_once('>')?.0.strip_prefix(mark))
}
