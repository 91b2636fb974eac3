//! One guild in memory.

use std::{collections::HashMap, mem::size_of};

use guildhall_core::guild::{Guild, GuildMember, UserId};

use super::{
    channel::Channels,
    member::{KnownMember, Members},
    message::Messages,
    role::Roles,
};
use crate::wire;

/// People in voice channels that are remembered of one guild.
const MOST_VOICES: usize = 10_000;

/// One guild.
#[derive(Debug)]
pub(crate) struct KnownGuild {
    pub(crate) id: u64,
    /// Whether the gateway tells of every change. Not so during an outage, and from the beginning of a new
    /// session until the guild is told again.
    pub(crate) fed: bool,
    pub(crate) name: Box<str>,
    pub(crate) owner: u64,
    locale: &'static str,
    pub(crate) roles: Roles,
    pub(crate) channels: Channels,
    pub(crate) members: Members,
    pub(crate) messages: Messages,
    /// Who is in which voice channel.
    pub(crate) voices: HashMap<u64, u64>,
    /// How often somebody changed, so that an answer of the REST interface that was on its way meanwhile is
    /// not taken for the latest.
    pub(crate) changes: u64,
}

impl KnownGuild {
    /// A guild of which nothing is known but that it is there.
    pub(crate) fn empty(id: u64) -> Self {
        Self {
            id,
            fed: false,
            name: Box::default(),
            owner: 0,
            locale: locale(""),
            roles: Roles::default(),
            channels: Channels::default(),
            members: Members::default(),
            messages: Messages::default(),
            voices: HashMap::new(),
            changes: 0,
        }
    }

    /// A guild as the gateway tells it.
    pub(crate) fn told(guild: &wire::Guild<'_>, me: Option<u64>) -> Self {
        let mut known = Self::empty(guild.id.0);
        known.fed = true;
        known.renamed(guild);
        known.roles = guild.roles.iter().collect();
        known.channels = guild.channels.iter().chain(&guild.threads).collect();
        known.members.protect(me);
        // Of everybody else Discord names some, and nobody has asked for them yet.
        for member in &guild.members {
            if let Some(user) = member.user.as_ref().filter(|user| Some(user.id.0) == me) {
                known.members.put(KnownMember::told(user, member));
            }
        }
        for voice in &guild.voice_states {
            known.voice(voice.user_id.0, voice.channel_id.map(|channel| channel.0));
        }
        known
    }

    /// Takes over what a change of the guild itself tells.
    pub(crate) fn renamed(&mut self, guild: &wire::Guild<'_>) {
        self.name = guild.name.0.as_ref().into();
        self.owner = guild.owner_id.0;
        self.locale = locale(&guild.preferred_locale.0);
    }

    /// Takes over where somebody is, and says where they were.
    pub(crate) fn voice(&mut self, user: u64, channel: Option<u64>) -> Option<u64> {
        match channel {
            None => {
                let before = self.voices.remove(&user);
                if self.voices.is_empty() {
                    self.voices.shrink_to_fit();
                }
                before
            }
            Some(_) if self.voices.len() >= MOST_VOICES && !self.voices.contains_key(&user) => None,
            Some(channel) => self.voices.insert(user, channel),
        }
    }

    /// The guild for everybody else.
    pub(crate) fn guild(&self) -> Guild {
        Guild {
            id: self.id,
            name: self.name.to_string(),
            owner: UserId(self.owner),
            locale: self.locale.to_owned(),
            roles: self.roles.sorted(self.id),
            channels: self.channels.without_threads(),
        }
    }

    /// A member, if what is known can be relied on.
    pub(crate) fn member(&mut self, user: u64) -> Option<GuildMember> {
        self.members.see(user).filter(|member| !member.is_stale()).map(KnownMember::member)
    }

    /// Bytes of all of it.
    pub(crate) fn bytes(&self) -> usize {
        let voices = self.voices.capacity() * (size_of::<(u64, u64)>() + 1);
        size_of::<Self>()
            + self.name.len()
            + self.roles.bytes()
            + self.channels.bytes()
            + self.members.bytes()
            + self.messages.bytes()
            + voices
    }
}

/// Discord's name of a language, kept once for all guilds
/// (<https://discord.com/developers/docs/reference#locales>). One that is new is English until it is known.
fn locale(name: &str) -> &'static str {
    const LOCALES: [&str; 33] = [
        "en-US", "en-GB", "de", "fr", "es-ES", "es-419", "pt-BR", "it", "nl", "pl", "ru", "tr", "ja", "ko",
        "zh-CN", "zh-TW", "id", "da", "fi", "no", "sv-SE", "hu", "ro", "cs", "uk", "bg", "el", "hr", "lt",
        "vi", "hi", "th", "ar",
    ];
    LOCALES.iter().find(|known| **known == name).copied().unwrap_or("en-US")
}
