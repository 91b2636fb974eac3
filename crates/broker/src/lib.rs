//! The embedded MQTT 5 broker: what a small installation uses instead of Mosquitto or EMQX.
//!
//! It knows its users, each with a password, a client id equal to its name, and the topics it may use; it
//! takes nobody else. Sessions and retained messages live in memory: whoever reconnects after a restart of
//! the broker says again what is retained.

mod access;
mod retained;
mod rules;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use rmqtt::{codec::types::QoS, context::ServerContext, net::Builder, server::MqttServer};
use secrecy::SecretString;
use tokio::{runtime::Runtime, sync::oneshot};

use crate::{access::Users, retained::Retained};

/// The largest packet that is taken unless told otherwise, in bytes.
pub const DEFAULT_MAX_PACKET: u32 = 512 * 1024;

/// How long a session may outlive its connection. Longer requests are cut to it.
const LONGEST_SESSION: Duration = Duration::from_secs(3600);

/// Messages kept for a client that is away or slow; the oldest session state is bounded by this.
const LONGEST_QUEUE: usize = 1000;

/// Somebody who may connect.
#[derive(Clone, Debug)]
pub struct User {
    /// The user name. The client id has to be the same, so that nobody can take over another's session.
    pub name: String,
    /// The password. Only its SHA-256 stays in memory.
    pub password: SecretString,
    /// Topic filters within which it may publish.
    pub may_publish: Vec<String>,
    /// Topic filters within which it may subscribe: to these, or to something narrower.
    pub may_subscribe: Vec<String>,
    /// Topic filters within which it may leave retained messages; it has to be allowed to publish there too.
    pub may_retain: Vec<String>,
}

/// What the broker is to do.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// Where to listen. With port 0 the system picks a free one: see [`Broker::addr`].
    pub listen: SocketAddr,
    /// Who may connect. Nobody else may.
    pub users: Vec<User>,
    /// The largest packet, in bytes. Whoever sends a larger one is disconnected.
    pub max_packet: u32,
}

impl BrokerConfig {
    /// With the default packet size.
    pub fn new(listen: SocketAddr, users: Vec<User>) -> Self {
        Self { listen, users, max_packet: DEFAULT_MAX_PACKET }
    }
}

/// Why the broker does not run.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The address is taken, or not this machine's.
    #[error("the message broker cannot listen on {addr}: {reason}. Free the port or choose another one.")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// What the system says.
        reason: String,
    },
    /// The system gives no threads.
    #[error("the message broker cannot start its threads: {0}")]
    Threads(#[source] std::io::Error),
    /// Two users of one name.
    #[error("the broker user '{0}' is listed twice")]
    DuplicateUser(String),
    /// A filter that is none.
    #[error(
        "'{filter}' of the broker user '{user}' is not a topic filter: '+' and '#' stand alone in a level, '#' comes last"
    )]
    BadFilter {
        /// Whose.
        user: String,
        /// The filter.
        filter: String,
    },
}

/// A running broker. It stops when it is dropped; [`Broker::shutdown`] also waits until it has.
#[derive(Debug)]
pub struct Broker {
    addr: SocketAddr,
    users: Arc<Users>,
    /// The broker has threads of its own: its tasks and connections end with them, which is the only way
    /// to end all of them.
    runtime: Mutex<Option<Runtime>>,
}

impl Broker {
    /// Starts it. When this returns, it takes connections.
    pub async fn start(config: BrokerConfig) -> Result<Self, BrokerError> {
        let users = Arc::new(Users::new(config.users)?);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("guildhall-broker")
            .enable_all()
            .build()
            .map_err(BrokerError::Threads)?;
        let (ready, bound) = oneshot::channel();
        runtime.spawn(serve(config.listen, config.max_packet, users.clone(), ready));
        let runtime = Mutex::new(Some(runtime));
        let mut broker = Self { addr: config.listen, users, runtime };
        let failed = |reason| BrokerError::Listen { addr: config.listen, reason };
        broker.addr = match bound.await {
            Ok(bound) => bound.map_err(failed)?,
            Err(_) => return Err(failed("it ended while starting".to_owned())),
        };
        tracing::info!(addr = %broker.addr, "message broker listens");
        Ok(broker)
    }

    /// Where it listens, with the real port.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Replaces the users. Who is connected stays so, but may from now on only do what the new list says.
    pub fn set_users(&self, users: Vec<User>) -> Result<(), BrokerError> {
        self.users.replace(users)
    }

    /// Closes every connection and the listener, and waits up to five seconds until they are closed.
    pub async fn shutdown(self) {
        let Some(runtime) = self.take_runtime() else { return };
        // A runtime's end blocks its caller, so it happens on a thread where that is allowed.
        let ended = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(5)));
        if ended.await.is_err() {
            tracing::warn!("message broker did not end in order");
        }
    }

    fn take_runtime(&self) -> Option<Runtime> {
        self.runtime.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(runtime) = self.take_runtime() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(
    listen: SocketAddr,
    max_packet: u32,
    users: Arc<Users>,
    ready: oneshot::Sender<Result<SocketAddr, String>>,
) {
    // The CPU load check would refuse hosts while games are starting, which is when they are needed.
    let context = ServerContext::new().busy_check_enable(false).mqtt_max_sessions(10_000).build().await;
    *context.extends.retain_mut().await = Box::new(Retained::new());
    access::install(&context, users).await;

    let builder = Builder::new()
        .name("guildhall")
        .laddr(listen)
        .reuseaddr(Some(true))
        .nodelay(true)
        .allow_anonymous(false)
        .max_connections(10_000)
        .max_packet_size(max_packet)
        .max_clientid_len(64)
        .max_qos_allowed(QoS::AtLeastOnce)
        .max_topic_levels(16)
        .max_subscriptions(64)
        .max_inflight(MAX_INFLIGHT)
        .max_mqueue_len(LONGEST_QUEUE)
        .handshake_timeout(Duration::from_secs(10))
        .session_expiry_interval(LONGEST_SESSION)
        .max_session_expiry_interval(LONGEST_SESSION);
    let listener = match builder.bind().and_then(|listener| listener.tcp()) {
        Ok(listener) => listener,
        Err(error) => {
            let _ = ready.send(Err(error.to_string()));
            return;
        }
    };
    let addr = match listener.local_addr() {
        Ok(addr) => addr,
        Err(error) => {
            let _ = ready.send(Err(error.to_string()));
            return;
        }
    };
    let server = MqttServer::new(context).listener_by_id(listener, addr.port()).build();
    // The socket listens already: a connection that comes before the loop below waits in its queue.
    if ready.send(Ok(addr)).is_err() {
        return;
    }
    if let Err(error) = server.run().await {
        tracing::error!(%error, "message broker ended");
    }
}

/// Messages of QoS 1 under way to one client.
const MAX_INFLIGHT: std::num::NonZeroU16 = match std::num::NonZeroU16::new(128) {
    Some(count) => count,
    None => std::num::NonZeroU16::MIN,
};
