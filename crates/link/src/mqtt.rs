//! How to reach the broker.

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;
use url::Url;

/// How to reach the broker, and as whom.
#[derive(Clone, Debug)]
pub struct MqttConfig {
    /// `mqtt://host:port` (1883 when not given) or `mqtts://host:port` (8883).
    pub url: Url,
    /// The broker's user: [`crate::topic::host_user`] or [`crate::topic::control_user`].
    pub username: String,
    /// Its password.
    pub password: SecretString,
    /// The client id. The embedded broker asks for the same word as the user name.
    pub client_id: String,
    /// A connection that is silent this long is given up after one and a half times as long; whole seconds,
    /// at least 1.
    pub keep_alive: Duration,
    /// The largest MQTT packet taken from the broker, in bytes.
    pub max_packet: u32,
    /// The certificate authorities to trust for `mqtts`, as PEM; the system's when not given.
    pub ca_file: Option<PathBuf>,
}

/// Why a broker's address cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not `mqtt://` or `mqtts://`.
    #[error("'{0}' is no broker address: write mqtt://host:port, or mqtts://host:port for TLS")]
    Scheme(String),
    /// No host.
    #[error("the broker address '{0}' names no host")]
    NoHost(String),
    /// The authorities' file cannot be read or holds none.
    #[error("the certificate authorities cannot be read from {}: {reason}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

impl MqttConfig {
    /// The usual: a keep-alive of 10 seconds, so that a lost host is noticed within 15; packets up to 1 MiB;
    /// the client id is the user name.
    pub fn new(url: Url, username: impl Into<String>, password: SecretString) -> Self {
        let username = username.into();
        Self {
            url,
            client_id: username.clone(),
            username,
            password,
            keep_alive: Duration::from_secs(10),
            max_packet: 1024 * 1024,
            ca_file: None,
        }
    }
}
