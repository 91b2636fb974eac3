//! Time, waiting and fresh ids, so that a test can hold them still.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use time::OffsetDateTime;
use tokio::sync::watch;
use uuid::Uuid;

/// The source of time, waits and ids.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The time now in UTC, cut to microseconds: what SQLite and PostgreSQL both keep.
    fn now(&self) -> OffsetDateTime;

    /// A fresh, time-ordered id.
    fn uuid(&self) -> Uuid;

    /// Returns once `until` has come. Callers wait for a deadline with this, never for luck.
    async fn sleep_until(&self, until: OffsetDateTime);

    /// Returns after `duration`.
    async fn sleep(&self, duration: Duration) {
        self.sleep_until(self.now() + duration).await;
    }
}

fn to_microseconds(at: OffsetDateTime) -> OffsetDateTime {
    let microseconds = at.microsecond();
    at.replace_microsecond(microseconds).unwrap_or(at)
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> OffsetDateTime {
        to_microseconds(OffsetDateTime::now_utc())
    }

    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else waits by")]
    async fn sleep_until(&self, until: OffsetDateTime) {
        let left = until - self.now();
        if left.is_positive() {
            tokio::time::sleep(left.unsigned_abs()).await;
        }
    }
}

/// A clock that stands still until a test moves it. Its ids count up from one.
#[derive(Debug)]
pub struct ManualClock {
    now: watch::Sender<OffsetDateTime>,
    ids: AtomicU64,
    moving: Mutex<()>,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn at(now: OffsetDateTime) -> Self {
        Self { now: watch::Sender::new(to_microseconds(now)), ids: AtomicU64::new(1), moving: Mutex::new(()) }
    }

    /// Moves the time on and wakes who waited for it.
    pub fn advance(&self, by: Duration) {
        let _guard = self.moving.lock();
        self.now.send_modify(|now| *now += by);
    }

    /// How many wait for it to move on.
    pub fn waiting(&self) -> usize {
        self.now.receiver_count()
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        // 2026-01-01T00:00:00Z
        Self::at(OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600))
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> OffsetDateTime {
        *self.now.borrow()
    }

    fn uuid(&self) -> Uuid {
        Uuid::from_u64_pair(0x7000, 0x8000_0000_0000_0000 | self.ids.fetch_add(1, Ordering::Relaxed))
    }

    async fn sleep_until(&self, until: OffsetDateTime) {
        let mut seen = self.now.subscribe();
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = seen.wait_for(|now| *now >= until).await;
    }
}
