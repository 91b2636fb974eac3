//! Start a server: place it, reserve its ports, tell its host, and wait until players can join.

use std::{sync::Arc, time::Duration};

use guildhall_flows::{Failure, Flow, Workflow};

use super::{
    JobInput, News, UP,
    errand::{Errand, came_up},
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
        let errand = Errand::new(&self.0, flow, &input);
        let undo = errand.clone();
        let waits = flow
            .step("claim", || errand.claim())
            .undo(move |undone| async move { undo.give_up(&undone.cause).await })
            .await?;
        let host = flow.step("place", || errand.place_now()).retries(2).await?;
        let undo = errand.clone();
        flow.step("reserve ports", || errand.reserve_ports(host))
            .undo(move |undone| async move { undo.release_ports(&undone.cause).await })
            .retries(3)
            .await?;
        let undo = errand.clone();
        flow.step("apply", || async { errand.apply().await.map(drop) })
            .undo(move |_| async move { undo.take_back().await })
            .retries(2)
            .await?;
        let news = flow.signal::<News>(UP, waits.up()).await?;
        if !came_up(news) {
            flow.step("confirm", || errand.confirm_up()).retries(2).await?;
        }
        Ok(())
    }
}
