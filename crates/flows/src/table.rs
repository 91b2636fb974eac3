//! The rows behind the engine.

use std::fmt;

use sea_orm::{DeriveValueType, sea_query::ValueTypeErr};

/// Where a flow stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DeriveValueType)]
#[sea_orm(value_type = "String")]
pub enum State {
    /// Its steps are being done, or it waits between them.
    Running,
    /// It failed, and its steps are being undone.
    Unwinding,
    /// It ended as wanted.
    Done,
    /// It failed, and everything has been undone.
    Failed,
    /// It cannot go on or back by itself; a person has to look.
    Stuck,
}

impl State {
    /// Whether it has ended for good.
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }

    /// The word kept in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Unwinding => "unwinding",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Stuck => "stuck",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for State {
    type Err = ValueTypeErr;

    fn from_str(text: &str) -> Result<Self, ValueTypeErr> {
        let all = [Self::Running, Self::Unwinding, Self::Done, Self::Failed, Self::Stuck];
        all.into_iter().find(|state| state.as_str() == text).ok_or(ValueTypeErr)
    }
}

/// What a journal entry is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DeriveValueType)]
#[sea_orm(value_type = "String")]
pub(crate) enum EntryKind {
    Step,
    Sleep,
    Signal,
}

impl EntryKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Sleep => "sleep",
            Self::Signal => "signal",
        }
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for EntryKind {
    type Err = ValueTypeErr;

    fn from_str(text: &str) -> Result<Self, ValueTypeErr> {
        let all = [Self::Step, Self::Sleep, Self::Signal];
        all.into_iter().find(|kind| kind.as_str() == text).ok_or(ValueTypeErr)
    }
}

/// How far a journal entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DeriveValueType)]
#[sea_orm(value_type = "String")]
pub(crate) enum EntryState {
    /// A sleep or a signal that is being waited for, or a step that waits to be tried again.
    Waiting,
    Done,
    Failed,
}

impl fmt::Display for EntryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Failed => "failed",
        })
    }
}

impl std::str::FromStr for EntryState {
    type Err = ValueTypeErr;

    fn from_str(text: &str) -> Result<Self, ValueTypeErr> {
        match text {
            "waiting" => Ok(Self::Waiting),
            "done" => Ok(Self::Done),
            "failed" => Ok(Self::Failed),
            _ => Err(ValueTypeErr),
        }
    }
}

pub(crate) mod flow {
    use guildhall_store::{Owned, Timestamp};
    use sea_orm::entity::prelude::*;

    use super::State;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "flow")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: Uuid,
        pub(crate) tenant: String,
        pub(crate) kind: String,
        pub(crate) name: String,
        pub(crate) input: String,
        pub(crate) state: State,
        pub(crate) stuck_from: Option<State>,
        pub(crate) stuck_because: Option<String>,
        pub(crate) waiting: Option<String>,
        pub(crate) output: Option<String>,
        pub(crate) cause: Option<String>,
        pub(crate) cancel: Option<String>,
        pub(crate) created_at: Timestamp,
        pub(crate) due_at: Timestamp,
        pub(crate) deadline_at: Timestamp,
        pub(crate) settled_at: Option<Timestamp>,
        pub(crate) lease_owner: Option<Uuid>,
        pub(crate) lease_until: Option<Timestamp>,
        pub(crate) epoch: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    impl Owned for Entity {
        const TENANT: Column = Column::Tenant;
    }
}

pub(crate) mod step {
    use guildhall_store::{Owned, Timestamp};
    use sea_orm::entity::prelude::*;

    use super::{EntryKind, EntryState};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "flow_step")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) flow: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) position: i32,
        pub(crate) tenant: String,
        pub(crate) kind: EntryKind,
        pub(crate) name: String,
        pub(crate) state: EntryState,
        pub(crate) output: Option<String>,
        pub(crate) failure: Option<String>,
        pub(crate) due_at: Option<Timestamp>,
        pub(crate) attempts: i32,
        pub(crate) undo_attempts: i32,
        pub(crate) at: Timestamp,
        pub(crate) undone_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    impl Owned for Entity {
        const TENANT: Column = Column::Tenant;
    }
}

pub(crate) mod signal {
    use guildhall_store::{Owned, Timestamp};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "flow_signal")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub(crate) seq: i64,
        pub(crate) tenant: String,
        pub(crate) flow: Uuid,
        pub(crate) name: String,
        pub(crate) payload: String,
        pub(crate) at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    impl Owned for Entity {
        const TENANT: Column = Column::Tenant;
    }
}
