//! Delete a server: have its host remove it and its files, then forget it.

use std::sync::Arc;

use guildhall_flows::{Failure, Flow, StepError, Workflow};

use super::{
    DOWN, JobInput, News,
    errand::{Errand, step_error, trouble_of},
};
use crate::{
    error::ServersError,
    session::{Ending, How},
    state::Goal,
    told,
    workshop::{Tried, Workshop},
};

/// The job of `server delete`.
pub(crate) struct DeleteServer(pub(crate) Arc<Workshop>);

impl Workflow for DeleteServer {
    const KIND: &'static str = "delete-server";
    type Input = JobInput;
    type Output = ();

    async fn run(&self, flow: &Flow, input: JobInput) -> Result<(), Failure> {
        let keep = |errand: Errand, cause: Failure| async move { errand.keep_after_all(&cause).await };
        let (errand, waits) = Errand::begin(&self.0, flow, &input, keep).await?;
        if !input.forget && errand.tell_down(flow, "apply").await? {
            flow.signal::<News>(DOWN, waits.down()).await?;
            flow.step("confirm", || errand.confirm_gone()).retries(8).await?;
        }
        flow.step("erase", || errand.forget()).await
    }
}

impl Errand {
    /// Whether the host has removed it. Not yet is tried again, as long as a step may be.
    async fn confirm_gone(&self) -> Result<(), StepError> {
        match self.observe().await? {
            None => Ok(()),
            Some(_) => Err(StepError::transient("stop_failed", "Its host has not removed it yet.")),
        }
    }

    /// Removes every row of it but the events, which say that it is gone.
    async fn forget(&self) -> Result<(), StepError> {
        let (run, by) = (self.run, self.by.as_str());
        let forgotten: Result<(), ServersError> = async {
            let tx = self.shop.store.begin().await?;
            let mut tell = |change: &mut crate::change::Change<'_>| {
                let mine = change.owned_by(run);
                if mine {
                    change.close_session(&Ending::new(How::Ended), None);
                    told::deleted(change, by);
                }
                Ok(mine)
            };
            match self.shop.change_in(&tx, &self.tenant, self.server, &mut tell).await? {
                Tried::Done(true, _) => {
                    self.shop.erase(&tx, &self.tenant, self.server).await?;
                    tx.commit().await?;
                    Ok(())
                }
                // Erased before a crash, or not this job's any more.
                Tried::Done(false, _) | Tried::Missing => Ok(()),
                Tried::Overtaken => Err(ServersError::Contended(None)),
            }
        }
        .await;
        forgotten.map_err(step_error)
    }

    /// The removal could not be seen through. The server stays, stopped as far as anybody knows.
    async fn keep_after_all(&self, cause: &Failure) -> Result<(), StepError> {
        let trouble = trouble_of(cause);
        self.mine(|change| {
            if change.row.goal == Goal::Absent {
                change.want(Goal::Stopped);
            }
            change.settle_unstopped(&trouble);
            Ok(())
        })
        .await?;
        self.shop.wake();
        Ok(())
    }
}
