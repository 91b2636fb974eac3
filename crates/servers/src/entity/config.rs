//! The launch configuration's versions: only added to. What may change in one is how its secrets are kept.

use guildhall_store::{Owned, Timestamp};
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "servers_config")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub server: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i64,
    pub tenant: String,
    pub at: Timestamp,
    pub actor: String,
    pub actor_name: String,
    /// What changed as JSON: `[{name, from, to}]`, secrets hidden.
    pub changes: String,
    /// Every variable's value as JSON, secrets sealed; this column is never shown as it is.
    pub variables: String,
    /// The recipe as JSON, pinned, so that a later edition of it does not change a server by itself.
    pub recipe: String,
    /// Wished port numbers by name, as JSON.
    pub ports: String,
    /// Stop after this long without players, in seconds; `None` for never.
    pub idle_stop: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const TENANT: Column = Column::Tenant;
}
