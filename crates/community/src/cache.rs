//! The books in memory.
//!
//! A change in this process is seen by its next reader. A change in another process is seen when Redis has
//! brought word of it; where that word is lost, or without Redis on PostgreSQL, after a bounded time:
//!
//! | | stale for at most |
//! |---|---|
//! | SQLite (one process) | never |
//! | PostgreSQL without Redis, or while Redis is known to be down | [`ALONE`] |
//! | with Redis, word of the change was lost | [`TOGETHER`] |
//!
//! A book whose time is over is not read again in whole: when the database's revision is still the book's,
//! the book is good for as long again.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use guildhall_core::{Clock, TenantId};
use guildhall_store::{Backend, Store, StoreError, Timestamp};
use moka::sync::Cache;
use time::OffsetDateTime;
use tokio::sync::Mutex;

use crate::{
    book::{self, Book},
    redis::Redis,
    settings::Registry,
};

/// How long a book counts as fresh where nobody brings word of other processes' changes.
pub(crate) const ALONE: Duration = Duration::from_secs(5);
/// How long a book counts as fresh where somebody does, or where there is no other process.
pub(crate) const TOGETHER: Duration = Duration::from_secs(60);
/// Books in memory. The least used makes room.
const BOOKS: u64 = 10_000;
/// Locks over which the communities are spread, so that many who miss the same book read it once.
const TURNS: usize = 64;

/// The books.
pub(crate) struct Books {
    store: Store,
    clock: Arc<dyn Clock>,
    registry: Arc<Registry>,
    redis: Option<Arc<Redis>>,
    cache: Cache<TenantId, Arc<Entry>>,
    /// The least revision that a reader may be given, where one is known. It outlives any book that could be
    /// older.
    floors: Cache<TenantId, i64>,
    turns: Vec<Mutex<()>>,
    hasher: RandomState,
}

struct Entry {
    book: Arc<Book>,
    read_at: OffsetDateTime,
}

impl Books {
    pub(crate) fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        registry: Arc<Registry>,
        redis: Option<Arc<Redis>>,
    ) -> Self {
        Self {
            store,
            clock,
            registry,
            redis,
            cache: Cache::new(BOOKS),
            floors: Cache::builder().max_capacity(10 * BOOKS).time_to_live(10 * TOGETHER).build(),
            turns: (0..TURNS).map(|_| Mutex::new(())).collect(),
            hasher: RandomState::new(),
        }
    }

    /// The community's book.
    pub(crate) async fn get(&self, tenant: &TenantId) -> Result<Arc<Book>, StoreError> {
        if let Some(book) = self.fresh(tenant) {
            return Ok(book);
        }
        let turn = usize::try_from(self.hasher.hash_one(tenant) % TURNS as u64).unwrap_or(0);
        let _turn = self.turns[turn].lock().await;
        match self.fresh(tenant) {
            Some(book) => Ok(book),
            None => self.read(tenant).await,
        }
    }

    /// From now on nobody is given an older book.
    pub(crate) fn at_least(&self, tenant: &TenantId, revision: i64) {
        self.floors
            .entry(tenant.clone())
            .and_upsert_with(|known| known.map_or(revision, |known| known.into_value().max(revision)));
    }

    /// Tells this process and the others of a change that has been committed.
    pub(crate) async fn changed(&self, tenant: &TenantId, revision: i64) {
        self.at_least(tenant, revision);
        if let Some(redis) = &self.redis {
            redis.tell(tenant, revision).await;
        }
    }

    /// Reads every book anew before it is used again.
    pub(crate) fn doubt_all(&self) {
        self.cache.invalidate_all();
    }

    /// Forgets one community's book.
    pub(crate) fn forget(&self, tenant: &TenantId) {
        self.cache.invalidate(tenant);
    }

    fn freshness(&self) -> Duration {
        match (&self.redis, self.store.backend()) {
            (Some(redis), _) if redis.hears() => TOGETHER,
            (Some(_), _) | (None, Backend::Postgres) => ALONE,
            (None, Backend::Sqlite) => TOGETHER,
        }
    }

    fn fresh(&self, tenant: &TenantId) -> Option<Arc<Book>> {
        let entry = self.cache.get(tenant)?;
        let floor = self.floors.get(tenant).unwrap_or(0);
        let fresh = entry.book.revision >= floor && self.clock.now() < entry.read_at + self.freshness();
        fresh.then(|| entry.book.clone())
    }

    async fn read(&self, tenant: &TenantId) -> Result<Arc<Book>, StoreError> {
        let floor = self.floors.get(tenant).unwrap_or(0);
        let read_at = self.clock.now();
        if let Some(redis) = &self.redis
            && let Some((mut book, copied_at)) = redis.book(tenant).await
        {
            let copied_at = Timestamp::from_micros(copied_at).time();
            let fresh = copied_at <= read_at && read_at < copied_at + self.freshness();
            if fresh && book.revision >= floor {
                self.registry.drop_unfit(&mut book);
                return Ok(self.put(tenant, Arc::new(book), copied_at));
            }
        }
        if let Some(old) = self.cache.get(tenant)
            && old.book.revision >= floor
            && old.book.revision == book::revision(self.store.reader(), tenant).await?
        {
            return Ok(self.put(tenant, old.book.clone(), read_at));
        }
        let mut book = Book::load(self.store.reader(), tenant).await?;
        if book.revision < floor {
            // The floor was there before the database was asked, so no change is that new: the database is an
            // older one than the word was about.
            self.floors.insert(tenant.clone(), book.revision);
        }
        self.registry.drop_unfit(&mut book);
        let book = self.put(tenant, Arc::new(book), read_at);
        if let Some(redis) = &self.redis {
            redis.keep(tenant, &book, Timestamp::from(read_at).micros(), TOGETHER).await;
        }
        Ok(book)
    }

    fn put(&self, tenant: &TenantId, book: Arc<Book>, read_at: OffsetDateTime) -> Arc<Book> {
        self.cache.insert(tenant.clone(), Arc::new(Entry { book: book.clone(), read_at }));
        book
    }
}
