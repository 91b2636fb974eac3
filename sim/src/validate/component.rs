//! Message components: what Discord takes, and the form in which it gives them back (ids filled in, defaults
//! written out, media resolved).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::select::{entity_select, select_options};
use super::{Form, Object};
use crate::world::message::Attachment;

/// Components in a message with `IS_COMPONENTS_V2`, nested ones included.
const MOST_COMPONENTS: usize = 40;

/// Characters in all text displays of a message together.
const MOST_TEXT: usize = 4000;

/// Component types by their numbers in Discord's table.
pub(crate) mod kind {
    pub(crate) const ROW: i64 = 1;
    pub(crate) const BUTTON: i64 = 2;
    pub(crate) const STRING_SELECT: i64 = 3;
    pub(crate) const TEXT_INPUT: i64 = 4;
    pub(crate) const USER_SELECT: i64 = 5;
    pub(crate) const ROLE_SELECT: i64 = 6;
    pub(crate) const MENTIONABLE_SELECT: i64 = 7;
    pub(crate) const CHANNEL_SELECT: i64 = 8;
    pub(crate) const SECTION: i64 = 9;
    pub(crate) const TEXT: i64 = 10;
    pub(crate) const THUMBNAIL: i64 = 11;
    pub(crate) const GALLERY: i64 = 12;
    pub(crate) const FILE: i64 = 13;
    pub(crate) const SEPARATOR: i64 = 14;
    pub(crate) const CONTAINER: i64 = 17;
    pub(crate) const LABEL: i64 = 18;
}

const LEGACY: &[i64] = &[kind::ROW];
const TOP: &[i64] =
    &[kind::ROW, kind::SECTION, kind::TEXT, kind::GALLERY, kind::FILE, kind::SEPARATOR, kind::CONTAINER];
const IN_CONTAINER: &[i64] =
    &[kind::ROW, kind::SECTION, kind::TEXT, kind::GALLERY, kind::FILE, kind::SEPARATOR];
const IN_ROW: &[i64] = &[
    kind::BUTTON,
    kind::STRING_SELECT,
    kind::USER_SELECT,
    kind::ROLE_SELECT,
    kind::MENTIONABLE_SELECT,
    kind::CHANNEL_SELECT,
];
const ACCESSORY: &[i64] = &[kind::BUTTON, kind::THUMBNAIL];

/// What is counted over the whole message.
pub(crate) struct Components<'a> {
    /// Files of the message by name, for `attachment://name`.
    files: &'a BTreeMap<String, Attachment>,
    custom_ids: BTreeSet<String>,
    ids: BTreeSet<i64>,
    next_id: i64,
    count: usize,
    text: usize,
    media: u64,
}

impl<'a> Components<'a> {
    pub(crate) fn new(files: &'a BTreeMap<String, Attachment>, first_media_id: u64) -> Self {
        Self {
            files,
            custom_ids: BTreeSet::new(),
            ids: BTreeSet::new(),
            next_id: 1,
            count: 0,
            text: 0,
            media: first_media_id,
        }
    }

    /// The components of a message, checked and in Discord's own form.
    pub(crate) fn of_message(mut self, form: &mut Form, list: &[Value], v2: bool) -> Vec<Value> {
        self.reserve_ids(list);
        let out = self.list(form, list, if v2 { TOP } else { LEGACY });
        if v2 && self.count > MOST_COMPONENTS {
            form.problem(
                "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
                format!("Total number of components cannot exceed {MOST_COMPONENTS}"),
            );
        } else if !v2 && list.len() > 5 {
            form.length(list.len(), 0..=5);
        }
        if self.text > MOST_TEXT {
            form.problem(
                "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED",
                format!("The total displayable text size cannot exceed {MOST_TEXT}"),
            );
        }
        out
    }

    /// Ids the sender chose are taken before any are given out.
    fn reserve_ids(&mut self, list: &[Value]) {
        crate::world::text::walk(list, &mut |component| {
            if let Some(id) = component["id"].as_i64().filter(|id| *id > 0) {
                self.ids.insert(id);
            }
        });
    }

