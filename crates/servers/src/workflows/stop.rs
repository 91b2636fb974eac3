//! Stop a server: tell its host, and wait until the exit has been seen.

use std::sync::Arc;

use guildhall_flows::{Failure, Flow, StepError, Workflow};

use super::{
    JobInput,
    errand::{Errand, trouble_of},
};
use crate::{
    failure::{Code, Trouble},
    workshop::Workshop,
};

/// The job of `server stop`.
pub(crate) struct StopServer(pub(crate) Arc<Workshop>);

impl Workflow for StopServer {
    const KIND: &'static str = "stop-server";
    type Input = JobInput;
    type Output = ();

    async fn run(&self, flow: &Flow, input: JobInput) -> Result<(), Failure> {
        let leave =
            |errand: Errand, cause: Failure| async move { errand.leave_to_the_reconciler(&cause).await };
        let (errand, waits) = Errand::begin(&self.0, flow, &input, leave).await?;
        errand.go_down(flow, waits, ["apply", "confirm"]).await
    }
}

impl Errand {
    /// The stop could not be seen through. The wish stays, and the reconciler repeats it until the host has
    /// done it; meanwhile the server has failed, and says so.
    async fn leave_to_the_reconciler(&self, cause: &Failure) -> Result<(), StepError> {
        let trouble = trouble_of(cause);
        self.mine(|change| {
            let trouble = match trouble.code {
                Code::Internal | Code::Stuck => Trouble::new(Code::StopFailed, ""),
                _ => trouble.clone(),
            };
            change.settle_unstopped(&trouble);
            Ok(())
        })
        .await?;
        self.shop.wake();
        Ok(())
    }
}
