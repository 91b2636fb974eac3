//! `player unlink`.

use guildhall_core::{Answer, Call, Document, Effect, Error, Operation, Rank, Rich, Tone, guild::UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{RecipeName, player_link::LinkData};
use crate::{Servers, link::person};

/// Takes a member's name in a game away.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct PlayerUnlink {
    /// The name in the game.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// Only in this game, by its recipe; in every game when left out.
    #[serde(default)]
    pub recipe: Option<RecipeName>,
    /// Another member, for moderators; your own name when left out.
    #[serde(default)]
    pub member: Option<UserId>,
}

/// What was taken away.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UnlinkData {
    /// The names, one for each game.
    pub unlinked: Vec<LinkData>,
}

impl Operation for PlayerUnlink {
    type Domain = Servers;
    type Output = UnlinkData;

    const NAME: &'static str = "player unlink";
    const SUMMARY: &'static str = "Take a name in a game away from you, or from another member";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] = &["player unlink name:Alex"];

    async fn run(self, servers: &Servers, call: &Call) -> Result<Answer<UnlinkData>, Error> {
        let person = person(call, self.member)?;
        let game = match &self.recipe {
            Some(recipe) => Some(servers.game(call, Some(&recipe.0), None).await?),
            None => None,
        };
        let gone = servers.unlink(call, &person, game.as_ref(), &self.name).await?;
        let games: Vec<&str> = gone.iter().map(|link| link.recipe.as_str()).collect();
        let line = Rich::new()
            .strong(self.name.as_str())
            .text(format!(" is linked no more ({}).", games.join(", ")));
        let document = Document::default().tone(Tone::Good).text(line);
        Ok(Answer::new(UnlinkData { unlinked: gone.into_iter().map(LinkData::from).collect() }, document))
    }
}