    fn list(&mut self, form: &mut Form, list: &[Value], allowed: &[i64]) -> Vec<Value> {
        let mut used = BTreeSet::new();
        let mut out = Vec::new();
        for (index, component) in list.iter().enumerate() {
            if let Some(id) = component["id"].as_i64().filter(|id| *id > 0)
                && !used.insert(id)
            {
                form.at(index, |form| {
                    form.problem_at("id", "COMPONENT_ID_DUPLICATED", "Component id cannot be duplicated");
                });
            }
            out.extend(form.at(index, |form| self.one(form, component, allowed)));
        }
        out
    }

    fn one(&mut self, form: &mut Form, component: &Value, allowed: &[i64]) -> Option<Value> {
        let object = form.object(component)?;
        let kind = object.get("type").and_then(Value::as_i64);
        let Some(kind) = kind.filter(|kind| allowed.contains(kind)) else {
            if object.get("type").is_none_or(Value::is_null) {
                form.required("type");
            } else {
                let list: Vec<String> = allowed.iter().map(ToString::to_string).collect();
                // Discord prints a Python tuple here, trailing comma included.
                let list = if list.len() == 1 { format!("{},", list[0]) } else { list.join(", ") };
                let message = format!("Value of field \"type\" must be one of ({list}).");
                form.problem("UNION_TYPE_CHOICES", message);
            }
            return None;
        };
        self.count += 1;
        let id = self.id(form, object);
        let mut out = match kind {
            kind::ROW => self.row(form, object),
            kind::BUTTON => self.button(form, object),
            kind::SECTION => self.section(form, object),
            kind::TEXT => self.text_display(form, object),
            kind::THUMBNAIL => self.thumbnail(form, object),
            kind::GALLERY => self.gallery(form, object),
            kind::FILE => self.file(form, object),
            kind::SEPARATOR => separator(form, object),
            kind::CONTAINER => self.container(form, object),
            _ => self.select(form, object, kind),
        };
        out["type"] = json!(kind);
        out["id"] = json!(id);
        Some(out)
    }

    fn id(&mut self, form: &mut Form, object: &Object) -> i64 {
        if let Some(id) = form.integer(object, "id", 0..=i64::from(i32::MAX)).filter(|id| *id > 0) {
            return id;
        }
        while !self.ids.insert(self.next_id) {
            self.next_id += 1;
        }
        self.next_id
    }

    pub(crate) fn custom_id(&mut self, form: &mut Form, object: &Object) -> Option<String> {
        let id = form.required_text(object, "custom_id", 1..=100)?;
        if !self.custom_ids.insert(id.clone()) {
            let message = "Component custom id cannot be duplicated";
            form.problem_at("custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", message);
        }
        Some(id)
    }

    fn children(&mut self, form: &mut Form, object: &Object, most: usize, allowed: &[i64]) -> Vec<Value> {
        match form.list(object, "components", 1..=most) {
            // An overlong list is one mistake, not one for each of its entries.
            Some(list) if list.len() <= most => form.at("components", |form| self.list(form, list, allowed)),
            Some(list) => {
                self.count += list.len();
                Vec::new()
            }
            None => {
                form.required("components");
                Vec::new()
            }
        }
    }

    fn row(&mut self, form: &mut Form, object: &Object) -> Value {
        let components = self.children(form, object, 5, IN_ROW);
        let mut width = 0;
        for (index, component) in components.iter().enumerate() {
            width += if component["type"] == kind::BUTTON { 1 } else { 5 };
            if width > 5 {
                form.at("components", |form| {
                    let message = "The specified component exceeds the maximum width";
                    form.problem_at(index, "COMPONENT_LAYOUT_WIDTH_EXCEEDED", message);
                });
            }
        }
        json!({"components": components})
    }

