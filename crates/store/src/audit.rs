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
use sea_orm::{
    ColumnTrait, ConnectionTrait as _, DbBackend, QueryFilter, QueryOrder, QuerySelect, Statement,
    Value as Bound,
};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot};

use crate::{
    Backend, Store, StoreError, Timestamp, operator, scope,
    text::{from_json, storable, to_json},
};

/// Records that wait for the writer; more callers than that wait to hand theirs in.
const QUEUE: usize = 1024;
/// Records in one commit.
const GROUP: usize = 256;
/// What is kept of a record, in the order of [`values_of`]; the database numbers the rows itself.
const COLUMNS: [&str; 14] = [
    "call_id",
    "at",
    "took_us",
    "tenant",
    "actor",
    "actor_name",
    "face",
    "rank",
    "bypass",
    "operation",
    "input",
    "verdict",
    "code",
    "detail",
];
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
    row: Values,
    kept: oneshot::Sender<Result<(), StoreError>>,
}

/// One row, a value a column.
type Values = [Bound; COLUMNS.len()];

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
        let row = values_of(record)?;
        let (kept, answer) = oneshot::channel();
        self.queue.send(Pending { row, kept }).await.map_err(|_| StoreError::Closed)?;
        Ok(answer.await.map_err(|_| StoreError::Closed)??)
    }
}

async fn write(store: Store, mut pending: mpsc::Receiver<Pending>, commits: Arc<AtomicU64>) {
    let mut group = Vec::with_capacity(GROUP);
    while pending.recv_many(&mut group, GROUP).await > 0 {
        let together = keep(&store, &group).await;
        if together.is_ok() {
            commits.fetch_add(1, Ordering::Relaxed);
        }
        for entry in group.drain(..) {
            let result = match &together {
                Ok(()) => Ok(()),
                // When the database is away, each row would only wait for it in turn.
                Err(error) if error.is_transient() => Err(error.again()),
                // One row that the database refuses must not take its neighbours with it.
                Err(_) => keep(&store, std::slice::from_ref(&entry)).await,
            };
            // A caller that no longer waits has its record all the same.
            let _ = entry.kept.send(result);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "it only inserts, and every row carries its record's tenant")]
async fn keep(store: &Store, group: &[Pending]) -> Result<(), StoreError> {
    let tx = store.begin().await?;
    let mut rest = group;
    while !rest.is_empty() {
        let (rows, left) = rest.split_at(in_one_statement(store.backend(), rest.len()));
        tx.conn().execute_raw(insert(store.backend(), rows)).await?;
        rest = left;
    }
    tx.commit().await
}

/// How many of so many rows go into the next statement, at least one.
///
/// SQLite compiles every statement whose text it does not have from before. In powers of two there are nine
/// texts, and each is compiled once. To PostgreSQL every statement is a way over the network, so there it is
/// one.
fn in_one_statement(backend: Backend, rows: usize) -> usize {
    match backend {
        Backend::Sqlite => 1 << rows.max(1).ilog2(),
        Backend::Postgres => rows,
    }
}

/// Written out, because a query builder would put the same few texts together anew for every group.
fn insert(backend: Backend, rows: &[Pending]) -> Statement {
    let mut sql = format!("INSERT INTO audit_record ({}) VALUES ", COLUMNS.join(", "));
    let backend = match backend {
        Backend::Sqlite => {
            let row = format!("({})", ["?"; COLUMNS.len()].join(", "));
            sql.push_str(&vec![row.as_str(); rows.len()].join(", "));
            DbBackend::Sqlite
        }
        Backend::Postgres => {
            let row = |at: usize| {
                let first = at * COLUMNS.len() + 1;
                let numbers: Vec<_> =
                    (first..first + COLUMNS.len()).map(|number| format!("${number}")).collect();
                format!("({})", numbers.join(", "))
            };
            sql.push_str(&(0..rows.len()).map(row).collect::<Vec<_>>().join(", "));
            DbBackend::Postgres
        }
    };
    Statement::from_sql_and_values(backend, sql, rows.iter().flat_map(|entry| entry.row.iter().cloned()))
}

fn values_of(record: Record) -> Result<Values, StoreError> {
    let mut input = to_json("audit_record", &record.input)?;
    if input.len() > TEXT_LIMIT {
        input = to_json("audit_record", &cut(input))?;
    }
    let text = |text: String| storable(cut(text));
    Ok([
        record.call.0.into(),
        Timestamp::from(record.at).micros().into(),
        record.took_us.into(),
        record.tenant.as_str().into(),
        text(record.actor.as_str().to_owned()).into(),
        text(record.actor_name).into(),
        record.face.as_str().into(),
        i16::from(record.rank.level()).into(),
        record.bypass.map(text).into(),
        text(record.operation).into(),
        input.into(),
        record.verdict.as_str().into(),
        record.code.map(text).into(),
        record.detail.map(text).into(),
    ])
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
