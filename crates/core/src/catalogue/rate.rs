//! How often one actor may call one operation.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use governor::{
    NotUntil, Quota, RateLimiter,
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

/// Refusals recorded for one actor in a minute. A flood of them would fill the disk and tell nothing new.
const REFUSALS_A_MINUTE: NonZeroU32 = NonZeroU32::new(60).unwrap();

pub(super) struct Limiter {
    clock: ByClock,
    operations: Mutex<HashMap<&'static str, Arc<Keyed>>>,
    refusals: Keyed,
}

impl Limiter {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let clock = ByClock(clock);
        let refusals = keyed(Quota::per_minute(REFUSALS_A_MINUTE), &clock);
        Self { clock, operations: Mutex::default(), refusals }
    }

    /// Counts one call, or says when to try again.
    pub(super) fn check(&self, actor: &Actor, spec: &Spec) -> Result<(), Error> {
        let limiter = {
            let mut operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
            operations.entry(spec.name).or_insert_with(|| Arc::new(self.limiter(spec))).clone()
        };
        check(&limiter, actor).map_err(|not_yet| {
            let left = Duration::from(not_yet.earliest_possible().duration_since(self.clock.now()));
            let seconds = left.as_secs_f64().ceil().max(1.0);
            let message = format!("That is more `{}` than {} a minute.", spec.name, spec.limit.per_minute);
            Error::new(Kind::Limit, "too_often", message)
                .remedy(format!("Try again in {seconds} seconds."))
                .retry_after(Duration::from_secs_f64(seconds))
        })
    }

    /// Whether one more refusal of this actor's is worth a record.
    pub(super) fn records_refusal(&self, actor: &ActorId, tenant: &TenantId) -> bool {
        sweep(&self.refusals);
        self.refusals.check_key(&(tenant.clone(), actor.clone())).is_ok()
    }

    fn limiter(&self, spec: &Spec) -> Keyed {
        let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(at_least_one(spec.limit.per_minute))
            .allow_burst(at_least_one(spec.limit.burst));
        keyed(quota, &self.clock)
    }
}

fn keyed(quota: Quota, clock: &ByClock) -> Keyed {
    RateLimiter::new(quota, HashMapStateStore::default(), clock.clone())
}

fn check(limiter: &Keyed, actor: &Actor) -> Result<(), NotUntil<Nanos>> {
    sweep(limiter);
    limiter.check_key(&(actor.tenant.clone(), actor.id.clone()))
}

fn sweep(limiter: &Keyed) {
    if limiter.len() > SWEEP_AT {
        limiter.retain_recent();
    }
}
