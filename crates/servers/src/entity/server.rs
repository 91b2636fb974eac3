//! One row a server: what is wanted of it, what it does, and which operation is at work on it.

use guildhall_store::{Owned, Timestamp};
use sea_orm::entity::prelude::*;

use crate::state::{Goal, State};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "servers_server")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant: String,
    /// Unique in the tenant.
    pub name: String,
    /// The recipe's name; its text is pinned in the launch configuration.
    pub recipe: String,
    /// Empty until the server has been placed.
    pub host: Option<String>,
    pub state: State,
    pub goal: Goal,
    /// Grows with every change of this row; every update names the one it read.
    pub version: i64,
    /// What the agent was last told; grows with every change of what is wanted.
    pub generation: i64,
    /// The generation that an agent has confirmed, 0 when none ever did.
    pub confirmed: i64,
    /// The newest launch configuration.
    pub config: i64,
    /// The launch configuration that the last start used.
    pub launched: Option<i64>,
    /// The operation at work: `start`, `stop`, …
    pub busy: Option<String>,
    pub busy_actor: Option<String>,
    pub busy_name: Option<String>,
    pub busy_since: Option<Timestamp>,
    /// The job that owns the busy mark; a job that finds another one here has been superseded.
    pub run: Option<Uuid>,
    /// The job's flow, once that has begun.
    pub flow: Option<Uuid>,
    pub session: Option<Uuid>,
    /// The state's own start.
    pub since: Timestamp,
    /// When a passing state has lasted too long.
    pub deadline: Option<Timestamp>,
    pub failure_code: Option<String>,
    pub failure_message: Option<String>,
    /// The last lines that explain a failure: a JSON list.
    pub failure_output: Option<String>,
    /// The step at hand as JSON: `{label, done, total}`.
    pub progress: Option<String>,
    /// `None` when nobody can know.
    pub online: Option<i32>,
    pub max_players: Option<i32>,
    /// Since when nobody plays, as far as is known.
    pub empty_since: Option<Timestamp>,
    /// Not stopped for being empty before this.
    pub keep_until: Option<Timestamp>,
    /// The players of the session have been told that an idle stop is near.
    pub idle_told: bool,
    pub created_at: Timestamp,
    pub created_by: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const TENANT: Column = Column::Tenant;
}
