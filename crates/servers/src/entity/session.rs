//! One row a session: from a server's start to its stop.

use guildhall_store::scope::Owned;
use sea_orm::entity::prelude::*;
use time::OffsetDateTime;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "servers_session")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant: String,
    pub server: Uuid,
    pub actor: String,
    pub actor_name: String,
    pub started_at: OffsetDateTime,
    pub ready_at: Option<OffsetDateTime>,
    pub ended_at: Option<OffsetDateTime>,
    /// Which launch configuration it ran with.
    pub config: i64,
    /// How it ended: a [`crate::session::Ending`].
    #[sea_orm(column_type = "Json", nullable)]
    pub ending: Option<Json>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const TENANT: Column = Column::Tenant;
}
