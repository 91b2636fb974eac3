//! `server send`.

use guildhall_core::{Answer, Call, Document, Effect, Error, HostId, Operation, Rank, Rich, Tone};
use guildhall_link::message::{Refusal, Reply, Request};
use guildhall_recipes::recipe::ConsoleInput;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ServerName;
use crate::{Servers, error::ServersError, text, view};

/// Writes a line to the game's console.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ServerSend {
    /// Which server.
    pub server: ServerName,
    /// The line, as the game's console reads it.
    #[schemars(length(min = 1, max = 1000))]
    pub line: String,
}

/// A line that was written.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SendData {
    /// To which server.
    pub server: String,
    /// The line.
    pub line: String,
}

impl Operation for ServerSend {
    type Domain = Servers;
    type Output = SendData;

    const NAME: &'static str = "server send";
    const SUMMARY: &'static str = "Write a line to the game's console";
    const RANK: Rank = Rank::MODERATOR;
    const EFFECT: Effect = Effect::Change;

    async fn run(self, servers: &Servers, call: &Call) -> Result<Answer<SendData>, Error> {
        if self.line.chars().any(char::is_control) {
            return Err(Error::invalid(
                "line",
                "holds a line end or another control character; send one line at a time",
            ));
        }
        let look = servers.shop.look(servers.named(call, &self.server.0).await?).await?;
        let name = look.row.name.clone();
        if look.launch.recipe.console.input == ConsoleInput::None {
            return Err(ServersError::NoConsole(name).into());
        }
        let not_running = || ServersError::NotRunning { name: name.clone(), state: look.row.state };
        if !look.row.state.may_run() {
            return Err(not_running().into());
        }
        let host: HostId =
            look.row.host.as_deref().and_then(|host| host.parse().ok()).ok_or_else(not_running)?;
        let by = text::line(&call.actor.name, 64);
        let request = Request::Send { server: look.row.id.into(), line: self.line.clone(), by };
        match servers.shop.agents.request(&host, request).await {
            Ok(Reply::Done) => {}
            Ok(Reply::Refused { why: Refusal::NotRunning | Refusal::UnknownServer, .. }) => {
                return Err(not_running().into());
            }
            Ok(Reply::Refused { why: Refusal::NoConsole, .. }) => {
                return Err(ServersError::NoConsole(name).into());
            }
            Ok(Reply::Refused { message, .. }) => {
                return Err(ServersError::Refused(text::line(&message, 300)).into());
            }
            Ok(_) => return Err(ServersError::Refused("it answered something else".to_owned()).into()),
            Err(error) => return Err(ServersError::HostAway { name, source: Some(error) }.into()),
        }
        let document = Document::default()
            .tone(Tone::Good)
            .text(Rich::new().text(format!("Sent to {name}: ")).code(text::line(&self.line, 1000)))
            .action(view::console(&name));
        Ok(Answer::new(SendData { server: name, line: self.line }, document))
    }
}
