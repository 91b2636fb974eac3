//! The bounds of the HTTP face.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use guildhall_core::TenantId;

/// Where the HTTP face listens and what it takes. Every number has a default that suits one community.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Where to listen. The wiring binds it and hands the listener to [`crate::Http::serve`].
    pub listen: SocketAddr,
    /// In whose audit log requests are recorded that came with a token nobody holds.
    pub tenant: TenantId,
    /// The largest body taken, in bytes.
    pub max_body: usize,
    /// How long a request may take, from its head to its answer. An operation that has begun goes on after
    /// that; only the waiting ends. Event streams are exempt.
    pub request_timeout: Duration,
    /// How long a peer may take to send a request's head, and to take in what is written to it.
    pub stall_timeout: Duration,
    /// How long connections may go on after the shutdown began.
    pub grace: Duration,
    /// Connections at a time. Further ones wait in the listener's backlog.
    pub max_connections: usize,
    /// Operations at a time. A further request is answered 503.
    pub max_calls: usize,
    /// Event streams at a time, in all.
    pub max_streams: usize,
    /// Event streams at a time, for one token.
    pub max_streams_per_token: usize,
    /// How often a quiet event stream carries a comment, so that nothing between takes it for dead. The
    /// token is looked up again as often.
    pub keep_alive: Duration,
    /// How many wrong tokens one peer address may try in a minute before it has to wait. IPv6 peers count
    /// by their /64.
    pub failures_per_minute: u32,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
}

impl HttpConfig {
    /// The defaults.
    pub fn new(listen: SocketAddr, tenant: TenantId) -> Self {
        Self {
            listen,
            tenant,
            max_body: 64 * 1024,
            request_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_secs(20),
            grace: Duration::from_secs(10),
            max_connections: 1_024,
            max_calls: 256,
            max_streams: 256,
            max_streams_per_token: 32,
            keep_alive: Duration::from_secs(15),
            failures_per_minute: 10,
            trusted_proxies: Vec::new(),
        }
    }
}
