//! Which thread belongs to which topic, remembered over restarts.

use std::{sync::Arc, time::Duration};

use guildhall_core::{
    Clock, Error, TenantId,
    notebook::{self, Notebook},
};
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::{rest::Place, shelf::OWNER};

/// A conversation, and how far it has been told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Topic {
    /// The event that opened it.
    pub(crate) opened: i64,
    /// When its first message was about to be sent, as a Unix time in seconds; set until its place is known.
    pub(crate) opening: Option<i64>,
    /// The message that the thread is on.
    pub(crate) opener: Option<Place>,
    /// The thread.
    pub(crate) thread: Option<u64>,
    /// The message that shows how things stand.
    pub(crate) status: Option<Place>,
    /// The last event whose own message was sent.
    pub(crate) said: i64,
    /// The last event that the status message shows.
    pub(crate) shown: i64,
    /// When the status message was last changed, as a Unix time in milliseconds.
    pub(crate) shown_at: i64,
    /// Its thread was closed by an event.
    pub(crate) closed: bool,
    /// Its thread or channel is no longer there.
    pub(crate) lost: bool,
}

impl Topic {
    /// When the status message was last changed.
    pub(crate) fn last_edit(&self) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(self.shown_at).unwrap_or_default())
    }
}

/// Every topic of every community.
pub(crate) struct Topics {
    notebook: Arc<dyn Notebook>,
    clock: Arc<dyn Clock>,
    known: Cache<(TenantId, String), Topic>,
    changes: watch::Sender<u64>,
}

impl Topics {
    pub(crate) fn new(notebook: Arc<dyn Notebook>, clock: Arc<dyn Clock>) -> Self {
        let known = Cache::new(4_096);
        Self { notebook, clock, known, changes: watch::Sender::new(0) }
    }

    /// The topic, as remembered.
    pub(crate) async fn get(&self, tenant: &TenantId, topic: &str) -> Result<Option<Topic>, Error> {
        let key = (tenant.clone(), topic.to_owned());
        if let Some(topic) = self.known.get(&key) {
            return Ok(Some(topic));
        }
        let found: Option<Topic> =
            notebook::read(self.notebook.as_ref(), tenant, OWNER, &note(topic)).await?;
        if let Some(topic) = &found {
            self.known.insert(key, topic.clone());
        }
        Ok(found)
    }

    /// Remembers the topic. This process does so even when the notebook cannot, so that trying again does
    /// not send the same message again.
    pub(crate) async fn put(&self, tenant: &TenantId, topic: &str, value: &Topic) -> Result<(), Error> {
        self.known.insert((tenant.clone(), topic.to_owned()), value.clone());
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
        notebook::write(self.notebook.as_ref(), tenant, OWNER, &note(topic), value).await
    }

    /// Notes that a message of ours began a topic's thread.
    pub(crate) async fn claim(&self, tenant: &TenantId, topic: &str, opener: Place) -> Result<(), Error> {
        notebook::write(self.notebook.as_ref(), tenant, OWNER, &claim(opener.message), &topic).await
    }

    /// Whether a message of ours began another topic's thread.
    pub(crate) async fn is_anothers(
        &self,
        tenant: &TenantId,
        topic: &str,
        message: u64,
    ) -> Result<bool, Error> {
        let owner: Option<String> =
            notebook::read(self.notebook.as_ref(), tenant, OWNER, &claim(message)).await?;
        Ok(owner.is_some_and(|owner| owner != topic))
    }

    /// The topic's thread, when this process knows it without asking the notebook.
    pub(crate) fn thread(&self, tenant: &TenantId, topic: &str) -> Option<u64> {
        self.known.get(&(tenant.clone(), topic.to_owned()))?.thread
    }

    /// The topic's thread as soon as there is one; `None` when there is none `within` that time.
    pub(crate) async fn wait(&self, tenant: &TenantId, topic: &str, within: Duration) -> Option<u64> {
        let mut changes = self.changes.subscribe();
        let found = async {
            loop {
                changes.borrow_and_update();
                let known = self.get(tenant, topic).await.ok().flatten();
                if let Some(thread) = known.and_then(|topic| topic.thread) {
                    return Some(thread);
                }
                changes.changed().await.ok()?;
            }
        };
        tokio::select! {
            thread = found => thread,
            () = self.clock.sleep(within) => None,
        }
    }
}

fn note(topic: &str) -> String {
    format!("topic/{topic}")
}

fn claim(message: u64) -> String {
    format!("opener/{message}")
}
