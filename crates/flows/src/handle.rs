//! What domains do with flows: start, signal, cancel, look and wait.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use guildhall_core::{Clock, TenantId, id::fresh};
use guildhall_store::{Store, StoreError, Timestamp, Tx, operator, scope};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, NotSet, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::{
    Failure, FlowError, FlowId, State, Workflow,
    lease::failure_from,
    table::{flow, signal, step},
    turn::later,
};

/// The most bytes of JSON that an input, an output or a signal may have.
pub(crate) const VALUE_LIMIT: usize = 64 * 1024;
/// Signals that may wait in one flow.
const SIGNAL_LIMIT: u64 = 100;
/// How often a waiter looks for what another process has settled.
const LOOK: Duration = Duration::from_secs(1);
/// Flows that one listing gives.
const LIST_LIMIT: u64 = 200;

/// Starts flows and deals with those under way. Cheap to clone. It needs no workflows, so a domain can hold
/// one while its own workflows, which need the domain, are still to be registered.
#[derive(Clone)]
pub struct Handle {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    due: Notify,
    waiters: Waiters,
}

/// How a flow ended, or why it does not.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// As wanted, with the workflow's output.
    Done(Value),
    /// Not as wanted; everything has been undone.
    Failed(Failure),
    /// It cannot go on or back; somebody must [resume](Handle::resume) or [abandon](Handle::abandon) it.
    Stuck(Failure),
}

impl Outcome {
    /// The output, typed, when it ended as wanted.
    pub fn output<T: DeserializeOwned>(self) -> Result<T, Failure> {
        match self {
            Self::Done(output) => serde_json::from_value(output).map_err(|error| Failure {
                detail: Some(error.to_string()),
                ..Failure::new("unreadable", "The workflow's output is not of the type asked for.")
            }),
            Self::Failed(failure) | Self::Stuck(failure) => Err(failure),
        }
    }
}

/// What is known of a flow.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowInfo {
    /// Its id.
    pub id: FlowId,
    /// For which community.
    pub tenant: TenantId,
    /// The workflow's kind.
    pub kind: String,
    /// What it is for: the key it was started with.
    pub key: String,
    /// Where it stands.
    pub state: State,
    /// What it waits for, as `sleep cool-down`, `signal ready`, `retry launch` or `undo launch`; `None` while
    /// it is being run or is about to be.
    pub waiting: Option<String>,
    /// When it was started.
    pub since: OffsetDateTime,
    /// When it fails by itself.
    pub deadline: OffsetDateTime,
    /// Why it failed, is being undone or is stuck.
    pub cause: Option<Failure>,
    /// Its output, once it is done.
    pub output: Option<Value>,
}

/// Who waits in this process, flow by flow: a flow that ends wakes nobody but those who wait for it.
#[derive(Default)]
struct Waiters(Mutex<HashMap<FlowId, watch::Sender<()>>>);

/// Flows with waiters above this are looked through for those whose waiters have left.
const MANY_WAITERS: usize = 1_024;

impl Waiters {
    fn join(&self, flow: FlowId) -> watch::Receiver<()> {
        let mut flows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if flows.len() >= MANY_WAITERS {
            flows.retain(|_, told| told.receiver_count() > 0);
        }
        flows.entry(flow).or_insert_with(|| watch::Sender::new(())).subscribe()
    }

    fn tell(&self, flow: FlowId) {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&flow);
        if let Some(told) = told {
            told.send_replace(());
        }
    }
}

