//! Restart a server: down and up again within one session.

use std::{sync::Arc, time::Duration};

use guildhall_flows::{Failure, Flow, StepError, Workflow};

use super::{
    DOWN, JobInput, News, UP,
    errand::{Errand, came_up, superseded, went_down},
};
use crate::{
    state::{Goal, State},
    told,
    workshop::{Applied, Workshop},
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
        let errand = Errand::new(&self.0, flow, &input);
        let undo = errand.clone();
        let waits = flow
            .step("claim", || errand.claim())
            .undo(move |undone| async move { undo.give_up(&undone.cause).await })
            .await?;
        let known = flow
            .step("apply stop", || async { errand.apply().await.map(|done| done == Applied::Yes) })
            .retries(2)
            .await?;
        let news = if known { flow.signal::<News>(DOWN, waits.down()).await? } else { None };
        if !went_down(news) {
            flow.step("confirm stop", || errand.confirm_down()).retries(8).await?;
        }
        let undo = errand.clone();
        flow.step("turn", || errand.turn()).undo(move |_| async move { undo.take_back().await }).await?;
        let host = flow.step("place", || errand.place_now()).retries(2).await?;
        let undo = errand.clone();
        flow.step("reserve ports", || errand.reserve_ports(host))
            .undo(move |undone| async move { undo.release_ports(&undone.cause).await })
            .retries(3)
            .await?;
        flow.step("apply start", || async { errand.apply().await.map(drop) }).retries(2).await?;
        let news = flow.signal::<News>(UP, waits.up()).await?;
        if !came_up(news) {
            flow.step("confirm start", || errand.confirm_up()).retries(2).await?;
        }
        Ok(())
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
