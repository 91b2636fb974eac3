//! Everything that one community has set, in one piece: what the caches hold and what a call is judged by.

use std::collections::BTreeMap;

use guildhall_core::{Rank, TenantId, guild::RoleId};
use guildhall_store::{StoreError, scope};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::entity::{change, rank, requirement, role, setting};

/// Rows of one table that are read for a community. No operation lets it have as many.
const MOST_ROWS: u64 = 2_000;

/// What a community has set. What is not in here has its default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Book {
    /// The number of the newest change that is certainly in here.
    pub(crate) revision: i64,
    pub(crate) settings: BTreeMap<String, Kept>,
    /// Ranks with names of the community's own, by level.
    pub(crate) ranks: BTreeMap<u8, RankText>,
    pub(crate) roles: BTreeMap<RoleId, Rank>,
    /// By the name of a command or a group of commands.
    pub(crate) requirements: BTreeMap<String, Rank>,
}

/// A setting's value and the number of the change that set it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) value: Value,
    pub(crate) version: i64,
}

/// What a rank is called and what it is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RankText {
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) description: String,
}

impl Book {
    /// Reads a community's book.
    pub(crate) async fn load(conn: &impl ConnectionTrait, tenant: &TenantId) -> Result<Self, StoreError> {
        // The revision comes first: a change that is made meanwhile may be in the book already, but the book
        // never claims a change that it lacks.
        let revision = revision(conn, tenant).await?;
        let settings = scope::find::<setting::Entity>(tenant).limit(MOST_ROWS).all(conn).await?;
        let ranks = scope::find::<rank::Entity>(tenant).limit(MOST_ROWS).all(conn).await?;
        let roles = scope::find::<role::Entity>(tenant).limit(MOST_ROWS).all(conn).await?;
        let requirements = scope::find::<requirement::Entity>(tenant).limit(MOST_ROWS).all(conn).await?;

        let mut book = Self { revision, ..Self::default() };
        for row in settings {
            let value = serde_json::from_str(&row.value)
                .map_err(|error| corrupt("community_setting", &error.to_string()))?;
            book.settings.insert(row.name, Kept { value, version: row.version });
        }
        for row in ranks {
            let level = level("community_rank", row.level)?.level();
            book.ranks.insert(level, RankText { name: row.name, description: row.description });
        }
        for row in roles {
            let id = row.role.parse().map_err(|_| corrupt("community_role", "a role's id is no number"))?;
            book.roles.insert(id, level("community_role", row.level)?);
        }
        for row in requirements {
            book.requirements.insert(row.name, level("community_requirement", row.level)?);
        }
        Ok(book)
    }
}

/// The number of the community's newest change, 0 when there is none.
pub(crate) async fn revision(conn: &impl ConnectionTrait, tenant: &TenantId) -> Result<i64, StoreError> {
    let newest = scope::find::<change::Entity>(tenant)
        .select_only()
        .column(change::Column::Number)
        .filter(change::Column::Number.gt(0))
        .order_by_desc(change::Column::Number)
        .into_tuple::<i64>()
        .one(conn)
        .await?;
    Ok(newest.unwrap_or(0))
}

fn level(table: &'static str, level: i16) -> Result<Rank, StoreError> {
    let rank = u8::try_from(level).ok().and_then(Rank::new);
    rank.ok_or_else(|| corrupt(table, "a rank is not 0 to 10"))
}

fn corrupt(table: &'static str, reason: &str) -> StoreError {
    StoreError::Corrupt { table, reason: reason.to_owned() }
}
