//! Opening a store, its transactions and its migrations.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use guildhall_store::{Backend, Options, Store, StoreError, testkit};
use sea_orm::{ConnectionTrait, DbErr, sea_query::Expr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

struct Sql(&'static str, &'static str);

impl MigrationName for Sql {
    fn name(&self) -> &str {
        self.0
    }
}

#[async_trait]
impl MigrationTrait for Sql {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(self.1).await.map(drop)
    }
}

const TALLY: &str = "CREATE TABLE tally (n INTEGER NOT NULL); INSERT INTO tally VALUES (0)";

fn tally() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(Sql("test_0001_tally", TALLY))]
}

async fn count(store: &Store) -> i32 {
    let query = sea_orm::sea_query::Query::select().column("n").from("tally").to_owned();
    store.reader().query_one(&query).await.unwrap().unwrap().try_get("", "n").unwrap()
}

#[tokio::test]
async fn writers_queue_and_none_is_turned_away() {
    for store in testkit::stores(tally).await {
        let mut writers = tokio::task::JoinSet::new();
        for _ in 0..40 {
            let store = store.store();
            writers.spawn(async move {
                let tx = store.begin().await.unwrap();
                tx.conn().execute_unprepared("UPDATE tally SET n = n + 1").await.unwrap();
                tokio::task::yield_now().await;
                tx.commit().await.unwrap();
            });
        }
        while let Some(written) = writers.join_next().await {
            written.unwrap();
        }
        assert_eq!(count(&store).await, 40, "on {}", store.name);
    }
}

#[tokio::test]
async fn the_reader_cannot_write() {
    for store in testkit::stores(tally).await {
        let refused = store.reader().execute_unprepared("UPDATE tally SET n = 7").await;
        assert!(refused.is_err(), "on {}", store.name);
        assert_eq!(count(&store).await, 0, "on {}", store.name);
    }
}

#[tokio::test]
async fn a_dropped_transaction_is_rolled_back_and_its_hooks_do_not_run() {
    for store in testkit::stores(tally).await {
        let told = Arc::new(AtomicBool::new(false));
        let tx = store.begin().await.unwrap();
        tx.conn().execute_unprepared("UPDATE tally SET n = 1").await.unwrap();
        let hook = told.clone();
        tx.after_commit(move || hook.store(true, Ordering::SeqCst));
        drop(tx);
        let tx = store.begin().await.unwrap();
        assert_eq!(count(&store).await, 0, "on {}", store.name);
        assert!(!told.load(Ordering::SeqCst), "on {}", store.name);

        tx.conn().execute_unprepared("UPDATE tally SET n = 2").await.unwrap();
        let (hook, seen) = (told.clone(), store.store());
        tx.after_commit(move || hook.store(true, Ordering::SeqCst));
        assert!(!told.load(Ordering::SeqCst), "on {}", store.name);
        tx.commit().await.unwrap();
        assert!(told.load(Ordering::SeqCst), "on {}", store.name);
        assert_eq!(count(&seen).await, 2, "on {}", store.name);
    }
}

#[tokio::test]
async fn opening_again_keeps_what_is_there() {
    for store in testkit::stores(tally).await {
        let tx = store.begin().await.unwrap();
        tx.conn().execute_unprepared("UPDATE tally SET n = 3").await.unwrap();
        tx.commit().await.unwrap();
        let again = store.again(tally()).await;
        assert_eq!(count(&again).await, 3, "on {}", store.name);
    }
}

#[tokio::test]
async fn migrations_run_in_the_order_of_their_names() {
    for store in testkit::stores(|| {
        vec![
            Box::new(Sql("test_0002_second", "UPDATE tally SET n = n * 10")) as Box<dyn MigrationTrait>,
            Box::new(Sql("test_0003_third", "UPDATE tally SET n = n + 1")),
            Box::new(Sql("test_0001_first", "CREATE TABLE tally (n INTEGER); INSERT INTO tally VALUES (1)")),
        ]
    })
    .await
    {
        assert_eq!(count(&store).await, 11, "on {}", store.name);
    }
}

#[tokio::test]
async fn an_upgrade_that_fails_leaves_the_database_as_it_was() {
    for store in testkit::stores(tally).await {
        let failed = Store::open(
            &store.address,
            vec![
                Box::new(Sql("test_0001_tally", TALLY)),
                Box::new(Sql("test_0002_more", "CREATE TABLE more (n INTEGER); UPDATE tally SET n = 9")),
                Box::new(Sql("test_0003_wrong", "CREATE TABLE more (n INTEGER)")),
            ],
        )
        .await;
        let Err(StoreError::Migration { name, .. }) = failed else { panic!("{failed:?} on {}", store.name) };
        assert_eq!(name, "test_0003_wrong");
        assert_eq!(count(&store).await, 0, "on {}", store.name);
        let table = store.reader().execute_unprepared("SELECT * FROM more").await;
        assert!(table.is_err(), "on {}", store.name);
        store.again(tally()).await;
    }
}