impl Handle {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        let inner = Inner { store, clock, due: Notify::new(), waiters: Waiters::default() };
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// Starts a flow as part of a transaction: it exists when that is committed, and the engine is woken then.
    /// There is at most one flow under way for each community, kind and `key`; [`FlowError::Active`] names it.
    pub async fn start_in<W: Workflow>(
        &self,
        tx: &Tx,
        tenant: &TenantId,
        key: &str,
        input: &W::Input,
    ) -> Result<FlowId, FlowError> {
        let input = bounded("flow's input", serde_json::to_string(input)?)?;
        let id: FlowId = fresh(self.inner.clock.as_ref());
        let now = self.inner.clock.now();
        let row = flow::ActiveModel {
            id: Set(id.0),
            tenant: Set(tenant.as_str().to_owned()),
            kind: Set(W::KIND.to_owned()),
            name: Set(key.to_owned()),
            input: Set(input),
            state: Set(State::Running),
            stuck_from: Set(None),
            stuck_because: Set(None),
            waiting: Set(None),
            output: Set(None),
            cause: Set(None),
            cancel: Set(None),
            created_at: Set(now.into()),
            due_at: Set(now.into()),
            deadline_at: Set(later(now, W::WITHIN).into()),
            settled_at: Set(None),
            lease_owner: Set(None),
            lease_until: Set(None),
            epoch: Set(0),
        };
        // A unique violation would spoil the caller's transaction on PostgreSQL; doing nothing does not, and
        // it waits for a competing transaction to end, so that the winner can be named.
        let inserted = flow::Entity::insert(row)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(tx.conn())
            .await;
        match inserted {
            Ok(1..) => {}
            Ok(0) | Err(sea_orm::DbErr::RecordNotInserted) => {
                let active = active(tenant, W::KIND, key).one(tx.conn()).await?;
                let Some(active) = active else {
                    // The one in the way ended between the two statements.
                    let busy = sea_orm::DbErr::ConnectionAcquire(sea_orm::error::ConnAcquireErr::Timeout);
                    return Err(StoreError::Busy(busy).into());
                };
                return Err(FlowError::Active {
                    kind: W::KIND.to_owned(),
                    key: key.to_owned(),
                    flow: FlowId(active.id),
                    since: active.created_at.time(),
                });
            }
            Err(error) => return Err(error.into()),
        }
        self.wake_after(tx);
        Ok(id)
    }

