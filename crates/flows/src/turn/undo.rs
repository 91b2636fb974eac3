//! The way back: the undos of a flow's steps, last first, each kept in the journal.

use std::time::Duration;

use serde_json::Value;

use super::{End, Turn, back_off, injected, later};
use crate::{
    Failure, State, StepError,
    fault::{Fault, Place, Point},
    journal::UndoFn,
    lease::{Change, failure_from},
    table::step,
};

/// An undo that this turn has come by, for when the flow fails.
pub(super) struct Registered {
    position: usize,
    output: Option<Value>,
    within: Duration,
    undo: UndoFn,
}

impl Turn {
    pub(super) fn register(
        &self,
        position: usize,
        output: Option<Value>,
        within: Duration,
        undo: Option<UndoFn>,
    ) {
        if let Some(undo) = undo {
            self.progress().undos.push(Registered { position, output, within, undo });
        }
    }

    /// Undoes what has been done, last first.
    pub(super) async fn unwind(&self, failure: Failure) -> End {
        let cause = if self.row.state == State::Unwinding {
            failure_from(self.row.cause.as_deref().unwrap_or_default())
        } else {
            self.keep(None, Change::Unwind { cause: self.terms.handle.kept(&failure) }).await;
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
        let settle = Change::Settle {
            state: State::Failed,
            output: None,
            cause: Some(self.terms.handle.kept(&cause)),
        };
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
}
