//! The engine: finds flows that are due and runs a bounded number of them at a time.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Deref,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use guildhall_core::Clock;
use guildhall_store::Store;
#[cfg(feature = "testkit")]
use guildhall_store::StoreError;
use tokio::{sync::watch, task::JoinSet};
use uuid::Uuid;

use crate::{
    Handle, Workflow,
    fault::Faults,
    lease::{self, Lease},
    table::flow,
    turn::{End, Terms, Turn},
    workflow::AnyWorkflow,
};

/// How long a flow whose store gave trouble is left alone.
const TROUBLE: Duration = Duration::from_secs(1);
/// The longest that a crashed process may hold up its flows.
const LONGEST_LEASE: Duration = Duration::from_secs(3600);
/// The longest time between two looks for work.
const LONGEST_LOOK: Duration = Duration::from_secs(3600);
/// The shortest time between two looks for work that nothing asked for.
const SHORTEST_LOOK: Duration = Duration::from_millis(20);

/// Runs flows of the workflows it was built with. Cheap to clone. What a domain does with flows is on
/// [`Handle`], to which it derefs.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    handle: Handle,
    workflows: BTreeMap<&'static str, Arc<dyn AnyWorkflow>>,
    settings: Settings,
    owner: Uuid,
    faults: Option<Arc<dyn Faults>>,
    turns: Mutex<HashMap<Uuid, Arc<Turn>>>,
}

#[derive(Clone, Copy)]
struct Settings {
    concurrency: usize,
    lease: Duration,
    poll: Duration,
    grace: Duration,
    undo_attempts: u32,
    keep_settled: Duration,
    sole: bool,
}

/// An engine about to be built.
pub struct EngineBuilder {
    handle: Handle,
    workflows: BTreeMap<&'static str, Arc<dyn AnyWorkflow>>,
    settings: Settings,
    faults: Option<Arc<dyn Faults>>,
}

impl EngineBuilder {
    /// What starts and signals flows; it can be had before the workflows are registered.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Adds a workflow. One registered later under the same kind replaces it.
    #[must_use]
    pub fn register<W: Workflow>(mut self, workflow: W) -> Self {
        self.workflows.insert(W::KIND, Arc::new(workflow));
        self
    }

    /// How many flows run at a time, at least 1; 64 by default. Flows that wait do not count.
    #[must_use]
    pub fn concurrency(mut self, flows: usize) -> Self {
        self.settings.concurrency = flows.max(1);
        self
    }

    /// How long a flow stays this process's after the last sign of life, 1 s to 1 h; 30 s by default. After
    /// a crash its flows go on after that. The clocks of processes that share a store must agree to within a
    /// third of it.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease.clamp(Duration::from_secs(1), LONGEST_LEASE);
        self
    }

    /// The caller's promise that no other engine runs on this store, in this process or in another, as with an
    /// SQLite file that the program holds an exclusive lock on. What engines before this one were cut off from
    /// by a crash is then taken up at once when it [runs](Engine::run), rather than when their leases expire.
    ///
    /// A promise that does not hold costs steps that are done twice at the same time, and no more: the engine
    /// that had the flow can no longer write to its journal and gives it up.
    #[must_use]
    pub fn sole(mut self) -> Self {
        self.settings.sole = true;
        self
    }

    /// How often it looks for what other processes have started or signalled, 20 ms to 1 h; 1 s by default.
    #[must_use]
    pub fn poll(mut self, poll: Duration) -> Self {
        self.settings.poll = poll.clamp(SHORTEST_LOOK, LONGEST_LOOK);
        self
    }

    /// How long a shutdown lets steps under way come to their end, at most 1 h; 5 s by default. Steps cut off are done
    /// again by whoever takes the flow up.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.settings.grace = grace.min(LONGEST_LEASE);
        self
    }

    /// How often an undo is tried before the flow is stuck, at least 1; 12 by default, which takes about 5
    /// minutes.
    #[must_use]
    pub fn undo_attempts(mut self, attempts: u32) -> Self {
        self.settings.undo_attempts = attempts.max(1);
        self
    }

    /// How long the journals of flows that ended are kept; 30 days by default.
    #[must_use]
    pub fn keep_settled(mut self, keep: Duration) -> Self {
        self.settings.keep_settled = keep.min(Duration::from_secs(100 * 365 * 24 * 3600));
        self
    }

    #[cfg(feature = "testkit")]
    pub(crate) fn faults(mut self, faults: Arc<dyn Faults>) -> Self {
        self.faults = Some(faults);
        self
    }

    /// The engine.
    pub fn build(self) -> Engine {
        let Self { handle, workflows, settings, faults } = self;
        // The owner must differ between processes and restarts, so no clock that tests hold still may make it.
        let owner = Uuid::new_v4();
        let turns = Mutex::new(HashMap::new());
        Engine { inner: Arc::new(Inner { handle, workflows, settings, owner, faults, turns }) }
    }
}

