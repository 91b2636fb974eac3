//! How an agent is set up, and why one cannot run.

use std::{ffi::OsString, fmt, io, path::PathBuf, sync::Arc, time::Duration};

use guildhall_core::{Clock, HostId, SystemClock};
use guildhall_link::MqttConfig;

/// An agent that is connected to a control plane.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// The host it runs on.
    pub host: HostId,
    /// Where it keeps everything: desired states, events, runtime files and the servers' folders. As root, all
    /// folders above have to let other users pass (mode o+x), because each game runs as a user of its own.
    pub data: PathBuf,
    /// The message broker.
    pub mqtt: MqttConfig,
    /// The rest.
    pub settings: Settings,
}

impl AgentConfig {
    /// An agent with the usual settings.
    pub fn new(host: HostId, data: PathBuf, mqtt: MqttConfig) -> Self {
        Self { host, data, mqtt, settings: Settings::default() }
    }
}

/// What can be set about an agent, whatever it is connected to.
#[derive(Clone)]
pub struct Settings {
    /// How the shim is started.
    pub shim: ShimCommand,
    /// How much of each game's output its shim keeps, in bytes; 64 KiB to 64 MiB.
    pub ring_bytes: u32,
    /// When a crashed game is started again.
    pub backoff: Backoff,
    /// How often a ready game is asked who plays; a tenth is added or taken by chance.
    pub query_every: Duration,
    /// Where games and install steps find their programs.
    pub search_path: String,
    /// What install steps find in their environment besides PATH, LANG and HOME: the host's way to the network.
    /// Games never get it.
    pub install_environment: Vec<(String, String)>,
    /// Whether each server has a Unix user of its own. Only root can do that; for others this does nothing.
    pub own_users: bool,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
}

/// How programs are told of a host's proxy and of its own certificate authorities.
const NETWORK: [&str; 10] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "npm_config_registry",
];

impl Default for Settings {
    fn default() -> Self {
        Self {
            shim: ShimCommand::default(),
            ring_bytes: 1024 * 1024,
            backoff: Backoff::default(),
            query_every: Duration::from_secs(5),
            search_path: "/usr/local/bin:/usr/bin:/bin:/usr/games:/usr/local/games:/usr/sbin:/sbin"
                .to_owned(),
            install_environment: NETWORK
                .iter()
                .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)))
                .collect(),
            own_users: true,
            clock: Arc::new(SystemClock),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("shim", &self.shim)
            .field("ring_bytes", &self.ring_bytes)
            .field("backoff", &self.backoff)
            .field("query_every", &self.query_every)
            .field("search_path", &self.search_path)
            .field("own_users", &self.own_users)
            .finish_non_exhaustive()
    }
}

/// The program that is run as the shim: it hands its remaining arguments to [`crate::shim::main`].
#[derive(Clone, Debug)]
pub struct ShimCommand {
    /// The program. `/proc/self/exe` is the running program itself, also when its file was replaced.
    pub program: PathBuf,
    /// The arguments that come first.
    pub arguments: Vec<OsString>,
}

impl Default for ShimCommand {
    fn default() -> Self {
        Self { program: PathBuf::from("/proc/self/exe"), arguments: vec![OsString::from("shim")] }
    }
}

/// When a crashed game is started again: after `first`, twice as long each time, at most `longest`; with more
/// than `budget` crashes within `window` it stays down until the control plane says otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// The wait after the first crash.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// How many crashes within the window are put up with; the next one is too much.
    pub budget: u32,
    /// The window.
    pub window: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
            budget: 5,
            window: Duration::from_secs(600),
        }
    }
}

impl Backoff {
    /// How long to wait after the given number of crashes within the window; `None` when the budget is spent.
    pub fn wait(&self, crashes: u32) -> Option<Duration> {
        if crashes > self.budget {
            return None;
        }
        let doublings = crashes.saturating_sub(1).min(20);
        Some(self.first.saturating_mul(1 << doublings).min(self.longest))
    }
}

/// Why an agent cannot run.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Its folder cannot be used.
    #[error("the data folder {} cannot be used: {source}; make it writable for the agent", path.display())]
    Data {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another agent works in the folder.
    #[error("another agent uses the data folder {}; stop it first, or give this one a folder of its own", .0.display())]
    InUse(PathBuf),
    /// The games' users cannot get to their folders.
    #[error("games run as users of their own and cannot pass through {}; run `chmod o+x {}`", .0.display(), .0.display())]
    Unreachable(PathBuf),
    /// The broker's address cannot be used.
    #[error(transparent)]
    Broker(#[from] guildhall_link::mqtt::ConfigError),
}
