//! Redis or Valkey between several processes: a second-level cache of books, and word of every change.
//!
//! Nothing depends on it. A command that takes longer than [`PATIENCE`] is given up, after three failures in a
//! row the breaker leaves Redis alone for a while, and callers read the database instead.
//!
//! A book lies under the tenant and its revision, and a sorted set holds each tenant's newest revision, which
//! `ZADD … GT` only ever raises. So a slow writer that stores an old book stores it where nobody looks.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fred::{
    clients::{Client, SubscriberClient},
    interfaces::{ClientLike, EventInterface, KeysInterface, PubsubInterface, SortedSetsInterface},
    types::{
        Builder, ConnectHandle, Expiration,
        config::{Config, ReconnectPolicy},
        sorted_sets::Ordering as Raise,
    },
};
use guildhall_core::{
    Clock, Error, Face, Kind, TenantId,
    fault::Faults,
    incident::{Observer, Occurrence},
    upstream::{Health, Policy, Upstream},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio::{
    sync::broadcast::error::RecvError,
    time::{MissedTickBehavior, interval, timeout},
};

use crate::{
    book::Book,
    cache::{ALONE, Books},
};

/// How long a command may take, connection and all.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often a subscription that does not stand is tried.
const TRY_AGAIN: Duration = Duration::from_millis(250);
/// How often it is looked whether Redis does its part.
const LOOK: Duration = Duration::from_secs(1);
/// How long Redis may be away before that is told: a restart of it is nobody's business.
const OVERLOOKED: Duration = Duration::from_secs(10);
const REVISIONS: &str = "guildhall:community:revisions";
const CHANNEL: &str = "guildhall:community:changed";

/// The connection.
pub(crate) struct Redis {
    client: Client,
    subscriber: SubscriberClient,
    upstream: Upstream,
    /// Whether the subscription stands; it ends with its connection.
    subscribed: AtomicBool,
    clock: Arc<dyn Clock>,
    /// Who hears of an outage.
    observer: OnceLock<Arc<dyn Observer>>,
}

/// Since when Redis has been away, and whether that has been told. Each outage is told once.
#[derive(Default)]
struct Outage {
    since: Option<OffsetDateTime>,
    told: bool,
}

/// A book in Redis.
#[derive(Serialize, Deserialize)]
struct Copy {
    /// When it was read from the database, in microseconds since 1970.
    read_at: i64,
    book: Book,
}

impl Redis {
    /// Reads the address. Nothing is connected before [`Redis::listen`].
    pub(crate) fn new(url: &SecretString, clock: Arc<dyn Clock>, faults: Faults) -> Result<Self, String> {
        let text = url.expose_secret();
        // Without its TLS features fred would take these and speak in the clear.
        let secure = ["rediss", "valkeys"].iter().any(|scheme| text.starts_with(scheme));
        if secure || !["redis", "valkey"].iter().any(|scheme| text.starts_with(scheme)) {
            return Err(
                "Redis is spoken to without TLS, in a private network: use redis://host:6379".to_owned()
            );
        }
        // fred's own message may quote the address, and with it the password.
        let mut config = Config::from_url(text)
            .map_err(|_| "the address of Redis is not understood; use redis://user:password@host:6379/0")?;
        config.fail_fast = false;
        let mut builder = Builder::from_config(config);
        builder
            .set_policy(ReconnectPolicy::new_exponential(0, 100, 5_000, 2))
            .with_performance_config(|performance| {
                performance.default_command_timeout = PATIENCE;
                performance.broadcast_channel_capacity = 1_024;
            })
            .with_connection_config(|connection| {
                connection.connection_timeout = Duration::from_secs(2);
                connection.internal_command_timeout = Duration::from_secs(2);
                connection.max_command_attempts = 1;
                connection.max_command_buffer_len = 1_024;
                connection.unresponsive.max_timeout = Some(Duration::from_secs(5));
            });
        let client = builder.build().map_err(|_| "the connection to Redis cannot be set up")?;
        let subscriber =
            builder.build_subscriber_client().map_err(|_| "the connection to Redis cannot be set up")?;
        let policy = Policy {
            attempts: 1,
            pause: Duration::from_millis(10),
            longest: Duration::from_millis(50),
            failures: 3,
            rest: Duration::from_secs(5),
        };
        Ok(Self {
            client,
            subscriber,
            upstream: Upstream::new("redis", policy, clock.clone(), faults),
            subscribed: AtomicBool::new(false),
            clock,
            observer: OnceLock::new(),
        })
    }

    /// Says who hears of an outage. Only the first one counts.
    pub(crate) fn report_to(&self, observer: Arc<dyn Observer>) {
        let _ = self.observer.set(observer);
    }

    /// How it is doing.
    pub(crate) fn health(&self) -> Health {
        if self.hears() { self.upstream.health() } else { Health::Open }
    }

    /// Whether word of other processes' changes can arrive.
    pub(crate) fn hears(&self) -> bool {
        self.subscribed.load(Ordering::Acquire)
            && self.subscriber.is_connected()
            && self.client.is_connected()
    }

    /// The newest book and when it was read from the database, in microseconds since 1970.
    pub(crate) async fn book(&self, tenant: &TenantId) -> Option<(Book, i64)> {
        let text = self
            .ask("read", || async {
                let revision: Option<f64> = self.client.zscore(REVISIONS, tenant.as_str()).await?;
                let Some(revision) = revision else { return Ok(None) };
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "it was a whole number when it was put there"
                )]
                let text: Option<String> = self.client.get(key(tenant, revision as i64)).await?;
                Ok(text)
            })
            .await??;
        // What another version of Guildhall wrote may not be readable; the database is.
        let copy: Copy = serde_json::from_str(&text).ok()?;
        Some((copy.book, copy.read_at))
    }

    /// Keeps a book for the others, for as long as it counts as fresh.
    pub(crate) async fn keep(&self, tenant: &TenantId, book: &Book, read_at: i64, fresh: Duration) {
        let copy = Copy { read_at, book: book.clone() };
        let Ok(text) = serde_json::to_string(&copy) else { return };
        let seconds = i64::try_from(fresh.as_secs()).unwrap_or(i64::MAX).max(1);
        self.ask("keep", || async {
            self.raise(tenant, book.revision).await?;
            let expires = Some(Expiration::EX(seconds));
            let _: () =
                self.client.set(key(tenant, book.revision), text.as_str(), expires, None, false).await?;
            Ok(())
        })
        .await;
    }

    /// Tells the other processes of a change.
    pub(crate) async fn tell(&self, tenant: &TenantId, revision: i64) {
        let told = self
            .ask("tell", || async {
                self.raise(tenant, revision).await?;
                let _: i64 = self.client.publish(CHANNEL, format!("{tenant} {revision}")).await?;
                Ok(())
            })
            .await;
        if told.is_none() {
            metrics::counter!("guildhall_community_invalidations_lost_total").increment(1);
        }
    }

    /// Connects, and passes on what other processes tell, until `shutdown` ends.
    pub(crate) async fn listen(&self, books: &Books, shutdown: impl Future<Output = ()> + Send) {
        let mut messages = self.subscriber.message_rx();
        let mut reconnected = self.subscriber.reconnect_rx();
        let connections: [ConnectHandle; 2] = [self.client.connect(), self.subscriber.connect()];
        let mut shutdown = std::pin::pin!(shutdown);
        let mut tries = interval(TRY_AGAIN);
        tries.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut outage = Outage::default();
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                _ = tries.tick(), if !self.subscribed.load(Ordering::Acquire) => {
                    if self.subscribe().await {
                        // What was said before is lost.
                        self.subscribed.store(true, Ordering::Release);
                        books.doubt_all();
                    }
                }
                _ = looks.tick() => self.look(&mut outage).await,
                message = messages.recv() => match message {
                    Ok(message) => {
                        let text = message.value.as_string().unwrap_or_default();
                        match read(&text) {
                            Some((tenant, revision)) => books.at_least(&tenant, revision),
                            None => tracing::debug!("Redis told of a change that cannot be read"),
                        }
                    }
                    // Whom the lost ones were about, nobody knows.
                    Err(RecvError::Lagged(lost)) => {
                        metrics::counter!("guildhall_community_invalidations_lost_total").increment(lost);
                        books.doubt_all();
                    }
                    Err(RecvError::Closed) => break,
                },
                again = reconnected.recv() => match again {
                    Ok(_) | Err(RecvError::Lagged(_)) => {
                        self.subscribed.store(false, Ordering::Release);
                        tries.reset_immediately();
                    }
                    Err(RecvError::Closed) => break,
                },
            }
        }
        self.subscribed.store(false, Ordering::Release);
        for connection in connections {
            connection.abort();
        }
        let _ = timeout(PATIENCE, self.client.quit()).await;
        let _ = timeout(PATIENCE, self.subscriber.quit()).await;
    }

    /// Tells once of each outage, and once that it is over.
    async fn look(&self, outage: &mut Outage) {
        if self.health() != Health::Closed && self.hears() {
            // A breaker closes when somebody asks, and nobody may have for long.
            self.ask("look", || self.client.ping::<()>(None)).await;
        }
        let now = self.clock.now();
        if self.health() == Health::Closed {
            if let (Some(since), true) = (outage.since, outage.told) {
                tracing::info!("Redis answers again, after {} s", (now - since).whole_seconds());
            }
            *outage = Outage::default();
            return;
        }
        let since = *outage.since.get_or_insert(now);
        if outage.told || now - since < OVERLOOKED {
            return;
        }
        outage.told = true;
        let detail = format!(
            "Redis has not answered for {} s. The database is asked instead, and what another process changes is seen \
             within {} s.",
            (now - since).whole_seconds(),
            ALONE.as_secs(),
        );
        tracing::warn!("{detail}");
        if let (Some(observer), Ok(tenant)) = (self.observer.get(), "system".parse()) {
            observer.notice(Occurrence {
                at: now,
                code: "redis_unreachable",
                kind: Kind::Upstream,
                operation: "settings".to_owned(),
                detail,
                tenant,
                actor: None,
                face: Face::System,
                call: None,
                trace: None,
            });
        }
    }

    async fn subscribe(&self) -> bool {
        let subscribing = timeout(PATIENCE, self.subscriber.subscribe(CHANNEL));
        self.subscriber.is_connected() && subscribing.await.is_ok_and(|result| result.is_ok())
    }

    async fn raise(&self, tenant: &TenantId, revision: i64) -> Result<(), fred::error::Error> {
        #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^53 changes")]
        let score = (revision as f64, tenant.as_str());
        self.client.zadd(REVISIONS, None, Some(Raise::GreaterThan), false, false, score).await
    }

    /// `None` when Redis did not do it in time.
    async fn ask<T, F>(&self, what: &'static str, attempt: impl Fn() -> F) -> Option<T>
    where
        F: Future<Output = Result<T, fred::error::Error>>,
    {
        let failures = || metrics::counter!("guildhall_community_redis_failures_total", "what" => what);
        if !self.client.is_connected() {
            failures().increment(1);
            return None;
        }
        let asked = self.upstream.call(|| async {
            attempt().await.map_err(|error| {
                Error::new(Kind::Upstream, "redis_unreachable", "Redis did not answer.").because(error)
            })
        });
        let failed = match timeout(PATIENCE, asked).await {
            Ok(Ok(value)) => return Some(value),
            Ok(Err(error)) => error.causes(),
            Err(_) => "it took too long".to_owned(),
        };
        failures().increment(1);
        tracing::debug!(what, "Redis did not do its part: {failed}");
        None
    }
}

