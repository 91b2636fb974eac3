//! The time that the database takes, as spans `store`: a statement's when it reads, a transaction's when it writes.
//!
//! A span is made only inside of another one, which is what somebody waits for. What Guildhall does by itself all
//! the time, such as looking for work that is due, would otherwise be a trace of its own each time.

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use tracing::{Instrument as _, Span};

/// A span for a piece of work of the database's, or none where nobody waits.
pub(crate) fn span(backend: DbBackend, access: &'static str) -> Span {
    if Span::current().is_none() {
        return Span::none();
    }
    let system = match backend {
        DbBackend::Sqlite => "sqlite",
        DbBackend::Postgres => "postgresql",
        _ => "other",
    };
    tracing::info_span!("store", db.system.name = system, access)
}

/// The pool for reading, each statement in a span. Waiting for a connection is part of it.
#[derive(Debug)]
pub struct Reader {
    pool: DatabaseConnection,
}

impl Reader {
    pub(crate) fn new(pool: DatabaseConnection) -> Self {
        Self { pool }
    }

    pub(crate) fn pool(&self) -> &DatabaseConnection {
        &self.pool
    }

    fn span(&self) -> Span {
        span(self.pool.get_database_backend(), "read")
    }
}

#[async_trait]
#[expect(clippy::disallowed_methods, reason = "it passes on what others ask for")]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        self.pool.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.pool.execute_raw(statement).instrument(self.span()).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.pool.execute_unprepared(sql).instrument(self.span()).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.pool.query_one_raw(statement).instrument(self.span()).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.pool.query_all_raw(statement).instrument(self.span()).await
    }
}
