//! What a turn writes: journal entries and what becomes of the flow, both or neither, while the lease holds.

use guildhall_store::operator;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, sea_query::OnConflict,
};
use time::OffsetDateTime;

use super::{End, Turn};
use crate::{
    Failure,
    lease::{Change, WriteError},
    table::{EntryKind, EntryState, signal, step},
};

impl Turn {
    /// Writes an entry and what becomes of the flow, in one transaction, if the lease holds.
    pub(super) async fn keep(&self, entry: Option<step::Model>, change: Change) {
        match self.try_keep(entry, change, None).await {
            Ok(()) => {}
            Err(WriteError::Lost) => self.halt(End::Lost).await,
            Err(WriteError::Store(error)) => self.halt(End::Trouble(error)).await,
        }
    }

    pub(super) async fn try_keep(
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
            operator::delete::<signal::Entity>()
                .filter(signal::Column::Seq.eq(signal.seq))
                .exec(tx.conn())
                .await?;
        }
        match &change {
            Change::Go | Change::Unwind { .. } => {}
            Change::Park { .. } => handle.wake_after(&tx),
            Change::Settle { .. } | Change::Stuck { .. } => handle.tell_after(&tx, self.lease.flow),
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
    pub(super) fn entry(&self, position: usize, kind: EntryKind, name: &str) -> step::Model {
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

    pub(super) async fn fail_wait(&self, entry: step::Model, failure: Failure) -> Failure {
        let failure = Failure { step: Some(entry.name.clone()), ..failure };
        let failed = step::Model {
            state: EntryState::Failed,
            failure: Some(self.terms.handle.kept(&failure)),
            at: self.now(),
            ..entry
        };
        self.keep(Some(failed), Change::Go).await;
        self.progress().failing = Some(failure.clone());
        failure
    }

    pub(super) async fn park(
        &self,
        entry: step::Model,
        due: OffsetDateTime,
        waiting: String,
        signal: Option<String>,
    ) {
        let due = due.min(self.row.deadline_at.time());
        self.keep(Some(entry), Change::Park { due, waiting, signal }).await;
    }
}
