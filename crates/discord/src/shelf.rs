//! What buttons refer to: actions too long for a `custom_id`, documents of several pages. Kept in the
//! notebook, so that a button still works after a restart.
//!
//! A shelf is bounded. The oldest thing makes room for the newest, and its buttons then say that they are
//! too old.

use std::{sync::Arc, time::Duration};

use guildhall_core::{
    Clock, Document, Error, Kind, TenantId,
    notebook::{self, Notebook},
};
use moka::sync::Cache;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::sync::Mutex;

use crate::custom_id::{Keep, Stored};

/// The face's book.
pub(crate) const OWNER: &str = "discord";
const INDEX: &str = "shelf";
/// Things on a community's shelf. The index has to fit into one note of 64 KiB.
const THINGS: usize = 800;
/// Bytes of a thing in one note: JSON inside of JSON is at most twice as long.
const PART: usize = 28 * 1024;
/// Notes a thing, which makes 896 KiB.
const PARTS: usize = 32;
/// How long a thing is kept after it was last shown.
const LIFE: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long a thing that has just been written need not be written again.
const FRESH: Duration = Duration::from_secs(3600);

/// A thing on the shelf.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    key: String,
    /// When it was last put there, as a Unix time.
    at: i64,
    parts: usize,
}

/// Keeps and finds.
pub(crate) struct Shelf {
    notebook: Arc<dyn Notebook>,
    clock: Arc<dyn Clock>,
    fresh: Cache<(TenantId, String), ()>,
    index: Mutex<()>,
}

impl Shelf {
    pub(crate) fn new(notebook: Arc<dyn Notebook>, clock: Arc<dyn Clock>) -> Self {
        let fresh = Cache::builder().max_capacity(4_096).time_to_live(FRESH).build();
        Self { notebook, clock, fresh, index: Mutex::new(()) }
    }

    /// Puts everything on the shelf that is not there yet.
    pub(crate) async fn keep(&self, tenant: &TenantId, things: &[Keep]) -> Result<(), Error> {
        for thing in things {
            match thing {
                Keep::Action { key, stored } => self.put(tenant, key, stored).await?,
                Keep::Document { key, document } => self.put(tenant, key, document).await?,
            }
        }
        Ok(())
    }

    /// The action under `key`.
    pub(crate) async fn action(&self, tenant: &TenantId, key: &str) -> Result<Stored, Error> {
        self.find(tenant, key).await
    }

    /// The document under `key`.
    pub(crate) async fn document(&self, tenant: &TenantId, key: &str) -> Result<Document, Error> {
        self.find(tenant, key).await
    }

    async fn put<T: Serialize>(&self, tenant: &TenantId, key: &str, thing: &T) -> Result<(), Error> {
        let mark = (tenant.clone(), key.to_owned());
        if self.fresh.contains_key(&mark) {
            return Ok(());
        }
        let text = serde_json::to_string(thing).map_err(Error::bug)?;
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (part, left) = rest.split_at(rest.floor_char_boundary(PART.min(rest.len())));
            parts.push(part);
            rest = left;
        }
        if parts.len() > PARTS {
            let message = format!("The answer is longer than Discord can show: {} KiB.", text.len() / 1024);
            return Err(Error::new(Kind::Limit, "answer_too_long", message)
                .remedy("Ask for less, or use the command line.")
                .with("size", text.len() / 1024));
        }
        for (at, part) in parts.iter().enumerate() {
            notebook::write(self.notebook.as_ref(), tenant, OWNER, &note(key, at), part).await?;
        }
        self.list(tenant, Entry { key: key.to_owned(), at: self.now(), parts: parts.len() }).await?;
        self.fresh.insert(mark, ());
        Ok(())
    }

    /// Notes the thing in the index and takes away what is too old or too much.
    ///
    /// Two processes that write the same index at once can lose an entry; its notes then stay for good,
    /// which costs some bytes and breaks nothing.
    async fn list(&self, tenant: &TenantId, entry: Entry) -> Result<(), Error> {
        let _guard = self.index.lock().await;
        let book = self.notebook.as_ref();
        let mut entries: Vec<Entry> = notebook::read(book, tenant, OWNER, INDEX).await?.unwrap_or_default();
        entries.retain(|other| other.key != entry.key);
        entries.push(entry);
        let oldest = self.now() - i64::try_from(LIFE.as_secs()).unwrap_or(i64::MAX);
        let too_many = entries.len().saturating_sub(THINGS);
        let too_old = entries.iter().take_while(|entry| entry.at < oldest).count();
        let gone: Vec<Entry> = entries.drain(..too_many.max(too_old)).collect();
        notebook::write(book, tenant, OWNER, INDEX, &entries).await?;
        for entry in gone {
            self.fresh.invalidate(&(tenant.clone(), entry.key.clone()));
            for at in 0..entry.parts {
                book.remove(tenant, OWNER, &note(&entry.key, at)).await?;
            }
        }
        Ok(())
    }

    async fn find<T: DeserializeOwned>(&self, tenant: &TenantId, key: &str) -> Result<T, Error> {
        let mut text = String::new();
        for at in 0..PARTS {
            match notebook::read::<String>(self.notebook.as_ref(), tenant, OWNER, &note(key, at)).await? {
                Some(part) => text.push_str(&part),
                None => break,
            }
        }
        if text.is_empty() {
            return Err(stale());
        }
        serde_json::from_str(&text).map_err(|error| stale().because(error))
    }

    fn now(&self) -> i64 {
        self.clock.now().unix_timestamp()
    }
}

fn note(key: &str, part: usize) -> String {
    format!("kept/{key}/{part}")
}

/// What a button says whose meaning is no longer known.
pub(crate) fn stale() -> Error {
    Error::new(Kind::NotFound, "stale_button", "This button is too old to work.")
        .remedy("Run the command again to get a new one.")
}
