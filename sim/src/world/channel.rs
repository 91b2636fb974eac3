//! Channels, threads and direct-message channels.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::World;
use super::audit::{Entry, action};
use super::rights::By;
use super::thread::Thread;
use crate::gateway::event::{Event, intent};
use crate::id::{ChannelId, GuildId, MessageId, RoleId, UserId};
use crate::permission::Permissions;
use crate::rest::error::ApiError;

/// Channels a guild may have, threads not counted.
const MOST: usize = 500;

/// Discord's channel types that the stand-in makes.
pub(crate) mod kind {
    pub(crate) const TEXT: u8 = 0;
    pub(crate) const DM: u8 = 1;
    pub(crate) const VOICE: u8 = 2;
    pub(crate) const CATEGORY: u8 = 4;
    pub(crate) const ANNOUNCEMENT: u8 = 5;
    pub(crate) const ANNOUNCEMENT_THREAD: u8 = 10;
    pub(crate) const PUBLIC_THREAD: u8 = 11;
    pub(crate) const PRIVATE_THREAD: u8 = 12;
    pub(crate) const STAGE: u8 = 13;
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
    /// Seconds a member waits between two messages.
    pub(crate) rate_limit_per_user: i64,
    /// When those who write under the slow mode wrote last.
    pub(crate) wrote: BTreeMap<UserId, OffsetDateTime>,
    pub(crate) nsfw: bool,
    pub(crate) thread: Option<Thread>,
    /// The two ends of a direct-message channel; empty elsewhere.
    pub(crate) recipients: Vec<UserId>,
}

