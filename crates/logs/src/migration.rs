//! The tables' migrations, in order. One that has shipped is never edited.

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// This domain's migrations.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(Messages)]
}

struct Messages;

impl MigrationName for Messages {
    fn name(&self) -> &str {
        "logs_0001_messages"
    }
}

#[async_trait]
impl MigrationTrait for Messages {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = "CREATE TABLE logs_message (
                tenant TEXT NOT NULL,
                message BIGINT NOT NULL,
                channel BIGINT NOT NULL,
                author BIGINT NOT NULL,
                name TEXT NOT NULL,
                content TEXT NOT NULL,
                attachments TEXT NOT NULL,
                at BIGINT NOT NULL,
                PRIMARY KEY (tenant, message)
            );
            CREATE INDEX logs_message_at ON logs_message (tenant, at);";
        manager.get_connection().execute_unprepared(tables).await?;
        Ok(())
    }
}
