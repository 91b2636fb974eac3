//! The tables' migrations, in order. One that has shipped is never edited.

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// This domain's migrations.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(Groups)]
}

struct Groups;

impl MigrationName for Groups {
    fn name(&self) -> &str {
        "incidents_0001_groups"
    }
}

#[async_trait]
impl MigrationTrait for Groups {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let conn = manager.get_connection();
        let counter = match conn.get_database_backend() {
            DbBackend::Postgres => "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
            _ => "INTEGER PRIMARY KEY AUTOINCREMENT",
        };
        let tables = format!(
            "CREATE TABLE incidents_group (
                tenant TEXT NOT NULL,
                fingerprint TEXT NOT NULL,
                code TEXT NOT NULL,
                kind TEXT NOT NULL,
                operation TEXT NOT NULL,
                cause TEXT NOT NULL,
                first_at BIGINT NOT NULL,
                last_at BIGINT NOT NULL,
                total BIGINT NOT NULL,
                state SMALLINT NOT NULL,
                resolved_at BIGINT,
                resolved_by TEXT,
                note TEXT,
                PRIMARY KEY (tenant, fingerprint)
            );
            CREATE INDEX incidents_group_last ON incidents_group (last_at);
            CREATE INDEX incidents_group_fingerprint ON incidents_group (fingerprint);

            CREATE TABLE incidents_hour (
                tenant TEXT NOT NULL,
                fingerprint TEXT NOT NULL,
                hour BIGINT NOT NULL,
                total BIGINT NOT NULL,
                PRIMARY KEY (tenant, fingerprint, hour)
            );
            CREATE INDEX incidents_hour_hour ON incidents_hour (hour);
            CREATE INDEX incidents_hour_fingerprint ON incidents_hour (fingerprint, hour);

            CREATE TABLE incidents_sample (
                seq {counter},
                tenant TEXT NOT NULL,
                fingerprint TEXT NOT NULL,
                at BIGINT NOT NULL,
                face TEXT NOT NULL,
                reference TEXT,
                trace TEXT,
                detail TEXT NOT NULL
            );
            CREATE INDEX incidents_sample_group ON incidents_sample (tenant, fingerprint, seq);
            CREATE INDEX incidents_sample_fingerprint ON incidents_sample (fingerprint, seq);
            CREATE INDEX incidents_sample_reference ON incidents_sample (reference) WHERE reference IS NOT NULL;
            CREATE INDEX incidents_sample_at ON incidents_sample (at);

            CREATE TABLE incidents_notice (
                tenant TEXT NOT NULL,
                fingerprint TEXT NOT NULL,
                reason TEXT NOT NULL,
                raised_at BIGINT NOT NULL,
                channel TEXT,
                message TEXT,
                told_total BIGINT NOT NULL,
                told_state SMALLINT NOT NULL,
                tries INTEGER NOT NULL,
                next_at BIGINT NOT NULL,
                PRIMARY KEY (tenant, fingerprint, reason)
            );
            CREATE INDEX incidents_notice_raised ON incidents_notice (tenant, raised_at);"
        );
        conn.execute_unprepared(&tables).await?;
        Ok(())
    }
}
