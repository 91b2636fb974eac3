//! The connections: on SQLite one writer and a pool of readers, on PostgreSQL a pool of each.
//!
//! SQLite lets one connection write at a time, and a reader that turns into a writer can fail at once however
//! long it is willing to wait. So every write begins with `BEGIN IMMEDIATE` on the one writer, where callers
//! queue, and readers cannot write at all. PostgreSQL keeps the same split, so that a write through the
//! reader is found on either.

use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use guildhall_core::incident::Clean;
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DbErr, RuntimeErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
    sqlx::{
        self,
        sqlite::{SqliteJournalMode, SqliteSynchronous},
    },
};
use sea_orm_migration::MigrationTrait;

use crate::{
    StoreError, Tx, migrator,
    trace::{self, Reader},
};

/// How long SQLite waits for another process's lock, and any caller for a free connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// Which database is underneath.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// SQLite, in a file.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// How a store is opened.
#[derive(Clone)]
pub struct Options {
    /// `sqlite:///absolute/path.db` or `postgres://user:password@host/database`.
    ///
    /// PostgreSQL is spoken to through TLS when it offers that. `?sslmode=require` refuses to go without;
    /// `?sslmode=verify-full` also checks that its certificate is for `host` and comes from an authority that
    /// this machine trusts, or from the one in the file `&sslrootcert=/path.pem`. The modes are libpq's.
    pub address: String,
    /// Connections that read, at least 1; 8 by default.
    pub readers: u32,
    /// Connections that write, at least 1; 8 by default. SQLite always has one.
    pub writers: u32,
    /// Whether a commit waits until it is safe on disk. True by default; false loses the last commits when
    /// the machine loses power, and is for tests.
    pub durable: bool,
}

impl Options {
    /// The defaults for an address.
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into(), readers: 8, writers: 8, durable: true }
    }
}

/// A database with its connections. Cheap to clone; clones share the connections.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    backend: Backend,
    reader: Reader,
    writer: DatabaseConnection,
    clean: OnceLock<Box<Clean<'static>>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("backend", &self.inner.backend).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the database at `address`, creates the file when it is SQLite and missing, and brings its tables
    /// up to date: this crate's own and those of `migrations`.
    pub async fn open(
        address: impl AsRef<str>,
        migrations: Vec<Box<dyn MigrationTrait>>,
    ) -> Result<Self, StoreError> {
        Self::open_with(Options::new(address.as_ref()), migrations).await
    }

    /// As [`Store::open`], with more to choose.
    pub async fn open_with(
        options: Options,
        migrations: Vec<Box<dyn MigrationTrait>>,
    ) -> Result<Self, StoreError> {
        let inner = if options.address.starts_with("sqlite:") {
            open_sqlite(&options).await?
        } else if options.address.starts_with("postgres:") || options.address.starts_with("postgresql:") {
            open_postgres(&options).await?
        } else {
            return Err(StoreError::Address { reason: "it names neither sqlite nor postgres".to_owned() });
        };
        let store = Self { inner: Arc::new(inner) };
        migrator::run(&store, migrations).await?;
        Ok(store)
    }

    /// Which database is underneath.
    pub fn backend(&self) -> Backend {
        self.inner.backend
    }

    /// The pool for reading. The database refuses writes through it.
    pub fn reader(&self) -> &Reader {
        &self.inner.reader
    }

    /// Begins a write transaction. Waits up to 10 s for its turn.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let span = trace::span(self.inner.writer.get_database_backend(), "write");
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(Tx::new(self.inner.writer.begin_with_options(options).await?, span))
    }

    /// Passes every text of the events that are kept from here on through `clean`: events are read by strangers,
    /// and what games and other systems say in them may hold secrets. A second one changes nothing.
    pub fn clean_with(&self, clean: impl for<'a> Fn(&'a str) -> Cow<'a, str> + Send + Sync + 'static) {
        let _ = self.inner.clean.set(Box::new(clean));
    }

    /// The text as it may be kept, by what [`Store::clean_with`] was given.
    pub fn cleaned<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.clean().map_or(Cow::Borrowed(text), |clean| clean(text))
    }

    /// What [`Store::clean_with`] was given.
    pub(crate) fn clean(&self) -> Option<&Clean<'static>> {
        self.inner.clean.get().map(Box::as_ref)
    }

    /// Answers when the database does: for health checks.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.inner.reader.pool().ping().await.map_err(Into::into)
    }

    /// Closes the connections once the statements under way are done. Later calls fail.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.inner.reader.pool().close_by_ref().await?;
        self.inner.writer.close_by_ref().await.map_err(Into::into)
    }
}

