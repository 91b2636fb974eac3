//! Who is kept out of the community's game servers.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{ActorId, Error, TenantId};

/// Why and where somebody is kept out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bar {
    /// What it comes from, such as `case 12`; lifting names it again.
    pub case: String,
    /// What the person is told, at most 2,000 characters.
    pub reason: String,
    /// Until when; `None` for no end.
    #[serde(with = "time::serde::rfc3339::option")]
    pub until: Option<OffsetDateTime>,
    /// The servers' names; empty is all of them.
    pub servers: Vec<String>,
}

/// What keeping somebody out, or letting them in again, came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Barred {
    /// Servers that have been told.
    pub applied: Vec<String>,
    /// Servers that will be told when they run.
    pub pending: Vec<String>,
    /// Servers whose game has no way to do it.
    pub unsupported: Vec<String>,
    /// Names that no server has.
    #[serde(default)]
    pub unknown: Vec<String>,
    /// Nobody knows what the person is called in the games.
    pub unlinked: bool,
}

/// Keeps people out of game servers. Both may be repeated.
#[async_trait]
pub trait Access: Send + Sync {
    /// Keeps a person out.
    async fn bar(&self, tenant: &TenantId, person: &ActorId, bar: Bar) -> Result<Barred, Error>;

    /// Lets a person in again who was kept out for `case`.
    async fn admit(&self, tenant: &TenantId, person: &ActorId, case: &str) -> Result<Barred, Error>;
}
