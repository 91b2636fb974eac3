//! `server start`.

use guildhall_core::{Answer, Call, Effect, Error, Operation, Rank};
use schemars::JsonSchema;
use serde::Deserialize;

use super::ServerName;
use crate::{ServerData, Servers, life::Job};

/// Starts a server.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ServerStart {
    /// Which server.
    pub server: ServerName,
}

impl Operation for ServerStart {
    type Domain = Servers;
    type Output = ServerData;

    const NAME: &'static str = "server start";
    const SUMMARY: &'static str = "Start a server and tell how to join once it is ready";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] = &["server start server:survival"];

    async fn run(self, servers: &Servers, call: &Call) -> Result<Answer<ServerData>, Error> {
        servers.answer(call, &self.server, Job::Start, false).await
    }
}

impl Servers {
    /// Begins a job and answers with the server as it is left, and with how to follow the job.
    pub(super) async fn answer(
        &self,
        call: &Call,
        name: &ServerName,
        job: Job,
        forget: bool,
    ) -> Result<Answer<ServerData>, Error> {
        let row = self.named(call, &name.0).await?;
        let begun = self.begin(&call.actor, &row, job, forget).await?;
        let look = self.shop.look(begun.row).await?;
        let view = look.view();
        Ok(Answer::new(view.data(), view.document()).following(begun.follow))
    }
}
