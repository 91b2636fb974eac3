//! `POST /interactions`: who sends it is proved before anything of it is read.
//!
//! Discord signs the timestamp and the raw body with Ed25519
//! (<https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint>).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
use ed25519_dalek::{Signature, VerifyingKey};
use guildhall_core::{Clock, Error, Kind as Blame};
use moka::{policy::EvictionPolicy, sync::Cache};

use crate::{
    config::{DiscordConfig, DiscordError},
    desk::{Counter, Desk, pong, stranger},
    interaction::{Interaction, Kind},
    meters,
};

/// How long the body may take. Discord sends it with the head and waits three seconds for the answer; whoever
/// takes longer only holds a connection, which anybody can do who makes up a signature.
const BODY_WITHIN: Duration = Duration::from_secs(3);
/// Interaction ids remembered, the oldest forgotten first.
const REMEMBERED: u64 = 200_000;

/// The door for interactions over HTTP, and the memory that keeps one interaction from being taken twice,
/// whichever way it comes.
pub(crate) struct Ingress {
    key: VerifyingKey,
    application: u64,
    max_body: usize,
    max_age: Duration,
    clock: Arc<dyn Clock>,
    seen: Cache<u64, ()>,
    desk: Arc<Desk>,
}

/// Why a request is turned away.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: &'static str,
}

impl Refusal {
    const fn new(status: StatusCode, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message }
    }
}

const UNSIGNED: Refusal =
    Refusal::new(StatusCode::UNAUTHORIZED, "signature_missing", "The request is not signed.");
const UNREADABLE: Refusal =
    Refusal::new(StatusCode::UNAUTHORIZED, "signature_unreadable", "The signature cannot be read.");
const FORGED: Refusal = Refusal::new(StatusCode::UNAUTHORIZED, "signature_wrong", "The signature is wrong.");
const OLD: Refusal = Refusal::new(
    StatusCode::UNAUTHORIZED,
    "signature_old",
    "The signature is too old or from the future; check the clock.",
);
const TOO_LARGE: Refusal =
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large.");
const TOO_SLOW: Refusal =
    Refusal::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", "The body did not arrive in time.");
const BROKEN: Refusal =
    Refusal::new(StatusCode::BAD_REQUEST, "body_broken", "The body did not arrive whole.");
const MALFORMED: Refusal =
    Refusal::new(StatusCode::BAD_REQUEST, "malformed_interaction", "The body is not an interaction.");
const FOREIGN: Refusal =
    Refusal::new(StatusCode::BAD_REQUEST, "foreign_interaction", "The interaction is another application's.");
const REPLAYED: Refusal =
    Refusal::new(StatusCode::CONFLICT, "replayed_interaction", "The interaction has been dealt with before.");
const UNANSWERED: Refusal =
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "no_answer", "Something went wrong inside Guildhall.");

