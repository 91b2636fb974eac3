//! The words of a case: what was done, where it stands, and what has to be known to take it back.

use std::collections::BTreeSet;

use guildhall_core::{
    Operation, Rank,
    guild::{ChannelId, Overwrite, RoleId, UserId, bits},
};
use schemars::JsonSchema;
use sea_orm::{DeriveActiveEnum, EnumIter, Iterable};
use serde::{Deserialize, Serialize};

use crate::operations::{Unban, Unjail, Unlock, Untimeout};

/// What was done.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, EnumIter, DeriveActiveEnum,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum CaseKind {
    /// Banned for good.
    Ban,
    /// Banned until a moment.
    Tempban,
    /// A ban was lifted.
    Unban,
    /// Thrown out.
    Kick,
    /// Banned and let in again at once, which deletes what they wrote.
    Softban,
    /// Warned.
    Warn,
    /// Something that the staff should know.
    Note,
    /// Put in timeout.
    Timeout,
    /// Taken out of timeout.
    Untimeout,
    /// Put in jail.
    Jail,
    /// Let out of jail.
    Unjail,
    /// Given another nickname.
    Nick,
    /// Given a role, or relieved of one.
    Role,
    /// A channel's slow mode was set.
    Slowmode,
    /// Channels were locked.
    Lock,
    /// Channels were unlocked.
    Unlock,
    /// Messages were deleted.
    Purge,
    /// Many were banned at once; each has a case of their own besides.
    Massban,
}

impl CaseKind {
    /// Every kind.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::iter()
    }

    /// The word for programs, as in the store.
    pub fn word(self) -> &'static str {
        self.words().0
    }

    /// As a heading: `Ban`.
    pub fn title(self) -> &'static str {
        self.words().1
    }

    /// What was done to somebody or something: `banned`.
    pub fn done(self) -> &'static str {
        self.words().2
    }

    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Ban => ("ban", "Ban", "banned"),
            Self::Tempban => ("tempban", "Temporary ban", "banned for a time"),
            Self::Unban => ("unban", "Unban", "unbanned"),
            Self::Kick => ("kick", "Kick", "kicked"),
            Self::Softban => ("softban", "Softban", "softbanned"),
            Self::Warn => ("warn", "Warning", "warned"),
            Self::Note => ("note", "Note", "noted"),
            Self::Timeout => ("timeout", "Timeout", "put in timeout"),
            Self::Untimeout => ("untimeout", "End of timeout", "taken out of timeout"),
            Self::Jail => ("jail", "Jail", "put in jail"),
            Self::Unjail => ("unjail", "Release from jail", "let out of jail"),
            Self::Nick => ("nick", "Nickname", "renamed"),
            Self::Role => ("role", "Role", "given other roles"),
            Self::Slowmode => ("slowmode", "Slow mode", "slowed down"),
            Self::Lock => ("lock", "Lock", "locked"),
            Self::Unlock => ("unlock", "Unlock", "unlocked"),
            Self::Purge => ("purge", "Purge", "purged"),
            Self::Massban => ("massban", "Mass ban", "banned"),
        }
    }

    /// The bot's [permission bits](bits) that it takes; 0 where nothing is done on Discord.
    pub fn needs(self) -> u64 {
        match self {
            Self::Ban | Self::Tempban | Self::Unban | Self::Softban | Self::Massban => bits::BAN_MEMBERS,
            Self::Kick => bits::KICK_MEMBERS,
            Self::Timeout | Self::Untimeout => bits::MODERATE_MEMBERS,
            Self::Jail | Self::Unjail | Self::Role | Self::Lock | Self::Unlock => bits::MANAGE_ROLES,
            Self::Nick => bits::MANAGE_NICKNAMES,
            Self::Slowmode => bits::MANAGE_CHANNELS,
            Self::Purge => bits::MANAGE_MESSAGES | bits::READ_MESSAGE_HISTORY,
            Self::Warn | Self::Note => 0,
        }
    }

    /// Whether the person is told before it is done, because the bot cannot reach them afterwards.
    pub fn tells_first(self) -> bool {
        matches!(self, Self::Ban | Self::Tempban | Self::Kick | Self::Softban)
    }

    /// Whether the person is told once it is done.
    pub fn tells_after(self) -> bool {
        matches!(self, Self::Warn | Self::Timeout | Self::Untimeout | Self::Jail | Self::Unjail)
    }

    /// Where a case of this kind stands once it is done: what lasts is active, the rest is closed.
    pub fn settled(self) -> CaseState {
        match self {
            Self::Ban | Self::Tempban | Self::Timeout | Self::Jail | Self::Lock | Self::Warn | Self::Note => {
                CaseState::Active
            }
            _ => CaseState::Closed,
        }
    }

    /// Whether writing the case is all that is done. Nothing of it is Discord's, so it cannot fail half-way.
    pub fn is_written_only(self) -> bool {
        matches!(self, Self::Warn | Self::Note)
    }

    /// Whether it can have an end of its own.
    pub fn may_end(self) -> bool {
        matches!(self, Self::Ban | Self::Tempban | Self::Timeout | Self::Jail | Self::Lock)
    }

    /// The operation that ends what a case of this kind holds.
    pub fn lifted_by(self) -> Option<&'static str> {
        match self {
            Self::Ban | Self::Tempban => Some(Unban::NAME),
            Self::Timeout => Some(Untimeout::NAME),
            Self::Jail => Some(Unjail::NAME),
            Self::Lock => Some(Unlock::NAME),
            _ => None,
        }
    }

    /// Whether the person may appeal against it.
    pub fn appealable(self) -> bool {
        matches!(
            self,
            Self::Ban | Self::Tempban | Self::Kick | Self::Softban | Self::Jail | Self::Timeout | Self::Warn
        )
    }

    /// Whether it is for the staff's eyes only, and so never in the mod-log.
    pub fn is_private(self) -> bool {
        self == Self::Note
    }
}

