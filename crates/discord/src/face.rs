//! The face as a whole: put together, served, and run.

use std::{future::Future, sync::Arc};

use axum::Router;
use guildhall_core::{Catalogue, Clock, EventLog, notebook::Notebook, permission::Ranking};
use tokio::sync::watch;

use crate::config::{DiscordConfig, DiscordError};

/// Whether the gateway is connected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GatewayState {
    /// It is not wanted.
    #[default]
    Off,
    /// It is being connected, for the first time or again.
    Connecting,
    /// Interactions come in over it.
    Ready,
    /// Discord will not have it; the text says why and what to do.
    Refused(String),
}

/// The Discord face.
pub struct Discord {
    gateway: watch::Sender<GatewayState>,
}

impl Discord {
    /// Checks the configuration and the operations, and connects nothing yet.
    pub fn new(
        config: DiscordConfig,
        catalogue: Arc<Catalogue>,
        events: Arc<dyn EventLog>,
        notebook: Arc<dyn Notebook>,
        ranking: Arc<dyn Ranking>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, DiscordError> {
        let _ = (config, catalogue, events, notebook, ranking, clock);
        Ok(Arc::new(Self { gateway: watch::Sender::new(GatewayState::Off) }))
    }

    /// `POST /interactions`, to merge into the program's own routes.
    pub fn routes(self: &Arc<Self>) -> Router {
        Router::new()
    }

    /// Registers the commands, keeps the gateway connected and tells events, until `shutdown` is done.
    pub async fn run(self: Arc<Self>, shutdown: impl Future<Output = ()> + Send + 'static) {
        shutdown.await;
    }

    /// The gateway's state, now and as it changes.
    pub fn gateway(&self) -> watch::Receiver<GatewayState> {
        self.gateway.subscribe()
    }
}
