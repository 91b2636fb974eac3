//! `host list`: the machines that servers run on, and whether their agents are there.

use guildhall_core::{Answer, Call, Document, Effect, Error, Operation, Rank, Rich};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Administration;

/// Shows the hosts.
#[derive(Deserialize, JsonSchema)]
pub struct List {}

/// One host.
#[derive(Serialize, JsonSchema)]
pub struct HostView {
    /// Its name.
    name: String,
    /// Whether its agent is connected.
    online: bool,
    /// Since when it is so.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    since: OffsetDateTime,
    /// The agent's version.
    agent: String,
}

impl Operation for List {
    type Domain = Administration;
    type Output = Vec<HostView>;
    const NAME: &'static str = "host list";
    const SUMMARY: &'static str = "Show the hosts and whether their agents are connected";
    const RANK: Rank = Rank::MODERATOR;
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &["host list"];

    async fn run(self, domain: &Administration, _: &Call) -> Result<Answer<Vec<HostView>>, Error> {
        let seen = domain.agents.hosts().borrow().clone();
        let hosts: Vec<_> = seen
            .into_values()
            .map(|presence| HostView {
                name: presence.host.to_string(),
                online: presence.online,
                since: presence.since,
                agent: presence.agent,
            })
            .collect();
        let rows = hosts
            .iter()
            .map(|host| {
                let state = if host.online { "connected" } else { "not connected" };
                vec![
                    Rich::new().code(&host.name),
                    state.into(),
                    Rich::new().ago(host.since),
                    host.agent.as_str().into(),
                ]
            })
            .collect();
        let document = if hosts.is_empty() {
            Document::titled("Hosts").text("No agent has connected yet. Look at the agent's log on the host.")
        } else {
            Document::titled("Hosts").table(&["host", "agent", "since", "version"], rows)
        };
        Ok(Answer::new(hosts, document))
    }
}
