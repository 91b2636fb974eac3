//! The error system as a whole, and its work in the background.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use guildhall_core::{
    Clock,
    fault::Faults,
    incident::{Observer, Occurrence, Presenter},
    language::Texts,
    setting::Settings,
    upstream::Health,
};
use guildhall_store::StoreError;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Mutex, watch};

use crate::{
    BadConfig, IncidentsConfig, Parts, Scrub,
    book::Book,
    escalation::Escalation,
    fold::Folds,
    intake::{Batch, Intake},
    sentry::Sentry,
};

/// How often what came in is written.
const ROUND: Duration = Duration::from_secs(1);
/// How often the operators' messages are brought up to date.
const TELL: Duration = Duration::from_secs(5);
/// How often what is old is forgotten.
const TIDY: Duration = Duration::from_secs(3_600);

tokio::task_local! {
    /// Set while errors are being reported: what goes wrong with that is counted and logged, and reported to nobody.
    static REPORTING: ();
}

/// The error system. Made once, shared by everybody.
pub struct Incidents {
    pub(crate) texts: Arc<Texts>,
    pub(crate) settings: Arc<dyn Settings>,
    pub(crate) faults: Faults,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) scrub: Arc<Scrub>,
    pub(crate) intake: Intake,
    pub(crate) folds: Folds,
    pub(crate) book: Arc<Book>,
    escalation: Escalation,
    sentry: Option<Sentry>,
    own: AtomicU64,
    flushing: Mutex<()>,
}

/// What was counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Errors.
    pub taken: u64,
    /// Of these, those of which only the count was kept, because there was no room.
    pub lost: u64,
    /// Errors about reporting errors. They are in the log alone.
    pub own: u64,
    /// Events that Sentry took.
    pub sentry_sent: u64,
    /// Events that Sentry did not get: too many at once, or it asked for fewer, or it was away.
    pub sentry_dropped: u64,
}

impl Incidents {
    /// Puts it together. Nothing runs until [`run`](Self::run).
    pub fn new(config: IncidentsConfig, parts: Parts) -> Result<Arc<Self>, BadConfig> {
        let Parts { store, texts, settings, courier, faults, mut secrets, clock } = parts;
        secrets.extend(config.pepper.clone());
        if let Some(dsn) = &config.sentry_dsn {
            secrets.push(dsn.clone());
            secrets.extend(key_of(dsn));
        }
        let scrub = Arc::new(Scrub::new(&secrets, config.pepper.as_ref()));
        let events = scrub.clone();
        store.clean_with(move |text| events.secrets(text));
        let sentry = Sentry::new(&config, scrub.clone(), clock.clone(), faults.clone())?;
        let book = Arc::new(Book::new(store.clone(), scrub.clone()));
        let escalation = Escalation::new(
            config.operators_channel,
            store,
            book.clone(),
            courier,
            scrub.clone(),
            clock.clone(),
        );
        Ok(Arc::new(Self {
            texts,
            settings,
            faults,
            clock,
            scrub,
            intake: Intake::new(),
            folds: Folds::new(),
            book,
            escalation,
            sentry,
            own: AtomicU64::new(0),
            flushing: Mutex::new(()),
        }))
    }

    /// Hears of errors.
    pub fn observer(self: &Arc<Self>) -> Arc<dyn Observer> {
        self.clone()
    }

    /// Makes errors readable.
    pub fn presenter(self: &Arc<Self>) -> Arc<dyn Presenter> {
        self.clone()
    }

    /// What knows the secrets, for the program's log ([`crate::Blanking`]).
    pub fn scrub(&self) -> Arc<Scrub> {
        self.scrub.clone()
    }

    /// Errors of which only the count was kept, because there was no room for more.
    pub fn lost(&self) -> u64 {
        self.intake.lost()
    }

    /// What was counted since the start.
    pub fn counts(&self) -> Counts {
        let (sentry_sent, sentry_dropped) = self.sentry.as_ref().map_or((0, 0), Sentry::counts);
        Counts {
            taken: self.intake.taken(),
            lost: self.intake.lost(),
            own: self.own.load(Ordering::Relaxed),
            sentry_sent,
            sentry_dropped,
        }
    }

