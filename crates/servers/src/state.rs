//! The states of a server, their deadlines, and what becomes of a state that has lasted too long.

use std::{fmt, time::Duration};

use guildhall_link::message::{Phase, Want};
use guildhall_recipes::{Recipe, duration, recipe::InstallStep};
use schemars::JsonSchema;
use sea_orm::{DeriveActiveEnum, EnumIter};
use serde::{Deserialize, Serialize};

use crate::failure::Code;

/// What a server is doing, as far as the control plane knows.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, EnumIter, DeriveActiveEnum,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It has a row and is being given a place.
    Created,
    /// It does not run.
    Stopped,
    /// Its host is being told, its folder and files are made.
    Preparing,
    /// Its recipe's install steps run.
    Installing,
    /// Its process runs and is not ready yet.
    Starting,
    /// Players can join.
    Ready,
    /// It is being stopped.
    Stopping,
    /// It is between a stop or a crash and its next start.
    Restarting,
    /// It does not work, and says why; a start or a stop leaves this state.
    Failed,
    /// It and its files are being removed.
    Deleting,
}

impl State {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 10] = [
        Self::Created,
        Self::Stopped,
        Self::Preparing,
        Self::Installing,
        Self::Starting,
        Self::Ready,
        Self::Stopping,
        Self::Restarting,
        Self::Failed,
        Self::Deleting,
    ];

    /// The word people read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Stopped => "stopped",
            Self::Preparing => "preparing",
            Self::Installing => "installing",
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Stopping => "stopping",
            Self::Restarting => "restarting",
            Self::Failed => "failed",
            Self::Deleting => "deleting",
        }
    }

    /// Whether the server may stay in this state for as long as it likes.
    pub fn is_settled(self) -> bool {
        self.deadline(&Deadlines::default(), None).is_none()
    }

    /// Whether a process of the game may exist.
    pub fn may_run(self) -> bool {
        !matches!(self, Self::Created | Self::Stopped | Self::Failed | Self::Deleting)
    }

    /// How long the state may last and what follows when it has; `None` for settled states. This is the one
    /// table of deadlines; a recipe's own waits are added where the game decides how long it takes.
    pub fn deadline(self, deadlines: &Deadlines, recipe: Option<&Recipe>) -> Option<Expiry> {
        let ready = recipe.map_or(Duration::ZERO, |recipe| recipe.ready.within);
        let stop = recipe.map_or(Duration::ZERO, |recipe| recipe.stop.wait + recipe.stop.term_wait);
        let install = recipe.map_or(Duration::ZERO, |recipe| recipe.install.iter().map(longest).sum());
        let after = match self {
            Self::Stopped | Self::Ready | Self::Failed => return None,
            Self::Created => deadlines.creating,
            Self::Preparing => deadlines.preparing,
            Self::Installing => deadlines.installing + install,
            // A game that is not ready in time is stopped by its agent, which then says so.
            Self::Starting => ready + stop + deadlines.slack,
            Self::Stopping => stop + deadlines.slack,
            Self::Restarting => stop + deadlines.restarting,
            Self::Deleting => stop + deadlines.deleting,
        };
        Some(Expiry { after, next: Self::Failed, code: Code::Stuck })
    }
}

/// How long an installation step may take by its own word; the others share [`Deadlines::installing`].
fn longest(step: &InstallStep) -> Duration {
    match step {
        InstallStep::Command { within, .. } | InstallStep::Steamcmd { within, .. } => *within,
        _ => Duration::ZERO,
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<Phase> for State {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Preparing => Self::Preparing,
            Phase::Installing => Self::Installing,
            Phase::Starting => Self::Starting,
            Phase::Ready => Self::Ready,
            Phase::Stopping => Self::Stopping,
            Phase::Stopped => Self::Stopped,
            Phase::Restarting => Self::Restarting,
            Phase::Failed => Self::Failed,
        }
    }
}

/// What becomes of a state that has lasted too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// How long it may last.
    pub after: Duration,
    /// The state that follows.
    pub next: State,
    /// The reason that is given.
    pub code: Code,
}

/// What the control plane wants of a server.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumIter, DeriveActiveEnum,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Running.
    Running,
    /// Not running.
    Stopped,
    /// Gone, with its files.
    Absent,
}

impl From<Goal> for Want {
    fn from(goal: Goal) -> Self {
        match goal {
            Goal::Running => Self::Running,
            Goal::Stopped => Self::Stopped,
            Goal::Absent => Self::Absent,
        }
    }
}

/// How long the passing states may last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deadlines {
    /// `created`.
    #[serde(with = "duration")]
    pub creating: Duration,
    /// `preparing`: until the agent has said that it works on it.
    #[serde(with = "duration")]
    pub preparing: Duration,
    /// `installing`, all steps together, on top of the times that the recipe's steps name themselves.
    #[serde(with = "duration")]
    pub installing: Duration,
    /// `restarting`, on top of the recipe's own stop ladder; covers the agent's back-off.
    #[serde(with = "duration")]
    pub restarting: Duration,
    /// `deleting`, on top of the recipe's own stop ladder.
    #[serde(with = "duration")]
    pub deleting: Duration,
    /// On top of the recipe's own waits in `starting` and `stopping`, for the way to the host and back.
    #[serde(with = "duration")]
    pub slack: Duration,
    /// A host that has been away for this long has lost its servers. With [`Deadlines::every`] it stays below
    /// the minute that is promised.
    #[serde(with = "duration")]
    pub host_lost: Duration,
    /// How often desired and observed are compared when nothing wakes the reconciler earlier.
    #[serde(with = "duration")]
    pub every: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            creating: Duration::from_secs(60),
            preparing: Duration::from_secs(60),
            installing: Duration::from_secs(30 * 60),
            restarting: Duration::from_secs(5 * 60),
            deleting: Duration::from_secs(2 * 60),
            slack: Duration::from_secs(20),
            host_lost: Duration::from_secs(30),
            every: Duration::from_secs(10),
        }
    }
}

#[cfg(test)]
mod tests;
