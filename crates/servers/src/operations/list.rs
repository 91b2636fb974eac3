//! `server list`.

use guildhall_core::{Action, Answer, Call, Document, Effect, Error, Operation, Rank, Rich};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{ServerData, Servers};

/// Servers on one page.
const PAGE: u64 = 10;

/// Shows the community's servers.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ServerList {
    /// Which page; 10 servers each.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    pub page: Option<u32>,
}

/// One page of servers.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ListData {
    /// By name.
    pub servers: Vec<ServerData>,
    /// This page, from 1.
    pub page: u64,
    /// How many pages there are.
    pub pages: u64,
    /// How many servers there are.
    pub total: u64,
}

impl Operation for ServerList {
    type Domain = Servers;
    type Output = ListData;

    const NAME: &'static str = "server list";
    const SUMMARY: &'static str = "Show the game servers of this community";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &["server list"];

    async fn run(self, servers: &Servers, call: &Call) -> Result<Answer<ListData>, Error> {
        let page = u64::from(self.page.unwrap_or(1).max(1));
        let (rows, total) = servers.shop.page(call.tenant(), page - 1, PAGE).await?;
        let pages = total.div_ceil(PAGE).max(1);
        let mut data = ListData { servers: Vec::new(), page, pages, total };
        for row in rows {
            data.servers.push(servers.shop.look(row).await?.view().data());
        }
        let document = document(&data);
        Ok(Answer::new(data, document))
    }
}

fn document(data: &ListData) -> Document {
    if data.total == 0 {
        return Document::titled("No servers yet").text("Staff make one with /server create.");
    }
    if data.servers.is_empty() {
        let text = format!("There are {} pages.", data.pages);
        return Document::titled("There is no such page").text(text).action(to_page("First page", 1));
    }
    let rows = data.servers.iter().map(|server| {
        let players = match (server.players.online, server.players.max) {
            (Some(online), Some(max)) => format!("{online} of {max}"),
            (Some(online), None) => online.to_string(),
            (None, _) => String::new(),
        };
        let address = server.address.as_deref().map_or_else(Rich::new, |address| Rich::new().code(address));
        vec![
            Rich::new().strong(server.name.as_str()),
            Rich::from(server.state.as_str()),
            Rich::from(server.game.as_str()),
            Rich::from(players),
            address,
        ]
    });
    let title = if data.pages > 1 {
        format!("Servers, page {} of {}", data.page, data.pages)
    } else {
        "Servers".to_owned()
    };
    let mut document =
        Document::titled(title).table(&["Server", "State", "Game", "Players", "Address"], rows.collect());
    if data.page > 1 {
        document = document.action(to_page("Previous", data.page - 1));
    }
    if data.page < data.pages {
        document = document.action(to_page("Next", data.page + 1));
    }
    document
}

fn to_page(label: &str, page: u64) -> Action {
    Action::new(label, "server list", json!({ "page": page }))
}
