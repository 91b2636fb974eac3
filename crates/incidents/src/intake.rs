//! Takes errors in without waiting, counts every one of them, and keeps as much of each as there is room for.
//!
//! An error adds to the count of its group under the lock of one of [`SHARDS`] maps. Groups and samples in memory
//! are bounded: what does not fit into a group of its own is counted in the group [`OTHER`], so a flood loses
//! detail, never a count.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, RandomState},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use guildhall_core::{CallId, Face, Kind, TenantId, incident::Occurrence};
use time::OffsetDateTime;

use crate::fingerprint::shape;

const SHARDS: usize = 16;
/// Groups in one shard between two flushes. Beyond that, so many more of the group [`OTHER`].
const GROUPS_A_SHARD: usize = 128;
/// Samples in memory between two flushes, of all groups and of one.
const SAMPLES: usize = 512;
const SAMPLES_A_GROUP: usize = 5;
/// Bytes of an error's causes that are kept, and that its group is told by.
const DETAIL: usize = 4 * 1024;
const SHAPE: usize = 240;
/// Hours of counts that a group holds while the store is away.
const HOURS: usize = 72;
/// Calls whose operation is remembered for whoever presents their error.
const RECENT: usize = 1_024;

/// The group of everything that found no room in its own.
pub(crate) const OTHER: &str = "other_errors";

/// What tells groups apart in memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) tenant: TenantId,
    pub(crate) code: &'static str,
    pub(crate) kind: Kind,
    pub(crate) operation: String,
    pub(crate) shape: String,
}

/// What came in for a group since the last flush.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    pub(crate) first: OffsetDateTime,
    pub(crate) last: OffsetDateTime,
    /// How many, by the hour since 1970.
    pub(crate) hours: BTreeMap<i64, u64>,
    /// The causes of the first, as they are; nothing leaves without [`crate::Scrub`].
    pub(crate) detail: String,
    pub(crate) samples: Vec<Taken>,
}

#[cfg(test)]
impl Tally {
    fn count(&self) -> u64 {
        self.hours.values().sum()
    }
}

/// One error as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) at: OffsetDateTime,
    pub(crate) face: Face,
    pub(crate) call: Option<CallId>,
    pub(crate) trace: Option<String>,
    pub(crate) actor: Option<String>,
    pub(crate) detail: String,
    /// Whether Sentry has been told.
    pub(crate) reported: bool,
}

pub(crate) type Batch = Vec<(Key, Tally)>;

pub(crate) struct Intake {
    hasher: RandomState,
    shards: Vec<Mutex<HashMap<Key, Tally>>>,
    samples: AtomicUsize,
    taken: AtomicU64,
    lost: AtomicU64,
    recent: Vec<Mutex<Option<(CallId, String)>>>,
}

