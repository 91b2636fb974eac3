//! Cases.

use guildhall_core::guild::{ChannelId, UserId};
use guildhall_store::{Owned, Timestamp};
use sea_orm::entity::prelude::*;

use crate::{
    book::By,
    case::{CaseKind, CaseState, Deed, Evidence, Source, Told},
    error::ModerationError,
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "moderation_case")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant: String,
    /// From 1, without gaps.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    pub kind: CaseKind,
    pub state: CaseState,
    /// [`Deed`] as JSON.
    pub deed: String,
    /// A person's snowflake.
    pub target: Option<String>,
    /// What the person or the place is called.
    pub target_name: String,
    /// A channel's snowflake.
    pub channel: Option<String>,
    /// An actor's id.
    pub moderator: String,
    pub moderator_name: String,
    pub reason: String,
    /// A list of [`Evidence`] as JSON.
    pub evidence: String,
    pub source: Source,
    pub silent: bool,
    pub told: Option<Told>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub ended_by: Option<String>,
    pub ended_name: Option<String>,
    /// Why it failed, or why its end is late.
    pub failure: Option<String>,
    /// What nobody else may do meanwhile; unique in the community.
    pub holds: Option<String>,
    /// The case that this one ends.
    pub lifts: Option<i64>,
    /// Whether it reaches the game servers.
    pub carries: bool,
    /// What came of that.
    pub carried: Option<String>,
    /// Makes the making of it repeatable; unique in the community.
    pub reference: Option<String>,
    pub version: i64,
    /// The flow that waits for its end.
    pub timer: Option<Uuid>,
    /// The timer's turn, which signals name.
    pub round: i64,
    /// Its end has come and is being done.
    pub ending: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const TENANT: Column = Column::Tenant;
}

impl Model {
    /// It is over; whoever ended it first is who ended it.
    pub(crate) fn end(&mut self, state: CaseState, by: &By) {
        self.state = state;
        if self.ended_by.is_none() {
            (self.ended_by, self.ended_name) = (Some(by.id.to_string()), Some(by.name.clone()));
        }
    }

    /// The person.
    pub(crate) fn user(&self) -> Option<UserId> {
        self.target.as_deref().and_then(|text| text.parse().ok())
    }

    /// The channel.
    pub(crate) fn place(&self) -> Option<ChannelId> {
        self.channel.as_deref().and_then(|text| text.parse().ok())
    }

    /// What is done. What cannot be read was not written by this program.
    pub(crate) fn deed(&self) -> Result<Deed, ModerationError> {
        Ok(serde_json::from_str(&self.deed)?)
    }

    /// What shows it.
    pub(crate) fn evidence(&self) -> Vec<Evidence> {
        serde_json::from_str(&self.evidence).unwrap_or_default()
    }
}
