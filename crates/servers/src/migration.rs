//! The tables' migrations, in order. One that has shipped is never edited.

use sea_orm_migration::{prelude::*, schema::*};

/// This domain's migrations.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(Servers)]
}

struct Servers;

impl MigrationName for Servers {
    fn name(&self) -> &str {
        "servers_001_servers"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Servers {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let server = Table::create()
            .table("servers_server")
            .col(pk_uuid("id"))
            .col(string_len("tenant", 64))
            .col(string_len("name", 32))
            .col(string_len("recipe", 32))
            .col(string_len_null("host", 32))
            .col(string_len("state", 16))
            .col(string_len("goal", 16))
            .col(big_integer("version"))
            .col(big_integer("generation"))
            .col(big_integer("confirmed"))
            .col(big_integer("config"))
            .col(big_integer_null("launched"))
            .col(string_len_null("busy", 16))
            .col(text_null("busy_actor"))
            .col(text_null("busy_name"))
            .col(timestamp_with_time_zone_null("busy_since"))
            .col(uuid_null("run"))
            .col(uuid_null("session"))
            .col(timestamp_with_time_zone("since"))
            .col(timestamp_with_time_zone_null("deadline"))
            .col(string_len_null("failure_code", 32))
            .col(text_null("failure_message"))
            .col(json_null("failure_output"))
            .col(json_null("progress"))
            .col(integer_null("online"))
            .col(integer_null("max_players"))
            .col(timestamp_with_time_zone_null("empty_since"))
            .col(timestamp_with_time_zone_null("keep_until"))
            .col(boolean("idle_told"))
            .col(timestamp_with_time_zone("created_at"))
            .col(text("created_by"))
            .take();
        manager.create_table(server).await?;
        index(manager, "servers_server_name", "servers_server", &["tenant", "name"], true).await?;

        let config = Table::create()
            .table("servers_config")
            .col(uuid("server"))
            .col(big_integer("version"))
            .col(string_len("tenant", 64))
            .col(timestamp_with_time_zone("at"))
            .col(text("actor"))
            .col(text("actor_name"))
            .col(json("changes"))
            .col(json("variables"))
            .col(json("recipe"))
            .col(json("ports"))
            .col(big_integer_null("idle_stop"))
            .primary_key(Index::create().col("server").col("version"))
            .take();
        manager.create_table(config).await?;

        let session = Table::create()
            .table("servers_session")
            .col(pk_uuid("id"))
            .col(string_len("tenant", 64))
            .col(uuid("server"))
            .col(text("actor"))
            .col(text("actor_name"))
            .col(timestamp_with_time_zone("started_at"))
            .col(timestamp_with_time_zone_null("ready_at"))
            .col(timestamp_with_time_zone_null("ended_at"))
            .col(big_integer("config"))
            .col(json_null("ending"))
            .take();
        manager.create_table(session).await?;
        index(manager, "servers_session_server", "servers_session", &["tenant", "server"], false).await?;

        let visit = Table::create()
            .table("servers_visit")
            .col(pk_uuid("id"))
            .col(string_len("tenant", 64))
            .col(uuid("server"))
            .col(uuid("session"))
            .col(text("player"))
            .col(timestamp_with_time_zone("joined_at"))
            .col(timestamp_with_time_zone_null("left_at"))
            .take();
        manager.create_table(visit).await?;
        index(manager, "servers_visit_session", "servers_visit", &["tenant", "session"], false).await?;

        let port = Table::create()
            .table("servers_port")
            .col(string_len("host", 32))
            .col(integer("number"))
            .col(string_len("tenant", 64))
            .col(uuid("server"))
            .col(string_len("name", 32))
            .col(uuid("run"))
            .primary_key(Index::create().col("host").col("number"))
            .take();
        manager.create_table(port).await?;
        index(manager, "servers_port_server", "servers_port", &["tenant", "server"], false).await?;

        let cursor = Table::create()
            .table("servers_cursor")
            .col(string_len("host", 32).primary_key().take())
            .col(big_integer("cursor"))
            .take();
        manager.create_table(cursor).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in
            ["servers_cursor", "servers_port", "servers_visit", "servers_session", "servers_config", "servers_server"]
        {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }
}

async fn index(
    manager: &SchemaManager<'_>,
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
    unique: bool,
) -> Result<(), DbErr> {
    let mut index = Index::create();
    index.name(name).table(table);
    for column in columns {
        index.col(*column);
    }
    if unique {
        index.unique();
    }
    manager.create_index(index.take()).await
}
