//! `server console`.

use guildhall_core::{Action, Answer, Call, Document, Effect, Error, Operation, Rank};
use guildhall_link::message::{Reply, Request};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ServerName;
use crate::{
    Servers,
    console::{Line, clean},
    error::ServersError,
};

/// Lines shown when nothing else is asked for.
const LINES: u16 = 20;

/// Shows a game's console.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ServerConsole {
    /// Which server.
    pub server: ServerName,
    /// How many lines; 20 when not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 200))]
    pub lines: Option<u16>,
    /// Only what came after this place: `next` of an earlier answer.
    #[serde(default)]
    pub after: Option<u64>,
}

/// A piece of a console.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ConsoleData {
    /// In order.
    pub lines: Vec<LineData>,
    /// Read on after this place.
    pub next: u64,
}

/// One line.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LineData {
    /// `output`, `input` or `gap`.
    pub kind: &'static str,
    /// Who sent it, for `input`.
    pub by: Option<String>,
    /// The line.
    pub text: String,
}

impl From<Line> for LineData {
    fn from(line: Line) -> Self {
        match line {
            Line::Output(text) => Self { kind: "output", by: None, text },
            Line::Input { by, text } => Self { kind: "input", by: Some(by), text },
            Line::Gap(text) => Self { kind: "gap", by: None, text },
        }
    }
}

impl Operation for ServerConsole {
    type Domain = Servers;
    type Output = ConsoleData;

    const NAME: &'static str = "server console";
    const SUMMARY: &'static str = "Show the newest lines of a game's console";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &["server console server:survival lines:50"];

    async fn run(self, servers: &Servers, call: &Call) -> Result<Answer<ConsoleData>, Error> {
        let look = servers.shop.look(servers.named(call, &self.server.0).await?).await?;
        let name = look.row.name.clone();
        let limit = self.lines.unwrap_or(LINES).clamp(1, 200);
        let request = Request::Console { server: look.row.id.into(), after: self.after, limit };
        let Reply::Console { chunk } = servers.shop.ask_host(&look, request).await? else {
            return Err(ServersError::Refused(String::new()).into());
        };
        let shown = |line| clean(line, &look.launch).read_by(call.actor.rank);
        let lines: Vec<Line> = chunk.lines.iter().take(usize::from(limit)).map(shown).collect();
        let text = lines.iter().map(Line::text).collect::<Vec<_>>().join("\n");
        let document = Document::titled(format!("Console of {name}"));
        let document = match (lines.is_empty(), self.after) {
            (false, _) => document.code(text),
            (true, None) => document.text("It has not written anything yet."),
            (true, Some(_)) => document.text("Nothing new."),
        };
        let newer = json!({ "server": name, "after": chunk.next, "lines": limit });
        let document = document
            .action(Action::new("What came after", "server console", newer))
            .action(Action::new("Newest", "server console", json!({ "server": name })));
        let lines = lines.into_iter().map(LineData::from).collect();
        Ok(Answer::new(ConsoleData { lines, next: chunk.next }, document))
    }
}
