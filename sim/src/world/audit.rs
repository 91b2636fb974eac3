//! The audit log of a guild: who did what to whom, and why.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::World;
use super::rights::By;
use crate::gateway::event::{Event, intent};
use crate::id::{GuildId, UserId};
use crate::permission::Permissions;

/// Entries kept for each guild; Discord keeps 45 days.
const KEPT: usize = 1_000;

/// Discord's numbers for what was done.
pub(crate) mod action {
    pub(crate) const GUILD_UPDATE: u16 = 1;
    pub(crate) const CHANNEL_CREATE: u16 = 10;
    pub(crate) const CHANNEL_UPDATE: u16 = 11;
    pub(crate) const CHANNEL_DELETE: u16 = 12;
    pub(crate) const OVERWRITE_CREATE: u16 = 13;
    pub(crate) const OVERWRITE_UPDATE: u16 = 14;
    pub(crate) const OVERWRITE_DELETE: u16 = 15;
    pub(crate) const MEMBER_KICK: u16 = 20;
    pub(crate) const MEMBER_BAN_ADD: u16 = 22;
    pub(crate) const MEMBER_BAN_REMOVE: u16 = 23;
    pub(crate) const MEMBER_UPDATE: u16 = 24;
    pub(crate) const MEMBER_ROLE_UPDATE: u16 = 25;
    pub(crate) const MEMBER_MOVE: u16 = 26;
    pub(crate) const MEMBER_DISCONNECT: u16 = 27;
    pub(crate) const ROLE_CREATE: u16 = 30;
    pub(crate) const ROLE_UPDATE: u16 = 31;
    pub(crate) const ROLE_DELETE: u16 = 32;
    pub(crate) const INVITE_CREATE: u16 = 40;
    pub(crate) const INVITE_DELETE: u16 = 42;
    pub(crate) const MESSAGE_DELETE: u16 = 72;
    pub(crate) const MESSAGE_BULK_DELETE: u16 = 73;
    pub(crate) const MESSAGE_PIN: u16 = 74;
    pub(crate) const MESSAGE_UNPIN: u16 = 75;
    pub(crate) const THREAD_CREATE: u16 = 110;
    pub(crate) const THREAD_UPDATE: u16 = 111;
    pub(crate) const THREAD_DELETE: u16 = 112;
}

/// One entry.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: u64,
    pub(crate) action: u16,
    pub(crate) by: UserId,
    pub(crate) target: Option<u64>,
    pub(crate) reason: Option<String>,
    changes: Vec<Value>,
    options: BTreeMap<&'static str, String>,
}

impl Entry {
    pub(crate) fn new(action: u16, by: By<'_>, target: u64) -> Self {
        let reason = by.reason.filter(|reason| !reason.is_empty()).map(Into::into);
        let target = Some(target).filter(|target| *target != 0);
        Self { id: 0, action, by: by.user, target, reason, changes: Vec::new(), options: BTreeMap::new() }
    }

    pub(crate) fn change(mut self, key: &str, old: Option<Value>, new: Option<Value>) -> Self {
        let mut change = json!({ "key": key });
        for (name, value) in [("old_value", old), ("new_value", new)] {
            if let Some(value) = value.filter(|value| !value.is_null()) {
                change[name] = value;
            }
        }
        self.changes.push(change);
        self
    }

    #[expect(clippy::needless_pass_by_value, reason = "ids and small numbers")]
    pub(crate) fn option(mut self, key: &'static str, value: impl ToString) -> Self {
        self.options.insert(key, value.to_string());
        self
    }

    pub(crate) fn json(&self) -> Value {
        let mut json = json!({
            "id": self.id.to_string(), "action_type": self.action, "user_id": self.by,
            "target_id": self.target.map(|target| target.to_string()),
        });
        if !self.changes.is_empty() {
            json["changes"] = json!(self.changes);
        }
        if !self.options.is_empty() {
            json["options"] = json!(self.options);
        }
        if let Some(reason) = &self.reason {
            json["reason"] = json!(reason);
        }
        json
    }
}

impl World {
    /// Writes the entry and tells those who may read the log.
    pub(crate) fn audit(&mut self, guild: GuildId, mut entry: Entry) {
        entry.id = self.next_id();
        let mut data = entry.json();
        data["guild_id"] = json!(guild);
        let Some(known) = self.guilds.get_mut(&guild) else { return };
        if known.audit.len() >= KEPT {
            known.audit.pop_front();
        }
        known.audit.push_back(entry);
        let event = Event::in_guild("GUILD_AUDIT_LOG_ENTRY_CREATE", guild, intent::GUILD_MODERATION, data);
        self.emit(&event.needing(Permissions::VIEW_AUDIT_LOG));
    }
}
