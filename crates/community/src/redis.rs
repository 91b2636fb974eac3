//! Redis or Valkey between several processes: a second-level cache of books, and word of every change.
//!
//! Nothing depends on it. A command that takes longer than [`PATIENCE`] is given up, after three failures in a
//! row the breaker leaves Redis alone for a while, and callers read the database instead.
//!
//! A book lies under the tenant and its revision, and a sorted set holds each tenant's newest revision, which
//! `ZADD … GT` only ever raises. So a slow writer that stores an old book stores it where nobody looks.

use std::{
    sync::{
        Arc,
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
    Clock, Error, Kind, TenantId,
    fault::Faults,
    upstream::{Policy, Upstream},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::broadcast::error::RecvError,
    time::{MissedTickBehavior, interval, timeout},
};

use crate::{book::Book, cache::Books};

/// How long a command may take, connection and all.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often a subscription that does not stand is tried.
const TRY_AGAIN: Duration = Duration::from_millis(250);
const REVISIONS: &str = "guildhall:community:revisions";
const CHANNEL: &str = "guildhall:community:changed";

/// The connection.
pub(crate) struct Redis {
    client: Client,
    subscriber: SubscriberClient,
    upstream: Upstream,
    /// Whether the subscription stands; it ends with its connection.
    subscribed: AtomicBool,
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
            upstream: Upstream::new("redis", policy, clock, faults),
            subscribed: AtomicBool::new(false),
        })
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
        if !self.client.is_connected() {
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
        metrics::counter!("guildhall_community_redis_failures_total", "what" => what).increment(1);
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
