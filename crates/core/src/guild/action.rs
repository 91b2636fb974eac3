//! What can be done in a guild.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{ChannelId, ChannelKind, MessageId, RoleId, UserId};

/// Who may do more or less in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overwrite {
    /// A role's or a member's snowflake.
    pub target: u64,
    /// Whether the target is a role.
    pub role: bool,
    /// [Permission bits](super::bits) given on top.
    pub allow: u64,
    /// Permission bits taken away.
    pub deny: u64,
}

/// One thing to do in a guild. Each may be repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum GuildAction {
    /// Ban somebody, member or not.
    Ban {
        /// Who.
        user: UserId,
        /// Also delete what they wrote in the last seconds, at most 604,800 (7 days).
        delete_seconds: u32,
    },
    /// Lift a ban.
    Unban {
        /// Whose.
        user: UserId,
    },
    /// Throw a member out.
    Kick {
        /// Who.
        user: UserId,
    },
    /// Put a member in timeout until a moment at most 28 days from now; `None` ends it.
    Timeout {
        /// Who.
        user: UserId,
        /// Until when.
        until: Option<OffsetDateTime>,
    },
    /// Give a member a role.
    AddRole {
        /// Who.
        user: UserId,
        /// Which.
        role: RoleId,
    },
    /// Take a role from a member.
    RemoveRole {
        /// Who.
        user: UserId,
        /// Which.
        role: RoleId,
    },
    /// Replace all of a member's roles at once.
    SetRoles {
        /// Who.
        user: UserId,
        /// All they have afterwards, without `@everyone`.
        roles: Vec<RoleId>,
    },
    /// Give a member a nickname; `None` takes it away.
    Nickname {
        /// Who.
        user: UserId,
        /// At most 32 characters.
        nick: Option<String>,
    },
    /// Set a channel's slow mode.
    Slowmode {
        /// Where.
        channel: ChannelId,
        /// Seconds between two messages, 0 to 21,600.
        seconds: u32,
    },
    /// Set one overwrite of a channel; both bits 0 removes it.
    SetOverwrite {
        /// Where.
        channel: ChannelId,
        /// For whom, and what.
        overwrite: Overwrite,
    },
    /// Delete one or several messages, at most 100, none older than 14 days when several.
    DeleteMessages {
        /// Where.
        channel: ChannelId,
        /// Which.
        messages: Vec<MessageId>,
    },
    /// Let a member into a thread, which shows them a private one.
    AddToThread {
        /// Which.
        thread: ChannelId,
        /// Whom.
        user: UserId,
    },
    /// Archive and lock a thread.
    CloseThread {
        /// Which.
        thread: ChannelId,
    },
}

/// A role to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRole {
    /// At most 100 characters.
    pub name: String,
    /// [Permission bits](super::bits).
    pub permissions: u64,
    /// Its colour, 0 for none.
    pub color: u32,
}

/// A channel or thread to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewChannel {
    /// At most 100 characters.
    pub name: String,
    /// What it is. A thread is private when `overwrites` is not empty, and everybody named there is added.
    pub kind: ChannelKind,
    /// The category; for a thread, its channel.
    pub parent: Option<ChannelId>,
    /// At most 1,024 characters.
    pub topic: Option<String>,
    /// Who may do more or less here.
    pub overwrites: Vec<Overwrite>,
}
