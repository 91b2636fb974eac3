//! Messages: what the world keeps of one, how the REST API and the gateway write it, and its changes.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::World;
use super::member::Member;
use super::text;
use crate::clock::timestamp;
use crate::gateway::event::{Event, intent};
use crate::id::{ApplicationId, AttachmentId, ChannelId, GuildId, MessageId, RoleId, UserId};
use crate::permission::Permissions;
use crate::validate::message::AllowedMentions;

/// Message flags the stand-in knows.
pub mod flag {
    /// Embeds are not shown.
    pub const SUPPRESS_EMBEDS: u64 = 1 << 2;
    /// A thread hangs on the message.
    pub const HAS_THREAD: u64 = 1 << 5;
    /// Only the user who caused it sees the message.
    pub const EPHEMERAL: u64 = 1 << 6;
    /// “The application is thinking”: a deferred answer that has not come yet.
    pub const LOADING: u64 = 1 << 7;
    /// No push notification.
    pub const SUPPRESS_NOTIFICATIONS: u64 = 1 << 12;
    /// The message consists of components only.
    pub const IS_COMPONENTS_V2: u64 = 1 << 15;
}

/// A message as one user sees it.
#[derive(Clone, Debug, Serialize)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// The channel, thread or direct-message channel it is in.
    pub channel: ChannelId,
    /// Who wrote it.
    pub author: UserId,
    /// The writer's name.
    pub author_name: String,
    /// Whether a bot wrote it.
    pub by_bot: bool,
    /// Discord's message type: 0 plain, 18 thread created, 19 reply, 20 slash command, 23 context menu command.
    pub kind: u8,
    /// The text; empty when the message consists of components.
    pub content: String,
    /// Embeds as Discord writes them.
    pub embeds: Vec<Value>,
    /// Components as Discord writes them, nested.
    pub components: Vec<Value>,
    /// Files.
    pub attachments: Vec<Attachment>,
    /// Message flags, see [`flag`].
    pub flags: u64,
    /// When it was sent.
    #[serde(with = "time::serde::rfc3339")]
    pub sent_at: OffsetDateTime,
    /// When it was last edited.
    #[serde(with = "time::serde::rfc3339::option")]
    pub edited_at: Option<OffsetDateTime>,
    /// For an ephemeral message: the only user who sees it.
    pub only_for: Option<UserId>,
    /// Users that are notified, after `allowed_mentions`.
    pub mentions: Vec<UserId>,
    /// Roles that are notified, after `allowed_mentions`.
    pub mention_roles: Vec<RoleId>,
    /// Whether everybody is notified.
    pub mention_everyone: bool,
    /// Whether it is pinned.
    pub pinned: bool,
    /// Reactions: emoji and the users who gave it.
    pub reactions: Vec<(String, Vec<UserId>)>,
    /// The thread that was started from it.
    pub thread: Option<ChannelId>,
    /// Whether this is Discord's own notice to the user that the application did not answer.
    pub notice: bool,
    /// The application whose interaction made it.
    pub application: Option<ApplicationId>,
    #[serde(skip)]
    pub(crate) tts: bool,
    #[serde(skip)]
    pub(crate) nonce: Option<Value>,
    #[serde(skip)]
    pub(crate) reference: Option<(ChannelId, MessageId)>,
    #[serde(skip)]
    pub(crate) interaction_metadata: Option<Value>,
}

/// A file of a message.
#[derive(Clone, Debug, Serialize)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// Its file name.
    pub filename: String,
    /// Its length in bytes.
    pub size: usize,
    /// Its media type, as the sender gave it.
    pub content_type: Option<String>,
    /// The text for those who cannot see it.
    pub description: Option<String>,
    /// Where to fetch it from the stand-in.
    pub url: String,
}

impl Attachment {
    fn json(&self) -> Value {
        let mut json = json!({
            "id": self.id, "filename": self.filename, "size": self.size, "url": self.url, "proxy_url": self.url,
        });
        if let Some(kind) = &self.content_type {
            json["content_type"] = json!(kind);
        }
        if let Some(description) = &self.description {
            json["description"] = json!(description);
        }
        json
    }
}

/// A button as a user sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Button {
    /// What is written on it; the emoji's name when there is no label.
    pub label: String,
    /// What the application gets when it is pressed; none on link buttons.
    pub custom_id: Option<String>,
    /// Where a link button leads.
    pub url: Option<String>,
    /// Greyed out.
    pub disabled: bool,
    /// 1 primary, 2 secondary, 3 success, 4 danger, 5 link.
    pub style: u64,
}

