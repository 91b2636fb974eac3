//! Records of what was turned away, at a bounded rate: a flood of bad requests must not fill the disk.

use std::sync::{Arc, Mutex, PoisonError};

use guildhall_core::{Actor, Catalogue, Clock, Error};
use time::OffsetDateTime;

use crate::meters;

/// Records a minute of requests that nobody vouches for.
const UNVERIFIED: f64 = 30.0;
/// Records a minute of requests that Discord signed.
const VERIFIED: f64 = 240.0;

/// Turns away.
pub(crate) struct Refusals {
    catalogue: Arc<Catalogue>,
    clock: Arc<dyn Clock>,
    unverified: Mutex<Bucket>,
    verified: Mutex<Bucket>,
}

impl Refusals {
    pub(crate) fn new(catalogue: Arc<Catalogue>, clock: Arc<dyn Clock>) -> Self {
        let bucket = |per_minute| Mutex::new(Bucket { left: per_minute, per_minute, at: clock.now() });
        Self { catalogue, unverified: bucket(UNVERIFIED), verified: bucket(VERIFIED), clock }
    }

    /// Turns away what did not prove to come from Discord.
    pub(crate) async fn unverified(&self, actor: Actor, asked_for: &str, error: Error) -> Error {
        self.record(&self.unverified, actor, asked_for, error).await
    }

    /// Turns away what came from Discord and still cannot be.
    pub(crate) async fn verified(&self, actor: Actor, asked_for: &str, error: Error) -> Error {
        self.record(&self.verified, actor, asked_for, error).await
    }

    async fn record(&self, bucket: &Mutex<Bucket>, actor: Actor, asked_for: &str, error: Error) -> Error {
        if !bucket.lock().unwrap_or_else(PoisonError::into_inner).take(self.clock.now()) {
            meters::unrecorded();
            return error;
        }
        self.catalogue.refuse(actor, asked_for, error).await
    }
}

/// A bucket of a minute's permits, refilled evenly.
struct Bucket {
    left: f64,
    per_minute: f64,
    at: OffsetDateTime,
}

impl Bucket {
    fn take(&mut self, now: OffsetDateTime) -> bool {
        let minutes = (now - self.at).as_seconds_f64().max(0.0) / 60.0;
        self.left = (self.left + minutes * self.per_minute).min(self.per_minute);
        self.at = now;
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}
