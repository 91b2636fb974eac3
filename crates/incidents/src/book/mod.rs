//! The groups as they are kept: what came in is added in batches (`keep`), what people ask for is read here.
//!
//! A group is a fingerprint in one community. Who looks at everything sees the groups of one fingerprint as one.

mod keep;
mod tidy;

use std::{collections::HashMap, sync::Arc};

use guildhall_core::{Kind, TenantId};
use guildhall_store::{Owned, Store, StoreError, Timestamp, operator, scope};
use schemars::JsonSchema;
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, FromQueryResult, JoinType, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Select, UpdateMany,
    sea_query::{Expr, SimpleExpr},
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    Fingerprint, Scrub,
    entity::{group, hour, sample},
    trend,
};
pub(crate) use keep::{Touched, is_trace};

/// Fingerprints looked up in one query.
const CHUNK: usize = 200;

/// How a group stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Somebody said that it is mended.
    Resolved,
    /// It happens.
    Open,
    /// It was mended and has come back.
    Reopened,
}

impl State {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resolved => "resolved",
            Self::Open => "open",
            Self::Reopened => "reopened",
        }
    }

    /// In the store. The highest of several communities' is that of all of them.
    pub(crate) fn number(self) -> i16 {
        match self {
            Self::Resolved => 0,
            Self::Open => 1,
            Self::Reopened => 2,
        }
    }

    fn of(number: i16) -> Self {
        match number {
            0 => Self::Resolved,
            1 => Self::Open,
            _ => Self::Reopened,
        }
    }
}

/// Whose groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Everybody's, for who runs the installation.
    Everyone,
    /// One community's.
    One(TenantId),
}

impl Scope {
    fn find<E: Owned>(&self) -> Select<E> {
        match self {
            Self::Everyone => operator::find(),
            Self::One(tenant) => scope::find(tenant),
        }
    }

    fn update<E: Owned>(&self) -> UpdateMany<E> {
        match self {
            Self::Everyone => operator::update(),
            Self::One(tenant) => scope::update(tenant),
        }
    }
}

/// A group as it is read, over all communities that the reader sees.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// Which.
    pub fingerprint: Fingerprint,
    /// The errors' code.
    pub code: String,
    /// Who can do something about it.
    pub kind: Kind,
    /// What was being done.
    pub operation: String,
    /// The shape of the causes; empty for refusals. For operators only.
    pub cause: String,
    /// The first time.
    pub first: OffsetDateTime,
    /// The last time.
    pub last: OffsetDateTime,
    /// How often in all.
    pub total: u64,
    /// In how many communities.
    pub communities: u64,
    /// How it stands.
    pub state: State,
    /// Since when it is resolved, if it is or was.
    pub resolved: Option<OffsetDateTime>,
    /// What was said about how.
    pub note: Option<String>,
}

/// One error of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// When.
    pub at: OffsetDateTime,
    /// In which community.
    pub tenant: String,
    /// Through which face.
    pub face: String,
    /// What the person was told.
    pub reference: Option<String>,
    /// The trace, 32 hex digits.
    pub trace: Option<String>,
    /// The causes, without secrets and people. For operators only.
    pub detail: String,
}

/// Which groups.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Filter<'a> {
    /// `true`: those that are not resolved; `false`: those that are.
    pub(crate) open: Option<bool>,
    pub(crate) kind: Option<Kind>,
    pub(crate) code: Option<&'a str>,
}

/// Keeps and reads groups.
pub(crate) struct Book {
    store: Store,
    scrub: Arc<Scrub>,
}

#[derive(FromQueryResult)]
struct Row {
    fingerprint: String,
    code: String,
    kind: String,
    operation: String,
    cause: String,
    first_at: Timestamp,
    last_at: Timestamp,
    total: i64,
    communities: i64,
    state: i16,
    resolved_at: Option<Timestamp>,
    note: Option<String>,
}

#[derive(FromQueryResult)]
struct Counted {
    name: String,
    slot: i64,
    total: i64,
}

impl Book {
    pub(crate) fn new(store: Store, scrub: Arc<Scrub>) -> Self {
        Self { store, scrub }
    }

    /// A page of groups, the one that happened last first, and how many there are.
    pub(crate) async fn page(
        &self,
        scope: &Scope,
        filter: Filter<'_>,
        page: u64,
        size: u64,
    ) -> Result<(Vec<View>, u64), StoreError> {
        let query = merged(scope, filter);
        let total = query.clone().count(self.store.reader()).await?;
        let query = query
            .order_by_desc(group::Column::LastAt.max())
            .order_by_asc(group::Column::Fingerprint)
            .offset(page.saturating_mul(size))
            .limit(size);
        let rows = query.into_model::<Row>().all(self.store.reader()).await?;
        Ok((rows.into_iter().map(View::from).collect(), total))
    }

