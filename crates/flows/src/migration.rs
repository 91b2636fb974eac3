//! The engine's tables.

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// The engine's migrations, to be handed to [`Store::open`](guildhall_store::Store::open).
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(Journal)]
}

struct Journal;

impl MigrationName for Journal {
    fn name(&self) -> &str {
        "flows_0001_journal"
    }
}

#[async_trait]
impl MigrationTrait for Journal {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let conn = manager.get_connection();
        let (counter, uuid) = match conn.get_database_backend() {
            DbBackend::Postgres => ("BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "UUID"),
            _ => ("INTEGER PRIMARY KEY AUTOINCREMENT", "BLOB"),
        };
        let tables = format!(
            "CREATE TABLE flow (
                id {uuid} NOT NULL PRIMARY KEY,
                tenant TEXT NOT NULL,
                kind TEXT NOT NULL,
                name TEXT NOT NULL,
                input TEXT NOT NULL,
                state TEXT NOT NULL,
                stuck_from TEXT,
                stuck_because TEXT,
                waiting TEXT,
                output TEXT,
                cause TEXT,
                cancel TEXT,
                created_at BIGINT NOT NULL,
                due_at BIGINT NOT NULL,
                deadline_at BIGINT NOT NULL,
                settled_at BIGINT,
                lease_owner {uuid},
                lease_until BIGINT,
                epoch BIGINT NOT NULL
            );
            CREATE UNIQUE INDEX flow_active ON flow (tenant, kind, name)
                WHERE state IN ('running', 'unwinding', 'stuck');
            CREATE INDEX flow_due ON flow (due_at) WHERE state IN ('running', 'unwinding');
            CREATE INDEX flow_settled ON flow (settled_at) WHERE settled_at IS NOT NULL;

            CREATE TABLE flow_step (
                flow {uuid} NOT NULL REFERENCES flow (id) ON DELETE CASCADE,
                position INTEGER NOT NULL,
                tenant TEXT NOT NULL,
                kind TEXT NOT NULL,
                name TEXT NOT NULL,
                state TEXT NOT NULL,
                output TEXT,
                failure TEXT,
                due_at BIGINT,
                attempts INTEGER NOT NULL,
                undo_attempts INTEGER NOT NULL,
                at BIGINT NOT NULL,
                undone_at BIGINT,
                PRIMARY KEY (flow, position)
            );

            CREATE TABLE flow_signal (
                seq {counter},
                tenant TEXT NOT NULL,
                flow {uuid} NOT NULL REFERENCES flow (id) ON DELETE CASCADE,
                name TEXT NOT NULL,
                payload TEXT NOT NULL,
                at BIGINT NOT NULL
            );
            CREATE INDEX flow_signal_flow ON flow_signal (flow, name, seq);"
        );
        conn.execute_unprepared(&tables).await?;
        Ok(())
    }
}
