//! `server keep`.

use std::time::Duration;

use guildhall_core::{Answer, Call, Document, Effect, Error, Operation, Rank, Rich};
use schemars::JsonSchema;
use serde::Deserialize;

use super::ServerName;
use crate::{ServerData, Servers, error::ServersError, state::State, told, view::View};

/// Keeps a server running for a while although nobody plays.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ServerKeep {
    /// Which server.
    pub server: ServerName,
    /// For how many minutes; 60 when not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1440))]
    pub minutes: Option<u32>,
}

impl Operation for ServerKeep {
    type Domain = Servers;
    type Output = ServerData;

    const NAME: &'static str = "server keep";
    const SUMMARY: &'static str = "Keep a server running for a while although nobody plays";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] = &["server keep server:survival minutes:90"];

    async fn run(self, servers: &Servers, call: &Call) -> Result<Answer<ServerData>, Error> {
        let row = servers.named(call, &self.server.0).await?;
        let minutes = self.minutes.unwrap_or(60).clamp(1, 1440);
        let (data, document) = servers
            .change(call.tenant(), &row, |change| {
                if change.row.state != State::Ready {
                    return Err(ServersError::NotRunning {
                        name: change.row.name.clone(),
                        state: change.row.state,
                    });
                }
                let until = change.after(Duration::from_secs(u64::from(minutes) * 60));
                let document = Document::titled(format!("{} keeps running", change.row.name));
                let document = if change.launch.idle_stop.is_none() {
                    document.text("It is never stopped for being empty, so there is nothing to put off.")
                } else {
                    change.row.keep_until = Some(change.row.keep_until.map_or(until, |kept| kept.max(until)));
                    change.row.idle_told = false;
                    told::kept(change, &call.actor);
                    let until = change.row.keep_until.unwrap_or(until);
                    document.text(
                        Rich::new()
                            .text("It is not stopped for being empty before ")
                            .time(until.time())
                            .text("."),
                    )
                };
                Ok((View::of(change).data(), document))
            })
            .await?;
        Ok(Answer::new(data, document))
    }
}
