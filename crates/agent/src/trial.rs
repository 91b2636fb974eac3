//! Tries a recipe out: installs it, starts it, waits until it is ready, asks who plays, and stops it, in a
//! folder of its own and without a control plane.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use guildhall_link::message::{EventKind, Exit, Failure, PlayersSeen};
use guildhall_recipes::Recipe;

use crate::config::{AgentError, Settings};

/// How a trial went.
#[derive(Clone, Debug)]
pub struct TrialReport {
    /// From the process's start until it was ready; `None` when it never was.
    pub ready_after: Option<Duration>,
    /// Who was seen playing.
    pub players: PlayersSeen,
    /// How it ended, when it ran.
    pub exit: Option<Exit>,
    /// Why it failed, when it did.
    pub failure: Option<Failure>,
    /// The last lines of its console.
    pub console: Vec<String>,
}

impl TrialReport {
    /// Whether the game became ready and was stopped in its own way.
    pub fn passed(&self) -> bool {
        self.failure.is_none() && self.ready_after.is_some() && self.exit.is_some()
    }
}

/// Tries a recipe. `variables` are a community's settings, the rest have their defaults; `folder` is empty and
/// stays behind; `reporter` is told what happens.
pub async fn run(
    _recipe: Recipe,
    _variables: BTreeMap<String, String>,
    _folder: PathBuf,
    _settings: Settings,
    _reporter: impl Fn(&EventKind) + Send + Sync,
) -> Result<TrialReport, AgentError> {
    Ok(TrialReport {
        ready_after: None,
        players: PlayersSeen::default(),
        exit: None,
        failure: None,
        console: Vec::new(),
    })
}
