//! API tokens: secrets that stand for an actor. Only a digest of a secret is kept.

use std::sync::Arc;

use async_trait::async_trait;
use guildhall_core::{
    Actor, ActorId, Clock, Error, Face, Misfit, Rank, TenantId, id::fresh, permission::Tokens, typed_id,
};
use rand::TryRngCore;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::{
    Store, StoreError, Timestamp, operator, scope,
    text::{from_json, storable, to_json},
};

typed_id!(
    /// An API token, by which staff list and revoke it. It is no secret.
    TokenId
);

/// What every secret starts with, so that scanners for leaked secrets can find one.
const PREFIX: &str = "gh_";
/// The random part of a secret, in bytes.
const SECRET_BYTES: usize = 32;
/// The most tokens that one listing gives.
const LIST_LIMIT: u64 = 500;

/// Keeps API tokens. Cheap to clone.
#[derive(Clone)]
pub struct TokenStore {
    store: Store,
    clock: Arc<dyn Clock>,
}

/// A token about to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Unique among the community's tokens that are not revoked; 1 to 64 characters.
    pub name: String,
    /// What its holder may do.
    pub rank: Rank,
    /// When set, only these operations: names (`server start`) or their first words (`server`).
    pub scope: Option<Vec<String>>,
    /// When it stops working; `None` is never.
    pub expires: Option<OffsetDateTime>,
}

/// What is known of a token; not its secret, which nobody knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// Its name.
    pub name: String,
    /// What its holder may do.
    pub rank: Rank,
    /// When set, only these operations.
    pub scope: Option<Vec<String>>,
    /// When it was made.
    pub created: OffsetDateTime,
    /// When it stops working by itself.
    pub expires: Option<OffsetDateTime>,
    /// When it was revoked.
    pub revoked: Option<OffsetDateTime>,
}

impl TokenStore {
    /// Keeps tokens in `store`.
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Makes a token and returns its secret, `gh_` and 64 hexadecimal digits, which is shown this once.
    pub async fn create(&self, tenant: &TenantId, new: NewToken) -> Result<String, Error> {
        let length = new.name.chars().count();
        if !(1..=64).contains(&length) || new.name.chars().any(char::is_control) {
            let misfit = Misfit::new("token_name", "is not made of 1 to 64 visible characters.");
            return Err(misfit.of("name").into());
        }
        let mut bytes = [0_u8; SECRET_BYTES];
        rand::rngs::OsRng.try_fill_bytes(&mut bytes).map_err(Error::bug)?;
        let secret = format!("{PREFIX}{}", hex::encode(bytes));
        let name = new.name.clone();
        match self.insert(tenant, new, &secret).await {
            Err(StoreError::Duplicate(_)) => {
                let message = format!("There is a token named {name} already.");
                Err(Error::new(guildhall_core::Kind::Conflict, "token_exists", message)
                    .remedy("Choose another name, or revoke that one first.")
                    .with("name", name))
            }
            other => other.map(|()| secret).map_err(Into::into),
        }
    }

    /// A community's tokens, newest first, with those that no longer work.
    pub async fn list(&self, tenant: &TenantId) -> Result<Vec<Token>, StoreError> {
        let rows = scope::find::<row::Entity>(tenant)
            .order_by_desc(row::Column::CreatedAt)
            .order_by_desc(row::Column::Id)
            .limit(LIST_LIMIT)
            .all(self.store.reader())
            .await?;
        rows.into_iter().map(Token::try_from).collect()
    }

    /// Revokes the community's token of that name. False when none works under that name.
    pub async fn revoke(&self, tenant: &TenantId, name: &str) -> Result<bool, StoreError> {
        let tx = self.store.begin().await?;
        let revoked = scope::update::<row::Entity>(tenant)
            .col_expr(row::Column::RevokedAt, Expr::value(Timestamp::from(self.clock.now())))
            .filter(row::Column::Name.eq(storable(name)))
            .filter(row::Column::RevokedAt.is_null())
            .exec(tx.conn())
            .await?;
        tx.commit().await?;
        Ok(revoked.rows_affected > 0)
    }

    async fn insert(&self, tenant: &TenantId, new: NewToken, secret: &str) -> Result<(), StoreError> {
        let scope = new.scope.as_ref().map(|scope| to_json("api_token", scope)).transpose()?;
        let row = row::ActiveModel {
            id: Set(fresh::<TokenId>(self.clock.as_ref()).0),
            tenant: Set(tenant.as_str().to_owned()),
            name: Set(storable(new.name)),
            rank: Set(i16::from(new.rank.level())),
            scope: Set(scope),
            digest: Set(digest(secret)),
            created_at: Set(self.clock.now().into()),
            expires_at: Set(new.expires.map(Into::into)),
            revoked_at: Set(None),
        };
        let tx = self.store.begin().await?;
        row::Entity::insert(row).exec_without_returning(tx.conn()).await?;
        tx.commit().await
    }

    async fn find(&self, secret: &str) -> Result<Option<Actor>, StoreError> {
        // What cannot be a secret is not worth a query; a header may be as long as the server allows.
        if secret.len() != PREFIX.len() + 2 * SECRET_BYTES || !secret.starts_with(PREFIX) {
            return Ok(None);
        }
        // A lookup by digest tells a timer nothing: who could guess a digest's beginning would have to
        // invert SHA-256 to make use of it.
        let found = operator::find::<row::Entity>()
            .filter(row::Column::Digest.eq(digest(secret)))
            .one(self.store.reader())
            .await?;
        let Some(row) = found else { return Ok(None) };
        let tenant: TenantId = row.tenant.parse().map_err(|error| StoreError::corrupt("api_token", error))?;
        let token = Token::try_from(row)?;
        if token.revoked.is_some() || token.expires.is_some_and(|end| end <= self.clock.now()) {
            return Ok(None);
        }
        Ok(Some(Actor {
            tenant,
            id: ActorId::token(&token.name),
            name: token.name,
            face: Face::Rest,
            rank: token.rank,
            scope: token.scope,
        }))
    }
}

#[async_trait]
impl Tokens for TokenStore {
    async fn holder(&self, secret: &str) -> Result<Option<Actor>, Error> {
        Ok(self.find(secret).await?)
    }
}

fn digest(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

impl TryFrom<row::Model> for Token {
    type Error = StoreError;

    fn try_from(row: row::Model) -> Result<Self, StoreError> {
        let rank = u8::try_from(row.rank).ok().and_then(Rank::new);
        let unknown = || StoreError::corrupt("api_token", format!("there is no rank {}", row.rank));
        Ok(Self {
            id: TokenId(row.id),
            name: row.name,
            rank: rank.ok_or_else(unknown)?,
            scope: row.scope.as_deref().map(|text| from_json("api_token", text)).transpose()?,
            created: row.created_at.time(),
            expires: row.expires_at.map(Timestamp::time),
            revoked: row.revoked_at.map(Timestamp::time),
        })
    }
}

mod row {
    use sea_orm::entity::prelude::*;

    use crate::{Owned, Timestamp};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "api_token")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: Uuid,
        pub(crate) tenant: String,
        pub(crate) name: String,
        pub(crate) rank: i16,
        pub(crate) scope: Option<String>,
        pub(crate) digest: Vec<u8>,
        pub(crate) created_at: Timestamp,
        pub(crate) expires_at: Option<Timestamp>,
        pub(crate) revoked_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    impl Owned for Entity {
        const TENANT: Column = Column::Tenant;
    }
}
