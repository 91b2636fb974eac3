//! What the operator sets: one file in TOML, YAML or JSON, and the environment over it.
//!
//! `GUILDHALL_HTTP__LISTEN=127.0.0.1:8080` sets `http.listen`. Every mistake is named with its file (or
//! variable) and key, all of them at once, by `guildhall config check`.

mod draft;
mod place;
mod reference;
mod rules;
mod source;
mod words;

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use guildhall_core::{HostId, TenantId};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

pub use place::Place;
pub use reference::{markdown as reference, schema};
pub use source::ConfigurationError;
pub use words::why;

/// Everything that can be set.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Configuration {
    /// Where Guildhall keeps what it must not lose: database, keys, game servers.
    pub data: PathBuf,
    /// The database; SQLite in the data folder unless set.
    pub store: StoreSection,
    /// The HTTP interface.
    pub http: HttpSection,
    /// The message broker; the embedded one unless set.
    pub mqtt: MqttSection,
    /// The machines that game servers run on; this machine unless set.
    pub hosts: Vec<HostSection>,
    /// Discord; off unless set.
    pub discord: Option<DiscordSection>,
    /// The communities that have a name of their own.
    pub communities: Vec<CommunitySection>,
    /// Discord users who run this installation: rank 10 in every community.
    pub operators: Vec<u64>,
    /// What several processes share beside the database; not needed by one.
    pub redis: RedisSection,
    /// Where errors are told, beside the log.
    pub errors: ErrorsSection,
    /// Traces for a collector; off unless set.
    pub traces: Option<TracesSection>,
    /// Recipes beside the ones that ship.
    pub recipes: RecipesSection,
    /// What is logged, and how.
    pub log: LogSection,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            data: PathBuf::from("guildhall-data"),
            store: StoreSection::default(),
            http: HttpSection::default(),
            mqtt: MqttSection::default(),
            hosts: vec![HostSection::local()],
            discord: None,
            communities: Vec::new(),
            operators: Vec::new(),
            redis: RedisSection::default(),
            errors: ErrorsSection::default(),
            traces: None,
            recipes: RecipesSection::default(),
            log: LogSection::default(),
        }
    }
}

/// The database.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSection {
    /// `sqlite:///path/to/file.db` or `postgres://user:password@host/name`.
    #[schemars(with = "Option<String>")]
    pub url: Option<SecretString>,
}

/// The HTTP interface.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HttpSection {
    /// Address and port; port 0 takes a free one.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
}

impl Default for HttpSection {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)) }
    }
}

/// The message broker.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MqttSection {
    /// A broker beside Guildhall: `mqtt://host:1883` or `mqtts://host:8883`. Without it the embedded one runs.
    pub url: Option<String>,
    /// The control plane's user name at that broker.
    pub username: Option<String>,
    /// Its password.
    #[schemars(with = "Option<String>")]
    pub password: Option<SecretString>,
    /// Where the embedded broker listens; port 0 takes a free one.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
}

impl Default for MqttSection {
    fn default() -> Self {
        Self {
            url: None,
            username: None,
            password: None,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 1883)),
        }
    }
}

/// A machine that game servers run on.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostSection {
    /// Its name.
    pub name: HostId,
    /// The address that players connect to.
    #[serde(default = "loopback")]
    pub address: String,
    /// Whether Guildhall starts the agent itself, on this machine.
    #[serde(default)]
    pub local: bool,
}

fn loopback() -> String {
    IpAddr::V4(Ipv4Addr::LOCALHOST).to_string()
}

impl HostSection {
    #[expect(clippy::unwrap_used, reason = "'local' follows the pattern of names")]
    fn local() -> Self {
        Self { name: "local".parse().unwrap(), address: loopback(), local: true }
    }
}

/// The Discord application.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscordSection {
    /// The application's id, from the developer portal.
    pub application_id: u64,
    /// The application's public key, in hex: interactions are signed with its other half.
    pub public_key: String,
    /// The bot's token.
    #[schemars(with = "String")]
    pub token: SecretString,
    /// Whether to connect to the gateway. Without it, interactions come by HTTP alone.
    #[serde(default)]
    pub gateway: bool,
    /// Whether every guild is served that adds the bot, and not only those under `communities`. Such a guild's
    /// name inside Guildhall is its id.
    #[serde(default)]
    pub open: bool,
    /// Another Discord-compatible server's REST address; `https://discord.com` unless set.
    #[serde(default)]
    pub api_url: Option<String>,
    /// Another Discord-compatible server's gateway address.
    #[serde(default)]
    pub gateway_url: Option<String>,
}

