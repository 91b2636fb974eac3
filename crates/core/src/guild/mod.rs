//! The community on Discord, in words that every domain shares: its people, roles and channels, what happens
//! there, and what can be done.
//!
//! [`Guilds`] looks and acts, [`Courier`] writes documents to channels and people, and a [`GuildListener`]
//! hears what happens. Domains see these traits only.

mod action;
mod event;
pub mod hierarchy;
mod id;
#[cfg(test)]
pub(crate) mod tests;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

pub use action::{GuildAction, NewChannel, NewRole, Overwrite};
pub use event::{GuildEvent, GuildListener};
pub use hierarchy::{Checked, check};
pub use id::{BadSnowflake, ChannelId, MessageId, MessageLink, RoleId, UserId, made_at};

use crate::{ActorId, Document, Error, Kind, TenantId};

/// Discord's permission bits, those that Guildhall speaks of
/// (<https://discord.com/developers/docs/topics/permissions#permissions-bitwise-permission-flags>).
pub mod bits {
    /// Throw members out.
    pub const KICK_MEMBERS: u64 = 1 << 1;
    /// Ban members.
    pub const BAN_MEMBERS: u64 = 1 << 2;
    /// Everything.
    pub const ADMINISTRATOR: u64 = 1 << 3;
    /// Make and change channels.
    pub const MANAGE_CHANNELS: u64 = 1 << 4;
    /// Change the guild.
    pub const MANAGE_GUILD: u64 = 1 << 5;
    /// Add reactions.
    pub const ADD_REACTIONS: u64 = 1 << 6;
    /// Read the audit log.
    pub const VIEW_AUDIT_LOG: u64 = 1 << 7;
    /// See a channel.
    pub const VIEW_CHANNEL: u64 = 1 << 10;
    /// Write messages.
    pub const SEND_MESSAGES: u64 = 1 << 11;
    /// Delete other people's messages.
    pub const MANAGE_MESSAGES: u64 = 1 << 13;
    /// Read what was written before.
    pub const READ_MESSAGE_HISTORY: u64 = 1 << 16;
    /// Connect to voice.
    pub const CONNECT: u64 = 1 << 20;
    /// Speak in voice.
    pub const SPEAK: u64 = 1 << 21;
    /// Change other people's nicknames.
    pub const MANAGE_NICKNAMES: u64 = 1 << 27;
    /// Make, change and give roles.
    pub const MANAGE_ROLES: u64 = 1 << 28;
    /// Manage threads.
    pub const MANAGE_THREADS: u64 = 1 << 34;
    /// Make public threads.
    pub const CREATE_PUBLIC_THREADS: u64 = 1 << 35;
    /// Make private threads.
    pub const CREATE_PRIVATE_THREADS: u64 = 1 << 36;
    /// Write in threads.
    pub const SEND_MESSAGES_IN_THREADS: u64 = 1 << 38;
    /// Put members in timeout.
    pub const MODERATE_MEMBERS: u64 = 1 << 40;
    /// All that those in jail are denied in every channel but their own.
    pub const DENIED_IN_JAIL: u64 = VIEW_CHANNEL
        | SEND_MESSAGES
        | SEND_MESSAGES_IN_THREADS
        | CREATE_PUBLIC_THREADS
        | CREATE_PRIVATE_THREADS
        | ADD_REACTIONS
        | CONNECT
        | SPEAK;
    /// What it takes to read a channel and write in it: what those in jail may do in their own.
    pub const READ_AND_WRITE: u64 = VIEW_CHANNEL | READ_MESSAGE_HISTORY | SEND_MESSAGES;
}

/// A guild as it is now.
#[derive(Clone, Debug)]
pub struct Guild {
    /// Its snowflake.
    pub id: u64,
    /// What it is called.
    pub name: String,
    /// Who owns it.
    pub owner: UserId,
    /// Discord's name of its language, such as `de` or `en-US`.
    pub locale: String,
    /// All roles, the lowest first; the first is `@everyone`.
    pub roles: Vec<Role>,
    /// All channels, without threads.
    pub channels: Vec<Channel>,
}

impl Guild {
    /// A role by id.
    pub fn role(&self, id: RoleId) -> Option<&Role> {
        self.roles.iter().find(|role| role.id == id)
    }

    /// A channel by id.
    pub fn channel(&self, id: ChannelId) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.id == id)
    }

    /// The position of the member's highest role; the owner stands above everybody.
    pub fn standing(&self, member: &GuildMember) -> Standing {
        if member.user == self.owner {
            return Standing::Owner;
        }
        let highest = self.highest_role(member);
        highest.map_or(Standing::Everyone, |role| Standing::Role(role.position, std::cmp::Reverse(role.id)))
    }

    /// The member's highest role; nothing where they have none but `@everyone`.
    pub fn highest_role(&self, member: &GuildMember) -> Option<&Role> {
        let own = self.roles.iter().filter(|role| member.roles.contains(&role.id));
        // Of two roles with one position Discord counts the one with the lower id as the higher.
        own.max_by_key(|role| (role.position, std::cmp::Reverse(role.id)))
    }

    /// What the member may do in the guild, before any channel's overwrites.
    pub fn permissions(&self, member: &GuildMember) -> u64 {
        if member.user == self.owner {
            return u64::MAX;
        }
        let everyone = |role: &&Role| role.id.0 == self.id || member.roles.contains(&role.id);
        let granted = self.roles.iter().filter(everyone).fold(0, |bits, role| bits | role.permissions);
        if granted & bits::ADMINISTRATOR != 0 { u64::MAX } else { granted }
    }
}

