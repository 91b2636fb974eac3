//! Figures for Prometheus: requests by route, calls by operation, and what was dropped.
//!
//! Every label comes from a bounded set: route templates, known methods, operations of the catalogue.

use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use axum::{
    extract::{MatchedPath, Request, State},
    http::{Method, header::CONTENT_TYPE},
    middleware::Next,
    response::{IntoResponse, Response},
};
use guildhall_core::{
    Error,
    audit::{AuditLog, Record},
};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::face::Shared;

/// Seconds from a request's head to its answer's head, by method, route template and status.
pub const REQUEST_SECONDS: &str = "guildhall_http_request_seconds";
/// Calls of operations through every face, by operation, face and verdict.
pub const CALLS: &str = "guildhall_calls_total";
/// Seconds a call took, by operation.
pub const CALL_SECONDS: &str = "guildhall_call_seconds";
/// Open event streams.
pub const STREAMS: &str = "guildhall_http_event_streams";
/// Connections closed because the peer did not take in what was written to it.
pub const STALLED: &str = "guildhall_http_stalled_connections_total";
/// Requests with a token that nobody holds.
pub const BAD_TOKENS: &str = "guildhall_http_bad_tokens_total";
/// Wrong tokens that were refused but not recorded, because there were too many of them.
pub const UNRECORDED: &str = "guildhall_http_bad_tokens_unrecorded_total";
/// Refusals through any face that were answered but not recorded, because one actor had too many of them.
pub const REFUSALS_UNRECORDED: &str = "guildhall_refusals_unrecorded_total";

const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

static INSTALLED: OnceLock<PrometheusHandle> = OnceLock::new();

/// Renders what was counted.
#[derive(Clone, Debug)]
pub struct Handle(PrometheusHandle);

impl Handle {
    /// Everything counted so far, as Prometheus text.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Folds recent measurements into their histograms. Without it they pile up while nobody asks.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

/// Starts counting, for the whole process. A second call gives the same handle.
///
/// # Errors
///
/// When another recorder was installed before.
pub fn install() -> Result<Handle, BuildError> {
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock();
    if let Some(handle) = INSTALLED.get() {
        return Ok(Handle(handle.clone()));
    }
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .install_recorder()?;
    describe_histogram!(REQUEST_SECONDS, "Seconds from a request's head to its answer's head.");
    describe_counter!(CALLS, "Calls of operations through every face.");
    describe_histogram!(CALL_SECONDS, "Seconds that calls of operations took.");
    describe_gauge!(STREAMS, "Open event streams.");
    describe_counter!(STALLED, "Connections closed because the peer did not take in what was written to it.");
    describe_counter!(BAD_TOKENS, "Requests with a token that nobody holds.");
    describe_counter!(UNRECORDED, "Wrong tokens refused but not recorded, because there were too many.");
    describe_counter!(
        REFUSALS_UNRECORDED,
        "Refusals answered but not recorded, because one actor had too many."
    );
    Ok(Handle(INSTALLED.get_or_init(|| handle).clone()))
}

/// An audit log that counts each call before it hands the record on. All faces share one audit log, so
/// wrapping it counts them all.
pub struct Counted {
    inner: Arc<dyn AuditLog>,
    known: BTreeSet<&'static str>,
}

impl Counted {
    /// Counts records on their way to `inner`. An operation outside of `known` is counted as `other`, so that
    /// nobody can make up labels.
    pub fn new(inner: Arc<dyn AuditLog>, known: impl IntoIterator<Item = &'static str>) -> Self {
        Self { inner, known: known.into_iter().collect() }
    }
}

#[async_trait]
impl AuditLog for Counted {
    async fn record(&self, record: Record) -> Result<(), Error> {
        let operation = self.known.get(record.operation.as_str()).copied().unwrap_or("other");
        let face = record.face.as_str();
        counter!(CALLS, "operation" => operation, "face" => face, "verdict" => record.verdict.as_str())
            .increment(1);
        let took = Duration::from_micros(u64::try_from(record.took_us).unwrap_or(0));
        histogram!(CALL_SECONDS, "operation" => operation).record(took);
        self.inner.record(record).await
    }
}

pub(crate) async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    // The catalogue counts for itself; it knows no metrics.
    counter!(REFUSALS_UNRECORDED).absolute(shared.catalogue.unrecorded());
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], shared.metrics.render()).into_response()
}

/// Measures every request, also those of routers merged beside ours.
pub(crate) async fn measure(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = match *request.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    };
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("none", |path| path.as_str()).to_owned();
    let status = response.status();
    let took = began.elapsed();
    tracing::debug!(method, route, status = status.as_u16(), ms = took.as_millis(), "request");
    histogram!(
        REQUEST_SECONDS,
        "method" => method, "route" => route, "status" => status.as_u16().to_string()
    )
    .record(took);
    response
}
