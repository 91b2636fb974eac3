//! Bringing an interaction to its application: over the gateway, or signed over HTTP to its endpoint; and giving up
//! when no answer came in time.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use serde_json::{Value, json};

use crate::gateway::event::Event;
use crate::id::{ApplicationId, InteractionId};
use crate::interaction::Act;
use crate::log::{Direction, Exchange};
use crate::rest::upload;
use crate::shared::Shared;

/// The largest answer read from an endpoint, files included.
const LARGEST_ANSWER: usize = 25 * 1024 * 1024;

/// Opens the interaction and sends it on its way. Returns at once.
pub(crate) fn dispatch(shared: &Arc<Shared>, act: Act) -> InteractionId {
    let application = act.application;
    let (id, created, post) = shared.write(|world| {
        let id = world.open_interaction(act);
        let payload = world.interactions.get(&id).map(|known| known.payload.clone()).unwrap_or_default();
        let created = world.interactions.get(&id).map_or_else(|| world.now(), |known| known.created);
        let endpoint = world.applications.get(&application).and_then(|known| known.endpoint.clone());
        if endpoint.is_none() {
            world.emit(&Event::to_application("INTERACTION_CREATE", application, payload.clone()));
        }
        (id, created, endpoint.map(|url| (url, payload)))
    });
    let within = shared.config.answer_within;
    let waiting = Arc::clone(shared);
    shared.runtime.spawn(async move {
        tokio::select! {
            () = waiting.clock.reach(created + within) => waiting.write(|world| world.give_up(id)),
            () = waiting.stopped() => {}
        }
    });
    if let Some((url, payload)) = post {
        let shared = Arc::clone(shared);
        let runtime = shared.runtime.clone();
        runtime.spawn(async move {
            if let Err(why) = deliver(&shared, application, id, &url, &payload, within).await {
                tracing::info!(interaction = %id, %why, "the endpoint did not answer the interaction");
                shared.write(|world| world.give_up(id));
            }
        });
    }
    id
}

/// What came back from an endpoint.
struct Reply {
    status: StatusCode,
    kind: String,
    body: Bytes,
}

async fn deliver(
    shared: &Arc<Shared>,
    application: ApplicationId,
    id: InteractionId,
    url: &str,
    payload: &Value,
    within: Duration,
) -> Result<(), String> {
    let body = payload.to_string();
    let reply = post(shared, application, url, &body, within, false).await;
    let parsed = match &reply {
        Ok(reply) if reply.kind.starts_with("multipart/") => {
            upload::read(&reply.kind, reply.body.clone()).await.map_err(|error| error.message)
        }
        Ok(reply) => Ok((serde_json::from_slice(&reply.body).ok(), Vec::new())),
        Err(why) => Err(why.clone()),
    };
    shared.log.lock().unwrap_or_else(PoisonError::into_inner).push(Exchange {
        direction: Direction::ToApplication,
        method: "POST".into(),
        path: url.into(),
        query: String::new(),
        request: Some(payload.clone()),
        status: reply.as_ref().map_or(0, |reply| reply.status.as_u16()),
        response: parsed.as_ref().ok().and_then(|(body, _)| body.clone()),
    });
    let reply = reply?;
    if reply.status == StatusCode::ACCEPTED || reply.status == StatusCode::NO_CONTENT {
        // The application answers through the callback route instead.
        return Ok(());
    }
    if reply.status != StatusCode::OK {
        return Err(format!("status {}", reply.status.as_u16()));
    }
    let (answer, files) = parsed?;
    let answer = answer.ok_or("the body is no JSON")?;
    shared.write(|world| {
        let uploads = world.receive(&files);
        world.answer(id, &answer, uploads, within).map(|_| ()).map_err(|error| error.json().to_string())
    })
}

/// Posts a body as Discord does: Ed25519 over timestamp and body. `spoil` makes the signature wrong on purpose.
async fn post(
    shared: &Arc<Shared>,
    application: ApplicationId,
    url: &str,
    body: &str,
    within: Duration,
    spoil: bool,
) -> Result<Reply, String> {
    let signed = shared.read(|world| {
        let timestamp = world.now().unix_timestamp().to_string();
        let known = world.applications.get(&application)?;
        let signature =
            if spoil { known.sign("0", b"spoiled") } else { known.sign(&timestamp, body.as_bytes()) };
        Some((timestamp, signature))
    });
    let (timestamp, signature) = signed.ok_or("the application is gone")?;
    let request = shared
        .http
        .post(url)
        .header("Content-Type", "application/json")
        .header("User-Agent", "Discord-Interactions/1.0 (+https://discord.com)")
        .header("X-Signature-Ed25519", signature)
        .header("X-Signature-Timestamp", timestamp)
        .body(body.to_owned())
        .timeout(within);
    // The address is left out of the message: it may hold a secret path.
    let response = request.send().await.map_err(|error| error.without_url().to_string())?;
    let status = StatusCode::from_u16(response.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().to_owned();
    let mut body = BytesMut::new();
    let mut stream = response.bytes_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| error.without_url().to_string())?;
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err("the answer is too large".into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply { status, kind, body: body.freeze() })
}

/// The two calls with which Discord checks a new endpoint.
pub(crate) async fn verify_endpoint(
    shared: &Arc<Shared>,
    application: ApplicationId,
    url: &str,
) -> Result<(), String> {
    let within = shared.config.answer_within;
    let id = shared.write(|world| world.next_id());
    let ping = json!({
        "id": id.to_string(), "application_id": application, "type": 1, "token": "", "version": 1,
        "entitlements": [], "authorizing_integration_owners": {},
    })
    .to_string();
    let spoiled = post(shared, application, url, &ping, within, true).await?;
    if spoiled.status != StatusCode::UNAUTHORIZED {
        let status = spoiled.status.as_u16();
        return Err(format!("a ping with a wrong signature must be refused with 401, it got {status}"));
    }
    let honest = post(shared, application, url, &ping, within, false).await?;
    let pong = serde_json::from_slice::<Value>(&honest.body).is_ok_and(|body| body["type"] == 1);
    if honest.status == StatusCode::OK && pong {
        Ok(())
    } else {
        Err("a signed ping must be answered with 200 and {\"type\": 1}".into())
    }
}
