//! Restart a server: down and up again within one session.

use std::{sync::Arc, time::Duration};

use guildhall_flows::{Failure, Flow, StepError, Workflow};

use super::{
    JobInput,
    errand::{Errand, WHILE_A_HOST_RETURNS, superseded},
};
use crate::{
    state::{Goal, State},
    told,
    workshop::Workshop,
};

/// The job of `server restart`.
pub(crate) struct RestartServer(pub(crate) Arc<Workshop>);

impl Workflow for RestartServer {
    const KIND: &'static str = "restart-server";
    // The longest installation that a recipe may ask for; each state has its own deadline within it.
    const WITHIN: Duration = Duration::from_secs(24 * 3600);
    type Input = JobInput;
    type Output = ();

    async fn run(&self, flow: &Flow, input: JobInput) -> Result<(), Failure> {
        let give_up = |errand: Errand, cause: Failure| async move { errand.give_up(&cause).await };
        let (errand, waits) = Errand::begin(&self.0, flow, &input, give_up).await?;
        errand.go_down(flow, waits, ["apply stop", "confirm stop"]).await?;
        let undo = errand.clone();
        flow.step("turn", || errand.turn()).undo(move |_| async move { undo.take_back().await }).await?;
        let host = flow.step("place", || errand.place_now()).retries(WHILE_A_HOST_RETURNS).await?;
        errand.reserve(flow, host).await?;
        flow.step("apply start", || async { errand.apply().await.map(drop) })
            .retries(WHILE_A_HOST_RETURNS)
            .await?;
        errand.see_up(flow, waits, "confirm start").await
    }
}

impl Errand {
    /// From down to up: a new generation that wants it running.
    async fn turn(&self) -> Result<(), StepError> {
        self.mine(|change| {
            if change.row.goal != Goal::Running {
                change.want(Goal::Running);
                change.enter(State::Preparing);
                told::status(change);
            }
            Ok(())
        })
        .await?
        .ok_or_else(superseded)
    }
}
