//! The face as a whole: what it needs, what it answers to.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{Method, Uri, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{MethodFilter, get, on, post},
};
use bytes::Bytes;
use guildhall_core::{
    Actor, Catalogue, Clock, Error, EventLog, Kind, error::typed, incident::Reader, language::Language,
    permission::Tokens, suggest,
};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;

use crate::{
    HttpConfig, Readiness,
    answer::{self, code},
    authentication::{self, Door},
    call,
    events::{self, Streams},
    language::language,
    metrics::{self, Handle},
    openapi::openapi,
    readiness,
    route::{self, BASE, Resource},
};

/// What the face speaks to.
#[derive(Clone)]
pub struct Parts {
    /// The operations.
    pub catalogue: Arc<Catalogue>,
    /// What happened.
    pub events: Arc<dyn EventLog>,
    /// Who holds which token.
    pub tokens: Arc<dyn Tokens>,
    /// How the parts of the installation are.
    pub readiness: Arc<dyn Readiness>,
    /// The time, for limits.
    pub clock: Arc<dyn Clock>,
    /// What was counted; from [`crate::metrics::install`].
    pub metrics: Handle,
}

/// The HTTP face.
#[derive(Clone)]
pub struct Http {
    pub(crate) shared: Arc<Shared>,
}

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) config: HttpConfig,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) events: Arc<dyn EventLog>,
    pub(crate) readiness: Arc<dyn Readiness>,
    pub(crate) metrics: Handle,
    pub(crate) door: Door,
    pub(crate) streams: Streams,
    /// Set once the shutdown begins: streams end, and nothing says "ready" any more.
    pub(crate) stop: CancellationToken,
    /// The calls that run. They outlive the request that asked for them.
    pub(crate) calls: TaskTracker,
    pub(crate) call_permits: Arc<Semaphore>,
    resources: Vec<Resource>,
    openapi: Bytes,
}

impl Http {
    /// A face for a catalogue.
    pub fn new(config: HttpConfig, parts: Parts) -> Self {
        let Parts { catalogue, events, tokens, readiness, clock, metrics } = parts;
        let document = openapi(catalogue.specs());
        let shared = Shared {
            door: Door::new(&config, tokens, clock),
            streams: Streams::new(config.max_streams, config.max_streams_per_token),
            stop: CancellationToken::new(),
            calls: TaskTracker::new(),
            call_permits: Arc::new(Semaphore::new(config.max_calls)),
            resources: route::resources(catalogue.specs()),
            openapi: Bytes::from(document.to_string()),
            config,
            catalogue,
            events,
            readiness,
            metrics,
        };
        Self { shared: Arc::new(shared) }
    }

    /// The bounds it was made with.
    pub fn config(&self) -> &HttpConfig {
        &self.shared.config
    }

    /// Everything it answers to. Other routers may be merged in, as long as they bring no fallback.
    pub fn routes(&self) -> Router {
        let shared = &self.shared;
        let mut api = Router::new()
            .route("/operations", get(call::catalogue))
            .route("/operations/{name}", post(call::operation))
            .route("/events", get(events::events));
        for resource in &shared.resources {
            let path = resource.path.strip_prefix(BASE).unwrap_or(&resource.path).to_owned();
            let filter = MethodFilter::try_from(Method::from(resource.verb)).unwrap_or(MethodFilter::POST);
            let resource = Arc::new(resource.clone());
            let handler = move |state, actor, parameters, request| {
                call::resource(resource.clone(), state, actor, parameters, request)
            };
            api = api.route(&path, on(filter, handler));
        }
        let api = api
            .fallback(no_route)
            .method_not_allowed_fallback(wrong_method)
            .layer(middleware::from_fn_with_state(shared.clone(), authentication::guard));
        Router::new()
            .nest(BASE, api)
            .route("/api/v1/openapi.json", get(description))
            .route("/healthz", get(readiness::healthz))
            .route("/readyz", get(readiness::readyz))
            .route("/metrics", get(metrics::metrics))
            .fallback(no_route)
            .method_not_allowed_fallback(wrong_method)
            .with_state(shared.clone())
    }
}

