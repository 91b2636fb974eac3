//! Telling events: a thread a topic, its status message, and what is said in it.
//!
//! The teller reads a community's events in order and hands each to its topic's lane. Lanes work side by
//! side, so a thread that cannot be written to holds up nobody else. The cursor kept in the notebook only
//! passes events that have been dealt with: after a crash the rest is told again, and what a topic has
//! already been told is known from its own record.

mod lane;
mod topic;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use guildhall_core::{
    Clock, Error, Event, EventLog,
    event::Filter,
    notebook::{self, Notebook},
};
use time::OffsetDateTime;
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

pub(crate) use topic::Topics;

use crate::{
    config::{Community, Timing},
    desk::Desk,
    meters, patience,
    shelf::OWNER,
};
use lane::Lane;

/// Events read at once.
const BATCH: u64 = 100;
/// Events handed to lanes and not dealt with yet. Reading waits beyond that.
const OPEN: usize = 500;
/// Where the cursor is noted.
const CURSOR: &str = "cursor";

/// Tells one community its events.
pub(crate) struct Teller {
    pub(crate) community: Community,
    pub(crate) events: Arc<dyn EventLog>,
    pub(crate) notebook: Arc<dyn Notebook>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) timing: Timing,
    /// Events before this moment are history to a teller that has never told anything.
    pub(crate) since: OffsetDateTime,
}

/// Where the teller is.
struct Progress {
    /// The last event that was read.
    read: i64,
    /// The last event up to which everything is dealt with, as noted.
    noted: i64,
    /// Events handed out and not dealt with yet.
    open: BTreeSet<i64>,
    lanes: HashMap<String, Handle>,
}

/// A running lane.
struct Handle {
    events: mpsc::UnboundedSender<Event>,
    open: usize,
}

impl Progress {
    /// Everything up to here is dealt with.
    fn settled(&self) -> i64 {
        self.open.first().map_or(self.read, |first| first - 1)
    }
}

impl Teller {
    /// Tells until `stop`.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let Some((cursor, fresh)) = self.begin(&stop).await else { return };
        let mut progress =
            Progress { read: cursor, noted: cursor, open: BTreeSet::new(), lanes: HashMap::new() };
        let mut hints = self.events.changes();
        let mut lanes = JoinSet::new();
        // Bounded by `OPEN`: each event is reported once.
        let (report, mut reports) = mpsc::unbounded_channel();
        let mut failed = 0;
        loop {
            let mut more = false;
            if progress.open.len() < OPEN {
                hints.borrow_and_update();
                match self.read(&mut progress, fresh, &mut lanes, &report, &stop).await {
                    Ok(full) => {
                        (more, failed) = (full, 0);
                    }
                    Err(error) => {
                        tracing::warn!(tenant = %self.community.tenant, "events cannot be read: {}", error.causes());
                        failed += 1;
                    }
                }
            }
            self.note(&mut progress).await;
            if more && progress.open.len() < OPEN && !stop.is_cancelled() {
                continue;
            }
            let room = progress.open.len() < OPEN;
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some((topic, cursor)) = reports.recv() => {
                    finish(&mut progress, &topic, cursor);
                    while let Ok((topic, cursor)) = reports.try_recv() {
                        finish(&mut progress, &topic, cursor);
                    }
                }
                changed = hints.changed(), if room && failed == 0 => {
                    if changed.is_err() {
                        // The log is gone, so there is nothing more to tell.
                        stop.cancelled().await;
                        break;
                    }
                }
                () = self.clock.sleep(patience::pause(failed)), if failed > 0 => {}
            }
            while let Some(ended) = lanes.try_join_next() {
                if let Err(error) = ended {
                    // Its events stay open, so they are told after a restart.
                    tracing::error!(%error, "a topic's lane broke");
                }
            }
        }
        progress.lanes.clear();
        tokio::select! {
            () = async { while lanes.join_next().await.is_some() {} } => {}
            () = self.clock.sleep(self.timing.drain) => lanes.shutdown().await,
        }
        while let Ok((topic, cursor)) = reports.try_recv() {
            finish(&mut progress, &topic, cursor);
        }
        self.note(&mut progress).await;
    }

    /// Where to begin, and whether this is the first time ever.
    async fn begin(&self, stop: &CancellationToken) -> Option<(i64, bool)> {
        let mut failed = 0;
        loop {
            match notebook::read::<i64>(self.notebook.as_ref(), &self.community.tenant, OWNER, CURSOR).await {
                Ok(Some(cursor)) => return Some((cursor, false)),
                Ok(None) => return Some((0, true)),
                Err(error) => tracing::warn!("the teller cannot read where it was: {}", error.causes()),
            }
            tokio::select! {
                () = stop.cancelled() => return None,
                () = self.clock.sleep(patience::pause(failed)) => failed += 1,
            }
        }
    }

    /// Hands out the next events; `true` when there may be more at once.
    async fn read(
        self: &Arc<Self>,
        progress: &mut Progress,
        fresh: bool,
        lanes: &mut JoinSet<()>,
        report: &mpsc::UnboundedSender<(String, i64)>,
        stop: &CancellationToken,
    ) -> Result<bool, Error> {
        let filter = Filter { tenant: Some(self.community.tenant.clone()), ..Filter::default() };
        let batch = self.events.after(progress.read, &filter, BATCH).await?;
        let full = u64::try_from(batch.len()).is_ok_and(|length| length >= BATCH);
        for event in batch {
            progress.read = progress.read.max(event.cursor);
            let Some(tell) = &event.tell else { continue };
            if fresh && event.at < self.since {
                meters::told("history");
                continue;
            }
            progress.open.insert(event.cursor);
            let topic = tell.topic().to_owned();
            let handle = progress.lanes.entry(topic.clone()).or_insert_with(|| {
                let (events, inbox) = mpsc::unbounded_channel();
                lanes.spawn(Lane::new(self.clone(), topic, inbox, report.clone(), stop.clone()).run());
                Handle { events, open: 0 }
            });
            handle.open += 1;
            if handle.events.send(event).is_err() {
                // A lane ends early only when telling has to wait for a restart; the event stays open.
                tracing::debug!("a lane has ended; its events are told after a restart");
            }
        }
        Ok(full)
    }

    async fn note(&self, progress: &mut Progress) {
        let settled = progress.settled();
        if settled <= progress.noted {
            return;
        }
        let book = self.notebook.as_ref();
        match notebook::write(book, &self.community.tenant, OWNER, CURSOR, &settled).await {
            Ok(()) => progress.noted = settled,
            // It is tried again at the next turn. Until then a restart would tell a little again.
            Err(error) => tracing::warn!("the teller cannot note where it is: {}", error.causes()),
        }
    }
}

/// An event is dealt with. A lane with nothing left to do is let go; the next event makes a new one.
fn finish(progress: &mut Progress, topic: &str, cursor: i64) {
    if !progress.open.remove(&cursor) {
        return;
    }
    if let Some(handle) = progress.lanes.get_mut(topic) {
        handle.open -= 1;
        if handle.open == 0 {
            progress.lanes.remove(topic);
        }
    }
}
