//! The control plane's end of the link.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use guildhall_core::{Clock, HostId};
use tokio::sync::watch;

use crate::{
    Agents, Inbox, LinkError,
    message::{Presence, Reply, Request},
    mqtt::{ConfigError, MqttConfig},
    topic::ControlId,
};

/// How the control plane's end behaves.
#[derive(Clone, Debug)]
pub struct ControllerConfig {
    /// The broker.
    pub mqtt: MqttConfig,
    /// The name of this control plane process.
    pub control: ControlId,
    /// How long an agent has for an answer.
    pub request_timeout: Duration,
    /// Requests to one host that may be under way at once; more wait their turn.
    pub in_flight: usize,
}

impl ControllerConfig {
    /// Ten seconds, 256 at once.
    pub fn new(mqtt: MqttConfig, control: ControlId) -> Self {
        Self { mqtt, control, request_timeout: Duration::from_secs(10), in_flight: 256 }
    }
}

/// The control plane's end. Stays connected for as long as it lives.
pub struct Controller {
    hosts: watch::Receiver<BTreeMap<HostId, Presence>>,
    connected: watch::Receiver<bool>,
}

impl Controller {
    /// Begins to connect, and returns at once; see [`Controller::connected`].
    pub fn connect(_config: ControllerConfig, _inbox: Arc<dyn Inbox>, _clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        Ok(Self { hosts: watch::channel(BTreeMap::new()).1, connected: watch::channel(false).1 })
    }

    /// Whether the broker is there and everything is subscribed.
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.connected.clone()
    }

    /// Leaves the broker, and waits for the tasks to end.
    pub async fn shutdown(&self) {}
}

#[async_trait]
impl Agents for Controller {
    async fn request(&self, host: &HostId, _request: Request) -> Result<Reply, LinkError> {
        Err(LinkError::Offline(host.clone()))
    }

    fn hosts(&self) -> watch::Receiver<BTreeMap<HostId, Presence>> {
        self.hosts.clone()
    }
}
