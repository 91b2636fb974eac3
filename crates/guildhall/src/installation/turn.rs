//! Whose turn it is: of all control planes on one PostgreSQL database, one acts.
//!
//! The turn is an advisory lock of a connection that is kept for the process's life. When that connection ends, the
//! lock is free, and this process must not act any more. On SQLite the lock of the data folder does the same.

use std::{str::FromStr as _, sync::Arc, time::Duration};

use guildhall_core::Clock;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

/// The lock's number: "guildact".
const LOCK: i64 = i64::from_be_bytes(*b"guildact");
/// How often the connection that holds the turn is tried.
const LOOK: Duration = Duration::from_millis(500);
/// How long it may take to answer. With [`LOOK`] less than what [`SERVER`] has the database wait.
const ANSWER: Duration = Duration::from_secs(3);
/// How long making a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// When the database, for its part, gives up a connection on which nobody answers any more: after six to seven
/// seconds. By then whoever held it has stopped, and another may act.
const SERVER: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "4"),
    ("tcp_keepalives_interval", "1"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "6000"),
];

/// Somebody who would act.
pub struct Candidate {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
    clock: Arc<dyn Clock>,
}

/// The right to act.
pub struct Turn {
    lost: CancellationToken,
    over: CancellationToken,
    keeper: JoinHandle<()>,
}

impl Candidate {
    /// A candidate for the database at this address. It does not connect yet.
    pub fn new(url: &SecretString, clock: Arc<dyn Clock>) -> Result<Self, sqlx::Error> {
        let options = PgConnectOptions::from_str(url.expose_secret())?
            .application_name("guildhall: whose turn it is")
            .options(SERVER)
            .disable_statement_logging();
        Ok(Self { options, connection: None, clock })
    }

    /// Whether the turn was free; it is this process's then.
    pub async fn try_take(&mut self) -> Result<bool, sqlx::Error> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => in_time(CONNECT, self.options.connect()).await?,
        };
        let taken =
            sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(LOCK).fetch_one(&mut connection);
        let taken = in_time(ANSWER, taken).await?;
        // One that did not answer is not used again.
        self.connection = Some(connection);
        Ok(taken)
    }

    /// Keeps the turn that was taken.
    pub fn keep(self) -> Turn {
        let (lost, over) = (CancellationToken::new(), CancellationToken::new());
        let keeper = tokio::spawn(keep(self.connection, self.clock, lost.clone(), over.clone()));
        Turn { lost, over, keeper }
    }
}

impl Turn {
    /// Comes back when the turn is lost: nothing may be done any more.
    pub async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Leaves the turn to others.
    pub async fn release(self) {
        self.over.cancel();
        if let Err(error) = self.keeper.await {
            tracing::error!("the turn's keeper ended badly: {error}");
        }
    }
}

async fn keep(
    connection: Option<PgConnection>,
    clock: Arc<dyn Clock>,
    lost: CancellationToken,
    over: CancellationToken,
) {
    // However this task ends, the turn is not kept any more.
    let _lost = lost.drop_guard();
    let Some(mut connection) = connection else { return };
    loop {
        tokio::select! {
            () = clock.sleep(LOOK) => {
                if let Err(error) = in_time(ANSWER, connection.ping()).await {
                    tracing::error!("the connection to the database that holds the turn is lost: {error}");
                    return;
                }
            }
            () = over.cancelled() => {
                // The lock ends with the connection, however that ends.
                let _ = in_time(ANSWER, connection.close()).await;
                return;
            }
        }
    }
}

async fn in_time<T>(
    within: Duration,
    what: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let late = |_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
    timeout(within, what).await.map_err(late)?
}
