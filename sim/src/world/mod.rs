//! What exists: people, guilds, channels, messages, applications and running interactions. All of it lies
//! behind one lock; a change and the gateway events it causes happen together, so clients see them in order.

pub(crate) mod application;
pub(crate) mod channel;
pub(crate) mod guild;
pub(crate) mod message;
pub(crate) mod text;
pub(crate) mod writing;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::clock::SimClock;
use crate::gateway::session::Sessions;
use crate::id::{
    ApplicationId, AttachmentId, ChannelId, CommandId, GuildId, InteractionId, MessageId, RoleId, Snowflakes,
    UserId,
};
use crate::interaction::Interaction;
use crate::permission::Permissions;
use crate::rest::error::ApiError;
use crate::rest::limit::RateLimiter;
use application::{Application, Command};
use channel::Channel;
use guild::{Guild, Member};
use message::Message;

/// A person or a bot.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) id: UserId,
    pub(crate) name: String,
    pub(crate) bot: bool,
}

impl Account {
    pub(crate) fn json(&self) -> Value {
        let mut user = json!({
            "id": self.id, "username": self.name, "avatar": null, "discriminator": "0", "public_flags": 0,
            "flags": 0, "global_name": self.name, "primary_guild": null, "banner": null, "accent_color": null,
            "avatar_decoration_data": null, "collectibles": null,
        });
        if self.bot {
            // Discord gives bots a discriminator and no display name.
            user["bot"] = json!(true);
            user["discriminator"] = json!("0001");
            user["global_name"] = Value::Null;
        }
        user
    }
}

pub(crate) struct World {
    pub(crate) clock: Arc<SimClock>,
    pub(crate) base: String,
    snowflakes: Snowflakes,
    pub(crate) users: BTreeMap<UserId, Account>,
    pub(crate) guilds: BTreeMap<GuildId, Guild>,
    pub(crate) channels: BTreeMap<ChannelId, Channel>,
    pub(crate) messages: BTreeMap<MessageId, Message>,
    pub(crate) files: BTreeMap<AttachmentId, bytes::Bytes>,
    pub(crate) applications: BTreeMap<ApplicationId, Application>,
    pub(crate) commands: BTreeMap<CommandId, Command>,
    pub(crate) interactions: BTreeMap<InteractionId, Interaction>,
    /// Interactions by their tokens.
    pub(crate) tokens: HashMap<String, InteractionId>,
    pub(crate) sessions: Sessions,
    pub(crate) limiter: RateLimiter,
}

