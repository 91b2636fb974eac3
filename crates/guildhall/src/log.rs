//! The program's log, to standard error as text or JSON lines; beside it, what is measured and traced.

use std::{
    io::{self, IsTerminal as _},
    sync::Arc,
};

use axum::http::Uri;
use guildhall_incidents::{Blanking, Scrub, log_panics};
use guildhall_telemetry::{
    Meter, Stages,
    otlp::{Exporter, Ids, OtlpConfig, OtlpError},
};
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{LevelFilter, filter_fn},
    fmt,
    prelude::*,
};
use url::Url;

use crate::configuration::{Configuration, TraceIds, TracesSection};

/// The log cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The log's filter does not read as one.
    #[error("log.level: {0}")]
    Filter(String),
    /// The collector's address is none.
    #[error("traces.endpoint: {0}")]
    Endpoint(String),
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
    let filter = filter(&section.level).map_err(LogError::Filter)?;
    let scrub = Arc::new(Scrub::new(&configuration.secrets(), None));
    let writer = Blanking::new(io::stderr, scrub);
    let lines = fmt::layer().with_ansi(io::stderr().is_terminal()).with_writer(writer);
    let lines = if section.json { lines.json().boxed() } else { lines.with_target(false).boxed() };
    let collector = configuration.traces.as_ref().map(collector).transpose().map_err(LogError::Endpoint)?;
    let exporter = collector.as_ref().map(Exporter::start).transpose()?;
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
    log_panics();
    Ok(Tracing { meter, exporter })
}

/// What of the log is shown, or what is wrong with the filter.
pub fn filter(text: &str) -> Result<EnvFilter, String> {
    let remedy = "write info, debug, or a filter such as info,guildhall_link=debug.";
    let parsed =
        EnvFilter::try_new(text).map_err(|error| format!("'{text}' is not a filter: {error}; {remedy}"))?;
    // A word alone that is no level would be read as a part of the program, and everything else be silent.
    let mut directives = text.split(',').map(str::trim).filter(|directive| !directive.is_empty());
    let unknown = directives
        .find(|directive| directive.parse::<LevelFilter>().is_err() && !directive.contains(['=', '[']));
    match unknown {
        Some(word) => Err(format!("'{word}' is no level: it is error, warn, info, debug or trace; {remedy}")),
        None => Ok(parsed),
    }
}

/// Where traces go, or what is wrong with the address.
pub fn collector(traces: &TracesSection) -> Result<OtlpConfig, String> {
    let endpoint = traces.endpoint.clone();
    let reads =
        Url::parse(&endpoint).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    // The exporter reads it in a second way, which takes less.
    let reads = reads && endpoint.parse::<Uri>().is_ok_and(|uri| uri.host().is_some());
    if !reads {
        let message = "is not the address of a collector; write it like http://localhost:4318/v1/traces.";
        return Err(message.to_owned());
    }
    let ids = match traces.ids {
        TraceIds::W3c => Ids::W3c,
        TraceIds::Xray => Ids::XRay,
    };
    Ok(OtlpConfig { endpoint, ids, ratio: traces.ratio, release: env!("CARGO_PKG_VERSION").to_owned() })
}
