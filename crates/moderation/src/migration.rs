//! The tables' migrations, in order. One that has shipped is never edited.

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// This domain's migrations.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(Cases)]
}

struct Cases;

impl MigrationName for Cases {
    fn name(&self) -> &str {
        "moderation_0001_cases"
    }
}

#[async_trait]
impl MigrationTrait for Cases {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let conn = manager.get_connection();
        let uuid = match conn.get_database_backend() {
            DbBackend::Postgres => "UUID",
            _ => "BLOB",
        };
        let tables = format!(
            "CREATE TABLE moderation_case (
                tenant TEXT NOT NULL,
                number BIGINT NOT NULL,
                kind TEXT NOT NULL,
                state TEXT NOT NULL,
                deed TEXT NOT NULL,
                target TEXT,
                target_name TEXT NOT NULL,
                channel TEXT,
                moderator TEXT NOT NULL,
                moderator_name TEXT NOT NULL,
                reason TEXT NOT NULL,
                evidence TEXT NOT NULL,
                source TEXT NOT NULL,
                silent BOOLEAN NOT NULL,
                told TEXT,
                created_at BIGINT NOT NULL,
                expires_at BIGINT,
                ended_at BIGINT,
                ended_by TEXT,
                ended_name TEXT,
                failure TEXT,
                holds TEXT,
                lifts BIGINT,
                carries BOOLEAN NOT NULL,
                carried TEXT,
                reference TEXT,
                version BIGINT NOT NULL,
                timer {uuid},
                round BIGINT NOT NULL,
                ending BOOLEAN NOT NULL,
                PRIMARY KEY (tenant, number)
            );
            CREATE UNIQUE INDEX moderation_case_holds ON moderation_case (tenant, holds);
            CREATE UNIQUE INDEX moderation_case_reference ON moderation_case (tenant, reference);
            CREATE INDEX moderation_case_target ON moderation_case (tenant, target, number);
            CREATE INDEX moderation_case_moderator ON moderation_case (tenant, moderator, number);
            CREATE INDEX moderation_case_created ON moderation_case (tenant, created_at);
            CREATE INDEX moderation_case_expires ON moderation_case (state, expires_at);

            CREATE TABLE moderation_edit (
                tenant TEXT NOT NULL,
                number BIGINT NOT NULL,
                version BIGINT NOT NULL,
                at BIGINT NOT NULL,
                actor TEXT NOT NULL,
                actor_name TEXT NOT NULL,
                changes TEXT NOT NULL,
                PRIMARY KEY (tenant, number, version)
            );

            CREATE TABLE moderation_post (
                tenant TEXT NOT NULL,
                topic TEXT NOT NULL,
                due BIGINT,
                attempts INTEGER NOT NULL,
                channel TEXT,
                message TEXT,
                note TEXT,
                PRIMARY KEY (tenant, topic)
            );
            CREATE INDEX moderation_post_due ON moderation_post (due);

            CREATE TABLE moderation_report (
                tenant TEXT NOT NULL,
                number BIGINT NOT NULL,
                reporter TEXT NOT NULL,
                reporter_name TEXT NOT NULL,
                target TEXT,
                target_name TEXT NOT NULL,
                message TEXT,
                quote TEXT,
                text TEXT NOT NULL,
                state TEXT NOT NULL,
                handler TEXT,
                handler_name TEXT,
                answer TEXT,
                thread TEXT,
                open_key TEXT,
                created_at BIGINT NOT NULL,
                version BIGINT NOT NULL,
                PRIMARY KEY (tenant, number)
            );
            CREATE UNIQUE INDEX moderation_report_open ON moderation_report (tenant, open_key);
            CREATE INDEX moderation_report_state ON moderation_report (tenant, state, number);

            CREATE TABLE moderation_appeal (
                tenant TEXT NOT NULL,
                number BIGINT NOT NULL,
                case_number BIGINT NOT NULL,
                person TEXT NOT NULL,
                person_name TEXT NOT NULL,
                text TEXT NOT NULL,
                state TEXT NOT NULL,
                decided_at BIGINT,
                decided_by TEXT,
                decided_name TEXT,
                answer TEXT,
                open_case BIGINT,
                created_at BIGINT NOT NULL,
                version BIGINT NOT NULL,
                PRIMARY KEY (tenant, number)
            );
            CREATE UNIQUE INDEX moderation_appeal_open ON moderation_appeal (tenant, open_case);
            CREATE INDEX moderation_appeal_state ON moderation_appeal (tenant, state, number);"
        );
        conn.execute_unprepared(&tables).await?;
        Ok(())
    }
}
