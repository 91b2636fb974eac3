//! Serving: connections within their bounds, and an orderly end.
//!
//! HTTP/1.1 only. TLS and HTTP/2 are the business of the proxy in front, which every installation that is
//! reachable from outside has.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{ConnectInfo, Request},
    middleware,
    response::Response,
};
use guildhall_core::{Clock, Error, SystemClock, error::panic_text};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{Http, answer, metrics, stall::Stall};

/// The largest head of a request, in bytes.
const LARGEST_HEAD: usize = 32 * 1024;
/// How often measurements are folded into histograms.
const UPKEEP: Duration = Duration::from_secs(5);
/// Wait after a failed accept; it fails when the process has no file descriptors left.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

impl Http {
    /// Serves `router` (which is [`Http::routes`] with whatever else was merged in) until `shutdown` is done.
    ///
    /// Then it stops listening, ends event streams, lets running requests and operations finish for the
    /// configured grace, and closes what is left.
    ///
    /// # Errors
    ///
    /// Never for what a peer does; only when the listener has no address.
    pub async fn serve(
        &self,
        listener: TcpListener,
        router: Router,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let shared = &self.shared;
        let address = listener.local_addr()?;
        tracing::info!(%address, "listening");
        let router =
            router.layer(CatchPanicLayer::custom(panicked)).layer(middleware::from_fn(metrics::measure));
        let permits = Arc::new(Semaphore::new(shared.config.max_connections));
        let connections = TaskTracker::new();
        let close = CancellationToken::new();
        let mut upkeep = tokio::time::interval(UPKEEP);
        tokio::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                _ = upkeep.tick() => {
                    shared.metrics.upkeep();
                    continue;
                }
                accepted = accept(&listener, &permits) => accepted,
            };
            match accepted {
                Ok((stream, peer, permit)) => {
                    let connection = self.connection(stream, peer, router.clone(), close.clone());
                    connections.spawn(async move {
                        connection.await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!("a connection could not be accepted: {error}");
                    SystemClock.sleep(ACCEPT_AGAIN).await;
                }
            }
        }
        drop(listener);
        shared.stop.cancel();
        connections.close();
        shared.calls.close();
        let ended = async {
            connections.wait().await;
            shared.calls.wait().await;
        };
        if tokio::time::timeout(shared.config.grace, ended).await.is_err() {
            let (connections, calls) = (connections.len(), shared.calls.len());
            tracing::warn!(connections, calls, "still going on after the grace; connections are closed now");
        }
        close.cancel();
        tracing::info!(%address, "no longer listening");
        Ok(())
    }

    fn connection(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        router: Router,
        close: CancellationToken,
    ) -> impl Future<Output = ()> + Send + use<> {
        let within = self.shared.config.stall_timeout;
        let stop = self.shared.stop.clone();
        async move {
            // Small answers should not wait for more to send; failing to say so costs only time.
            let _ = stream.set_nodelay(true);
            let service = service_fn(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(ConnectInfo(peer));
                router.clone().oneshot(request)
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(within)
                .max_buf_size(LARGEST_HEAD)
                .serve_connection(TokioIo::new(Stall::new(stream, within)), service);
            tokio::pin!(connection);
            let served = tokio::select! {
                served = &mut connection => served,
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    tokio::select! {
                        served = &mut connection => served,
                        () = close.cancelled() => Ok(()),
                    }
                }
            };
            if let Err(error) = served {
                tracing::debug!(%peer, "a connection broke: {error}");
            }
        }
    }
}

/// Waits for room, then for a connection.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let permit = permits.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, permit))
}

/// The answer to a request whose handling panicked outside of the guarded interface. There is no actor, so
/// there is no record; the reference is in the log.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands the panic over")]
fn panicked(panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let mut error = Error::bug(panic_text(panic.as_ref()));
    error.call = Some(guildhall_core::CallId(uuid::Uuid::now_v7()));
    let reference = error.call.map(|call| call.reference());
    tracing::error!(reference, "{}", error.causes());
    answer::problem(&error)
}
