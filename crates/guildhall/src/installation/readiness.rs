//! How the parts of the installation are, for `/readyz`.

use async_trait::async_trait;
use guildhall_discord::GatewayState;
use guildhall_http::{Part, Readiness};
use guildhall_store::Store;
use tokio::sync::watch;

/// The parts that `/readyz` asks.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// Whether the message broker is connected.
    pub broker: watch::Receiver<bool>,
    /// How the gateway is, when Discord is set up.
    pub gateway: Option<watch::Receiver<GatewayState>>,
}

#[async_trait]
impl Readiness for Parts {
    async fn parts(&self) -> Vec<Part> {
        let store = match self.store.ping().await {
            Ok(()) => Part::ok("store"),
            Err(error) => {
                tracing::warn!("the database does not answer: {error}");
                Part::down("store", "The database does not answer.")
            }
        };
        let broker = if *self.broker.borrow() {
            Part::ok("broker")
        } else {
            Part::down("broker", "The message broker is not connected; games go on, but cannot be reached.")
        };
        let mut parts = vec![store, broker];
        if let Some(gateway) = &self.gateway {
            // Interactions over HTTP and everything else work without the gateway.
            parts.push(match &*gateway.borrow() {
                GatewayState::Off | GatewayState::Ready => Part::ok("discord"),
                GatewayState::Connecting => {
                    Part::down("discord", "The gateway is being connected.").optional()
                }
                GatewayState::Refused(why) => Part::down("discord", why.clone()).optional(),
            });
        }
        parts
    }
}
