//! `server stop`.

use guildhall_core::{Answer, Call, Effect, Error, Operation, Rank};
use schemars::JsonSchema;
use serde::Deserialize;

use super::ServerName;
use crate::{ServerData, Servers, life::Job};

/// Stops a server.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ServerStop {
    /// Which server.
    pub server: ServerName,
}

impl Operation for ServerStop {
    type Domain = Servers;
    type Output = ServerData;

    const NAME: &'static str = "server stop";
    const SUMMARY: &'static str = "Stop a server in its own way, and tell how it went";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] = &["server stop server:survival"];

    async fn run(self, servers: &Servers, call: &Call) -> Result<Answer<ServerData>, Error> {
        servers.answer(call, &self.server, Job::Stop, false).await
    }
}
