//! One connection to the broker that comes back for ever: both ends of the link are built on it.
//!
//! After each connection it subscribes anew, and counts as connected only when the broker has granted every
//! subscription. A fresh process begins with a clean session; after that the session is resumed, so that
//! messages of QoS 1 survive a short loss of the connection.

use std::{sync::Arc, time::Duration};

use guildhall_core::Clock;
use rumqttc::{
    AsyncClient, Broker, Event, EventLoop, LastWill, MqttOptions, NetworkOptions, Packet, Publish,
    PublishOptions, PublishProperties, QoS, SubscribeFilterInput, SubscribeReasonCode, TlsConfiguration,
    Transport,
};
use rustls::{ClientConfig, RootCertStore};
use secrecy::ExposeSecret;
use tokio::{sync::watch, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    backoff::Backoff,
    mqtt::{ConfigError, MqttConfig},
};

/// How long the broker keeps the session of somebody who is away, in seconds.
const SESSION_EXPIRY: u32 = 300;

/// A connection that held this long was a good one.
const STABLE: Duration = Duration::from_secs(10);

/// What a connection tells its owner, from within its task: neither call may wait.
pub(crate) trait Owner: Send + Sync + 'static {
    /// A message came.
    fn message(self: Arc<Self>, message: Publish);
    /// The subscriptions are granted.
    fn connected(self: Arc<Self>);
    /// The connection is lost, or was refused.
    fn lost(self: Arc<Self>);
}

/// What there is to say beside the broker's address.
pub(crate) struct Terms {
    pub(crate) filters: Vec<String>,
    pub(crate) will: Option<LastWill>,
    /// Messages of QoS 1 under way to the broker.
    pub(crate) inflight: u16,
    /// Messages that wait to be sent.
    pub(crate) queue: usize,
}

pub(crate) struct Connection {
    client: AsyncClient,
    away: watch::Receiver<Option<String>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// The connection is not there, or went while waiting.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotConnected(pub(crate) String);

impl Connection {
    /// Sets up the client; [`Connection::run`] makes it connect.
    pub(crate) fn new(
        config: MqttConfig,
        terms: Terms,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Driver), ConfigError> {
        let (client, events) =
            AsyncClient::builder(options(config, terms.will, terms.inflight)?).capacity(terms.queue).build();
        let (set_away, away) = watch::channel(Some("it has not been reached yet".to_owned()));
        let stop = CancellationToken::new();
        let driver = Driver {
            client: client.clone(),
            events,
            filters: terms.filters,
            away: set_away,
            stop: stop.clone(),
            clock,
            since: None,
            backoff: Backoff::new(Duration::from_millis(200), Duration::from_secs(10)),
        };
        Ok((Self { client, away, stop, tasks: TaskTracker::new() }, driver))
    }

    /// Starts to connect, and reports to `owner`.
    pub(crate) fn run(&self, driver: Driver, owner: Arc<impl Owner>) {
        self.tasks.spawn(driver.run(owner));
    }

    /// A task that ends with the connection's owner.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = task => {}
            }
        });
    }

    /// Ends every task, without a goodbye.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Why it is not connected; `None` while it is, which is when everything is subscribed.
    pub(crate) fn away(&self) -> watch::Receiver<Option<String>> {
        self.away.clone()
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.away.borrow().is_none()
    }

    /// Hands a message to the client, waiting for room; gives up when the connection goes.
    pub(crate) async fn publish(
        &self,
        topic: String,
        payload: Vec<u8>,
        options: PublishOptions,
    ) -> Result<(), NotConnected> {
        let mut away = self.away.clone();
        if let Some(why) = away.borrow_and_update().clone() {
            return Err(NotConnected(why));
        }
        tokio::select! {
            sent = self.client.publish(topic, payload, options) => {
                sent.map_err(|error| NotConnected(error.to_string()))
            }
            _ = away.changed() => Err(NotConnected("the connection was lost".to_owned())),
        }
    }

    /// Says goodbye and waits for every task, at most a few seconds.
    pub(crate) async fn shutdown(&self) {
        if self.is_connected() {
            let goodbye = self.client.disconnect_with_timeout(Duration::from_secs(2));
            let mut away = self.away.clone();
            if let Ok(Ok(())) = tokio::time::timeout(Duration::from_secs(2), goodbye).await {
                let gone = away.wait_for(Option::is_some);
                let _ = tokio::time::timeout(Duration::from_secs(3), gone).await;
            }
        }
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// The task's end of a connection.
pub(crate) struct Driver {
    client: AsyncClient,
    events: EventLoop,
    filters: Vec<String>,
    away: watch::Sender<Option<String>>,
    stop: CancellationToken,
    clock: Arc<dyn Clock>,
    since: Option<Instant>,
    backoff: Backoff,
}

impl Driver {
    async fn run(mut self, owner: Arc<impl Owner>) {
        loop {
            let event = tokio::select! {
                () = self.stop.cancelled() => break,
                event = self.events.poll() => event,
            };
            match event {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    self.events.options.set_clean_start(false);
                    let filters: Vec<_> = self
                        .filters
                        .iter()
                        .map(|filter| SubscribeFilterInput::new(filter.as_str(), QoS::AtLeastOnce))
                        .collect();
                    if let Err(error) = self.client.try_subscribe_many(filters) {
                        tracing::warn!(%error, "broker subscription could not be asked for");
                    }
                }
                Ok(Event::Incoming(Packet::SubAck(answer))) => {
                    let granted = answer
                        .return_codes
                        .iter()
                        .all(|code| matches!(code, SubscribeReasonCode::Success(_)));
                    if granted {
                        self.since = Some(Instant::now());
                        self.away.send_replace(None);
                        tracing::info!("broker connected");
                        owner.clone().connected();
                    } else {
                        let why = "it does not let this user subscribe: check the broker's access rules";
                        tracing::error!(codes = ?answer.return_codes, "{why}");
                        // The rules may be mended while this process runs, and only a new connection asks again.
                        self.events.clean();
                        if !self.lost(&owner, why).await {
                            break;
                        }
                    }
                }
                Ok(Event::Incoming(Packet::Publish(message))) => owner.clone().message(message),
                Ok(_) => {}
                Err(error) => {
                    if !self.lost(&owner, &error.to_string()).await {
                        break;
                    }
                }
            }
        }
        self.away.send_replace(Some("the link was shut down".to_owned()));
    }

    /// Waits before the next try; false when there is to be none.
    async fn lost(&mut self, owner: &Arc<impl Owner>, why: &str) -> bool {
        let was = self.away.send_replace(Some(why.to_owned()));
        // Two agents of one name throw each other out; only a connection that held begins anew.
        if self.since.take().is_some_and(|since| since.elapsed() >= STABLE) {
            self.backoff.reset();
        }
        if self.stop.is_cancelled() {
            return false;
        }
        // The same reason at every try is said once.
        if was.as_deref() != Some(why) {
            tracing::warn!(reason = why, "broker is away, trying again");
        }
        owner.clone().lost();
        tokio::select! {
            () = self.stop.cancelled() => false,
            () = self.clock.sleep(self.backoff.next()) => true,
        }
    }
}

