//! What a command ends with when it did not do what it was asked: one way for all of them to tell it, in words
//! for people or as JSON for programs, and the exit status that goes with it.

use std::{
    fmt,
    io::{self, Write as _},
    process::ExitCode,
};

use guildhall_core::{Document, Kind};
use guildhall_http::client::{ClientError, Refusal};
use serde_json::{Value, json};

use super::{
    FAILED, REFUSED, Trouble, UNREACHABLE, USAGE,
    text::{Renderer, clean},
};
use crate::configuration::ConfigurationError;

/// A refusal, a failure, or a question that nobody has answered with yes.
#[derive(Debug)]
pub struct Ending {
    status: u8,
    /// `{"error": …}` or `{"confirm": …}`.
    json: Value,
    /// For standard error.
    text: String,
}

impl Ending {
    /// An error with a code of its own, and what else programs may want to know of it.
    pub fn error(status: u8, code: &str, kind: Kind, message: impl fmt::Display, more: Value) -> Self {
        let message = message.to_string();
        let mut error = json!({"code": code, "kind": kind, "message": message});
        if let (Value::Object(error), Value::Object(more)) = (&mut error, more) {
            error.extend(more);
        }
        Self { status, json: json!({"error": error}), text: format!("guildhall: {message}") }
    }

    /// What a destroying operation asks before it does anything. `asked` says that a person has read the question,
    /// and did not say yes.
    pub fn question(operation: &str, question: &str, document: &Document, asked: bool) -> Self {
        let undone = "Nothing was done. Repeat with --yes when it is meant.";
        let text = if asked { undone.to_owned() } else { format!("{}\n{undone}", clean(question)) };
        let confirm = json!({"operation": operation, "question": question, "document": document});
        Self { status: REFUSED, json: json!({"confirm": confirm}), text }
    }

    /// A command line that does not read as one.
    pub fn usage(error: &clap::Error) -> Self {
        let text = error.render().to_string();
        let message = text.trim().strip_prefix("error: ").unwrap_or(text.trim());
        Self::error(USAGE, "usage", Kind::User, message, Value::Null)
    }

    fn refusal(status: u8, refusal: &Refusal) -> Self {
        let error = json!({
            "code": refusal.code,
            "kind": refusal.kind,
            "message": refusal.message,
            "remedy": refusal.remedy,
            "fields": refusal.fields,
            "suggestions": refusal.suggestions,
            "reference": refusal.reference,
        });
        let text = Renderer::here().document(&refusal.document);
        Self { status, json: json!({"error": error}), text }
    }

    /// Tells it, as the caller wants to read it, and ends the command.
    pub fn tell(self, as_json: bool) -> ExitCode {
        // Where nobody can be told, the exit status still says how it went.
        let _ = match as_json {
            true => writeln!(io::stdout(), "{}", self.json),
            false => writeln!(io::stderr(), "{}", self.text.trim_end()),
        };
        ExitCode::from(self.status)
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Ending {}

impl From<ClientError> for Ending {
    fn from(error: ClientError) -> Self {
        match &error {
            ClientError::Refused(refusal) => Self::refusal(REFUSED, refusal),
            ClientError::Failed(refusal) => Self::refusal(FAILED, refusal),
            ClientError::Unreachable { .. } | ClientError::Unreadable(_) => {
                let message = format!("{error}. Is `guildhall run` running there?");
                Self::error(UNREACHABLE, "unreachable", Kind::Upstream, message, Value::Null)
            }
            ClientError::Setup(_) => Self::error(USAGE, "usage", Kind::User, error, Value::Null),
        }
    }
}

impl From<Trouble> for Ending {
    fn from(trouble: Trouble) -> Self {
        let trouble = match trouble.downcast::<Self>() {
            Ok(ending) => return *ending,
            Err(trouble) => trouble,
        };
        match trouble.downcast_ref::<ConfigurationError>() {
            Some(error @ ConfigurationError::Mistakes(mistakes)) => {
                let more = json!({"mistakes": mistakes});
                Self::error(FAILED, "configuration_wrong", Kind::User, error, more)
            }
            Some(error) => Self::error(FAILED, "configuration_unreadable", Kind::User, error, Value::Null),
            None => Self::error(FAILED, "failed", Kind::Upstream, trouble, Value::Null),
        }
    }
}
