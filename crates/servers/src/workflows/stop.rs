//! Stop a server: tell its host, and wait until the exit has been seen.

use std::sync::Arc;

use guildhall_flows::{Failure, Flow, StepError, Workflow};

use super::{
    DOWN, JobInput, News,
    errand::{Errand, trouble_of, went_down},
};
use crate::{
    failure::{Code, Trouble},
    workshop::{Applied, Workshop},
};

/// The job of `server stop`.
pub(crate) struct StopServer(pub(crate) Arc<Workshop>);

impl Workflow for StopServer {
    const KIND: &'static str = "stop-server";
    type Input = JobInput;
    type Output = ();

    async fn run(&self, flow: &Flow, input: JobInput) -> Result<(), Failure> {
        let errand = Errand::new(&self.0, flow, &input);
        let undo = errand.clone();
        let waits = flow
            .step("claim", || errand.claim())
            .undo(move |undone| async move { undo.leave_to_the_reconciler(&undone.cause).await })
            .await?;
        // The wish to stop is not taken back by a failure further on: whoever stopped it still wants that.
        let known = flow
            .step("apply", || async { errand.apply().await.map(|done| done == Applied::Yes) })
            .retries(2)
            .await?;
        let news = if known { flow.signal::<News>(DOWN, waits.down()).await? } else { None };
        if !went_down(news) {
            flow.step("confirm", || errand.confirm_down()).retries(8).await?;
        }
        Ok(())
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
