//! Adds up how long each stage of a call took.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Instant,
};

use schemars::JsonSchema;
use serde::Serialize;
use tracing::{
    Id, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Record},
};
use tracing_subscriber::{
    Layer,
    layer::Context,
    registry::{LookupSpan, SpanRef},
};

use crate::Latency;

/// Something that a call spends its time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Finding out who asks: signatures, tokens.
    Verify,
    /// Finding out whether they may.
    Rank,
    /// The operation's own work, without what follows here.
    Run,
    /// Reading and writing the database, the audit record included.
    Store,
    /// Asking other systems, Discord first of all.
    Upstream,
    /// Putting the answer into the words of the face.
    Answer,
}

impl Stage {
    /// All of them, in the order in which they happen.
    pub const ALL: [Self; 6] =
        [Self::Verify, Self::Rank, Self::Run, Self::Store, Self::Upstream, Self::Answer];

    /// The stage of a span with this name.
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "verify" => Self::Verify,
            "rank" => Self::Rank,
            "run" => Self::Run,
            "store" | "audit" => Self::Store,
            "upstream" => Self::Upstream,
            "answer" => Self::Answer,
            _ => return None,
        })
    }

    fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Verify => "verify",
            Self::Rank => "rank",
            Self::Run => "run",
            Self::Store => "store",
            Self::Upstream => "upstream",
            Self::Answer => "answer",
        })
    }
}

/// Microseconds a stage, in the order of [`Stage::ALL`].
pub(crate) type Split = [u64; Stage::ALL.len()];

/// What is measured goes here. The log is set up before there is a store, so the [`Latency`] that keeps the
/// figures is attached later. Cheap to clone; clones share it.
#[derive(Clone, Default)]
pub struct Meter(Arc<OnceLock<Arc<Latency>>>);

impl Meter {
    /// Keeps the figures in `latency` from here on. A second one changes nothing.
    pub fn attach(&self, latency: Arc<Latency>) {
        let _ = self.0.set(latency);
    }
}

/// The layer. Give it a filter of its own, or the log's level decides what is measured.
pub struct Stages {
    meter: Meter,
}

impl Stages {
    /// Measures into `meter`.
    pub fn new(meter: Meter) -> Self {
        Self { meter }
    }

    /// Whether spans of this name are measured: for the layer's filter.
    pub fn measures(name: &str) -> bool {
        is_root(name) || Stage::of(name).is_some()
    }
}

/// What somebody waits for: the outermost `request`, `interaction` or `call`.
struct Root {
    began: Instant,
    operation: Option<String>,
    split: Split,
    open: [Open; Stage::ALL.len()],
}

impl Root {
    fn new(operation: Option<String>) -> Self {
        let began = Instant::now();
        let open = [Open { count: 0, since: began }; Stage::ALL.len()];
        Self { began, operation, split: Split::default(), open }
    }
}

/// How much of one stage is under way. Reads side by side, or one within a transaction, take the time once.
#[derive(Clone, Copy)]
struct Open {
    count: u32,
    since: Instant,
}

impl Open {
    fn begin(&mut self) {
        if self.count == 0 {
            self.since = Instant::now();
        }
        self.count += 1;
    }

    /// The microseconds that count, which are those of all that was open at once when the last of it ends.
    fn end(&mut self) -> u64 {
        self.count = self.count.saturating_sub(1);
        if self.count == 0 { micros(self.since) } else { 0 }
    }
}

/// A stage that is under way.
struct Began {
    stage: Stage,
    /// Microseconds of other stages inside of it, which count for themselves.
    inside: u64,
}

/// Finds the field `operation`.
struct Operation(Option<String>);

impl Visit for Operation {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "operation" {
            self.0 = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "operation" {
            self.0 = Some(format!("{value:?}"));
        }
    }
}

fn is_root(name: &str) -> bool {
    matches!(name, "request" | "interaction" | "call")
}

/// The span in which everything is added up.
fn root<'a, S>(span: &SpanRef<'a, S>) -> Option<SpanRef<'a, S>>
where
    S: Subscriber + for<'l> LookupSpan<'l>,
{
    span.scope().find(|span| span.extensions().get::<Root>().is_some())
}

impl<S> Layer<S> for Stages
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let name = span.name();
        if is_root(name) {
            let mut operation = Operation(None);
            attributes.record(&mut operation);
            match root(&span) {
                Some(outer) => name_it(&outer, operation.0),
                None => span.extensions_mut().insert(Root::new(operation.0)),
            }
        } else if let Some(stage) = Stage::of(name)
            && let Some(root) = root(&span)
            && let Some(root) = root.extensions_mut().get_mut::<Root>()
        {
            root.open[stage.index()].begin();
            span.extensions_mut().insert(Began { stage, inside: 0 });
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if is_root(span.name()) {
            let mut operation = Operation(None);
            values.record(&mut operation);
            if let Some(root) = root(&span) {
                name_it(&root, operation.0);
            }
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        // Taken out first: while the extensions are held, nobody else can look at them.
        let stage = span.extensions_mut().remove::<Began>();
        if let Some(Began { stage, inside }) = stage {
            let Some(root) = root(&span) else { return };
            let took = match root.extensions_mut().get_mut::<Root>() {
                Some(root) => {
                    let took = root.open[stage.index()].end();
                    // What went on inside may have gone on side by side, and be longer than the stage in all.
                    root.split[stage.index()] += took.saturating_sub(inside);
                    took
                }
                None => return,
            };
            let outer = span.scope().skip(1).find(|span| span.extensions().get::<Began>().is_some());
            if let Some(outer) = outer
                && let Some(outer) = outer.extensions_mut().get_mut::<Began>()
            {
                outer.inside += took;
            }
            return;
        }
        let ended = span.extensions_mut().remove::<Root>();
        if let Some(Root { began, operation: Some(operation), split, .. }) = ended
            && let Some(latency) = self.meter.0.get()
        {
            latency.record(&operation, micros(began), split);
        }
    }
}

fn name_it<S>(root: &SpanRef<'_, S>, operation: Option<String>)
where
    S: for<'l> LookupSpan<'l>,
{
    if let (Some(operation), Some(root)) = (operation, root.extensions_mut().get_mut::<Root>()) {
        root.operation = Some(operation);
    }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}