    /// How Sentry is doing; `None` when there is none.
    pub fn sentry(&self) -> Option<Health> {
        self.sentry.as_ref().map(Sentry::health)
    }

    /// Keeps, tells and sends what comes in until `shutdown` ends, and then what has come in until then.
    pub async fn run(self: Arc<Self>, shutdown: impl Future<Output = ()> + Send) {
        let (stop, stopping) = watch::channel(false);
        let ending = async {
            shutdown.await;
            stop.send_replace(true);
        };
        let telling = async {
            let mut stopping = stopping.clone();
            while !self.pause(TELL, &mut stopping).await {
                self.tell().await;
            }
        };
        let tidying = async {
            let mut stopping = stopping.clone();
            while !self.pause(TIDY, &mut stopping).await {
                self.tidy().await;
            }
        };
        tokio::join!(ending, self.keep(stopping.clone()), telling, tidying, self.send(stopping.clone()));
    }

    /// Writes what has come in, and says how many groups it went to. On failure it is kept for the next time, and
    /// its counts with it.
    pub async fn flush(&self) -> Result<usize, StoreError> {
        let _one = self.flushing.lock().await;
        let mut drained = Drained { intake: &self.intake, batch: self.intake.drain() };
        if drained.batch.is_empty() {
            return Ok(0);
        }
        if let Some(sentry) = &self.sentry {
            sentry.offer(&mut drained.batch);
        }
        let touched = REPORTING.scope((), self.book.keep(&drained.batch)).await?;
        drained.batch.clear();
        if let Err(error) = REPORTING.scope((), self.escalation.consider(&touched)).await {
            self.complain("which errors to escalate cannot be found out", &error);
        }
        Ok(touched.len())
    }

    /// Brings the operators' messages up to date.
    pub async fn tell(&self) {
        if let Err(error) = REPORTING.scope((), self.escalation.tell()).await {
            self.complain("the operators' messages cannot be brought up to date", &error);
        }
    }

    async fn keep(&self, mut stopping: watch::Receiver<bool>) {
        loop {
            let stopped = self.pause(ROUND, &mut stopping).await;
            if let Err(error) = self.flush().await {
                self.complain("errors cannot be kept; they stay in memory", &error);
            }
            if stopped {
                return;
            }
        }
    }

    async fn tidy(&self) {
        if let Err(error) = REPORTING.scope((), self.book.tidy(self.clock.now())).await {
            self.complain("old errors cannot be forgotten", &error);
        }
    }

    async fn send(&self, stopping: watch::Receiver<bool>) {
        if let Some(sentry) = &self.sentry {
            REPORTING.scope((), sentry.run(stopping)).await;
        }
    }

    /// Waits; true when it is time to stop.
    async fn pause(&self, pause: Duration, stopping: &mut watch::Receiver<bool>) -> bool {
        let stopped = async { stopping.wait_for(|stop| *stop).await.is_ok() };
        tokio::select! {
            stopped = stopped => stopped,
            () = self.clock.sleep(pause) => false,
        }
    }

    /// Says in the log, and nowhere else, what is wrong with reporting errors.
    fn complain(&self, what: &str, error: &(dyn std::error::Error + 'static)) {
        tracing::warn!("{what}: {}", self.scrub.all(&chain(error)));
    }
}

impl Observer for Incidents {
    fn notice(&self, occurrence: Occurrence) {
        if REPORTING.try_with(|()| ()).is_ok() {
            self.own.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(
                code = occurrence.code,
                "an error about reporting errors: {}",
                self.scrub.all(&occurrence.detail)
            );
            return;
        }
        self.intake.take(occurrence);
    }
}

/// What was taken out to be written. What has not been goes back, also when whoever waited for it gave up.
struct Drained<'a> {
    intake: &'a Intake,
    batch: Batch,
}

impl Drop for Drained<'_> {
    fn drop(&mut self) {
        self.intake.put_back(std::mem::take(&mut self.batch));
    }
}

/// An error with its causes.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

/// The key in a DSN, which is a secret also where it stands alone.
fn key_of(dsn: &SecretString) -> Option<SecretString> {
    let url: url::Url = dsn.expose_secret().parse().ok()?;
    Some(SecretString::from(url.username()))
}