/// Options of a message that expires when nobody took it within `seconds`.
pub(crate) fn expiring(
    seconds: u32,
    correlation: Option<Vec<u8>>,
    reply_to: Option<String>,
    user_properties: Vec<(String, String)>,
) -> PublishOptions {
    PublishOptions::at_least_once().properties(PublishProperties {
        message_expiry_interval: Some(seconds),
        correlation_data: correlation.map(Into::into),
        response_topic: reply_to,
        user_properties,
        ..PublishProperties::default()
    })
}

fn options(config: MqttConfig, will: Option<LastWill>, inflight: u16) -> Result<MqttOptions, ConfigError> {
    let tls = match config.url.scheme() {
        "mqtt" => false,
        "mqtts" => true,
        _ => return Err(ConfigError::Scheme(shown(&config))),
    };
    let host = config.url.host_str().ok_or_else(|| ConfigError::NoHost(shown(&config)))?;
    // An IPv6 address stands in brackets in a URL, and without them everywhere else.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = config.url.port().unwrap_or(if tls { 8883 } else { 1883 });
    let broker = Broker::tcp(host, port);
    let transport = match tls {
        true => Transport::tls_with_config(TlsConfiguration::Rustls(Arc::new(tls_config(&config)?))),
        false => Transport::tcp(),
    };
    let mut options = MqttOptions::new(config.client_id, broker);
    let keep_alive = u16::try_from(config.keep_alive.as_secs().max(1)).unwrap_or(u16::MAX);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options
        .set_credentials(config.username, config.password.expose_secret().to_owned())
        .set_keep_alive(keep_alive)
        .set_clean_start(true)
        .set_session_expiry_interval(Some(SESSION_EXPIRY))
        .set_max_packet_size(Some(config.max_packet))
        .set_connect_timeout(Duration::from_secs(5))
        .set_outgoing_inflight_upper_limit(inflight)
        .set_network_options(network)
        .set_transport(transport);
    if let Some(will) = will {
        options.set_last_will(will);
    }
    Ok(options)
}

/// The address without what may be secret in it.
fn shown(config: &MqttConfig) -> String {
    let mut url = config.url.clone();
    let _ = url.set_password(None);
    url.to_string()
}

fn tls_config(config: &MqttConfig) -> Result<ClientConfig, ConfigError> {
    let mut roots = RootCertStore::empty();
    match &config.ca_file {
        Some(path) => {
            let unreadable = |reason: String| ConfigError::Authorities { path: path.clone(), reason };
            let pem = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
            for certificate in rustls::pki_types::pem::PemObject::pem_slice_iter(&pem) {
                let certificate: rustls::pki_types::CertificateDer<'_> = certificate
                    .map_err(|error: rustls::pki_types::pem::Error| unreadable(error.to_string()))?;
                roots.add(certificate.into_owned()).map_err(|error| unreadable(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(unreadable("it holds no certificate".to_owned()));
            }
        }
        None => {
            let (known, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if known == 0 {
                let reason = "this system has no certificate authorities: install ca-certificates";
                return Err(ConfigError::Tls(reason.to_owned()));
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| ConfigError::Tls(error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
