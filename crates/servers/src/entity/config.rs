//! The launch configuration's versions: never changed, only added to.

use guildhall_store::scope::Owned;
use sea_orm::entity::prelude::*;
use time::OffsetDateTime;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "servers_config")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub server: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i64,
    pub tenant: String,
    pub at: OffsetDateTime,
    pub actor: String,
    pub actor_name: String,
    /// What changed: `[{name, from, to}]`, secrets blanked.
    #[sea_orm(column_type = "Json")]
    pub changes: Json,
    /// Every variable's value, secrets included; this column is never shown as it is.
    #[sea_orm(column_type = "Json")]
    pub variables: Json,
    /// The recipe as JSON, pinned, so that a later edition of it does not change a server by itself.
    #[sea_orm(column_type = "Json")]
    pub recipe: Json,
    /// Wished port numbers by name.
    #[sea_orm(column_type = "Json")]
    pub ports: Json,
    /// Stop after this long without players, in seconds; `None` for never.
    pub idle_stop: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const TENANT: Column = Column::Tenant;
}
