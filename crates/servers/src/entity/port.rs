//! Reserved port numbers: one row a number and host, whichever community it is for.

use guildhall_store::Owned;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "servers_port")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub host: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i32,
    pub tenant: String,
    pub server: Uuid,
    /// The port's name in the recipe.
    pub name: String,
    /// The job that reserved it, so that its undo gives back no other's.
    pub run: Uuid,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const TENANT: Column = Column::Tenant;
}