fn key(tenant: &TenantId, revision: i64) -> String {
    format!("guildhall:community:book:{tenant}:{revision}")
}

/// Reads `<tenant> <revision>`.
fn read(text: &str) -> Option<(TenantId, i64)> {
    let (tenant, revision) = text.split_once(' ')?;
    Some((tenant.parse().ok()?, revision.parse().ok().filter(|revision| *revision >= 0)?))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use guildhall_core::ManualClock;

    use super::*;

    #[derive(Default)]
    struct Heard(Mutex<Vec<Occurrence>>);

    impl Observer for Heard {
        fn notice(&self, occurrence: Occurrence) {
            self.0.lock().unwrap().push(occurrence);
        }
    }

    #[tokio::test]
    async fn an_outage_is_told_when_it_lasts_and_only_once() {
        let clock = Arc::new(ManualClock::default());
        let faults = Faults::new(clock.clone());
        let redis = Redis::new(&"redis://127.0.0.1:1".into(), clock.clone(), faults).unwrap();
        let heard = Arc::<Heard>::default();
        redis.report_to(heard.clone());
        let mut outage = Outage::default();
        let mut told = Vec::new();
        for _ in 0..30 {
            redis.look(&mut outage).await;
            told.push(heard.0.lock().unwrap().len());
            clock.advance(LOOK);
        }
        let overlooked = usize::try_from(OVERLOOKED.as_secs()).unwrap();
        assert_eq!(told[..overlooked], vec![0; overlooked], "a restart of Redis is not told");
        assert_eq!(told[overlooked..], vec![1; 30 - overlooked], "and what lasts is told once");
        let detail = heard.0.lock().unwrap()[0].detail.clone();
        assert!(detail.contains("within 5 s") && !detail.contains("127.0.0.1"), "{detail}");
    }
}
