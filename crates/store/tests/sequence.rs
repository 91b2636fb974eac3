//! Sequences: numbers without gaps or doubles, however many ask at once and whatever becomes of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use async_trait::async_trait;
use guildhall_core::TenantId;
use guildhall_store::{Store, StoreError, scope, sequence, testkit};
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, QueryOrder};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

mod receipt {
    use guildhall_store::Owned;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "receipt")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) tenant: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) number: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    impl Owned for Entity {
        const TENANT: Column = Column::Tenant;
    }
}

struct Receipts;

impl MigrationName for Receipts {
    fn name(&self) -> &str {
        "test_0001_receipts"
    }
}

#[async_trait]
impl MigrationTrait for Receipts {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = "CREATE TABLE receipt (tenant TEXT NOT NULL, number BIGINT NOT NULL, PRIMARY KEY (tenant, number))";
        manager.get_connection().execute_unprepared(table).await.map(drop)
    }
}

fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(Receipts)]
}

fn tenant(name: &str) -> TenantId {
    name.parse().unwrap()
}

/// What becomes of a transaction that took a number.
#[derive(Clone, Copy)]
enum End {
    Commit,
    Rollback,
    Drop,
}

async fn write(store: &Store, tenant: &TenantId, end: End) -> Result<i64, StoreError> {
    let tx = store.begin().await?;
    let number = sequence::next(&tx, tenant, "receipt").await?;
    let row = receipt::ActiveModel { tenant: Set(tenant.as_str().to_owned()), number: Set(number) };
    receipt::Entity::insert(row).exec_without_returning(tx.conn()).await?;
    match end {
        End::Commit => tx.commit().await?,
        End::Rollback => tx.rollback().await?,
        End::Drop => drop(tx),
    }
    Ok(number)
}

async fn numbers(store: &Store, tenant: &TenantId) -> Vec<i64> {
    let rows = scope::find::<receipt::Entity>(tenant)
        .order_by_asc(receipt::Column::Number)
        .all(store.reader())
        .await
        .unwrap();
    rows.into_iter().map(|row| row.number).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_writers_at_once_get_numbers_without_gaps_or_doubles() {
    for store in testkit::stores(migrations).await {
        // Two sets of connections, as two processes would have; both communities begin at once.
        let stores = [store.store(), store.again(migrations()).await];
        let (ours, theirs) = (tenant("ours"), tenant("theirs"));
        let mut writers = tokio::task::JoinSet::new();
        for number in 0..280 {
            let store = stores[number % 2].clone();
            let tenant = if number % 7 == 1 { theirs.clone() } else { ours.clone() };
            let end = match number % 7 {
                2 => End::Rollback,
                3 => End::Drop,
                _ => End::Commit,
            };
            writers.spawn(async move { write(&store, &tenant, end).await });
        }
        while let Some(written) = writers.join_next().await {
            written.unwrap().unwrap();
        }
        // Of each seven, one is theirs, two came to nothing and four are ours.
        assert_eq!(numbers(&store, &ours).await, (1..=160).collect::<Vec<_>>(), "on {}", store.name);
        assert_eq!(numbers(&store, &theirs).await, (1..=40).collect::<Vec<_>>(), "on {}", store.name);
    }
}

#[tokio::test]
async fn a_number_that_was_rolled_back_is_given_again() {
    for store in testkit::stores(migrations).await {
        let ours = tenant("ours");
        assert_eq!(write(&store, &ours, End::Rollback).await.unwrap(), 1, "on {}", store.name);
        assert_eq!(write(&store, &ours, End::Commit).await.unwrap(), 1, "on {}", store.name);
        assert_eq!(write(&store, &ours, End::Rollback).await.unwrap(), 2, "on {}", store.name);
        assert_eq!(write(&store, &ours, End::Commit).await.unwrap(), 2, "on {}", store.name);
        assert_eq!(numbers(&store, &ours).await, [1, 2], "on {}", store.name);
    }
}

#[tokio::test]
async fn each_community_and_name_counts_for_itself() {
    for store in testkit::stores(Vec::new).await {
        let tx = store.begin().await.unwrap();
        let mut seen = Vec::new();
        for (owner, name) in
            [("ours", "case"), ("ours", "case"), ("ours", "ticket"), ("theirs", "case"), ("ours", "case")]
        {
            seen.push(sequence::next(&tx, &tenant(owner), name).await.unwrap());
        }
        tx.commit().await.unwrap();
        assert_eq!(seen, [1, 2, 1, 1, 3], "on {}", store.name);
    }
}
