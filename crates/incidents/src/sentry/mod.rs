//! Tells Sentry of faults and of failures of other systems; never of refusals.
//!
//! Events wait in a bounded queue and leave one by one through the breaker of the upstream `sentry`. What Sentry
//! asks for (<https://develop.sentry.dev/sdk/foundations/transport/rate-limiting/>) is kept; what finds no room is
//! dropped and counted.

mod dsn;
mod event;
mod limit;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use guildhall_core::{
    Allowance, Clock, Error, Kind,
    fault::Faults,
    upstream::{Health, Passing, Policy, Upstream},
};
use reqwest::{StatusCode, header};
use secrecy::ExposeSecret;
use tokio::sync::{Notify, watch};

use crate::{
    BadConfig, IncidentsConfig, Scrub,
    intake::{Batch, Key},
};
use dsn::Dsn;
use event::Event;
use limit::Pause;

/// Events that wait.
const QUEUE: usize = 100;
/// Events a minute, of all groups and of one.
const A_MINUTE: u32 = 60;
const OF_A_GROUP: u32 = 5;
/// Groups whose allowance is remembered.
const GROUPS: usize = 2_000;
/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the queue may take to empty when the program stops.
const FAREWELL: Duration = Duration::from_secs(2);

pub(crate) struct Sentry {
    dsn: Dsn,
    http: reqwest::Client,
    upstream: Upstream,
    scrub: Arc<Scrub>,
    clock: Arc<dyn Clock>,
    environment: String,
    release: String,
    queue: Mutex<VecDeque<Event>>,
    filled: Notify,
    pause: Mutex<Pause>,
    all: Allowance<()>,
    groups: Allowance<String>,
    sent: AtomicU64,
    dropped: AtomicU64,
}

/// Why Sentry did not take an event.
enum Failed {
    /// It may take it later.
    Passing(Error),
    /// It asked for a pause.
    Paused,
    /// It does not want it.
    Refused(StatusCode),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Passing(error)
    }
}

impl Passing for Failed {
    fn is_passing(&self) -> bool {
        matches!(self, Self::Passing(_))
    }
}

impl Sentry {
    /// `None` when no DSN is configured.
    pub(crate) fn new(
        config: &IncidentsConfig,
        scrub: Arc<Scrub>,
        clock: Arc<dyn Clock>,
        faults: Faults,
    ) -> Result<Option<Self>, BadConfig> {
        let Some(dsn) = &config.sentry_dsn else { return Ok(None) };
        let dsn = Dsn::read(dsn.expose_secret())?;
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| BadConfig::Client(error.to_string()))?;
        let short = |text: &str| text.chars().take(64).collect::<String>();
        Ok(Some(Self {
            dsn,
            http,
            upstream: Upstream::new("sentry", Policy::default(), clock.clone(), faults),
            scrub,
            environment: short(&config.environment),
            release: short(&config.release),
            queue: Mutex::default(),
            filled: Notify::new(),
            pause: Mutex::default(),
            all: Allowance::new(clock.clone(), A_MINUTE, 1),
            groups: Allowance::new(clock.clone(), OF_A_GROUP, GROUPS),
            clock,
            sent: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        }))
    }

    pub(crate) fn health(&self) -> Health {
        self.upstream.health()
    }

    /// Events sent, and dropped.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.sent.load(Ordering::Relaxed), self.dropped.load(Ordering::Relaxed))
    }

    /// Queues what is for Sentry of a batch, as far as there is room. Never waits.
    pub(crate) fn offer(&self, batch: &mut Batch) {
        for (key, tally) in batch {
            if !is_for_sentry(key) {
                continue;
            }
            for taken in tally.samples.iter_mut().filter(|taken| !taken.reported) {
                taken.reported = true;
                let event = Event::new(self, key, taken);
                if self.groups.take(event.fingerprint.clone()).is_err() || self.all.take(()).is_err() {
                    self.drop_one();
                    continue;
                }
                let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
                if queue.len() >= QUEUE {
                    // The newest tells most of what is going on.
                    queue.pop_front();
                    self.drop_one();
                }
                queue.push_back(event);
            }
        }
        self.filled.notify_one();
    }

    /// Sends what is queued until it is time to stop, and then what is left, for a moment.
    pub(crate) async fn run(&self, mut stopping: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                _ = stopping.wait_for(|stop| *stop) => break,
                () = self.filled.notified() => {}
            }
            tokio::select! {
                _ = stopping.wait_for(|stop| *stop) => break,
                () = self.empty() => {}
            }
        }
        let _ = tokio::time::timeout(FAREWELL, self.empty()).await;
    }

    /// Sends what is queued.
    pub(crate) async fn empty(&self) {
        while let Some(event) = self.next() {
            let may_send =
                self.pause.lock().unwrap_or_else(PoisonError::into_inner).is_over(self.clock.now());
            if !may_send {
                self.drop_one();
                continue;
            }
            let body = event.envelope(self);
            match self.upstream.call(|| self.send(&body)).await {
                Ok(()) => {
                    self.sent.fetch_add(1, Ordering::Relaxed);
                }
                Err(failed) => {
                    self.drop_one();
                    self.complain(&failed);
                }
            }
        }
    }

    fn next(&self) -> Option<Event> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    async fn send(&self, body: &str) -> Result<(), Failed> {
        let request = self
            .http
            .post(self.dsn.envelope.clone())
            .header("x-sentry-auth", self.dsn.authorization())
            .header(header::CONTENT_TYPE, "application/x-sentry-envelope")
            .body(body.to_owned());
        let response = request.send().await.map_err(|error| {
            // Its address holds no secret, but nobody needs it either.
            Failed::Passing(away("does not answer").because(error.without_url()))
        })?;
        let status = response.status();
        let asked = {
            let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
            pause.hear(response.headers(), status, self.clock.now())
        };
        match status {
            status if status.is_success() => Ok(()),
            StatusCode::TOO_MANY_REQUESTS => Err(Failed::Paused),
            _ if asked => Err(Failed::Paused),
            status if status.is_server_error() => {
                Err(Failed::Passing(away("cannot take events").because(status.to_string())))
            }
            status => Err(Failed::Refused(status)),
        }
    }

    fn complain(&self, failed: &Failed) {
        match failed {
            Failed::Paused => tracing::debug!("Sentry asked for a pause"),
            Failed::Refused(status) => {
                tracing::warn!(status = status.as_u16(), "Sentry refused an event; check sentry_dsn");
            }
            Failed::Passing(error) => {
                tracing::warn!("Sentry did not get an event: {}", self.scrub.all(&error.causes()));
            }
        }
    }

    fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

fn is_for_sentry(key: &Key) -> bool {
    matches!(key.kind, Kind::Bug | Kind::Upstream)
}

fn away(what: &str) -> Error {
    Error::new(Kind::Upstream, "upstream_down", format!("Sentry {what}.")).with("upstream", "sentry")
}
