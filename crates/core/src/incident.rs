//! What went wrong, as the error system hears of it: counted, grouped, shown to people in their language.
//!
//! The catalogue reports every error of every call here, and so does whatever fails with nobody waiting: a
//! workflow, a delivery, a reconciler.

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
};

use async_trait::async_trait;
use serde_json::Value;
use time::OffsetDateTime;
use tracing::Span;

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

/// How the trace under way is found, and how it goes on in another process.
#[derive(Clone, Copy, Debug)]
pub struct Tracer {
    /// Its id, 32 hex digits.
    pub id: fn() -> Option<String>,
    /// The span under way, as another process is told of it: a `traceparent`
    /// (<https://www.w3.org/TR/trace-context/#traceparent-header>).
    pub parent: fn() -> Option<String>,
    /// Makes a span that has just been made the child of another process's. What reads as no `traceparent` is
    /// left alone.
    pub adopt: fn(&Span, &str),
}

static TRACER: OnceLock<Tracer> = OnceLock::new();

/// Says how traces are found. Whoever sets up tracing calls this, once.
pub fn trace_with(tracer: Tracer) {
    // A second tracer in one process, as in tests, changes nothing.
    let _ = TRACER.set(tracer);
}

/// The trace that is under way, where tracing is on: 32 hex digits.
pub fn current_trace() -> Option<String> {
    TRACER.get().and_then(|tracer| (tracer.id)())
}

/// The span that is under way, for another process to go on from, where tracing is on.
pub fn trace_parent() -> Option<String> {
    TRACER.get().and_then(|tracer| (tracer.parent)())
}

/// Makes `span` a child of another process's span, where tracing is on.
pub fn adopt_trace(span: &Span, parent: &str) {
    if let Some(tracer) = TRACER.get() {
        (tracer.adopt)(span, parent);
    }
}

/// Takes out of a text what must not be in it.
pub type Clean<'c> = dyn for<'a> Fn(&'a str) -> Cow<'a, str> + Send + Sync + 'c;

/// Passes every text in a value through `clean`, the names of its members as well.
pub fn clean_texts(value: &mut Value, clean: &Clean<'_>) {
    let cleaned = |text: String| match clean(&text) {
        Cow::Owned(clean) => clean,
        Cow::Borrowed(_) => text,
    };
    match value {
        Value::String(text) => *text = cleaned(std::mem::take(text)),
        Value::Array(items) => items.iter_mut().for_each(|item| clean_texts(item, clean)),
        Value::Object(members) => {
            let named = std::mem::take(members);
            members.extend(named.into_iter().map(|(name, mut value)| {
                clean_texts(&mut value, clean);
                (cleaned(name), value)
            }));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
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

    /// A text without the secrets in it. The catalogue passes everything through it that leaves with an error or
    /// is kept of a call, so that no face has to think of it.
    fn without_secrets<'a>(&self, text: &'a str) -> Cow<'a, str>;
}

/// Says what the error says, in English. It knows no secrets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Untranslated;

#[async_trait]
impl Presenter for Untranslated {
    async fn present(&self, _: &Reader, error: &Error) -> Document {
        error.document()
    }

    fn without_secrets<'a>(&self, text: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(text)
    }
}

/// Says message and remedy in the reader's language, and nothing more. It knows no secrets.
pub struct Plain(
    /// The messages.
    pub Arc<Texts>,
);

#[async_trait]
impl Presenter for Plain {
    async fn present(&self, reader: &Reader, error: &Error) -> Document {
        self.0.translate(error, reader.language).document()
    }

    fn without_secrets<'a>(&self, text: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(text)
    }
}