    /// These groups.
    pub(crate) async fn views(
        &self,
        scope: &Scope,
        fingerprints: &[Fingerprint],
    ) -> Result<HashMap<Fingerprint, View>, StoreError> {
        let mut views = HashMap::new();
        for chunk in fingerprints.chunks(CHUNK) {
            let query = merged(scope, Filter::default()).filter(among(group::Column::Fingerprint, chunk));
            for row in query.into_model::<Row>().all(self.store.reader()).await? {
                let view = View::from(row);
                views.insert(view.fingerprint.clone(), view);
            }
        }
        Ok(views)
    }

    /// One group.
    pub(crate) async fn view(
        &self,
        scope: &Scope,
        fingerprint: &Fingerprint,
    ) -> Result<Option<View>, StoreError> {
        Ok(self.views(scope, std::slice::from_ref(fingerprint)).await?.remove(fingerprint))
    }

    /// The group of the error that a person was given this reference of.
    pub(crate) async fn referred(
        &self,
        scope: &Scope,
        reference: &str,
    ) -> Result<Option<Fingerprint>, StoreError> {
        let found = scope
            .find::<sample::Entity>()
            .filter(sample::Column::Reference.eq(reference))
            .order_by_desc(sample::Column::Seq)
            .one(self.store.reader())
            .await?;
        Ok(found.and_then(|row| row.fingerprint.parse().ok()))
    }

    /// The last errors of a group, the newest first.
    pub(crate) async fn samples(
        &self,
        scope: &Scope,
        fingerprint: &Fingerprint,
        most: u64,
    ) -> Result<Vec<Sample>, StoreError> {
        let rows = scope
            .find::<sample::Entity>()
            .filter(sample::Column::Fingerprint.eq(fingerprint.as_str()))
            .order_by_desc(sample::Column::Seq)
            .limit(most)
            .all(self.store.reader())
            .await?;
        Ok(rows.into_iter().map(Sample::from).collect())
    }

    /// How many errors each of these groups had in each of the last [`trend::HOURS`] hours, the last one at the
    /// end.
    pub(crate) async fn trends(
        &self,
        scope: &Scope,
        fingerprints: &[Fingerprint],
        now: OffsetDateTime,
    ) -> Result<HashMap<Fingerprint, [u64; trend::HOURS]>, StoreError> {
        let last = hour_of(now);
        let first = last - trend::HOURS as i64 + 1;
        let mut trends: HashMap<Fingerprint, [u64; trend::HOURS]> = HashMap::new();
        for chunk in fingerprints.chunks(CHUNK) {
            let query = scope
                .find::<hour::Entity>()
                .filter(hour::Column::Hour.between(first, last))
                .filter(among(hour::Column::Fingerprint, chunk));
            let (name, slot) = (Expr::col(hour::Column::Fingerprint), Expr::col(hour::Column::Hour));
            for row in self.count(query, name, slot).await? {
                let Ok(fingerprint) = row.name.parse() else { continue };
                let slot = usize::try_from(row.slot - first).unwrap_or(0).min(trend::HOURS - 1);
                trends.entry(fingerprint).or_default()[slot] += positive(row.total);
            }
        }
        Ok(trends)
    }

    /// How many errors there were on each day since `since`, by this column of their groups: its value, days since
    /// 1970, the count. As many rows as there are values and days.
    pub(crate) async fn days(
        &self,
        scope: &Scope,
        since: OffsetDateTime,
        by: group::Column,
    ) -> Result<Vec<(String, i64, u64)>, StoreError> {
        use group::Column::{Fingerprint, Tenant};
        let of_group = hour::Entity::belongs_to(group::Entity)
            .from((hour::Column::Tenant, hour::Column::Fingerprint))
            .to((Tenant, Fingerprint));
        // Not a bound value: PostgreSQL would take the same expression in GROUP BY for another one.
        let day = Expr::cust("hour / 24");
        let query = scope
            .find::<hour::Entity>()
            .join(JoinType::InnerJoin, of_group.into())
            .filter(hour::Column::Hour.gte(hour_of(since)));
        let rows = self.count(query, Expr::col((group::Entity, by)), day).await?;
        Ok(rows.into_iter().map(|row| (row.name, row.slot, positive(row.total))).collect())
    }

    /// Groups that a person may mean while typing.
    pub(crate) async fn like(&self, scope: &Scope, partial: &str) -> Result<Vec<View>, StoreError> {
        let partial = partial.trim();
        let mut query = merged(scope, Filter::default());
        if !partial.is_empty() {
            let code = group::Column::Code.contains(partial);
            query = query.filter(code.or(group::Column::Fingerprint.starts_with(partial)));
        }
        let query = query.order_by_desc(group::Column::LastAt.max()).limit(25);
        let rows = query.into_model::<Row>().all(self.store.reader()).await?;
        Ok(rows.into_iter().map(View::from).collect())
    }

