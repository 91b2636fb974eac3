//! How often somebody may do something that costs: one token bucket a key, in bounded memory.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use time::OffsetDateTime;

use crate::Clock;

/// So many at once, refilled evenly over a minute.
pub struct Allowance<K> {
    clock: Arc<dyn Clock>,
    per_minute: f64,
    burst: f64,
    most_keys: usize,
    buckets: Mutex<HashMap<K, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    left: f64,
    at: OffsetDateTime,
}

impl<K: Eq + Hash> Allowance<K> {
    /// `per_minute` (at least 1), as many at once, for up to `most_keys` keys whose bucket is not full.
    pub fn new(clock: Arc<dyn Clock>, per_minute: u32, most_keys: usize) -> Self {
        Self::with_burst(clock, per_minute, per_minute, most_keys)
    }

    /// As [`Allowance::new`], with another number at once (at least 1).
    pub fn with_burst(clock: Arc<dyn Clock>, per_minute: u32, burst: u32, most_keys: usize) -> Self {
        let (per_minute, burst) = (f64::from(per_minute.max(1)), f64::from(burst.max(1)));
        Self { clock, per_minute, burst, most_keys, buckets: Mutex::default() }
    }

    /// Whether something is left for `key`, or how long until then.
    pub fn check(&self, key: &K) -> Result<(), Duration> {
        let now = self.clock.now();
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        match buckets.get(key) {
            Some(bucket) => self.wait(self.left(*bucket, now)),
            None => Ok(()),
        }
    }

    /// Takes one for `key`, or says how long until there is one. When more keys than can be remembered are
    /// in use, a new key gets nothing: memory stays bounded, and who is known already is not shut out.
    pub fn take(&self, key: K) -> Result<(), Duration> {
        let now = self.clock.now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= self.most_keys && !buckets.contains_key(&key) {
            buckets.retain(|_, bucket| self.left(*bucket, now) < self.burst);
            if buckets.len() >= self.most_keys {
                return Err(Duration::from_secs(60));
            }
        }
        let bucket = buckets.entry(key).or_insert(Bucket { left: self.burst, at: now });
        let left = self.left(*bucket, now);
        self.wait(left)?;
        *bucket = Bucket { left: left - 1.0, at: now };
        Ok(())
    }

    fn left(&self, bucket: Bucket, now: OffsetDateTime) -> f64 {
        let passed = (now - bucket.at).as_seconds_f64().max(0.0);
        (bucket.left + passed * self.per_minute / 60.0).min(self.burst)
    }

    fn wait(&self, left: f64) -> Result<(), Duration> {
        // What trickled in is a sum of fractions; a billionth is not worth another refusal.
        if left >= 1.0 - 1e-9 {
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - left) * 60.0 / self.per_minute))
    }
}

#[cfg(test)]
mod tests;
