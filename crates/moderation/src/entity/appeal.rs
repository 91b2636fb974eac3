//! Appeals against cases.

use guildhall_store::{Owned, Timestamp};
use sea_orm::entity::prelude::*;

use crate::appeal::AppealState;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "moderation_appeal")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    #[sea_orm(column_name = "case_number")]
    pub case: i64,
    pub person: String,
    pub person_name: String,
    pub text: String,
    pub state: AppealState,
    pub decided_at: Option<Timestamp>,
    pub decided_by: Option<String>,
    pub decided_name: Option<String>,
    pub answer: Option<String>,
    /// The case, while the appeal is open; unique.
    pub open_case: Option<i64>,
    pub created_at: Timestamp,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const TENANT: Column = Column::Tenant;
}
