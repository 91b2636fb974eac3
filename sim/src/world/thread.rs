//! Threads: what they have beside a channel, and their life.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::World;
use super::audit::{Entry, action};
use super::channel::Channel;
use super::rights::By;
use crate::clock::timestamp;
use crate::gateway::event::{Event, intent};
use crate::id::{ChannelId, UserId};

#[derive(Clone, Debug)]
pub(crate) struct Thread {
    pub(crate) owner: UserId,
    pub(crate) archived: bool,
    pub(crate) locked: bool,
    pub(crate) invitable: bool,
    pub(crate) auto_archive_minutes: i64,
    pub(crate) archive_changed: OffsetDateTime,
    pub(crate) created: OffsetDateTime,
    pub(crate) members: BTreeMap<UserId, OffsetDateTime>,
    pub(crate) messages: i64,
}

impl Channel {
    pub(super) fn thread_json(&self, thread: &Thread) -> Value {
        let mut metadata = json!({
            "archived": thread.archived, "archive_timestamp": timestamp(thread.archive_changed),
            "auto_archive_duration": thread.auto_archive_minutes, "locked": thread.locked,
            "create_timestamp": timestamp(thread.created),
        });
        if self.is_private_thread() {
            metadata["invitable"] = json!(thread.invitable);
        }
        json!({
            "id": self.id, "type": self.kind, "last_message_id": self.last_message, "flags": 0,
            "guild_id": self.guild, "name": self.name, "parent_id": self.parent,
            "rate_limit_per_user": self.rate_limit_per_user, "owner_id": thread.owner,
            "thread_metadata": metadata, "message_count": thread.messages,
            "member_count": thread.members.len().min(50), "total_message_sent": thread.messages,
        })
    }

    pub(crate) fn thread_member_json(&self, user: UserId) -> Option<Value> {
        let joined = self.thread.as_ref()?.members.get(&user)?;
        Some(json!({"id": self.id, "user_id": user, "join_timestamp": timestamp(*joined), "flags": 0}))
    }

    /// The channel with, for a thread, the reader's own membership.
    pub(crate) fn json_for(&self, viewer: UserId) -> Value {
        let mut json = self.json();
        if let Some(member) = self.thread_member_json(viewer) {
            json["member"] = member;
        }
        json
    }
}

impl World {
    pub(crate) fn add_thread(
        &mut self,
        parent: ChannelId,
        kind: u8,
        name: &str,
        owner: UserId,
        id: Option<u64>,
    ) -> Option<ChannelId> {
        let guild = self.channels.get(&parent)?.guild?;
        let now = self.now();
        let id = ChannelId(id.unwrap_or_else(|| self.next_id()));
        let mut channel = Channel::new(id, kind, Some(guild), name);
        channel.parent = Some(parent);
        channel.thread = Some(Thread {
            owner,
            archived: false,
            locked: false,
            invitable: true,
            auto_archive_minutes: 4320,
            archive_changed: now,
            created: now,
            members: BTreeMap::from([(owner, now)]),
            messages: 0,
        });
        self.insert_channel(channel);
        Some(id)
    }

    pub(crate) fn announce_thread(&mut self, id: ChannelId, by: By<'_>) {
        let Some(channel) = self.channels.get(&id) else { return };
        let Some(guild) = channel.guild else { return };
        let mut data = channel.json();
        data["newly_created"] = json!(true);
        let event = Event::in_guild("THREAD_CREATE", guild, intent::GUILDS, data).seen_in(id);
        self.emit(&event);
        self.audit(guild, Entry::new(action::THREAD_CREATE, by, id.0));
    }

    pub(super) fn thread_deleted(&mut self, id: ChannelId) {
        let Some(channel) = self.channels.get(&id) else { return };
        let Some(guild) = channel.guild else { return };
        let data = json!({
            "id": id, "guild_id": guild, "parent_id": channel.parent, "type": channel.kind,
        });
        let event = Event::in_guild("THREAD_DELETE", guild, intent::GUILDS, data).seen_in(id);
        self.emit(&event);
    }

    /// Puts a user into a thread or takes them out; whether that changed anything.
    pub(crate) fn change_thread_member(&mut self, id: ChannelId, user: UserId, joins: bool) -> bool {
        let now = self.now();
        let Some(thread) = self.channels.get_mut(&id).and_then(|channel| channel.thread.as_mut()) else {
            return false;
        };
        let changed = if joins {
            thread.members.insert(user, now).is_none()
        } else {
            thread.members.remove(&user).is_some()
        };
        if changed {
            self.thread_members_event(id, user, joins);
        }
        changed
    }

    fn thread_members_event(&mut self, id: ChannelId, user: UserId, joined: bool) {
        let Some(channel) = self.channels.get(&id) else { return };
        let (Some(guild), Some(thread)) = (channel.guild, &channel.thread) else { return };
        let mut data = json!({"id": id, "guild_id": guild, "member_count": thread.members.len().min(50)});
        if joined {
            let mut member = channel.thread_member_json(user).unwrap_or_default();
            member["member"] = self.member_json(guild, user);
            data["added_members"] = json!([member]);
        } else {
            data["removed_member_ids"] = json!([user]);
        }
        // Who is put into a private thread first hears that there is one.
        let own = self.applications.values().find(|known| known.bot == user).map(|known| known.id);
        if let Some(application) = own.filter(|_| joined && channel.is_private_thread()) {
            let data = channel.json_for(user);
            let event = Event::to_application("THREAD_CREATE", application, data);
            self.emit(&event.about(guild).wanting(intent::GUILDS));
        }
        let event = Event::in_guild("THREAD_MEMBERS_UPDATE", guild, intent::GUILDS, data).seen_in(id);
        self.emit(&event);
    }
}
