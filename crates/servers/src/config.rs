//! The domain's own configuration.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use guildhall_core::HostId;
use guildhall_recipes::secrets::SecretsKey;

use crate::state::Deadlines;

/// How the domain behaves.
#[derive(Clone, Debug)]
pub struct ServersConfig {
    /// How long passing states may last.
    pub deadlines: Deadlines,
    /// The address that players are told, for hosts that have none of their own in `hosts`.
    pub address: String,
    /// The hosts that servers may be placed on, with the address that players are told. When empty, every
    /// connected host is taken, with `address`.
    pub hosts: BTreeMap<HostId, Option<String>>,
    /// A folder of further recipes, `NAME.toml` each; they come before the shipped ones.
    pub recipes: Option<PathBuf>,
    /// Servers that set nothing else are stopped after this long without players; `None` for never.
    pub idle_stop: Option<Duration>,
    /// Servers a community may have.
    pub most_servers: u64,
    /// The key with which recipes' secrets are kept in the store; without one they are kept in plain.
    pub secrets: Option<SecretsKey>,
}

impl Default for ServersConfig {
    fn default() -> Self {
        Self {
            deadlines: Deadlines::default(),
            address: "127.0.0.1".to_owned(),
            hosts: BTreeMap::new(),
            recipes: None,
            idle_stop: None,
            most_servers: 100,
            secrets: None,
        }
    }
}

impl ServersConfig {
    /// The idle stop of servers that set nothing else, in seconds.
    pub(crate) fn idle_stop_seconds(&self) -> Option<i64> {
        self.idle_stop.map(|idle| i64::try_from(idle.as_secs()).unwrap_or(i64::MAX))
    }

    /// The address that players of a host are told.
    pub fn address_of(&self, host: &str) -> &str {
        let own =
            self.hosts.iter().find(|(id, _)| id.as_str() == host).and_then(|(_, address)| address.as_deref());
        own.unwrap_or(&self.address)
    }

    /// Whether servers may be placed on a host.
    pub fn allows(&self, host: &HostId) -> bool {
        self.hosts.is_empty() || self.hosts.contains_key(host)
    }
}
