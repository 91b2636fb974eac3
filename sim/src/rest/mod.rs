//! The REST API: reads a request, knows its caller, counts it against the limits, finds its route, and writes the
//! answer with Discord's headers. The routes lie in the modules beside this one.

pub(crate) mod application;
pub(crate) mod audit;
pub(crate) mod ban;
pub(crate) mod channel;
pub(crate) mod command;
pub(crate) mod error;
pub(crate) mod fault;
pub(crate) mod guild;
pub(crate) mod interaction;
pub(crate) mod invite;
pub(crate) mod limit;
pub(crate) mod member;
pub(crate) mod message;
pub(crate) mod reaction;
pub(crate) mod role;
pub(crate) mod route;
pub(crate) mod thread;
pub(crate) mod upload;
pub(crate) mod user;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::id::{ApplicationId, UserId};
use crate::log::{Direction, Exchange};
use crate::shared::Shared;
use crate::world::World;
use crate::world::rights::By;
use error::ApiError;
use fault::Fault;
use limit::{Refusal, Standing};
use upload::Upload;

/// The largest request body, files included. Discord's own limit is 25 MiB for most bots.
const LARGEST_BODY: usize = 25 * 1024 * 1024;

/// Characters of an `X-Audit-Log-Reason`.
const LONGEST_REASON: usize = 512;

/// A request on its way to a route.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: Vec<String>,
    pub(crate) query: BTreeMap<String, String>,
    /// `X-Audit-Log-Reason`.
    pub(crate) reason: Option<String>,
    pub(crate) body: Option<Value>,
    pub(crate) uploads: Vec<Upload>,
}

impl Call {
    /// The body, or an empty object where none came.
    pub(crate) fn form(&self) -> Value {
        self.body.clone().unwrap_or_else(|| json!({}))
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        matches!(self.query.get(name).map(String::as_str), Some("true" | "True" | "1"))
    }

    pub(crate) fn limit(&self, default: usize, most: usize) -> Result<usize, ApiError> {
        let Some(text) = self.query.get("limit") else { return Ok(default) };
        match text.parse::<usize>() {
            Ok(limit) if (1..=most).contains(&limit) => Ok(limit),
            Ok(limit) => {
                let (code, word, bound) =
                    if limit == 0 { ("MIN", "greater", 1) } else { ("MAX", "less", most) };
                let message = format!("int value should be {word} than or equal to {bound}.");
                Err(ApiError::form(&["limit"], &format!("NUMBER_TYPE_{code}"), &message))
            }
            Err(_) => {
                let shown: String = text.chars().take(100).collect();
                Err(ApiError::form(
                    &["limit"],
                    "NUMBER_TYPE_COERCE",
                    &format!("Value \"{shown}\" is not int."),
                ))
            }
        }
    }

    /// An id in the query.
    pub(crate) fn id<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, ApiError> {
        let Some(text) = self.query.get(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| ApiError::not_a_snowflake(name, text))
    }
}

/// Whose token came with the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) application: ApplicationId,
    pub(crate) bot: UserId,
}

/// A successful answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Option<Value>,
}

impl Answer {
    pub(crate) fn ok(body: Value) -> Self {
        Self { status: 200, body: Some(body) }
    }

    pub(crate) fn created(body: Value) -> Self {
        Self { status: 201, body: Some(body) }
    }

    pub(crate) fn nothing() -> Self {
        Self { status: 204, body: None }
    }
}

pub(crate) type Outcome = Result<Answer, ApiError>;

/// Every request under `/api`.
pub(crate) async fn serve(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let query_text = parts.uri.query().unwrap_or_default().to_owned();
    let raw = parts.uri.path().to_owned();
    let (path, version_ok) = strip_version(&raw);
    let segments: Vec<String> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let mut call = Call {
        method: parts.method.clone(),
        path: segments,
        query: parse_query(&query_text),
        reason: reason(&parts.headers),
        body: None,
        uploads: Vec::new(),
    };
    let token = bot_token(&parts.headers);
    let (standing, result) = match read_body(&parts.headers, body, &mut call).await {
        Err(error) => (None, Err(error)),
        Ok(()) if !version_ok => (None, Err(ApiError::invalid_api_version())),
        Ok(()) => handle(&shared, &mut call, token.as_deref()).await,
    };
    let (status, body) = match result {
        Ok(answer) => (answer.status, answer.body),
        Err(error) => (error.status, Some(error.json())),
    };
    record(&shared, &call, &path, query_text, status, body.as_ref());
    respond(status, body.as_ref(), standing)
}

