//! What the Discord face is told: the application, the communities it serves, and how patient it is.

use std::{collections::HashMap, fmt, time::Duration};

use guildhall_core::{TenantId, upstream::Upstream};
use secrecy::SecretString;

/// Everything the face is told at the start.
#[derive(Clone)]
pub struct DiscordConfig {
    /// The application's id, from the developer portal's "General Information".
    pub application_id: u64,
    /// The application's public key in hex, from the same page. Interactions over HTTP are signed with it.
    pub public_key: String,
    /// The bot's token, with or without the leading `Bot `.
    pub token: SecretString,
    /// Where the REST interface is: scheme, host and port. `/api/v10` is added.
    pub api_url: String,
    /// The gateway connection; `None` when interactions come over HTTP alone.
    pub gateway: Option<GatewayConfig>,
    /// The guilds that have a name of their own as tenant, and a channel for announcements.
    pub communities: Vec<Community>,
    /// Whether every other guild is served too, with its snowflake as tenant and without announcements.
    /// Otherwise interactions from any other are answered, and refused. Goes with [`CommandScope::Global`]:
    /// commands of a guild are registered in the communities alone.
    pub open: bool,
    /// What stands between Guildhall and Discord: retries and the circuit breaker, one for all that speaks to it. What
    /// nobody waits for is held back while the breaker is open; first answers and what people wait for are not, but
    /// count. Without one, documents are tried again for half a minute.
    pub upstream: Option<Upstream>,
    /// Where the slash commands are registered.
    pub commands: CommandScope,
    /// The largest interaction taken, in bytes. A button's interaction carries the whole message that the
    /// button is on, so this has to be well above Discord's 4,000 characters a message.
    pub max_body: usize,
    /// How far the signed timestamp may be from now, in both directions.
    ///
    /// Discord waits three seconds for an answer, so an honest request is never older than that; the rest
    /// is for a clock that is off. It also bounds how long an intercepted request could be replayed, and
    /// replays within it are recognised by their id.
    pub max_timestamp_age: Duration,
    /// How patient the face is.
    pub timing: Timing,
}

impl DiscordConfig {
    /// A configuration for Discord itself, with the gateway on and no community yet.
    pub fn new(application_id: u64, public_key: impl Into<String>, token: SecretString) -> Self {
        Self {
            application_id,
            public_key: public_key.into(),
            token,
            api_url: "https://discord.com".to_owned(),
            gateway: Some(GatewayConfig::default()),
            communities: Vec::new(),
            open: false,
            upstream: None,
            commands: CommandScope::default(),
            max_body: 256 * 1024,
            max_timestamp_age: Duration::from_secs(30),
            timing: Timing::default(),
        }
    }
}

impl fmt::Debug for DiscordConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiscordConfig")
            .field("application_id", &self.application_id)
            .field("api_url", &self.api_url)
            .field("gateway", &self.gateway)
            .field("communities", &self.communities)
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

/// Which guild is which tenant.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    by_guild: HashMap<u64, TenantId>,
    by_tenant: HashMap<TenantId, u64>,
    open: bool,
}

impl Served {
    pub(crate) fn new(config: &DiscordConfig) -> Self {
        let communities = || config.communities.iter();
        Self {
            by_guild: communities().map(|one| (one.guild_id, one.tenant.clone())).collect(),
            by_tenant: communities().map(|one| (one.tenant.clone(), one.guild_id)).collect(),
            open: config.open,
        }
    }

    pub(crate) fn tenant(&self, guild: u64) -> Option<TenantId> {
        let named = self.by_guild.get(&guild).cloned();
        named.or_else(|| if self.open && guild != 0 { guild.to_string().parse().ok() } else { None })
    }

    pub(crate) fn guild(&self, tenant: &TenantId) -> Option<u64> {
        let named = self.by_tenant.get(tenant).copied();
        let numbered = || {
            let guild = tenant.as_str().parse().ok().filter(|guild| *guild != 0)?;
            (self.tenant(guild).as_ref() == Some(tenant)).then_some(guild)
        };
        named.or_else(numbered)
    }
}

/// The gateway connection.
#[derive(Clone, Debug, Default)]
pub struct GatewayConfig {
    /// Where to connect (`ws://…` or `wss://…`), instead of where the REST interface says.
    pub url: Option<String>,
}

/// A guild and the tenant it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Community {
    /// The tenant, which is what every other part of Guildhall knows.
    pub tenant: TenantId,
    /// The guild's snowflake.
    pub guild_id: u64,
    /// The channel that announcements and session threads go into.
    pub announce_channel: u64,
}

/// Where slash commands are registered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommandScope {
    /// Once for the application; Discord shows them in every guild it is in.
    #[default]
    Global,
    /// In each community's guild. Two installations can then share an application.
    Guilds,
}

/// How patient the face is.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// An operation that is not done by then is acknowledged first and answered later. Discord gives up on
    /// an interaction after three seconds.
    pub defer_after: Duration,
    /// How long an interaction's token can be used for edits. Discord: 15 minutes.
    pub token_life: Duration,
    /// How long an answer waits for the thread of its job, to show the way there.
    pub link_wait: Duration,
    /// The least time between two edits of one status message. Discord allows five edits in five seconds
    /// a channel; the rest is left to people's own messages.
    pub status_every: Duration,
    /// How long a message is tried again while Discord is out of reach, before it is given up and counted.
    pub give_up_after: Duration,
    /// How long a question for a confirmation may be answered with yes.
    pub confirm_within: Duration,
    /// How long running operations are waited for when the program stops.
    pub drain: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            defer_after: Duration::from_secs(2),
            token_life: Duration::from_secs(15 * 60),
            link_wait: Duration::from_secs(60),
            status_every: Duration::from_secs(1),
            give_up_after: Duration::from_secs(30 * 60),
            confirm_within: Duration::from_secs(15 * 60),
            drain: Duration::from_secs(10),
        }
    }
}

/// What keeps the face from starting.
#[derive(Debug, thiserror::Error)]
pub enum DiscordError {
    /// The public key is not 32 bytes in hex, or not a point of the curve.
    #[error(
        "the Discord public key is not one: copy the 64 hexadecimal digits from the developer portal, \
         \"General Information\", \"Public Key\""
    )]
    PublicKey,
    /// The application id is 0.
    #[error(
        "the Discord application id is missing: copy it from the developer portal, \"General Information\""
    )]
    ApplicationId,
    /// The REST address is not `http(s)://host[:port]`.
    #[error("'{0}' is not an address of Discord's REST interface: write it like https://discord.com")]
    ApiUrl(String),
    /// Two communities share a guild or a tenant, or an id is 0.
    #[error("the community '{tenant}' {problem}")]
    Community {
        /// Whose.
        tenant: TenantId,
        /// What is wrong, and what would be right.
        problem: &'static str,
    },
    /// An operation cannot be a slash command.
    #[error("the operation '{operation}' cannot be a slash command: {problem}")]
    Operation {
        /// Its name.
        operation: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The machine's certificate store or cryptography cannot be used.
    #[error("no connection to Discord can be made: {0}")]
    Transport(String),
}
