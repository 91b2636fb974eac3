//! The tables that every domain and face shares.

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

pub(crate) fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(Shared), Box::new(Sequence), Box::new(Bypass)]
}

struct Shared;

impl MigrationName for Shared {
    fn name(&self) -> &str {
        "store_0001_shared_tables"
    }
}

#[async_trait]
impl MigrationTrait for Shared {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let conn = manager.get_connection();
        let (counter, uuid, bytes) = match conn.get_database_backend() {
            DbBackend::Postgres => ("BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "UUID", "BYTEA"),
            // AUTOINCREMENT, so that a number is never given out twice, even after a deletion.
            _ => ("INTEGER PRIMARY KEY AUTOINCREMENT", "BLOB", "BLOB"),
        };
        let tables = format!(
            "CREATE TABLE audit_record (
                seq {counter},
                call_id {uuid} NOT NULL,
                at BIGINT NOT NULL,
                took_us BIGINT NOT NULL,
                tenant TEXT NOT NULL,
                actor TEXT NOT NULL,
                actor_name TEXT NOT NULL,
                face TEXT NOT NULL,
                rank SMALLINT NOT NULL,
                operation TEXT NOT NULL,
                input TEXT NOT NULL,
                verdict TEXT NOT NULL,
                code TEXT,
                detail TEXT
            );
            CREATE INDEX audit_record_tenant ON audit_record (tenant, seq);
            CREATE INDEX audit_record_actor ON audit_record (tenant, actor, seq);
            CREATE INDEX audit_record_call ON audit_record (call_id);

            CREATE TABLE event (
                cursor {counter},
                at BIGINT NOT NULL,
                tenant TEXT NOT NULL,
                subject TEXT NOT NULL,
                subject_key TEXT NOT NULL,
                kind TEXT NOT NULL,
                run {uuid},
                outcome TEXT,
                data TEXT NOT NULL,
                document TEXT,
                tell TEXT
            );
            CREATE INDEX event_tenant ON event (tenant, cursor);
            CREATE INDEX event_subject ON event (tenant, subject_key, cursor);
            CREATE INDEX event_run ON event (run, cursor) WHERE run IS NOT NULL;

            CREATE TABLE note (
                tenant TEXT NOT NULL,
                owner TEXT NOT NULL,
                name TEXT NOT NULL,
                value TEXT NOT NULL,
                PRIMARY KEY (tenant, owner, name)
            );

            CREATE TABLE api_token (
                id {uuid} NOT NULL PRIMARY KEY,
                tenant TEXT NOT NULL,
                name TEXT NOT NULL,
                rank SMALLINT NOT NULL,
                scope TEXT,
                digest {bytes} NOT NULL,
                created_at BIGINT NOT NULL,
                expires_at BIGINT,
                revoked_at BIGINT
            );
            CREATE UNIQUE INDEX api_token_digest ON api_token (digest);
            CREATE UNIQUE INDEX api_token_name ON api_token (tenant, name) WHERE revoked_at IS NULL;"
        );
        conn.execute_unprepared(&tables).await?;
        Ok(())
    }
}

struct Sequence;

impl MigrationName for Sequence {
    fn name(&self) -> &str {
        "store_0002_sequence"
    }
}

#[async_trait]
impl MigrationTrait for Sequence {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = "CREATE TABLE sequence (
            tenant TEXT NOT NULL,
            name TEXT NOT NULL,
            last BIGINT NOT NULL,
            PRIMARY KEY (tenant, name)
        )";
        manager.get_connection().execute_unprepared(table).await.map(drop)
    }
}

struct Bypass;

impl MigrationName for Bypass {
    fn name(&self) -> &str {
        "store_0003_audit_bypass"
    }
}

#[async_trait]
impl MigrationTrait for Bypass {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = "ALTER TABLE audit_record ADD COLUMN bypass TEXT";
        manager.get_connection().execute_unprepared(column).await.map(drop)
    }
}
