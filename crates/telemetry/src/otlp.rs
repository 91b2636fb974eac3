//! Sends spans to an OpenTelemetry collector (OTLP over HTTP), with ids as AWS X-Ray wants them if asked.

use std::{collections::HashMap, time::Duration};

use guildhall_core::incident::{self, Tracer};
use opentelemetry::{
    Context, KeyValue,
    propagation::TextMapPropagator as _,
    trace::{TraceContextExt as _, TraceId, TracerProvider as _},
};
use opentelemetry_aws::trace::XrayIdGenerator;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{BatchConfigBuilder, BatchSpanProcessor, RandomIdGenerator, Sampler, SdkTracerProvider},
};
use tracing::Subscriber;
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt as _};
use tracing_subscriber::registry::LookupSpan;

/// How trace ids are made and handed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ids {
    /// Random, in the header `traceparent` (<https://www.w3.org/TR/trace-context/>).
    #[default]
    W3c,
    /// Beginning with the time, in the header `X-Amzn-Trace-Id`
    /// (<https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>).
    XRay,
}

/// Where spans go.
#[derive(Clone, Debug)]
pub struct OtlpConfig {
    /// The collector's address with its path: `http://localhost:4318/v1/traces`.
    pub endpoint: String,
    /// How ids are made.
    pub ids: Ids,
    /// The part of traces that is sent, from 0 to 1. A caller's own decision goes before it.
    pub ratio: f64,
    /// The version of the program.
    pub release: String,
}

/// Spans cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    /// The address is not one, or the connection cannot be set up.
    #[error(
        "traces.endpoint: '{endpoint}' cannot be used: {reason}. Write it like http://localhost:4318/v1/traces."
    )]
    Endpoint {
        /// The address.
        endpoint: String,
        /// Why.
        reason: String,
    },
}

/// Spans that wait to be sent; what does not fit is dropped and logged by the library.
const WAITING: usize = 8_192;
/// Spans in one request.
const TOGETHER: usize = 512;
/// How often they are sent.
const EVERY: Duration = Duration::from_secs(2);
/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The way to the collector. Dropping it without [`Exporter::close`] loses what has not been sent.
#[derive(Debug)]
pub struct Exporter {
    provider: SdkTracerProvider,
    ids: Ids,
}

impl Exporter {
    /// Sets up sending. Nothing is sent before there are spans, so a collector that is away does no harm.
    ///
    /// A thread of its own does the sending, so it must not be called where blocking is not allowed.
    pub fn start(config: &OtlpConfig) -> Result<Self, OtlpError> {
        let endpoint = |reason: String| OtlpError::Endpoint { endpoint: config.endpoint.clone(), reason };
        let client = reqwest::blocking::Client::builder()
            .timeout(PATIENCE)
            .build()
            .map_err(|error| endpoint(error.to_string()))?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(&config.endpoint)
            .with_timeout(PATIENCE)
            .build()
            .map_err(|error| endpoint(error.to_string()))?;
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(WAITING)
            .with_max_export_batch_size(TOGETHER)
            .with_scheduled_delay(EVERY)
            .build();
        let resource = Resource::builder_empty()
            .with_service_name("guildhall")
            .with_attribute(KeyValue::new("service.version", config.release.clone()))
            .build();
        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.ratio)));
        let builder = SdkTracerProvider::builder()
            .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(batches).build())
            .with_resource(resource)
            .with_sampler(sampler);
        let provider = match config.ids {
            Ids::W3c => builder.with_id_generator(RandomIdGenerator::default()).build(),
            Ids::XRay => builder.with_id_generator(XrayIdGenerator::default()).build(),
        };
        incident::trace_with(Tracer { id, parent, adopt });
        Ok(Self { provider, ids: config.ids })
    }

    /// The layer whose spans are sent.
    pub fn layer<S>(&self) -> OpenTelemetryLayer<S, opentelemetry_sdk::trace::SdkTracer>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer().with_tracer(self.provider.tracer("guildhall")).with_location(false)
    }

    /// How ids are handed on.
    pub fn ids(&self) -> Ids {
        self.ids
    }

    /// Sends what is left and ends. Blocks for up to some seconds.
    pub fn close(self) {
        if let Err(error) = self.provider.shutdown_with_timeout(PATIENCE) {
            tracing::warn!(%error, "the last spans could not be sent");
        }
    }
}

/// The trace under way, 32 hex digits.
fn id() -> Option<String> {
    let trace = tracing::Span::current().context().span().span_context().trace_id();
    (trace != TraceId::INVALID).then(|| trace.to_string())
}

/// The span under way as a `traceparent`, whichever way ids are made: between Guildhall's own processes there is
/// one way to say it.
fn parent() -> Option<String> {
    let mut header = HashMap::new();
    TraceContextPropagator::new().inject_context(&tracing::Span::current().context(), &mut header);
    header.remove("traceparent")
}

/// Makes a span the child of one that another process named.
fn adopt(span: &tracing::Span, parent: &str) {
    let header = HashMap::from([("traceparent".to_owned(), parent.to_owned())]);
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &header);
    if context.span().span_context().is_valid() {
        // A span that nobody collects has no parent to set.
        let _ = span.set_parent(context);
    }
}
