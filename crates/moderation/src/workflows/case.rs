//! One case: tell the person where they could not be told afterwards, do it on Discord, mark the case.
//!
//! The case is pending from the transaction that opens it. Whatever goes wrong from then on, it is either done
//! on Discord and marked so, or taken back and marked as failed; its number stays.

use std::time::Duration;

use guildhall_flows::{Failure, Flow, StepError, Undo, Workflow};
use serde::{Deserialize, Serialize};

use super::{Shared, unless_ended};
use crate::{case::CaseKind, deed::Found};

/// Does a case.
pub(crate) struct CaseFlow(pub(crate) Shared);

/// Which.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CaseInput {
    pub(crate) number: i64,
    pub(crate) kind: CaseKind,
    /// Of a purge: what it deletes.
    #[serde(default)]
    pub(crate) found: Found,
}

impl Workflow for CaseFlow {
    const KIND: &'static str = "moderation-case";
    const WITHIN: Duration = Duration::from_secs(1_800);
    type Input = CaseInput;
    type Output = ();

    async fn run(&self, flow: &Flow, input: CaseInput) -> Result<(), Failure> {
        let (tenant, number, kind) = (flow.tenant(), input.number, input.kind);
        if kind.tells_first() {
            let told = flow
                .step("tell", || self.0.tell(tenant, number))
                .undo(self.take_back(flow, number))
                .retries(2)
                .within(Duration::from_secs(30))
                .await;
            // Nobody escapes a ban because the message about it cannot be sent.
            unless_ended(told)?;
        }
        if !kind.is_written_only() {
            flow.step("act", || self.0.act(tenant, number, &input.found))
                .undo(self.take_back(flow, number))
                .within(Duration::from_secs(300))
                .await?;
        }
        if kind.tells_after() {
            let told = flow.step("tell", || self.0.tell(tenant, number)).retries(2);
            unless_ended(told.within(Duration::from_secs(30)).await)?;
        }
        Ok(())
    }
}

impl CaseFlow {
    fn take_back<T: Send + 'static>(
        &self,
        flow: &Flow,
        number: i64,
    ) -> impl FnOnce(Undo<T>) -> futures::future::BoxFuture<'static, Result<(), StepError>> + Send + 'static + use<T>
    {
        let (moderation, tenant) = (self.0.clone(), flow.tenant().clone());
        move |undo| Box::pin(async move { moderation.take_back(&tenant, number, undo.cause).await })
    }
}