/// How high somebody stands in a guild. A higher one may act on a lower one, never on an equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Has no role but `@everyone`.
    Everyone,
    /// The position and id of the highest role.
    Role(i64, std::cmp::Reverse<RoleId>),
    /// Owns the guild.
    Owner,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its id.
    pub id: RoleId,
    /// What it is called.
    pub name: String,
    /// How high it is; `@everyone` is 0.
    pub position: i64,
    /// Its permission [`bits`].
    pub permissions: u64,
    /// Its colour, 0 for none.
    pub color: u32,
    /// Whether a bot or an integration owns it, so that nobody can give it.
    pub managed: bool,
}

/// What kind of channel it is, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// Text, announcements.
    Text,
    /// Voice or stage.
    Voice,
    /// A group of channels.
    Category,
    /// A thread.
    Thread,
    /// Anything else: forum, directory.
    Other,
}

/// A channel or a thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Its id.
    pub id: ChannelId,
    /// What it is called.
    pub name: String,
    /// What it is.
    pub kind: ChannelKind,
    /// The category, or a thread's channel.
    pub parent: Option<ChannelId>,
    /// Seconds between two messages of one member, 0 for none.
    pub slowmode: u32,
    /// Who may do more or less here.
    pub overwrites: Vec<Overwrite>,
}

/// A member of a guild.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuildMember {
    /// Who.
    pub user: UserId,
    /// Their name on Discord, unique.
    pub username: String,
    /// What people see: the nickname, else the display name, else the name.
    pub name: String,
    /// The nickname in this guild.
    pub nick: Option<String>,
    /// The roles, without `@everyone`.
    pub roles: Vec<RoleId>,
    /// Whether it is a program.
    pub bot: bool,
    /// When they joined.
    pub joined: Option<OffsetDateTime>,
    /// Until when they are in timeout.
    pub timeout: Option<OffsetDateTime>,
}

impl GuildMember {
    /// The member as an actor's id.
    pub fn actor(&self) -> ActorId {
        ActorId::discord(self.user.0)
    }
}

/// A person on Discord, member or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Who.
    pub user: UserId,
    /// Their name on Discord, unique.
    pub username: String,
    /// What people see.
    pub name: String,
    /// Whether it is a program.
    pub bot: bool,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Which.
    pub id: MessageId,
    /// Where.
    pub channel: ChannelId,
    /// Who wrote it.
    pub author: Person,
    /// The author's roles, where Discord tells them.
    pub roles: Vec<RoleId>,
    /// The text; empty when Discord withholds it.
    pub content: String,
    /// Addresses of attached files.
    pub attachments: Vec<String>,
    /// When it was written.
    pub at: OffsetDateTime,
}

impl Message {
    /// Where it is.
    pub fn link(&self) -> MessageLink {
        MessageLink { channel: self.channel, message: self.id }
    }
}

/// Somebody's voice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voice {
    /// Whose.
    pub user: UserId,
    /// What they are called.
    pub name: String,
    /// Where they are now, if anywhere.
    pub channel: Option<ChannelId>,
}

/// Looks at a guild and acts in it.
///
/// Every action may be repeated: what is so already is no error. Errors name the code `guild_…` and say what
/// to do: `guild_missing_permission` (the bot lacks a permission, which is named), `guild_role_too_low`,
/// `guild_unknown` (the thing is gone, [`Kind::NotFound`]), `guild_unreachable` ([`Kind::Upstream`]),
/// `guild_left` (the bot is no longer in the guild).
#[async_trait]
pub trait Guilds: Send + Sync {
    /// The guild.
    async fn guild(&self, tenant: &TenantId) -> Result<Guild, Error>;

    /// A channel of the guild, or a thread where those are known; `None` when it is neither.
    async fn channel(&self, tenant: &TenantId, channel: ChannelId) -> Result<Option<Channel>, Error> {
        Ok(self.guild(tenant).await?.channel(channel).cloned())
    }

    /// A member; `None` when they are not in the guild.
    async fn member(&self, tenant: &TenantId, user: UserId) -> Result<Option<GuildMember>, Error>;

    /// The bot itself.
    async fn myself(&self, tenant: &TenantId) -> Result<GuildMember, Error>;

    /// Members whose name or nickname begins with `text`, at most `limit` (1 to 100).
    async fn find(&self, tenant: &TenantId, text: &str, limit: u16) -> Result<Vec<GuildMember>, Error>;

