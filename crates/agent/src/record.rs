//! What an agent remembers of a server, on disk, so that the next agent goes on where this one ended.

use guildhall_link::message::{Desired, Observed, Phase, PlayersSeen};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// One server's memory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    /// What the control plane is told.
    pub(crate) observed: Observed,
    /// The number of the last run.
    pub(crate) run: u64,
    /// The offset up to which that run's console was looked at for players.
    pub(crate) followed: u64,
    /// Whether it was ready once since the control plane's last word.
    pub(crate) was_ready: bool,
    /// When it crashed, in milliseconds since 1970, within the budget's window.
    pub(crate) crashes: Vec<i64>,
    /// When it will be started again, in milliseconds since 1970.
    pub(crate) restart_at: Option<i64>,
    /// The marks of the install steps that are done.
    pub(crate) installed: Vec<String>,
}

impl Record {
    /// A server that is not there yet.
    pub(crate) fn new(desired: &Desired, now: OffsetDateTime) -> Self {
        let observed = Observed {
            tenant: desired.tenant.clone(),
            server: desired.server,
            // None of the control plane's words has been taken up.
            generation: 0,
            phase: Phase::Stopped,
            session: None,
            since: now,
            pid: None,
            players: PlayersSeen::default(),
            failure: None,
            exit: None,
        };
        Self {
            observed,
            run: 0,
            followed: 0,
            was_ready: false,
            crashes: Vec::new(),
            restart_at: None,
            installed: Vec::new(),
        }
    }

    /// Whether, as far as is remembered, the game runs.
    pub(crate) fn is_running(&self) -> bool {
        matches!(self.observed.phase, Phase::Starting | Phase::Ready | Phase::Stopping)
    }
}

/// Milliseconds since 1970.
pub(crate) fn milliseconds(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}
