//! Events in the order of their cursor, with nobody skipped.
//!
//! A listener remembers the last cursor it has read and asks for what comes after. That only works when a
//! smaller cursor never appears later than a larger one. SQLite has one writer, so it cannot. PostgreSQL hands
//! out a sequence's numbers before the transactions that took them are committed, in any order; so an
//! append takes a lock that lives until its transaction ends, and cursors are committed in their order.

use std::sync::Arc;

use async_trait::async_trait;
use guildhall_core::{
    Clock, Error, Event, EventLog, NewEvent, RunId, Subject, TenantId,
    event::{Filter, Outcome, Tell},
    incident::clean_texts,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, NotSet, QueryFilter, QueryOrder,
    QuerySelect, sqlx::postgres::PgListener,
};
use time::OffsetDateTime;
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    Backend, Store, StoreError, Timestamp, Tx, operator, scope,
    text::{from_json, storable, to_json},
};

/// The advisory lock that puts PostgreSQL's appends in a row: "guildevt".
const LOCK: i64 = 0x6775_696c_6465_7674;
/// The channel on which PostgreSQL tells other processes of new events.
const CHANNEL: &str = "guildhall_event";
/// The most events one read gives.
const READ_LIMIT: u64 = 500;
/// The most bytes of JSON an event's data, document or way of telling may have.
const JSON_LIMIT: usize = 256 * 1024;
/// The most events that one transaction removes: on SQLite nobody else writes meanwhile.
const PRUNE_LIMIT: u64 = 500;
/// How long a listener that lost PostgreSQL waits before it tries again.
const LISTEN_AGAIN: std::time::Duration = std::time::Duration::from_secs(2);

/// Keeps events and wakes who listens. Cheap to clone; clones wake each other's listeners.
#[derive(Clone)]
pub struct EventStore {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    changes: watch::Sender<i64>,
    listener: Option<JoinHandle<()>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            listener.abort();
        }
    }
}

