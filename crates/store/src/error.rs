//! What can go wrong with a store, and what a person can do about it.

use guildhall_core::{Error, Kind};
use sea_orm::{DbErr, RuntimeErr, SqlErr, sqlx};

/// What went wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address is not one of a database that Guildhall speaks to.
    #[error(
        "the database address is not understood: {reason}; use sqlite:///absolute/path.db or \
         postgres://user@host/database"
    )]
    Address {
        /// What is wrong with it. Never the address itself, which may hold a password.
        reason: String,
    },
    /// The database cannot be reached.
    #[error("the database cannot be reached; check that it runs, its address and its password")]
    Unreachable(#[source] DbErr),
    /// The database was reached, but no encrypted connection to it that can be trusted.
    #[error(
        "no encrypted connection to the database can be made that its address allows; check that the database \
         offers TLS, and sslmode, sslrootcert and the host's name in the address"
    )]
    Tls(#[source] DbErr),
    /// Every connection was in use for longer than a caller waits.
    #[error("the database is busy; try again in a moment")]
    Busy(#[source] DbErr),
    /// The disk under the database is full.
    #[error("the database has no space left; free some on its disk, then try again")]
    Full(#[source] DbErr),
    /// Somebody else wrote the same thing first.
    #[error("this is already there: {0}")]
    Duplicate(String),
    /// The database was last used by a newer Guildhall.
    #[error(
        "the database was last used by a newer Guildhall (it has {unknown}, which this one does not know); \
         start the newer one, or restore the backup from before the upgrade"
    )]
    Newer {
        /// The first migration that this program does not know.
        unknown: String,
    },
    /// Two migrations have the same name.
    #[error("two migrations are named {0}; rename one")]
    SameMigration(String),
    /// A migration did not run; nothing of it was kept.
    #[error("the migration {name} did not run and nothing of it was kept; report it with the log")]
    Migration {
        /// The migration's name.
        name: String,
        /// What the database said.
        #[source]
        source: DbErr,
    },
    /// A value is larger than its bound.
    #[error("{what} is {size} bytes; at most {limit} are kept")]
    TooLarge {
        /// Which value.
        what: &'static str,
        /// Its size in bytes.
        size: usize,
        /// The bound in bytes.
        limit: usize,
    },
    /// A row holds something that this program did not write.
    #[error("a row of {table} cannot be read: {reason}; restore it from a backup")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The store is shutting down.
    #[error("the store is shutting down; try again once Guildhall runs")]
    Closed,
    /// A query failed in a way that is Guildhall's own fault.
    #[error("a query failed")]
    Query(#[source] DbErr),
}

impl StoreError {
    /// Whether the same call may succeed later with nothing changed but time.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Busy(_) | Self::Full(_))
    }

    /// The same trouble, for the next of several callers that share it.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Unreachable(cause) => Self::Unreachable(cause.clone()),
            Self::Full(cause) => Self::Full(cause.clone()),
            Self::Busy(cause) | Self::Query(cause) => Self::Busy(cause.clone()),
            _ => Self::Closed,
        }
    }

    pub(crate) fn corrupt(table: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Corrupt { table, reason: reason.to_string() }
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        if let Some(SqlErr::UniqueConstraintViolation(what)) = error.sql_err() {
            return Self::Duplicate(what);
        }
        let runtime = match &error {
            DbErr::ConnectionAcquire(_) => return Self::Busy(error),
            DbErr::Conn(runtime) | DbErr::Exec(runtime) | DbErr::Query(runtime) => runtime,
            _ => return Self::Query(error),
        };
        let RuntimeErr::SqlxError(cause) = runtime else { return Self::Query(error) };
        match cause.as_ref() {
            sqlx::Error::PoolTimedOut => Self::Busy(error),
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed => Self::Unreachable(error),
            sqlx::Error::Database(database) => match database.code().as_deref() {
                // SQLITE_BUSY and its extended codes; serialization failure, deadlock and lock timeout of
                // PostgreSQL: the transaction was rolled back and can be run again.
                Some("5" | "261" | "517" | "773" | "40001" | "40P01" | "55P03") => Self::Busy(error),
                // SQLITE_FULL; disk_full.
                Some("13" | "53100") => Self::Full(error),
                // too_many_connections; admin_shutdown, crash_shutdown, cannot_connect_now.
                Some("53300" | "57P01" | "57P02" | "57P03") => Self::Unreachable(error),
                _ if matches!(error, DbErr::Conn(_)) => Self::Unreachable(error),
                _ => Self::Query(error),
            },
            _ if matches!(error, DbErr::Conn(_)) => Self::Unreachable(error),
            _ => Self::Query(error),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let plain =
            |code, message: &str, remedy: &str| Error::new(Kind::Upstream, code, message).remedy(remedy);
        match &error {
            StoreError::Unreachable(_) | StoreError::Tls(_) => plain(
                "store_unreachable",
                "The database cannot be reached.",
                "Try again in a moment; if it stays, tell who runs this installation.",
            ),
            StoreError::Busy(_) | StoreError::Closed => {
                plain("store_busy", "The database is busy.", "Try again in a moment.")
            }
            StoreError::Full(_) => plain(
                "store_full",
                "The database has no space left.",
                "Who runs this installation must free some space on its disk.",
            ),
            StoreError::Duplicate(_) => {
                Error::new(Kind::Conflict, "already_there", "There is one like this already.")
                    .remedy("Choose another name, or use the one that is there.")
            }
            StoreError::TooLarge { what, size, limit } => Error::new(
                Kind::Limit,
                "too_large",
                format!("The {what} is {size} bytes; at most {limit} are kept."),
            )
            .remedy("Make it smaller.")
            .with("what", *what)
            .with("size", *size)
            .with("limit", *limit),
            _ => return Error::bug(error),
        }
        .because(error)
    }
}

#[cfg(test)]
mod tests {
    use guildhall_core::language::{Language, Texts, gaps};

    use super::*;

    #[test]
    fn each_is_said_in_each_language_with_all_that_it_speaks_of() {
        assert_eq!(gaps(&[crate::LOCALES]), Vec::<String>::new());
        let texts = Texts::new(&[guildhall_core::language::LOCALES, crate::LOCALES]).unwrap();
        let cause = || DbErr::Custom("x".to_owned());
        for error in [
            StoreError::Unreachable(cause()),
            StoreError::Busy(cause()),
            StoreError::Full(cause()),
            StoreError::Duplicate("x".to_owned()),
            StoreError::TooLarge { what: "note", size: 3, limit: 2 },
            StoreError::Query(cause()),
        ] {
            let error = Error::from(error);
            assert_ne!(texts.translate(&error, Language::German).message(), error.message, "{}", error.code);
        }
    }
}
