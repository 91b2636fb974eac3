//! What the operators' channel is told of a group, and why. The row belongs to the operators' community.

use guildhall_store::{Owned, Timestamp};
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "incidents_notice")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub fingerprint: String,
    /// A [`crate::escalation::Reason`] as its word.
    #[sea_orm(primary_key, auto_increment = false)]
    pub reason: String,
    pub raised_at: Timestamp,
    /// The channel and the message once it is posted, as Discord writes them.
    pub channel: Option<String>,
    pub message: Option<String>,
    /// What the message says.
    pub told_total: i64,
    pub told_state: i16,
    /// Attempts in a row that failed, and when the next may be.
    pub tries: i32,
    pub next_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const TENANT: Column = Column::Tenant;
}
