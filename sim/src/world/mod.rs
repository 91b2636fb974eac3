//! What exists: people, guilds, channels, messages, applications and running interactions. All of it lies
//! behind one lock; a change and the gateway events it causes happen together, so clients see them in order.

pub(crate) mod account;
pub(crate) mod application;
pub(crate) mod audit;
pub(crate) mod channel;
pub(crate) mod guild;
pub(crate) mod history;
pub(crate) mod invite;
pub(crate) mod member;
pub(crate) mod message;
pub(crate) mod moderation;
pub(crate) mod overwrite;
pub(crate) mod rights;
pub(crate) mod role;
pub(crate) mod text;
pub(crate) mod thread;
pub(crate) mod voice;
pub(crate) mod writing;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use time::OffsetDateTime;

use crate::clock::SimClock;
use crate::gateway::session::Sessions;
use crate::id::{
    ApplicationId, AttachmentId, ChannelId, CommandId, GuildId, InteractionId, MessageId, Snowflakes, UserId,
};
use crate::interaction::Interaction;
use crate::rest::error::ApiError;
use crate::rest::fault::Faults;
use crate::rest::limit::RateLimiter;
use account::Account;
use application::{Application, Command};
use channel::Channel;
use guild::Guild;
use invite::Invite;
use message::Message;

pub(crate) struct World {
    pub(crate) clock: Arc<SimClock>,
    pub(crate) base: String,
    snowflakes: Snowflakes,
    pub(crate) users: BTreeMap<UserId, Account>,
    pub(crate) guilds: BTreeMap<GuildId, Guild>,
    pub(crate) channels: BTreeMap<ChannelId, Channel>,
    pub(crate) messages: BTreeMap<MessageId, Message>,
    /// Invites by their codes.
    pub(crate) invites: BTreeMap<String, Invite>,
    pub(crate) files: BTreeMap<AttachmentId, bytes::Bytes>,
    pub(crate) applications: BTreeMap<ApplicationId, Application>,
    pub(crate) commands: BTreeMap<CommandId, Command>,
    pub(crate) interactions: BTreeMap<InteractionId, Interaction>,
    /// Interactions by their tokens.
    pub(crate) tokens: HashMap<String, InteractionId>,
    pub(crate) sessions: Sessions,
    pub(crate) limiter: RateLimiter,
    pub(crate) faults: Faults,
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
            invites: BTreeMap::new(),
            files: BTreeMap::new(),
            applications: BTreeMap::new(),
            commands: BTreeMap::new(),
            interactions: BTreeMap::new(),
            tokens: HashMap::new(),
            sessions: Sessions::default(),
            limiter,
            faults: Faults::default(),
        }
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    pub(crate) fn next_id(&mut self) -> u64 {
        self.snowflakes.next(self.clock.now())
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

    pub(crate) fn application_by_token(&self, token: &str) -> Option<ApplicationId> {
        self.applications.values().find(|application| application.token == token).map(|found| found.id)
    }
}
