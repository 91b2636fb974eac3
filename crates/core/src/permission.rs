//! Who may call what.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;

use crate::{Actor, Error, Kind, Rank, TenantId, guild::bits, operation::Spec};

/// What a community asks of somebody who wants to call an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The rank.
    pub rank: Rank,
    /// Why this actor need not have it: `owner of the guild`, `operator`. The audit record says so when the
    /// actor's own rank would not have been enough. Who runs the installation has rank 10 by that alone, so for
    /// them it is named where the rank that the community gives them is too low.
    pub bypass: Option<&'static str>,
}

impl From<Rank> for Requirement {
    fn from(rank: Rank) -> Self {
        Self { rank, bypass: None }
    }
}

/// By which bypass a call went on though its actor's rank was too low, wherever in the call that was decided. Its
/// audit record says so. Clones note in the same place.
#[derive(Clone, Debug, Default)]
pub struct Bypass(Arc<OnceLock<&'static str>>);

impl Bypass {
    /// Notes what [`check`] gave. The first one stands.
    pub fn note(&self, by: Option<&'static str>) {
        let _ = by.map(|by| self.0.set(by));
    }

    /// What was noted.
    pub fn noted(&self) -> Option<&'static str> {
        self.0.get().copied()
    }
}

/// Decides what an actor needs to call an operation.
#[async_trait]
pub trait Permissions: Send + Sync {
    /// What this community asks for. An error when it has the operation switched off.
    async fn required(&self, actor: &Actor, spec: &Spec) -> Result<Requirement, Error>;
}

/// Asks for each operation's own default rank.
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultRanks;

#[async_trait]
impl Permissions for DefaultRanks {
    async fn required(&self, _actor: &Actor, spec: &Spec) -> Result<Requirement, Error> {
        Ok(spec.rank.into())
    }
}

/// The permission on Discord that shows a command in Discord's own list at first, of the operations that are that
/// command: one [bit](bits), which the operation with the lowest rank names, or which goes with that rank. Without
/// one, everybody sees it. A guild's staff may say otherwise on Discord, and what is shown lets nobody do anything.
pub fn shown_with<'a>(operations: impl IntoIterator<Item = &'a Spec>) -> Option<u64> {
    let lowest = operations.into_iter().min_by_key(|spec| spec.rank)?;
    lowest.native.or(match lowest.rank.level() {
        0 | 1 => None,
        2..=4 => Some(bits::MODERATE_MEMBERS),
        5 | 6 => Some(bits::MANAGE_GUILD),
        _ => Some(bits::ADMINISTRATOR),
    })
}

/// What Discord says of a member who acts.
#[derive(Clone, Debug)]
pub struct Member {
    /// In which community.
    pub tenant: TenantId,
    /// The user's snowflake.
    pub user: u64,
    /// The roles' snowflakes.
    pub roles: Vec<u64>,
    /// Whether Discord counts them as an administrator of the guild.
    pub administrator: bool,
    /// Whether they own the guild, where that is known.
    pub owner: bool,
}

/// Knows which rank a member has.
#[async_trait]
pub trait Ranking: Send + Sync {
    /// The member's rank.
    async fn rank(&self, member: &Member) -> Result<Rank, Error>;
}

/// Knows who holds an API token.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// The actor a token stands for, with the face left as REST; `None` when it is unknown, revoked or
    /// expired.
    async fn holder(&self, secret: &str) -> Result<Option<Actor>, Error>;
}

/// Turns the decision into the error that the actor reads, or says by which bypass they may. The catalogue asks
/// this before every call; a domain asks it where one operation comes to the same as another.
///
/// # Errors
///
/// `out_of_scope` and `rank_too_low`.
pub fn check(actor: &Actor, required: &Requirement, operation: &str) -> Result<Option<&'static str>, Error> {
    if !actor.covers(operation) {
        let scope = actor.scope.as_deref().unwrap_or_default().join(", ");
        let message = format!("This token does not cover `{operation}`; it covers: {scope}.");
        return Err(Error::new(Kind::Permission, "out_of_scope", message)
            .remedy("Use a token with a wider scope.")
            .with("operation", operation)
            .with("scope", scope));
    }
    let enough = actor.rank >= required.rank;
    // Rank 10 comes with running the installation, so it does not show that the community gives enough.
    if enough && actor.rank < Rank::OPERATOR {
        return Ok(None);
    }
    if enough || required.bypass.is_some() {
        return Ok(required.bypass);
    }
    let message = format!("You need rank {} for `{operation}`; yours is {}.", required.rank, actor.rank);
    Err(Error::new(Kind::Permission, "rank_too_low", message)
        .remedy(match required.rank {
            // No community gives it, so its staff cannot help.
            Rank::OPERATOR => "Ask who runs this installation.",
            _ => "Ask a member of the staff to do it, or to give you the rank.",
        })
        .with("operation", operation)
        .with("level", required.rank.level())
        .with("required", required.rank.to_string())
        .with("yours", actor.rank.to_string()))
}
