//! The body of a message, new or edited, and what comes of it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::component::Components;
use super::{Form, Object, embed, snowflake};
use crate::id::{AttachmentId, MessageId, RoleId, UserId};
use crate::rest::error::ApiError;
use crate::world::message::{Attachment, Message, flag};

/// Characters in the content of a message.
const MOST_CONTENT: usize = 2000;

/// Flags an application may set on its messages.
const SETTABLE: u64 =
    flag::SUPPRESS_EMBEDS | flag::EPHEMERAL | flag::SUPPRESS_NOTIFICATIONS | flag::IS_COMPONENTS_V2;

/// A message body that passed. A field is `None` when the request left it out.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) content: Option<String>,
    pub(crate) embeds: Option<Vec<Value>>,
    pub(crate) components: Option<Vec<Value>>,
    pub(crate) flags: Option<u64>,
    pub(crate) new_files: Vec<Attachment>,
    pub(crate) kept_files: Option<Vec<AttachmentId>>,
    pub(crate) allowed_mentions: AllowedMentions,
    pub(crate) tts: bool,
    pub(crate) nonce: Option<Value>,
    pub(crate) reply_to: Option<MessageId>,
}

/// Who may be notified by the mentions in the text.
#[derive(Clone, Debug)]
pub(crate) struct AllowedMentions {
    pub(crate) everyone: bool,
    pub(crate) all_users: bool,
    pub(crate) all_roles: bool,
    pub(crate) users: Vec<UserId>,
    pub(crate) roles: Vec<RoleId>,
}

impl Default for AllowedMentions {
    fn default() -> Self {
        Self { everyone: true, all_users: true, all_roles: true, users: Vec::new(), roles: Vec::new() }
    }
}

/// Checks a message body. `before` is the message as it was, for an edit; `files` are the uploads that came
/// along, by name.
pub(crate) fn check(
    body: &Object,
    files: &BTreeMap<String, Attachment>,
    before: Option<&Message>,
    media_id: u64,
) -> Result<Draft, ApiError> {
    let draft = Form::check(|form| inspect(form, body, files, before, media_id))?;
    let kept = |field: bool, was: bool| field || was;
    let old = |look: fn(&Message) -> bool| before.is_some_and(look);
    let filled = draft.content.as_ref().map_or_else(|| old(|m| !m.content.is_empty()), |c| !c.is_empty())
        || draft.embeds.as_ref().map_or_else(|| old(|m| !m.embeds.is_empty()), |e| !e.is_empty())
        || draft.components.as_ref().map_or_else(|| old(|m| !m.components.is_empty()), |c| !c.is_empty())
        || draft.kept_files.as_ref().map_or_else(|| old(|m| !m.attachments.is_empty()), |k| !k.is_empty());
    if kept(filled, !draft.new_files.is_empty()) { Ok(draft) } else { Err(ApiError::empty_message()) }
}

fn inspect(
    form: &mut Form,
    body: &Object,
    files: &BTreeMap<String, Attachment>,
    before: Option<&Message>,
    media_id: u64,
) -> Draft {
    let null = |key: &str| body.get(key).is_some_and(Value::is_null);
    let mut draft = Draft { tts: form.boolean(body, "tts").unwrap_or(false), ..Draft::default() };
    draft.content = form.text(body, "content", 0..=MOST_CONTENT);
    if null("content") && before.is_some() {
        draft.content = Some(String::new());
    }
    if let Some(list) = form.list(body, "embeds", 0..=10) {
        draft.embeds = Some(form.at("embeds", |form| embed::of_message(form, list)));
    } else if null("embeds") && before.is_some() {
        draft.embeds = Some(Vec::new());
    }
    draft.flags = form
        .integer(body, "flags", 0..=i64::MAX)
        .and_then(|flags| u64::try_from(flags).ok())
        .map(|flags| flags & SETTABLE);
    let was_v2 = before.is_some_and(|message| message.flags & flag::IS_COMPONENTS_V2 != 0);
    let v2 = was_v2 || draft.flags.is_some_and(|flags| flags & flag::IS_COMPONENTS_V2 != 0);
    if was_v2 && draft.flags.is_some_and(|flags| flags & flag::IS_COMPONENTS_V2 == 0) {
        let message = "The IS_COMPONENTS_V2 flag cannot be removed";
        form.problem_at("flags", "MESSAGE_CANNOT_REMOVE_COMPONENTS_V2_FLAG", message);
    }
    if v2 {
        refuse_legacy(form, body, &draft, before);
    }
    attachments(form, body, files, before, &mut draft);
    if let Some(list) = form.list(body, "components", 0..=usize::MAX) {
        let components = Components::new(files, media_id);
        draft.components = Some(form.at("components", |form| components.of_message(form, list, v2)));
    } else if null("components") && before.is_some() {
        draft.components = Some(Vec::new());
    }
    draft.allowed_mentions = allowed_mentions(form, body);
    draft.nonce = body.get("nonce").filter(|nonce| nonce.is_string() || nonce.is_i64()).cloned();
    if let Some(nonce) = draft.nonce.as_ref().and_then(Value::as_str) {
        let length = nonce.chars().count();
        form.at("nonce", |form| form.length(length, 0..=25));
    }
    if let Some(reference) = body.get("message_reference").filter(|reference| !reference.is_null()) {
        form.at("message_reference", |form| {
            let Some(reference) = form.object(reference) else { return };
            draft.reply_to = reference.get("message_id").and_then(snowflake);
            if draft.reply_to.is_none() {
                form.required("message_id");
            }
        });
    }
    draft
}

