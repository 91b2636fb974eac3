//! Messages between control plane and agent, and their MQTT transport.
//!
//! [`message`] has the words, [`check`] the bounds that everything from the other side has to keep, [`topic`]
//! where it goes and who may send it there. [`Controller`] is the control plane's end, [`HostLink`] the
//! agent's; both stay connected for as long as they live. Whoever only asks agents or takes in what they say
//! knows the traits [`Agents`] and [`Inbox`], and is tested with the feature `testkit`. [`failure`] says in words why a
//! server does not work, and [`text`] makes what games and agents say fit to be shown. A request carries the trace
//! that it is part of.
//!
//! Counted: `guildhall_link_refused_total` (by `reason`), `guildhall_link_requests_total` (by `outcome`),
//! `guildhall_link_request_seconds`, `guildhall_link_events_lost_total` (forgotten by an agent's journal),
//! `guildhall_link_events_deferred_total` (left to the journal) and
//! `guildhall_link_console_dropped_bytes_total`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use guildhall_core::{HostId, language::Locales};
use tokio::sync::watch;

mod backoff;
pub mod check;
mod connection;
mod console;
pub mod controller;
pub mod failure;
mod feed;
pub mod host;
pub mod message;
pub mod mqtt;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod text;
pub mod topic;
mod trace;
mod wire;

pub use controller::{Controller, ControllerConfig};
pub use host::{HostLink, HostService};
pub use mqtt::MqttConfig;

use message::{AgentEvent, ConsolePush, Presence, Reply, Request};

/// What people are told in their language, by code.
pub const LOCALES: Locales =
    Locales { en: include_str!("../locales/en.ftl"), de: include_str!("../locales/de.ftl") };

/// Why an agent could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The host's agent is not connected. It finishes what it was told and reports when it is back.
    #[error("host {0} is not connected")]
    Offline(HostId),
    /// No answer in time.
    #[error("host {0} did not answer within {1} ms")]
    Timeout(HostId, u128),
    /// The answer was refused: malformed, oversized, another version.
    #[error("the answer of host {0} was refused: {1}")]
    Untrusted(HostId, String),
    /// The request does not fit into one message.
    #[error("the request to host {0} cannot be sent: {1}")]
    TooLarge(HostId, String),
    /// The broker is not reachable.
    #[error("the message broker is not reachable: {0}")]
    Broker(String),
}

/// The agents, as the control plane sees them. The MQTT controller implements it, and so does the simulated
/// agent of the tests.
#[async_trait]
pub trait Agents: Send + Sync {
    /// Asks one agent, and waits at most ten seconds for its answer.
    async fn request(&self, host: &HostId, request: Request) -> Result<Reply, LinkError>;

    /// Who is there.
    fn hosts(&self) -> watch::Receiver<BTreeMap<HostId, Presence>>;
}

/// What takes in what agents say by themselves. Everything handed to it has passed the size, version and
/// shape checks; whether tenant, server and generation are right is for the receiver to say.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// The last event that was taken in from a host, 0 for none. Asked at each connection of an agent, which
    /// then sends what came after.
    async fn cursor(&self, host: &HostId) -> u64;

    /// Takes in one event. In order; the same one may come again. An error makes the link offer it again.
    async fn event(&self, host: &HostId, event: AgentEvent) -> Result<(), guildhall_core::Error>;

    /// Takes in console lines.
    async fn console(&self, host: &HostId, push: ConsolePush);

    /// An agent came or went.
    async fn presence(&self, presence: Presence);
}
