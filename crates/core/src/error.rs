//! What went wrong, in the words of the person who can do something about it.
//!
//! Each domain has its own error enum and turns it into this one at its operations' edge. A face shows
//! `message` and `remedy`; it never shows `source`, which goes to the log and the audit record.

use std::{fmt, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{document::Action, id::CallId, language::Localized};

/// Who can do something about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The input is not what the operation takes.
    User,
    /// The actor may not do that.
    Permission,
    /// Too much, too often, or full.
    Limit,
    /// There is no such thing.
    NotFound,
    /// It clashes with what is there, or with somebody else's change.
    Conflict,
    /// Something Guildhall depends on did not do its part.
    Upstream,
    /// Guildhall itself is wrong.
    Bug,
}

impl Kind {
    /// The word in records and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Permission => "permission",
            Self::Limit => "limit",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Upstream => "upstream",
            Self::Bug => "bug",
        }
    }

    /// Whether the call was turned away, as opposed to having failed on the way.
    pub fn is_refusal(self) -> bool {
        !matches!(self, Self::Upstream | Self::Bug)
    }
}

/// What is wrong with one input.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct FieldError {
    /// The input's name.
    pub field: String,
    /// What is wrong, and what would be right.
    pub message: String,
    /// The message's code in the [texts](crate::language::Texts), if it has one.
    #[serde(skip)]
    pub code: Option<&'static str>,
    /// What the message speaks of.
    #[serde(skip)]
    pub vars: Vars,
}

impl FieldError {
    /// A mistake in one input.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), code: None, vars: Vec::new() }
    }
}

/// Why a value does not fit, in English and as a code of the [texts](crate::language::Texts) with what it speaks of.
#[derive(Clone, Debug, PartialEq)]
pub struct Misfit {
    code: &'static str,
    message: String,
    vars: Vars,
}

impl Misfit {
    /// What is wrong, to be read behind the input's name: `is not a number.`
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), vars: Vec::new() }
    }

    /// Names something that the message speaks of, for other languages.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Variable>) -> Self {
        self.vars.push((name, value.into()));
        self
    }

    /// The same of this input.
    pub fn of(self, field: impl Into<String>) -> FieldError {
        FieldError { field: field.into(), message: self.message, code: Some(self.code), vars: self.vars }
    }
}

impl From<FieldError> for Error {
    fn from(field: FieldError) -> Self {
        let message = format!("{} {}", field.field, field.message);
        Self { fields: vec![field], ..Self::new(Kind::User, "invalid_input", message) }
    }
}

/// Something that a message speaks of.
#[derive(Clone, Debug, PartialEq)]
pub enum Variable {
    /// A name, a list, a time.
    Text(String),
    /// A number, which languages may need for the plural.
    Number(f64),
}

/// What a message speaks of, by name.
pub type Vars = Vec<(&'static str, Variable)>;

impl From<&str> for Variable {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Variable {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

macro_rules! number_variable {
    ($($kind:ty),*) => {
        $(impl From<$kind> for Variable {
            fn from(number: $kind) -> Self {
                #[expect(clippy::cast_precision_loss, reason = "nobody reads a number above 2^53 in a sentence")]
                Self::Number(number as f64)
            }
        })*
    };
}

number_variable!(i64, u64, usize);

macro_rules! small_number_variable {
    ($($kind:ty),*) => {
        $(impl From<$kind> for Variable {
            fn from(number: $kind) -> Self {
                Self::Number(f64::from(number))
            }
        })*
    };
}

small_number_variable!(u8, u16, u32, i32, f64);

/// An error at the edge of an operation.
#[derive(Debug, thiserror::Error)]
pub struct Error {
    /// A stable word for programs: `server_not_found`.
    pub code: &'static str,
    /// Who can do something about it.
    pub kind: Kind,
    /// What happened, in a sentence: English, for logs and for where no other text is known.
    pub message: String,
    /// What to do about it, in a sentence.
    pub remedy: Option<String>,
    /// What message and remedy speak of, for other languages.
    pub vars: Vars,
    /// Per input, for [`Kind::User`].
    pub fields: Vec<FieldError>,
    /// What the person may have meant.
    pub actions: Vec<Action>,
    /// When to try again, where that is known.
    pub retry_after: Option<Duration>,
    /// The call it happened in; set by the catalogue.
    pub call: Option<CallId>,
    /// For the log only.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(remedy) = &self.remedy {
            write!(f, " {remedy}")?;
        }
        Ok(())
    }
}

impl Error {
    /// An error of a kind.
    pub fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            kind,
            message: message.into(),
            remedy: None,
            vars: Vec::new(),
            fields: Vec::new(),
            actions: Vec::new(),
            retry_after: None,
            call: None,
            source: None,
        }
    }

    /// A fault of Guildhall's. People see a reference, the log sees the source.
    pub fn bug(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Kind::Bug, "internal", FAULT).because(source)
    }

    /// Input that does not fit.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        let (field, message) = (field.into(), message.into());
        let mut error = Self::new(Kind::User, "invalid_input", format!("{field}: {message}"));
        error.fields.push(FieldError::new(field, message));
        error
    }

    /// Names something that message and remedy speak of, for other languages.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Variable>) -> Self {
        self.vars.push((name, value.into()));
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Keeps what caused it, for the log.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Offers something that may have been meant.
    #[must_use]
    pub fn action(mut self, action: Action) -> Self {
        self.actions.push(action);
        self
    }

    /// The chain of causes, for the log.
    pub fn causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(inner) = cause {
            text.push_str(": ");
            text.push_str(&inner.to_string());
            cause = inner.source();
        }
        text
    }

    /// The document in English, as the code that raised the error wrote it.
    pub fn document(&self) -> crate::Document {
        Localized::untranslated(self).document()
    }
}

/// What ends a text of which something is missing.
pub const CUT: char = '…';

/// What somebody typed, as an error repeats it: at most so many characters. Where that is not all, [`CUT`] stands at
/// its end, so that whoever takes secrets out knows that there may be half of one.
pub fn typed(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most.saturating_sub(1)).chain([CUT]).collect(),
        None => text.to_owned(),
    }
}

/// What a panic said: for the log, never for people.
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}

/// An error as programs read it: the body of a REST answer and of `--json`. Of a fault of Guildhall's it says that
/// there was one, and its reference.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Wire<'a> {
    /// A stable word for programs.
    pub code: &'a str,
    /// Who can do something about it.
    pub kind: Kind,
    /// What happened.
    pub message: &'a str,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<&'a str>,
    /// Per input.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub fields: &'a [FieldError],
    /// What may have been meant.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub suggestions: &'a [Action],
    /// The number to quote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// What is said of every fault of Guildhall's; the log and the audit record have the rest.
const FAULT: &str = "Something went wrong inside Guildhall.";

impl<'a> From<&'a Error> for Wire<'a> {
    fn from(error: &'a Error) -> Self {
        let reference = error.call.map(|call| call.reference());
        if error.kind == Kind::Bug {
            let (fields, suggestions) = (&[], &[]);
            return Self {
                code: error.code,
                kind: error.kind,
                message: FAULT,
                remedy: None,
                fields,
                suggestions,
                reference,
            };
        }
        Self {
            code: error.code,
            kind: error.kind,
            message: &error.message,
            remedy: error.remedy.as_deref(),
            fields: &error.fields,
            suggestions: &error.actions,
            reference,
        }
    }
}