/// With `IS_COMPONENTS_V2` a message has no content, embeds, polls or stickers, and an edit that sets the flag must
/// clear what the message had of them.
fn refuse_legacy(form: &mut Form, body: &Object, draft: &Draft, before: Option<&Message>) {
    let content = match (&draft.content, before) {
        (Some(content), _) => !content.is_empty(),
        (None, Some(before)) => !before.content.is_empty(),
        (None, None) => false,
    };
    let embeds = match (&draft.embeds, before) {
        (Some(embeds), _) => !embeds.is_empty(),
        (None, Some(before)) => !before.embeds.is_empty(),
        (None, None) => false,
    };
    let present = |key: &str| match body.get(key) {
        Some(Value::Array(list)) => !list.is_empty(),
        Some(Value::Null) | None => false,
        Some(_) => true,
    };
    let used = [
        ("content", content),
        ("embeds", embeds),
        ("poll", present("poll")),
        ("sticker_ids", present("sticker_ids")),
    ];
    for (field, _) in used.into_iter().filter(|(_, used)| *used) {
        form.problem_at(
            field,
            "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
            format!("The '{field}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"),
        );
    }
}

fn attachments(
    form: &mut Form,
    body: &Object,
    files: &BTreeMap<String, Attachment>,
    before: Option<&Message>,
    draft: &mut Draft,
) {
    draft.new_files = files.values().cloned().collect();
    if draft.new_files.len() > 10 {
        form.at("attachments", |form| form.length(files.len(), 0..=10));
    }
    if let Some(list) = form.list(body, "attachments", 0..=10) {
        let mut kept = Vec::new();
        for attachment in list {
            let described = attachment["description"].as_str();
            let name = attachment["filename"].as_str();
            if let Some(file) = draft.new_files.iter_mut().find(|file| Some(file.filename.as_str()) == name) {
                file.description = described.map(Into::into);
            } else if let Some(id) = snowflake::<AttachmentId>(&attachment["id"])
                && before.is_some_and(|message| message.attachments.iter().any(|file| file.id == id))
            {
                kept.push(id);
            }
        }
        draft.kept_files = Some(kept);
    }
}

fn allowed_mentions(form: &mut Form, body: &Object) -> AllowedMentions {
    let Some(allowed) = body.get("allowed_mentions").filter(|allowed| !allowed.is_null()) else {
        return AllowedMentions::default();
    };
    form.at("allowed_mentions", |form| {
        let Some(allowed) = form.object(allowed) else { return AllowedMentions::default() };
        let parse: Vec<&str> = form
            .list(allowed, "parse", 0..=3)
            .map(|list| list.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let known = ["users", "roles", "everyone"];
        for (index, kind) in parse.iter().enumerate().filter(|(_, kind)| !known.contains(kind)) {
            let message = format!("Value \"{kind}\" must be one of ('everyone', 'roles', 'users').");
            form.at("parse", |form| form.problem_at(index, "BASE_TYPE_CHOICES", message));
        }
        let users = form.snowflakes(allowed, "users", 0..=100).unwrap_or_default();
        let roles = form.snowflakes(allowed, "roles", 0..=100).unwrap_or_default();
        for (kind, listed) in [("users", !users.is_empty()), ("roles", !roles.is_empty())] {
            if listed && parse.contains(&kind) {
                let message = format!("parse:[\"{kind}\"] and {kind}: [ids...] are mutually exclusive.");
                form.problem("MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message);
            }
        }
        AllowedMentions {
            everyone: parse.contains(&"everyone"),
            all_users: parse.contains(&"users"),
            all_roles: parse.contains(&"roles"),
            users,
            roles,
        }
    })
}