    /// Starts a flow by itself.
    pub async fn start<W: Workflow>(
        &self,
        tenant: &TenantId,
        key: &str,
        input: &W::Input,
    ) -> Result<FlowId, FlowError> {
        let tx = self.inner.store.begin().await?;
        let id = self.start_in::<W>(&tx, tenant, key, input).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Sends a signal, as part of a transaction. It may come before the flow waits for it; it is kept until
    /// it is read or the flow ends. At most 100 signals wait in a flow, each at most 64 KiB of JSON.
    pub async fn signal_in<T: Serialize + Sync>(
        &self,
        tx: &Tx,
        flow: FlowId,
        name: &str,
        payload: &T,
    ) -> Result<(), FlowError> {
        let payload = bounded("signal", serde_json::to_string(payload)?)?;
        let now = Timestamp::from(self.inner.clock.now());
        // The flow's row first: it is what a flow that is about to wait locks, see `Lease::change`.
        let row = self.nudge(tx, flow).await?;
        let waiting = operator::find::<signal::Entity>()
            .filter(signal::Column::Flow.eq(flow.0))
            .count(tx.conn())
            .await?;
        if waiting >= SIGNAL_LIMIT {
            return Err(FlowError::TooManySignals(flow, waiting));
        }
        let row = signal::ActiveModel {
            seq: NotSet,
            tenant: Set(row.tenant),
            flow: Set(flow.0),
            name: Set(name.to_owned()),
            payload: Set(payload),
            at: Set(now),
        };
        signal::Entity::insert(row).exec_without_returning(tx.conn()).await?;
        self.wake_after(tx);
        Ok(())
    }

    /// Sends a signal by itself.
    pub async fn signal<T: Serialize + Sync>(
        &self,
        flow: FlowId,
        name: &str,
        payload: &T,
    ) -> Result<(), FlowError> {
        let tx = self.inner.store.begin().await?;
        self.signal_in(&tx, flow, name, payload).await?;
        tx.commit().await.map_err(Into::into)
    }

    /// Makes a flow fail with `reason` at its next step, or at once where it waits, and so be undone. A step
    /// under way is not cut off.
    pub async fn cancel(&self, flow: FlowId, reason: Failure) -> Result<(), FlowError> {
        let tx = self.inner.store.begin().await?;
        self.nudge(&tx, flow).await?;
        operator::update::<flow::Entity>()
            .col_expr(flow::Column::Cancel, Expr::value(self.kept(&reason)))
            .filter(flow::Column::Id.eq(flow.0))
            .exec(tx.conn())
            .await?;
        self.wake_after(&tx);
        tx.commit().await.map_err(Into::into)
    }

    /// What is known of a flow; `None` when there is none, or it ended so long ago that it was removed.
    pub async fn info(&self, flow: FlowId) -> Result<Option<FlowInfo>, FlowError> {
        let row = operator::find::<flow::Entity>()
            .filter(flow::Column::Id.eq(flow.0))
            .one(self.inner.store.reader())
            .await?;
        row.map(FlowInfo::try_from).transpose()
    }

    /// The flow of this kind that is under way, or stuck, for `key`.
    pub async fn active<W: Workflow>(
        &self,
        tenant: &TenantId,
        key: &str,
    ) -> Result<Option<FlowInfo>, FlowError> {
        let row = active(tenant, W::KIND, key).one(self.inner.store.reader()).await?;
        row.map(FlowInfo::try_from).transpose()
    }

    /// The flows that are stuck, of every community, the oldest first, at most 200.
    pub async fn stuck(&self) -> Result<Vec<FlowInfo>, FlowError> {
        let rows = operator::find::<flow::Entity>()
            .filter(flow::Column::State.eq(State::Stuck))
            .order_by_asc(flow::Column::CreatedAt)
            .limit(LIST_LIMIT)
            .all(self.inner.store.reader())
            .await?;
        rows.into_iter().map(FlowInfo::try_from).collect()
    }

    /// One page of the flows that have not ended, of every community: first those that are stuck, then the
    /// others, each the oldest first. `page` counts from 0, and a page has at most 200. Says how many there are
    /// in all.
    pub async fn under_way(&self, page: u64, size: u64) -> Result<(Vec<FlowInfo>, u64), FlowError> {
        let (reader, size) = (self.inner.store.reader(), size.min(LIST_LIMIT));
        let open = || {
            operator::find::<flow::Entity>().filter(flow::Column::State.is_in([
                State::Running,
                State::Unwinding,
                State::Stuck,
            ]))
        };
        let total = open().count(reader).await?;
        let rows = open()
            .order_by_desc(flow::Column::State.eq(State::Stuck))
            .order_by_asc(flow::Column::CreatedAt)
            .order_by_asc(flow::Column::Id)
            .offset(page.saturating_mul(size))
            .limit(size)
            .all(reader)
            .await?;
        let flows = rows.into_iter().map(FlowInfo::try_from).collect::<Result<_, _>>()?;
        Ok((flows, total))
    }

    /// Returns when the flow has ended or is stuck.
    pub async fn wait(&self, flow: FlowId) -> Result<Outcome, FlowError> {
        loop {
            // Before the look, so that an end in between is not missed.
            let mut settled = self.inner.waiters.join(flow);
            let info = self.info(flow).await?.ok_or(FlowError::Unknown(flow))?;
            let cause =
                || info.cause.clone().unwrap_or_else(|| Failure::new("unreadable", "No cause was kept."));
            match info.state {
                State::Done => return Ok(Outcome::Done(info.output.unwrap_or(Value::Null))),
                State::Failed => return Ok(Outcome::Failed(cause())),
                State::Stuck => return Ok(Outcome::Stuck(cause())),
                State::Running | State::Unwinding => {}
            }
            tokio::select! {
                // An error is the sender's end, which comes right after its word.
                _ = settled.changed() => {}
                () = self.inner.clock.sleep(LOOK) => {}
            }
        }
    }

    /// Lets a stuck flow try again from where it stood, once what held it up has been mended.
    pub async fn resume(&self, flow: FlowId) -> Result<(), FlowError> {
        let tx = self.inner.store.begin().await?;
        let row = stuck_row(&tx, flow).await?;
        let now = Timestamp::from(self.inner.clock.now());
        operator::update::<step::Entity>()
            .col_expr(step::Column::UndoAttempts, Expr::value(0))
            .filter(step::Column::Flow.eq(flow.0))
            .exec(tx.conn())
            .await?;
        operator::update::<flow::Entity>()
            .col_expr(flow::Column::State, Expr::value(row.stuck_from.unwrap_or(State::Running)))
            .col_expr(flow::Column::StuckFrom, Expr::value(Option::<State>::None))
            .col_expr(flow::Column::StuckBecause, Expr::value(Option::<String>::None))
            .col_expr(flow::Column::DueAt, Expr::value(now))
            .filter(flow::Column::Id.eq(flow.0))
            .exec(tx.conn())
            .await?;
        self.wake_after(&tx);
        tx.commit().await.map_err(Into::into)
    }

    /// Ends a stuck flow as failed, with nothing more undone: for when a person has tidied up by hand.
    pub async fn abandon(&self, flow: FlowId) -> Result<(), FlowError> {
        let tx = self.inner.store.begin().await?;
        let row = stuck_row(&tx, flow).await?;
        operator::update::<flow::Entity>()
            .col_expr(flow::Column::State, Expr::value(State::Failed))
            .col_expr(flow::Column::Cause, Expr::value(row.cause.or(row.stuck_because)))
            .col_expr(flow::Column::SettledAt, Expr::value(Timestamp::from(self.inner.clock.now())))
            .filter(flow::Column::Id.eq(flow.0))
            .exec(tx.conn())
            .await?;
        operator::delete::<signal::Entity>().filter(signal::Column::Flow.eq(flow.0)).exec(tx.conn()).await?;
        self.tell_after(&tx, flow.0);
        tx.commit().await.map_err(Into::into)
    }

    /// Removes the journals of flows that ended before `before`; says how many.
    pub async fn prune(&self, before: OffsetDateTime) -> Result<u64, FlowError> {
        let tx = self.inner.store.begin().await?;
        let removed = operator::delete::<flow::Entity>()
            .filter(flow::Column::SettledAt.lt(Timestamp::from(before)))
            .exec(tx.conn())
            .await?;
        tx.commit().await?;
        Ok(removed.rows_affected)
    }

    /// Makes the engine look for work now. Starting and signalling do that by themselves.
    pub fn wake(&self) {
        self.inner.due.notify_one();
    }

    pub(crate) async fn woken(&self) {
        self.inner.due.notified().await;
    }

    pub(crate) fn wake_after(&self, tx: &Tx) {
        let handle = self.clone();
        tx.after_commit(move || handle.wake());
    }

    /// A failure as it is kept: what other systems say in one may hold secrets, and people read it.
    pub(crate) fn kept(&self, failure: &Failure) -> String {
        let clean = |text: &str| self.inner.store.cleaned(text).into_owned();
        let cleaned = Failure {
            message: clean(&failure.message),
            remedy: failure.remedy.as_deref().map(clean),
            detail: failure.detail.as_deref().map(clean),
            ..failure.clone()
        };
        // A struct of strings has a JSON form, always.
        serde_json::to_string(&cleaned).unwrap_or_else(|_| String::from("{}"))
    }

    /// Tells those who wait for this flow, once it is committed.
    pub(crate) fn tell_after(&self, tx: &Tx, flow: Uuid) {
        let handle = self.clone();
        tx.after_commit(move || handle.inner.waiters.tell(FlowId(flow)));
    }

    /// Makes a flow due now, and locks its row.
    async fn nudge(&self, tx: &Tx, flow: FlowId) -> Result<flow::Model, FlowError> {
        let now = Timestamp::from(self.inner.clock.now());
        operator::update::<flow::Entity>()
            .col_expr(flow::Column::DueAt, Expr::value(now))
            .filter(flow::Column::Id.eq(flow.0))
            .exec(tx.conn())
            .await?;
        let row = row(tx, flow).await?;
        if row.state.is_settled() { Err(FlowError::Settled(flow)) } else { Ok(row) }
    }
}

impl TryFrom<flow::Model> for FlowInfo {
    type Error = FlowError;

