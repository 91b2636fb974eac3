//! `server status`.

use std::time::Duration;

use guildhall_core::{Answer, Call, Effect, Error, Operation, Rank};
use guildhall_link::message::{Observed, Reply, Request};
use schemars::JsonSchema;
use serde::Deserialize;

use super::ServerName;
use crate::{ServerData, Servers, entity::server, state::State, text, view::Look};

/// How long the game may take to say who plays before the last known answer is shown; an answer on Discord
/// has 3 s in all.
const PATIENCE: Duration = Duration::from_secs(2);

/// Shows how a server is doing, and who plays.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ServerStatus {
    /// Which server.
    pub server: ServerName,
}

impl Operation for ServerStatus {
    type Domain = Servers;
    type Output = ServerData;

    const NAME: &'static str = "server status";
    const SUMMARY: &'static str = "Show how a server is doing, who plays, and how to join";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &["server status server:survival"];

    async fn run(self, servers: &Servers, call: &Call) -> Result<Answer<ServerData>, Error> {
        let row = servers.named(call, &self.server.0).await?;
        let seen = if row.state == State::Ready { servers.ask(&row).await } else { None };
        let mut look = servers.shop.look(row).await?;
        if let Some(seen) = seen {
            freshen(&mut look, &seen);
        }
        let view = look.view();
        Ok(Answer::new(view.data(), view.document()))
    }
}

impl Servers {
    /// What the host sees of a server right now, if it says so soon.
    async fn ask(&self, row: &server::Model) -> Option<Observed> {
        let host = row.host.as_deref()?.parse().ok()?;
        let request = self.shop.agents.request(&host, Request::Observe { server: row.id.into() });
        let reply = tokio::select! {
            reply = request => reply.ok()?,
            () = self.shop.clock.sleep(PATIENCE) => return None,
        };
        match reply {
            Reply::Observed { observed }
                if observed.server.0 == row.id && observed.tenant.as_str() == row.tenant =>
            {
                Some(*observed)
            }
            _ => None,
        }
    }
}

/// Shows who plays as the game itself says it.
fn freshen(look: &mut Look, seen: &Observed) {
    let Some(online) = seen.players.online.and_then(|online| i32::try_from(online).ok()) else { return };
    look.row.online = Some(online);
    look.row.max_players = seen.players.max.and_then(|max| i32::try_from(max).ok());
    if !seen.players.names.is_empty() || online == 0 {
        look.names = seen.players.names.iter().take(100).map(|name| text::line(name, 48)).collect();
    }
}