impl EventStore {
    /// Keeps events in `store`. On PostgreSQL it starts a task that hears of other processes' events, so it
    /// must be called inside of a Tokio runtime.
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        let changes = watch::Sender::new(0);
        let listener = (store.backend() == Backend::Postgres)
            .then(|| tokio::spawn(listen(store.clone(), clock.clone(), changes.clone())));
        Self { inner: Arc::new(Inner { store, clock, changes, listener }) }
    }

    /// Keeps an event together with the rest of a transaction, and wakes listeners once that is committed.
    ///
    /// On PostgreSQL nobody else can append until the transaction ends, so append last.
    pub async fn append_in(&self, tx: &Tx, event: NewEvent) -> Result<i64, StoreError> {
        let event = self.cleaned(event)?;
        let row = row_of(event, self.inner.clock.now().into())?;
        if self.inner.store.backend() == Backend::Postgres {
            tx.conn().execute_unprepared(&format!("SELECT pg_advisory_xact_lock({LOCK})")).await?;
        }
        let cursor = row::Entity::insert(row).exec(tx.conn()).await?.last_insert_id;
        if self.inner.store.backend() == Backend::Postgres {
            tx.conn().execute_unprepared(&format!("SELECT pg_notify('{CHANNEL}', '{cursor}')")).await?;
        }
        let changes = self.inner.changes.clone();
        tx.after_commit(move || tell(&changes, cursor));
        Ok(cursor)
    }

    /// Wakes listeners. Needed only by who wrote events past [`EventStore::append_in`].
    pub fn notify(&self) {
        self.inner.changes.send_modify(|_| ());
    }

    /// Removes every community's events from before a moment, and says how many. The newest event of all stays,
    /// however old it is: it says where the order has got to.
    pub async fn prune(&self, before: OffsetDateTime) -> Result<u64, StoreError> {
        let (store, before) = (&self.inner.store, Timestamp::from(before));
        let newest = newest(store).await?;
        let (mut last, mut removed) = (0, 0);
        loop {
            // Looking is left to the reader, so that the writer is only held for the removal.
            let old: Vec<i64> = operator::find::<row::Entity>()
                .select_only()
                .column(row::Column::Cursor)
                .filter(row::Column::Cursor.gt(last))
                .filter(row::Column::Cursor.lt(newest))
                .filter(row::Column::At.lt(before))
                .order_by_asc(row::Column::Cursor)
                .limit(PRUNE_LIMIT)
                .into_tuple()
                .all(store.reader())
                .await?;
            let Some(end) = old.last().copied() else { return Ok(removed) };
            let tx = store.begin().await?;
            let batch = operator::delete::<row::Entity>()
                .filter(row::Column::Cursor.gt(last))
                .filter(row::Column::Cursor.lte(end))
                .filter(row::Column::At.lt(before))
                .exec(tx.conn())
                .await?;
            tx.commit().await?;
            removed += batch.rows_affected;
            last = end;
        }
    }

    /// The event without what must not be kept.
    fn cleaned(&self, mut event: NewEvent) -> Result<NewEvent, StoreError> {
        let Some(clean) = self.inner.store.clean() else { return Ok(event) };
        clean_texts(&mut event.data, clean);
        if let Some(document) = event.document.take() {
            let unclean = |error| StoreError::corrupt("event", error);
            let mut texts = serde_json::to_value(&document).map_err(unclean)?;
            clean_texts(&mut texts, clean);
            // A secret that is also one of the words that documents are made of would leave none.
            event.document = serde_json::from_value(texts).ok();
        }
        if let Some(Tell::Open { title, .. } | Tell::Announce { title, .. }) = &mut event.tell {
            *title = self.inner.store.cleaned(title).into_owned();
        }
        Ok(event)
    }

    async fn append_alone(&self, event: NewEvent) -> Result<i64, StoreError> {
        let tx = self.inner.store.begin().await?;
        let cursor = self.append_in(&tx, event).await?;
        tx.commit().await?;
        Ok(cursor)
    }

    async fn read(&self, cursor: i64, filter: &Filter, limit: u64) -> Result<Vec<Event>, StoreError> {
        let mut query = match &filter.tenant {
            Some(tenant) => scope::find::<row::Entity>(tenant),
            None => operator::find::<row::Entity>(),
        };
        if let Some(subject) = &filter.subject {
            query = query.filter(row::Column::SubjectKey.eq(storable(subject.key())));
        }
        if let Some(run) = filter.run {
            query = query.filter(row::Column::Run.eq(run.0));
        }
        let rows = query
            .filter(row::Column::Cursor.gt(cursor))
            .order_by_asc(row::Column::Cursor)
            .limit(limit.min(READ_LIMIT))
            .all(self.inner.store.reader())
            .await?;
        rows.into_iter().map(event_of).collect()
    }
}

#[async_trait]
impl EventLog for EventStore {
    async fn append(&self, event: NewEvent) -> Result<i64, Error> {
        Ok(self.append_alone(event).await?)
    }

    async fn after(&self, cursor: i64, filter: &Filter, limit: u64) -> Result<Vec<Event>, Error> {
        Ok(self.read(cursor, filter, limit).await?)
    }

    async fn newest(&self) -> Result<i64, Error> {
        Ok(newest(&self.inner.store).await?)
    }

    fn changes(&self) -> watch::Receiver<i64> {
        self.inner.changes.subscribe()
    }
}

async fn newest(store: &Store) -> Result<i64, StoreError> {
    let newest: Option<i64> = operator::find::<row::Entity>()
        .select_only()
        .column(row::Column::Cursor)
        .order_by_desc(row::Column::Cursor)
        .limit(1)
        .into_tuple()
        .one(store.reader())
        .await?;
    Ok(newest.unwrap_or(0))
}

fn tell(changes: &watch::Sender<i64>, cursor: i64) {
    changes.send_if_modified(|newest| {
        // PostgreSQL's notice of an event of this very process comes after it has been told here.
        let news = cursor > *newest;
        *newest = cursor.max(*newest);
        news
    });
}