#[tokio::test]
async fn several_programs_may_open_one_fresh_database_at_once() {
    for store in testkit::stores(Vec::new).await {
        let mut programs = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let address = store.address.clone();
            programs.spawn(async move { Store::open(&address, tally()).await });
        }
        while let Some(opened) = programs.join_next().await {
            assert_eq!(count(&opened.unwrap().unwrap()).await, 0, "on {}", store.name);
        }
    }
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused_by_name() {
    for store in testkit::stores(tally).await {
        let refused = Store::open(&store.address, Vec::new()).await.unwrap_err();
        let text = refused.to_string();
        assert!(matches!(refused, StoreError::Newer { .. }), "{text} on {}", store.name);
        assert!(text.contains("test_0001_tally") && text.contains("newer Guildhall"), "{text}");
    }
}

#[tokio::test]
async fn two_migrations_of_one_name_are_refused() {
    for store in testkit::stores(Vec::new).await {
        let refused = Store::open(&store.address, tally().into_iter().chain(tally()).collect()).await;
        let Err(StoreError::SameMigration(name)) = refused else { panic!("{refused:?} on {}", store.name) };
        assert_eq!(name, "test_0001_tally", "on {}", store.name);
    }
}

#[tokio::test]
async fn an_address_that_makes_no_sense_is_explained_without_its_password() {
    for address in ["mysql://me:hunter2@host/db", "sqlite::memory:", "sqlite://relative.db", "", "hunter2"] {
        let refused = Store::open(address, Vec::new()).await.unwrap_err();
        let text = format!("{refused} {refused:?}");
        assert!(matches!(refused, StoreError::Address { .. }), "{address}: {text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
    let nowhere = Store::open("sqlite:///no/such/folder/x.db", Vec::new()).await.unwrap_err();
    assert!(nowhere.to_string().contains("/no/such/folder/x.db"), "{nowhere}");
}

#[tokio::test]
async fn a_postgresql_that_is_not_there_is_unreachable() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().display().to_string().replace('/', "%2F");
    let options = Options::new(format!("postgres://me:hunter2@{socket}/db"));
    let refused = Store::open_with(options, Vec::new()).await.unwrap_err();
    let error = guildhall_core::Error::from(refused);
    assert_eq!(error.code, "store_unreachable");
    assert!(!error.causes().contains("hunter2"), "{}", error.causes());
}

#[tokio::test]
async fn only_its_owner_may_read_the_file_of_an_sqlite_database() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("guildhall.db");
    Store::open(format!("sqlite://{}", file.display()), Vec::new()).await.unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_closed_store_does_nothing_more() {
    for store in testkit::stores(Vec::new).await {
        store.ping().await.unwrap();
        store.close().await.unwrap();
        assert!(store.ping().await.is_err(), "on {}", store.name);
        assert!(store.begin().await.is_err(), "on {}", store.name);
    }
}

#[tokio::test]
async fn who_reads_before_writing_is_not_turned_away_by_another_process() {
    for store in testkit::stores(tally).await {
        let mut writers = tokio::task::JoinSet::new();
        let stores = [store.store(), store.again(tally()).await];
        for number in 0..40 {
            let store = stores[number % 2].clone();
            writers.spawn(async move {
                let tx = store.begin().await.unwrap();
                let query = sea_orm::sea_query::Query::select().column("n").from("tally").to_owned();
                tx.conn().query_one(&query).await.unwrap();
                tokio::task::yield_now().await;
                tx.conn().execute_unprepared("UPDATE tally SET n = n + 1").await.unwrap();
                tx.commit().await.unwrap();
            });
        }
        while let Some(written) = writers.join_next().await {
            written.unwrap();
        }
        assert_eq!(count(&store).await, 40, "on {}", store.name);
    }
}

#[tokio::test]
async fn a_commit_waits_for_the_disk_unless_told_otherwise() {
    for store in testkit::stores(Vec::new).await {
        for durable in [true, false] {
            let options = Options { durable, ..Options::new(&store.address) };
            let opened = Store::open_with(options, Vec::new()).await.unwrap();
            let mut query = sea_orm::sea_query::Query::select();
            let expected = match opened.backend() {
                Backend::Sqlite => {
                    query
                        .expr_as(Expr::cust("CAST(synchronous AS TEXT)"), "value")
                        .from("pragma_synchronous");
                    if durable { "2" } else { "0" }
                }
                Backend::Postgres => {
                    query.expr_as(Expr::cust("current_setting('synchronous_commit')"), "value");
                    if durable { "on" } else { "off" }
                }
            };
            let tx = opened.begin().await.unwrap();
            let row = tx.conn().query_one(&query).await.unwrap().unwrap();
            let value: String = row.try_get("", "value").unwrap();
            assert_eq!(value, expected, "durable: {durable} on {}", store.name);
        }
    }
}

#[tokio::test]
async fn a_full_disk_under_sqlite_is_named() {
    let store = testkit::sqlite(tally()).await;
    let tx = store.begin().await.unwrap();
    // The bound is the connection's, and SQLite has one that writes.
    tx.conn().execute_unprepared("PRAGMA max_page_count = 1").await.unwrap();
    let fill = "WITH RECURSIVE more(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM more LIMIT 100000)
                INSERT INTO tally SELECT n FROM more";
    let error = StoreError::from(tx.conn().execute_unprepared(fill).await.unwrap_err());
    assert!(matches!(error, StoreError::Full(_)) && error.is_transient(), "{error:?}");
    assert_eq!(guildhall_core::Error::from(error).code, "store_full");
}
