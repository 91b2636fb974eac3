//! Create a server: give it a host and ports, if a host is connected, and announce it.

use std::sync::Arc;

use guildhall_flows::{Failure, Flow, StepError, Workflow};

use super::{
    JobInput,
    errand::{Errand, step_error, trouble_of},
};
use crate::{
    error::ServersError,
    state::State,
    told,
    workshop::{Tried, Workshop},
};

/// The job of `server create`.
pub(crate) struct CreateServer(pub(crate) Arc<Workshop>);

impl Workflow for CreateServer {
    const KIND: &'static str = "create-server";
    type Input = JobInput;
    type Output = ();

    async fn run(&self, flow: &Flow, input: JobInput) -> Result<(), Failure> {
        let unmake = |errand: Errand, cause: Failure| async move { errand.unmake(&cause).await };
        let (errand, _) = Errand::begin(&self.0, flow, &input, unmake).await?;
        // Without a connected host the server is placed at its first start.
        if let Some(host) = flow.step("place", || errand.place()).await? {
            errand.reserve(flow, host).await?;
        }
        flow.step("announce", || errand.announce()).await
    }
}

impl Errand {
    async fn announce(&self) -> Result<(), StepError> {
        let by = self.by.as_str();
        // When the server is not this job's any more, the announcement was made before a crash.
        self.mine(|change| {
            change.enter(State::Stopped);
            change.release();
            told::created(change, by);
            Ok(())
        })
        .await
        .map(drop)
    }

    /// As if it had never been asked for.
    async fn unmake(&self, cause: &Failure) -> Result<(), StepError> {
        let trouble = trouble_of(cause);
        let run = self.run;
        let unmade: Result<(), ServersError> = async {
            let tx = self.shop.store.begin().await?;
            let mut tell = |change: &mut crate::change::Change<'_>| {
                let mine = change.owned_by(run);
                if mine {
                    told::not_created(change, &trouble);
                }
                Ok(mine)
            };
            if let Tried::Done(true, _) =
                self.shop.change_in(&tx, &self.tenant, self.server, &mut tell).await?
            {
                self.shop.erase(&tx, &self.tenant, self.server).await?;
                tx.commit().await?;
            }
            Ok(())
        }
        .await;
        unmade.map_err(step_error)
    }
}
