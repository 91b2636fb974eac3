//! The agent: what answers the control plane's requests, and the supervisors of its servers.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use guildhall_link::{
    HostLink, HostService,
    message::{AgentEvent, ConsolePush, Refusal, Reply, Request},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::{AgentConfig, AgentError, Settings};

/// Where console lines go while somebody watches. It never waits: what it cannot take, it drops and tells as
/// a gap.
pub trait ConsoleOut: Send + Sync {
    /// Takes lines in.
    fn push(&self, push: ConsolePush);
}

/// The agent without its connection.
pub struct Agent {
    cursor: watch::Sender<u64>,
}

impl Agent {
    /// Opens a data folder, takes up its running games, and goes on working towards what was wanted last.
    pub async fn open(_data: PathBuf, _settings: Settings) -> Result<Arc<Self>, AgentError> {
        Ok(Arc::new(Self { cursor: watch::Sender::new(0) }))
    }

    /// Answers a request.
    pub async fn request(&self, _request: Request) -> Reply {
        Reply::Refused { why: Refusal::Malformed, message: "The agent is starting.".to_owned() }
    }

    /// The newest event's cursor.
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.cursor.subscribe()
    }

    /// Events after a cursor, at most `limit`, in order.
    pub async fn events(&self, _after: u64, _limit: usize) -> Vec<AgentEvent> {
        Vec::new()
    }

    /// Where watched console lines go.
    pub fn watch_consoles(&self, _out: Arc<dyn ConsoleOut>) {}

    /// Stops working and leaves the games running.
    pub async fn close(&self) {}
}

#[async_trait]
impl HostService for Agent {
    async fn handle(&self, request: Request) -> Reply {
        self.request(request).await
    }
}

/// Runs an agent until `shutdown` is cancelled. The games go on.
pub async fn run(config: AgentConfig, shutdown: CancellationToken) -> Result<(), AgentError> {
    let agent = Agent::open(config.data, config.settings.clone()).await?;
    let link = HostLink::connect(
        config.mqtt,
        config.host,
        env!("CARGO_PKG_VERSION"),
        agent.clone(),
        config.settings.clock,
    )?;
    shutdown.cancelled().await;
    link.shutdown().await;
    agent.close().await;
    Ok(())
}
