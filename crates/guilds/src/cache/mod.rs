//! What the gateway told, in memory: lean, and bounded whatever comes.
//!
//! Guilds, roles and channels are kept whole, because Discord bounds them (250 roles, 500 channels and 1,000
//! active threads a guild). Members are kept as they are seen and messages only for guilds that ask; both are
//! bounded a guild and in all, and the oldest go first.

mod channel;
mod guild;
mod member;
mod message;
mod role;

use std::{
    collections::{HashMap, HashSet},
    mem::size_of,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

pub(crate) use channel::channel_of;
pub(crate) use guild::KnownGuild;
pub(crate) use member::{KnownMember, member_of};
pub(crate) use message::{message_of, person_of};
pub(crate) use role::{in_order, role_of};

use crate::CacheSize;

/// Guilds that the bot is known not to be in. More are not remembered.
const MOST_ABSENT: usize = 10_000;

/// Everything that is in memory.
pub(crate) struct Cache {
    guilds: RwLock<HashMap<u64, Arc<Mutex<KnownGuild>>>>,
    absent: Mutex<HashSet<u64>>,
    keeping: RwLock<HashSet<u64>>,
    members: Bound,
    members_a_guild: usize,
    messages: Bound,
}

/// How many of something there are in all guilds, and may be.
struct Bound {
    now: AtomicUsize,
    most: usize,
}

impl Bound {
    fn new(most: usize) -> Self {
        Self { now: AtomicUsize::new(0), most }
    }

    /// Takes over that a guild had `before` and has `after`.
    fn moved(&self, before: usize, after: usize) {
        if after >= before {
            self.now.fetch_add(after - before, Ordering::Relaxed);
        } else {
            self.now.fetch_sub(before - after, Ordering::Relaxed);
        }
    }

    fn is_over(&self) -> bool {
        self.now.load(Ordering::Relaxed) > self.most
    }
}

impl Cache {
    pub(crate) fn new(members: usize, members_a_guild: usize, messages: usize) -> Self {
        Self {
            guilds: RwLock::default(),
            absent: Mutex::default(),
            keeping: RwLock::default(),
            members: Bound::new(members),
            members_a_guild: members_a_guild.max(1),
            messages: Bound::new(messages),
        }
    }

    fn get(&self, guild: u64) -> Option<Arc<Mutex<KnownGuild>>> {
        self.guilds.read().unwrap_or_else(PoisonError::into_inner).get(&guild).cloned()
    }

    /// Looks at a guild. Nothing that is called inside may wait or ask the cache again.
    pub(crate) fn look<T>(&self, guild: u64, look: impl FnOnce(&mut KnownGuild) -> T) -> Option<T> {
        let known = self.get(guild)?;
        let mut known = lock(&known);
        Some(look(&mut known))
    }

    /// Changes a guild, and sees that the bounds hold afterwards.
    pub(crate) fn change<T>(&self, guild: u64, change: impl FnOnce(&mut KnownGuild) -> T) -> Option<T> {
        let known = self.get(guild)?;
        let result = {
            let mut known = lock(&known);
            let before = (known.members.len(), known.messages.len());
            let result = change(&mut known);
            known.members.shrink_to(self.members_a_guild);
            self.members.moved(before.0, known.members.len());
            self.messages.moved(before.1, known.messages.len());
            result
        };
        self.keep_bounds(&known);
        Some(result)
    }

    /// Takes from who was just changed, or from whoever has most, until there are not too many in all.
    fn keep_bounds(&self, changed: &Mutex<KnownGuild>) {
        if !self.members.is_over() && !self.messages.is_over() {
            return;
        }
        let all: Vec<_> =
            self.guilds.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        let count = all.len().max(1);
        let (members, messages) = (self.members.most / count, self.messages.most / count);
        // Who has more than a fair share is there whenever there are too many in all.
        for guild in std::iter::once(changed).chain(all.iter().map(AsRef::as_ref)) {
            let mut guild = lock(guild);
            while self.members.is_over() && guild.members.len() > members {
                let before = guild.members.len();
                guild.members.shrink_to(before - 1);
                self.members.moved(before, guild.members.len());
                if guild.members.len() == before {
                    break;
                }
            }
            while self.messages.is_over() && guild.messages.len() > messages {
                guild.messages.forget_oldest();
                self.messages.moved(1, 0);
            }
            if !self.members.is_over() && !self.messages.is_over() {
                return;
            }
        }
    }

    /// Puts a guild in, in place of what was known of it. Messages that are kept stay kept.
    pub(crate) fn put(&self, mut guild: KnownGuild) {
        let id = guild.id;
        self.absent.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        let known = {
            let mut guilds = self.guilds.write().unwrap_or_else(PoisonError::into_inner);
            guilds.entry(id).or_insert_with(|| Arc::new(Mutex::new(KnownGuild::empty(id)))).clone()
        };
        {
            let mut known = lock(&known);
            std::mem::swap(&mut guild.messages, &mut known.messages);
            guild.changes = known.changes + 1;
            guild.members.shrink_to(self.members_a_guild);
            self.members.moved(known.members.len(), guild.members.len());
            *known = guild;
        }
        self.keep_bounds(&known);
    }

    /// Forgets a guild: the bot is not in it any more. Whether it was known.
    pub(crate) fn remove(&self, guild: u64) -> bool {
        let gone = self.guilds.write().unwrap_or_else(PoisonError::into_inner).remove(&guild);
        if let Some(gone) = &gone {
            let gone = lock(gone);
            self.members.moved(gone.members.len(), 0);
            self.messages.moved(gone.messages.len(), 0);
        }
        let mut absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        if absent.len() >= MOST_ABSENT {
            absent.clear();
        }
        absent.insert(guild);
        gone.is_some()
    }

    /// Whether the bot is in the guild, if that is known.
    pub(crate) fn present(&self, guild: u64) -> Option<bool> {
        if self.get(guild).is_some() {
            return Some(true);
        }
        self.absent.lock().unwrap_or_else(PoisonError::into_inner).contains(&guild).then_some(false)
    }

    /// The bot is in this guild, and nothing more is known of it for sure until it is told again.
    pub(crate) fn await_guild(&self, guild: u64) {
        self.absent.lock().unwrap_or_else(PoisonError::into_inner).remove(&guild);
        let mut guilds = self.guilds.write().unwrap_or_else(PoisonError::into_inner);
        let known =
            guilds.entry(guild).or_insert_with(|| Arc::new(Mutex::new(KnownGuild::empty(guild)))).clone();
        drop(guilds);
        lock(&known).fed = false;
    }

    /// Whether the texts of any guild's messages are kept.
    pub(crate) fn keeps_any(&self) -> bool {
        !self.keeping.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// All guilds that are known.
    pub(crate) fn ids(&self) -> Vec<u64> {
        self.guilds.read().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }

    /// Whether the texts of a guild's messages are kept.
    pub(crate) fn keeps(&self, guild: u64) -> bool {
        self.messages.most > 0 && self.keeping.read().unwrap_or_else(PoisonError::into_inner).contains(&guild)
    }

    pub(crate) fn keep(&self, guild: u64, keep: bool) {
        let mut keeping = self.keeping.write().unwrap_or_else(PoisonError::into_inner);
        if keep {
            keeping.insert(guild);
            return;
        }
        if keeping.remove(&guild) {
            drop(keeping);
            self.change(guild, |known| known.messages.clear());
        }
    }

    pub(crate) fn size(&self) -> CacheSize {
        let guilds: Vec<_> =
            self.guilds.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        let mut size = CacheSize { guilds: guilds.len(), ..CacheSize::default() };
        for guild in &guilds {
            let guild = lock(guild);
            size.channels += guild.channels.len();
            size.roles += guild.roles.len();
            size.members += guild.members.len();
            size.messages += guild.messages.len();
            size.voices += guild.voices.len();
            size.bytes += guild.bytes() + size_of::<(u64, Arc<()>)>();
        }
        size
    }
}

fn lock(guild: &Mutex<KnownGuild>) -> MutexGuard<'_, KnownGuild> {
    guild.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