fn pool(address: &str, size: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(address);
    options
        .max_connections(size.max(1))
        .acquire_timeout(PATIENCE)
        .connect_timeout(PATIENCE)
        // Statements carry people's words; the log is not the place for them.
        .sqlx_logging(false)
        .record_stmt_in_spans(false);
    options
}

async fn open_sqlite(options: &Options) -> Result<Inner, StoreError> {
    let path = options.address.trim_start_matches("sqlite:").trim_start_matches("//");
    let file = path.split('?').next().unwrap_or_default();
    if !file.starts_with('/') {
        let reason = "an SQLite database is a file with an absolute path".to_owned();
        return Err(StoreError::Address { reason });
    }
    create_private(file)?;

    let synchronous = if options.durable { SqliteSynchronous::Full } else { SqliteSynchronous::Off };
    let mut writer = pool(&options.address, 1);
    writer.idle_timeout(None).max_lifetime(None).map_sqlx_sqlite_opts(move |sqlite| {
        sqlite
            .journal_mode(SqliteJournalMode::Wal)
            // NORMAL may lose the last commits of a machine that loses power. The audit record promises that
            // it does not, and group commit pays for it.
            .synchronous(synchronous)
            .foreign_keys(true)
            .busy_timeout(PATIENCE)
    });
    // The writer comes first: it turns the file to WAL, which readers then find.
    let writer = Database::connect(writer).await.map_err(unreachable)?;

    let mut reader = pool(&options.address, options.readers);
    reader.map_sqlx_sqlite_opts(|sqlite| {
        sqlite
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(PATIENCE)
            .pragma("query_only", "ON")
    });
    let reader = Database::connect(reader).await.map_err(unreachable)?;
    Ok(Inner { backend: Backend::Sqlite, reader: Reader::new(reader), writer, clean: OnceLock::new() })
}

/// Creates the file, readable by its owner only, when there is none: it holds what people wrote.
fn create_private(file: &str) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt;

    let opened = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(file);
    opened.map(drop).map_err(|error| StoreError::Address { reason: format!("{file}: {error}") })
}

async fn open_postgres(options: &Options) -> Result<Inner, StoreError> {
    let mut writer = pool(&options.address, options.writers);
    let durable = options.durable;
    writer.map_sqlx_postgres_opts(move |postgres| {
        // `on` and not the server's default: the promise must not depend on somebody's postgresql.conf.
        postgres.options([("synchronous_commit", if durable { "on" } else { "off" })])
    });
    // One more than asked for: hearing of other processes' events holds one for good.
    let mut reader = pool(&options.address, options.readers.max(1).saturating_add(1));
    reader.map_sqlx_postgres_opts(|postgres| postgres.options([("default_transaction_read_only", "on")]));

    let writer = Database::connect(writer).await.map_err(unreachable)?;
    let reader = Database::connect(reader).await.map_err(unreachable)?;
    Ok(Inner { backend: Backend::Postgres, reader: Reader::new(reader), writer, clean: OnceLock::new() })
}

fn unreachable(error: DbErr) -> StoreError {
    let DbErr::Conn(RuntimeErr::SqlxError(cause)) = &error else { return StoreError::Unreachable(error) };
    match cause.as_ref() {
        sqlx::Error::Tls(_) => StoreError::Tls(error),
        // How rustls reports a certificate that it turns down.
        sqlx::Error::Io(io) if io.kind() == std::io::ErrorKind::InvalidData => StoreError::Tls(error),
        _ => StoreError::Unreachable(error),
    }
}
