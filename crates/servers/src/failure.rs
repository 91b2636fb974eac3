//! Why a server does not work, in words: what happened and what to do, for every code.

use std::fmt;

use guildhall_link::message::{Failure as AgentFailure, FailureCode};
use serde::{Deserialize, Serialize};

use crate::text;

/// What made a server fail: what agents report, and what only the control plane can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
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
    /// No host is there to run it.
    NoHost,
    /// Its host is not connected.
    HostOffline,
    /// Its host went away while it was running.
    HostLost,
    /// Its host does not know it any more.
    Gone,
    /// The agent turned the request away.
    Refused,
    /// No free port was found.
    NoPort,
    /// It stayed in a passing state for too long.
    Stuck,
    /// It could not be stopped or removed.
    StopFailed,
    /// Something inside of Guildhall broke.
    Internal,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 19] = [
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
        Self::NoHost,
        Self::HostOffline,
        Self::HostLost,
        Self::Gone,
        Self::Refused,
        Self::NoPort,
        Self::Stuck,
        Self::StopFailed,
        Self::Internal,
    ];

    /// The word kept in the store and given to programs.
    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The code of a stored word.
    pub fn parse(word: &str) -> Self {
        Self::ALL.into_iter().find(|code| code.as_str() == word).unwrap_or(Self::Internal)
    }

    /// What happened, as the first line of a message.
    pub fn headline(self) -> &'static str {
        self.row().1
    }

    /// What a person can do about it.
    pub fn remedy(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::ProgramMissing => (
                "program_missing",
                "the game's program is missing or cannot be run",
                "Start it again to repeat the installation; if it stays, staff should check the recipe's start line.",
            ),
            Self::PortTaken => (
                "port_taken",
                "another program listens on one of its ports",
                "Start it again to be given another port, or stop the other program on the host.",
            ),
            Self::DiskFull => (
                "disk_full",
                "the host's disk is full",
                "Free some space on the host (old servers can go with `server delete`), then start it again.",
            ),
            Self::InstallFailed => (
                "install_failed",
                "a step of its installation failed",
                "Look at the output below, mend what it says, then start it again: the installation goes on where it \
                 failed.",
            ),
            Self::NotReadyInTime => (
                "not_ready_in_time",
                "it was not ready for players in time",
                "Look at `server console` for what it was doing, then start it again; a large world may need a \
                 longer `within` in the recipe's [ready].",
            ),
            Self::EndedBeforeReady => (
                "ended_before_ready",
                "it ended before it was ready",
                "Its last lines are below and often say why; check `server config`, then start it again.",
            ),
            Self::CrashedTooOften => (
                "crashed_too_often",
                "it crashed too often and was left stopped",
                "Look at its last lines below and undo what changed last, then start it again.",
            ),
            Self::BadRecipe => (
                "bad_recipe",
                "its recipe and its configuration do not work out",
                "Check `server config`, and the recipe with `guildhall recipe lint`, then start it again.",
            ),
            Self::NotAllowed => (
                "not_allowed",
                "the agent on its host may not do what the recipe asks",
                "Give the agent the right that is named below (it usually runs as root), then start it again.",
            ),
            Self::Host => (
                "host",
                "something on its host went wrong",
                "Look at the message below, mend it on the host, then start it again.",
            ),
            Self::NoHost => (
                "no_host",
                "there is no host to run it",
                "Start `guildhall agent` on a machine, or connect one that is away, then start it again.",
            ),
            Self::HostOffline => (
                "host_offline",
                "its host is not connected",
                "Check that the host is up and its agent runs, then try again.",
            ),
            Self::HostLost => (
                "host_lost",
                "its host went away",
                "Check that the host is up and its agent runs; when it is back, a game that ran on is taken up again.",
            ),
            Self::Gone => (
                "gone",
                "its host does not know it any more",
                "If the host was set up anew, its files are lost; start it to install it again.",
            ),
            Self::Refused => (
                "refused",
                "the agent on its host refused the request",
                "Check that control plane and agent are of one version, then try again.",
            ),
            Self::NoPort => (
                "no_port",
                "its host has no free port left for it",
                "Delete servers that nobody needs, or set another number with `server config`, then start it again.",
            ),
            Self::Stuck => (
                "stuck",
                "it took too long",
                "Start it again; if it gets stuck at the same place, look at `server console` and at the host.",
            ),
            Self::StopFailed => (
                "stop_failed",
                "it could not be stopped",
                "It is stopped as soon as its host answers; try again if that takes too long.",
            ),
            Self::Internal => (
                "internal",
                "something inside of Guildhall broke",
                "Try again; if it stays, the operator's log says more.",
            ),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<FailureCode> for Code {
    fn from(code: FailureCode) -> Self {
        match code {
            FailureCode::ProgramMissing => Self::ProgramMissing,
            FailureCode::PortTaken => Self::PortTaken,
            FailureCode::DiskFull => Self::DiskFull,
            FailureCode::InstallFailed => Self::InstallFailed,
            FailureCode::NotReadyInTime => Self::NotReadyInTime,
            FailureCode::EndedBeforeReady => Self::EndedBeforeReady,
            FailureCode::CrashedTooOften => Self::CrashedTooOften,
            FailureCode::BadRecipe => Self::BadRecipe,
            FailureCode::NotAllowed => Self::NotAllowed,
            FailureCode::Host => Self::Host,
        }
    }
}

/// One failure with its particulars.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trouble {
    /// What it was.
    pub code: Code,
    /// The particulars: names and numbers; at most 500 characters. May be empty.
    pub message: String,
    /// The last lines of output that explain it; at most 20 lines of 200 characters.
    pub output: Vec<String>,
}

impl Trouble {
    /// A failure that needs no output to be understood.
    pub fn new(code: Code, message: impl AsRef<str>) -> Self {
        Self { code, message: text::line(message.as_ref(), 500), output: Vec::new() }
    }
}

impl From<AgentFailure> for Trouble {
    /// An agent's words are untrusted: cut, and free of control characters.
    fn from(failure: AgentFailure) -> Self {
        Self {
            code: failure.code.into(),
            message: text::line(&failure.message, 500),
            output: failure.output.iter().take(20).map(|line| text::line(line, 200)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_has_a_word_a_headline_and_a_remedy_of_its_own() {
        let words: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        let headlines: BTreeSet<_> = Code::ALL.iter().map(|code| code.headline()).collect();
        assert_eq!((words.len(), headlines.len()), (Code::ALL.len(), Code::ALL.len()));
        for code in Code::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str(), "one word everywhere");
            assert_eq!(Code::parse(code.as_str()), code);
            assert!(code.remedy().ends_with('.') && code.remedy().len() > 20, "{code}: no remedy");
            assert!(!code.headline().ends_with('.') && code.headline().starts_with(char::is_lowercase));
        }
    }

    #[test]
    fn an_agents_words_are_cut_and_cleaned() {
        let trouble = Trouble::from(AgentFailure {
            code: FailureCode::Host,
            phase: guildhall_link::message::Phase::Starting,
            message: format!("a\u{1b}[31mb\n{}", "x".repeat(2000)),
            output: vec!["\u{7}l\r\n".repeat(500); 100],
        });
        assert_eq!(trouble.message.chars().count(), 500);
        assert!(trouble.message.starts_with("ab x"), "{}", &trouble.message[..10]);
        assert_eq!(trouble.output.len(), 20);
        assert!(
            trouble.output.iter().all(|line| line.chars().count() <= 200 && !line.contains(char::is_control))
        );
    }
}