impl Shared {
    /// Answers a request that never became a call, and hands it to the catalogue for the record.
    pub(crate) async fn refuse(
        &self,
        actor: Actor,
        language: Language,
        asked_for: &str,
        error: Error,
    ) -> Response {
        let reader = Reader { tenant: actor.tenant.clone(), actor: actor.id.clone(), language };
        let error = self.catalogue.refuse(actor, asked_for, error).await;
        if !error.kind.is_refusal() {
            let reference = error.call.map(|call| call.reference());
            tracing::error!(code = error.code, reference, asked_for, "{}", error.causes());
        }
        self.problem(&reader, error).await
    }

    /// Says what is wrong to somebody who is known.
    pub(crate) async fn problem(&self, reader: &Reader, error: Error) -> Response {
        let answer = async {
            let error = self.catalogue.cleaned(error);
            answer::problem_as(&error, self.catalogue.present(reader, &error).await)
        };
        answer.instrument(tracing::info_span!("answer")).await
    }

    /// The routes nearest to a path that leads nowhere.
    fn nearest(&self, path: &str) -> String {
        let own = [
            "GET /api/v1/operations",
            "POST /api/v1/operations/{name}",
            "GET /api/v1/events",
            "GET /api/v1/openapi.json",
            "GET /healthz",
            "GET /readyz",
            "GET /metrics",
        ];
        let resources = self.resources.iter().map(|r| format!("{} {}", r.verb.as_str(), r.path));
        let routes = own.into_iter().map(str::to_owned).chain(resources);
        // A parameter is like whatever was written in its place.
        let likened: Vec<(String, String)> = routes
            .map(|route| {
                (route.split_once(' ').map(|(_, template)| fill(template, path)).unwrap_or_default(), route)
            })
            .collect();
        let mut near = suggest::nearest(path, likened.iter().map(|(like, _)| like.as_str()), 3);
        near.dedup();
        let shown = near.iter().flat_map(|near| likened.iter().filter(move |(like, _)| like == near));
        shown.map(|(_, route)| route.as_str()).take(5).collect::<Vec<_>>().join(", ")
    }
}

/// A template with its parameters taken from a path, where that has something in their place.
fn fill(template: &str, path: &str) -> String {
    let mut given = path.split('/');
    let parts = template.split('/').map(|part| match given.next() {
        Some(given) if part.starts_with('{') => given,
        _ => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

/// What was asked for, for the audit log: method and path, never the query. The catalogue keeps the beginning of
/// it, after it has taken out what is secret.
pub(crate) fn asked_for(method: &Method, uri: &Uri) -> String {
    format!("{method} {}", uri.path()).chars().take(1024).collect()
}

/// The whole path, also below a nested router.
fn original(request: &Request) -> Uri {
    let original = request.extensions().get::<axum::extract::OriginalUri>();
    original.map_or_else(|| request.uri().clone(), |original| original.0.clone())
}

async fn no_route(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let uri = original(&request);
    let path = typed(uri.path(), 128);
    let mut error = Error::new(Kind::NotFound, code::NO_ROUTE, format!("There is nothing at {path}."));
    let near = shared.nearest(&path);
    if !near.is_empty() {
        error = error.remedy(format!("Did you mean: {near}?"));
    }
    let error = error.with("path", path.as_str()).with("near", near);
    let asked_for = asked_for(request.method(), &uri);
    refuse_or_say(&shared, asker(&request), &asked_for, error).await
}

async fn wrong_method(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let uri = original(&request);
    let method = typed(request.method().as_str(), 16);
    let path = typed(uri.path(), 128);
    let error = Error::new(Kind::User, code::WRONG_METHOD, format!("{method} does not work at {path}."))
        .remedy("The Allow header names the methods that do.")
        .with("method", method)
        .with("path", path);
    let asked_for = asked_for(request.method(), &uri);
    refuse_or_say(&shared, asker(&request), &asked_for, error).await
}

/// Who asks, where a token was needed to get here, and what they read.
fn asker(request: &Request) -> (Option<Actor>, Language) {
    (request.extensions().get::<Actor>().cloned(), language(request.headers()))
}

/// Only requests of somebody we know are recorded.
async fn refuse_or_say(
    shared: &Shared,
    (actor, language): (Option<Actor>, Language),
    asked_for: &str,
    error: Error,
) -> Response {
    match actor {
        Some(actor) => shared.refuse(actor, language, asked_for, error).await,
        None => answer::problem(&shared.catalogue.cleaned(error)),
    }
}

async fn description(State(shared): State<Arc<Shared>>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], shared.openapi.clone()).into_response()
}
