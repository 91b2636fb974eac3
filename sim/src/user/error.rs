//! What keeps a person from doing something, or from seeing what was waited for.

use std::time::Duration;

use crate::rest::error::ApiError;

const UNKNOWN_MESSAGE: u64 = 10_008;
const MISSING_ACCESS: u64 = 50_001;
const MISSING_PERMISSIONS: u64 = 50_013;

/// Why a person could not do that. Discord's own program would not have let them try.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    /// No such command is registered here.
    #[error("there is no command /{name} here; registered are: {known}")]
    UnknownCommand {
        /// What was asked for.
        name: String,
        /// The commands there are.
        known: String,
    },
    /// The command has no such option.
    #[error("/{command} has no option {option}; it has: {known}")]
    UnknownOption {
        /// The command.
        command: String,
        /// The option asked for.
        option: String,
        /// The options there are.
        known: String,
    },
    /// A required option was left out.
    #[error("/{command} needs the option {option}")]
    MissingOption {
        /// The command.
        command: String,
        /// The option that is missing.
        option: String,
    },
    /// A value does not fit its option or field.
    #[error("{what}: {why}")]
    BadValue {
        /// The option or field.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// The user lacks the permission; the command would not be shown, or the message box would be grey.
    #[error("this user may not do that here")]
    NotAllowed,
    /// The user cannot see that channel or message.
    #[error("this user cannot see that {0}")]
    CannotSee(&'static str),
    /// The message has no such button or menu.
    #[error("the message has no {wanted}; it has: {known}")]
    NoSuchComponent {
        /// What was asked for, by custom id or label.
        wanted: String,
        /// What there is.
        known: String,
    },
    /// The button or menu is greyed out.
    #[error("{0} is disabled")]
    Disabled(String),
    /// The channel's slow mode lets the user write again only later.
    #[error("slow mode: this user may write again in {0:?}")]
    SlowMode(Duration),
    /// Discord refuses, with this code of its own.
    #[error("refused: {message} ({code})")]
    Refused {
        /// Discord's error code, for example 50007.
        code: u64,
        /// Discord's words for it.
        message: String,
    },
}

impl From<ApiError> for ActError {
    fn from(error: ApiError) -> Self {
        match error.code {
            MISSING_PERMISSIONS => Self::NotAllowed,
            MISSING_ACCESS => Self::CannotSee("channel"),
            UNKNOWN_MESSAGE => Self::CannotSee("message"),
            code => Self::Refused { code, message: error.message },
        }
    }
}

/// What was waited for did not come.
#[derive(Clone, Debug, thiserror::Error)]
#[error("nothing fitting came within {within:?}; {user} saw:\n{seen}")]
pub struct TimedOut {
    /// How long was waited.
    pub within: Duration,
    /// Who looked.
    pub user: String,
    /// What that user saw at the end.
    pub seen: String,
}
