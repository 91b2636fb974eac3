//! Who may call what.

use async_trait::async_trait;

use crate::{Actor, Error, Kind, Rank, TenantId, operation::Spec};

/// Decides whether an actor may call an operation.
#[async_trait]
pub trait Permissions: Send + Sync {
    /// The rank that this community asks for.
    async fn required(&self, actor: &Actor, spec: &Spec) -> Result<Rank, Error>;
}

/// Asks for each operation's own default rank.
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultRanks;

#[async_trait]
impl Permissions for DefaultRanks {
    async fn required(&self, _actor: &Actor, spec: &Spec) -> Result<Rank, Error> {
        Ok(spec.rank)
    }
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

/// Turns the decision into the error that the actor reads.
pub(crate) fn check(actor: &Actor, required: Rank, operation: &str) -> Result<(), Error> {
    if !actor.covers(operation) {
        let scope = actor.scope.as_deref().unwrap_or_default().join(", ");
        let message = format!("This token does not cover `{operation}`; it covers: {scope}.");
        return Err(
            Error::new(Kind::Permission, "out_of_scope", message).remedy("Use a token with a wider scope.")
        );
    }
    if actor.rank >= required {
        return Ok(());
    }
    let message = format!("You need rank {required} for `{operation}`; yours is {}.", actor.rank);
    Err(Error::new(Kind::Permission, "rank_too_low", message)
        .remedy("Ask a member of the staff to do it, or to give you the rank."))
}
