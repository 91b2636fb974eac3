//! The messages of a guild that are kept to know what was edited or deleted.

use std::{collections::VecDeque, mem::size_of};

use guildhall_core::guild::{ChannelId, Message, MessageId, Person, RoleId, UserId, made_at};

use crate::wire;

/// Discord allows ten files a message.
const MOST_FILES: usize = 10;

/// The messages, by id, which is by time.
#[derive(Debug, Default)]
pub(crate) struct Messages(VecDeque<KnownMessage>);

#[derive(Debug)]
struct KnownMessage {
    id: u64,
    channel: u64,
    author: u64,
    username: Box<str>,
    /// What people see, where it is not the same.
    name: Option<Box<str>>,
    roles: Box<[u64]>,
    content: Box<str>,
    attachments: Box<[Box<str>]>,
    bot: bool,
}

impl KnownMessage {
    fn of(message: &Message) -> Self {
        let author = &message.author;
        Self {
            id: message.id.0,
            channel: message.channel.0,
            author: author.user.0,
            username: author.username.as_str().into(),
            name: (author.name != author.username).then(|| author.name.as_str().into()),
            roles: message.roles.iter().map(|role| role.0).collect(),
            content: message.content.as_str().into(),
            attachments: message.attachments.iter().map(|url| url.as_str().into()).collect(),
            bot: author.bot,
        }
    }

    fn message(&self) -> Message {
        let name = self.name.as_ref().unwrap_or(&self.username);
        Message {
            id: MessageId(self.id),
            channel: ChannelId(self.channel),
            author: Person {
                user: UserId(self.author),
                username: self.username.to_string(),
                name: name.to_string(),
                bot: self.bot,
            },
            roles: self.roles.iter().copied().map(RoleId).collect(),
            content: self.content.to_string(),
            attachments: self.attachments.iter().map(ToString::to_string).collect(),
            at: made_at(self.id),
        }
    }

    fn bytes(&self) -> usize {
        self.username.len()
            + self.name.as_ref().map_or(0, |name| name.len())
            + self.roles.len() * size_of::<u64>()
            + self.content.len()
            + self.attachments.iter().map(|url| url.len() + size_of::<Box<str>>()).sum::<usize>()
    }
}

impl Messages {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn clear(&mut self) {
        self.0 = VecDeque::new();
    }

    fn find(&self, message: u64) -> Result<usize, usize> {
        self.0.binary_search_by_key(&message, |known| known.id)
    }

    pub(crate) fn get(&self, message: u64) -> Option<Message> {
        self.find(message).ok().map(|at| self.0[at].message())
    }

    pub(crate) fn put(&mut self, message: &Message) {
        let known = KnownMessage::of(message);
        match self.find(known.id) {
            Ok(at) => self.0[at] = known,
            Err(at) => self.0.insert(at, known),
        }
    }

    pub(crate) fn remove(&mut self, message: u64) -> Option<Message> {
        let at = self.find(message).ok()?;
        self.0.remove(at).map(|known| known.message())
    }

    pub(crate) fn forget_oldest(&mut self) {
        self.0.pop_front();
    }

    pub(crate) fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<KnownMessage>() + self.0.iter().map(KnownMessage::bytes).sum::<usize>()
    }
}

/// A message as Discord tells it; `None` without an author.
pub(crate) fn message_of(message: &wire::Message<'_>) -> Option<Message> {
    let author = message.author.as_ref()?;
    let nick = message.member.as_ref().and_then(|member| member.nick.as_ref());
    let roles = message.member.as_ref().map(|member| member.roles.as_slice()).unwrap_or_default();
    let files = message.attachments.iter().take(MOST_FILES);
    let mut author = person_of(author, nick);
    author.bot |= message.webhook_id.is_some();
    Some(Message {
        id: MessageId(message.id.0),
        channel: ChannelId(message.channel_id.0),
        author,
        roles: roles.iter().map(|role| RoleId(role.0)).collect(),
        content: message.content.as_ref().map(wire::Text::owned).unwrap_or_default(),
        attachments: files.map(|file| file.url.owned()).collect(),
        at: message.timestamp.as_ref().and_then(wire::Text::moment).unwrap_or_else(|| made_at(message.id.0)),
    })
}

/// A person as Discord tells it, with a nickname if they have one here.
pub(crate) fn person_of(user: &wire::User<'_>, nick: Option<&wire::Text<'_>>) -> Person {
    Person {
        user: UserId(user.id.0),
        username: user.username.owned(),
        name: nick.map_or(user.shown(), |nick| &nick.0).to_owned(),
        bot: user.bot,
    }
}