/// A community: a Discord guild, or people who use Guildhall without Discord.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommunitySection {
    /// Its name inside Guildhall: 1 to 64 of `a-z`, `0-9` and `-`.
    pub tenant: TenantId,
    /// Its Discord guild.
    #[serde(default)]
    pub guild: Option<u64>,
    /// The Discord channel in which servers are announced and sessions have their threads.
    #[serde(default)]
    pub channel: Option<u64>,
    /// Discord roles of the staff who set servers up (rank 5).
    #[serde(default)]
    pub admin_roles: Vec<u64>,
    /// Discord roles of the staff who moderate (rank 3).
    #[serde(default)]
    pub moderator_roles: Vec<u64>,
}

/// What several processes share.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RedisSection {
    /// Redis or Valkey: `redis://user:password@host:6379/0`. Guildhall works on when it is away.
    #[schemars(with = "Option<String>")]
    pub url: Option<SecretString>,
}

/// Where errors are told.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ErrorsSection {
    /// A project of Sentry's: `https://key@host/number`. It gets bugs and failures of other systems, without
    /// secrets and personal data.
    #[schemars(with = "Option<String>")]
    pub sentry_dsn: Option<SecretString>,
    /// What Sentry is told this installation is.
    pub environment: String,
    /// The Discord channel in which those who run the installation are told of errors that are new or grow.
    pub channel: Option<u64>,
    /// The community that the channel is in; the first unless set.
    pub community: Option<TenantId>,
}

impl Default for ErrorsSection {
    fn default() -> Self {
        Self { sentry_dsn: None, environment: "production".to_owned(), channel: None, community: None }
    }
}

/// Traces for a collector.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TracesSection {
    /// Where an OpenTelemetry collector takes spans over HTTP: `http://localhost:4318/v1/traces`.
    pub endpoint: String,
    /// How trace ids are made and handed on.
    #[serde(default)]
    pub ids: TraceIds,
    /// The part of traces that is sent, from 0 to 1. A caller who traces decides for itself.
    #[serde(default = "whole")]
    pub ratio: f64,
}

fn whole() -> f64 {
    1.0
}

/// How trace ids are made and handed on.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TraceIds {
    /// Random, in the header `traceparent`.
    #[default]
    W3c,
    /// As AWS X-Ray wants them, in the header `X-Amzn-Trace-Id`.
    Xray,
}

/// Recipes beside the ones that ship.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RecipesSection {
    /// A folder of `.toml` files. One with a shipped recipe's name replaces it.
    pub folder: Option<PathBuf>,
}

/// What is logged, and how.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogSection {
    /// `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,guildhall_link=debug`.
    pub level: String,
    /// One JSON object a line instead of text.
    pub json: bool,
}

impl Default for LogSection {
    fn default() -> Self {
        Self { level: "info".to_owned(), json: false }
    }
}

impl Configuration {
    /// Reads the file, when there is one, and the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigurationError> {
        source::load(file, variables(), |_| Vec::new())
    }

    /// The same for those who start with it: also refuses what [`installation::trial`](crate::installation::trial)
    /// finds. Both `run` and `config check` read it with this, so neither knows a mistake that the other does not.
    pub fn load_to_start(file: Option<&Path>) -> Result<Self, ConfigurationError> {
        source::load(file, variables(), crate::installation::trial)
    }

    /// Reads the file, when there is one, and the given variables.
    #[cfg(test)]
    fn load_with(file: Option<&Path>, variables: &[(&str, &str)]) -> Result<Self, ConfigurationError> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        source::load(file, variables.collect(), |_| Vec::new())
    }

    /// The community that a person without one speaks for: the first, or `local`.
    #[expect(clippy::unwrap_used, reason = "'local' follows the pattern of tenants")]
    pub fn home(&self) -> TenantId {
        self.communities.first().map_or_else(|| "local".parse().unwrap(), |first| first.tenant.clone())
    }

    /// Every secret in it.
    pub fn secrets(&self) -> Vec<SecretString> {
        let secrets = [
            self.discord.as_ref().map(|discord| discord.token.clone()),
            self.store.url.clone(),
            self.mqtt.password.clone(),
            self.redis.url.clone(),
            self.errors.sentry_dsn.clone(),
        ];
        secrets.into_iter().flatten().collect()
    }
}

fn variables() -> BTreeMap<String, String> {
    std::env::vars().filter(|(name, _)| name.starts_with("GUILDHALL_")).collect()
}

#[cfg(test)]
mod tests;
