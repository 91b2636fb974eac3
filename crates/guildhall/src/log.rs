//! The program's log, to standard error as text or JSON lines; beside it, what is measured and traced.

use std::{
    io::{self, IsTerminal as _},
    sync::Arc,
};

use guildhall_incidents::{Blanking, Scrub};
use guildhall_telemetry::{
    Meter, Stages,
    otlp::{Exporter, Ids, OtlpConfig, OtlpError},
};
use tracing_subscriber::{EnvFilter, Layer as _, filter::filter_fn, fmt, prelude::*};

use crate::configuration::{Configuration, TraceIds};

/// The log cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The log's filter does not read as one.
    #[error(
        "log.level: '{level}' is not a filter: {source}. Write info, debug, or a filter such as info,guildhall_link=debug."
    )]
    Filter {
        /// The text.
        level: String,
        /// Why.
        source: tracing_subscriber::filter::ParseError,
    },
    /// Traces cannot be sent.
    #[error(transparent)]
    Traces(#[from] OtlpError),
}

/// What the log's spans are used for besides.
pub struct Tracing {
    /// How long everything takes.
    pub meter: Meter,
    exporter: Option<Exporter>,
}

impl Tracing {
    /// How trace ids are handed on.
    pub fn ids(&self) -> Ids {
        self.exporter.as_ref().map(Exporter::ids).unwrap_or_default()
    }

    /// Sends the traces that are left. Blocks for some seconds at most, and not inside of a runtime.
    pub fn close(self) {
        if let Some(exporter) = self.exporter {
            exporter.close();
        }
    }
}

/// Starts the log. Later calls in one process change nothing but what they return.
pub fn start(configuration: &Configuration) -> Result<Tracing, LogError> {
    let section = &configuration.log;
    let filter = EnvFilter::try_new(&section.level)
        .map_err(|source| LogError::Filter { level: section.level.clone(), source })?;
    let scrub = Arc::new(Scrub::new(&configuration.secrets(), None));
    let writer = Blanking::new(io::stderr, scrub);
    let lines = fmt::layer().with_ansi(io::stderr().is_terminal()).with_writer(writer);
    let lines = if section.json { lines.json().boxed() } else { lines.with_target(false).boxed() };
    let exporter = configuration.traces.as_ref().map(|traces| {
        let ids = match traces.ids {
            TraceIds::W3c => Ids::W3c,
            TraceIds::Xray => Ids::XRay,
        };
        let (endpoint, ratio) = (traces.endpoint.clone(), traces.ratio);
        Exporter::start(&OtlpConfig { endpoint, ids, ratio, release: env!("CARGO_PKG_VERSION").to_owned() })
    });
    let exporter = exporter.transpose()?;
    let meter = Meter::default();
    // Each has a filter of its own: a log that is silent must not make `/status` blind. Spans of other
    // libraries are nobody's business here.
    let ours = |target: &str| target.starts_with("guildhall");
    let stages = Stages::new(meter.clone()).with_filter(filter_fn(move |meta| {
        meta.is_span() && ours(meta.target()) && Stages::measures(meta.name())
    }));
    let traces = exporter.as_ref().map(|exporter| {
        exporter.layer().with_filter(filter_fn(move |meta| meta.is_span() && ours(meta.target())))
    });
    // A second call finds the first one's log in place, which is what it wanted.
    let _ =
        tracing_subscriber::registry().with(lines.with_filter(filter)).with(stages).with(traces).try_init();
    Ok(Tracing { meter, exporter })
}
