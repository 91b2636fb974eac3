//! The tables' migrations, in order. One that has shipped is never edited.

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// This domain's migrations.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(Tables { name: "servers_0001_servers", sql: include_str!("migration/0001_servers.sql") }),
        Box::new(Tables { name: "servers_0002_access", sql: include_str!("migration/0002_access.sql") }),
    ]
}

/// Tables in the words of both databases; `{uuid}` is each one's type for ids.
struct Tables {
    name: &'static str,
    sql: &'static str,
}

impl MigrationName for Tables {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait]
impl MigrationTrait for Tables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let conn = manager.get_connection();
        let uuid = match conn.get_database_backend() {
            DbBackend::Postgres => "UUID",
            _ => "BLOB",
        };
        conn.execute_unprepared(&self.sql.replace("{uuid}", uuid)).await?;
        Ok(())
    }
}