impl Intake {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            samples: AtomicUsize::new(0),
            taken: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            recent: (0..RECENT).map(|_| Mutex::default()).collect(),
        }
    }

    /// Errors counted since the start.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Of these, those of which nothing but the count was kept, because there was no room.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    pub(crate) fn take(&self, occurrence: Occurrence) {
        self.taken.fetch_add(1, Ordering::Relaxed);
        let Occurrence { at, code, kind, operation, detail, tenant, actor, face, call, trace } = occurrence;
        if let Some(call) = call {
            *lock(self.slot(call)) = Some((call, operation.clone()));
        }
        // The causes of a refusal repeat what somebody typed; its code says it all. Nor does a word that
        // nobody knows, such as the operation that does not exist, make a group of its own.
        let shape = if kind.is_refusal() { String::new() } else { shape(&detail, SHAPE) };
        let operation = if code.starts_with("unknown_") { "*".to_owned() } else { operation };
        let key = Key { tenant, code, kind, operation, shape };
        let taken = Taken {
            at,
            face,
            call,
            trace,
            actor: actor.map(|actor| cut(actor.as_str().to_owned(), 128)),
            detail: cut(detail, DETAIL),
            reported: false,
        };
        let hour = at.unix_timestamp().div_euclid(3600);
        self.add(key, hour, 1, taken);
    }

    /// What has come in since the last time.
    pub(crate) fn drain(&self) -> Batch {
        let mut batch = Vec::new();
        for shard in &self.shards {
            batch.extend(std::mem::take(&mut *lock(shard)));
        }
        let samples = batch.iter().map(|(_, tally)| tally.samples.len()).sum();
        self.samples.fetch_sub(samples, Ordering::Relaxed);
        batch
    }

    /// Puts back what could not be written; the counts are kept whatever happens.
    pub(crate) fn put_back(&self, batch: Batch) {
        for (mut key, tally) in batch {
            let mut shard = lock(self.shard(&key));
            if !shard.contains_key(&key) && shard.len() >= GROUPS_A_SHARD {
                drop(shard);
                key = other(&key);
                shard = lock(self.shard(&key));
            }
            self.samples.fetch_add(tally.samples.len(), Ordering::Relaxed);
            match shard.entry(key) {
                std::collections::hash_map::Entry::Vacant(vacant) => {
                    vacant.insert(tally);
                }
                std::collections::hash_map::Entry::Occupied(mut there) => {
                    let there = there.get_mut();
                    there.first = there.first.min(tally.first);
                    there.last = there.last.max(tally.last);
                    for (hour, count) in tally.hours {
                        add_hour(&mut there.hours, hour, count);
                    }
                    there.samples.splice(0..0, tally.samples);
                    let over = there.samples.len().saturating_sub(SAMPLES_A_GROUP);
                    there.samples.drain(..over);
                    self.samples.fetch_sub(over, Ordering::Relaxed);
                }
            }
        }
    }

    /// The operation in which a call's error happened, if that was not long ago.
    pub(crate) fn operation(&self, call: CallId) -> Option<String> {
        let slot = lock(self.slot(call));
        slot.as_ref().filter(|(known, _)| *known == call).map(|(_, operation)| operation.clone())
    }

    fn add(&self, key: Key, hour: i64, count: u64, taken: Taken) {
        let mut shard = lock(self.shard(&key));
        if !shard.contains_key(&key) && shard.len() >= GROUPS_A_SHARD {
            drop(shard);
            let key = other(&key);
            let mut shard = lock(self.shard(&key));
            self.tally(&mut shard, key, hour, count, taken);
            return;
        }
        self.tally(&mut shard, key, hour, count, taken);
    }

    fn tally(&self, shard: &mut HashMap<Key, Tally>, key: Key, hour: i64, count: u64, taken: Taken) {
        let tally = shard.entry(key).or_insert_with(|| Tally {
            first: taken.at,
            last: taken.at,
            hours: BTreeMap::new(),
            detail: taken.detail.clone(),
            samples: Vec::new(),
        });
        tally.first = tally.first.min(taken.at);
        tally.last = tally.last.max(taken.at);
        add_hour(&mut tally.hours, hour, count);
        if tally.samples.len() >= SAMPLES_A_GROUP {
            return;
        }
        if self.samples.fetch_add(1, Ordering::Relaxed) < SAMPLES {
            tally.samples.push(taken);
        } else {
            self.samples.fetch_sub(1, Ordering::Relaxed);
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn shard(&self, key: &Key) -> &Mutex<HashMap<Key, Tally>> {
        &self.shards[index(self.hasher.hash_one(key), SHARDS)]
    }

    fn slot(&self, call: CallId) -> &Mutex<Option<(CallId, String)>> {
        &self.recent[index(self.hasher.hash_one(call), RECENT)]
    }
}

fn index(hash: u64, slots: usize) -> usize {
    // The remainder is less than the number of slots, which fits.
    usize::try_from(hash % slots as u64).unwrap_or(0)
}

/// The group of its community that takes what has no room: one a kind, so refusals do not hide failures. These
/// are as many as there are communities, and not bounded by [`GROUPS_A_SHARD`].
fn other(key: &Key) -> Key {
    Key {
        tenant: key.tenant.clone(),
        code: OTHER,
        kind: key.kind,
        operation: "*".to_owned(),
        shape: String::new(),
    }
}

/// Adds to an hour. A group that has waited for days for its store gives up on when, not on how many.
fn add_hour(hours: &mut BTreeMap<i64, u64>, hour: i64, count: u64) {
    *hours.entry(hour).or_insert(0) += count;
    while hours.len() > HOURS {
        let Some((_, oldest)) = hours.pop_first() else { return };
        if let Some(mut next) = hours.first_entry() {
            *next.get_mut() += oldest;
        }
    }
}

fn cut(mut text: String, most: usize) -> String {
    text.truncate(text.floor_char_boundary(most));
    text
}

/// Whether a text was as long as a detail may be, so that its end may be missing.
pub(crate) fn may_be_cut(detail: &str) -> bool {
    detail.len() + 4 > DETAIL
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use guildhall_core::ActorId;

    use super::*;

    fn occurrence(tenant: &str, code: &'static str, operation: &str, detail: &str) -> Occurrence {
        Occurrence {
            at: OffsetDateTime::UNIX_EPOCH,
            code,
            kind: if code == "internal" { Kind::Bug } else { Kind::User },
            operation: operation.to_owned(),
            detail: detail.to_owned(),
            tenant: tenant.parse().unwrap(),
            actor: Some(ActorId::discord(1)),
            face: Face::Discord,
            call: None,
            trace: None,
        }
    }

    #[test]
    fn a_flood_of_different_errors_loses_no_count_and_keeps_memory_bounded() {
        let intake = Intake::new();
        for number in 0..20_000_u32 {
            // Letters, since numbers would be taken out of the shape.
            let word: String =
                number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect();
            intake.take(occurrence("a", "internal", &format!("do {word}"), &"x".repeat(10_000)));
        }
        let batch = intake.drain();
        assert_eq!(batch.iter().map(|(_, tally)| tally.count()).sum::<u64>(), 20_000);
        assert!(batch.len() <= SHARDS * GROUPS_A_SHARD + SHARDS, "{} groups", batch.len());
        assert!(batch.iter().all(|(_, tally)| tally.detail.len() <= DETAIL));
        let samples: usize = batch.iter().map(|(_, tally)| tally.samples.len()).sum();
        assert_eq!(samples, SAMPLES);
        assert!(intake.lost() > 0);
        let other = batch.iter().find(|(key, _)| key.code == OTHER).unwrap();
        assert!(other.1.count() > 10_000, "they are counted in the group of all others");
    }

    #[test]
    fn what_is_put_back_is_counted_once_more_and_not_twice() {
        let intake = Intake::new();
        for _ in 0..7 {
            intake.take(occurrence("a", "internal", "do", "broken"));
        }
        let batch = intake.drain();
        intake.take(occurrence("a", "internal", "do", "broken"));
        intake.put_back(batch);
        let batch = intake.drain();
        assert_eq!(batch.len(), 1);
        assert_eq!(batch[0].1.count(), 8);
        assert_eq!(batch[0].1.samples.len(), SAMPLES_A_GROUP);
        assert_eq!(intake.samples.load(Ordering::Relaxed), 0, "the room is free again");
    }

    #[test]
    fn what_people_type_makes_no_groups() {
        let intake = Intake::new();
        for text in ["No server called foo.", "No server called bar."] {
            intake.take(occurrence("a", "server_not_found", "server start", text));
            intake.take(occurrence("a", "unknown_operation", text, text));
        }
        assert_eq!(intake.drain().len(), 2);
    }

    #[test]
    fn a_store_that_is_away_for_days_costs_hours_and_no_count() {
        let mut hours = BTreeMap::new();
        for hour in 0..1_000 {
            add_hour(&mut hours, hour, 2);
        }
        assert_eq!(hours.len(), HOURS);
        assert_eq!(hours.values().sum::<u64>(), 2_000);
    }
}
