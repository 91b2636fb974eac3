//! `player link`.

use guildhall_core::{Answer, Call, Document, Effect, Error, Operation, Rank, Rich, Tone, guild::UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{RecipeName, ServerName};
use crate::{Servers, entity::player_link::Model, link::person};

/// Says what a member is called in a game.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct PlayerLink {
    /// The name in the game, exactly as the game shows it.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// The game, by its recipe; for all of its servers.
    #[serde(default)]
    pub recipe: Option<RecipeName>,
    /// One server only, instead of the recipe.
    #[serde(default)]
    pub server: Option<ServerName>,
    /// Another member, for moderators; your own name when left out.
    #[serde(default)]
    pub member: Option<UserId>,
}

/// One name of a member.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LinkData {
    /// The member.
    pub person: String,
    /// The name in the game.
    pub player: String,
    /// The game, by its recipe's name.
    pub recipe: String,
    /// The one server where it holds, by id; nothing for all of the game's.
    pub server: Option<uuid::Uuid>,
    /// Since when, RFC 3339.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub since: time::OffsetDateTime,
}

impl From<Model> for LinkData {
    fn from(row: Model) -> Self {
        Self {
            person: row.person,
            player: row.player,
            recipe: row.recipe,
            server: row.server,
            since: row.linked_at.time(),
        }
    }
}

impl Operation for PlayerLink {
    type Domain = Servers;
    type Output = LinkData;

    const NAME: &'static str = "player link";
    const SUMMARY: &'static str = "Say what you, or another member, are called in a game";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] = &["player link name:Alex recipe:minecraft-flying-squid"];

    async fn run(self, servers: &Servers, call: &Call) -> Result<Answer<LinkData>, Error> {
        let person = person(call, self.member)?;
        let recipe = self.recipe.as_ref().map(|recipe| recipe.0.as_str());
        let server = self.server.as_ref().map(|server| server.0.as_str());
        let game = servers.game(call, recipe, server).await?;
        let row = servers.link(call, &person, &game, &self.name).await?;
        let who = match person == call.actor.id {
            true => Rich::new().text("You are "),
            false => Rich::new().person(&person, person.as_str()).text(" is "),
        };
        let line = who.strong(row.player.as_str()).text(format!(" in {}.", game.title));
        Ok(Answer::new(row.into(), Document::default().tone(Tone::Good).text(line)))
    }
}
