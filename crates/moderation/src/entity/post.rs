//! What is to be posted, or edited where it was posted: the mod-log, reports, appeals, and what people are told
//! of their appeals.

use guildhall_store::{Owned, Timestamp};
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "moderation_post")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant: String,
    /// `case:12`, `report:3`, `thread:3` (in the report's thread), `appeal:4`, `verdict:4`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub topic: String,
    /// When it is to be written next; `None` when it is as it should be.
    pub due: Option<Timestamp>,
    pub attempts: i32,
    pub channel: Option<String>,
    pub message: Option<String>,
    /// What went wrong with it.
    pub note: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const TENANT: Column = Column::Tenant;
}
