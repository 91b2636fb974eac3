//! A user in a channel, writing: messages, edits, deletions, reactions, threads.

use time::Duration;

use super::{ActError, Place};
use crate::id::{ChannelId, MessageId, UserId};
use crate::permission::Permissions;
use crate::rest::reaction;
use crate::validate::message::AllowedMentions;
use crate::world::World;
use crate::world::channel::kind;
use crate::world::message::Message;
use crate::world::rights::By;

/// Characters of a message a person writes, and of one by somebody with Nitro.
const LONGEST: usize = 2_000;
const LONGEST_NITRO: usize = 4_000;

/// Discord's code for a user who lets no messages in.
const CLOSED_DOOR: u64 = 50_007;

/// Those with any of these are not slowed down.
const NOT_SLOWED: Permissions = Permissions(
    Permissions::MANAGE_MESSAGES.0 | Permissions::MANAGE_CHANNELS.0 | Permissions::BYPASS_SLOWMODE.0,
);

impl Place {
    /// Writes a message. Writing in an archived thread wakes it, unless it is locked.
    pub fn send_message(&self, content: &str) -> Result<MessageId, ActError> {
        self.write(content, None)
    }

    /// Answers a message.
    pub fn reply(&self, to: MessageId, content: &str) -> Result<MessageId, ActError> {
        self.seen(to)?;
        self.write(content, Some(to))
    }

    fn write(&self, content: &str, reply_to: Option<MessageId>) -> Result<MessageId, ActError> {
        let (channel, user) = (self.channel, self.user.id);
        self.check_length(content)?;
        self.user.shared.write(|world| {
            if !world.can_see(channel, user) {
                return Err(ActError::CannotSee("channel"));
            }
            // Whatever keeps the user from writing here, the message box is grey; only a closed door has words of its own.
            world.require_writing(channel, user).map_err(|error| match error.code {
                CLOSED_DOOR => ActError::from(error),
                _ => ActError::NotAllowed,
            })?;
            slow_down(world, channel, user)?;
            let mut message = Message::new(MessageId(world.next_id()), channel, user, world.now());
            message.content = content.into();
            world.resolve_mentions(&mut message, &AllowedMentions::default());
            if let Some(replied) = reply_to {
                message.kind = 19;
                message.reference = Some((channel, replied));
                let author = world.messages.get(&replied).map(|replied| replied.author);
                message.mentions.extend(author.filter(|author| !message.mentions.contains(author)));
            }
            Ok(world.post(message))
        })
    }

    fn check_length(&self, content: &str) -> Result<(), ActError> {
        let nitro = |world: &World| world.users.get(&self.user.id).is_some_and(|user| user.nitro);
        let longest = if self.user.shared.read(nitro) { LONGEST_NITRO } else { LONGEST };
        let length = content.chars().count();
        if (1..=longest).contains(&length) {
            return Ok(());
        }
        let why = format!("a message has 1 to {longest} characters");
        Err(ActError::BadValue { what: "message".into(), why })
    }

    /// Changes what the user wrote.
    pub fn edit_message(&self, id: MessageId, content: &str) -> Result<(), ActError> {
        self.check_length(content)?;
        if self.seen(id)?.author != self.user.id {
            return Err(ActError::NotAllowed);
        }
        self.user.shared.write(|world| {
            world.refuse_archived(self.channel)?;
            let now = world.now();
            let Some(mut message) = world.messages.get(&id).cloned() else {
                return Err(ActError::CannotSee("message"));
            };
            message.content = content.into();
            message.edited_at = Some(now);
            world.resolve_mentions(&mut message, &AllowedMentions::default());
            world.messages.insert(id, message);
            world.changed_message(id);
            Ok(())
        })
    }

    /// Deletes a message: an own one, or with the permission anybody's. An ephemeral one is dismissed.
    pub fn delete_message(&self, id: MessageId) -> Result<(), ActError> {
        let message = self.seen(id)?;
        self.user.shared.write(|world| {
            if message.is_ephemeral() {
                world.remove_message(id);
                return Ok(());
            }
            let by = By { user: self.user.id, reason: None };
            Ok(world.delete_message(self.channel, id, by)?)
        })
    }

    /// Deletes 2 to 100 messages at once, with the permission, none older than 14 days.
    pub fn delete_messages(&self, ids: &[MessageId]) -> Result<(), ActError> {
        let by = By { user: self.user.id, reason: None };
        Ok(self.user.shared.write(|world| world.bulk_delete(self.channel, ids, by))?)
    }

    /// Starts a thread here; a private one is seen by its members and by those who manage threads.
    pub fn start_thread(&self, name: &str, private: bool) -> Result<ChannelId, ActError> {
        let (channel, user) = (self.channel, self.user.id);
        let need =
            if private { Permissions::CREATE_PRIVATE_THREADS } else { Permissions::CREATE_PUBLIC_THREADS };
        let sort = if private { kind::PRIVATE_THREAD } else { kind::PUBLIC_THREAD };
        self.user.shared.write(|world| {
            world.require(channel, user, need)?;
            let thread = world.add_thread(channel, sort, name, user, None).ok_or(ActError::NotAllowed)?;
            world.announce_thread(thread, By { user, reason: None });
            Ok(thread)
        })
    }

    /// Takes the user out of the thread this is.
    pub fn leave_thread(&self) -> bool {
        self.user.shared.write(|world| world.change_thread_member(self.channel, self.user.id, false))
    }

    /// Reacts to a message with an emoji.
    pub fn react(&self, message: MessageId, emoji: &str) -> Result<(), ActError> {
        self.seen(message)?;
        self.user.shared.write(|world| {
            let may = world.permissions(self.channel, self.user.id).contains(Permissions::ADD_REACTIONS);
            if !may {
                return Err(ActError::NotAllowed);
            }
            reaction::react(world, message, emoji, self.user.id);
            Ok(())
        })
    }
}

/// Under a slow mode everybody waits between two messages, but for those who keep order.
fn slow_down(world: &mut World, channel: ChannelId, user: UserId) -> Result<(), ActError> {
    let exempt = world.permissions(channel, user).intersects(NOT_SLOWED);
    let now = world.now();
    let Ok(place) = world.channel_mut(channel) else { return Ok(()) };
    if place.rate_limit_per_user == 0 || exempt {
        return Ok(());
    }
    let wait = Duration::seconds(place.rate_limit_per_user);
    let again = place.wrote.get(&user).map(|last| *last + wait).filter(|again| *again > now);
    if let Some(left) = again.and_then(|again| (again - now).try_into().ok()) {
        return Err(ActError::SlowMode(left));
    }
    // Who wrote longer ago than the slow mode lasts need not be remembered.
    place.wrote.retain(|_, last| *last + wait > now);
    place.wrote.insert(user, now);
    Ok(())
}
