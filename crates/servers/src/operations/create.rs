//! `server create`.

use guildhall_core::{Answer, Call, Effect, Error, Operation, Rank, ServerId, Tone};
use guildhall_flows::Outcome;
use schemars::JsonSchema;
use serde::Deserialize;

use super::input::{RecipeName, Settings};
use crate::{
    ServerData, Servers, error::ServersError, launch::read_idle_stop, state::State, workflows::trouble_of,
};

/// Makes a server from a recipe.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ServerCreate {
    /// What it is called: 1 to 32 of a to z, 0 to 9 and '-', starting with a letter.
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^[a-z][a-z0-9-]{0,31}$"))]
    pub name: String,
    /// The recipe it is made from.
    pub recipe: RecipeName,
    /// Values of the recipe's variables, and `port.NAME` for a port's number.
    #[serde(default)]
    pub set: Option<Settings>,
    /// Stop it when nobody has played for this long: `off`, `15m`, `2h`.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub idle_stop: Option<String>,
}

impl Operation for ServerCreate {
    type Domain = Servers;
    type Output = ServerData;

    const NAME: &'static str = "server create";
    const SUMMARY: &'static str = "Make a game server from a recipe";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] =
        &["server create name:survival recipe:minecraft-flying-squid idle_stop:15m"];

    async fn run(self, servers: &Servers, call: &Call) -> Result<Answer<ServerData>, Error> {
        let idle_stop =
            self.idle_stop.as_deref().map(read_idle_stop).transpose().map_err(ServersError::from)?;
        let settings = self.set.unwrap_or_default().0;
        let begun = servers.create(&call.actor, &self.name, &self.recipe.0, &settings, idle_stop).await?;
        if let Some(Outcome::Failed(failure)) = servers.await_briefly(begun.flow).await {
            // Whoever deletes a server that is being made has overtaken its making.
            if matches!(failure.code.as_str(), "superseded" | "cancelled") {
                return Err(ServersError::Contended(Some(self.name)).into());
            }
            let trouble = trouble_of(&failure);
            return Err(ServersError::NotMade { name: self.name, trouble, source: failure }.into());
        }
        let row = servers.shop.by_id(call.tenant(), ServerId(begun.row.id)).await?.unwrap_or(begun.row);
        let look = servers.shop.look(row).await?;
        let view = look.view();
        let mut document = view.document();
        if look.row.state == State::Stopped {
            document.title = Some(format!("{} is made", look.row.name));
            document.tone = Tone::Good;
        }
        if look.row.host.is_none() {
            document = document.text("No host is connected; it is given one at its first start.");
        }
        Ok(Answer::new(view.data(), document).following(begun.follow))
    }
}
