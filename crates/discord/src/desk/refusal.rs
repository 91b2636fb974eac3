//! Records of what was turned away, at a bounded rate: a flood of bad requests must not fill the disk.

use std::sync::Arc;

use guildhall_core::{Actor, Allowance, Catalogue, Clock, Error};

use crate::meters;

/// Records a minute of requests that nobody vouches for.
const UNVERIFIED: u32 = 30;
/// Records a minute of requests that Discord signed, over everybody who acts.
const VERIFIED: u32 = 240;

/// Turns away.
pub(crate) struct Refusals {
    catalogue: Arc<Catalogue>,
    unverified: Allowance<()>,
    verified: Allowance<()>,
}

impl Refusals {
    pub(crate) fn new(catalogue: Arc<Catalogue>, clock: Arc<dyn Clock>) -> Self {
        let unverified = Allowance::new(clock.clone(), UNVERIFIED, 1);
        Self { catalogue, unverified, verified: Allowance::new(clock, VERIFIED, 1) }
    }

    /// Turns away what did not prove to come from Discord.
    pub(crate) async fn unverified(&self, actor: Actor, asked_for: &str, error: Error) -> Error {
        self.record(&self.unverified, actor, asked_for, error).await
    }

    /// Turns away what came from Discord and still cannot be.
    pub(crate) async fn verified(&self, actor: Actor, asked_for: &str, error: Error) -> Error {
        self.record(&self.verified, actor, asked_for, error).await
    }

    async fn record(&self, allowance: &Allowance<()>, actor: Actor, asked_for: &str, error: Error) -> Error {
        if allowance.take(()).is_err() {
            meters::unrecorded();
            return error;
        }
        self.catalogue.refuse(actor, asked_for, error).await
    }
}
