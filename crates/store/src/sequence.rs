//! Numbers without gaps or doubles: 1, 2, 3, … for each community and name.
//!
//! The databases' own counters leave a gap wherever a transaction is rolled back, and `max(number) + 1` gives
//! two transactions the same number on PostgreSQL. So the last number is a row that the caller's transaction
//! changes: who asks next waits until that transaction has ended, and a rollback gives the number back.

use guildhall_core::TenantId;
use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryTrait,
    sea_query::{Expr, OnConflict},
};

use crate::{StoreError, Tx, text::storable};

/// The next number of a community's sequence, beginning with 1. It is taken when `tx` is committed, and free
/// again when `tx` is rolled back.
///
/// On PostgreSQL nobody else gets a number of this sequence until `tx` has ended, so ask late in it. Who needs
/// numbers of several sequences asks for them in the same order everywhere; otherwise two transactions can
/// wait for each other, and one is ended with [`StoreError::Busy`].
///
/// ```
/// # async fn example(store: &guildhall_store::Store, tenant: guildhall_core::TenantId) -> Result<(), guildhall_store::StoreError> {
/// let tx = store.begin().await?;
/// let number = guildhall_store::sequence::next(&tx, &tenant, "case").await?;
/// // … the row that bears the number is written through the same `tx` …
/// tx.commit().await
/// # }
/// ```
pub async fn next(tx: &Tx, tenant: &TenantId, name: &str) -> Result<i64, StoreError> {
    let first =
        row::ActiveModel { tenant: Set(tenant.as_str().to_owned()), name: Set(storable(name)), last: Set(1) };
    let known = OnConflict::columns([row::Column::Tenant, row::Column::Name])
        .value(row::Column::Last, Expr::col((row::Entity, row::Column::Last)).add(1))
        .to_owned();
    // One statement, so that two transactions that both begin a sequence cannot miss each other.
    let mut upsert = row::Entity::insert(first).on_conflict(known).into_query();
    upsert.returning_col(row::Column::Last);
    let nothing = || DbErr::RecordNotInserted;
    let last = tx.conn().query_one(&upsert).await?.ok_or_else(nothing)?;
    last.try_get("", "last").map_err(Into::into)
}

mod row {
    use sea_orm::entity::prelude::*;

    use crate::Owned;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "sequence")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) tenant: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) name: String,
        pub(crate) last: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    impl Owned for Entity {
        const TENANT: Column = Column::Tenant;
    }
}
