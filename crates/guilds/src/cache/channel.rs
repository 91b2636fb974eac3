//! The channels and threads of a guild in memory.
//!
//! Most channels have the overwrites of their category. Equal lists are kept once.

use std::{mem::size_of, sync::Arc};

use guildhall_core::guild::{Channel, ChannelId, ChannelKind, Overwrite};

use crate::wire;

/// Far more than Discord allows (500 channels, 1,000 active threads).
const MOST: usize = 4_000;
/// Discord allows 100 overwrites a channel or a few more.
const MOST_OVERWRITES: usize = 500;

/// The channels and threads, by id.
#[derive(Debug, Default)]
pub(crate) struct Channels(Vec<KnownChannel>);

#[derive(Debug)]
struct KnownChannel {
    id: u64,
    /// The category or a thread's channel, 0 for none.
    parent: u64,
    name: Box<str>,
    /// `None` for the empty list, which threads have.
    overwrites: Option<Arc<[Overwrite]>>,
    slowmode: u32,
    kind: ChannelKind,
}

/// What kind of channel Discord's number stands for
/// (<https://discord.com/developers/docs/resources/channel#channel-object-channel-types>).
fn kind_of(number: u8) -> ChannelKind {
    match number {
        0 | 5 => ChannelKind::Text,
        2 | 13 => ChannelKind::Voice,
        4 => ChannelKind::Category,
        10..=12 => ChannelKind::Thread,
        _ => ChannelKind::Other,
    }
}

fn overwrites_of(channel: &wire::Channel<'_>) -> Vec<Overwrite> {
    let told = channel.permission_overwrites.iter().take(MOST_OVERWRITES);
    let mut overwrites: Vec<_> = told
        .map(|told| Overwrite {
            target: told.id.0,
            role: told.kind.0 == 0,
            allow: told.allow.0,
            deny: told.deny.0,
        })
        .collect();
    // Discord's order means nothing and differs from channel to channel.
    overwrites.sort_by_key(|overwrite| overwrite.target);
    overwrites
}

/// A channel as Discord tells it.
pub(crate) fn channel_of(channel: &wire::Channel<'_>) -> Channel {
    Channel {
        id: ChannelId(channel.id.0),
        name: channel.name.owned(),
        kind: kind_of(channel.kind),
        parent: channel.parent_id.map(|parent| ChannelId(parent.0)),
        slowmode: channel.rate_limit_per_user,
        overwrites: overwrites_of(channel),
    }
}

impl KnownChannel {
    fn channel(&self) -> Channel {
        Channel {
            id: ChannelId(self.id),
            name: self.name.to_string(),
            kind: self.kind,
            parent: (self.parent != 0).then_some(ChannelId(self.parent)),
            slowmode: self.slowmode,
            overwrites: self.overwrites.as_deref().unwrap_or_default().to_vec(),
        }
    }
}

impl<'a> FromIterator<&'a wire::Channel<'a>> for Channels {
    fn from_iter<T: IntoIterator<Item = &'a wire::Channel<'a>>>(channels: T) -> Self {
        let mut known = Self::default();
        let mut shared: Vec<Arc<[Overwrite]>> = Vec::new();
        for told in channels.into_iter().take(MOST) {
            let overwrites = share(overwrites_of(told), shared.iter());
            if let Some(list) = &overwrites
                && !shared.iter().any(|known| Arc::ptr_eq(known, list))
            {
                shared.push(list.clone());
            }
            known.0.push(known_of(told, overwrites));
        }
        known.0.sort_by_key(|channel| channel.id);
        known.0.dedup_by_key(|channel| channel.id);
        known.0.shrink_to_fit();
        known
    }
}

fn known_of(told: &wire::Channel<'_>, overwrites: Option<Arc<[Overwrite]>>) -> KnownChannel {
    KnownChannel {
        id: told.id.0,
        parent: told.parent_id.unwrap_or_default().0,
        name: told.name.0.as_ref().into(),
        overwrites,
        slowmode: told.rate_limit_per_user,
        kind: kind_of(told.kind),
    }
}

fn share<'a>(
    list: Vec<Overwrite>,
    mut known: impl Iterator<Item = &'a Arc<[Overwrite]>>,
) -> Option<Arc<[Overwrite]>> {
    if list.is_empty() {
        return None;
    }
    Some(known.find(|known| known[..] == list[..]).cloned().unwrap_or_else(|| list.into()))
}

impl Channels {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn has(&self, channel: u64) -> bool {
        self.find(channel).is_ok()
    }

    pub(crate) fn get(&self, channel: u64) -> Option<Channel> {
        self.find(channel).ok().map(|at| self.0[at].channel())
    }

    fn find(&self, channel: u64) -> Result<usize, usize> {
        self.0.binary_search_by_key(&channel, |channel| channel.id)
    }

    /// Takes a channel over and says how it was.
    pub(crate) fn put(&mut self, told: &wire::Channel<'_>) -> Option<Channel> {
        let overwrites =
            share(overwrites_of(told), self.0.iter().filter_map(|channel| channel.overwrites.as_ref()));
        let known = known_of(told, overwrites);
        match self.find(known.id) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at], known).channel()),
            Err(at) => {
                if self.0.len() < MOST {
                    self.0.insert(at, known);
                }
                None
            }
        }
    }

    pub(crate) fn remove(&mut self, channel: u64) -> Option<Channel> {
        let at = self.find(channel).ok()?;
        Some(self.0.remove(at).channel())
    }

    /// Forgets the threads of these channels, or all.
    pub(crate) fn forget_threads(&mut self, of: Option<&[wire::Num]>) {
        self.0.retain(|channel| {
            let thread = channel.kind == ChannelKind::Thread;
            !thread || of.is_some_and(|of| !of.iter().any(|parent| parent.0 == channel.parent))
        });
    }

    pub(crate) fn without_threads(&self) -> Vec<Channel> {
        self.0
            .iter()
            .filter(|channel| channel.kind != ChannelKind::Thread)
            .map(KnownChannel::channel)
            .collect()
    }

    pub(crate) fn bytes(&self) -> usize {
        let names: usize = self.0.iter().map(|channel| channel.name.len()).sum();
        // A list that several share is counted by parts.
        let lists: usize = self
            .0
            .iter()
            .filter_map(|channel| channel.overwrites.as_ref())
            .map(|list| (list.len() * size_of::<Overwrite>() + 16) / Arc::strong_count(list).max(1))
            .sum();
        self.0.capacity() * size_of::<KnownChannel>() + names + lists
    }
}
