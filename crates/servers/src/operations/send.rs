//! `server send`.

use guildhall_core::{Answer, Call, Document, Effect, Error, Operation, Rank, Rich, Tone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ServerName;
use crate::{Servers, error::Unfit, text, view};

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
    const EXAMPLES: &'static [&'static str] = &["server send server:survival line:say good night"];

    async fn run(self, servers: &Servers, call: &Call) -> Result<Answer<SendData>, Error> {
        if self.line.chars().any(char::is_control) {
            return Err(Unfit::TwoLines.into());
        }
        let look = servers.shop.look(servers.named(call, &self.server.0).await?).await?;
        let name = look.row.name.clone();
        let by = text::line(&call.actor.name, 64);
        servers.shop.send_line(&look, self.line.clone(), by).await?;
        let document = Document::default()
            .tone(Tone::Good)
            .text(Rich::new().text(format!("Sent to {name}: ")).code(text::line(&self.line, 1000)))
            .action(view::console(&name));
        Ok(Answer::new(SendData { server: name, line: self.line }, document))
    }
}