impl Deref for Engine {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.inner.handle
    }
}

impl Engine {
    /// An engine on a store that was opened with [`migrations`](crate::migrations).
    pub fn builder(store: Store, clock: Arc<dyn Clock>) -> EngineBuilder {
        let settings = Settings {
            concurrency: 64,
            lease: Duration::from_secs(30),
            poll: Duration::from_secs(1),
            grace: Duration::from_secs(5),
            undo_attempts: 12,
            keep_settled: Duration::from_secs(30 * 24 * 3600),
            sole: false,
        };
        EngineBuilder {
            handle: Handle::new(store, clock),
            workflows: BTreeMap::new(),
            settings,
            faults: None,
        }
    }

    /// What starts and signals flows.
    pub fn handle(&self) -> Handle {
        self.inner.handle.clone()
    }

    /// Runs flows until `shutdown` ends; then lets steps under way come to their end, and gives its flows back
    /// so that another process takes them up at once. Dropping it instead is a crash: nothing is lost, but its
    /// flows wait for their leases to expire, or for a [sole](EngineBuilder::sole) engine.
    pub async fn run(&self, shutdown: impl Future<Output = ()> + Send) {
        let inner = &self.inner;
        let clock = inner.handle.clock();
        let (drain, draining) = watch::channel(false);
        self.name_strangers().await;
        let mut turns = JoinSet::new();
        let mut renewing = JoinSet::new();
        renewing.spawn(renew(inner.clone()));
        renewing.spawn(prune(inner.clone()));
        let mut shutdown = pin!(shutdown);
        let mut inherits = inner.settings.sole;
        loop {
            inherits = inherits && !self.inherit().await;
            let look = self.claim(&mut turns, &draining).await;
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                _ = turns.join_next(), if !turns.is_empty() => {}
                () = inner.handle.woken() => {}
                () = clock.sleep_until(look), if turns.len() < inner.settings.concurrency => {}
            }
        }
        drain.send_replace(true);
        let all = async { while turns.join_next().await.is_some() {} };
        tokio::select! {
            () = all => {}
            () = clock.sleep(inner.settings.grace) => {}
        }
        turns.shutdown().await;
        renewing.shutdown().await;
        let released = lease::release(inner.handle.store(), inner.owner, None, clock.now()).await;
        if let Err(error) = released {
            tracing::warn!(%error, "could not give flows back; they go on once their leases expire");
        }
    }

    /// Flows whose workflow was taken out of the program wait for ever; the log should say so.
    async fn name_strangers(&self) {
        let kinds: Vec<_> = self.inner.workflows.keys().copied().collect();
        match lease::strangers(self.inner.handle.store(), &kinds).await {
            Ok(0) => {}
            Ok(flows) => {
                tracing::warn!(flows, "there are flows under way whose workflows this program does not have");
            }
            Err(error) => tracing::warn!(%error, "cannot look for flows of unknown kinds"),
        }
    }

    /// Frees the flows of engines that are no more. False when it has to be tried again.
    async fn inherit(&self) -> bool {
        match lease::inherit(self.inner.handle.store(), self.inner.owner).await {
            Ok(0) => true,
            Ok(flows) => {
                tracing::info!(flows, "took over flows that an earlier process left under way");
                true
            }
            Err(error) => {
                tracing::warn!(%error, "cannot take over the flows of an earlier process; trying again");
                false
            }
        }
    }

    /// Claims what is due and free, begins its turns, and says when to look again.
    async fn claim(&self, turns: &mut JoinSet<()>, draining: &watch::Receiver<bool>) -> time::OffsetDateTime {
        let inner = &self.inner;
        let (store, clock) = (inner.handle.store(), inner.handle.clock());
        while turns.try_join_next().is_some() {}
        let now = clock.now();
        let free = inner.settings.concurrency.saturating_sub(turns.len());
        let latest = now + inner.settings.poll;
        if free == 0 {
            return latest;
        }
        let kinds: Vec<_> = inner.workflows.keys().copied().collect();
        let limit = u64::try_from(free).unwrap_or(u64::MAX);
        let claimed =
            lease::claim(store, clock.as_ref(), inner.owner, inner.settings.lease, &kinds, limit).await;
        let next = match claimed {
            Ok(claimed) => {
                for row in claimed {
                    turns.spawn(take_turn(inner.clone(), row, draining.clone()));
                }
                lease::next_due(store, &kinds).await
            }
            Err(error) => Err(error),
        };
        match next {
            // What is due and was not claimed is being claimed by another process just now.
            Ok(Some(due)) if due <= now => now + SHORTEST_LOOK,
            Ok(Some(due)) => due.min(latest),
            Ok(None) => latest,
            Err(error) => {
                tracing::warn!(%error, "cannot look for flows that are due; trying again");
                latest
            }
        }
    }

    /// Takes one turn of one flow, if it is due and free.
    #[cfg(feature = "testkit")]
    pub(crate) async fn turn(&self, flow: crate::FlowId) -> Result<Option<End>, StoreError> {
        let inner = &self.inner;
        let (store, clock) = (inner.handle.store(), inner.handle.clock());
        let claimed =
            lease::claim_one(store, clock.as_ref(), inner.owner, inner.settings.lease, flow.0).await?;
        let Some(row) = claimed else { return Ok(None) };
        let (_drain, draining) = watch::channel(false);
        Ok(Some(inner.turn(row, draining).await))
    }
}

