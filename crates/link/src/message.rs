//! What control plane and agent say to each other.
//!
//! The control plane says what it wants ([`Desired`], with a generation); the agent keeps that on disk, works
//! towards it, and tells what it sees ([`Observed`]) and what happened ([`AgentEvent`], with a cursor).
//! Everything that comes from an agent is untrusted: see [`crate::check`].

use std::collections::BTreeMap;

use guildhall_core::{HostId, ServerId, SessionId, TenantId};
use guildhall_recipes::Recipe;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The version of these messages. An agent of another version is told so and not used.
pub const VERSION: u32 = 1;

/// A message above this is refused and counted, on both sides.
pub const MAX_BYTES: usize = 256 * 1024;

/// What a server should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Want {
    /// Installed, started and kept running.
    Running,
    /// Not running; its files stay.
    Stopped,
    /// Gone, with its files.
    Absent,
}

/// The state that the control plane wants a server to be in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub server: ServerId,
    /// Its name, for people who look at the host.
    pub name: String,
    /// Grows with every change. An agent refuses one that is older than what it has.
    pub generation: u64,
    /// What it should be.
    pub want: Want,
    /// The session that a running server belongs to.
    pub session: Option<SessionId>,
    /// How.
    pub recipe: Recipe,
    /// The variables' values, complete.
    pub variables: BTreeMap<String, String>,
    /// The ports' numbers, complete.
    pub ports: BTreeMap<String, u16>,
    /// The address that players are told.
    pub address: String,
}

/// What the control plane asks of an agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "request")]
pub enum Request {
    /// Work towards this.
    Apply {
        /// The state.
        desired: Box<Desired>,
    },
    /// What do you see of this server?
    Observe {
        /// Which.
        server: ServerId,
    },
    /// What do you see of all servers?
    ObserveAll,
    /// Which of these port numbers are free on the host?
    FreePorts {
        /// At most 64.
        wanted: Vec<u16>,
        /// How many are needed in all; numbers above the wanted ones fill up.
        count: u16,
    },
    /// Console lines after an offset.
    Console {
        /// Which server.
        server: ServerId,
        /// Only lines after this offset; `None` for the newest `limit`.
        after: Option<u64>,
        /// At most 500.
        limit: u16,
    },
    /// Publish console lines as they come, for the next seconds.
    WatchConsole {
        /// Which server.
        server: ServerId,
        /// At most 300.
        seconds: u16,
    },
    /// Write a line to the game's console.
    Send {
        /// Which server.
        server: ServerId,
        /// One line, at most 1,000 characters, no control characters.
        line: String,
        /// Who sent it, for the console's own record.
        by: String,
    },
    /// Events after a cursor, to catch up.
    Events {
        /// The last one that is known.
        after: u64,
        /// At most 200.
        limit: u16,
    },
}

/// Why an agent does not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The generation is older than what the agent has.
    OldGeneration,
    /// There is no such server here.
    UnknownServer,
    /// The server is not running.
    NotRunning,
    /// The game does not read its console.
    NoConsole,
    /// The message does not make sense.
    Malformed,
    /// The message is of another version.
    Version,
}

/// What an agent answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reply")]
pub enum Reply {
    /// Kept on disk; work has begun.
    Applied {
        /// The generation that is now kept.
        generation: u64,
    },
    /// What is seen of one server.
    Observed {
        /// The state.
        observed: Box<Observed>,
    },
    /// What is seen of all servers.
    AllObserved {
        /// The states.
        servers: Vec<Observed>,
    },
    /// Free port numbers.
    Ports {
        /// As many as were asked for.
        free: Vec<u16>,
    },
    /// Console lines.
    Console {
        /// The piece.
        chunk: ConsoleChunk,
    },
    /// Done.
    Done,
    /// Events.
    Events {
        /// In order.
        events: Vec<AgentEvent>,
    },
    /// Not done.
    Refused {
        /// Why.
        why: Refusal,
        /// In words.
        message: String,
    },
}

/// What a server is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Its folder and user are made, its files written.
    Preparing,
    /// Its recipe's install steps run.
    Installing,
    /// Its process runs and is not ready yet.
    Starting,
    /// Players can join.
    Ready,
    /// It is being stopped.
    Stopping,
    /// It does not run.
    Stopped,
    /// It crashed and will be started again after a back-off.
    Restarting,
    /// It does not run and will not be started again by itself.
    Failed,
}

/// What an agent sees of a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub server: ServerId,
    /// The generation that the agent works towards.
    pub generation: u64,
    /// What it is doing.
    pub phase: Phase,
    /// Its session, while it has one.
    pub session: Option<SessionId>,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// Its process id, while it runs.
    pub pid: Option<u32>,
    /// Who plays, as far as is known.
    pub players: PlayersSeen,
    /// Why it failed, when it did.
    pub failure: Option<Failure>,
    /// How it last ended, if it did.
    pub exit: Option<Exit>,
}

/// Who plays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlayersSeen {
    /// How many; `None` when the game cannot be asked and prints nothing.
    pub online: Option<u32>,
    /// How many fit.
    pub max: Option<u32>,
    /// Their names, as far as the game tells.
    pub names: Vec<String>,
    /// When this was seen.
    #[serde(with = "time::serde::rfc3339::option")]
    pub at: Option<OffsetDateTime>,
}