/// Where a case stands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, EnumIter, DeriveActiveEnum,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum CaseState {
    /// It is being done.
    Pending,
    /// It holds.
    Active,
    /// Its time was up.
    Expired,
    /// It was done, or ended by somebody.
    Closed,
    /// It was declared void: it should never have been.
    Voided,
    /// It could not be done; nothing of it is left.
    Failed,
}

impl CaseState {
    /// The word, as in the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Closed => "closed",
            Self::Voided => "voided",
            Self::Failed => "failed",
        }
    }

    /// Whether it is being done or holds.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Active)
    }
}

/// Where a case comes from.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumIter, DeriveActiveEnum,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// An operation.
    Operation,
    /// Somebody did it in Discord itself.
    ByHand,
}

/// Whether the person was told.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumIter, DeriveActiveEnum,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// They got the message.
    Delivered,
    /// They take no messages from the bot, or share no server with it.
    Closed,
    /// Nobody was to tell them.
    Silent,
    /// It could not be sent.
    Failed,
}

impl Told {
    /// In a sentence.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Delivered => "They got a message.",
            Self::Closed => {
                "They could not be reached: they take no messages from the bot, or share no server with it."
            }
            Self::Silent => "Nobody told them.",
            Self::Failed => "The message could not be sent.",
        }
    }
}

/// Something that shows what happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Where it is, at most 300 characters.
    pub link: String,
    /// What a message said at that moment, at most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
}

/// A channel that a lock closes, and what it was before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// Which.
    pub channel: ChannelId,
    /// What `@everyone` might do there before, if anything was said about it.
    pub before: Option<Overwrite>,
}

/// What is done, with what it takes to do it, to repeat it and to take it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "deed")]
pub enum Deed {
    /// Ban; the case's end says whether for good.
    Ban {
        /// Delete what they wrote in the last seconds, at most 604,800.
        delete_seconds: u32,
    },
    /// Ban and unban.
    Softban {
        /// Delete what they wrote in the last seconds, at most 604,800.
        delete_seconds: u32,
    },
    /// Lift a ban.
    Unban,
    /// Throw out.
    Kick,
    /// Warn.
    Warn,
    /// Write down.
    Note,
    /// Timeout until the case's end.
    Timeout,
    /// End a timeout.
    Untimeout,
    /// Take all roles but managed ones, give the jail's.
    Jail {
        /// The jail's.
        role: RoleId,
        /// What they had, without managed roles.
        roles: Vec<RoleId>,
        /// It ended while they were away, so they get their roles once they are back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        owed: bool,
    },
    /// Give the roles back.
    Unjail {
        /// The jail's.
        role: RoleId,
        /// What they had.
        roles: Vec<RoleId>,
    },
    /// Rename.
    Nick {
        /// To what; `None` takes the nickname away.
        nick: Option<String>,
        /// What it was.
        before: Option<String>,
    },
    /// Give a role or take it.
    Role {
        /// Which.
        role: RoleId,
        /// Give, not take.
        give: bool,
        /// What it was called.
        #[serde(default)]
        name: String,
    },
    /// Set slow mode.
    Slowmode {
        /// Seconds between messages.
        seconds: u32,
        /// What it was.
        before: u32,
    },
    /// Keep `@everyone` from writing.
    Lock {
        /// The role `@everyone`, which has the guild's id.
        everyone: RoleId,
        /// Where.
        channels: Vec<Closed>,
    },
    /// Let `@everyone` write as before.
    Unlock {
        /// The role `@everyone`.
        everyone: RoleId,
        /// Where.
        channels: Vec<Closed>,
    },
    /// Delete messages.
    Purge {
        /// How many at most.
        count: u32,
        /// Only this person's.
        user: Option<UserId>,
        /// Only with these words.
        contains: Option<String>,
        /// Only those of programs.
        bots: bool,
        /// How many were deleted.
        deleted: u32,
        /// How many were left because they are older than 14 days.
        too_old: u32,
    },
    /// Ban many.
    Massban {
        /// Whom.
        users: Vec<UserId>,
        /// Delete what they wrote in the last seconds.
        delete_seconds: u32,
        /// Who has to stand above them; nobody when whoever acts stands outside of the server's hierarchy.
        acting: Option<UserId>,
        /// The rank that theirs has to be below.
        rank: Rank,
        /// What became of those that were dealt with, in order.
        results: Vec<MassResult>,
    },
}

