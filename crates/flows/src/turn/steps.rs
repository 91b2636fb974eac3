//! What a workflow asks of its journal: steps, sleeps and signals.

use std::time::Duration;

use async_trait::async_trait;
use guildhall_store::Timestamp;
use serde_json::Value;
use time::OffsetDateTime;

use super::{End, Entered, Turn, back_off, injected, later, too_large};
use crate::{
    Failure, StepError,
    fault::{Fault, Place, Point},
    handle::VALUE_LIMIT,
    journal::{Effect, Journal, StepCall},
    lease::{Change, WriteError, failure_from},
    table::{EntryKind, EntryState, step},
};

#[async_trait]
impl Journal for Turn {
    async fn step(&self, call: StepCall<'_>) -> Result<Value, Failure> {
        let mut entered = self.enter(EntryKind::Step, call.name).await?;
        let entry = entered.recorded.take();
        let entry = entry.unwrap_or_else(|| self.entry(entered.position, EntryKind::Step, call.name));
        let result = match entry.state {
            EntryState::Done => {
                let output: Value = entry
                    .output
                    .as_deref()
                    .and_then(|text| serde_json::from_str(text).ok())
                    .unwrap_or(Value::Null);
                self.register(entered.position, Some(output.clone()), call.within, call.undo);
                Ok(output)
            }
            EntryState::Failed => {
                self.register(entered.position, None, call.within, call.undo);
                Err(failure_from(entry.failure.as_deref().unwrap_or_default()))
            }
            EntryState::Waiting => self.do_step(entry, call).await,
        };
        entered.over = true;
        result
    }

    async fn sleep(&self, name: &str, duration: Duration) -> Result<(), Failure> {
        let mut entered = self.enter(EntryKind::Sleep, name).await?;
        let result = match self.wait_entry(&mut entered, duration) {
            Wait::Over { entry } if entry.state == EntryState::Done => Ok(()),
            Wait::Over { entry } => Err(failure_from(entry.failure.as_deref().unwrap_or_default())),
            Wait::Going { entry, due, over } => match self.wait_failure(&entry).await {
                Some(failure) => Err(self.fail_wait(entry, failure).await),
                None if over => {
                    self.end_wait(entry).await;
                    Ok(())
                }
                None => self.go_on_waiting(entry, due).await,
            },
        };
        entered.over = true;
        result
    }

    async fn signal(&self, name: &str, within: Duration) -> Result<Option<Value>, Failure> {
        let mut entered = self.enter(EntryKind::Signal, name).await?;
        let result = match self.wait_entry(&mut entered, within) {
            Wait::Over { entry } if entry.state == EntryState::Done => {
                // A signal is kept as a list of one, so that one whose payload is null is not none.
                let kept: Option<Vec<Value>> =
                    entry.output.as_deref().and_then(|text| serde_json::from_str(text).ok());
                Ok(kept.and_then(|mut values| values.pop()))
            }
            Wait::Over { entry } => Err(failure_from(entry.failure.as_deref().unwrap_or_default())),
            Wait::Going { entry, due, over } => match self.wait_failure(&entry).await {
                Some(failure) => Err(self.fail_wait(entry, failure).await),
                None => match self.take_signal(&entry).await {
                    Ok(Some(payload)) => Ok(Some(payload)),
                    Ok(None) if over => {
                        self.end_wait(entry).await;
                        Ok(None)
                    }
                    Ok(None) => self.go_on_waiting(entry, due).await,
                    Err(WriteError::Lost) => self.halt(End::Lost).await,
                    Err(WriteError::Store(error)) => self.halt(End::Trouble(error)).await,
                },
            },
        };
        entered.over = true;
        result
    }
}

/// A sleep or a signal, as the journal knows it.
enum Wait {
    /// It has ended.
    Over { entry: step::Model },
    /// It has not, and `over` tells whether it may now.
    Going { entry: step::Model, due: OffsetDateTime, over: bool },
}

