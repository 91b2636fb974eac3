//! `player list`.

use guildhall_core::{Answer, Call, Document, Effect, Error, Operation, Rank, Rich, guild::UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::player_link::LinkData;
use crate::{Servers, link::person};

/// Shows what a member is called in the games, and what they are kept out of.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct PlayerList {
    /// Another member, for moderators; yourself when left out.
    #[serde(default)]
    pub member: Option<UserId>,
}

/// A member's names and bars.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PlayerListData {
    /// The names, by game.
    pub links: Vec<LinkData>,
    /// Why and where they are kept out.
    pub bars: Vec<BarData>,
}

/// Why and where a member is kept out.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BarData {
    /// What it comes from.
    pub case: String,
    /// Until when, RFC 3339; nothing for no end.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub until: Option<OffsetDateTime>,
    /// The servers' names; none for all of them.
    pub servers: Vec<String>,
}

impl Operation for PlayerList {
    type Domain = Servers;
    type Output = PlayerListData;

    const NAME: &'static str = "player list";
    const SUMMARY: &'static str = "Show what you, or another member, are called in the games";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &["player list"];

    async fn run(self, servers: &Servers, call: &Call) -> Result<Answer<PlayerListData>, Error> {
        let person = person(call, self.member)?;
        let links = servers.links(call.tenant(), &person).await?;
        let bars = servers.bars(call.tenant(), &person).await?;
        let mut document = Document::titled("Names in the games");
        if links.is_empty() {
            document = document.text("No name is linked yet; /player link adds one.");
        }
        let mut rows = Vec::new();
        for link in &links {
            let server = match link.server {
                Some(id) => servers.shop.by_id(call.tenant(), id.into()).await?.map(|row| row.name),
                None => Some("every server".to_owned()),
            };
            rows.push(vec![
                Rich::new().strong(link.player.as_str()),
                Rich::from(link.recipe.as_str()),
                Rich::from(server.unwrap_or_default()),
            ]);
        }
        if !rows.is_empty() {
            document = document.table(&["Name", "Game", "Where"], rows);
        }
        if !bars.is_empty() {
            let rows = bars.iter().map(|bar| {
                let servers = match bar.servers.as_slice() {
                    [] => "every server".to_owned(),
                    names => names.join(", "),
                };
                let until =
                    bar.until.map_or_else(|| Rich::from("until it is lifted"), |at| Rich::new().time(at));
                vec![Rich::from(bar.case.as_str()), Rich::from(servers), until]
            });
            document = document.heading("Kept out").table(&["Why", "Of", "Until"], rows.collect());
        }
        Ok(Answer::new(
            PlayerListData { links: links.into_iter().map(LinkData::from).collect(), bars },
            document,
        ))
    }
}
