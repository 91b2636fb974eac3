//! Operations joined with the domain they run on, their types erased.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::{
    Actor, Answer, Call, Error, Spec,
    operation::{Asking, Choice, CompleteFn, Unbound},
};

/// An operation with its domain.
pub(super) trait Bound: Send + Sync {
    fn spec(&self) -> &Spec;
    fn prepare(&self, input: Value) -> Result<Box<dyn Runnable + '_>, Error>;
}

/// An operation with its domain and its input.
#[async_trait]
pub(super) trait Runnable: Send {
    fn ask<'a>(&'a self, call: &'a Call) -> Asking<'a>;
    async fn run(self: Box<Self>, call: &Call) -> Result<Answer<Value>, Error>;
}

pub(super) struct BoundOperation<D> {
    pub(super) unbound: Unbound<D>,
    pub(super) domain: Arc<D>,
}

struct Run<'a, D> {
    prepared: Box<dyn crate::operation::Prepared<D>>,
    domain: &'a D,
}

impl<D: Send + Sync + 'static> Bound for BoundOperation<D> {
    fn spec(&self) -> &Spec {
        &self.unbound.spec
    }

    fn prepare(&self, input: Value) -> Result<Box<dyn Runnable + '_>, Error> {
        let prepared = (self.unbound.prepare)(input)?;
        Ok(Box::new(Run { prepared, domain: self.domain.as_ref() }))
    }
}

#[async_trait]
impl<D: Send + Sync + 'static> Runnable for Run<'_, D> {
    fn ask<'a>(&'a self, call: &'a Call) -> Asking<'a> {
        self.prepared.ask(self.domain, call)
    }

    async fn run(self: Box<Self>, call: &Call) -> Result<Answer<Value>, Error> {
        self.prepared.run(self.domain, call).await
    }
}

/// A completer with its domain.
#[async_trait]
pub(super) trait BoundCompleter: Send + Sync {
    async fn complete(&self, actor: &Actor, partial: &str) -> Result<Vec<Choice>, Error>;
}

pub(super) struct DomainCompleter<D> {
    pub(super) complete: CompleteFn<D>,
    pub(super) domain: Arc<D>,
}

#[async_trait]
impl<D: Send + Sync + 'static> BoundCompleter for DomainCompleter<D> {
    async fn complete(&self, actor: &Actor, partial: &str) -> Result<Vec<Choice>, Error> {
        (self.complete)(&self.domain, actor, partial).await
    }
}
