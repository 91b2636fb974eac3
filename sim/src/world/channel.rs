//! Channels, threads and direct-message channels.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::World;
use crate::clock::timestamp;
use crate::gateway::event::{Event, intent};
use crate::id::{ChannelId, GuildId, MessageId, RoleId, UserId};
use crate::permission::Permissions;

/// Discord's channel types that the stand-in makes.
pub(crate) mod kind {
    pub(crate) const TEXT: u8 = 0;
    pub(crate) const DM: u8 = 1;
    pub(crate) const CATEGORY: u8 = 4;
    pub(crate) const ANNOUNCEMENT: u8 = 5;
    pub(crate) const ANNOUNCEMENT_THREAD: u8 = 10;
    pub(crate) const PUBLIC_THREAD: u8 = 11;
    pub(crate) const PRIVATE_THREAD: u8 = 12;
    pub(crate) const FORUM: u8 = 15;
}

#[derive(Clone, Debug)]
pub(crate) struct Channel {
    pub(crate) id: ChannelId,
    pub(crate) kind: u8,
    pub(crate) guild: Option<GuildId>,
    pub(crate) name: String,
    pub(crate) topic: Option<String>,
    pub(crate) parent: Option<ChannelId>,
    pub(crate) position: i64,
    pub(crate) overwrites: Vec<Overwrite>,
    pub(crate) last_message: Option<MessageId>,
    pub(crate) rate_limit_per_user: i64,
    pub(crate) thread: Option<Thread>,
    /// The two ends of a direct-message channel; empty elsewhere.
    pub(crate) recipients: Vec<UserId>,
}

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

/// A permission overwrite: for a role (0) or a member (1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Overwrite {
    pub(crate) id: u64,
    pub(crate) member: bool,
    pub(crate) allow: Permissions,
    pub(crate) deny: Permissions,
}

impl Channel {
    pub(crate) fn new(id: ChannelId, kind: u8, guild: Option<GuildId>, name: &str) -> Self {
        Self {
            id,
            kind,
            guild,
            name: name.into(),
            topic: None,
            parent: None,
            position: 0,
            overwrites: Vec::new(),
            last_message: None,
            rate_limit_per_user: 0,
            thread: None,
            recipients: Vec::new(),
        }
    }

    pub(crate) fn is_private_thread(&self) -> bool {
        self.kind == kind::PRIVATE_THREAD
    }

    /// Whether messages can be written straight into it.
    pub(crate) fn takes_messages(&self) -> bool {
        !matches!(self.kind, kind::CATEGORY | kind::FORUM)
    }

    pub(crate) fn apply_overwrites(
        &self,
        base: Permissions,
        everyone: RoleId,
        roles: &[RoleId],
        user: UserId,
    ) -> Permissions {
        let apply = |bits: Permissions, of: &dyn Fn(&Overwrite) -> bool| {
            let (allow, deny) = self
                .overwrites
                .iter()
                .filter(|overwrite| of(overwrite))
                .fold((Permissions::NONE, Permissions::NONE), |(a, d), o| (a | o.allow, d | o.deny));
            (bits & !deny) | allow
        };
        let bits = apply(base, &|o| !o.member && o.id == everyone.0);
        let bits = apply(bits, &|o| !o.member && roles.contains(&RoleId(o.id)));
        apply(bits, &|o| o.member && o.id == user.0)
    }

    pub(crate) fn json(&self) -> Value {
        match (&self.thread, self.guild) {
            (Some(thread), _) => self.thread_json(thread),
            (None, Some(guild)) => json!({
                "id": self.id, "type": self.kind, "last_message_id": self.last_message, "flags": 0,
                "guild_id": guild, "name": self.name, "parent_id": self.parent,
                "rate_limit_per_user": self.rate_limit_per_user, "topic": self.topic,
                "position": self.position, "nsfw": false,
                "permission_overwrites": self.overwrites.iter().map(|overwrite| json!({
                    "id": overwrite.id.to_string(), "type": i32::from(overwrite.member),
                    "allow": overwrite.allow.0.to_string(), "deny": overwrite.deny.0.to_string(),
                })).collect::<Vec<_>>(),
            }),
            (None, None) => json!({
                "id": self.id, "type": self.kind, "last_message_id": self.last_message, "flags": 0,
            }),
        }
    }

    fn thread_json(&self, thread: &Thread) -> Value {
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
    pub(crate) fn channel_json(&self, channel: &Channel, viewer: UserId) -> Value {
        let mut json = channel.json_for(viewer);
        if channel.kind == kind::DM {
            let others = channel.recipients.iter().filter(|user| **user != viewer);
            json["recipients"] = others.map(|user| self.user_json(*user)).collect();
        }
        json
    }

    pub(crate) fn add_channel(&mut self, guild: GuildId, kind: u8, name: &str) -> ChannelId {
        let id = ChannelId(self.next_id());
        let mut channel = Channel::new(id, kind, Some(guild), name);
        channel.position =
            i64::try_from(self.channels.values().filter(|c| c.guild == Some(guild)).count()).unwrap_or(0);
        self.channels.insert(id, channel);
        self.channel_event("CHANNEL_CREATE", id);
        id
    }

    /// The direct-message channel of two users, made when there is none.
    pub(crate) fn direct_channel(&mut self, one: UserId, other: UserId) -> ChannelId {
        let found = self.channels.values().find(|channel| {
            channel.kind == kind::DM
                && channel.recipients.contains(&one)
                && channel.recipients.contains(&other)
        });
        if let Some(channel) = found {
            return channel.id;
        }
        let id = ChannelId(self.next_id());
        let mut channel = Channel::new(id, kind::DM, None, "");
        channel.recipients = vec![one, other];
        self.channels.insert(id, channel);
        id
    }

    /// Tells everybody who can see the channel that it was made, changed or is about to go.
    pub(crate) fn channel_event(&mut self, name: &'static str, id: ChannelId) {
        let Some(channel) = self.channels.get(&id) else { return };
        let Some(guild) = channel.guild else { return };
        let event = Event::in_guild(name, guild, intent::GUILDS, channel.json()).seen_in(id);
        self.emit(&event);
    }

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
        self.channels.insert(id, channel);
        Some(id)
    }

    pub(crate) fn announce_thread(&mut self, id: ChannelId) {
        let Some(channel) = self.channels.get(&id) else { return };
        let Some(guild) = channel.guild else { return };
        let mut data = channel.json();
        data["newly_created"] = json!(true);
        let event = Event::in_guild("THREAD_CREATE", guild, intent::GUILDS, data).seen_in(id);
        self.emit(&event);
    }

    pub(crate) fn remove_channel(&mut self, id: ChannelId) {
        let Some(channel) = self.channels.get(&id) else { return };
        if channel.thread.is_some() {
            let data = json!({
                "id": id, "guild_id": channel.guild, "parent_id": channel.parent, "type": channel.kind,
            });
            if let Some(guild) = channel.guild {
                let event = Event::in_guild("THREAD_DELETE", guild, intent::GUILDS, data).seen_in(id);
                self.emit(&event);
            }
        } else {
            self.channel_event("CHANNEL_DELETE", id);
        }
        let inside: Vec<ChannelId> = self
            .channels
            .values()
            .filter(|other| other.parent == Some(id) && other.thread.is_some())
            .map(|other| other.id)
            .collect();
        for thread in inside {
            self.channels.remove(&thread);
            self.messages.retain(|_, message| message.channel != thread);
        }
        self.channels.remove(&id);
        self.messages.retain(|_, message| message.channel != id);
    }
}
