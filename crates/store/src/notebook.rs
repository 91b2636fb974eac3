//! The notebook: small values by name, one book a community and owner.

use async_trait::async_trait;
use guildhall_core::{Error, TenantId, notebook::Notebook};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, sea_query::OnConflict};
use serde_json::Value;

use crate::{
    Store, StoreError, scope,
    text::{from_json, storable, to_json},
};

/// The most bytes of JSON a value may have.
const VALUE_LIMIT: usize = 64 * 1024;

/// Keeps notes. Cheap to clone.
#[derive(Clone)]
pub struct NotebookStore {
    store: Store,
}

impl NotebookStore {
    /// Keeps notes in `store`.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    async fn read(&self, tenant: &TenantId, owner: &str, key: &str) -> Result<Option<Value>, StoreError> {
        let note = scope::find::<row::Entity>(tenant)
            .filter(row::Column::Owner.eq(storable(owner)))
            .filter(row::Column::Name.eq(storable(key)))
            .one(self.store.reader())
            .await?;
        note.map(|note| from_json("note", &note.value)).transpose()
    }

    async fn write(
        &self,
        tenant: &TenantId,
        owner: &str,
        key: &str,
        value: &Value,
    ) -> Result<(), StoreError> {
        let value = to_json("note", value)?;
        if value.len() > VALUE_LIMIT {
            return Err(StoreError::TooLarge { what: "note", size: value.len(), limit: VALUE_LIMIT });
        }
        let note = row::ActiveModel {
            tenant: Set(tenant.as_str().to_owned()),
            owner: Set(storable(owner)),
            name: Set(storable(key)),
            value: Set(value),
        };
        let same = OnConflict::columns([row::Column::Tenant, row::Column::Owner, row::Column::Name])
            .update_column(row::Column::Value)
            .to_owned();
        let tx = self.store.begin().await?;
        row::Entity::insert(note).on_conflict(same).exec_without_returning(tx.conn()).await?;
        tx.commit().await
    }

    async fn erase(&self, tenant: &TenantId, owner: &str, key: &str) -> Result<(), StoreError> {
        let tx = self.store.begin().await?;
        scope::delete::<row::Entity>(tenant)
            .filter(row::Column::Owner.eq(storable(owner)))
            .filter(row::Column::Name.eq(storable(key)))
            .exec(tx.conn())
            .await?;
        tx.commit().await
    }
}

#[async_trait]
impl Notebook for NotebookStore {
    async fn get(&self, tenant: &TenantId, owner: &str, key: &str) -> Result<Option<Value>, Error> {
        Ok(self.read(tenant, owner, key).await?)
    }

    async fn put(&self, tenant: &TenantId, owner: &str, key: &str, value: Value) -> Result<(), Error> {
        Ok(self.write(tenant, owner, key, &value).await?)
    }

    async fn remove(&self, tenant: &TenantId, owner: &str, key: &str) -> Result<(), Error> {
        Ok(self.erase(tenant, owner, key).await?)
    }
}

mod row {
    use sea_orm::entity::prelude::*;

    use crate::Owned;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "note")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) tenant: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) owner: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) name: String,
        pub(crate) value: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    impl Owned for Entity {
        const TENANT: Column = Column::Tenant;
    }
}
