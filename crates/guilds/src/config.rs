//! What the directory is told: the application, the guilds it serves, and how much it may remember.

use std::{collections::HashMap, time::Duration};

use guildhall_core::TenantId;
use secrecy::SecretString;

/// Everything the directory is told at the start.
#[derive(Clone, Debug)]
pub struct GuildsConfig {
    /// The bot's token, with or without the leading `Bot `.
    pub token: SecretString,
    /// The application's id, from the developer portal's "General Information".
    pub application_id: u64,
    /// Where the REST interface is: scheme, host and port. `/api/v10` is added.
    pub api_url: String,
    /// The guilds that have a name of their own as tenant.
    pub communities: Vec<(TenantId, u64)>,
    /// Whether every other guild is served too, with its snowflake as tenant.
    pub open: bool,
    /// Messages kept in memory in all, to know what was edited or deleted. Only of guilds that ask for it
    /// ([`DiscordGuilds::keep_messages`](crate::DiscordGuilds::keep_messages)).
    pub messages: usize,
    /// Members kept in memory in all. They are kept as they are seen.
    pub members: usize,
    /// Members kept in memory of one guild.
    pub members_a_guild: usize,
    /// Events that wait for one listener before the oldest are dropped, in each of its
    /// [lanes](crate::LANES).
    pub queue: usize,
    /// How long an answer of the REST interface stands for a guild or a member while the gateway does not
    /// tell of changes.
    pub fresh: Duration,
}

impl GuildsConfig {
    /// A configuration for Discord itself, with no community yet.
    pub fn new(application_id: u64, token: SecretString) -> Self {
        Self {
            token,
            application_id,
            api_url: "https://discord.com".to_owned(),
            communities: Vec::new(),
            open: false,
            messages: 20_000,
            members: 100_000,
            members_a_guild: 5_000,
            queue: 1_024,
            fresh: Duration::from_secs(3),
        }
    }
}

/// What keeps the directory from starting.
#[derive(Debug, thiserror::Error)]
pub enum GuildsError {
    /// The application id is 0.
    #[error(
        "the Discord application id is missing: copy it from the developer portal, \"General Information\""
    )]
    ApplicationId,
    /// The REST address is not `http(s)://host[:port]`.
    #[error("'{0}' is not an address of Discord's REST interface: write it like https://discord.com")]
    ApiUrl(String),
    /// Two communities share a guild or a tenant, or a guild is 0.
    #[error("the community '{tenant}' {problem}")]
    Community {
        /// Whose.
        tenant: TenantId,
        /// What is wrong, and what would be right.
        problem: &'static str,
    },
    /// The machine's certificate store or cryptography cannot be used.
    #[error("no connection to Discord can be made: {0}")]
    Transport(String),
}

/// Which guild is which tenant.
#[derive(Debug)]
pub(crate) struct Tenants {
    by_guild: HashMap<u64, TenantId>,
    by_tenant: HashMap<TenantId, u64>,
    open: bool,
}

impl Tenants {
    pub(crate) fn new(communities: &[(TenantId, u64)], open: bool) -> Result<Self, GuildsError> {
        let mut tenants = Self { by_guild: HashMap::new(), by_tenant: HashMap::new(), open };
        for (tenant, guild) in communities {
            let wrong = |problem| Err(GuildsError::Community { tenant: tenant.clone(), problem });
            if *guild == 0 {
                return wrong("has no guild: copy the server's id from Discord");
            }
            if tenants.by_guild.insert(*guild, tenant.clone()).is_some() {
                return wrong("has the guild of another community: give each its own");
            }
            if tenants.by_tenant.insert(tenant.clone(), *guild).is_some() {
                return wrong("is configured twice: keep one of them");
            }
        }
        Ok(tenants)
    }

    pub(crate) fn of_guild(&self, guild: u64) -> Option<TenantId> {
        let named = self.by_guild.get(&guild).cloned();
        named.or_else(|| if self.open && guild != 0 { guild.to_string().parse().ok() } else { None })
    }

    pub(crate) fn serves(&self, guild: u64) -> bool {
        (self.open && guild != 0) || self.by_guild.contains_key(&guild)
    }

    pub(crate) fn of_tenant(&self, tenant: &TenantId) -> Option<u64> {
        if let Some(guild) = self.by_tenant.get(tenant) {
            return Some(*guild);
        }
        let guild: u64 = tenant.as_str().parse().ok().filter(|_| self.open)?;
        // A guild with a name is not reached by its number too: it would be two tenants.
        let plain = guild != 0 && guild.to_string() == tenant.as_str();
        (plain && !self.by_guild.contains_key(&guild)).then_some(guild)
    }

    /// The guilds that are configured by name.
    pub(crate) fn named(&self) -> impl Iterator<Item = u64> {
        self.by_guild.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(text: &str) -> TenantId {
        text.parse().unwrap()
    }

    #[test]
    fn a_guild_is_one_tenant_and_a_tenant_one_guild() {
        let tenants = Tenants::new(&[(tenant("knights"), 7)], true).unwrap();
        assert_eq!(tenants.of_guild(7), Some(tenant("knights")));
        assert_eq!(tenants.of_guild(8), Some(tenant("8")));
        assert_eq!(tenants.of_tenant(&tenant("knights")), Some(7));
        assert_eq!(tenants.of_tenant(&tenant("8")), Some(8));
        for other in ["7", "08", "0", "squires"] {
            assert_eq!(tenants.of_tenant(&tenant(other)), None, "{other}");
        }
        let closed = Tenants::new(&[(tenant("knights"), 7)], false).unwrap();
        assert_eq!((closed.of_guild(8), closed.of_tenant(&tenant("8"))), (None, None));
        assert!(closed.serves(7) && !closed.serves(8) && tenants.serves(8) && !tenants.serves(0));
    }

    #[test]
    fn communities_that_share_something_are_refused() {
        for (a, b) in [(("a", 1), ("b", 1)), (("a", 1), ("a", 2)), (("a", 1), ("b", 0))] {
            let communities = [(tenant(a.0), a.1), (tenant(b.0), b.1)];
            assert!(Tenants::new(&communities, false).is_err(), "{communities:?}");
        }
    }
}