    /// Anybody on Discord; `None` when there is nobody with this id.
    async fn person(&self, user: UserId) -> Result<Option<Person>, Error>;

    /// Banned people with this name, whatever its case, of the 5,000 who joined Discord first. Where bans are not
    /// known of, nobody.
    async fn find_banned(&self, tenant: &TenantId, name: &str) -> Result<Vec<Person>, Error> {
        let _ = (tenant, name);
        Ok(Vec::new())
    }

    /// Whether the person is banned, and why.
    async fn banned(&self, tenant: &TenantId, user: UserId) -> Result<Option<String>, Error>;

    /// Up to `limit` (1 to 100) messages of a channel before `before`, the newest first.
    async fn messages(
        &self,
        tenant: &TenantId,
        channel: ChannelId,
        before: Option<MessageId>,
        limit: u16,
    ) -> Result<Vec<Message>, Error>;

    /// One message; `None` when it is gone.
    async fn message(&self, tenant: &TenantId, at: MessageLink) -> Result<Option<Message>, Error>;

    /// Does it. `reason` is shown in Discord's audit log, cut to 512 characters.
    async fn act(&self, tenant: &TenantId, action: GuildAction, reason: &str) -> Result<(), Error>;

    /// Makes a role.
    async fn create_role(&self, tenant: &TenantId, role: NewRole, reason: &str) -> Result<RoleId, Error>;

    /// Makes a channel or a thread. A thread with a name that one in the same channel has had for less than a day
    /// is that one, so a step may be repeated.
    async fn create_channel(
        &self,
        tenant: &TenantId,
        channel: NewChannel,
        reason: &str,
    ) -> Result<ChannelId, Error>;
}

/// Writes documents to channels and people.
#[async_trait]
pub trait Courier: Send + Sync {
    /// Posts. The same `nonce` (1 to 25 characters) within some minutes gives the first message again, so
    /// a step may be repeated.
    async fn post(
        &self,
        tenant: &TenantId,
        channel: ChannelId,
        document: &Document,
        nonce: &str,
    ) -> Result<MessageId, Error>;

    /// Changes a message that was posted. `guild_unknown` when it is gone.
    async fn edit(&self, tenant: &TenantId, at: MessageLink, document: &Document) -> Result<(), Error>;

    /// Writes to a person. Their buttons act for `tenant`, though there is no guild around them.
    async fn direct(
        &self,
        tenant: &TenantId,
        user: UserId,
        document: &Document,
        nonce: &str,
    ) -> Result<Delivery, Error>;
}

/// Whether somebody got a direct message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// They did.
    Delivered,
    /// They do not take messages from the bot, or share no guild with it.
    Closed,
}

/// Stands in where no Discord is configured: everything answers that there is none.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoGuilds;

fn none<T>() -> Result<T, Error> {
    Err(Error::new(Kind::Conflict, "guild_none", "This community has no Discord server.")
        .remedy("Set up Discord in the configuration first."))
}

#[async_trait]
impl Guilds for NoGuilds {
    async fn guild(&self, _: &TenantId) -> Result<Guild, Error> {
        none()
    }
    async fn member(&self, _: &TenantId, _: UserId) -> Result<Option<GuildMember>, Error> {
        none()
    }
    async fn myself(&self, _: &TenantId) -> Result<GuildMember, Error> {
        none()
    }
    async fn find(&self, _: &TenantId, _: &str, _: u16) -> Result<Vec<GuildMember>, Error> {
        none()
    }
    async fn person(&self, _: UserId) -> Result<Option<Person>, Error> {
        none()
    }
    async fn banned(&self, _: &TenantId, _: UserId) -> Result<Option<String>, Error> {
        none()
    }
    async fn messages(
        &self,
        _: &TenantId,
        _: ChannelId,
        _: Option<MessageId>,
        _: u16,
    ) -> Result<Vec<Message>, Error> {
        none()
    }
    async fn message(&self, _: &TenantId, _: MessageLink) -> Result<Option<Message>, Error> {
        none()
    }
    async fn act(&self, _: &TenantId, _: GuildAction, _: &str) -> Result<(), Error> {
        none()
    }
    async fn create_role(&self, _: &TenantId, _: NewRole, _: &str) -> Result<RoleId, Error> {
        none()
    }
    async fn create_channel(&self, _: &TenantId, _: NewChannel, _: &str) -> Result<ChannelId, Error> {
        none()
    }
}

#[async_trait]
impl Courier for NoGuilds {
    async fn post(&self, _: &TenantId, _: ChannelId, _: &Document, _: &str) -> Result<MessageId, Error> {
        none()
    }
    async fn edit(&self, _: &TenantId, _: MessageLink, _: &Document) -> Result<(), Error> {
        none()
    }
    async fn direct(&self, _: &TenantId, _: UserId, _: &Document, _: &str) -> Result<Delivery, Error> {
        none()
    }
}
