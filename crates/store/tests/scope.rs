//! A scoped query sees, changes and removes one community's rows only.

use async_trait::async_trait;
use guildhall_core::TenantId;
use guildhall_store::{operator, scope, testkit};
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, QueryOrder, sea_query::Expr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

mod flag {
    use guildhall_store::{Owned, Timestamp};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "flag")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) name: String,
        pub(super) tenant: String,
        pub(super) at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    impl Owned for Entity {
        const TENANT: Column = Column::Tenant;
    }
}

struct Flags;

impl MigrationName for Flags {
    fn name(&self) -> &str {
        "test_0001_flags"
    }
}

#[async_trait]
impl MigrationTrait for Flags {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table =
            "CREATE TABLE flag (name TEXT NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, at BIGINT NOT NULL)";
        manager.get_connection().execute_unprepared(table).await.map(drop)
    }
}

#[tokio::test]
async fn a_scoped_query_stays_within_its_community() {
    let (ours, theirs): (TenantId, TenantId) = ("ours".parse().unwrap(), "theirs".parse().unwrap());
    for store in testkit::stores(|| vec![Box::new(Flags)]).await {
        let early = time::OffsetDateTime::UNIX_EPOCH;
        let tx = store.begin().await.unwrap();
        for (name, tenant) in [("a", &ours), ("b", &theirs), ("c", &ours)] {
            let row = flag::ActiveModel {
                name: Set(name.to_owned()),
                tenant: Set(tenant.as_str().to_owned()),
                at: Set(early.into()),
            };
            flag::Entity::insert(row).exec_without_returning(tx.conn()).await.unwrap();
        }
        let late = guildhall_store::Timestamp::from_micros(5);
        let changed = scope::update::<flag::Entity>(&ours).col_expr(flag::Column::At, Expr::value(late));
        assert_eq!(changed.exec(tx.conn()).await.unwrap().rows_affected, 2, "on {}", store.name);
        tx.commit().await.unwrap();

        let seen = scope::find::<flag::Entity>(&theirs).all(store.reader()).await.unwrap();
        assert_eq!(seen.len(), 1, "on {}", store.name);
        assert_eq!((seen[0].name.as_str(), seen[0].at.time()), ("b", early), "on {}", store.name);

        let tx = store.begin().await.unwrap();
        scope::delete::<flag::Entity>(&ours).exec(tx.conn()).await.unwrap();
        tx.commit().await.unwrap();
        let left =
            operator::find::<flag::Entity>().order_by_asc(flag::Column::Name).all(store.reader()).await;
        assert_eq!(left.unwrap().len(), 1, "on {}", store.name);
    }
}
