//! The trace of an HTTP request: the one that the caller began, or a new one, and its id in the answer.

use std::collections::HashMap;

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method},
    middleware::Next,
    response::Response,
};
use opentelemetry::{Context, propagation::TextMapPropagator, trace::TraceContextExt as _};
use opentelemetry_aws::trace::XrayPropagator;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Instrument as _;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::otlp::Ids;

/// Runs a request inside of a span `request`, for `axum::middleware::from_fn_with_state`.
///
/// A caller's trace is taken up when its header reads as one and left alone when it does not: nobody's
/// request fails for it.
pub async fn trace(State(ids): State<Ids>, request: Request, next: Next) -> Response {
    let span = tracing::info_span!(
        "request",
        otel.kind = "server",
        http.request.method = known(request.method()),
        http.route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str),
        http.response.status_code = tracing::field::Empty,
    );
    let headers = HeaderExtractor(request.headers());
    let parent = match ids {
        Ids::W3c => TraceContextPropagator::new().extract_with_context(&Context::new(), &headers),
        Ids::XRay => XrayPropagator::default().extract_with_context(&Context::new(), &headers),
    };
    if parent.span().span_context().is_valid() {
        // A span that nobody collects has no parent to set.
        let _ = span.set_parent(parent);
    }
    let mut response = next.run(request).instrument(span.clone()).await;
    span.record("http.response.status_code", response.status().as_u16());
    let context = span.context();
    if let Some((name, value)) = named(ids, &context) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// The method, if it is one of HTTP's. Like a path, any other is whatever somebody typed; of a path the template is
/// told, which nobody types.
fn known(method: &Method) -> &'static str {
    let all = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];
    all.into_iter().find(|known| method == known).unwrap_or("_OTHER")
}

/// The answer's header with the trace's id.
fn named(ids: Ids, context: &Context) -> Option<(&'static str, HeaderValue)> {
    let span = context.span();
    let span = span.span_context();
    if !span.is_valid() {
        return None;
    }
    match ids {
        Ids::W3c => {
            let flags = u8::from(span.is_sampled());
            let text = format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id());
            Some(("traceresponse", HeaderValue::from_str(&text).ok()?))
        }
        Ids::XRay => {
            let mut headers = HashMap::new();
            XrayPropagator::default().inject_context(context, &mut headers);
            let (_, text) = headers.into_iter().next()?;
            Some(("x-amzn-trace-id", HeaderValue::from_str(&text).ok()?))
        }
    }
}
