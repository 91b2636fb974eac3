//! How often one actor may call one operation.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock as GovernorClock, Reference},
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::keyed::HashMapStateStore,
};

use crate::{Actor, ActorId, Clock, Error, Kind, Spec, TenantId};

/// Actors remembered an operation before the idle ones are forgotten.
const SWEEP_AT: usize = 10_000;

type Key = (TenantId, ActorId);
type Keyed = RateLimiter<Key, HashMapStateStore<Key>, ByClock, NoOpMiddleware<Nanos>>;

/// Governor reads the time from [`Clock`], so that a test can hold it still.
#[derive(Clone)]
struct ByClock(Arc<dyn Clock>);

impl GovernorClock for ByClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let nanos = self.0.now().unix_timestamp_nanos().max(0);
        Nanos::from(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

pub(super) struct Limiter {
    clock: ByClock,
    operations: Mutex<HashMap<&'static str, Arc<Keyed>>>,
}

impl Limiter {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock: ByClock(clock), operations: Mutex::default() }
    }

    /// Counts one call, or says when to try again.
    pub(super) fn check(&self, actor: &Actor, spec: &Spec) -> Result<(), Error> {
        let limiter = {
            let mut operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
            operations.entry(spec.name).or_insert_with(|| Arc::new(self.limiter(spec))).clone()
        };
        if limiter.len() > SWEEP_AT {
            limiter.retain_recent();
        }
        let key = (actor.tenant.clone(), actor.id.clone());
        limiter.check_key(&key).map_err(|not_yet| {
            let left = Duration::from(not_yet.earliest_possible().duration_since(self.clock.now()));
            let seconds = left.as_secs_f64().ceil().max(1.0);
            let message = format!("That is more `{}` than {} a minute.", spec.name, spec.limit.per_minute);
            Error::new(Kind::Limit, "too_often", message)
                .remedy(format!("Try again in {seconds} seconds."))
        })
    }

    fn limiter(&self, spec: &Spec) -> Keyed {
        let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(at_least_one(spec.limit.per_minute))
            .allow_burst(at_least_one(spec.limit.burst));
        RateLimiter::new(quota, HashMapStateStore::default(), self.clock.clone())
    }
}