impl Message {
    pub(crate) fn new(id: MessageId, channel: ChannelId, author: UserId, sent_at: OffsetDateTime) -> Self {
        Self {
            id,
            channel,
            author,
            author_name: String::new(),
            by_bot: false,
            kind: 0,
            content: String::new(),
            embeds: Vec::new(),
            components: Vec::new(),
            attachments: Vec::new(),
            flags: 0,
            sent_at,
            edited_at: None,
            only_for: None,
            mentions: Vec::new(),
            mention_roles: Vec::new(),
            mention_everyone: false,
            pinned: false,
            reactions: Vec::new(),
            thread: None,
            notice: false,
            application: None,
            tts: false,
            nonce: None,
            reference: None,
            interaction_metadata: None,
        }
    }

    /// Whether only one user sees it.
    pub fn is_ephemeral(&self) -> bool {
        self.only_for.is_some()
    }

    /// Whether it still says that the application is thinking.
    pub fn is_loading(&self) -> bool {
        self.flags & flag::LOADING != 0
    }

    /// Everything readable in it, top to bottom, one piece a line: content, text displays, embed titles, fields
    /// and texts, media descriptions, file names. Buttons and menus are not text: see [`Message::buttons`].
    pub fn text(&self) -> String {
        text::of_message(self)
    }

    /// Every button in it, in reading order.
    pub fn buttons(&self) -> Vec<Button> {
        let mut buttons = Vec::new();
        text::walk(&self.components, &mut |component| {
            if component["type"] == 2 {
                let label = component["label"].as_str().or(component["emoji"]["name"].as_str());
                buttons.push(Button {
                    label: label.unwrap_or_default().into(),
                    custom_id: component["custom_id"].as_str().map(Into::into),
                    url: component["url"].as_str().map(Into::into),
                    disabled: component["disabled"] == true,
                    style: component["style"].as_u64().unwrap_or(1),
                });
            }
        });
        buttons
    }

    /// The interactive component of that custom id, as Discord writes it.
    pub fn component(&self, custom_id: &str) -> Option<Value> {
        let mut found = None;
        text::walk(&self.components, &mut |component| {
            if component["custom_id"] == custom_id {
                found.get_or_insert_with(|| component.clone());
            }
        });
        found
    }
}

impl World {
    /// The message object of the REST API, with `reactions` counted for `viewer`.
    pub(crate) fn message_json(&self, message: &Message, viewer: UserId) -> Value {
        let mut json = json!({
            "id": message.id, "channel_id": message.channel, "type": message.kind, "content": message.content,
            "author": self.user_json(message.author), "embeds": message.embeds,
            "components": message.components,
            "attachments": message.attachments.iter().map(Attachment::json).collect::<Vec<_>>(),
            "flags": message.flags, "timestamp": timestamp(message.sent_at),
            "edited_timestamp": message.edited_at.map(timestamp),
            "mentions": message.mentions.iter().map(|user| self.user_json(*user)).collect::<Vec<_>>(),
            "mention_roles": message.mention_roles, "mention_everyone": message.mention_everyone,
            "pinned": message.pinned, "tts": message.tts,
        });
        let Some(object) = json.as_object_mut() else { return json };
        self.message_optionals(message, viewer, object);
        json
    }

    fn message_optionals(&self, message: &Message, viewer: UserId, object: &mut Map<String, Value>) {
        if let Some(nonce) = &message.nonce {
            object.insert("nonce".into(), nonce.clone());
        }
        if let Some(application) = message.application {
            object.insert("application_id".into(), json!(application));
            object.insert("webhook_id".into(), json!(application));
        }
        if let Some(metadata) = &message.interaction_metadata {
            object.insert("interaction_metadata".into(), metadata.clone());
        }
        if let Some((channel, id)) = message.reference {
            let guild = self.channels.get(&channel).and_then(|channel| channel.guild);
            let mut reference = json!({"type": 0, "channel_id": channel, "message_id": id});
            if let Some(guild) = guild {
                reference["guild_id"] = json!(guild);
            }
            object.insert("message_reference".into(), reference);
            let referenced = self.messages.get(&id).map(|other| {
                // One level only, as Discord does.
                let flat = Message { reference: None, reactions: Vec::new(), ..other.clone() };
                self.message_json(&flat, viewer)
            });
            object.insert("referenced_message".into(), referenced.unwrap_or(Value::Null));
        }
        if let Some(thread) = message.thread.and_then(|id| self.channels.get(&id)) {
            object.insert("thread".into(), thread.json());
        }
        if !message.reactions.is_empty() {
            let reactions = message.reactions.iter().map(|(emoji, users)| {
                json!({
                    "emoji": emoji_json(emoji), "count": users.len(),
                    "count_details": {"burst": 0, "normal": users.len()}, "burst_colors": [],
                    "me_burst": false, "me": users.contains(&viewer),
                })
            });
            object.insert("reactions".into(), reactions.collect());
        }
    }