impl Turn {
    /// Does a step that the journal does not have, or has as one to be tried again.
    async fn do_step(&self, entry: step::Model, call: StepCall<'_>) -> Result<Value, Failure> {
        let StepCall { name, effect, undo, retries, within } = call;
        let position = usize::try_from(entry.position).unwrap_or(usize::MAX);
        let point = |place| Point { name, kind: EntryKind::Step, undo: false, place };
        if let Some(failure) = self.overdue() {
            // An earlier try, cut off by a crash, may have had its effect; so the undo is due.
            let failure = self.fail_wait(entry, failure).await;
            self.register(position, None, within, undo);
            return Err(failure);
        }
        if *self.terms.draining.borrow() {
            self.halt::<()>(End::Drained).await;
        }
        let left = (self.row.deadline_at.time() - self.terms.handle.clock().now()).max(time::Duration::ZERO);
        let mut result = match self.meet(point(Place::Before)).await {
            Fault::Fail => Err(injected()),
            _ => {
                self.attempt(self.begin(effect, point(Place::During)), within.min(left.unsigned_abs())).await
            }
        };
        if result.is_ok() && self.meet(point(Place::After)).await == Fault::Fail {
            result = Err(injected());
        }
        let result = result.and_then(|value| {
            let text = value.to_string();
            if text.len() > VALUE_LIMIT {
                let failure = too_large(name, text.len());
                return Err(StepError::permanent(failure.code, failure.message));
            }
            Ok((value, text))
        });
        match result {
            Ok((value, text)) => {
                let done = step::Model {
                    state: EntryState::Done,
                    output: Some(text),
                    failure: None,
                    due_at: None,
                    attempts: entry.attempts.saturating_add(1),
                    at: self.now(),
                    ..entry
                };
                self.keep(Some(done), Change::Go).await;
                self.meet(point(Place::Kept)).await;
                self.register(position, Some(value.clone()), within, undo);
                Ok(value)
            }
            Err(error) => {
                let attempts = entry.attempts.saturating_add(1);
                let again =
                    error.transient && u32::try_from(entry.attempts).is_ok_and(|tried| tried < retries);
                if again && self.overdue().is_none() {
                    let due = later(self.terms.handle.clock().now(), back_off(attempts));
                    let failure = self.terms.handle.kept(&Failure::of_step(name, error));
                    let entry =
                        step::Model { attempts, failure: Some(failure), due_at: Some(due.into()), ..entry };
                    self.park(entry, due, format!("retry {name}"), None).await;
                    return self.halt(End::Kept).await;
                }
                let failure = match self.overdue() {
                    Some(overdue) if again => Failure { step: Some(name.to_owned()), ..overdue },
                    _ => Failure::of_step(name, error),
                };
                let failed = step::Model {
                    state: EntryState::Failed,
                    failure: Some(self.terms.handle.kept(&failure)),
                    due_at: None,
                    attempts,
                    at: self.now(),
                    ..entry
                };
                self.keep(Some(failed), Change::Go).await;
                self.meet(point(Place::Kept)).await;
                self.register(position, None, within, undo);
                Err(failure)
            }
        }
    }

    /// The effect; or only its beginning, when the test kit ends the program in its midst.
    async fn begin(&self, effect: Effect<'_>, point: Point<'_>) -> Result<Value, StepError> {
        let mut effect = effect();
        if self.terms.faults.as_ref().is_some_and(|faults| faults.meet(point) == Fault::Crash) {
            let _ = futures::poll!(&mut effect);
            drop(effect);
            return self.halt(End::Crashed).await;
        }
        effect.await
    }

    fn wait_entry(&self, entered: &mut Entered<'_>, duration: Duration) -> Wait {
        let now = self.terms.handle.clock().now();
        match entered.recorded.take() {
            Some(entry) if entry.state != EntryState::Waiting => Wait::Over { entry },
            Some(entry) => {
                let due = entry.due_at.map_or(now, Timestamp::time);
                Wait::Going { entry, due, over: due <= now }
            }
            None => {
                let due = later(now, duration);
                let entry = self.entry(entered.position, entered.kind, &entered.name);
                // A wait of no time is kept once all the same, so that it is in the journal when it ends.
                Wait::Going { entry: step::Model { due_at: Some(due.into()), ..entry }, due, over: false }
            }
        }
    }

    async fn wait_failure(&self, entry: &step::Model) -> Option<Failure> {
        if let Some(failure) = self.overdue() {
            return Some(failure);
        }
        let point = Point { name: &entry.name, kind: entry.kind, undo: false, place: Place::Before };
        (self.meet(point).await == Fault::Fail).then(|| injected().into())
    }

    async fn end_wait(&self, entry: step::Model) {
        let done = step::Model { state: EntryState::Done, at: self.now(), ..entry.clone() };
        self.keep(Some(done), Change::Go).await;
        self.meet(Point { name: &entry.name, kind: entry.kind, undo: false, place: Place::Kept }).await;
    }

    async fn go_on_waiting<T>(&self, entry: step::Model, due: OffsetDateTime) -> T {
        let name = entry.name.clone();
        let waiting = format!("{} {name}", entry.kind);
        let signal = (entry.kind == EntryKind::Signal).then_some(name);
        self.park(entry, due, waiting, signal).await;
        self.halt(End::Kept).await
    }

    /// Reads a signal that has come and keeps it, in one transaction.
    async fn take_signal(&self, entry: &step::Model) -> Result<Option<Value>, WriteError> {
        let reader = self.terms.handle.store().reader();
        let Some(signal) = self.lease.first_signal(reader, &entry.name).await? else { return Ok(None) };
        let payload: Value = serde_json::from_str(&signal.payload).unwrap_or(Value::Null);
        let done = step::Model {
            state: EntryState::Done,
            output: Some(Value::Array(vec![payload.clone()]).to_string()),
            due_at: None,
            at: self.now(),
            ..entry.clone()
        };
        // Only the holder of the lease takes signals away, so this one is still there.
        self.try_keep(Some(done), Change::Go, Some(signal)).await?;
        self.meet(Point { name: &entry.name, kind: entry.kind, undo: false, place: Place::Kept }).await;
        Ok(Some(payload))
    }
}
