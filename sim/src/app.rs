//! An application under test: its token and key, its commands, whether its bot is connected.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::delivery;
use crate::id::{ApplicationId, UserId};
use crate::shared::Shared;
use crate::user::{TimedOut, User};

/// Discord would not save this interactions endpoint.
#[derive(Debug, thiserror::Error)]
#[error("the interactions endpoint could not be verified: {0}")]
pub struct EndpointRefused(String);

/// An application and its bot. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: ApplicationId,
}

impl App {
    /// Its id.
    pub fn id(&self) -> ApplicationId {
        self.id
    }

    /// Its bot's user id.
    pub fn bot(&self) -> UserId {
        self.shared.read(|world| world.bot_of(self.id))
    }

    /// The bot's token, without `Bot `.
    pub fn token(&self) -> String {
        self.look(|known| known.token.clone())
    }

    /// The Ed25519 key interactions are signed with, in hexadecimal.
    pub fn public_key(&self) -> String {
        self.look(crate::world::application::Application::public_key)
    }

    fn look<T: Default>(&self, look: impl FnOnce(&crate::world::application::Application) -> T) -> T {
        self.shared.read(|world| world.applications.get(&self.id).map(look).unwrap_or_default())
    }

    /// Sends interactions to this address from now on (or, with none, over the gateway). The endpoint is checked as
    /// Discord does: it must answer a signed ping, and refuse one with a wrong signature.
    pub async fn set_interactions_url(&self, url: Option<&str>) -> Result<(), EndpointRefused> {
        if let Some(url) = url {
            delivery::verify_endpoint(&self.shared, self.id, url).await.map_err(EndpointRefused)?;
        }
        self.shared.write(|world| {
            if let Some(known) = world.applications.get_mut(&self.id) {
                known.endpoint = url.map(Into::into);
            }
        });
        Ok(())
    }

    /// Grants exactly these privileged intents (bits 1, 8 and 15). New applications have all three.
    pub fn grant_intents(&self, intents: u64) {
        self.shared.write(|world| {
            if let Some(known) = world.applications.get_mut(&self.id) {
                known.privileged = intents;
            }
        });
    }

    /// How many shards `GET /gateway/bot` recommends from now on, 1 at first.
    pub fn recommend_shards(&self, shards: u64) {
        self.shared.write(|world| {
            if let Some(known) = world.applications.get_mut(&self.id) {
                known.shards = shards.max(1);
            }
        });
    }

    /// Its registered commands, as Discord writes them.
    pub fn commands(&self) -> Vec<Value> {
        self.shared.read(|world| {
            let own = world.commands.values().filter(|command| command.application == self.id);
            own.map(crate::world::application::Command::json).collect()
        })
    }

    /// Waits until a command is registered, named with its sub-commands: `"server start"`.
    pub async fn wait_for_command(&self, path: &str, within: Duration) -> Result<(), TimedOut> {
        let names = |commands: &[Value]| {
            let mut names = Vec::new();
            for command in commands {
                collect_names(command, "", &mut names);
            }
            names
        };
        let look = || names(&self.commands()).iter().any(|name| name == path).then_some(());
        let seen = || format!("the commands {}", names(&self.commands()).join(", "));
        self.as_user().wait(within, look, seen).await
    }

    /// Gateway connections that have identified.
    pub fn connections(&self) -> usize {
        self.shared.read(|world| world.sessions.connected(self.id))
    }

    /// How often the bot has begun a gateway session (op 2) since the stand-in started, all shards together.
    pub fn identified(&self) -> u64 {
        self.shared.read(|world| world.sessions.begun(self.id).0)
    }

    /// How often the bot has taken up a gateway session again (op 6), all shards together. One that Discord refuses
    /// does not count.
    pub fn resumed(&self) -> u64 {
        self.shared.read(|world| world.sessions.begun(self.id).1)
    }

    /// Waits until the bot is connected to the gateway.
    pub async fn wait_connected(&self, within: Duration) -> Result<(), TimedOut> {
        let look = || (self.connections() > 0).then_some(());
        self.as_user().wait(within, look, || "no gateway connection".into()).await
    }

    fn as_user(&self) -> User {
        User { shared: Arc::clone(&self.shared), id: self.bot() }
    }
}

fn collect_names(command: &Value, before: &str, names: &mut Vec<String>) {
    let name = format!("{before}{}", command["name"].as_str().unwrap_or_default());
    let below = command["options"].as_array().map(Vec::as_slice).unwrap_or_default();
    let nested: Vec<&Value> =
        below.iter().filter(|option| matches!(option["type"].as_i64(), Some(1 | 2))).collect();
    // At the top, a type of 1 or 2 means slash or user command; only below it marks nesting.
    if nested.is_empty() {
        names.push(name);
        return;
    }
    for option in nested {
        collect_names(option, &format!("{name} "), names);
    }
}
