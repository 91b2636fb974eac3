//! `server restart`.

use guildhall_core::{Answer, Call, Effect, Error, Operation, Rank};
use schemars::JsonSchema;
use serde::Deserialize;

use super::ServerName;
use crate::{ServerData, Servers, life::Job};

/// Restarts a server within its session.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ServerRestart {
    /// Which server.
    pub server: ServerName,
}

impl Operation for ServerRestart {
    type Domain = Servers;
    type Output = ServerData;

    const NAME: &'static str = "server restart";
    const SUMMARY: &'static str = "Stop a server and start it again, with its newest configuration";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] = &["server restart server:survival"];

    async fn run(self, servers: &Servers, call: &Call) -> Result<Answer<ServerData>, Error> {
        servers.answer(call, &self.server, Job::Restart, false).await
    }
}
