//! What members are called in the games: one row a name and game, which belongs to one member.

use guildhall_store::{Owned, Timestamp};
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "servers_player_link")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant: String,
    /// The member: an actor's id.
    pub person: String,
    /// The name in the game, as it was written.
    pub player: String,
    /// The name in lower case; unique in the tenant and recipe.
    pub player_key: String,
    /// The game, by its recipe's name.
    pub recipe: String,
    /// Only on this server; `None` for every server of the game.
    pub server: Option<Uuid>,
    pub linked_at: Timestamp,
    /// Who linked it: the member or a moderator.
    pub linked_by: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const TENANT: Column = Column::Tenant;
}
