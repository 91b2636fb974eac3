//! The catalogue: every operation of the installation, and the one way to call them.
//!
//! [`Catalogue::call`] does, in this order: look up, permission, rate limit, read the input, ask for a
//! confirmation, run, keep the audit record. No face does any of that itself.

mod bound;
mod call;
mod clean;
mod people;
mod rate;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    Actor, Clock, Document, Error, Kind, Operations, Spec,
    audit::AuditLog,
    document::Action,
    fault::Faults,
    guild::Guilds,
    incident::{Deaf, Observer, Presenter, Reader, Untranslated},
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
    presenter: Arc<dyn Presenter>,
    observer: Arc<dyn Observer>,
    faults: Faults,
    guilds: Option<Arc<dyn Guilds>>,
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
        let faults = Faults::new(clock.clone());
        CatalogueBuilder {
            catalogue: Self {
                entries: BTreeMap::new(),
                completers: BTreeMap::new(),
                audit,
                clock,
                permissions,
                presenter: Arc::new(Untranslated),
                observer: Arc::new(Deaf),
                faults,
                guilds: None,
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
        let Ok(required) = self.permissions.required(actor, spec).await else { return Ok(Vec::new()) };
        if permission::check(actor, &required, spec.name).is_err() {
            return Ok(Vec::new());
        }
        let completer = spec
            .fields
            .iter()
            .find(|candidate| candidate.name == field)
            .and_then(|field| field.complete.as_deref())
            .and_then(|name| self.completers.get(name));
        let Some(completer) = completer else { return Ok(Vec::new()) };
        let completed = completer.complete(actor, partial).await;
        let mut choices = completed.map_err(|error| self.cleaned(error))?;
        choices.truncate(25);
        Ok(choices)
    }

    /// What this actor may call now, by name: for help and for menus.
    pub async fn allowed(&self, actor: &Actor) -> Result<Vec<&Spec>, Error> {
        let mut specs = Vec::new();
        for spec in self.specs() {
            // An operation that the community has switched off is an error here, and not offered.
            let Ok(required) = self.permissions.required(actor, spec).await else { continue };
            if permission::check(actor, &required, spec.name).is_ok() {
                specs.push(spec);
            }
        }
        Ok(specs)
    }

    /// An error as a person reads it.
    pub async fn present(&self, reader: &Reader, error: &Error) -> Document {
        self.presenter.present(reader, error).await
    }

    fn unknown(&self, name: &str) -> Error {
        let shown = self.clean_name(name);
        let mut error =
            Error::new(Kind::NotFound, "unknown_operation", format!("There is no operation '{shown}'."));
        let near = suggest::nearest(&shown, self.entries.keys().copied(), 3);
        let names = near.join(", ");
        error = error.with("name", shown.as_str()).with("near", names.as_str());
        if !near.is_empty() {
            error = error.remedy(format!("Did you mean: {names}?"));
        }
        // A form asks for what the operation needs, so every one can be offered.
        for name in near {
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
    /// When two operations or two completers have one name: the program is put together wrongly.
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
            let others = self.catalogue.completers.insert(name, completer);
            assert!(others.is_none(), "two completers are called {name}");
        }
        self
    }

    /// Makes errors readable with `presenter`; until then they are shown as they were raised.
    #[must_use]
    pub fn presenter(mut self, presenter: Arc<dyn Presenter>) -> Self {
        self.catalogue.presenter = presenter;
        self
    }

    /// Tells `observer` of every error.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.catalogue.observer = observer;
        self
    }

    /// Lets these faults strike.
    #[must_use]
    pub fn faults(mut self, faults: Faults) -> Self {
        self.catalogue.faults = faults;
        self
    }

    /// Lets people be named by name in inputs, and not by id or mention alone.
    #[must_use]
    pub fn guilds(mut self, guilds: Arc<dyn Guilds>) -> Self {
        self.catalogue.guilds = Some(guilds);
        self
    }

    /// The catalogue.
    ///
    /// # Panics
    ///
    /// When an input names a completer that no domain has: people would be offered nothing, and nobody told why.
    pub fn build(self) -> Catalogue {
        self.catalogue.faults.add_operations(self.catalogue.entries.keys().copied());
        for spec in self.catalogue.specs() {
            for field in &spec.fields {
                let unknown =
                    field.complete.as_deref().filter(|name| !self.catalogue.completers.contains_key(name));
                assert!(
                    unknown.is_none(),
                    "the input '{}' of '{}' names the completer '{}', which no domain has",
                    field.name,
                    spec.name,
                    unknown.unwrap_or_default(),
                );
            }
        }
        self.catalogue
    }
}
