//! What went wrong, as the error system hears of it: counted, grouped, shown to people in their language.
//!
//! The catalogue reports every error of every call here, and so does whatever fails with nobody waiting: a
//! workflow, a delivery, a reconciler.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::{
    ActorId, CallId, Document, Error, Face, Kind, TenantId,
    language::{Language, Texts},
};

/// One error that happened.
#[derive(Clone, Debug)]
pub struct Occurrence {
    /// When.
    pub at: OffsetDateTime,
    /// The error's stable word.
    pub code: &'static str,
    /// Who can do something about it.
    pub kind: Kind,
    /// What was being done: an operation's name, a workflow's kind.
    pub operation: String,
    /// The error with its causes, for operators only.
    pub detail: String,
    /// For which community.
    pub tenant: TenantId,
    /// Who was acting, if anybody.
    pub actor: Option<ActorId>,
    /// Through which face.
    pub face: Face,
    /// The call, whose reference people were given.
    pub call: Option<CallId>,
    /// The trace, 32 hex digits, where tracing is on.
    pub trace: Option<String>,
}

/// Hears of errors. Never waits and never fails: what it cannot take it counts.
pub trait Observer: Send + Sync {
    /// Takes notice.
    fn notice(&self, occurrence: Occurrence);
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Deaf;

impl Observer for Deaf {
    fn notice(&self, _: Occurrence) {}
}

static TRACER: OnceLock<fn() -> Option<String>> = OnceLock::new();

/// Says how to find the trace that is under way: 32 hex digits. Whoever sets up tracing calls this, once.
pub fn trace_with(tracer: fn() -> Option<String>) {
    // A second tracer in one process, as in tests, changes nothing.
    let _ = TRACER.set(tracer);
}

/// The trace that is under way, where tracing is on.
pub fn current_trace() -> Option<String> {
    TRACER.get().and_then(|tracer| tracer())
}

/// Who reads an error.
#[derive(Clone, Debug)]
pub struct Reader {
    /// In which community.
    pub tenant: TenantId,
    /// Who.
    pub actor: ActorId,
    /// Which language they read.
    pub language: Language,
}

/// Makes an error readable.
#[async_trait]
pub trait Presenter: Send + Sync {
    /// The document that a person reads.
    async fn present(&self, reader: &Reader, error: &Error) -> Document;
}

/// Says what the error says, in English.
#[derive(Clone, Copy, Debug, Default)]
pub struct Untranslated;

#[async_trait]
impl Presenter for Untranslated {
    async fn present(&self, _: &Reader, error: &Error) -> Document {
        error.document()
    }
}

/// Says message and remedy in the reader's language, and nothing more.
pub struct Plain(
    /// The messages.
    pub Arc<Texts>,
);

#[async_trait]
impl Presenter for Plain {
    async fn present(&self, reader: &Reader, error: &Error) -> Document {
        self.0.translate(error, reader.language).document()
    }
}
