//! One turn of a flow: its code from the top, over the journal, until it waits, ends or must stop.

mod record;
mod steps;
mod undo;

use std::{
    collections::HashSet,
    future::pending,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::FutureExt;
use guildhall_core::error::panic_text;
use guildhall_store::{StoreError, Timestamp};
use time::OffsetDateTime;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::{
    Failure, Flow, FlowId, Handle, State, StepError,
    fault::{Fault, Faults, Point},
    handle::VALUE_LIMIT,
    lease::{Change, Lease, failure_from},
    table::{EntryKind, flow, step},
    workflow::AnyWorkflow,
};
use undo::Registered;

/// The first back-off; each further one is twice as long.
const BACK_OFF: Duration = Duration::from_millis(500);
/// The longest back-off.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(60);
/// The most steps and waits that a flow may have: all of them are read again after every wait.
const STEP_LIMIT: usize = 10_000;

/// Why a turn ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The flow has ended, is stuck, or waits; the journal has it and the lease is given back.
    Kept,
    /// The engine ends; the lease is still held.
    Drained,
    /// Another process has the flow.
    Lost,
    /// The store did not do its part; the lease is still held.
    Trouble(StoreError),
    /// The test kit ended the program.
    Crashed,
}

/// What a turn runs with.
pub(crate) struct Terms {
    pub(crate) handle: Handle,
    pub(crate) lease: Duration,
    pub(crate) undo_attempts: u32,
    pub(crate) draining: watch::Receiver<bool>,
    pub(crate) faults: Option<Arc<dyn Faults>>,
}

/// A turn under way. It is the embedded engine's [`Journal`].
pub(crate) struct Turn {
    terms: Terms,
    lease: Lease,
    row: flow::Model,
    progress: Mutex<Progress>,
    end: Mutex<Option<End>>,
    ended: Notify,
}

struct Progress {
    /// The journal, with what this turn has added.
    entries: Vec<step::Model>,
    /// The position of the next step.
    next: usize,
    names: HashSet<String>,
    /// A step is under way.
    busy: bool,
    /// A step was begun and dropped before it ended.
    dropped: Option<String>,
    /// The flow cannot do new steps any more, because of this.
    failing: Option<Failure>,
    /// Somebody wants it to end.
    cancel: Option<Failure>,
    /// What has been done is being undone.
    unwinding: bool,
    /// The undos of the steps so far, in the steps' order.
    undos: Vec<Registered>,
}

/// A step under way, as the journal knows it.
struct Entered<'t> {
    turn: &'t Turn,
    position: usize,
    kind: EntryKind,
    name: String,
    recorded: Option<step::Model>,
    over: bool,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let mut progress = self.turn.progress();
        progress.busy = false;
        if !self.over {
            progress.dropped = Some(std::mem::take(&mut self.name));
        }
    }
}

impl Turn {
    pub(crate) fn new(terms: Terms, lease: Lease, row: flow::Model, entries: Vec<step::Model>) -> Self {
        let unwinding = row.state == State::Unwinding;
        let failing = unwinding.then(|| failure_from(row.cause.as_deref().unwrap_or_default()));
        let progress = Progress {
            entries,
            next: 0,
            names: HashSet::new(),
            busy: false,
            dropped: None,
            failing,
            cancel: row.cancel.as_deref().map(failure_from),
            unwinding,
            undos: Vec::new(),
        };
        Self {
            terms,
            lease,
            row,
            progress: Mutex::new(progress),
            end: Mutex::new(None),
            ended: Notify::new(),
        }
    }

    pub(crate) fn flow(&self) -> Uuid {
        self.lease.flow
    }

    /// Runs the workflow over the journal.
    pub(crate) async fn take(self: &Arc<Self>, workflow: &dyn AnyWorkflow) -> End {
        let Ok(tenant) = self.row.tenant.parse() else {
            let reason = format!("the tenant {:?} of the flow is none", self.row.tenant);
            return End::Trouble(StoreError::Corrupt { table: "flow", reason });
        };
        let flow = Flow::new(FlowId(self.row.id), tenant, self.clone());
        let result = {
            let run = AssertUnwindSafe(workflow.run(&flow, &self.row.input)).catch_unwind();
            tokio::select! {
                biased;
                end = self.ended() => return end,
                result = run => result,
            }
        };
        let result = result.unwrap_or_else(|panic| Err(panicked(panic.as_ref()).into()));
        tokio::select! {
            biased;
            end = self.ended() => end,
            end = self.conclude(result) => end,
        }
    }

    /// Stops the turn from outside or inside; the first reason stands.
    pub(crate) fn stop(&self, end: End) {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(end);
        self.ended.notify_one();
    }