/// What became of one person of many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MassResult {
    /// Who.
    pub user: UserId,
    /// Their own case, if there is one.
    pub case: Option<i64>,
    /// Why they were not banned.
    pub problem: Option<String>,
}

impl Deed {
    /// The kind of case; `timed` tells a temporary ban from one for good.
    pub fn kind(&self, timed: bool) -> CaseKind {
        match self {
            Self::Ban { .. } if timed => CaseKind::Tempban,
            Self::Ban { .. } => CaseKind::Ban,
            Self::Softban { .. } => CaseKind::Softban,
            Self::Unban => CaseKind::Unban,
            Self::Kick => CaseKind::Kick,
            Self::Warn => CaseKind::Warn,
            Self::Note => CaseKind::Note,
            Self::Timeout => CaseKind::Timeout,
            Self::Untimeout => CaseKind::Untimeout,
            Self::Jail { .. } => CaseKind::Jail,
            Self::Unjail { .. } => CaseKind::Unjail,
            Self::Nick { .. } => CaseKind::Nick,
            Self::Role { .. } => CaseKind::Role,
            Self::Slowmode { .. } => CaseKind::Slowmode,
            Self::Lock { .. } => CaseKind::Lock,
            Self::Unlock { .. } => CaseKind::Unlock,
            Self::Purge { .. } => CaseKind::Purge,
            Self::Massban { .. } => CaseKind::Massban,
        }
    }

    /// What nobody else may do while this is being done or holds; a case without one stands beside others.
    pub(crate) fn holds(
        &self,
        target: Option<UserId>,
        channel: Option<ChannelId>,
        lifts: Option<i64>,
    ) -> Option<String> {
        let user = target.map(|user| user.to_string()).unwrap_or_default();
        let place = channel.map_or_else(|| "all".to_owned(), |channel| channel.to_string());
        match self {
            Self::Ban { .. } | Self::Softban { .. } => Some(format!("ban:{user}")),
            Self::Timeout => Some(format!("timeout:{user}")),
            Self::Jail { .. } => Some(format!("jail:{user}")),
            Self::Lock { .. } => Some(format!("lock:{place}")),
            Self::Unban => Some(lifts.map_or_else(|| format!("lift:ban:{user}"), |n| format!("lift:{n}"))),
            Self::Untimeout => {
                Some(lifts.map_or_else(|| format!("lift:timeout:{user}"), |n| format!("lift:{n}")))
            }
            Self::Unjail { .. } | Self::Unlock { .. } => lifts.map(|number| format!("lift:{number}")),
            Self::Kick => Some(format!("kick:{user}")),
            Self::Nick { .. } => Some(format!("nick:{user}")),
            Self::Role { role, .. } => Some(format!("role:{user}:{role}")),
            Self::Slowmode { .. } => Some(format!("slowmode:{place}")),
            Self::Purge { .. } => Some(format!("purge:{place}")),
            Self::Warn | Self::Note | Self::Massban { .. } => None,
        }
    }
}

/// What a lock takes from `@everyone`.
pub(crate) const LOCKED: u64 = bits::SEND_MESSAGES
    | bits::SEND_MESSAGES_IN_THREADS
    | bits::CREATE_PUBLIC_THREADS
    | bits::CREATE_PRIVATE_THREADS
    | bits::ADD_REACTIONS;

/// The overwrite of a locked channel.
pub(crate) fn locked(everyone: RoleId, before: Option<&Overwrite>) -> Overwrite {
    let (allow, deny) = before.map_or((0, 0), |before| (before.allow, before.deny));
    Overwrite { target: everyone.0, role: true, allow: allow & !LOCKED, deny: deny | LOCKED }
}

/// The overwrite of a channel that is locked no more: what the lock changed is as it was, and what somebody
/// else changed meanwhile stays.
pub(crate) fn unlocked(everyone: RoleId, before: Option<&Overwrite>, now: Option<&Overwrite>) -> Overwrite {
    let (old_allow, old_deny) = before.map_or((0, 0), |before| (before.allow, before.deny));
    let (allow, deny) = now.map_or((0, 0), |now| (now.allow, now.deny));
    Overwrite {
        target: everyone.0,
        role: true,
        allow: (allow & !LOCKED) | (old_allow & LOCKED),
        deny: (deny & !LOCKED) | (old_deny & LOCKED),
    }
}

/// All of these roles once each, in order.
pub(crate) fn together(roles: impl IntoIterator<Item = RoleId>) -> Vec<RoleId> {
    roles.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests;
