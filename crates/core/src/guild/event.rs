//! What happens in a guild, as Discord tells it.

use async_trait::async_trait;
use time::OffsetDateTime;

use super::{Channel, ChannelId, GuildMember, Message, MessageId, Role, UserId, Voice};
use crate::TenantId;

/// Something that happened in a guild.
///
/// What was there *before* is known only while Guildhall has it in memory, and may be missing.
#[derive(Clone, Debug)]
pub enum GuildEvent {
    /// The guild can be served: the bot was added to it, or the connection began.
    Available,
    /// The bot was removed from the guild.
    Removed,
    /// Somebody wrote a message.
    MessageWritten(Message),
    /// A message has another text now.
    MessageEdited {
        /// The text before, if it is known.
        before: Option<String>,
        /// The message as it is now.
        after: Message,
    },
    /// Messages were deleted.
    MessagesDeleted {
        /// Where.
        channel: ChannelId,
        /// All of them.
        messages: Vec<MessageId>,
        /// Those that are still known.
        known: Vec<Message>,
    },
    /// Somebody joined.
    MemberJoined {
        /// Who.
        member: GuildMember,
        /// The code of the invite that was used and who made it, where one can tell.
        invite: Option<(String, Option<UserId>)>,
    },
    /// Somebody left, or was thrown out.
    MemberLeft {
        /// Who.
        user: UserId,
        /// What they were called.
        name: String,
        /// As they were, if it is known.
        before: Option<GuildMember>,
    },
    /// A member's name, roles or timeout changed.
    MemberChanged {
        /// Before, if it is known.
        before: Option<GuildMember>,
        /// Now.
        after: GuildMember,
    },
    /// Somebody was banned, by whomever.
    Banned {
        /// Who.
        user: UserId,
        /// What they are called.
        name: String,
    },
    /// A ban was lifted, by whomever.
    Unbanned {
        /// Who.
        user: UserId,
        /// What they are called.
        name: String,
    },
    /// A channel or thread was made.
    ChannelCreated(Channel),
    /// A channel changed.
    ChannelChanged {
        /// Before, if it is known.
        before: Option<Channel>,
        /// Now.
        after: Channel,
    },
    /// A channel was deleted.
    ChannelDeleted(Channel),
    /// A role was made.
    RoleCreated(Role),
    /// A role changed.
    RoleChanged {
        /// Before, if it is known.
        before: Option<Role>,
        /// Now.
        after: Role,
    },
    /// A role was deleted.
    RoleDeleted {
        /// Which.
        role: super::RoleId,
        /// As it was, if it is known.
        before: Option<Role>,
    },
    /// Somebody entered, left or changed a voice channel.
    VoiceMoved {
        /// Where they were, if anywhere.
        from: Option<ChannelId>,
        /// Where they are.
        to: Voice,
    },
    /// An entry of Discord's own audit log.
    Audited {
        /// Discord's number for the kind of action
        /// (<https://discord.com/developers/docs/resources/audit-log#audit-log-entry-object-audit-log-events>).
        action: u16,
        /// Who did it.
        by: Option<UserId>,
        /// To whom or what.
        target: Option<u64>,
        /// The reason that was given.
        reason: Option<String>,
        /// When.
        at: OffsetDateTime,
    },
}

impl GuildEvent {
    /// The kind of event, one word for metrics, switches and tests.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Removed => "removed",
            Self::MessageWritten(_) => "message_written",
            Self::MessageEdited { .. } => "message_edited",
            Self::MessagesDeleted { .. } => "messages_deleted",
            Self::MemberJoined { .. } => "member_joined",
            Self::MemberLeft { .. } => "member_left",
            Self::MemberChanged { .. } => "member_changed",
            Self::Banned { .. } => "banned",
            Self::Unbanned { .. } => "unbanned",
            Self::ChannelCreated(_) => "channel_created",
            Self::ChannelChanged { .. } => "channel_changed",
            Self::ChannelDeleted(_) => "channel_deleted",
            Self::RoleCreated(_) => "role_created",
            Self::RoleChanged { .. } => "role_changed",
            Self::RoleDeleted { .. } => "role_deleted",
            Self::VoiceMoved { .. } => "voice_moved",
            Self::Audited { .. } => "audited",
        }
    }
}

/// A domain that wants to know what happens in guilds.
///
/// Events of one guild come in Discord's order, one at a time. A listener that falls behind loses the oldest
/// events it has not seen; the loss is counted.
#[async_trait]
pub trait GuildListener: Send + Sync {
    /// One word, for metrics.
    fn name(&self) -> &'static str;

    /// Whether the listener wants events of this [kind](GuildEvent::kind) at all.
    fn wants(&self, kind: &str) -> bool;

    /// Takes notice. An error is the listener's own to report.
    async fn notice(&self, tenant: &TenantId, event: &GuildEvent);
}
