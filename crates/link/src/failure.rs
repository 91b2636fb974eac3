//! Why a server does not work, in words: what happened and what to do, for every code.

use std::fmt;

use guildhall_core::{Error, Kind};
use serde::{Deserialize, Serialize};

use crate::{
    message::{Failure as AgentFailure, FailureCode},
    text,
};

/// What made a server fail: what its agent reports, or what only the control plane can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Code {
    /// The agent saw it.
    Agent(FailureCode),
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
    /// Its secrets cannot be read with the key that this installation has.
    SecretsLocked,
    /// Something inside of Guildhall broke.
    Internal,
}

impl Code {
    /// What only the control plane can see.
    const OWN: [Self; 10] = [
        Self::NoHost,
        Self::HostOffline,
        Self::HostLost,
        Self::Gone,
        Self::Refused,
        Self::NoPort,
        Self::Stuck,
        Self::StopFailed,
        Self::SecretsLocked,
        Self::Internal,
    ];

    /// Every code.
    pub fn all() -> impl Iterator<Item = Self> {
        FailureCode::ALL.into_iter().map(Self::Agent).chain(Self::OWN)
    }

    /// The word kept in the store and given to programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent(code) => code.as_str(),
            Self::NoHost => "no_host",
            Self::HostOffline => "host_offline",
            Self::HostLost => "host_lost",
            Self::Gone => "gone",
            Self::Refused => "refused",
            Self::NoPort => "no_port",
            Self::Stuck => "stuck",
            Self::StopFailed => "stop_failed",
            Self::SecretsLocked => "secrets_locked",
            Self::Internal => "internal",
        }
    }

    /// The code of a stored word.
    pub fn parse(word: &str) -> Self {
        Self::all().find(|code| code.as_str() == word).unwrap_or(Self::Internal)
    }

    /// What happened, as the first line of a message.
    pub fn headline(self) -> &'static str {
        self.words().0
    }

    /// What a person can do about it.
    pub fn remedy(self) -> &'static str {
        self.words().1
    }

    fn words(self) -> (&'static str, &'static str) {
        use FailureCode as Agent;
        match self {
            Self::Agent(Agent::ProgramMissing) => (
                "the game's program is missing or cannot be run",
                "Start it again to repeat the installation; if it stays, staff should check the recipe's start line.",
            ),
            Self::Agent(Agent::PortTaken) => (
                "another program listens on one of its ports",
                "Start it again to be given another port, or stop the other program on the host.",
            ),
            Self::Agent(Agent::DiskFull) => (
                "the host's disk is full",
                "Free some space on the host (old servers can go with /server delete), then start it again.",
            ),
            Self::Agent(Agent::InstallFailed) => (
                "a step of its installation failed",
                "Look at the output below, mend what it says, then start it again: the installation goes on where it \
                 failed.",
            ),
            Self::Agent(Agent::NotReadyInTime) => (
                "it was not ready for players in time",
                "Look at /server console for what it was doing, then start it again; a large world may need a \
                 longer “within” in the recipe's [ready].",
            ),
            Self::Agent(Agent::EndedBeforeReady) => (
                "it ended before it was ready",
                "Its last lines are below and often say why; check /server config, then start it again.",
            ),
            Self::Agent(Agent::CrashedTooOften) => (
                "it crashed too often and was left stopped",
                "Look at its last lines below and undo what changed last, then start it again.",
            ),
            Self::Agent(Agent::BadRecipe) => (
                "its recipe and its configuration do not work out",
                "Check /server config, and the recipe with “guildhall recipe lint”, then start it again.",
            ),
            Self::Agent(Agent::NotAllowed) => (
                "the agent on its host may not do what the recipe asks",
                "Give the agent the right that is named below (it usually runs as root), then start it again.",
            ),
            Self::Agent(Agent::Host) => (
                "something on its host went wrong",
                "Look at the message below, mend it on the host, then start it again.",
            ),
            Self::NoHost => (
                "there is no host to run it",
                "Start “guildhall agent” on a machine, or connect one that is away, then start it again.",
            ),
            Self::HostOffline => {
                ("its host is not connected", "Check that the host is up and its agent runs, then try again.")
            }
            Self::HostLost => (
                "its host went away",
                "Check that the host is up and its agent runs; when it is back, a game that ran on is taken up again.",
            ),
            Self::Gone => (
                "its host does not know it any more",
                "If the host was set up anew, its files are lost; start it to install it again.",
            ),
            Self::Refused => (
                "the agent on its host refused the request",
                "Check that control plane and agent are of one version, then try again.",
            ),
            Self::NoPort => (
                "its host has no free port left for it",
                "Delete servers that nobody needs, or set another number for the port, then try again.",
            ),
            Self::Stuck => (
                "it took too long",
                "Start it again; if it gets stuck at the same place, look at /server console and at the host.",
            ),
            Self::StopFailed => (
                "it could not be stopped",
                "It is stopped as soon as its host answers; try again if that takes too long.",
            ),
            Self::SecretsLocked => (
                "its secrets cannot be read with the key that this installation has",
                "Put back the key file that belongs to this database, or set the secrets anew with /server config; \
                 then start it again.",
            ),
            Self::Internal => (
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
        Self::Agent(code)
    }
}

impl From<String> for Code {
    fn from(word: String) -> Self {
        Self::parse(&word)
    }
}

impl From<Code> for String {
    fn from(code: Code) -> Self {
        code.as_str().to_owned()
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

    /// The error for whoever asked for a server that could not be made because of this.
    pub fn not_made(&self, server: &str) -> Error {
        if self.code == Code::Internal {
            // A reference for the staff is all that there is to say.
            return Error::new(Kind::Upstream, "internal", "Something went wrong inside Guildhall.");
        }
        let particulars = match self.message.trim_end_matches('.') {
            "" => String::new(),
            message => format!(": {message}"),
        };
        let message = format!("{server} could not be made: {}{particulars}.", self.code.headline());
        Error::new(Kind::Upstream, self.code.as_str(), message)
            .remedy(self.code.remedy())
            .with("job", "create")
            .with("name", server)
            .with("particulars", particulars)
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

    use guildhall_core::language::{Language, Texts, gaps};

    use super::*;
    use crate::LOCALES;

    #[test]
    fn every_code_has_a_word_a_headline_and_a_remedy_of_its_own() {
        let words: BTreeSet<_> = Code::all().map(Code::as_str).collect();
        let headlines: BTreeSet<_> = Code::all().map(Code::headline).collect();
        assert_eq!((words.len(), headlines.len()), (Code::all().count(), Code::all().count()));
        for code in Code::all() {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str(), "one word everywhere");
            assert_eq!(Code::parse(code.as_str()), code);
            assert_eq!(serde_json::from_value::<Code>(code.as_str().into()).unwrap(), code);
            assert!(code.remedy().ends_with('.') && code.remedy().len() > 20, "{code}: no remedy");
            assert!(!code.headline().ends_with('.') && code.headline().starts_with(char::is_lowercase));
        }
    }

    #[test]
    fn every_failure_is_said_in_every_language_with_all_it_speaks_of() {
        assert_eq!(gaps(&[LOCALES]), Vec::<String>::new());
        let texts = Texts::new(&[guildhall_core::language::LOCALES, LOCALES]).unwrap();
        for (code, particulars) in Code::all().flat_map(|code| [(code, ""), (code, "port 'game' on host a.")])
        {
            let error = Trouble::new(code, particulars).not_made("survival");
            assert_eq!(error.code, code.as_str());
            let english = texts.translate(&error, Language::English);
            assert_eq!((english.message(), english.remedy()), (&*error.message, error.remedy.as_deref()));
            let german = texts.translate(&error, Language::German);
            assert_ne!(german.message(), error.message, "{code}");
            if code == Code::Internal {
                assert_eq!(german.remedy(), None, "the reference says what to do");
                continue;
            }
            assert_ne!(german.remedy(), error.remedy.as_deref(), "{code}");
            for said in [english.message(), german.message()] {
                assert!(said.starts_with("survival ") && said.ends_with('.'), "{said}");
                assert_eq!(said.contains(": port 'game' on host a."), !particulars.is_empty(), "{said}");
            }
        }
        let own = Texts::new(&[LOCALES]).unwrap();
        for code in own.codes() {
            assert!(Code::all().any(|known| known.as_str() == code), "nothing raises {code}");
        }
    }

    #[test]
    fn an_agents_words_are_cut_and_cleaned() {
        let trouble = Trouble::from(AgentFailure {
            code: FailureCode::Host,
            phase: crate::message::Phase::Starting,
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