    fn button(&mut self, form: &mut Form, object: &Object) -> Value {
        let mut out = json!({});
        if object.get("style").is_none_or(Value::is_null) {
            form.required("style");
        }
        let style = form.choice(object, "style", &[1, 2, 3, 4, 5, 6]).unwrap_or(1);
        out["style"] = json!(style);
        let label = form.text(object, "label", 0..=80);
        let emoji = emoji(form, object);
        if label.as_deref().unwrap_or_default().is_empty() && emoji.is_none() && style != 6 {
            form.problem_at("label", "BASE_TYPE_REQUIRED", "A label or an emoji is required");
        }
        let absent = |key: &str| object.get(key).is_none_or(Value::is_null);
        let both = "A custom id and url cannot both be specified";
        match style {
            5 => {
                out["url"] = json!(url(form, object, "url", 512));
                if !absent("custom_id") {
                    form.problem("BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", both);
                }
            }
            6 => out["sku_id"] = object.get("sku_id").cloned().unwrap_or_default(),
            _ => {
                out["custom_id"] = json!(self.custom_id(form, object).unwrap_or_default());
                if !absent("url") {
                    form.problem("BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", both);
                }
            }
        }
        if let Some(label) = label {
            out["label"] = json!(label);
        }
        if let Some(emoji) = emoji {
            out["emoji"] = emoji;
        }
        if form.boolean(object, "disabled") == Some(true) {
            out["disabled"] = json!(true);
        }
        out
    }

    fn select(&mut self, form: &mut Form, object: &Object, kind: i64) -> Value {
        let custom_id = self.custom_id(form, object).unwrap_or_default();
        let least = form.integer(object, "min_values", 0..=25).unwrap_or(1);
        let most = form.integer(object, "max_values", 1..=25).unwrap_or(1);
        if least > most {
            let message = "min_values must not be greater than max_values";
            form.problem_at("min_values", "SELECT_COMPONENT_MIN_VALUES_EXCEEDS_MAX", message);
        }
        let mut out = json!({"custom_id": custom_id, "min_values": least, "max_values": most});
        if let Some(text) = form.text(object, "placeholder", 0..=150) {
            out["placeholder"] = json!(text);
        }
        if form.boolean(object, "disabled") == Some(true) {
            out["disabled"] = json!(true);
        }
        if kind == kind::STRING_SELECT {
            out["options"] = json!(select_options(form, object));
        } else {
            entity_select(form, object, kind, &mut out);
        }
        out
    }

    fn text_display(&mut self, form: &mut Form, object: &Object) -> Value {
        let content = form.required_text(object, "content", 1..=MOST_TEXT).unwrap_or_default();
        self.text += content.chars().count();
        json!({"content": content})
    }

    fn section(&mut self, form: &mut Form, object: &Object) -> Value {
        let components = self.children(form, object, 3, &[kind::TEXT]);
        let accessory = match object.get("accessory") {
            Some(accessory) if !accessory.is_null() => {
                form.at("accessory", |form| self.one(form, accessory, ACCESSORY))
            }
            _ => {
                form.required("accessory");
                None
            }
        };
        json!({"components": components, "accessory": accessory})
    }

    fn container(&mut self, form: &mut Form, object: &Object) -> Value {
        let color = form.integer(object, "accent_color", 0..=0xff_ffff);
        let spoiler = form.boolean(object, "spoiler").unwrap_or(false);
        let components = self.children(form, object, MOST_COMPONENTS, IN_CONTAINER);
        json!({"accent_color": color, "components": components, "spoiler": spoiler})
    }

    fn described_media(&mut self, form: &mut Form, object: &Object) -> Value {
        let description = form.text(object, "description", 1..=1024);
        let spoiler = form.boolean(object, "spoiler").unwrap_or(false);
        let (media, _) = self.media(form, object, "media", false);
        json!({"media": media, "description": description, "spoiler": spoiler})
    }

