//! Leases: which process runs a flow, until when, and that nobody else writes meanwhile.
//!
//! A claim raises the flow's epoch. Every write to a flow's journal changes the flow's row first, on the
//! condition that owner and epoch are still the writer's; so a process that was too slow, and whose flow
//! another has taken over, cannot write any more, whatever its clock says.

use std::time::Duration;

use guildhall_core::Clock;
use guildhall_store::{Store, StoreError, Timestamp, Tx, operator};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockBehavior, LockType},
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Failure,
    table::{State, flow, signal, step},
};

/// The right to run a flow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lease {
    pub(crate) flow: Uuid,
    pub(crate) owner: Uuid,
    pub(crate) epoch: i64,
}

/// Why a write to the journal did not happen.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// Another process has the flow now.
    Lost,
    /// The store did not do its part.
    Store(StoreError),
}

impl From<StoreError> for WriteError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<sea_orm::DbErr> for WriteError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Store(error.into())
    }
}

/// What becomes of the flow with a write to its journal.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// It goes on, and so does the lease.
    Go,
    /// It waits until `due`, for `signal` if that is one, and holds nothing meanwhile.
    Park { due: OffsetDateTime, waiting: String, signal: Option<String> },
    /// It is undone from now on.
    Unwind { cause: String },
    /// It has ended.
    Settle { state: State, output: Option<String>, cause: Option<String> },
    /// It cannot go on.
    Stuck { from: State, because: String },
}

/// A condition for flows that are under way and that nobody runs.
fn claimable(now: Timestamp) -> Condition {
    Condition::all()
        .add(flow::Column::State.is_in([State::Running, State::Unwinding]))
        .add(flow::Column::DueAt.lte(now))
        .add(flow::Column::LeaseOwner.is_null().or(flow::Column::LeaseUntil.lte(now)))
}

