//! The one port on which everything is served: REST under `/api`, the gateway and the page at `/`, files, and the
//! control API under `/sim`.

use std::sync::Arc;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};

use crate::gateway::socket;
use crate::id::AttachmentId;
use crate::rest;
use crate::shared::Shared;
use crate::{control, page};

/// The largest WebSocket message taken from a client.
const LARGEST_MESSAGE: usize = 64 * 1024;

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(root))
        .route("/api/{*rest}", any(rest::serve))
        .route("/attachments/{id}/{name}", get(attachment))
        .nest("/sim", control::router())
        .with_state(shared)
}

/// The gateway for those who upgrade, the page for those who look.
async fn root(
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = rest::parse_query(query.as_deref().unwrap_or_default());
    let Ok(upgrade) = upgrade else { return page::show(&shared, &query) };
    if query.get("encoding").is_some_and(|encoding| encoding != "json") {
        // ETF is not offered; a client that insists is told before it connects.
        return (StatusCode::BAD_REQUEST, "only encoding=json is offered").into_response();
    }
    let compress = query.get("compress").cloned();
    upgrade
        .max_message_size(LARGEST_MESSAGE)
        .on_upgrade(move |socket| socket::serve(socket, shared, compress))
}

async fn attachment(State(shared): State<Arc<Shared>>, Path((id, _)): Path<(String, String)>) -> Response {
    let file =
        id.parse::<AttachmentId>().ok().and_then(|id| shared.read(|world| world.files.get(&id).cloned()));
    match file {
        // Never as HTML: the file came from an application and the page shares this origin.
        Some(bytes) => ([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