    /// The kind that errors with this code were of.
    pub(crate) async fn kind_of(&self, code: &str) -> Result<Option<Kind>, StoreError> {
        let found = operator::find::<group::Entity>()
            .filter(group::Column::Code.eq(code))
            .order_by_desc(group::Column::LastAt)
            .one(self.store.reader())
            .await?;
        Ok(found.map(|row| kind_from(&row.kind)))
    }

    /// Says that a group is mended. False when it was so already.
    pub(crate) async fn resolve(
        &self,
        scope: &Scope,
        fingerprint: &Fingerprint,
        by: &str,
        note: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let note = note.map(|note| self.scrub.secrets(note).replace('\0', "\u{FFFD}"));
        let tx = self.store.begin().await?;
        let changed = scope
            .update::<group::Entity>()
            .col_expr(group::Column::State, Expr::value(State::Resolved.number()))
            .col_expr(group::Column::ResolvedAt, Expr::value(Timestamp::from(now)))
            .col_expr(group::Column::ResolvedBy, Expr::value(by))
            .col_expr(group::Column::Note, Expr::value(note))
            .filter(group::Column::Fingerprint.eq(fingerprint.as_str()))
            .filter(group::Column::State.ne(State::Resolved.number()))
            .exec(tx.conn())
            .await?;
        tx.commit().await?;
        Ok(changed.rows_affected > 0)
    }

    async fn count(
        &self,
        query: Select<hour::Entity>,
        name: SimpleExpr,
        slot: SimpleExpr,
    ) -> Result<Vec<Counted>, StoreError> {
        let total = Expr::col((hour::Entity, hour::Column::Total)).sum();
        let rows = query
            .select_only()
            .column_as(name.clone(), "name")
            .column_as(slot.clone(), "slot")
            .column_as(total.cast_as("BIGINT"), "total")
            .group_by(name)
            .group_by(slot)
            .into_model::<Counted>()
            .all(self.store.reader())
            .await?;
        Ok(rows)
    }
}

/// Groups of one fingerprint as one.
fn merged(scope: &Scope, filter: Filter<'_>) -> Select<group::Entity> {
    use group::Column;
    let mut query = scope
        .find::<group::Entity>()
        .select_only()
        .column(Column::Fingerprint)
        .column_as(Column::Code.max(), "code")
        .column_as(Column::Kind.max(), "kind")
        .column_as(Column::Operation.max(), "operation")
        .column_as(Column::Cause.max(), "cause")
        .column_as(Column::FirstAt.min(), "first_at")
        .column_as(Column::LastAt.max(), "last_at")
        .column_as(Expr::col(Column::Total).sum().cast_as("BIGINT"), "total")
        .column_as(Column::Tenant.count(), "communities")
        .column_as(Column::State.max(), "state")
        .column_as(Column::ResolvedAt.max(), "resolved_at")
        .column_as(Column::Note.max(), "note")
        .group_by(Column::Fingerprint);
    if let Some(kind) = filter.kind {
        query = query.filter(Column::Kind.eq(kind.as_str()));
    }
    if let Some(code) = filter.code {
        query = query.filter(Column::Code.eq(code));
    }
    let resolved = State::Resolved.number();
    match filter.open {
        Some(true) => query.having(Column::State.max().gt(resolved)),
        Some(false) => query.having(Column::State.max().eq(resolved)),
        None => query,
    }
}

fn among<C: ColumnTrait>(column: C, fingerprints: &[Fingerprint]) -> SimpleExpr {
    column.is_in(fingerprints.iter().map(Fingerprint::as_str))
}

/// Hours since 1970.
pub(crate) fn hour_of(at: OffsetDateTime) -> i64 {
    at.unix_timestamp().div_euclid(3_600)
}

/// A count that the store holds is never negative.
fn positive(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

/// The kind by its word. A word that this program did not write is taken for the most serious.
pub(crate) fn kind_from(word: &str) -> Kind {
    let kinds = [Kind::User, Kind::Permission, Kind::Limit, Kind::NotFound, Kind::Conflict, Kind::Upstream];
    kinds.into_iter().find(|kind| kind.as_str() == word).unwrap_or(Kind::Bug)
}

impl From<Row> for View {
    fn from(row: Row) -> Self {
        Self {
            // What cannot be read was not written here; the zeros find nothing.
            fingerprint: row.fingerprint.parse().unwrap_or_else(|_| Fingerprint::of("", Kind::Bug, "", "")),
            code: row.code,
            kind: kind_from(&row.kind),
            operation: row.operation,
            cause: row.cause,
            first: row.first_at.time(),
            last: row.last_at.time(),
            total: positive(row.total),
            communities: positive(row.communities),
            state: State::of(row.state),
            resolved: row.resolved_at.map(Timestamp::time),
            note: row.note,
        }
    }
}

impl From<sample::Model> for Sample {
    fn from(row: sample::Model) -> Self {
        Self {
            at: row.at.time(),
            tenant: row.tenant,
            face: row.face,
            reference: row.reference,
            trace: row.trace,
            detail: row.detail,
        }
    }
}