impl Ingress {
    pub(crate) fn new(
        config: &DiscordConfig,
        desk: Arc<Desk>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, DiscordError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(config.public_key.trim(), &mut bytes).map_err(|_| DiscordError::PublicKey)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| DiscordError::PublicKey)?;
        // A timestamp may lie ahead as far as behind, so a signature can be good for twice the time.
        let memory = (config.max_timestamp_age * 2).max(Duration::from_secs(60));
        let seen = Cache::builder()
            .max_capacity(REMEMBERED)
            .time_to_live(memory)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Ok(Self {
            key,
            application: config.application_id,
            max_body: config.max_body,
            max_age: config.max_timestamp_age,
            clock,
            seen,
            desk,
        })
    }

    /// The route.
    pub(crate) fn routes(self: &Arc<Self>) -> Router {
        Router::new().route("/interactions", post(interactions)).with_state(self.clone())
    }

    /// Whether the interaction comes for the first time.
    pub(crate) fn is_new(&self, id: u64) -> bool {
        self.seen.entry(id).or_insert(()).is_fresh()
    }

    async fn take(&self, headers: &HeaderMap, body: Body) -> Result<Response, Refusal> {
        let received = Instant::now();
        let (timestamp, signature) = self.signed(headers)?;
        let body = tokio::select! {
            // Most bodies are there already, and then no timer is ever set.
            biased;
            body = read(body, self.max_body) => body?,
            () = self.clock.sleep(BODY_WITHIN) => return Err(TOO_SLOW),
        };
        let span = tracing::info_span!("interaction", kind = tracing::field::Empty);
        let verified = || self.verified(timestamp, &signature, &body);
        let interaction = span.in_scope(|| tracing::info_span!("verify").in_scope(verified))?;
        span.record("kind", interaction.kind.as_str());
        if interaction.application_id.0 != self.application {
            return Err(FOREIGN);
        }
        if interaction.kind == Kind::Ping {
            meters::interaction(Kind::Ping, "done");
            return Ok(Json(pong()).into_response());
        }
        if !self.is_new(interaction.id.0) {
            return Err(REPLAYED);
        }
        let (counter, answer) = Counter::new(interaction.kind, received, None);
        span.in_scope(|| self.desk.accept(interaction, counter));
        match answer.await {
            Ok(answer) => Ok(Json(answer).into_response()),
            Err(_) => Err(UNANSWERED),
        }
    }

    /// The interaction, when its signature is right.
    fn verified(&self, timestamp: &str, signature: &Signature, body: &[u8]) -> Result<Interaction, Refusal> {
        let mut signed = Vec::with_capacity(timestamp.len() + body.len());
        signed.extend_from_slice(timestamp.as_bytes());
        signed.extend_from_slice(body);
        self.key.verify_strict(&signed, signature).map_err(|_| FORGED)?;
        serde_json::from_slice(body).map_err(|error| {
            tracing::debug!(%error, "a signed body is no interaction");
            MALFORMED
        })
    }

    /// The timestamp and the signature, when they look as they should and the timestamp is recent.
    fn signed<'a>(&self, headers: &'a HeaderMap) -> Result<(&'a str, Signature), Refusal> {
        let header = |name: &str| headers.get(name).ok_or(UNSIGNED)?.to_str().map_err(|_| UNREADABLE);
        let timestamp = header("x-signature-timestamp")?;
        let mut signature = [0; 64];
        hex::decode_to_slice(header("x-signature-ed25519")?, &mut signature).map_err(|_| UNREADABLE)?;
        let digits = !timestamp.is_empty() && timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let sent: i64 = timestamp.parse().ok().filter(|_| digits).ok_or(UNREADABLE)?;
        if self.clock.now().unix_timestamp().abs_diff(sent) > self.max_age.as_secs() {
            return Err(OLD);
        }
        Ok((timestamp, Signature::from_bytes(&signature)))
    }

    /// Records what was turned away, and says why in a sentence.
    async fn turn_away(&self, refusal: Refusal) -> Response {
        let unsigned = refusal.status == StatusCode::UNAUTHORIZED;
        if unsigned {
            meters::bad_signature(refusal.code);
        }
        meters::turned_away(refusal.code);
        let blame = if unsigned { Blame::Permission } else { Blame::User };
        let error = Error::new(blame, refusal.code, refusal.message);
        let unproved = unsigned || matches!(refusal.code, "body_too_large" | "body_too_slow" | "body_broken");
        if unproved {
            self.desk.refusals.unverified(stranger(None), "an interaction", error).await;
        } else if refusal.status != StatusCode::INTERNAL_SERVER_ERROR {
            self.desk.refusals.verified(stranger(None), "an interaction", error).await;
        }
        let body = serde_json::json!({ "code": refusal.code, "message": refusal.message });
        (refusal.status, Json(body)).into_response()
    }
}

async fn interactions(State(ingress): State<Arc<Ingress>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    match ingress.take(&parts.headers, body).await {
        Ok(response) => response,
        Err(refusal) => {
            let mut response = ingress.turn_away(refusal).await;
            // What is left of the body was not read; the connection cannot be used for another request.
            response.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
            response
        }
    }
}

async fn read(body: Body, most: usize) -> Result<Bytes, Refusal> {
    axum::body::to_bytes(body, most).await.map_err(|error| {
        let limit =
            std::error::Error::source(&error).is_some_and(|cause| cause.to_string().contains("length limit"));
        if limit { TOO_LARGE } else { BROKEN }
    })
}
