//! One turn of a flow: its code from the top, over the journal, until it waits, ends or must stop.

mod steps;

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
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, sea_query::OnConflict,
};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::{
    Failure, Flow, FlowId, Handle, State, StepError,
    fault::{Fault, Faults, Place, Point},
    handle::VALUE_LIMIT,
    journal::UndoFn,
    lease::{Change, Lease, WriteError, failure_from, failure_text},
    table::{EntryKind, EntryState, flow, signal, step},
    workflow::AnyWorkflow,
};

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
    undos: Vec<Registered>,
}

struct Registered {
    position: usize,
    output: Option<Value>,
    within: Duration,
    undo: UndoFn,
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
        self.keep(None, Change::Stuck { from, because: failure_text(&failure) }).await;
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

    /// Undoes what has been done, last first.
    async fn unwind(&self, failure: Failure) -> End {
        let cause = if self.row.state == State::Unwinding {
            failure_from(self.row.cause.as_deref().unwrap_or_default())
        } else {
            self.keep(None, Change::Unwind { cause: failure_text(&failure) }).await;
            failure
        };
        let undos = {
            let mut progress = self.progress();
            progress.unwinding = true;
            std::mem::take(&mut progress.undos)
        };
        for registered in undos.into_iter().rev() {
            self.undo(registered, &cause).await;
        }
        tracing::warn!(
            flow = %self.lease.flow, kind = self.row.kind, key = self.row.name, code = cause.code,
            step = cause.step, detail = cause.detail, "a flow failed and was undone: {cause}"
        );
        let settle = Change::Settle { state: State::Failed, output: None, cause: Some(failure_text(&cause)) };
        self.keep(None, settle).await;
        End::Kept
    }

    async fn undo(&self, registered: Registered, cause: &Failure) {
        let Registered { position, output, within, undo } = registered;
        let entry = self.progress().entries[position].clone();
        if entry.undone_at.is_some() {
            return;
        }
        if *self.terms.draining.borrow() {
            self.halt::<()>(End::Drained).await;
        }
        let point = |place| Point { name: &entry.name, kind: entry.kind, undo: true, place };
        let mut result = match self.meet(point(Place::Before)).await {
            Fault::Fail => Err(injected()),
            _ => self.attempt(undo(output, cause.clone()), within).await,
        };
        if result.is_ok() && self.meet(point(Place::After)).await == Fault::Fail {
            result = Err(injected());
        }
        match result {
            Ok(()) => {
                let undone = step::Model { undone_at: Some(self.now()), ..entry.clone() };
                self.keep(Some(undone), Change::Go).await;
                self.meet(point(Place::Kept)).await;
            }
            Err(error) => self.put_off_undo(entry, error).await,
        }
    }

    async fn put_off_undo(&self, entry: step::Model, error: StepError) {
        let attempts = entry.undo_attempts.saturating_add(1);
        let name = entry.name.clone();
        tracing::warn!(
            flow = %self.lease.flow, step = name, attempts, detail = error.detail, "an undo did not work: {error}"
        );
        let waiting = step::Model { undo_attempts: attempts, ..entry };
        if u32::try_from(attempts).unwrap_or(u32::MAX) >= self.terms.undo_attempts {
            self.keep(Some(waiting), Change::Go).await;
            let failure = Failure {
                step: Some(name.clone()),
                remedy: Some(
                    "Mend what it names, then resume the flow; or tidy up by hand and abandon it.".to_owned(),
                ),
                detail: error.detail.clone(),
                ..Failure::new("undo_failed", format!("The step {name} could not be undone: {error}"))
            };
            return self.stuck(failure).await;
        }
        let due = later(self.terms.handle.clock().now(), back_off(attempts));
        let park = Change::Park { due, waiting: format!("undo {name}"), signal: None };
        self.keep(Some(waiting), park).await;
        self.halt::<()>(End::Kept).await;
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

    /// Writes an entry and what becomes of the flow, in one transaction, if the lease holds.
    async fn keep(&self, entry: Option<step::Model>, change: Change) {
        match self.try_keep(entry, change, None).await {
            Ok(()) => {}
            Err(WriteError::Lost) => self.halt(End::Lost).await,
            Err(WriteError::Store(error)) => self.halt(End::Trouble(error)).await,
        }
    }

    async fn try_keep(
        &self,
        entry: Option<step::Model>,
        change: Change,
        consumed: Option<signal::Model>,
    ) -> Result<(), WriteError> {
        let handle = &self.terms.handle;
        let tx = handle.store().begin().await?;
        let cancel = self.lease.change(&tx, handle.clock().as_ref(), self.terms.lease, &change).await?;
        if let Some(entry) = &entry {
            let columns = [
                step::Column::State,
                step::Column::Output,
                step::Column::Failure,
                step::Column::DueAt,
                step::Column::Attempts,
                step::Column::UndoAttempts,
                step::Column::At,
                step::Column::UndoneAt,
            ];
            let again = OnConflict::columns([step::Column::Flow, step::Column::Position])
                .update_columns(columns)
                .to_owned();
            let row = entry.clone().into_active_model().reset_all();
            step::Entity::insert(row).on_conflict(again).exec_without_returning(tx.conn()).await?;
        }
        if let Some(signal) = consumed {
            guildhall_store::operator::delete::<signal::Entity>()
                .filter(signal::Column::Seq.eq(signal.seq))
                .exec(tx.conn())
                .await?;
        }
        match &change {
            Change::Go | Change::Unwind { .. } => {}
            Change::Park { .. } => handle.wake_after(&tx),
            Change::Settle { .. } | Change::Stuck { .. } => handle.tell_after(&tx),
        }
        tx.commit().await?;

        let mut progress = self.progress();
        if cancel.is_some() {
            progress.cancel = cancel;
        }
        if let Some(entry) = entry {
            let position = usize::try_from(entry.position).unwrap_or(usize::MAX);
            match progress.entries.get_mut(position) {
                Some(known) => *known = entry,
                None => progress.entries.push(entry),
            }
        }
        Ok(())
    }

    /// A fresh entry at a position.
    fn entry(&self, position: usize, kind: EntryKind, name: &str) -> step::Model {
        step::Model {
            flow: self.row.id,
            // Far below 2^31, see `STEP_LIMIT`.
            position: i32::try_from(position).unwrap_or(i32::MAX),
            tenant: self.row.tenant.clone(),
            kind,
            name: name.to_owned(),
            state: EntryState::Waiting,
            output: None,
            failure: None,
            due_at: None,
            attempts: 0,
            undo_attempts: 0,
            at: self.now(),
            undone_at: None,
        }
    }

    fn register(&self, position: usize, output: Option<Value>, within: Duration, undo: Option<UndoFn>) {
        if let Some(undo) = undo {
            self.progress().undos.push(Registered { position, output, within, undo });
        }
    }

    async fn fail_wait(&self, entry: step::Model, failure: Failure) -> Failure {
        let failure = Failure { step: Some(entry.name.clone()), ..failure };
        let failed = step::Model {
            state: EntryState::Failed,
            failure: Some(failure_text(&failure)),
            at: self.now(),
            ..entry
        };
        self.keep(Some(failed), Change::Go).await;
        self.progress().failing = Some(failure.clone());
        failure
    }

    async fn park(&self, entry: step::Model, due: OffsetDateTime, waiting: String, signal: Option<String>) {
        let due = due.min(self.row.deadline_at.time());
        self.keep(Some(entry), Change::Park { due, waiting, signal }).await;
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
