//! What goes wrong with a server, until it is known during which phase.

use std::io;

use guildhall_link::message::{Failure, FailureCode, Phase};

use crate::disk;

/// Why a step towards what is wanted did not succeed.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub(crate) code: FailureCode,
    message: String,
    output: Vec<String>,
}

impl Trouble {
    pub(crate) fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), output: Vec::new() }
    }

    pub(crate) fn bad_recipe(message: impl Into<String>) -> Self {
        Self::new(FailureCode::BadRecipe, message)
    }

    pub(crate) fn install(message: impl Into<String>) -> Self {
        Self::new(FailureCode::InstallFailed, message)
    }

    /// An error of the system's, while doing `what`.
    pub(crate) fn io(what: &str, error: &io::Error) -> Self {
        let code = match error.kind() {
            _ if disk::is_full(error) => return Self::disk_full(&format!("{what}: {error}")),
            io::ErrorKind::PermissionDenied => FailureCode::NotAllowed,
            _ => FailureCode::Host,
        };
        Self::new(code, format!("{what}: {error}"))
    }

    /// The disk has no room left for something.
    pub(crate) fn disk_full(what: &str) -> Self {
        let message = format!("The disk is full ({what}). Make room on the host's disk, then start again.");
        Self::new(FailureCode::DiskFull, message)
    }

    /// Adds the output that explains it.
    #[must_use]
    pub(crate) fn output(mut self, lines: Vec<String>) -> Self {
        self.output = lines;
        self
    }

    /// Says first what it was about.
    #[must_use]
    pub(crate) fn about(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// Whether its output holds these words.
    pub(crate) fn says(&self, words: &str) -> bool {
        self.output.iter().any(|line| line.contains(words))
    }

    pub(crate) fn during(self, phase: Phase) -> Failure {
        let message = self.message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect();
        Failure { code: self.code, phase, message, output: self.output }
    }
}
