//! Brings a database's tables up to date: every migration once, in the order of the names, all or nothing.

use std::collections::BTreeSet;

use guildhall_core::{Clock as _, SystemClock};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use sea_orm_migration::{MigrationTrait, SchemaManager};

use crate::{Backend, Store, StoreError, Timestamp, migration};

/// The advisory lock that keeps two processes from migrating one PostgreSQL database at a time: "guildmig".
const LOCK: i64 = 0x6775_696c_646d_6967;

/// Runs what has not been run. Both databases can take back a change of tables, so the whole upgrade is one
/// transaction: after a failure the database is as it was before.
pub(crate) async fn run(
    store: &Store,
    mut migrations: Vec<Box<dyn MigrationTrait>>,
) -> Result<(), StoreError> {
    migrations.extend(migration::migrations());
    migrations.sort_by(|a, b| a.name().cmp(b.name()));
    if let Some(twins) = migrations.windows(2).find(|pair| pair[0].name() == pair[1].name()) {
        return Err(StoreError::SameMigration(twins[0].name().to_owned()));
    }

    let tx = store.begin().await?;
    let conn = tx.conn();
    if store.backend() == Backend::Postgres {
        conn.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({LOCK})")).await?;
    }
    conn.execute_unprepared(
        "CREATE TABLE IF NOT EXISTS migration (name TEXT NOT NULL PRIMARY KEY, applied_at BIGINT NOT NULL)",
    )
    .await?;
    let applied = applied(conn).await?;
    if let Some(unknown) = applied.iter().find(|name| !migrations.iter().any(|known| known.name() == *name)) {
        return Err(StoreError::Newer { unknown: unknown.clone() });
    }
    for pending in migrations.iter().filter(|known| !applied.contains(known.name())) {
        let name = pending.name();
        let failed = |source| StoreError::Migration { name: name.to_owned(), source };
        pending.up(&SchemaManager::new(conn)).await.map_err(failed)?;
        mark(conn, name).await?;
        tracing::info!(migration = name, "the database was brought up to date");
    }
    tx.commit().await
}

#[expect(clippy::disallowed_methods, reason = "the list of migrations belongs to no community")]
async fn applied(conn: &impl ConnectionTrait) -> Result<BTreeSet<String>, StoreError> {
    let query = Statement::from_string(conn.get_database_backend(), "SELECT name FROM migration");
    let rows = conn.query_all_raw(query).await?;
    rows.iter().map(|row| row.try_get("", "name").map_err(Into::into)).collect()
}

#[expect(clippy::disallowed_methods, reason = "the list of migrations belongs to no community")]
async fn mark(conn: &impl ConnectionTrait, name: &str) -> Result<(), StoreError> {
    let backend = conn.get_database_backend();
    let insert = match backend {
        DbBackend::Postgres => "INSERT INTO migration (name, applied_at) VALUES ($1, $2)",
        _ => "INSERT INTO migration (name, applied_at) VALUES (?, ?)",
    };
    let at = Timestamp::from(SystemClock.now());
    let values = [name.into(), at.into()];
    conn.execute_raw(Statement::from_sql_and_values(backend, insert, values)).await?;
    Ok(())
}
