//! What the operators set, and what the rest of the program brings.

use std::{fmt, sync::Arc};

use guildhall_core::{
    Clock, TenantId,
    fault::Faults,
    guild::{ChannelId, Courier},
    language::Texts,
    setting::Settings,
};
use guildhall_store::Store;
use secrecy::SecretString;

/// How errors are told to those who run the installation.
#[derive(Clone, Debug, Default)]
pub struct IncidentsConfig {
    /// Where groups are escalated to: the operators' community and a channel of it. `None` keeps them to
    /// `errors list`.
    pub operators_channel: Option<(TenantId, ChannelId)>,
    /// `https://key@host/project`; `None` leaves Sentry out.
    pub sentry_dsn: Option<SecretString>,
    /// `production`, `staging`; at most 64 characters are sent.
    pub environment: String,
    /// The program's version; at most 64 characters are sent.
    pub release: String,
    /// What hashes of people and communities are made with, so that nobody can try ids until one fits. The same
    /// over restarts keeps the hashes the same; `None` makes one up at each start.
    pub pepper: Option<SecretString>,
}

/// What it speaks to.
pub struct Parts {
    /// Keeps the groups.
    pub store: Store,
    /// The messages of the whole program.
    pub texts: Arc<Texts>,
    /// What communities set.
    pub settings: Arc<dyn Settings>,
    /// Writes to the operators' channel.
    pub courier: Arc<dyn Courier>,
    /// The faults that rehearsals put in; the same as the catalogue's.
    pub faults: Faults,
    /// Every secret that the program knows by value, to be blanked wherever an error goes.
    pub secrets: Vec<SecretString>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("secrets", &self.secrets.len()).finish_non_exhaustive()
    }
}

/// A configuration that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum BadConfig {
    /// The DSN cannot be read. It is not shown, because it is a secret.
    #[error("sentry_dsn is not a DSN: {0}; copy it from the project's settings in Sentry")]
    Dsn(&'static str),
    /// No HTTP client can be made.
    #[error("there is no HTTP client for Sentry: {0}")]
    Client(String),
}
