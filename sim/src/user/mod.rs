//! Acting as a person: running commands, pressing buttons, filling in forms, reading what that person sees.

mod error;
pub(crate) mod form;
mod handle;
mod member;
mod place;
mod rules;
mod slash;
mod writing;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

pub use error::{ActError, TimedOut};
pub use form::{Field, Modal};
pub use handle::{Answer, Choice, InteractionHandle};
pub use member::Member;
pub use place::Place;

use crate::id::{ChannelId, GuildId, UserId};
use crate::shared::Shared;
use crate::world::World;
use crate::world::account::LOCALES;
use crate::world::channel::{Channel, kind};

/// A channel or thread as a user sees it.
#[derive(Clone, Debug, Serialize)]
pub struct ChannelView {
    /// Its id.
    pub id: ChannelId,
    /// Its name; for direct messages the other's name.
    pub name: String,
    /// Discord's channel type: 0 text, 1 direct message, 4 category, 11 public thread, 12 private thread.
    pub kind: u8,
    /// Its guild; none for direct messages.
    pub guild: Option<GuildId>,
    /// The category, or for a thread the channel it belongs to.
    pub parent: Option<ChannelId>,
    /// For a thread: whether it is archived.
    pub archived: bool,
    /// For a thread: whether it is locked.
    pub locked: bool,
}

/// A person in the stand-in. Cheap to clone.
#[derive(Clone)]
pub struct User {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: UserId,
}

impl User {
    /// The user's id.
    pub fn id(&self) -> UserId {
        self.id
    }

    /// The user's name.
    pub fn name(&self) -> String {
        self.shared.read(|world| world.users.get(&self.id).map(|user| user.name.clone()).unwrap_or_default())
    }

    /// The user looking at a channel, thread or direct-message channel.
    pub fn in_channel(&self, channel: ChannelId) -> Place {
        Place { user: self.clone(), channel }
    }

    /// The direct-message channel with another user, for example a bot.
    pub fn direct(&self, other: UserId) -> Place {
        let channel = self.shared.write(|world| world.direct_channel(self.id, other));
        self.in_channel(channel)
    }

    /// The direct-message channels the user has, each as a place to read and press in.
    pub fn inbox(&self) -> Vec<Place> {
        let direct = self.channels().into_iter().filter(|channel| channel.kind == kind::DM);
        direct.map(|channel| self.in_channel(channel.id)).collect()
    }

    /// The user as a member of a guild: joining voice, moderating by hand, leaving.
    pub fn in_guild(&self, guild: GuildId) -> Member {
        Member { user: self.clone(), guild }
    }

    /// Joins a guild by an invite's code.
    pub fn join_by(&self, code: &str) -> Result<GuildId, ActError> {
        Ok(self.shared.write(|world| world.accept_invite(code, self.id))?)
    }

    /// The language the user reads Discord in.
    pub fn locale(&self) -> String {
        self.shared
            .read(|world| world.users.get(&self.id).map(|user| user.locale.clone()).unwrap_or_default())
    }

    /// Changes the language, to one of those Discord offers: `de`, `en-US`, ...
    pub fn set_locale(&self, locale: &str) -> Result<(), ActError> {
        if !LOCALES.contains(&locale) {
            let why = format!("{locale} is none of {}", LOCALES.join(", "));
            return Err(ActError::BadValue { what: "locale".into(), why });
        }
        self.shared.write(|world| {
            if let Some(user) = world.users.get_mut(&self.id) {
                user.locale = locale.into();
            }
        });
        Ok(())
    }

    /// Lets direct messages in, or keeps them out: who writes then gets 50007.
    pub fn take_direct_messages(&self, open: bool) {
        self.shared.write(|world| {
            if let Some(user) = world.users.get_mut(&self.id) {
                user.takes_direct_messages = open;
            }
        });
    }

    /// Gives the user Nitro, or takes it: with it a message has 4,000 characters at most, without it 2,000
    /// (<https://support.discord.com/hc/en-us/articles/115000435108>).
    pub fn set_nitro(&self, nitro: bool) {
        self.shared.write(|world| {
            if let Some(user) = world.users.get_mut(&self.id) {
                user.nitro = nitro;
            }
        });
    }

    /// Every channel and thread the user can see, archived threads included, in the order they were made.
    pub fn channels(&self) -> Vec<ChannelView> {
        self.shared.read(|world| {
            let seen = world.channels.values().filter(|channel| world.can_see(channel.id, self.id));
            seen.map(|channel| view(world, channel, self.id)).collect()
        })
    }

    /// The threads of a channel that the user can see.
    pub fn threads(&self, channel: ChannelId) -> Vec<ChannelView> {
        let mut channels = self.channels();
        channels.retain(|view| view.parent == Some(channel) && (10..=12).contains(&view.kind));
        channels
    }

    /// Waits until `find` finds something among the channels and threads the user sees.
    pub async fn wait_for_channel<T>(
        &self,
        within: Duration,
        mut find: impl FnMut(&[ChannelView]) -> Option<T>,
    ) -> Result<T, TimedOut> {
        self.wait(
            within,
            || find(&self.channels()),
            || {
                let names: Vec<String> = self.channels().into_iter().map(|view| view.name).collect();
                format!("channels {}", names.join(", "))
            },
        )
        .await
    }

    pub(crate) async fn wait<T>(
        &self,
        within: Duration,
        mut look: impl FnMut() -> Option<T>,
        seen: impl Fn() -> String,
    ) -> Result<T, TimedOut> {
        let mut changes = self.shared.changes();
        let search = async {
            loop {
                changes.mark_unchanged();
                if let Some(found) = look() {
                    return Some(found);
                }
                if changes.changed().await.is_err() {
                    return None;
                }
            }
        };
        match tokio::time::timeout(within, search).await {
            Ok(Some(found)) => Ok(found),
            _ => Err(TimedOut { within, user: self.name(), seen: seen() }),
        }
    }
}

fn view(world: &World, channel: &Channel, user: UserId) -> ChannelView {
    let other = channel.recipients.iter().find(|other| **other != user);
    let name = match other.and_then(|other| world.users.get(other)) {
        Some(other) => other.name.clone(),
        None => channel.name.clone(),
    };
    let thread = channel.thread.as_ref();
    ChannelView {
        id: channel.id,
        name,
        kind: channel.kind,
        guild: channel.guild,
        parent: channel.parent,
        archived: thread.is_some_and(|thread| thread.archived),
        locked: thread.is_some_and(|thread| thread.locked),
    }
}
