//! The catalogue: every operation of the installation, and the one way to call them.
//!
//! [`Catalogue::call`] does, in this order: look up, permission, rate limit, read the input, ask for a
//! confirmation, run, keep the audit record. No face does any of that itself.

mod bound;
mod call;
mod rate;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    Actor, Clock, Error, Kind, Operations, Spec,
    audit::AuditLog,
    document::Action,
    operation::Choice,
    permission::{self, Permissions},
    suggest,
};

use bound::{Bound, BoundCompleter, BoundOperation, DomainCompleter};
pub use call::{Reply, Request};

/// Every operation of the installation.
pub struct Catalogue {
    entries: BTreeMap<&'static str, Box<dyn Bound>>,
    completers: BTreeMap<&'static str, Box<dyn BoundCompleter>>,
    audit: Arc<dyn AuditLog>,
    clock: Arc<dyn Clock>,
    permissions: Arc<dyn Permissions>,
    limiter: rate::Limiter,
    unrecorded: AtomicU64,
}

/// Puts a catalogue together.
pub struct CatalogueBuilder {
    catalogue: Catalogue,
}

impl Catalogue {
    /// An empty catalogue that keeps its records in `audit`.
    pub fn builder(
        audit: Arc<dyn AuditLog>,
        clock: Arc<dyn Clock>,
        permissions: Arc<dyn Permissions>,
    ) -> CatalogueBuilder {
        let limiter = rate::Limiter::new(clock.clone());
        CatalogueBuilder {
            catalogue: Self {
                entries: BTreeMap::new(),
                completers: BTreeMap::new(),
                audit,
                clock,
                permissions,
                limiter,
                unrecorded: AtomicU64::new(0),
            },
        }
    }

    /// What is known of each operation, by name.
    pub fn specs(&self) -> impl Iterator<Item = &Spec> {
        self.entries.values().map(|entry| entry.spec())
    }

    /// What is known of one operation.
    pub fn spec(&self, name: &str) -> Option<&Spec> {
        self.entries.get(name).map(|entry| entry.spec())
    }

    /// Refusals that were answered but not recorded, because one actor had more than 60 in a minute.
    pub fn unrecorded(&self) -> u64 {
        self.unrecorded.load(Ordering::Relaxed)
    }

    /// Values for an input while a person types; at most 25 (Discord's limit). Nobody is offered what they
    /// may not use.
    pub async fn complete(
        &self,
        actor: &Actor,
        operation: &str,
        field: &str,
        partial: &str,
    ) -> Result<Vec<Choice>, Error> {
        let spec = self.spec(operation).ok_or_else(|| self.unknown(operation))?;
        if permission::check(actor, self.permissions.required(actor, spec).await?, spec.name).is_err() {
            return Ok(Vec::new());
        }
        let completer = spec
            .fields
            .iter()
            .find(|candidate| candidate.name == field)
            .and_then(|field| field.complete.as_deref())
            .and_then(|name| self.completers.get(name));
        let Some(completer) = completer else { return Ok(Vec::new()) };
        let mut choices = completer.complete(actor, partial).await?;
        choices.truncate(25);
        Ok(choices)
    }

    fn unknown(&self, name: &str) -> Error {
        let shown: String = name.chars().take(64).collect();
        let mut error =
            Error::new(Kind::NotFound, "unknown_operation", format!("There is no operation '{shown}'."));
        let near = suggest::nearest(&shown, self.entries.keys().copied(), 3);
        if !near.is_empty() {
            error = error.remedy(format!("Did you mean: {}?", near.join(", ")));
        }
        for name in near.into_iter().filter(|name| self.spec(name).is_some_and(|s| s.fields.is_empty())) {
            error = error.action(Action::new(name, name, serde_json::json!({})));
        }
        error
    }
}

impl CatalogueBuilder {
    /// Adds a domain's operations, bound to the running domain.
    ///
    /// # Panics
    ///
    /// When two operations have one name: the program is put together wrongly.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "the catalogue shares the domain from here on")]
    pub fn add<D: Send + Sync + 'static>(mut self, operations: Operations<D>, domain: Arc<D>) -> Self {
        for entry in operations.entries {
            let name = entry.spec.name;
            let bound = Box::new(BoundOperation { unbound: entry, domain: domain.clone() });
            assert!(self.catalogue.entries.insert(name, bound).is_none(), "two operations are called {name}");
        }
        for (name, complete) in operations.completers {
            let completer = Box::new(DomainCompleter { complete, domain: domain.clone() });
            self.catalogue.completers.insert(name, completer);
        }
        self
    }

    /// The catalogue.
    pub fn build(self) -> Catalogue {
        self.catalogue
    }
}
