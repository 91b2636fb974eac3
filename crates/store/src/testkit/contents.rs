//! Everything that a database holds, for tests that look for what must not be in it.

use std::{fs, path::Path};

use sea_orm::{
    ConnectionTrait, ExprTrait,
    sea_query::{Alias, Expr, Query},
};

use crate::{Backend, Store};

/// Every byte of it.
pub(super) async fn of(store: &Store, address: &str) -> Vec<u8> {
    match store.backend() {
        Backend::Sqlite => files(address),
        Backend::Postgres => rows(store).await,
    }
}

/// An SQLite database's file and those beside it.
fn files(address: &str) -> Vec<u8> {
    let folder = Path::new(address.trim_start_matches("sqlite://")).parent().expect("a file in a folder");
    let files = fs::read_dir(folder).expect("the folder is there");
    files.flat_map(|file| fs::read(file.expect("a file").path()).unwrap_or_default()).collect()
}

/// Every table's rows of a PostgreSQL database as text, bytes as hexadecimal digits.
async fn rows(store: &Store) -> Vec<u8> {
    let tables = Query::select()
        .column("tablename")
        .from("pg_tables")
        .and_where(Expr::col("schemaname").eq("public"))
        .to_owned();
    let mut rows = String::new();
    for table in store.reader().query_all(&tables).await.expect("the tables' names") {
        let table: String = table.try_get("", "tablename").expect("a name");
        let all = Query::select()
            .expr_as(Expr::cust(format!("\"{table}\"::text")), "whole")
            .from(Alias::new(&table))
            .to_owned();
        for row in store.reader().query_all(&all).await.expect("the rows") {
            rows += &row.try_get::<String>("", "whole").expect("a row");
        }
    }
    rows.into_bytes()
}
