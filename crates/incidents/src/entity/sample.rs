//! One error of a group, with what leads to the rest of it.

use guildhall_store::{Owned, Timestamp};
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "incidents_sample")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    pub tenant: String,
    pub fingerprint: String,
    pub at: Timestamp,
    pub face: String,
    pub reference: Option<String>,
    pub trace: Option<String>,
    /// The causes, without secrets and people. For operators.
    pub detail: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const TENANT: Column = Column::Tenant;
}
