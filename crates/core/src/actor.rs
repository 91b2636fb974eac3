//! Who acts: a person or program, for which community, through which face, with which rank.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A community. For a Discord community it is the guild's snowflake as text; at most 64 characters of
/// `a-z`, `0-9` and `-`, because it is also an MQTT topic level.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct TenantId(String);

/// A tenant id outside of its alphabet or length.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is not a tenant: use 1 to 64 characters, a to z, 0 to 9 and '-'")]
pub struct BadTenant(String);

impl TenantId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TenantId {
    type Err = BadTenant;

    fn from_str(text: &str) -> Result<Self, BadTenant> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits { Ok(Self(text.to_owned())) } else { Err(BadTenant(text.to_owned())) }
    }
}

impl<'de> Deserialize<'de> for TenantId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an actor is known from, and as what: `discord:4711`, `token:ci`, `system:flows`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ActorId(String);

impl ActorId {
    /// A Discord user.
    pub fn discord(user: u64) -> Self {
        Self(format!("discord:{user}"))
    }

    /// The holder of an API token, by the token's name.
    pub fn token(name: &str) -> Self {
        Self(format!("token:{name}"))
    }

    /// A part of Guildhall itself.
    pub fn system(part: &str) -> Self {
        Self(format!("system:{part}"))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The Discord user's snowflake, when the actor is one.
    pub fn discord_user(&self) -> Option<u64> {
        self.0.strip_prefix("discord:")?.parse().ok()
    }
}

impl From<String> for ActorId {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What somebody may do, from 0 (anybody) to 10 (runs the installation).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Rank(u8);

impl Rank {
    /// Anybody in the community.
    pub const MEMBER: Self = Self(0);
    /// A member the staff trusts.
    pub const TRUSTED: Self = Self(1);
    /// Staff who learn to moderate.
    pub const JUNIOR_MODERATOR: Self = Self(2);
    /// Staff who moderate.
    pub const MODERATOR: Self = Self(3);
    /// Staff who look after moderators.
    pub const SENIOR_MODERATOR: Self = Self(4);
    /// Staff who set things up and take them away.
    pub const ADMIN: Self = Self(5);
    /// The community's owner.
    pub const OWNER: Self = Self(7);
    /// Who runs the installation.
    pub const OPERATOR: Self = Self(10);

    /// A rank from its number; `None` above 10.
    pub fn new(level: u8) -> Option<Self> {
        (level <= 10).then_some(Self(level))
    }

    /// The number, 0 to 10.
    pub fn level(self) -> u8 {
        self.0
    }

    /// The rank's default name.
    pub fn name(self) -> &'static str {
        match self.0 {
            0 => "Member",
            1 => "Trusted",
            2 => "Junior Moderator",
            3 => "Moderator",
            4 => "Senior Moderator",
            5 => "Administrator",
            6 => "Head Administrator",
            7 => "Server Owner",
            8 => "Custom 8",
            9 => "Custom 9",
            _ => "Operator",
        }
    }
}

impl fmt::Display for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0, self.name())
    }
}

/// The way an actor came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Face {
    /// Slash commands, buttons and forms.
    Discord,
    /// The HTTP interface.
    Rest,
    /// The command line, which speaks to the HTTP interface and says so.
    Cli,
    /// Guildhall itself: a workflow, a schedule, a repair.
    System,
}

impl Face {
    /// The word used in records and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Discord => "discord",
            Self::Rest => "rest",
            Self::Cli => "cli",
            Self::System => "system",
        }
    }
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// For which community.
    pub tenant: TenantId,
    /// Who.
    pub id: ActorId,
    /// What people call them; shown, never compared.
    pub name: String,
    /// Through which face.
    pub face: Face,
    /// With which rank.
    pub rank: Rank,
    /// When set, only these operations: names (`server start`) or their first words (`server`).
    pub scope: Option<Vec<String>>,
}

impl Actor {
    /// Whether the actor's scope covers `operation`: all of its words, or the first of them.
    pub fn covers(&self, operation: &str) -> bool {
        let covers = |entry: &String| {
            operation
                .strip_prefix(entry.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        self.scope.as_ref().is_none_or(|scope| scope.iter().any(covers))
    }

    /// Guildhall itself, acting for a community.
    pub fn system(tenant: TenantId, part: &str) -> Self {
        Self {
            tenant,
            id: ActorId::system(part),
            name: "Guildhall".to_owned(),
            face: Face::System,
            rank: Rank::OPERATOR,
            scope: None,
        }
    }
}
