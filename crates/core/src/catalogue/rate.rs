//! How often one actor may call one operation, and how many of their refusals are recorded.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{Actor, ActorId, Clock, Error, Kind, Spec, TenantId, allowance::Allowance};

/// Actors remembered an operation until their allowance is full again.
const ACTORS: usize = 10_000;

/// Refusals recorded for one actor in a minute. A flood of them would fill the disk and tell nothing new.
const REFUSALS_A_MINUTE: u32 = 60;

type ByActor = Allowance<(TenantId, ActorId)>;

pub(super) struct Limiter {
    clock: Arc<dyn Clock>,
    operations: Mutex<HashMap<&'static str, Arc<ByActor>>>,
    refusals: ByActor,
}

impl Limiter {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let refusals = Allowance::new(clock.clone(), REFUSALS_A_MINUTE, ACTORS);
        Self { clock, operations: Mutex::default(), refusals }
    }

    /// Counts one call, or says when to try again.
    pub(super) fn check(&self, actor: &Actor, spec: &Spec) -> Result<(), Error> {
        let allowance = {
            let mut operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
            operations.entry(spec.name).or_insert_with(|| Arc::new(self.allowance(spec))).clone()
        };
        allowance.take((actor.tenant.clone(), actor.id.clone())).map_err(|wait| {
            let seconds = wait.as_secs_f64().ceil().max(1.0);
            let message = format!("That is more `{}` than {} a minute.", spec.name, spec.limit.per_minute);
            Error::new(Kind::Limit, "too_often", message)
                .remedy(format!("Try again in {seconds} seconds."))
                .retry_after(Duration::from_secs_f64(seconds))
                .with("operation", spec.name)
                .with("limit", spec.limit.per_minute)
                .with("seconds", seconds)
        })
    }

    /// Whether one more refusal of this actor's is worth a record.
    pub(super) fn records_refusal(&self, actor: &ActorId, tenant: &TenantId) -> bool {
        self.refusals.take((tenant.clone(), actor.clone())).is_ok()
    }

    fn allowance(&self, spec: &Spec) -> ByActor {
        Allowance::with_burst(self.clock.clone(), spec.limit.per_minute, spec.limit.burst, ACTORS)
    }
}