    fn try_from(row: flow::Model) -> Result<Self, FlowError> {
        let corrupt = |reason: guildhall_core::actor::BadTenant| StoreError::Corrupt {
            table: "flow",
            reason: reason.to_string(),
        };
        let cause = if row.state == State::Stuck { row.stuck_because } else { row.cause };
        Ok(Self {
            id: FlowId(row.id),
            tenant: row.tenant.parse().map_err(corrupt)?,
            kind: row.kind,
            key: row.name,
            state: row.state,
            waiting: row.waiting,
            since: row.created_at.time(),
            deadline: row.deadline_at.time(),
            cause: cause.as_deref().map(failure_from),
            output: row.output.as_deref().and_then(|text| serde_json::from_str(text).ok()),
        })
    }
}

fn active(tenant: &TenantId, kind: &str, key: &str) -> sea_orm::Select<flow::Entity> {
    scope::find::<flow::Entity>(tenant)
        .filter(flow::Column::Kind.eq(kind))
        .filter(flow::Column::Name.eq(key))
        .filter(flow::Column::State.is_in([State::Running, State::Unwinding, State::Stuck]))
}

async fn row(tx: &Tx, flow: FlowId) -> Result<flow::Model, FlowError> {
    let row = operator::find::<flow::Entity>().filter(flow::Column::Id.eq(flow.0)).one(tx.conn()).await?;
    row.ok_or(FlowError::Unknown(flow))
}

async fn stuck_row(tx: &Tx, flow: FlowId) -> Result<flow::Model, FlowError> {
    let row = row(tx, flow).await?;
    if row.state == State::Stuck { Ok(row) } else { Err(FlowError::NotStuck(flow)) }
}

fn bounded(what: &'static str, text: String) -> Result<String, FlowError> {
    if text.len() > VALUE_LIMIT {
        return Err(FlowError::TooLarge { what, size: text.len(), limit: VALUE_LIMIT });
    }
    Ok(text)
}
