//! Repeats: the same error to the same person within a window is answered short.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use guildhall_core::{Error, incident::Reader};
use moka::sync::Cache;
use time::OffsetDateTime;

/// Repeats remembered. Beyond that those that were used least are forgotten, and their next one is said in full.
const REMEMBERED: u64 = 10_000;
/// The longest window that a community can set.
const LONGEST: Duration = Duration::from_secs(3_600);

pub(crate) struct Folds {
    seen: Cache<u64, Arc<Mutex<Seen>>>,
}

#[derive(Debug)]
struct Seen {
    since: OffsetDateTime,
    repeats: u64,
}

impl Folds {
    pub(crate) fn new() -> Self {
        Self { seen: Cache::builder().max_capacity(REMEMBERED).time_to_live(LONGEST).build() }
    }

    /// Counts one, and says how often it has come again within the window: 0 for the first.
    pub(crate) fn count(&self, reader: &Reader, error: &Error, now: OffsetDateTime, window: Duration) -> u64 {
        let fresh = || Arc::new(Mutex::new(Seen { since: now, repeats: 0 }));
        let entry = self.seen.entry(key(reader, error)).or_insert_with(fresh);
        let new = entry.is_fresh();
        let seen = entry.into_value();
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        if new {
            return 0;
        }
        if now - seen.since >= window {
            *seen = Seen { since: now, repeats: 0 };
            return 0;
        }
        seen.repeats += 1;
        seen.repeats
    }
}

/// What makes two errors the same to a person: they read the same, but for numbers such as the seconds to wait.
fn key(reader: &Reader, error: &Error) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&reader.tenant, &reader.actor, error.code).hash(&mut hasher);
    let mut text = |text: &str| {
        for byte in text.bytes().filter(|byte| !byte.is_ascii_digit()) {
            hasher.write_u8(byte);
        }
    };
    text(&error.message);
    for field in &error.fields {
        text(&field.field);
        text(&field.message);
    }
    hasher.finish()
}
