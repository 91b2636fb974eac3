//! Messages coming and going: posted, deleted one by one and in bulk, and read back.

use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::World;
use super::audit::{Entry, action};
use super::message::Message;
use super::rights::By;
use crate::id::{ChannelId, MessageId, UserId, made_at};
use crate::permission::Permissions;
use crate::rest::error::ApiError;

/// Messages kept; the oldest are forgotten beyond it.
const KEPT: usize = 50_000;

/// How old a message may be that is deleted with others at once.
const OLDEST_IN_BULK: Duration = Duration::days(14);

impl World {
    /// Puts the message in its channel and tells everybody who can see it.
    pub(crate) fn post(&mut self, mut message: Message) -> MessageId {
        let id = message.id;
        if let Some(author) = self.users.get(&message.author) {
            message.author_name = author.name.clone();
            message.by_bot = author.bot;
        }
        let (channel_id, author, seen) = (message.channel, message.author, message.only_for.is_none());
        let now = self.now();
        if self.messages.len() >= KEPT
            && let Some((_, oldest)) = self.messages.pop_first()
        {
            self.files.retain(|file, _| oldest.attachments.iter().all(|attachment| attachment.id != *file));
        }
        self.messages.insert(id, message);
        if seen {
            self.touch_thread(channel_id, author, now);
            if let Some(channel) = self.channels.get_mut(&channel_id) {
                channel.last_message = Some(id);
            }
        }
        self.message_event("MESSAGE_CREATE", id);
        id
    }

    /// A message wakes an archived thread and makes its writer a member.
    fn touch_thread(&mut self, id: ChannelId, author: UserId, now: OffsetDateTime) {
        let Some(thread) = self.channels.get_mut(&id).and_then(|channel| channel.thread.as_mut()) else {
            return;
        };
        thread.messages += 1;
        thread.members.entry(author).or_insert(now);
        if std::mem::take(&mut thread.archived) {
            thread.archive_changed = now;
            self.channel_event("THREAD_UPDATE", id);
        }
    }

    pub(crate) fn changed_message(&mut self, id: MessageId) {
        self.message_event("MESSAGE_UPDATE", id);
    }

    pub(crate) fn remove_message(&mut self, id: MessageId) {
        let Some(message) = self.forget_message(id) else { return };
        if message.only_for.is_some() {
            return;
        }
        let guild = self.channels.get(&message.channel).and_then(|channel| channel.guild);
        let mut data = json!({"id": id, "channel_id": message.channel});
        if let Some(guild) = guild {
            data["guild_id"] = json!(guild);
        }
        let event = self.in_channel("MESSAGE_DELETE", message.channel, guild, data);
        self.emit(&event);
    }

    fn forget_message(&mut self, id: MessageId) -> Option<Message> {
        let message = self.messages.remove(&id)?;
        for attachment in &message.attachments {
            self.files.remove(&attachment.id);
        }
        Some(message)
    }

    /// Several at once, with one event for all of them.
    pub(crate) fn remove_messages(&mut self, channel: ChannelId, ids: &[MessageId]) {
        if let [] | [_] = ids {
            ids.iter().for_each(|id| self.remove_message(*id));
            return;
        }
        for id in ids {
            self.forget_message(*id);
        }
        let guild = self.channels.get(&channel).and_then(|channel| channel.guild);
        let mut data = json!({"ids": ids, "channel_id": channel});
        if let Some(guild) = guild {
            data["guild_id"] = json!(guild);
        }
        let event = self.in_channel("MESSAGE_DELETE_BULK", channel, guild, data);
        self.emit(&event);
    }

    /// Somebody deletes a message: their own, or another's with the permission, which the audit log notes.
    pub(crate) fn delete_message(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        by: By<'_>,
    ) -> Result<(), ApiError> {
        let author = self.message(channel, id)?.author;
        if author != by.user {
            self.require(channel, by.user, Permissions::MANAGE_MESSAGES)?;
        }
        self.refuse_archived(channel)?;
        self.remove_message(id);
        if let Some(guild) = self.channel(channel)?.guild.filter(|_| author != by.user) {
            let entry = Entry::new(action::MESSAGE_DELETE, by, author.0);
            self.audit(guild, entry.option("channel_id", channel).option("count", 1));
        }
        Ok(())
    }

    pub(crate) fn bulk_delete(
        &mut self,
        channel: ChannelId,
        ids: &[MessageId],
        by: By<'_>,
    ) -> Result<(), ApiError> {
        let Some(guild) = self.channel(channel)?.guild else { return Err(ApiError::not_in_dm()) };
        self.require(channel, by.user, Permissions::MANAGE_MESSAGES)?;
        let oldest = self.now() - OLDEST_IN_BULK;
        if ids.iter().any(|id| made_at(id.0) < oldest) {
            return Err(ApiError::too_old_to_bulk_delete());
        }
        let known: Vec<MessageId> =
            ids.iter().copied().filter(|id| self.message(channel, *id).is_ok()).collect();
        self.remove_messages(channel, &known);
        let entry = Entry::new(action::MESSAGE_BULK_DELETE, by, channel.0);
        self.audit(guild, entry.option("count", known.len()));
        Ok(())
    }

    /// Nothing but writing and un-archiving works in an archived thread.
    pub(crate) fn refuse_archived(&self, channel: ChannelId) -> Result<(), ApiError> {
        let archived = self.channel(channel)?.thread.as_ref().is_some_and(|thread| thread.archived);
        if archived { Err(ApiError::thread_archived()) } else { Ok(()) }
    }

    /// Whether the user may write there, locked threads and closed direct messages included.
    pub(crate) fn require_writing(&self, channel: ChannelId, user: UserId) -> Result<(), ApiError> {
        let place = self.channel(channel)?;
        if !place.takes_messages() {
            return Err(ApiError::not_a_text_channel());
        }
        let need = match place.thread {
            Some(_) => Permissions::SEND_MESSAGES_IN_THREADS,
            None => Permissions::SEND_MESSAGES,
        };
        self.require(channel, user, need)?;
        let reader = place.recipients.iter().find(|other| **other != user);
        if reader.is_some_and(|reader| !self.may_write_to(user, *reader)) {
            return Err(ApiError::cannot_write_to_user());
        }
        let manages = self.permissions(channel, user).contains(Permissions::MANAGE_THREADS);
        match &place.thread {
            Some(thread) if thread.locked && !manages && thread.archived => Err(ApiError::thread_archived()),
            Some(thread) if thread.locked && !manages => Err(ApiError::thread_locked()),
            _ => Ok(()),
        }
    }

    /// The messages of a channel that the user sees, oldest first, ephemeral ones of others left out.
    pub(crate) fn visible_messages(&self, channel: ChannelId, user: UserId) -> Vec<Message> {
        if !self.can_see(channel, user) {
            return Vec::new();
        }
        self.messages
            .values()
            .filter(|message| message.channel == channel)
            .filter(|message| message.only_for.is_none_or(|only| only == user))
            .cloned()
            .collect()
    }
}
