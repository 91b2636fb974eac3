//! Waiting for the turn: says plainly that another Guildhall acts, on the HTTP interface as well, and comes back
//! when it is this one's turn.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use guildhall_core::{Clock, Document, Tone};
use guildhall_http::Part;
use serde_json::json;
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    StartError, is_shared,
    turn::{Candidate, Turn},
};
use crate::configuration::Configuration;

/// How often the turn is asked for: this long after the other's end, this one takes over.
const AGAIN: Duration = Duration::from_secs(1);
/// How long requests that were under way when the turn came may take.
const GRACE: Duration = Duration::from_secs(2);
/// What it says to whoever asks.
pub const STANDING_BY: &str =
    "Another Guildhall acts for this database; this one stands by and takes over when that one ends.";

/// Comes back with the turn. `None` when the database is not shared, and its folder's lock is enough. `tell` is
/// called once when there is somebody to wait for.
pub async fn wait(
    configuration: &Configuration,
    clock: Arc<dyn Clock>,
    tell: impl FnOnce() -> io::Result<()>,
) -> Result<Option<Turn>, StartError> {
    let Some(url) = configuration.store.url.as_ref().filter(|url| is_shared(url)) else { return Ok(None) };
    let mut candidate = Candidate::new(url, clock.clone()).map_err(StartError::Turn)?;
    if candidate.try_take().await.map_err(StartError::Turn)? {
        return Ok(Some(candidate.keep()));
    }
    tracing::warn!("{STANDING_BY}");
    // Nobody reads it: the log and the HTTP interface have it.
    let _ = tell();
    let waiting = Waiting::open(configuration.http.listen).await;
    let mut well = true;
    loop {
        clock.sleep(AGAIN).await;
        match candidate.try_take().await {
            Ok(true) => break,
            Ok(false) => well = true,
            Err(error) => {
                if well {
                    tracing::warn!("the database does not say whose turn it is; it is asked again: {error}");
                }
                well = false;
            }
        }
    }
    tracing::info!("the other Guildhall has ended; this one takes over");
    let turn = candidate.keep();
    if let Some(waiting) = waiting {
        waiting.close().await;
    }
    Ok(Some(turn))
}

/// The HTTP interface of one that stands by.
struct Waiting {
    stop: CancellationToken,
    server: JoinHandle<io::Result<()>>,
}

impl Waiting {
    /// `None` when the address is taken: by the one that acts, on the same machine.
    async fn open(address: SocketAddr) -> Option<Self> {
        let listener = match TcpListener::bind(address).await {
            Ok(listener) => listener,
            Err(error) => {
                tracing::info!("{address} cannot be used while standing by: {error}");
                return None;
            }
        };
        let stop = CancellationToken::new();
        let ended = stop.clone();
        let server =
            axum::serve(listener, routes()).with_graceful_shutdown(async move { ended.cancelled().await });
        Some(Self { stop, server: tokio::spawn(server.into_future()) })
    }

    async fn close(mut self) {
        self.stop.cancel();
        if timeout(GRACE, &mut self.server).await.is_err() {
            self.server.abort();
        }
    }
}

fn routes() -> Router {
    Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz)).fallback(elsewhere)
}

async fn healthz() -> Response {
    Json(json!({"status": "alive", "version": env!("CARGO_PKG_VERSION")})).into_response()
}

async fn readyz() -> Response {
    let part = Part::down("turn", STANDING_BY);
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"ready": false, "parts": [part]}))).into_response()
}

/// Whatever is asked is for the one that acts.
async fn elsewhere() -> Response {
    let remedy = "Ask the one that acts, or try again in a moment.";
    let error = json!({"code": "standing_by", "kind": "upstream", "message": STANDING_BY, "remedy": remedy});
    let document = Document::default().tone(Tone::Bad).text(STANDING_BY).text(remedy);
    let retry = [(header::RETRY_AFTER, AGAIN.as_secs().to_string())];
    let body = Json(json!({"error": error, "document": document}));
    (StatusCode::SERVICE_UNAVAILABLE, retry, body).into_response()
}