    async fn ended(&self) -> End {
        loop {
            if let Some(end) = self.end.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return end;
            }
            self.ended.notified().await;
        }
    }

    /// Stops the turn; the caller's code goes no further.
    async fn halt<T>(&self, end: End) -> T {
        self.stop(end);
        pending().await
    }

    async fn stuck<T>(&self, failure: Failure) -> T {
        tracing::error!(
            flow = %self.lease.flow, kind = self.row.kind, key = self.row.name, code = failure.code,
            "a flow is stuck: {failure}"
        );
        let from = if self.progress().unwinding { State::Unwinding } else { State::Running };
        self.keep(None, Change::Stuck { from, because: self.terms.handle.kept(&failure) }).await;
        self.halt(End::Kept).await
    }

    /// The workflow's code has come to its end.
    async fn conclude(&self, result: Result<String, Failure>) -> End {
        let (read, recorded, dropped) = {
            let progress = self.progress();
            (progress.next, progress.entries.len(), progress.dropped.clone())
        };
        if let Some(name) = dropped {
            return self.stuck(dropped_step(&name)).await;
        }
        if read < recorded {
            let name = self.progress().entries[read].name.clone();
            return self
                .stuck(not_deterministic(&format!("it ended before {name}, which it did before")))
                .await;
        }
        match result {
            Ok(_) if self.row.state == State::Unwinding => {
                self.stuck(not_deterministic("it ended well, but it had failed before")).await
            }
            Ok(output) if output.len() > VALUE_LIMIT => {
                self.unwind(too_large("the workflow", output.len())).await
            }
            Ok(output) => {
                let settle = Change::Settle { state: State::Done, output: Some(output), cause: None };
                self.keep(None, settle).await;
                End::Kept
            }
            Err(failure) => self.unwind(failure).await,
        }
    }

    /// Begins the next step, unless the flow can do none.
    async fn enter(&self, kind: EntryKind, name: &str) -> Result<Entered<'_>, Failure> {
        let wrong = {
            let mut progress = self.progress();
            let position = progress.next;
            let recorded = progress.entries.get(position).cloned();
            let wrong = self.mismatch(&progress, recorded.as_ref(), kind, name);
            if wrong.is_none() {
                if let (None, Some(failing)) = (&recorded, &progress.failing) {
                    return Err(failing.clone());
                }
                progress.names.insert(name.to_owned());
                progress.next += 1;
                progress.busy = true;
                let name = name.to_owned();
                return Ok(Entered { turn: self, position, kind, name, recorded, over: false });
            }
            wrong
        };
        match wrong {
            Some(failure) => self.stuck(failure).await,
            None => pending().await,
        }
    }

    fn mismatch(
        &self,
        progress: &Progress,
        recorded: Option<&step::Model>,
        kind: EntryKind,
        name: &str,
    ) -> Option<Failure> {
        if let Some(dropped) = &progress.dropped {
            return Some(dropped_step(dropped));
        }
        if progress.busy {
            return Some(not_deterministic(&format!("it does {name} at the same time as another step")));
        }
        if progress.names.contains(name) {
            return Some(not_deterministic(&format!("it has two steps named {name}")));
        }
        if progress.next >= STEP_LIMIT {
            return Some(not_deterministic(&format!(
                "it has more than {STEP_LIMIT} steps; it may go in circles"
            )));
        }
        let entry = recorded?;
        let at = usize::try_from(entry.position).ok();
        let same = entry.kind == kind && entry.name == name && at == Some(progress.next);
        (!same).then(|| {
            not_deterministic(&format!(
                "where it had the {} {} before, it now has the {kind} {name}",
                entry.kind, entry.name
            ))
        })
    }

    /// Why the flow may not go on: it was cancelled, or its time is over.
    fn overdue(&self) -> Option<Failure> {
        let progress = self.progress();
        if let Some(failing) = &progress.failing {
            return Some(failing.clone());
        }
        if let Some(reason) = &progress.cancel {
            return Some(reason.clone());
        }
        let deadline = self.row.deadline_at.time();
        (deadline <= self.terms.handle.clock().now()).then(|| {
            let allowed = deadline - self.row.created_at.time();
            Failure::new("deadline", format!("It was not done within {allowed}."))
                .remedy("Look at what it waited for, then try again.")
        })
    }

    /// One try of an effect or an undo, within its time and the flow's.
    async fn attempt<T>(
        &self,
        effect: impl Future<Output = Result<T, StepError>>,
        within: Duration,
    ) -> Result<T, StepError> {
        tokio::select! {
            biased;
            result = AssertUnwindSafe(effect).catch_unwind() => {
                result.unwrap_or_else(|panic| Err(panicked(panic.as_ref())))
            }
            () = self.terms.handle.clock().sleep(within) => {
                let message = format!("It took longer than {within:?}.");
                Err(StepError::transient("timed_out", message))
            }
        }
    }

    async fn meet(&self, point: Point<'_>) -> Fault {
        let Some(faults) = &self.terms.faults else { return Fault::None };
        match faults.meet(point) {
            Fault::Crash => self.halt(End::Crashed).await,
            fault => fault,
        }
    }

    fn now(&self) -> Timestamp {
        self.terms.handle.clock().now().into()
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A time that far on, or the last there is.
pub(crate) fn later(now: OffsetDateTime, by: Duration) -> OffsetDateTime {
    now.saturating_add(time::Duration::try_from(by).unwrap_or(time::Duration::MAX))
}

fn back_off(attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(16);
    BACK_OFF.saturating_mul(1 << doublings).min(LONGEST_BACK_OFF)
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> StepError {
    StepError {
        detail: Some(panic_text(panic)),
        ..StepError::permanent("panicked", "Something went wrong inside Guildhall.")
            .remedy("Report it with the log.")
    }
}

fn injected() -> StepError {
    StepError::permanent("injected", "The test kit made this fail.")
}

fn too_large(what: &str, size: usize) -> Failure {
    Failure::new(
        "output_too_large",
        format!("What {what} gave is {size} bytes; at most {VALUE_LIMIT} are kept."),
    )
}

fn dropped_step(name: &str) -> Failure {
    not_deterministic(&format!("it dropped the step {name} before that ended"))
}

fn not_deterministic(what: &str) -> Failure {
    Failure {
        remedy: Some("Run the program that began it, or mend the workflow, then resume the flow.".to_owned()),
        ..Failure::new("not_deterministic", format!("The workflow does not keep to its journal: {what}."))
    }
}