/// A permission overwrite: for a role (0) or a member (1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
            wrote: BTreeMap::new(),
            nsfw: false,
            thread: None,
            recipients: Vec::new(),
        }
    }

    pub(crate) fn is_private_thread(&self) -> bool {
        self.kind == kind::PRIVATE_THREAD
    }

    pub(crate) fn is_voice(&self) -> bool {
        matches!(self.kind, kind::VOICE | kind::STAGE)
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
            (None, Some(guild)) => {
                let mut json = json!({
                "id": self.id, "type": self.kind, "last_message_id": self.last_message, "flags": 0,
                "guild_id": guild, "name": self.name, "parent_id": self.parent,
                "rate_limit_per_user": self.rate_limit_per_user, "topic": self.topic,
                "position": self.position, "nsfw": self.nsfw,
                "permission_overwrites": self.overwrites.iter().map(|overwrite| json!({
                    "id": overwrite.id.to_string(), "type": i32::from(overwrite.member),
                    "allow": overwrite.allow.0.to_string(), "deny": overwrite.deny.0.to_string(),
                })).collect::<Vec<_>>(),
                });
                if self.is_voice() {
                    json["bitrate"] = json!(64_000);
                    json["user_limit"] = json!(0);
                    json["rtc_region"] = Value::Null;
                }
                json
            }
            (None, None) => json!({
                "id": self.id, "type": self.kind, "last_message_id": self.last_message, "flags": 0,
            }),
        }
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
            self.guilds.get(&guild).map_or(0, |known| i64::try_from(known.channels.len()).unwrap_or(0));
        self.insert_channel(channel);
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

    pub(crate) fn insert_channel(&mut self, channel: Channel) {
        if let Some(guild) = channel.guild.and_then(|guild| self.guilds.get_mut(&guild)) {
            guild.channels.insert(channel.id);
        }
        self.channels.insert(channel.id, channel);
    }

    /// A channel as an application or a person makes it. Without overwrites of its own it takes its category's.
    pub(crate) fn create_channel(
        &mut self,
        guild: GuildId,
        mut channel: Channel,
        own_overwrites: bool,
        by: By<'_>,
    ) -> Result<ChannelId, ApiError> {
        self.require_guild(guild, by.user, Permissions::MANAGE_CHANNELS)?;
        if self.channels_of(guild).filter(|channel| channel.thread.is_none()).count() >= MOST {
            return Err(ApiError::too_many_channels());
        }
        if let Some(parent) = channel.parent.and_then(|id| self.channels.get(&id)).filter(|_| !own_overwrites)
        {
            channel.overwrites.clone_from(&parent.overwrites);
        } else {
            self.check_overwrites(guild, None, &channel.overwrites, by.user)?;
        }
        let (id, name) = (channel.id, channel.name.clone());
        self.insert_channel(channel);
        self.channel_event("CHANNEL_CREATE", id);
        self.audit(
            guild,
            Entry::new(action::CHANNEL_CREATE, by, id.0).change("name", None, Some(json!(name))),
        );
        Ok(id)
    }

    pub(crate) fn change_channel(&mut self, changed: Channel, by: By<'_>) -> Result<(), ApiError> {
        let id = changed.id;
        let Some(guild) = changed.guild else { return Err(ApiError::not_in_dm()) };
        self.require(id, by.user, Permissions::MANAGE_CHANNELS)?;
        let before = self.channel(id)?.clone();
        if before.overwrites != changed.overwrites {
            self.require(id, by.user, Permissions::MANAGE_ROLES)?;
            self.check_overwrites(guild, Some(id), &changed.overwrites, by.user)?;
        }
        let mut entry = Entry::new(action::CHANNEL_UPDATE, by, id.0);
        let (old, new) = (before.json(), changed.json());
        for key in ["name", "topic", "rate_limit_per_user", "position", "parent_id", "nsfw"] {
            if old[key] != new[key] {
                entry = entry.change(key, Some(old[key].clone()), Some(new[key].clone()));
            }
        }
        self.channels.insert(id, changed);
        self.channel_event("CHANNEL_UPDATE", id);
        self.audit(guild, entry);
        Ok(())
    }

    pub(crate) fn delete_channel(&mut self, id: ChannelId, by: By<'_>) -> Result<(), ApiError> {
        let channel = self.channel(id)?;
        let (guild, name, thread) = (channel.guild, channel.name.clone(), channel.thread.is_some());
        let Some(guild) = guild else { return Err(ApiError::not_in_dm()) };
        let (need, what) = if thread {
            (Permissions::MANAGE_THREADS, action::THREAD_DELETE)
        } else {
            (Permissions::MANAGE_CHANNELS, action::CHANNEL_DELETE)
        };
        self.require(id, by.user, need)?;
        self.remove_channel(id);
        self.audit(guild, Entry::new(what, by, id.0).change("name", Some(json!(name)), None));
        Ok(())
    }

    /// The channel goes, and with it its threads, messages, invites and who talked in it. What a category held stays.
    pub(crate) fn remove_channel(&mut self, id: ChannelId) {
        let Some(channel) = self.channels.get(&id) else { return };
        let guild = channel.guild;
        if channel.thread.is_some() {
            self.thread_deleted(id);
        } else {
            self.channel_event("CHANNEL_DELETE", id);
        }
        let inside = |world: &Self, threads: bool| -> Vec<ChannelId> {
            let below = world.channels.values().filter(|other| other.parent == Some(id));
            below.filter(|other| other.thread.is_some() == threads).map(|other| other.id).collect()
        };
        for child in inside(self, false) {
            if let Some(child) = self.channels.get_mut(&child) {
                child.parent = None;
            }
            self.channel_event("CHANNEL_UPDATE", child);
        }
        let mut gone = inside(self, true);
        gone.push(id);
        self.messages.retain(|_, message| !gone.contains(&message.channel));
        for id in &gone {
            self.channels.remove(id);
        }
        let codes: Vec<String> = self
            .invites
            .values()
            .filter(|invite| invite.channel == id)
            .map(|invite| invite.code.clone())
            .collect();
        for code in codes {
            self.remove_invite(&code);
        }
        let Some(guild) = guild else { return };
        let Some(known) = self.guilds.get_mut(&guild) else { return };
        known.channels.retain(|channel| !gone.contains(channel));
        let talking: Vec<UserId> =
            known.voice.iter().filter(|(_, state)| state.channel == id).map(|(user, _)| *user).collect();
        for user in talking {
            self.set_voice(guild, user, None);
        }
    }
}