    /// Whom the texts of the message notify, cut down by `allowed_mentions`.
    pub(crate) fn resolve_mentions(&self, message: &mut Message, allowed: &AllowedMentions) {
        let mut read = message.content.clone();
        text::walk(&message.components, &mut |component| {
            if component["type"] == 10 {
                read.push('\n');
                read.push_str(component["content"].as_str().unwrap_or_default());
            }
        });
        let guild = self.channels.get(&message.channel).and_then(|channel| channel.guild);
        let loud = self.permissions(message.channel, message.author).contains(Permissions::MENTION_EVERYONE);
        message.mentions = text::marked(&read, "@")
            .filter_map(|id| id.trim_start_matches('!').parse().ok())
            .filter(|id| self.users.contains_key(id) && (allowed.all_users || allowed.users.contains(id)))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        message.mention_roles = text::marked(&read, "@&")
            .filter_map(|id| id.parse().ok())
            .filter(|id| allowed.all_roles || allowed.roles.contains(id))
            .filter(|id| {
                let role = guild.and_then(|guild| self.guilds.get(&guild)).and_then(|g| g.roles.get(id));
                role.is_some_and(|role| loud || role.mentionable)
            })
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let everyone = read.contains("@everyone") || read.contains("@here");
        message.mention_everyone = everyone && allowed.everyone && loud;
    }

    pub(super) fn message_event(&mut self, name: &'static str, id: MessageId) {
        let Some(message) = self.messages.get(&id) else { return };
        if message.only_for.is_some() {
            return;
        }
        let event = self.event_of_message(name, message);
        self.emit(&event);
    }

    /// Tells of a new message that no channel keeps.
    pub(crate) fn announce_message(&mut self, message: &Message) {
        let event = self.event_of_message("MESSAGE_CREATE", message);
        self.emit(&event);
    }

    fn event_of_message(&self, name: &'static str, message: &Message) -> Event {
        let channel = message.channel;
        let guild = self.channels.get(&channel).and_then(|channel| channel.guild);
        let mut data = self.message_json(message, UserId(0));
        if let Some(guild) = guild {
            data["guild_id"] = json!(guild);
            let members = self.guilds.get(&guild).map(|known| &known.members);
            let partial = |user: &UserId| members.and_then(|members| members.get(user)).map(Member::json);
            if let Some(member) = partial(&message.author) {
                data["member"] = member;
            }
            // Over the gateway those who are mentioned come with what they are in the guild.
            for (index, user) in message.mentions.iter().enumerate() {
                if let Some(member) = partial(user) {
                    data["mentions"][index]["member"] = member;
                }
            }
        }
        if let Some(channel) = self.channels.get(&channel) {
            data["channel_type"] = json!(channel.kind);
        }
        let event = self.in_channel(name, channel, guild, data);
        event.written_by(message.author, &message.mentions)
    }

    pub(crate) fn in_channel(
        &self,
        name: &'static str,
        channel: ChannelId,
        guild: Option<GuildId>,
        data: Value,
    ) -> Event {
        match guild {
            Some(guild) => Event::in_guild(name, guild, intent::GUILD_MESSAGES, data).seen_in(channel),
            None => Event::direct(name, intent::DIRECT_MESSAGES, data).seen_in(channel),
        }
    }
}

/// An emoji as it stands in a reaction route: a Unicode emoji or `name:id`.
pub(crate) fn emoji_json(emoji: &str) -> Value {
    match emoji.rsplit_once(':') {
        Some((name, id)) if id.parse::<u64>().is_ok() => json!({"id": id, "name": name}),
        _ => json!({"id": null, "name": emoji}),
    }
}
