//! Rate limits as Discord does them: a bucket for each route and its channel, guild or webhook, a global limit for
//! each token, and the headers that tell a client where it stands.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use time::OffsetDateTime;

/// How often an application may call.
#[derive(Clone, Copy, Debug)]
pub struct RateLimits {
    /// Requests in one bucket within `window`.
    pub per_route: u32,
    /// How long a bucket lasts once its first request came.
    pub window: Duration,
    /// Requests of one token within a second, over all routes but interactions and their webhooks.
    pub global: u32,
}

impl RateLimits {
    /// So wide that only a runaway client meets it. The default.
    pub fn generous() -> Self {
        Self { per_route: 10_000, window: Duration::from_secs(1), global: 10_000 }
    }

    /// About what Discord allows: five requests in five seconds on a route, fifty a second in all.
    pub fn discord() -> Self {
        Self { per_route: 5, window: Duration::from_secs(5), global: 50 }
    }
}

/// Where a client stands after a request.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) bucket: String,
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    pub(crate) reset: OffsetDateTime,
    pub(crate) reset_after: Duration,
    /// The request is refused: 429.
    pub(crate) refused: Option<Refusal>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) retry_after: Duration,
    pub(crate) global: bool,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    used: u32,
    reset: OffsetDateTime,
}

#[derive(Debug)]
pub(crate) struct RateLimiter {
    limits: RateLimits,
    buckets: HashMap<String, Bucket>,
    /// Refusals ordered by a test, used up one request at a time.
    ordered: Vec<Refusal>,
}

/// Buckets kept before those that are over are thrown away.
const KEPT: usize = 4_096;

impl RateLimiter {
    pub(crate) fn new(limits: RateLimits) -> Self {
        Self { limits, buckets: HashMap::new(), ordered: Vec::new() }
    }

    pub(crate) fn order_refusal(&mut self, retry_after: Duration, global: bool) {
        self.ordered.push(Refusal { retry_after, global });
    }

    pub(crate) fn set(&mut self, limits: RateLimits) {
        self.limits = limits;
        self.buckets.clear();
    }

    /// Counts a request. `caller` is a token or nothing; `route` the method and template; `major` the id that
    /// splits the bucket.
    pub(crate) fn count(
        &mut self,
        now: OffsetDateTime,
        caller: &str,
        route: &str,
        major: &str,
        counts_globally: bool,
    ) -> Standing {
        if self.buckets.len() > KEPT {
            self.buckets.retain(|_, bucket| bucket.reset > now);
        }
        let mut hasher = DefaultHasher::new();
        route.hash(&mut hasher);
        let bucket_name = format!("{:016x}", hasher.finish());
        let RateLimits { per_route, window, global } = self.limits;
        let own = take(&mut self.buckets, format!("{caller} {route} {major}"), now, window, per_route);
        let mut refused = own.err().map(|retry_after| Refusal { retry_after, global: false });
        if counts_globally && refused.is_none() {
            let all = take(&mut self.buckets, format!("{caller} *"), now, Duration::from_secs(1), global);
            refused = all.err().map(|retry_after| Refusal { retry_after, global: true });
        }
        if !self.ordered.is_empty() {
            refused = Some(self.ordered.remove(0));
        }
        let (remaining, reset) = match own {
            Ok((used, reset)) => (per_route.saturating_sub(used), reset),
            Err(retry_after) => (0, now + retry_after),
        };
        let reset_after = Duration::try_from(reset - now).unwrap_or_default();
        Standing { bucket: bucket_name, limit: per_route, remaining, reset, reset_after, refused }
    }
}

fn take(
    buckets: &mut HashMap<String, Bucket>,
    key: String,
    now: OffsetDateTime,
    window: Duration,
    limit: u32,
) -> Result<(u32, OffsetDateTime), Duration> {
    let bucket = buckets.entry(key).or_insert(Bucket { used: 0, reset: now + window });
    if bucket.reset <= now {
        *bucket = Bucket { used: 0, reset: now + window };
    }
    if bucket.used >= limit {
        return Err(Duration::try_from(bucket.reset - now).unwrap_or_default());
    }
    bucket.used += 1;
    Ok((bucket.used, bucket.reset))
}