/// What made a server fail. Each has a remedy in the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// The start line's program does not exist or cannot be run.
    ProgramMissing,
    /// Another process listens on one of its ports.
    PortTaken,
    /// The disk is full.
    DiskFull,
    /// An install step failed.
    InstallFailed,
    /// It was not ready in time.
    NotReadyInTime,
    /// It ended before it was ready.
    EndedBeforeReady,
    /// It crashed more often than its budget allows.
    CrashedTooOften,
    /// The recipe or its values do not work out.
    BadRecipe,
    /// The agent may not do what it has to.
    NotAllowed,
    /// Anything else of the host's.
    Host,
}

impl FailureCode {
    /// Every code.
    pub const ALL: [Self; 10] = [
        Self::ProgramMissing,
        Self::PortTaken,
        Self::DiskFull,
        Self::InstallFailed,
        Self::NotReadyInTime,
        Self::EndedBeforeReady,
        Self::CrashedTooOften,
        Self::BadRecipe,
        Self::NotAllowed,
        Self::Host,
    ];

    /// The word in messages, in the store and for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProgramMissing => "program_missing",
            Self::PortTaken => "port_taken",
            Self::DiskFull => "disk_full",
            Self::InstallFailed => "install_failed",
            Self::NotReadyInTime => "not_ready_in_time",
            Self::EndedBeforeReady => "ended_before_ready",
            Self::CrashedTooOften => "crashed_too_often",
            Self::BadRecipe => "bad_recipe",
            Self::NotAllowed => "not_allowed",
            Self::Host => "host",
        }
    }
}

/// Why a server failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// What it was.
    pub code: FailureCode,
    /// During which phase.
    pub phase: Phase,
    /// In words, with the names and numbers; at most 500 characters.
    pub message: String,
    /// The last lines of output that explain it; at most 20 lines of 200 characters.
    pub output: Vec<String>,
}

/// A rung of the stop ladder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "rung")]
pub enum Rung {
    /// The recipe's console line.
    Command {
        /// The line.
        line: String,
    },
    /// The recipe's signal, SIGTERM or SIGKILL.
    Signal {
        /// Its name.
        name: String,
    },
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exit {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Its exit status, when it ended by itself.
    pub status: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether it was meant to end: a stop, not a crash.
    pub wanted: bool,
    /// The rungs of the stop ladder that were taken, in order; the last is the one that worked.
    pub ladder: Vec<Rung>,
    /// How long the stop took, in milliseconds; 0 for a crash.
    pub took_ms: u64,
}

/// Something that happened on a host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentEvent {
    /// Its place in the host's order; grows by one.
    pub cursor: u64,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Whose.
    pub tenant: TenantId,
    /// Which server.
    pub server: ServerId,
    /// The generation that the agent worked towards.
    pub generation: u64,
    /// The session, while there is one.
    pub session: Option<SessionId>,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum EventKind {
    /// The server is in another phase.
    Phase {
        /// The new one.
        phase: Phase,
    },
    /// An install step begins.
    Progress {
        /// During which phase.
        phase: Phase,
        /// What it is.
        step: String,
        /// Steps done.
        done: u32,
        /// Steps in all.
        total: u32,
    },
    /// Players can join.
    Ready {
        /// From the process's start, in milliseconds.
        took_ms: u64,
    },
    /// Somebody joined.
    Joined {
        /// Their name in the game.
        player: String,
    },
    /// Somebody left.
    Left {
        /// Their name in the game.
        player: String,
    },
    /// The process ended.
    Exited {
        /// How.
        exit: Exit,
        /// When it was a crash and will be started again: in how many milliseconds.
        restart_in_ms: Option<u64>,
        /// Crashes within the budget's window, this one included.
        crashes: u32,
        /// When it was a crash: the console's last lines, at most 10 lines and 2 KiB. An older agent sends none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        output: Vec<String>,
    },
    /// It failed and stays down.
    Failed {
        /// Why.
        failure: Failure,
    },
    /// It and its files are gone.
    Removed,
}

/// A line of a console, or a gap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "line")]
pub enum ConsoleLine {
    /// What the game wrote, without its line end; escape sequences are left in, at most 4 KiB.
    Output {
        /// The offset in bytes behind this line, since the process's start.
        offset: u64,
        /// The text.
        text: String,
    },
    /// What somebody sent.
    Input {
        /// The offset at which it was sent.
        offset: u64,
        /// Who.
        by: String,
        /// The line.
        text: String,
    },
    /// Output that was thrown away because nobody read it in time.
    Gap {
        /// The offset behind the gap.
        offset: u64,
        /// How much, in bytes.
        bytes: u64,
    },
}

/// A piece of a console.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ConsoleChunk {
    /// In order.
    pub lines: Vec<ConsoleLine>,
    /// Read on after this offset.
    pub next: u64,
}

/// Console lines as they come, on their own topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConsolePush {
    /// Whose.
    pub tenant: TenantId,
    /// Which server.
    pub server: ServerId,
    /// The lines.
    pub chunk: ConsoleChunk,
}

/// Whether an agent is there: published retained at each connection, and by the broker when it is lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Presence {
    /// The messages' version.
    pub version: u32,
    /// Which host.
    pub host: HostId,
    /// Whether it is there.
    pub online: bool,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// The agent's own version.
    pub agent: String,
}

#[cfg(test)]
pub(crate) mod tests;