/// Counts the request and runs its route. A refusal by the limits is an error with status 429.
async fn handle(shared: &Arc<Shared>, call: &mut Call, token: Option<&str>) -> (Option<Standing>, Outcome) {
    let (route, major) = route::bucket(call);
    let caller = shared.read(|world| {
        let application = world.application_by_token(token?)?;
        Some(Caller { application, bot: world.bot_of(application) })
    });
    // Interactions and their webhooks do not count against the global limit.
    let global = !matches!(call.path.first().map(String::as_str), Some("interactions" | "webhooks"));
    let who = caller.map_or_else(String::new, |caller| caller.application.to_string());
    let mut standing = shared.write_quietly(|world| {
        let now = world.now();
        world.limiter.count(now, &who, &route, &major, global)
    });
    if let Some(refusal) = standing.refused {
        return (Some(standing), Err(fault::refusal(refusal.retry_after, refusal.global)));
    }
    let mut lost = None;
    match shared.write_quietly(|world| world.faults.strike(call.method.as_str(), &call.path)) {
        Some(Fault::Status { status }) => return (Some(standing), Err(fault::failure(status))),
        Some(Fault::RateLimited { retry_after_ms, global }) => {
            let refusal = Refusal { retry_after: Duration::from_millis(retry_after_ms), global };
            standing.refused = Some(refusal);
            return (Some(standing), Err(fault::refusal(refusal.retry_after, global)));
        }
        Some(Fault::Lost { status }) => lost = Some(status),
        Some(Fault::Slow { delay_ms }) => pause(Duration::from_millis(delay_ms)).await,
        None => {}
    }
    if call.reason.as_ref().is_some_and(|reason| reason.chars().count() > LONGEST_REASON) {
        let message = format!("Must be {LONGEST_REASON} or fewer in length.");
        return (Some(standing), Err(ApiError::form(&["reason"], "BASE_TYPE_MAX_LENGTH", &message)));
    }
    if let Some(error) = application::check_endpoint(shared, call, caller).await {
        return (Some(standing), Err(error));
    }
    let within = shared.config.answer_within;
    let life = shared.config.token_life;
    let outcome = shared.write(|world| route::run(world, call, caller, within, life, shared));
    match lost {
        Some(status) => (Some(standing), Err(fault::failure(status))),
        None => (Some(standing), outcome),
    }
}

/// A slow answer, in real time: what is rehearsed is a client that waits.
#[expect(clippy::disallowed_methods, reason = "being slow is what was asked for")]
async fn pause(delay: Duration) {
    tokio::time::sleep(delay).await;
}

fn strip_version(path: &str) -> (String, bool) {
    let rest = path.strip_prefix("/api").unwrap_or(path);
    match rest.strip_prefix("/v") {
        Some(versioned) => {
            let (version, rest) = versioned.split_once('/').unwrap_or((versioned, ""));
            (format!("/{rest}"), version == "10" || version == "9")
        }
        None => (rest.to_owned(), true),
    }
}

pub(crate) fn parse_query(query: &str) -> BTreeMap<String, String> {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

fn reason(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("x-audit-log-reason")?.to_str().ok()?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

fn bot_token(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bot ").map(|token| token.trim().to_owned())
}

async fn read_body(headers: &HeaderMap, body: Body, call: &mut Call) -> Result<(), ApiError> {
    let bytes = to_bytes(body, LARGEST_BODY).await.map_err(|_| ApiError::too_large())?;
    if bytes.is_empty() {
        return Ok(());
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("multipart/form-data") {
        let (body, uploads) = upload::read(kind, bytes).await?;
        call.body = body;
        call.uploads = uploads;
        return Ok(());
    }
    call.body = Some(serde_json::from_slice(&bytes).map_err(|_| ApiError::invalid_json())?);
    Ok(())
}

fn record(shared: &Shared, call: &Call, path: &str, query: String, status: u16, response: Option<&Value>) {
    let exchange = Exchange {
        direction: Direction::ToDiscord,
        method: call.method.to_string(),
        path: path.to_owned(),
        query,
        request: call.body.clone(),
        status,
        response: response.map(flatten_refusal),
    };
    shared.log.lock().unwrap_or_else(PoisonError::into_inner).push(exchange);
}

/// A 429 carries its details beside the message instead of below `errors`.
fn flatten_refusal(body: &Value) -> Value {
    let mut body = body.clone();
    if body["errors"].get("retry_after").is_some()
        && let Some(errors) = body.as_object_mut().and_then(|object| object.remove("errors"))
        && let (Some(object), Some(details)) = (body.as_object_mut(), errors.as_object())
    {
        object.extend(details.clone());
    }
    body
}

fn respond(status: u16, body: Option<&Value>, standing: Option<Standing>) -> Response {
    let body = body.map(flatten_refusal);
    let text = body.as_ref().map(Value::to_string).unwrap_or_default();
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if body.is_some() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let Some(standing) = standing else { return response };
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    let refused_globally = standing.refused.is_some_and(|refusal| refusal.global);
    if !refused_globally {
        let reset = standing.reset.unix_timestamp_nanos() / 1_000_000;
        set("x-ratelimit-limit", standing.limit.to_string());
        set("x-ratelimit-remaining", standing.remaining.to_string());
        set("x-ratelimit-reset", format!("{}.{:03}", reset / 1000, reset.rem_euclid(1000)));
        set("x-ratelimit-reset-after", format!("{:.3}", standing.reset_after.as_secs_f64()));
        set("x-ratelimit-bucket", standing.bucket);
    }
    if let Some(refusal) = standing.refused {
        // Retry-After is in whole seconds; the body has the fraction.
        set("retry-after", refusal.retry_after.as_secs_f64().ceil().to_string());
        set("x-ratelimit-scope", if refusal.global { "global".into() } else { "user".into() });
        if refusal.global {
            set("x-ratelimit-global", "true".into());
        }
    }
    response
}

/// Reads an id from the path.
pub(crate) fn id<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|_| ApiError::not_a_snowflake(name, text))
}

/// The world a route works on, with who called.
pub(crate) struct Visit<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) caller: Caller,
}

impl Visit<'_> {
    /// The calling bot with the reason it gave.
    pub(crate) fn by<'a>(&self, call: &'a Call) -> By<'a> {
        By { user: self.caller.bot, reason: call.reason.as_deref() }
    }
}