impl World {
    pub(crate) fn new(clock: Arc<SimClock>, base: String, limiter: RateLimiter) -> Self {
        Self {
            clock,
            base,
            snowflakes: Snowflakes::default(),
            users: BTreeMap::new(),
            guilds: BTreeMap::new(),
            channels: BTreeMap::new(),
            messages: BTreeMap::new(),
            files: BTreeMap::new(),
            applications: BTreeMap::new(),
            commands: BTreeMap::new(),
            interactions: BTreeMap::new(),
            tokens: HashMap::new(),
            sessions: Sessions::default(),
            limiter,
        }
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    pub(crate) fn next_id(&mut self) -> u64 {
        self.snowflakes.next(self.clock.now())
    }

    pub(crate) fn user(&self, id: UserId) -> Result<&Account, ApiError> {
        self.users.get(&id).ok_or_else(ApiError::unknown_user)
    }

    pub(crate) fn user_json(&self, id: UserId) -> Value {
        match self.users.get(&id) {
            Some(user) => user.json(),
            None => Account { id, name: "deleted-user".into(), bot: false }.json(),
        }
    }

    pub(crate) fn guild(&self, id: GuildId) -> Result<&Guild, ApiError> {
        self.guilds.get(&id).ok_or_else(ApiError::unknown_guild)
    }

    pub(crate) fn guild_mut(&mut self, id: GuildId) -> Result<&mut Guild, ApiError> {
        self.guilds.get_mut(&id).ok_or_else(ApiError::unknown_guild)
    }

    pub(crate) fn channel(&self, id: ChannelId) -> Result<&Channel, ApiError> {
        self.channels.get(&id).ok_or_else(ApiError::unknown_channel)
    }

    pub(crate) fn channel_mut(&mut self, id: ChannelId) -> Result<&mut Channel, ApiError> {
        self.channels.get_mut(&id).ok_or_else(ApiError::unknown_channel)
    }

    /// A message of that channel that everybody in it can see. Ephemeral ones are unknown to the channel routes.
    pub(crate) fn message(&self, channel: ChannelId, id: MessageId) -> Result<&Message, ApiError> {
        self.messages
            .get(&id)
            .filter(|message| message.channel == channel && message.only_for.is_none())
            .ok_or_else(ApiError::unknown_message)
    }

    pub(crate) fn application(&self, id: ApplicationId) -> Result<&Application, ApiError> {
        self.applications.get(&id).ok_or_else(ApiError::unknown_application)
    }

    pub(crate) fn bot_of(&self, id: ApplicationId) -> UserId {
        self.applications.get(&id).map_or(UserId(id.0), |application| application.bot)
    }

    /// What a member may do in the whole guild.
    pub(crate) fn guild_permissions(&self, guild: GuildId, user: UserId) -> Permissions {
        let Some(guild) = self.guilds.get(&guild) else { return Permissions::NONE };
        let Some(member) = guild.members.get(&user) else { return Permissions::NONE };
        if guild.owner == user {
            return Permissions::ALL;
        }
        let everyone = RoleId(guild.id.0);
        let bits = guild
            .roles
            .values()
            .filter(|role| role.id == everyone || member.roles.contains(&role.id))
            .fold(Permissions::NONE, |bits, role| bits | role.permissions);
        if bits.contains(Permissions::ADMINISTRATOR) { Permissions::ALL } else { bits }
    }

    /// What a user may do in a channel: Discord's order of overwrites (everyone, roles, member). A thread follows
    /// its parent, and a private thread is seen only by its members and by those who manage threads.
    pub(crate) fn permissions(&self, channel: ChannelId, user: UserId) -> Permissions {
        let Some(channel) = self.channels.get(&channel) else { return Permissions::NONE };
        let Some(guild_id) = channel.guild else {
            let inside = channel.recipients.contains(&user);
            return if inside { Permissions::EVERYONE } else { Permissions::NONE };
        };
        let base = self.guild_permissions(guild_id, user);
        if base == Permissions::ALL || base == Permissions::NONE {
            return base;
        }
        if let Some(thread) = &channel.thread {
            let Some(parent) = channel.parent else { return Permissions::NONE };
            let bits = self.permissions(parent, user);
            let hidden = channel.is_private_thread()
                && !thread.members.contains_key(&user)
                && !bits.contains(Permissions::MANAGE_THREADS);
            return if hidden { Permissions::NONE } else { bits };
        }
        let roles = self.guilds.get(&guild_id).and_then(|guild| guild.members.get(&user)).map(|m| &m.roles);
        let bits = channel.apply_overwrites(base, RoleId(guild_id.0), roles.map_or(&[], Vec::as_slice), user);
        if bits.contains(Permissions::VIEW_CHANNEL) { bits } else { Permissions::NONE }
    }

    pub(crate) fn can_see(&self, channel: ChannelId, user: UserId) -> bool {
        self.permissions(channel, user).contains(Permissions::VIEW_CHANNEL)
    }

    /// Refuses with 50001 what cannot be seen and with 50013 what may not be done.
    pub(crate) fn require(
        &self,
        channel: ChannelId,
        user: UserId,
        need: Permissions,
    ) -> Result<(), ApiError> {
        self.channel(channel)?;
        let bits = self.permissions(channel, user);
        if !bits.contains(Permissions::VIEW_CHANNEL) {
            return Err(ApiError::missing_access());
        }
        if bits.contains(need) { Ok(()) } else { Err(ApiError::missing_permissions()) }
    }

    pub(crate) fn require_guild(
        &self,
        guild: GuildId,
        user: UserId,
        need: Permissions,
    ) -> Result<(), ApiError> {
        if !self.guild(guild)?.members.contains_key(&user) {
            // A guild the bot is not in looks the same as one that does not exist, but for its code.
            return Err(ApiError::missing_access());
        }
        let enough = self.guild_permissions(guild, user).contains(need);
        if enough { Ok(()) } else { Err(ApiError::missing_permissions()) }
    }

    pub(crate) fn member(&self, guild: GuildId, user: UserId) -> Result<&Member, ApiError> {
        self.user(user)?;
        self.guild(guild)?.members.get(&user).ok_or_else(ApiError::unknown_member)
    }

    pub(crate) fn member_json(&self, guild: GuildId, user: UserId) -> Value {
        let Some(member) = self.guilds.get(&guild).and_then(|guild| guild.members.get(&user)) else {
            return Value::Null;
        };
        let mut json = member.json();
        json["user"] = self.user_json(user);
        json
    }

    pub(crate) fn application_by_token(&self, token: &str) -> Option<ApplicationId> {
        self.applications.values().find(|application| application.token == token).map(|found| found.id)
    }
}