/// Hears of events that other processes commit. What happened while the connection was down is made up for by
/// looking once after every new start.
async fn listen(store: Store, clock: Arc<dyn Clock>, changes: watch::Sender<i64>) {
    loop {
        if let Err(error) = listen_once(&store, &changes).await {
            tracing::warn!(%error, "cannot hear of other processes' events; trying again");
        }
        clock.sleep(LISTEN_AGAIN).await;
    }
}

async fn listen_once(store: &Store, changes: &watch::Sender<i64>) -> Result<(), StoreError> {
    let lost = |error| {
        StoreError::Unreachable(sea_orm::DbErr::Conn(sea_orm::RuntimeErr::SqlxError(Arc::new(error))))
    };
    let pool = store.reader().pool().get_postgres_connection_pool();
    let mut listener = PgListener::connect_with(pool).await.map_err(lost)?;
    listener.listen(CHANNEL).await.map_err(lost)?;
    tell(changes, newest(store).await?);
    while let Some(notice) = listener.try_recv().await.map_err(lost)? {
        if let Ok(cursor) = notice.payload().parse() {
            tell(changes, cursor);
        }
    }
    Ok(())
}

fn row_of(event: NewEvent, at: Timestamp) -> Result<row::ActiveModel, StoreError> {
    let optional = |what, value: Option<String>| value.map(|text| bounded(what, text)).transpose();
    let document = event.document.as_ref().map(|document| to_json("event", document)).transpose()?;
    let way = event.tell.as_ref().map(|tell| to_json("event", tell)).transpose()?;
    Ok(row::ActiveModel {
        cursor: NotSet,
        at: Set(at),
        tenant: Set(event.tenant.as_str().to_owned()),
        subject: Set(bounded("event's subject", to_json("event", &event.subject)?)?),
        subject_key: Set(storable(event.subject.key())),
        kind: Set(storable(event.kind)),
        run: Set(event.run.map(|run| run.0)),
        outcome: Set(event.outcome.map(|outcome| word(outcome).to_owned())),
        data: Set(bounded("event's data", to_json("event", &event.data)?)?),
        document: Set(optional("event's document", document)?),
        tell: Set(optional("event's way of telling", way)?),
    })
}

fn bounded(what: &'static str, text: String) -> Result<String, StoreError> {
    if text.len() > JSON_LIMIT {
        return Err(StoreError::TooLarge { what, size: text.len(), limit: JSON_LIMIT });
    }
    Ok(text)
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::Failed => "failed",
    }
}

fn event_of(row: row::Model) -> Result<Event, StoreError> {
    let corrupt = |reason: String| StoreError::corrupt("event", reason);
    let outcome = match row.outcome.as_deref() {
        None => None,
        Some("succeeded") => Some(Outcome::Succeeded),
        Some("failed") => Some(Outcome::Failed),
        Some(other) => return Err(corrupt(format!("unknown outcome {other}"))),
    };
    let tenant: TenantId = row.tenant.parse().map_err(|error| StoreError::corrupt("event", error))?;
    let subject: Subject = from_json("event", &row.subject)?;
    Ok(Event {
        cursor: row.cursor,
        at: row.at.time(),
        tenant,
        subject,
        kind: row.kind,
        run: row.run.map(RunId),
        outcome,
        data: from_json("event", &row.data)?,
        document: row.document.as_deref().map(|text| from_json("event", text)).transpose()?,
        tell: row.tell.as_deref().map(|text| from_json("event", text)).transpose()?,
    })
}

mod row {
    use sea_orm::entity::prelude::*;

    use crate::{Owned, Timestamp};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "event")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub(crate) cursor: i64,
        pub(crate) at: Timestamp,
        pub(crate) tenant: String,
        pub(crate) subject: String,
        pub(crate) subject_key: String,
        pub(crate) kind: String,
        pub(crate) run: Option<Uuid>,
        pub(crate) outcome: Option<String>,
        pub(crate) data: String,
        pub(crate) document: Option<String>,
        pub(crate) tell: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    impl Owned for Entity {
        const TENANT: Column = Column::Tenant;
    }
}
