//! Writing messages: from a checked body to a message in its channel, new or edited.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use super::World;
use super::message::{Attachment, Message, flag};
use crate::id::{AttachmentId, MessageId};
use crate::rest::error::ApiError;
use crate::validate::message::{self as form, Draft};
use crate::validate::object_of;

/// Files that came with a body, by name, with their bytes.
#[derive(Default)]
pub(crate) struct Uploads {
    pub(crate) by_name: BTreeMap<String, Attachment>,
    pub(crate) bytes: Vec<(AttachmentId, Bytes)>,
}

impl World {
    /// Checks a message body against what the message was, without changing anything.
    pub(crate) fn draft(
        &mut self,
        data: &Value,
        uploads: &Uploads,
        before: Option<MessageId>,
    ) -> Result<Draft, ApiError> {
        let media = self.next_id();
        let before = before.and_then(|id| self.messages.get(&id));
        form::check(object_of(data)?, &uploads.by_name, before, media)
    }

    pub(crate) fn post_draft(&mut self, mut message: Message, draft: Draft, uploads: Uploads) -> MessageId {
        self.files.extend(uploads.bytes);
        message.tts = draft.tts;
        message.nonce = draft.nonce.clone();
        self.apply(&mut message, draft);
        self.post(message)
    }

    pub(crate) fn edit(&mut self, id: MessageId, data: &Value, uploads: Uploads) -> Result<(), ApiError> {
        let draft = self.draft(data, &uploads, Some(id))?;
        let mut message = self.messages.get(&id).ok_or_else(ApiError::unknown_message)?.clone();
        self.files.extend(uploads.bytes);
        // Filling a deferral is not an edit that people see.
        if message.is_loading() {
            message.flags &= !flag::LOADING;
        } else {
            message.edited_at = Some(self.now());
        }
        self.apply(&mut message, draft);
        self.messages.insert(id, message);
        self.changed_message(id);
        Ok(())
    }

    fn apply(&self, message: &mut Message, draft: Draft) {
        let changeable = flag::SUPPRESS_EMBEDS | flag::SUPPRESS_NOTIFICATIONS | flag::IS_COMPONENTS_V2;
        if let Some(flags) = draft.flags {
            message.flags = (message.flags & !changeable) | (flags & changeable);
        }
        if let Some(content) = draft.content {
            message.content = content;
        }
        if let Some(embeds) = draft.embeds {
            message.embeds = embeds;
        }
        if let Some(components) = draft.components {
            message.components = components;
        }
        if let Some(kept) = draft.kept_files {
            message.attachments.retain(|file| kept.contains(&file.id));
        }
        message.attachments.extend(draft.new_files);
        self.resolve_mentions(message, &draft.allowed_mentions);
    }
}
