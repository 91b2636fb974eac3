//! What members report.

use guildhall_core::guild::ChannelId;
use guildhall_store::{Owned, Timestamp};
use sea_orm::entity::prelude::*;

use crate::report::ReportState;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "moderation_report")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    /// Who reports: an actor's id. Shown by `inbox reveal` and by nothing else.
    pub reporter: String,
    pub reporter_name: String,
    pub target: Option<String>,
    pub target_name: String,
    /// The message, as `<channel>/<message>`.
    pub message: Option<String>,
    pub quote: Option<String>,
    pub text: String,
    pub state: ReportState,
    pub handler: Option<String>,
    pub handler_name: Option<String>,
    pub answer: Option<String>,
    /// The staff's thread about it, a channel's snowflake.
    pub thread: Option<String>,
    /// Who reports what; unique while it is open.
    pub open_key: Option<String>,
    pub created_at: Timestamp,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const TENANT: Column = Column::Tenant;
}

impl Model {
    /// The staff's thread about it.
    pub(crate) fn place(&self) -> Option<ChannelId> {
        self.thread.as_deref().and_then(|text| text.parse().ok())
    }
}
