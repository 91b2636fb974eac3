//! Another system that Guildhall depends on: asked again after what passes, left alone while it is down.
//!
//! Each has a circuit breaker. After [`Policy::failures`] failures in a row it opens: nobody asks for
//! [`Policy::rest`], everybody is told at once. Then one request goes through; its success closes the breaker.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use time::OffsetDateTime;
use tracing::Instrument as _;

use crate::{
    Clock, Error, Kind,
    fault::{Faults, Strike},
};

/// How patient one is with an upstream.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// The pause before the second attempt; it doubles with each, with up to half of it at random on top.
    pub pause: Duration,
    /// No pause is longer than this. What asks for a longer one is given up.
    pub longest: Duration,
    /// Failures in a row that open the breaker.
    pub failures: u32,
    /// How long an open breaker rests.
    pub rest: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            attempts: 4,
            pause: Duration::from_millis(250),
            longest: Duration::from_secs(5),
            failures: 5,
            rest: Duration::from_secs(30),
        }
    }
}

/// Whether a failure passes by itself.
pub trait Passing {
    /// Whether the same request may work a moment later.
    fn is_passing(&self) -> bool;

    /// How long the upstream asked to wait.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

impl Passing for Error {
    fn is_passing(&self) -> bool {
        self.kind == Kind::Upstream
    }

    fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

/// How an upstream is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It answers.
    Closed,
    /// It does not, and is left alone.
    Open,
    /// One request finds out whether it is back.
    Trying,
}

/// One upstream. Cheap to clone; clones share the breaker.
#[derive(Clone)]
pub struct Upstream {
    name: &'static str,
    policy: Policy,
    clock: Arc<dyn Clock>,
    faults: Faults,
    breaker: Arc<Mutex<Breaker>>,
}

#[derive(Debug, Default)]
struct Breaker {
    failures: u32,
    open_until: Option<OffsetDateTime>,
    trying: bool,
}

impl Upstream {
    /// An upstream by one word: `discord`, `redis`.
    pub fn new(name: &'static str, policy: Policy, clock: Arc<dyn Clock>, faults: Faults) -> Self {
        faults.add_upstream(name);
        Self { name, policy, clock, faults, breaker: Arc::default() }
    }

    /// The word.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How it is doing.
    pub fn health(&self) -> Health {
        let breaker = self.lock();
        match breaker.open_until {
            None => Health::Closed,
            Some(_) if breaker.trying => Health::Trying,
            Some(_) => Health::Open,
        }
    }

    /// Asks, and asks again while the failure passes.
    ///
    /// # Errors
    ///
    /// What the last attempt failed with, or `upstream_down` when the breaker is open.
    pub async fn call<T, E, F>(&self, mut attempt: impl FnMut() -> F) -> Result<T, E>
    where
        E: Passing + From<Error>,
        F: Future<Output = Result<T, E>>,
    {
        let mut tried: u32 = 0;
        loop {
            self.enter()?;
            let trial = Trial { upstream: self, settled: false };
            let result = self.ask(&mut attempt).instrument(self.span()).await;
            tried += 1;
            let error = match result {
                Ok(value) => {
                    trial.settle(true);
                    return Ok(value);
                }
                Err(error) => error,
            };
            // An upstream that says no is well.
            trial.settle(!error.is_passing());
            let doubled = self.policy.pause.saturating_mul(1 << tried.min(16).saturating_sub(1));
            let jitter = doubled.mul_f64(fraction(self.clock.as_ref()) / 2.0);
            let pause = error.retry_after().unwrap_or_else(|| (doubled + jitter).min(self.policy.longest));
            if !error.is_passing() || tried >= self.policy.attempts || pause > self.policy.longest {
                return Err(error);
            }
            // Whoever waits for the answer waits for this as well.
            self.clock.sleep(pause).instrument(self.span()).await;
        }
    }

    /// Asks once, whatever the breaker says: for what somebody waits for and cannot wait itself. How it went is
    /// counted all the same, and a rehearsed fault strikes.
    ///
    /// # Errors
    ///
    /// What it failed with.
    pub async fn once<T, E>(&self, attempt: impl Future<Output = Result<T, E>>) -> Result<T, E>
    where
        E: Passing + From<Error>,
    {
        let result = self.ask(|| attempt).instrument(self.span()).await;
        self.note(!result.as_ref().is_err_and(Passing::is_passing));
        result
    }

    /// Counts how a request went that was made without asking here: whether the upstream answered, if only with no.
    pub fn note(&self, well: bool) {
        let mut breaker = self.lock();
        let trying = breaker.trying;
        self.count(&mut breaker, well);
        // Whoever finds out whether the upstream is back still does, unless that is known now.
        breaker.trying = trying && !well;
    }

    fn span(&self) -> tracing::Span {
        tracing::info_span!("upstream", name = self.name)
    }

    /// One attempt, unless a rehearsed fault strikes instead.
    async fn ask<T, E: From<Error>, F>(&self, attempt: impl FnOnce() -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let Some(strike) = self.faults.at_upstream(self.name) else { return attempt().await };
        if let Strike::Slow { millis } = strike {
            self.clock.sleep(Duration::from_millis(millis.min(60_000))).await;
        }
        match strike.error(self.name) {
            Some(error) => Err(error.into()),
            None => attempt().await,
        }
    }

    fn enter(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let mut breaker = self.lock();
        match breaker.open_until {
            None => Ok(()),
            Some(until) if now >= until && !breaker.trying => {
                breaker.trying = true;
                Ok(())
            }
            Some(until) => {
                let wait = Duration::try_from(until - now).unwrap_or_default();
                let message = format!("{} has not answered for a while and is left alone.", self.name);
                Err(Error::new(Kind::Upstream, "upstream_down", message)
                    .remedy("Try again in a minute.")
                    .with("upstream", self.name)
                    .retry_after(wait.max(Duration::from_secs(1)).max(self.policy.longest * 2)))
            }
        }
    }

    fn settle(&self, well: bool) {
        let mut breaker = self.lock();
        breaker.trying = false;
        self.count(&mut breaker, well);
    }

    fn count(&self, breaker: &mut Breaker, well: bool) {
        if well {
            *breaker = Breaker::default();
            return;
        }
        breaker.failures = breaker.failures.saturating_add(1);
        if breaker.failures >= self.policy.failures {
            if breaker.open_until.is_none() {
                tracing::warn!(upstream = self.name, "does not answer and is left alone for a while");
            }
            breaker.open_until = Some(self.clock.now() + self.policy.rest);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Anything from 0 to 1, so that many who were turned away together do not come back together.
fn fraction(clock: &dyn Clock) -> f64 {
    let [.., a, b, c, d] = *clock.uuid().as_bytes();
    f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX)
}

/// One attempt. Dropped in the middle it counts as a failure, so that a caller that gives up cannot leave
/// the breaker waiting for a trial that never ends.
struct Trial<'a> {
    upstream: &'a Upstream,
    settled: bool,
}

impl Trial<'_> {
    fn settle(mut self, well: bool) {
        self.settled = true;
        self.upstream.settle(well);
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.upstream.settle(false);
        }
    }
}

#[cfg(test)]
mod tests;
