//! A PostgreSQL server that speaks TLS. It does so on a network address only, so it has a port.

use std::net::TcpListener;

use super::cluster::{Cluster, Settings};

/// How many free ports are tried: between finding one and listening on it another program may take it.
const PORTS: usize = 5;

/// A PostgreSQL server of its own on 127.0.0.1, gone when it is dropped. It speaks TLS to who asks for it.
pub struct TlsServer {
    cluster: Cluster,
    port: u16,
}

impl TlsServer {
    /// Starts one with this certificate and its key, both PEM; `None` where PostgreSQL is not installed.
    pub async fn start(certificate: &str, key: &str) -> Option<Self> {
        let mut said = String::new();
        for _ in 0..PORTS {
            let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
            let port = listener.local_addr().expect("a listener has an address").port();
            drop(listener);
            let settings = Settings {
                lines: "listen_addresses = '127.0.0.1'\nssl = on\nssl_cert_file = '../server.pem'\n\
                        ssl_key_file = '../server.key'"
                    .to_owned(),
                port: Some(port),
                files: vec![("server.pem", certificate.to_owned()), ("server.key", key.to_owned())],
            };
            match Cluster::start(settings).await {
                Ok(cluster) => return cluster.map(|cluster| Self { cluster, port }),
                Err(error) => said = error,
            }
        }
        panic!("{said}");
    }

    /// The address of a fresh database, over TCP and under this name for the server.
    pub async fn fresh_database(&self, host: &str) -> String {
        let address = self.cluster.fresh_database().await;
        let database = address.rsplit('/').next().unwrap_or_default();
        format!("postgres://guildhall@{host}:{}/{database}", self.port)
    }
}
