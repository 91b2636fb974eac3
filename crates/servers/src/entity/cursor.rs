//! How far each host's events have been taken in. A host serves several communities, so this table belongs
//! to the operator.

use guildhall_store::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "servers_cursor")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub host: String,
    pub cursor: i64,
    /// When the host says that the event happened; with a smaller cursor, it has begun a new journal.
    pub at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
