//! One row a group of errors of one community.

use guildhall_store::{Owned, Timestamp};
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "incidents_group")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub fingerprint: String,
    pub code: String,
    pub kind: String,
    pub operation: String,
    /// The shape of the causes, without secrets and people. For operators.
    pub cause: String,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    pub total: i64,
    /// A [`crate::State`] as its number.
    pub state: i16,
    pub resolved_at: Option<Timestamp>,
    pub resolved_by: Option<String>,
    pub note: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const TENANT: Column = Column::Tenant;
}