    fn thumbnail(&mut self, form: &mut Form, object: &Object) -> Value {
        self.described_media(form, object)
    }

    fn gallery(&mut self, form: &mut Form, object: &Object) -> Value {
        let Some(items) = form.list(object, "items", 1..=10) else {
            form.required("items");
            return json!({"items": []});
        };
        let mut out = Vec::new();
        for (index, item) in items.iter().enumerate().take(10) {
            let item = form.at("items", |form| {
                form.at(index, |form| form.object(item).map(|item| self.described_media(form, item)))
            });
            out.extend(item);
        }
        json!({"items": out})
    }

    fn file(&mut self, form: &mut Form, object: &Object) -> Value {
        let spoiler = form.boolean(object, "spoiler").unwrap_or(false);
        let (media, file) = self.media(form, object, "file", true);
        let (name, size) = file.map_or((None, None), |file| (Some(file.filename), Some(file.size)));
        json!({"file": media, "name": name, "size": size, "spoiler": spoiler})
    }

    /// A media item: a web address, or `attachment://name` of a file of this message.
    fn media(
        &mut self,
        form: &mut Form,
        object: &Object,
        key: &str,
        only_files: bool,
    ) -> (Value, Option<Attachment>) {
        let Some(media) = object.get(key).filter(|media| !media.is_null()) else {
            form.required(key);
            return (Value::Null, None);
        };
        self.media += 1;
        let id = self.media.to_string();
        form.at(key, |form| {
            let Some(media) = form.object(media) else { return (Value::Null, None) };
            let Some(address) = form.required_text(media, "url", 0..=2048) else {
                return (Value::Null, None);
            };
            if let Some(name) = address.strip_prefix("attachment://") {
                let Some(file) = self.files.get(name) else {
                    let message = "The referenced attachment was not found";
                    form.problem_at("url", "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND", message);
                    return (Value::Null, None);
                };
                let json = json!({
                    "id": id, "url": file.url, "proxy_url": file.url, "content_type": file.content_type,
                    "attachment_id": file.id,
                });
                return (json, Some(file.clone()));
            }
            if only_files || !is_web_address(&address) {
                let message = "Scheme must be one of ('http', 'https', 'attachment').";
                form.problem_at("url", "URL_TYPE_INVALID_SCHEME", message);
            }
            (json!({"id": id, "url": address, "proxy_url": address, "width": null, "height": null}), None)
        })
    }
}

fn separator(form: &mut Form, object: &Object) -> Value {
    let spacing = form.choice(object, "spacing", &[1, 2]).unwrap_or(1);
    let divider = form.boolean(object, "divider").unwrap_or(true);
    json!({"spacing": spacing, "divider": divider})
}

pub(super) fn emoji(form: &mut Form, object: &Object) -> Option<Value> {
    let emoji = object.get("emoji").filter(|emoji| !emoji.is_null())?;
    form.at("emoji", |form| {
        let emoji = form.object(emoji)?;
        let name = form.text(emoji, "name", 0..=32).unwrap_or_default();
        let id = emoji.get("id").filter(|id| !id.is_null());
        // A word is no emoji: Unicode emoji hold no ASCII letters.
        let custom = id.is_some();
        if !custom && (name.is_empty() || name.chars().any(|c| c.is_ascii_alphabetic())) {
            form.problem_at("name", "COMPONENT_INVALID_EMOJI", "Invalid emoji");
        }
        let mut json = json!({"name": name});
        if let Some(id) = id {
            json["id"] = id.clone();
        }
        Some(json)
    })
}

pub(crate) fn is_web_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(char::is_whitespace))
}

pub(crate) fn url(form: &mut Form, object: &Object, key: &str, most: usize) -> Option<String> {
    let address = form.required_text(object, key, 1..=most)?;
    if !is_web_address(&address) && !address.starts_with("discord://") {
        form.problem_at(key, "URL_TYPE_INVALID_URL", "Not a well formed URL.");
    }
    Some(address)
}
