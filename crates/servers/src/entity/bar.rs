//! Who is kept out of the community's servers, and why: one row a person and case.

use guildhall_store::{Owned, Timestamp};
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "servers_bar")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant: String,
    /// The member: an actor's id.
    pub person: String,
    /// What it comes from, in the words of whoever asked for it; unique for the person.
    pub case_name: String,
    pub reason: String,
    pub until: Option<Timestamp>,
    /// The servers' names as a JSON list; empty for all of them.
    pub servers: String,
    pub barred_at: Timestamp,
    pub lifted_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const TENANT: Column = Column::Tenant;
}
