//! A write transaction, and what is to happen once it has been committed.

use std::sync::{Mutex, PoisonError};

use sea_orm::DatabaseTransaction;
use tracing::Span;

use crate::StoreError;

type Hook = Box<dyn FnOnce() + Send>;

/// A write transaction. Dropped without [`commit`](Tx::commit), it is rolled back.
///
/// On SQLite it is the only writer while it lives, so do nothing slow in it: no network, no waiting, and no
/// call that writes through another transaction, which would wait for this one.
pub struct Tx {
    transaction: DatabaseTransaction,
    hooks: Mutex<Vec<Hook>>,
    /// Ends with the transaction, however that ends.
    span: Span,
}

impl Tx {
    pub(crate) fn new(transaction: DatabaseTransaction, span: Span) -> Self {
        Self { transaction, hooks: Mutex::new(Vec::new()), span }
    }

    /// What SeaORM's queries run on.
    pub fn conn(&self) -> &DatabaseTransaction {
        &self.transaction
    }

    /// Runs `hook` right after the commit, and never when there is none. For waking listeners; it must not
    /// block.
    pub fn after_commit(&self, hook: impl FnOnce() + Send + 'static) {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(hook));
    }

    /// Makes it so. When this returns the change is safe on disk.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.transaction.commit().await?;
        drop(self.span);
        for hook in self.hooks.into_inner().unwrap_or_else(PoisonError::into_inner) {
            hook();
        }
        Ok(())
    }

    /// Takes it back now, rather than when the connection is next used.
    pub async fn rollback(self) -> Result<(), StoreError> {
        self.transaction.rollback().await.map_err(Into::into)
    }
}
