//! Gateway events and who hears them: by guild, by application, by intent, by visibility of a channel.

use serde_json::{Value, json};

use crate::id::{ApplicationId, ChannelId, GuildId, UserId};
use crate::permission::Permissions;
use crate::world::World;

/// Intent bits, and which of them are privileged.
pub(crate) mod intent {
    pub(crate) const GUILDS: u64 = 1;
    pub(crate) const GUILD_MEMBERS: u64 = 1 << 1;
    pub(crate) const GUILD_MODERATION: u64 = 1 << 2;
    pub(crate) const GUILD_INVITES: u64 = 1 << 6;
    pub(crate) const GUILD_VOICE_STATES: u64 = 1 << 7;
    pub(crate) const GUILD_PRESENCES: u64 = 1 << 8;
    pub(crate) const GUILD_MESSAGES: u64 = 1 << 9;
    pub(crate) const GUILD_MESSAGE_REACTIONS: u64 = 1 << 10;
    pub(crate) const GUILD_MESSAGE_TYPING: u64 = 1 << 11;
    pub(crate) const DIRECT_MESSAGES: u64 = 1 << 12;
    pub(crate) const DIRECT_MESSAGE_REACTIONS: u64 = 1 << 13;
    pub(crate) const DIRECT_MESSAGE_TYPING: u64 = 1 << 14;
    pub(crate) const MESSAGE_CONTENT: u64 = 1 << 15;
    pub(crate) const PRIVILEGED: u64 = GUILD_MEMBERS | GUILD_PRESENCES | MESSAGE_CONTENT;
    /// Every bit Discord has given a meaning; others are invalid.
    pub(crate) const KNOWN: u64 = 0x1ffff | 1 << 20 | 1 << 21 | 1 << 24 | 1 << 25;
}

#[derive(Clone, Debug)]
enum Audience {
    Guild(GuildId),
    Direct,
    Application(ApplicationId),
}

/// One event before it is cut to each listener.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    name: &'static str,
    data: Value,
    audience: Audience,
    /// The intent a session needs; 0 for none.
    intent: u64,
    channel: Option<ChannelId>,
    /// The bot must have one of these in the guild (or the channel); none for no matter what.
    permission: Permissions,
    /// For an event to one application: the guild whose shard hears it.
    guild: Option<GuildId>,
    /// For messages: who wrote it and who is mentioned, which decides who may read the content.
    writer: Option<(UserId, Vec<UserId>)>,
}

impl Event {
    fn new(name: &'static str, audience: Audience, intent: u64, data: Value) -> Self {
        Self {
            name,
            data,
            audience,
            intent,
            channel: None,
            permission: Permissions::NONE,
            guild: None,
            writer: None,
        }
    }

    pub(crate) fn in_guild(name: &'static str, guild: GuildId, intent: u64, data: Value) -> Self {
        Self::new(name, Audience::Guild(guild), intent, data)
    }

    pub(crate) fn direct(name: &'static str, intent: u64, data: Value) -> Self {
        Self::new(name, Audience::Direct, intent, data)
    }

    pub(crate) fn to_application(name: &'static str, application: ApplicationId, data: Value) -> Self {
        Self::new(name, Audience::Application(application), 0, data)
    }

    pub(crate) fn seen_in(mut self, channel: ChannelId) -> Self {
        self.channel = Some(channel);
        self
    }

    /// Only bots with one of these permissions hear it.
    pub(crate) fn needing(mut self, permission: Permissions) -> Self {
        self.permission = permission;
        self
    }

    /// The guild that an event to one application is about.
    pub(crate) fn about(mut self, guild: GuildId) -> Self {
        self.guild = Some(guild);
        self
    }

    /// The intent that a session needs.
    pub(crate) fn wanting(mut self, intent: u64) -> Self {
        self.intent = intent;
        self
    }

    pub(crate) fn written_by(mut self, author: UserId, mentions: &[UserId]) -> Self {
        self.writer = Some((author, mentions.to_vec()));
        self
    }

    fn guild(&self) -> Option<GuildId> {
        match self.audience {
            Audience::Guild(guild) => Some(guild),
            Audience::Direct => None,
            Audience::Application(_) => {
                self.guild.or_else(|| self.data["guild_id"].as_str().and_then(|id| id.parse().ok()))
            }
        }
    }

    /// The event as a session with these intents gets it; none when it does not hear it.
    fn cut_for(&self, world: &World, application: ApplicationId, intents: u64) -> Option<Value> {
        let bot = world.bot_of(application);
        let inside = match self.audience {
            Audience::Application(only) => only == application,
            Audience::Guild(guild) => {
                world.guilds.get(&guild).is_some_and(|guild| guild.members.contains_key(&bot))
            }
            Audience::Direct => true,
        };
        // A bot hears of changes to its own membership whatever its intents.
        let about_itself = self.name == "GUILD_MEMBER_UPDATE" && self.data["user"]["id"] == bot.to_string();
        let wanted = self.intent == 0 || intents & self.intent != 0 || about_itself;
        let visible = self.channel.is_none_or(|channel| world.can_see(channel, bot));
        let rights = || match (self.channel, self.guild()) {
            (Some(channel), _) => world.permissions(channel, bot),
            (None, Some(guild)) => world.guild_permissions(guild, bot),
            (None, None) => Permissions::NONE,
        };
        let allowed = self.permission == Permissions::NONE || rights().intersects(self.permission);
        if !(inside && wanted && visible && allowed) {
            return None;
        }
        let mut data = self.data.clone();
        if let Some((author, mentions)) = &self.writer {
            let readable = intents & intent::MESSAGE_CONTENT != 0
                || *author == bot
                || mentions.contains(&bot)
                || matches!(self.audience, Audience::Direct);
            if !readable {
                data["content"] = json!("");
                for list in ["embeds", "attachments", "components"] {
                    data[list] = json!([]);
                }
            }
        }
        Some(data)
    }
}

impl World {
    /// Sends the event to every session that may hear it, numbered in that session's order.
    pub(crate) fn emit(&mut self, event: &Event) {
        let guild = event.guild();
        let heard: Vec<(String, Value)> = self
            .sessions
            .iter()
            .filter(|session| session.hears_guild(guild))
            .filter_map(|session| {
                event
                    .cut_for(self, session.application, session.intents)
                    .map(|data| (session.id.clone(), data))
            })
            .collect();
        for (session, data) in heard {
            self.sessions.dispatch(&session, event.name, &data);
        }
    }
}
