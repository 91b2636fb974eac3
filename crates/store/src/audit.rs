//! The audit record: kept for good, written in groups.
//!
//! Every call waits until its record is safe on disk, and reaching the disk is slow. One task therefore
//! takes whatever has queued up while the last commit was under way and commits it together: a hundred calls
//! at once cost a few commits, not a hundred.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use guildhall_core::{
    ActorId, CallId, Error, TenantId,
    audit::{AuditLog, Record},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, NotSet, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot};

use crate::{
    Store, StoreError, operator, scope,
    text::{from_json, storable, to_json},
};

/// Records that wait for the writer; more callers than that wait to hand theirs in.
const QUEUE: usize = 1024;
/// Records in one commit.
const GROUP: usize = 256;
/// A record's input, error and names, each cut to this many bytes.
const TEXT_LIMIT: usize = 16 * 1024;
/// Entries on one page.
const PAGE: u64 = 200;

/// Keeps audit records and lists them. Cheap to clone.
#[derive(Clone)]
pub struct AuditStore {
    store: Store,
    queue: mpsc::Sender<Pending>,
    commits: Arc<AtomicU64>,
}

struct Pending {
    row: row::ActiveModel,
    kept: oneshot::Sender<Result<(), StoreError>>,
}

/// One record as it was kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its place in the order in which records were kept.
    pub seq: i64,
    /// The call.
    pub call: CallId,
    /// When it began.
    pub at: OffsetDateTime,
    /// How long it took, in microseconds.
    pub took_us: i64,
    /// For which community.
    pub tenant: TenantId,
    /// Who.
    pub actor: ActorId,
    /// What they were called then.
    pub actor_name: String,
    /// Through which face, in [`Face::as_str`](guildhall_core::Face::as_str)'s words.
    pub face: String,
    /// With which rank, 0 to 10.
    pub rank: u8,
    /// Why they could do it with a rank too low for it, as `owner of the guild`.
    pub bypass: Option<String>,
    /// The operation's name.
    pub operation: String,
    /// The input, secrets blanked.
    pub input: Value,
    /// What came of it, in [`Verdict::as_str`](guildhall_core::audit::Verdict::as_str)'s words.
    pub verdict: String,
    /// The error's code, when there was one.
    pub code: Option<String>,
    /// The error with its causes, when there was one.
    pub detail: Option<String>,
}

/// Which records a reader wants.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only of this actor.
    pub actor: Option<ActorId>,
    /// Only of this operation.
    pub operation: Option<String>,
    /// Only of this call: the id that an error's reference stands for.
    pub call: Option<CallId>,
    /// Only with this verdict, in [`Verdict::as_str`](guildhall_core::audit::Verdict::as_str)'s words.
    pub verdict: Option<String>,
}

/// Which part of a long list is wanted: the newest first, then on from the last one's `seq`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Page {
    /// Only records before this one.
    pub before: Option<i64>,
    /// At most this many, 1 to 200; 0 means 50.
    pub limit: u64,
}

impl AuditStore {
    /// Starts the writing task, so it must be called inside of a Tokio runtime. The task ends with the last
    /// clone, after it has written what was handed in.
    pub fn new(store: Store) -> Self {
        let (queue, pending) = mpsc::channel(QUEUE);
        let commits = Arc::new(AtomicU64::new(0));
        tokio::spawn(write(store.clone(), pending, commits.clone()));
        Self { store, queue, commits }
    }

    /// How many commits the records so far have taken; against their number it tells how well they share.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// A community's records, newest first.
    pub async fn list(
        &self,
        tenant: &TenantId,
        filter: &Filter,
        page: Page,
    ) -> Result<Vec<Entry>, StoreError> {
        self.read(scope::find::<row::Entity>(tenant), filter, page).await
    }

    /// Every community's records, newest first: for who runs the installation.
    pub async fn list_all(&self, filter: &Filter, page: Page) -> Result<Vec<Entry>, StoreError> {
        self.read(operator::find::<row::Entity>(), filter, page).await
    }

    async fn read(
        &self,
        mut query: sea_orm::Select<row::Entity>,
        filter: &Filter,
        page: Page,
    ) -> Result<Vec<Entry>, StoreError> {
        if let Some(actor) = &filter.actor {
            query = query.filter(row::Column::Actor.eq(storable(actor.as_str())));
        }
        if let Some(operation) = &filter.operation {
            query = query.filter(row::Column::Operation.eq(storable(operation)));
        }
        if let Some(call) = filter.call {
            query = query.filter(row::Column::CallId.eq(call.0));
        }
        if let Some(verdict) = &filter.verdict {
            query = query.filter(row::Column::Verdict.eq(storable(verdict)));
        }
        if let Some(before) = page.before {
            query = query.filter(row::Column::Seq.lt(before));
        }
        let limit = if page.limit == 0 { 50 } else { page.limit.min(PAGE) };
        let rows = query.order_by_desc(row::Column::Seq).limit(limit).all(self.store.reader()).await?;
        rows.into_iter().map(Entry::try_from).collect()
    }
}

