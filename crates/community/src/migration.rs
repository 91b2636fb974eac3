//! The tables' migrations, in order. One that has shipped is never edited.

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// This domain's migrations.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(Community)]
}

struct Community;

impl MigrationName for Community {
    fn name(&self) -> &str {
        "community_0001_settings_and_ranks"
    }
}

#[async_trait]
impl MigrationTrait for Community {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let conn = manager.get_connection();
        let uuid = match conn.get_database_backend() {
            DbBackend::Postgres => "UUID",
            _ => "BLOB",
        };
        let tables = format!(
            "CREATE TABLE community_setting (
                tenant TEXT NOT NULL,
                name TEXT NOT NULL,
                value TEXT NOT NULL,
                version BIGINT NOT NULL,
                PRIMARY KEY (tenant, name)
            );

            CREATE TABLE community_rank (
                tenant TEXT NOT NULL,
                level SMALLINT NOT NULL,
                name TEXT NOT NULL,
                description TEXT NOT NULL,
                PRIMARY KEY (tenant, level)
            );

            CREATE TABLE community_role (
                tenant TEXT NOT NULL,
                role TEXT NOT NULL,
                level SMALLINT NOT NULL,
                PRIMARY KEY (tenant, role)
            );

            CREATE TABLE community_requirement (
                tenant TEXT NOT NULL,
                name TEXT NOT NULL,
                level SMALLINT NOT NULL,
                PRIMARY KEY (tenant, name)
            );

            CREATE TABLE community_change (
                tenant TEXT NOT NULL,
                number BIGINT NOT NULL,
                at BIGINT NOT NULL,
                actor TEXT NOT NULL,
                actor_name TEXT NOT NULL,
                subject TEXT NOT NULL,
                name TEXT NOT NULL,
                before TEXT,
                after TEXT,
                PRIMARY KEY (tenant, number)
            );
            CREATE INDEX community_change_name ON community_change (tenant, subject, name, number);

            CREATE TABLE community_setup (
                tenant TEXT NOT NULL PRIMARY KEY,
                holder {uuid} NOT NULL,
                until BIGINT NOT NULL
            );"
        );
        conn.execute_unprepared(&tables).await.map(drop)
    }
}
