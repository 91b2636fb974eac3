//! What goes wrong in a workflow: in a step, in a whole flow, and in dealing with the engine.

use guildhall_core::{Error, Kind};
use guildhall_store::StoreError;
use serde::{Deserialize, Serialize};

use crate::FlowId;

/// Why a step did not do its part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StepError {
    /// A stable word for programs.
    pub code: String,
    /// What happened, in a sentence a member may read.
    pub message: String,
    /// What to do about it, in a sentence.
    pub remedy: Option<String>,
    /// For the log only.
    pub detail: Option<String>,
    /// Whether the same step may succeed later with nothing changed but time; only then it is retried.
    pub transient: bool,
}

impl StepError {
    /// An error that trying again does not mend.
    pub fn permanent(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), remedy: None, detail: None, transient: false }
    }

    /// An error that may go away by itself.
    pub fn transient(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { transient: true, ..Self::permanent(code, message) }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Keeps what caused it, for the log.
    #[must_use]
    pub fn because(mut self, cause: impl std::fmt::Display) -> Self {
        self.detail = Some(cause.to_string());
        self
    }
}

impl From<Error> for StepError {
    /// What something else did not do may be done later; everything else stays as it is.
    fn from(error: Error) -> Self {
        Self {
            code: error.code.to_owned(),
            message: error.message.clone(),
            remedy: error.remedy.clone(),
            detail: Some(error.causes()),
            transient: matches!(error.kind, Kind::Upstream | Kind::Limit),
        }
    }
}

impl From<StoreError> for StepError {
    fn from(error: StoreError) -> Self {
        let transient = error.is_transient();
        Self { transient, ..Self::from(Error::from(error)) }
    }
}

/// Why a flow did not end as wanted. It is kept in the journal, so it is the same after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The step in which it happened, if it was one.
    pub step: Option<String>,
    /// A stable word for programs. The engine's own: `deadline`, `cancelled`, `timed_out`, `panicked`,
    /// `output_too_large`, `undo_failed`, `not_deterministic`, `unreadable`.
    pub code: String,
    /// What happened, in a sentence a member may read.
    pub message: String,
    /// What to do about it, in a sentence.
    pub remedy: Option<String>,
    /// For the log only.
    pub detail: Option<String>,
}

impl Failure {
    /// A failure that the workflow itself decides on, between its steps.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { step: None, code: code.into(), message: message.into(), remedy: None, detail: None }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    pub(crate) fn of_step(step: &str, error: StepError) -> Self {
        let StepError { code, message, remedy, detail, .. } = error;
        Self { step: Some(step.to_owned()), code, message, remedy, detail }
    }
}

impl From<StepError> for Failure {
    fn from(error: StepError) -> Self {
        let StepError { code, message, remedy, detail, .. } = error;
        Self { step: None, code, message, remedy, detail }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        StepError::from(error).into()
    }
}

/// What the engine refuses or cannot do.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// A flow of this kind is under way for the same thing.
    #[error(
        "{kind} is already under way for {key} (flow {flow}); wait until it has ended, or resume or abandon it \
         when it is stuck"
    )]
    Active {
        /// The workflow's kind.
        kind: String,
        /// What it is for.
        key: String,
        /// The one under way.
        flow: FlowId,
        /// When that one began.
        since: time::OffsetDateTime,
    },
    /// There is no such flow.
    #[error("there is no flow {0}; it may have ended long ago")]
    Unknown(FlowId),
    /// The flow has ended, so there is nothing to signal, cancel or resume.
    #[error("flow {0} has ended")]
    Settled(FlowId),
    /// The flow is not stuck, so there is nothing to resume or abandon.
    #[error("flow {0} is not stuck: it goes on by itself, or it has ended")]
    NotStuck(FlowId),
    /// An input or a signal is larger than its bound.
    #[error("the {what} is {size} bytes; at most {limit} are kept")]
    TooLarge {
        /// Which value.
        what: &'static str,
        /// Its size in bytes.
        size: usize,
        /// The bound in bytes.
        limit: usize,
    },
    /// The flow has not read the signals it was sent.
    #[error("flow {0} has {1} signals waiting; it takes no more until it has read some")]
    TooManySignals(FlowId, u64),
    /// A value cannot be written as JSON, or is not what was expected.
    #[error("the value does not fit")]
    Value(#[from] serde_json::Error),
    /// The store did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sea_orm::DbErr> for FlowError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Store(error.into())
    }
}

impl From<FlowError> for Error {
    fn from(error: FlowError) -> Self {
        match error {
            FlowError::Active { .. } => {
                Self::new(Kind::Conflict, "already_under_way", "This is already under way.")
                    .remedy("Wait until it is done. If it does not go on, tell who runs this installation.")
                    .because(error)
            }
            FlowError::Unknown(_) => Self::new(Kind::NotFound, "flow_not_found", "There is no such job.")
                .remedy("It may have ended long ago.")
                .because(error),
            FlowError::Settled(_) => {
                Self::new(Kind::Conflict, "flow_settled", "That job has ended already.").because(error)
            }
            FlowError::NotStuck(_) => Self::new(Kind::Conflict, "flow_not_stuck", "That job is not stuck.")
                .remedy("There is nothing to do: it goes on by itself, or it has ended.")
                .because(error),
            FlowError::TooLarge { what, size, limit } => {
                let message = format!("The {what} is {size} bytes; at most {limit} are kept.");
                Self::new(Kind::Limit, "too_large", message)
                    .remedy("Make it smaller.")
                    .with("what", what)
                    .with("size", size)
                    .with("limit", limit)
            }
            FlowError::TooManySignals(..) => {
                Self::new(Kind::Limit, "too_many_signals", "That job is still busy with what it was told.")
                    .remedy("Try again in a moment.")
                    .because(error)
            }
            FlowError::Value(_) => Self::bug(error),
            FlowError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use guildhall_core::language::{Language, Texts, gaps};

    use super::*;

    #[test]
    fn each_is_said_in_each_language_with_all_that_it_speaks_of() {
        assert_eq!(gaps(&[crate::LOCALES]), Vec::<String>::new());
        let locales = [guildhall_core::language::LOCALES, guildhall_store::LOCALES, crate::LOCALES];
        let texts = Texts::new(&locales).unwrap();
        let flow = FlowId(uuid::Uuid::nil());
        let since = time::OffsetDateTime::UNIX_EPOCH;
        for error in [
            FlowError::Active { kind: "x".to_owned(), key: "y".to_owned(), flow, since },
            FlowError::Unknown(flow),
            FlowError::Settled(flow),
            FlowError::NotStuck(flow),
            FlowError::TooLarge { what: "input", size: 3, limit: 2 },
            FlowError::TooManySignals(flow, 3),
        ] {
            let error = Error::from(error);
            assert_ne!(texts.translate(&error, Language::German).message(), error.message, "{}", error.code);
        }
    }
}
