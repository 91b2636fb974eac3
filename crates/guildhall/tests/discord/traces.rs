//! Traces as a collector gets them: one command is one trace, with every stage in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value as Said, trace::v1::Span,
};
use prost::Message as _;
use serde_json::json;
use tokio::{net::TcpListener, runtime::Runtime};

use crate::{
    stage::{Stage, Way},
    support::eventually,
};

/// Takes spans over OTLP/HTTP, as OpenTelemetry's own collector does.
struct Collector {
    endpoint: String,
    spans: Arc<Mutex<Vec<Span>>>,
    _runtime: Runtime,
}

impl Collector {
    fn start() -> Self {
        let spans = Arc::<Mutex<Vec<Span>>>::default();
        let take = async |State(spans): State<Arc<Mutex<Vec<Span>>>>, body: Bytes| {
            let request = ExportTraceServiceRequest::decode(body).expect("a request of the protocol");
            let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
            spans.lock().expect("nobody panicked").extend(scopes.flat_map(|scope| scope.spans));
        };
        let router = Router::new().route("/v1/traces", post(take)).with_state(spans.clone());
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let endpoint = format!("http://{}/v1/traces", listener.local_addr().expect("an address"));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { endpoint, spans, _runtime: runtime }
    }

    /// Everything in the trace that has a call of this operation.
    fn trace_of(&self, operation: &str) -> Vec<Span> {
        let spans = self.spans.lock().expect("nobody panicked");
        let named = |span: &&Span| span.name == "call" && attribute(span, "operation") == Some(operation);
        let Some(call) = spans.iter().find(named) else { return Vec::new() };
        spans.iter().filter(|span| span.trace_id == call.trace_id).cloned().collect()
    }
}

fn attribute<'a>(span: &'a Span, key: &str) -> Option<&'a str> {
    let pair = span.attributes.iter().find(|pair| pair.key == key)?;
    match pair.value.as_ref()?.value.as_ref()? {
        Said::StringValue(text) => Some(text),
        _ => None,
    }
}

#[test]
fn a_slash_commands_trace_has_every_stage() {
    let collector = Collector::start();
    let traces = format!("[traces]\nendpoint = {:?}", collector.endpoint);
    let stage = Stage::set_with(&Way::Http, &[], &traces);
    // Without the gateway everything about the guild is asked of Discord, while the caller waits.
    let given = json!({"user": stage.ben.id().to_string(), "reason": "spam"});
    let answer = stage.command(&stage.ada, "warn", given);
    assert!(answer.text().contains("ben: warned"), "{}", answer.text());

    let stages = ["verify", "call", "rank", "run", "store", "upstream", "answer"];
    let mut seen = BTreeSet::new();
    let trace = eventually("the collector has the whole trace", || {
        let trace = collector.trace_of("warn");
        seen = trace.iter().map(|span| span.name.clone()).collect();
        stages.iter().all(|stage| seen.contains(*stage)).then_some(trace)
    });
    // One tree: each span but the first has its parent in the same trace, and lasts no longer than there is time.
    let by_id: BTreeMap<&[u8], &Span> = trace.iter().map(|span| (span.span_id.as_slice(), span)).collect();
    let within = |span: &&Span| stages.contains(&span.name.as_str());
    for span in trace.iter().filter(within) {
        let parent = by_id.get(span.parent_span_id.as_slice()).expect("its parent is in the trace");
        assert!(span.start_time_unix_nano >= parent.start_time_unix_nano, "{} in {}", span.name, parent.name);
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano, "{}", span.name);
    }
    stage.finish();
}
