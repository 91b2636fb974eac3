//! The message broker and the link to the agents: the embedded broker or one beside Guildhall, its users, and
//! the settings file of each host.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use async_trait::async_trait;
use guildhall_broker::{Broker, BrokerConfig, BrokerError, User};
use guildhall_core::{Clock, HostId};
use guildhall_link::{
    Agents, Inbox, LinkError, MqttConfig,
    controller::{Controller, ControllerConfig},
    message::{Presence, Reply, Request},
    topic::{self, Access, ControlId},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use tokio::sync::watch;
use url::Url;

use super::secrets::{Secrets, write_private};
use crate::configuration::{Configuration, MqttSection, why};

/// Why there is no link to the agents.
#[derive(Debug, thiserror::Error)]
pub enum MessagesError {
    /// The embedded broker does not run.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The broker's address cannot be used.
    #[error("mqtt.url: {0}")]
    Address(#[from] guildhall_link::mqtt::ConfigError),
    /// The address is none.
    #[error("mqtt.url: '{0}' is not an address; write mqtt://host:1883 or mqtts://host:8883")]
    NotAnAddress(String),
    /// A secret or a host's file cannot be kept.
    #[error("{}: {}. Check the data folder and its permissions.", path.display(), why(source))]
    Keep {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What an agent is told to begin with: the file that `guildhall agent --config` reads.
#[derive(Serialize)]
struct HostFile {
    host: HostId,
    data: PathBuf,
    broker: Url,
    user: String,
    password: String,
}

/// The broker, and the way to the agents.
pub struct Messages {
    embedded: Option<Broker>,
    controller: Arc<Controller>,
    files: BTreeMap<HostId, PathBuf>,
}

/// The agents, before there is a connection to them: the domain that asks them is also the one that takes in
/// what they say, so one of the two has to come first.
#[derive(Default)]
pub struct LateAgents(OnceLock<Arc<Controller>>);

#[async_trait]
impl Agents for LateAgents {
    async fn request(&self, host: &HostId, request: Request) -> Result<Reply, LinkError> {
        match self.0.get() {
            Some(controller) => controller.request(host, request).await,
            None => Err(LinkError::Offline(host.clone())),
        }
    }

    fn hosts(&self) -> watch::Receiver<BTreeMap<HostId, Presence>> {
        self.0.get().map_or_else(|| watch::channel(BTreeMap::new()).1, |controller| controller.hosts())
    }
}

impl Messages {
    /// Starts the embedded broker, unless there is another, and connects to it.
    pub async fn start(
        configuration: &Configuration,
        secrets: &Secrets,
        inbox: Arc<dyn Inbox>,
        agents: &LateAgents,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, MessagesError> {
        let control = ControlId::default();
        let settings = &configuration.mqtt;
        let keep = |name: &str| {
            secrets
                .get_or_make(name)
                .map_err(|source| MessagesError::Keep { path: secrets.path(name), source })
        };
        let mut passwords = BTreeMap::new();
        for host in &configuration.hosts {
            passwords.insert(host.name.clone(), keep(&format!("host-{}", host.name))?);
        }
        let (embedded, url, username, password) = match beside(settings)? {
            Some((url, username, password)) => (None, url, username, password),
            None => {
                let password = keep("control")?;
                let mut users = vec![user(topic::control_access(&control), password.clone())];
                for (host, password) in &passwords {
                    users.push(user(topic::host_access(host), password.clone()));
                }
                let broker = Broker::start(BrokerConfig::new(settings.listen, users)).await?;
                let address = format!("mqtt://{}", broker.addr());
                let url = address.parse().map_err(|_| MessagesError::NotAnAddress(address))?;
                (Some(broker), url, topic::control_user(&control), password)
            }
        };
        let mut files = BTreeMap::new();
        for (host, password) in passwords {
            let file = write_host_file(configuration, &host, &url, &password)?;
            files.insert(host, file);
        }
        let config = ControllerConfig::new(MqttConfig::new(url, username, password), control);
        let controller = Arc::new(Controller::connect(config, inbox, clock)?);
        // Nothing else fills it, so it is empty here.
        let _ = agents.0.set(controller.clone());
        Ok(Self { embedded, controller, files })
    }

    /// Whether the broker is there.
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.controller.connected()
    }

    /// The settings file of a host's agent.
    pub fn file(&self, host: &HostId) -> Option<&Path> {
        self.files.get(host).map(PathBuf::as_path)
    }

    /// Leaves the broker and stops the embedded one.
    pub async fn stop(self) {
        self.controller.shutdown().await;
        if let Some(broker) = self.embedded {
            broker.shutdown().await;
        }
    }
}

/// The broker beside Guildhall, with the control plane's user name and password there.
pub fn beside(settings: &MqttSection) -> Result<Option<(Url, String, SecretString)>, MessagesError> {
    let Some(url) = &settings.url else { return Ok(None) };
    let url = url.parse().map_err(|_| MessagesError::NotAnAddress(url.clone()))?;
    let username = settings.username.clone().unwrap_or_else(|| topic::control_user(&ControlId::default()));
    Ok(Some((url, username, settings.password.clone().unwrap_or_default())))
}

fn user(access: Access, password: SecretString) -> User {
    User {
        name: access.user,
        password,
        may_publish: access.publish,
        may_subscribe: access.subscribe,
        may_retain: access.retain,
    }
}

/// Writes what a host's agent has to know. For another machine, the operator copies the file there and sets
/// `data` and the broker's address as that machine sees them.
fn write_host_file(
    configuration: &Configuration,
    host: &HostId,
    broker: &Url,
    password: &SecretString,
) -> Result<PathBuf, MessagesError> {
    let folder = std::path::absolute(configuration.data.join("hosts"))
        .map_err(|source| MessagesError::Keep { path: configuration.data.clone(), source })?;
    let path = folder.join(format!("{host}.toml"));
    let keep = |source| MessagesError::Keep { path: path.clone(), source };
    std::fs::create_dir_all(&folder).map_err(keep)?;
    let data = folder.join(host.as_str());
    let file = HostFile {
        host: host.clone(),
        data,
        broker: broker.clone(),
        user: topic::host_user(host),
        password: password.expose_secret().to_owned(),
    };
    let text = toml::to_string(&file).map_err(|error| keep(io::Error::other(error)))?;
    write_private(&path, &text).map_err(keep)?;
    Ok(path)
}
