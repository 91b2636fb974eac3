//! Whom a game was told to keep out, so that it can be told again after a start, and told to let them in again.

use guildhall_store::Owned;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "servers_kept_out")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub server: Uuid,
    /// The name in the game, in lower case.
    #[sea_orm(primary_key, auto_increment = false)]
    pub player_key: String,
    pub tenant: String,
    /// The name as it was written.
    pub player: String,
    /// Since when the game was ready that was told, in microseconds since 1970; or one of the marks of
    /// `access::Told`.
    pub told: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const TENANT: Column = Column::Tenant;
}