/// Takes up to `limit` flows that are due, of these kinds, the longest due first.
pub(crate) async fn claim(
    store: &Store,
    clock: &dyn Clock,
    owner: Uuid,
    lease: Duration,
    kinds: &[&'static str],
    limit: u64,
) -> Result<Vec<flow::Model>, StoreError> {
    let due = || {
        operator::find::<flow::Entity>()
            .filter(claimable(clock.now().into()))
            .filter(flow::Column::Kind.is_in(kinds.iter().copied()))
            .order_by_asc(flow::Column::DueAt)
            .limit(limit)
    };
    // Most looks find nothing; those should not queue for the writer.
    if due().one(store.reader()).await?.is_none() {
        return Ok(Vec::new());
    }
    let tx = store.begin().await?;
    let found = due().lock_with_behavior(LockType::Update, LockBehavior::SkipLocked).all(tx.conn()).await?;
    let mut claimed = Vec::with_capacity(found.len());
    for row in found {
        claimed.push(take(&tx, clock, owner, lease, row).await?);
    }
    tx.commit().await?;
    Ok(claimed)
}

/// Takes one flow, when it is due and free.
#[cfg(feature = "testkit")]
pub(crate) async fn claim_one(
    store: &Store,
    clock: &dyn Clock,
    owner: Uuid,
    lease: Duration,
    id: Uuid,
) -> Result<Option<flow::Model>, StoreError> {
    let tx = store.begin().await?;
    let due = operator::find::<flow::Entity>()
        .filter(claimable(clock.now().into()))
        .filter(flow::Column::Id.eq(id))
        .one(tx.conn())
        .await?;
    let Some(row) = due else { return Ok(None) };
    let claimed = take(&tx, clock, owner, lease, row).await?;
    tx.commit().await?;
    Ok(Some(claimed))
}

async fn take(
    tx: &Tx,
    clock: &dyn Clock,
    owner: Uuid,
    lease: Duration,
    row: flow::Model,
) -> Result<flow::Model, StoreError> {
    let until = Timestamp::from(clock.now() + lease);
    let epoch = row.epoch + 1;
    operator::update::<flow::Entity>()
        .col_expr(flow::Column::LeaseOwner, Expr::value(owner))
        .col_expr(flow::Column::LeaseUntil, Expr::value(until))
        .col_expr(flow::Column::Epoch, Expr::value(epoch))
        .col_expr(flow::Column::Waiting, Expr::value(Option::<String>::None))
        .filter(flow::Column::Id.eq(row.id))
        .exec(tx.conn())
        .await?;
    Ok(flow::Model { lease_owner: Some(owner), lease_until: Some(until), epoch, waiting: None, ..row })
}

impl Lease {
    /// Changes the flow's row on the condition that the lease holds, and tells what has been asked of the flow
    /// meanwhile.
    pub(crate) async fn change(
        &self,
        tx: &Tx,
        clock: &dyn Clock,
        lease: Duration,
        change: &Change,
    ) -> Result<Option<Failure>, WriteError> {
        let now = Timestamp::from(clock.now());
        let none = || Expr::value(Option::<String>::None);
        let mut update = operator::update::<flow::Entity>()
            .filter(flow::Column::Id.eq(self.flow))
            .filter(flow::Column::LeaseOwner.eq(self.owner))
            .filter(flow::Column::Epoch.eq(self.epoch));
        match change {
            Change::Go | Change::Unwind { .. } => {
                let until = Timestamp::from(clock.now() + lease);
                update = update.col_expr(flow::Column::LeaseUntil, Expr::value(until));
            }
            Change::Park { .. } | Change::Settle { .. } | Change::Stuck { .. } => {
                update = update
                    .col_expr(flow::Column::LeaseOwner, Expr::value(Option::<Uuid>::None))
                    .col_expr(flow::Column::LeaseUntil, Expr::value(Option::<Timestamp>::None));
            }
        }
        update = match change {
            Change::Go => update,
            Change::Park { due, waiting, .. } => update
                .col_expr(flow::Column::DueAt, Expr::value(Timestamp::from(*due)))
                .col_expr(flow::Column::Waiting, Expr::value(waiting.clone())),
            Change::Unwind { cause } => update
                .col_expr(flow::Column::State, Expr::value(State::Unwinding))
                .col_expr(flow::Column::Cause, Expr::value(cause.clone())),
            Change::Settle { state, output, cause } => update
                .col_expr(flow::Column::State, Expr::value(*state))
                .col_expr(flow::Column::Output, Expr::value(output.clone()))
                .col_expr(flow::Column::Cause, Expr::value(cause.clone()))
                .col_expr(flow::Column::Waiting, none())
                .col_expr(flow::Column::SettledAt, Expr::value(now)),
            Change::Stuck { from, because } => update
                .col_expr(flow::Column::State, Expr::value(State::Stuck))
                .col_expr(flow::Column::StuckFrom, Expr::value(*from))
                .col_expr(flow::Column::StuckBecause, Expr::value(because.clone()))
                .col_expr(flow::Column::Waiting, none()),
        };
        if update.exec(tx.conn()).await?.rows_affected == 0 {
            return Err(WriteError::Lost);
        }
        let cancel = match change {
            Change::Go | Change::Park { .. } => self.cancelled(tx).await?,
            Change::Unwind { .. } | Change::Settle { .. } | Change::Stuck { .. } => None,
        };
        if let Change::Park { signal, .. } = change {
            // The row is locked by the update above. Who sends a signal or cancels updates it too, so either
            // that has happened and is seen here, or it will move the due time by itself.
            let arrived = match signal {
                Some(name) => self.first_signal(tx.conn(), name).await?.is_some(),
                None => false,
            };
            if arrived || cancel.is_some() {
                operator::update::<flow::Entity>()
                    .col_expr(flow::Column::DueAt, Expr::value(now))
                    .filter(flow::Column::Id.eq(self.flow))
                    .exec(tx.conn())
                    .await?;
            }
        }
        if let Change::Settle { .. } = change {
            operator::delete::<signal::Entity>()
                .filter(signal::Column::Flow.eq(self.flow))
                .exec(tx.conn())
                .await?;
        }
        Ok(cancel)
    }

    /// The oldest signal of this name that waits to be read.
    pub(crate) async fn first_signal(
        &self,
        conn: &impl ConnectionTrait,
        name: &str,
    ) -> Result<Option<signal::Model>, StoreError> {
        operator::find::<signal::Entity>()
            .filter(signal::Column::Flow.eq(self.flow))
            .filter(signal::Column::Name.eq(name))
            .order_by_asc(signal::Column::Seq)
            .one(conn)
            .await
            .map_err(Into::into)
    }

    async fn cancelled(&self, tx: &Tx) -> Result<Option<Failure>, StoreError> {
        let cancel: Option<Option<String>> = operator::find::<flow::Entity>()
            .select_only()
            .column(flow::Column::Cancel)
            .filter(flow::Column::Id.eq(self.flow))
            .into_tuple()
            .one(tx.conn())
            .await?;
        Ok(cancel.flatten().map(|text| failure_from(&text)))
    }
}

/// A flow's journal, in order.
pub(crate) async fn journal(store: &Store, flow: Uuid) -> Result<Vec<step::Model>, StoreError> {
    operator::find::<step::Entity>()
        .filter(step::Column::Flow.eq(flow))
        .order_by_asc(step::Column::Position)
        .all(store.reader())
        .await
        .map_err(Into::into)
}

/// Makes the leases of `owner` on the `running` flows last; gives those that it still holds.
pub(crate) async fn renew(
    store: &Store,
    clock: &dyn Clock,
    owner: Uuid,
    lease: Duration,
    running: &[Uuid],
) -> Result<Vec<Uuid>, StoreError> {
    let mine = || {
        let running = flow::Column::Id.is_in(running.iter().copied());
        Condition::all().add(flow::Column::LeaseOwner.eq(owner)).add(running)
    };
    let tx = store.begin().await?;
    operator::update::<flow::Entity>()
        .col_expr(flow::Column::LeaseUntil, Expr::value(Timestamp::from(clock.now() + lease)))
        .filter(mine())
        .exec(tx.conn())
        .await?;
    let held = operator::find::<flow::Entity>()
        .select_only()
        .column(flow::Column::Id)
        .filter(mine())
        .into_tuple()
        .all(tx.conn())
        .await?;
    tx.commit().await?;
    Ok(held)
}

/// Gives flows back, due at `due`: one, or all that `owner` holds.
pub(crate) async fn release(
    store: &Store,
    owner: Uuid,
    only: Option<Uuid>,
    due: OffsetDateTime,
) -> Result<u64, StoreError> {
    let mut update = operator::update::<flow::Entity>()
        .col_expr(flow::Column::LeaseOwner, Expr::value(Option::<Uuid>::None))
        .col_expr(flow::Column::LeaseUntil, Expr::value(Option::<Timestamp>::None))
        .col_expr(flow::Column::DueAt, Expr::value(Timestamp::from(due)))
        .filter(flow::Column::LeaseOwner.eq(owner));
    if let Some(flow) = only {
        update = update.filter(flow::Column::Id.eq(flow));
    }
    let tx = store.begin().await?;
    let released = update.exec(tx.conn()).await?.rows_affected;
    tx.commit().await?;
    Ok(released)
}

/// Frees the flows that others than `owner` hold; says how many.
pub(crate) async fn inherit(store: &Store, owner: Uuid) -> Result<u64, StoreError> {
    let tx = store.begin().await?;
    let freed = operator::update::<flow::Entity>()
        .col_expr(flow::Column::LeaseOwner, Expr::value(Option::<Uuid>::None))
        .col_expr(flow::Column::LeaseUntil, Expr::value(Option::<Timestamp>::None))
        .filter(flow::Column::LeaseOwner.ne(owner))
        .exec(tx.conn())
        .await?;
    tx.commit().await?;
    Ok(freed.rows_affected)
}

/// When the next flow of these kinds that nobody runs is due.
pub(crate) async fn next_due(
    store: &Store,
    kinds: &[&'static str],
) -> Result<Option<OffsetDateTime>, StoreError> {
    let due: Option<Timestamp> = operator::find::<flow::Entity>()
        .select_only()
        .column(flow::Column::DueAt)
        .filter(flow::Column::State.is_in([State::Running, State::Unwinding]))
        .filter(flow::Column::LeaseOwner.is_null())
        .filter(flow::Column::Kind.is_in(kinds.iter().copied()))
        .order_by_asc(flow::Column::DueAt)
        .limit(1)
        .into_tuple()
        .one(store.reader())
        .await?;
    Ok(due.map(Timestamp::time))
}

/// How many flows are under way of other kinds than these.
pub(crate) async fn strangers(store: &Store, kinds: &[&'static str]) -> Result<u64, StoreError> {
    operator::find::<flow::Entity>()
        .filter(flow::Column::State.is_in([State::Running, State::Unwinding]))
        .filter(flow::Column::Kind.is_not_in(kinds.iter().copied()))
        .count(store.reader())
        .await
        .map_err(Into::into)
}

/// A failure as it was kept.
pub(crate) fn failure_from(text: &str) -> Failure {
    serde_json::from_str(text).unwrap_or_else(|error| Failure {
        detail: Some(error.to_string()),
        ..Failure::new("unreadable", "What went wrong was kept in a form that this program does not know.")
    })
}