#[async_trait]
impl AuditLog for AuditStore {
    async fn record(&self, record: Record) -> Result<(), Error> {
        let row = row_of(record)?;
        let (kept, answer) = oneshot::channel();
        self.queue.send(Pending { row, kept }).await.map_err(|_| StoreError::Closed)?;
        Ok(answer.await.map_err(|_| StoreError::Closed)??)
    }
}

async fn write(store: Store, mut pending: mpsc::Receiver<Pending>, commits: Arc<AtomicU64>) {
    let mut group = Vec::with_capacity(GROUP);
    while pending.recv_many(&mut group, GROUP).await > 0 {
        let rows: Vec<_> = group.iter().map(|entry| entry.row.clone()).collect();
        let together = keep(&store, rows).await;
        if together.is_ok() {
            commits.fetch_add(1, Ordering::Relaxed);
        }
        for Pending { row, kept } in group.drain(..) {
            let result = match &together {
                Ok(()) => Ok(()),
                // When the database is away, each row would only wait for it in turn.
                Err(error) if error.is_transient() => Err(error.again()),
                // One row that the database refuses must not take its neighbours with it.
                Err(_) => keep(&store, vec![row]).await,
            };
            // A caller that no longer waits has its record all the same.
            let _ = kept.send(result);
        }
    }
}

async fn keep(store: &Store, rows: Vec<row::ActiveModel>) -> Result<(), StoreError> {
    let tx = store.begin().await?;
    row::Entity::insert_many(rows).exec_without_returning(tx.conn()).await?;
    tx.commit().await
}

fn row_of(record: Record) -> Result<row::ActiveModel, StoreError> {
    let mut input = to_json("audit_record", &record.input)?;
    if input.len() > TEXT_LIMIT {
        input = to_json("audit_record", &cut(input))?;
    }
    Ok(row::ActiveModel {
        seq: NotSet,
        call_id: Set(record.call.0),
        at: Set(record.at.into()),
        took_us: Set(record.took_us),
        tenant: Set(record.tenant.as_str().to_owned()),
        actor: Set(storable(cut(record.actor.as_str().to_owned()))),
        actor_name: Set(storable(cut(record.actor_name))),
        face: Set(record.face.as_str().to_owned()),
        rank: Set(i16::from(record.rank.level())),
        bypass: Set(record.bypass.map(|reason| storable(cut(reason)))),
        operation: Set(storable(cut(record.operation))),
        input: Set(input),
        verdict: Set(record.verdict.as_str().to_owned()),
        code: Set(record.code.map(|code| storable(cut(code)))),
        detail: Set(record.detail.map(|detail| storable(cut(detail)))),
    })
}

fn cut(mut text: String) -> String {
    if text.len() > TEXT_LIMIT {
        text.truncate(text.floor_char_boundary(TEXT_LIMIT));
        text.push('…');
    }
    text
}

impl TryFrom<row::Model> for Entry {
    type Error = StoreError;

    fn try_from(row: row::Model) -> Result<Self, StoreError> {
        Ok(Self {
            seq: row.seq,
            call: CallId(row.call_id),
            at: row.at.time(),
            took_us: row.took_us,
            tenant: row.tenant.parse().map_err(|error| StoreError::corrupt("audit_record", error))?,
            actor: ActorId::from(row.actor),
            actor_name: row.actor_name,
            face: row.face,
            rank: u8::try_from(row.rank).map_err(|error| StoreError::corrupt("audit_record", error))?,
            bypass: row.bypass,
            operation: row.operation,
            input: from_json("audit_record", &row.input)?,
            verdict: row.verdict,
            code: row.code,
            detail: row.detail,
        })
    }
}

mod row {
    use sea_orm::entity::prelude::*;

    use crate::{Owned, Timestamp};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_record")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub(crate) seq: i64,
        pub(crate) call_id: Uuid,
        pub(crate) at: Timestamp,
        pub(crate) took_us: i64,
        pub(crate) tenant: String,
        pub(crate) actor: String,
        pub(crate) actor_name: String,
        pub(crate) face: String,
        pub(crate) rank: i16,
        pub(crate) bypass: Option<String>,
        pub(crate) operation: String,
        pub(crate) input: String,
        pub(crate) verdict: String,
        pub(crate) code: Option<String>,
        pub(crate) detail: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    impl Owned for Entity {
        const TENANT: Column = Column::Tenant;
    }
}