impl Inner {
    async fn turn(&self, row: flow::Model, draining: watch::Receiver<bool>) -> End {
        let Some(workflow) = self.workflows.get(row.kind.as_str()).cloned() else { return End::Drained };
        let entries = match lease::journal(self.handle.store(), row.id).await {
            Ok(entries) => entries,
            Err(error) => return End::Trouble(error),
        };
        let terms = Terms {
            handle: self.handle.clone(),
            lease: self.settings.lease,
            undo_attempts: self.settings.undo_attempts,
            draining,
            faults: self.faults.clone(),
        };
        let lease = Lease { flow: row.id, owner: self.owner, epoch: row.epoch };
        let turn = Arc::new(Turn::new(terms, lease, row, entries));
        let _listed = Listed::new(self, turn.clone());
        turn.take(workflow.as_ref()).await
    }
}

/// A turn in the list of those whose leases are renewed.
struct Listed<'a> {
    inner: &'a Inner,
    flow: Uuid,
}

impl<'a> Listed<'a> {
    fn new(inner: &'a Inner, turn: Arc<Turn>) -> Self {
        let flow = turn.flow();
        inner.turns.lock().unwrap_or_else(PoisonError::into_inner).insert(flow, turn);
        Self { inner, flow }
    }
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.inner.turns.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.flow);
    }
}

async fn take_turn(inner: Arc<Inner>, row: flow::Model, draining: watch::Receiver<bool>) {
    let id = row.id;
    match inner.turn(row, draining).await {
        End::Kept | End::Drained | End::Crashed => {}
        End::Lost => tracing::warn!(flow = %id, "another process has taken this flow over"),
        End::Trouble(error) => {
            tracing::warn!(flow = %id, %error, "the journal cannot be kept; the flow goes on later");
            let due = inner.handle.clock().now() + TROUBLE;
            // When this fails too, the flow goes on once the lease has expired.
            let _ = lease::release(inner.handle.store(), inner.owner, Some(id), due).await;
        }
    }
}

/// Keeps the leases of running flows alive, and stops turns whose lease is gone.
async fn renew(inner: Arc<Inner>) {
    let (store, clock, length) = (inner.handle.store(), inner.handle.clock(), inner.settings.lease);
    let mut renewed = clock.now();
    let mut next = renewed + length / 3;
    loop {
        clock.sleep_until(next).await;
        // Counted from here and not from the end of the renewal, which a slow store draws out.
        next = clock.now() + length / 3;
        let running: Vec<_> =
            inner.turns.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        if running.is_empty() {
            renewed = clock.now();
            continue;
        }
        let ids: Vec<_> = running.iter().map(|turn| turn.flow()).collect();
        match lease::renew(store, clock.as_ref(), inner.owner, length, &ids).await {
            Ok(held) => {
                renewed = clock.now();
                // A turn that has just ended has no lease either; stopping it changes nothing then.
                running
                    .iter()
                    .filter(|turn| !held.contains(&turn.flow()))
                    .for_each(|turn| turn.stop(End::Lost));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot renew the leases of running flows");
                if clock.now() - renewed >= length {
                    // Another process may take them from now on, so nothing more may be done to the world.
                    running.iter().for_each(|turn| turn.stop(End::Lost));
                }
            }
        }
    }
}

/// Removes old journals, once a day.
async fn prune(inner: Arc<Inner>) {
    loop {
        let before = inner.handle.clock().now() - inner.settings.keep_settled;
        match inner.handle.prune(before).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed the journals of flows that ended long ago"),
            Err(error) => tracing::warn!(%error, "could not remove old journals"),
        }
        inner.handle.clock().sleep(Duration::from_secs(24 * 3600)).await;
    }
}
