//! Start a server: place it, reserve its ports, tell its host, and wait until players can join.

use std::{sync::Arc, time::Duration};

use guildhall_flows::{Failure, Flow, Workflow};

use super::{
    JobInput,
    errand::{Errand, WHILE_A_HOST_RETURNS},
};
use crate::workshop::Workshop;

/// The job of `server start`.
pub(crate) struct StartServer(pub(crate) Arc<Workshop>);

impl Workflow for StartServer {
    const KIND: &'static str = "start-server";
    // The longest installation that a recipe may ask for; each state has its own deadline within it.
    const WITHIN: Duration = Duration::from_secs(24 * 3600);
    type Input = JobInput;
    type Output = ();

    async fn run(&self, flow: &Flow, input: JobInput) -> Result<(), Failure> {
        let give_up = |errand: Errand, cause: Failure| async move { errand.give_up(&cause).await };
        let (errand, waits) = Errand::begin(&self.0, flow, &input, give_up).await?;
        let host = flow.step("place", || errand.place_now()).retries(WHILE_A_HOST_RETURNS).await?;
        errand.reserve(flow, host).await?;
        let undo = errand.clone();
        flow.step("apply", || async { errand.apply().await.map(drop) })
            .undo(move |_| async move { undo.take_back().await })
            .retries(WHILE_A_HOST_RETURNS)
            .await?;
        errand.see_up(flow, waits, "confirm").await
    }
}
