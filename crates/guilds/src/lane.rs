//! How events reach their listeners: in order a guild, one at a time, and nobody waits for a slow one.
//!
//! Each listener has [`LANES`] queues. A guild's events always go into the same one, so a guild that keeps a
//! listener busy holds up only the guilds that share its lane.

use std::{
    collections::VecDeque,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::FutureExt;
use guildhall_core::{
    TenantId,
    error::panic_text,
    guild::{GuildEvent, GuildListener, GuildMember},
};
use tokio::sync::{Notify, OnceCell, watch};

use crate::meters;

/// Queues a listener has.
pub const LANES: usize = 4;
/// How long a listener may take for one event. One that hangs would hear nothing ever again.
const LONGEST: Duration = Duration::from_secs(60);

/// The kinds of events, in the order of their bits.
const KINDS: [&str; 18] = [
    "available",
    "removed",
    "message_written",
    "message_edited",
    "messages_deleted",
    "member_joined",
    "member_left",
    "member_changed",
    "banned",
    "unbanned",
    "channel_created",
    "channel_changed",
    "channel_deleted",
    "role_created",
    "role_changed",
    "role_deleted",
    "voice_moved",
    "audited",
];

fn bit(kind: &str) -> u32 {
    KINDS.iter().position(|known| *known == kind).map_or(0, |position| 1 << position)
}

/// Something that happened, on its way.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) tenant: TenantId,
    pub(crate) guild: u64,
    pub(crate) what: What,
}

/// What happened.
#[derive(Debug)]
pub(crate) enum What {
    /// All of it is known.
    Known(GuildEvent),
    /// Somebody joined; with which invite is found out by the first who delivers it.
    Joined { member: GuildMember, told: OnceCell<GuildEvent> },
}

impl What {
    fn kind(&self) -> &'static str {
        match self {
            Self::Known(event) => event.kind(),
            Self::Joined { .. } => "member_joined",
        }
    }
}

/// All who listen.
#[derive(Default)]
pub(crate) struct Listeners {
    ears: RwLock<Vec<Arc<Ear>>>,
    wanted: AtomicU32,
    queue: usize,
    lost: Arc<AtomicU64>,
    /// Somebody came.
    pub(crate) more: Notify,
}

impl Listeners {
    pub(crate) fn new(queue: usize) -> Self {
        Self { queue: queue.max(1), ..Self::default() }
    }

    pub(crate) fn add(&self, listener: Arc<dyn GuildListener>) {
        let wants = KINDS.iter().filter(|kind| listener.wants(kind)).fold(0, |bits, kind| bits | bit(kind));
        self.wanted.fetch_or(wants, Ordering::Relaxed);
        let lanes = std::array::from_fn(|_| Lane::default());
        let ear =
            Ear { name: listener.name(), listener, wants, lanes, queue: self.queue, lost: self.lost.clone() };
        self.ears.write().unwrap_or_else(PoisonError::into_inner).push(Arc::new(ear));
        self.more.notify_one();
    }

    /// Whether anybody wants to know of events of this kind.
    pub(crate) fn want(&self, kind: &str) -> bool {
        self.wanted.load(Ordering::Relaxed) & bit(kind) != 0
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Those who came after the first `known`.
    pub(crate) fn after(&self, known: usize) -> Vec<Arc<Ear>> {
        let ears = self.ears.read().unwrap_or_else(PoisonError::into_inner);
        ears.get(known..).unwrap_or_default().to_vec()
    }

    /// Puts it into the queue of everybody who wants it. Never waits.
    pub(crate) fn tell(&self, tenant: TenantId, guild: u64, what: What) {
        let kind = what.kind();
        if !self.want(kind) {
            return;
        }
        meters::event(kind);
        let item = Arc::new(Item { tenant, guild, what });
        for ear in self.ears.read().unwrap_or_else(PoisonError::into_inner).iter() {
            if ear.wants & bit(kind) != 0 {
                ear.push(item.clone());
            }
        }
    }
}

/// One listener and what waits for it.
pub(crate) struct Ear {
    name: &'static str,
    listener: Arc<dyn GuildListener>,
    wants: u32,
    lanes: [Lane; LANES],
    queue: usize,
    lost: Arc<AtomicU64>,
}

#[derive(Default)]
struct Lane {
    waiting: Mutex<VecDeque<Arc<Item>>>,
    more: Notify,
}

impl Lane {
    fn pop(&self) -> Option<Arc<Item>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

impl Ear {
    fn push(&self, item: Arc<Item>) {
        // The low bits of a snowflake are a counter, mostly 0; the upper ones are a time.
        let lane = &self.lanes[usize::try_from(item.guild >> 22).unwrap_or(0) % LANES];
        let mut waiting = lane.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= self.queue {
            waiting.pop_front();
            self.lose(1);
        }
        waiting.push_back(item);
        drop(waiting);
        lane.more.notify_one();
    }

    fn lose(&self, events: u64) {
        if events > 0 {
            self.lost.fetch_add(events, Ordering::Relaxed);
            meters::lost(self.name, events);
        }
    }

    /// Gives up what still waits, and counts it.
    pub(crate) fn abandon(&self) {
        for lane in &self.lanes {
            let waiting = std::mem::take(&mut *lane.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            self.lose(u64::try_from(waiting.len()).unwrap_or(u64::MAX));
        }
    }

    /// Delivers what comes in one lane until `stop` is true and the lane is empty. `complete` finds out what
    /// is not known of an event yet.
    pub(crate) async fn deliver<F, Fut>(&self, lane: usize, mut stop: watch::Receiver<bool>, complete: F)
    where
        F: Fn(Arc<Item>) -> Fut,
        Fut: Future<Output = ()>,
    {
        let Some(lane) = self.lanes.get(lane) else { return };
        loop {
            let Some(item) = lane.pop() else {
                if *stop.borrow_and_update() {
                    return;
                }
                tokio::select! {
                    () = lane.more.notified() => {}
                    // Whoever held the other end is gone: that is a stop too.
                    changed = stop.changed() => if changed.is_err() { return },
                }
                continue;
            };
            let event = match &item.what {
                What::Known(event) => Some(event),
                What::Joined { told, .. } => {
                    complete(item.clone()).await;
                    told.get()
                }
            };
            if let Some(event) = event {
                self.notice(&item.tenant, event).await;
            }
        }
    }

    async fn notice(&self, tenant: &TenantId, event: &GuildEvent) {
        let notice = AssertUnwindSafe(self.listener.notice(tenant, event)).catch_unwind();
        let (how, text) = match tokio::time::timeout(LONGEST, notice).await {
            Ok(Ok(())) => return,
            Ok(Err(panic)) => ("panic", panic_text(panic.as_ref())),
            Err(_) => ("slow", format!("it took longer than {} seconds", LONGEST.as_secs())),
        };
        meters::broken(self.name, how);
        tracing::error!(listener = self.name, kind = event.kind(), %tenant, "a listener broke on an event: {text}");
    }
}

#[cfg(test)]
mod tests;
