//! The tables' migrations, in order. One that has shipped is never edited.

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// This domain's migrations.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(Figures)]
}

struct Figures;

impl MigrationName for Figures {
    fn name(&self) -> &str {
        "telemetry_0001_latency"
    }
}

#[async_trait]
impl MigrationTrait for Figures {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let conn = manager.get_connection();
        let uuid = match conn.get_database_backend() {
            DbBackend::Postgres => "UUID",
            _ => "BLOB",
        };
        let table = format!(
            "CREATE TABLE telemetry_latency (
                tenant TEXT NOT NULL,
                hour BIGINT NOT NULL,
                operation TEXT NOT NULL,
                process {uuid} NOT NULL,
                took TEXT NOT NULL,
                split TEXT NOT NULL,
                PRIMARY KEY (hour, operation, process)
            );"
        );
        conn.execute_unprepared(&table).await?;
        Ok(())
    }
}
