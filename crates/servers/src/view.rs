//! A server as people and programs see it: one document and one set of data for every place that shows it.

use std::collections::BTreeMap;

use guildhall_core::{Action, Document, Rich, Tone, document::Style};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    change::Change,
    entity::server,
    error::spoken,
    failure::Trouble,
    launch::Launch,
    life::{Job, trouble_of},
    state::State,
};

/// Player names shown at once.
const MOST_NAMES: usize = 50;

/// A server, for programs.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ServerData {
    /// Its id.
    pub id: Uuid,
    /// Its name, unique in the community.
    pub name: String,
    /// The recipe it is made from.
    pub recipe: String,
    /// The game, as people know it.
    pub game: String,
    /// What it is doing.
    pub state: State,
    /// Since when, RFC 3339.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub since: OffsetDateTime,
    /// The operation at work on it and who called it.
    pub busy: Option<BusyData>,
    /// Where it runs.
    pub host: Option<String>,
    /// `address:port` for players, while it is ready.
    pub address: Option<String>,
    /// How players get in, while it is ready.
    pub connect: Option<String>,
    /// Its ports by name.
    pub ports: BTreeMap<String, u16>,
    /// Who plays.
    pub players: PlayersData,
    /// Why it failed, when it did.
    pub failure: Option<FailureData>,
    /// The running session.
    pub session: Option<Uuid>,
    /// The newest launch configuration.
    pub config_version: i64,
    /// Whether the running game was started with an older launch configuration.
    pub config_pending: bool,
    /// Stopped after this many seconds without players; nothing for never.
    pub idle_stop_seconds: Option<i64>,
}

/// The operation at work.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BusyData {
    /// `start`, `stop`, `restart`, `create` or `delete`.
    pub operation: String,
    /// Who called it.
    pub by: String,
    /// When, RFC 3339.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub since: OffsetDateTime,
}

/// Who plays.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PlayersData {
    /// How many; nothing when nobody can know.
    pub online: Option<i32>,
    /// How many fit, if the game says so.
    pub max: Option<i32>,
    /// Their names, as far as the game tells.
    pub names: Vec<String>,
}

/// A failure.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FailureData {
    /// A stable word.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do.
    pub remedy: String,
    /// The last lines of output that explain it.
    pub output: Vec<String>,
}

/// The step at hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    pub(crate) label: String,
    pub(crate) done: u32,
    pub(crate) total: u32,
}

/// A server as the store has it, read for somebody to look at.
pub(crate) struct Look {
    pub(crate) row: server::Model,
    pub(crate) launch: Launch,
    pub(crate) ports: BTreeMap<String, u16>,
    pub(crate) address: String,
    pub(crate) names: Vec<String>,
    pub(crate) at: OffsetDateTime,
}

impl Look {
    pub(crate) fn view(&self) -> View<'_> {
        View {
            row: &self.row,
            launch: &self.launch,
            ports: &self.ports,
            address: &self.address,
            names: self.names.clone(),
            at: self.at,
        }
    }
}

/// What is needed to show a server.
pub(crate) struct View<'a> {
    pub(crate) row: &'a server::Model,
    /// What it runs with.
    pub(crate) launch: &'a Launch,
    pub(crate) ports: &'a BTreeMap<String, u16>,
    pub(crate) address: &'a str,
    /// Who is known to play.
    pub(crate) names: Vec<String>,
    pub(crate) at: OffsetDateTime,
}

impl<'a> View<'a> {
    /// As a change leaves it.
    pub(crate) fn of(change: &'a Change<'_>) -> Self {
        let playing = change.visits.iter().filter(|visit| visit.left_at.is_none());
        Self {
            row: &change.row,
            launch: &change.launch,
            ports: &change.ports,
            address: &change.address,
            names: playing.map(|visit| visit.player.clone()).collect(),
            at: change.at.time(),
        }
    }

    pub(crate) fn data(&self) -> ServerData {
        let row = self.row;
        let ready = row.state == State::Ready;
        ServerData {
            id: row.id,
            name: row.name.clone(),
            recipe: row.recipe.clone(),
            game: self.launch.recipe.title.clone(),
            state: row.state,
            since: row.since.time(),
            busy: row.busy.clone().map(|operation| BusyData {
                operation,
                by: row.busy_name.clone().unwrap_or_default(),
                since: row.busy_since.unwrap_or(row.since).time(),
            }),
            host: row.host.clone(),
            address: self.address().filter(|_| ready),
            connect: self.connect().filter(|_| ready),
            ports: self.ports.clone(),
            players: PlayersData {
                online: row.online,
                max: row.max_players,
                names: self.names.iter().take(MOST_NAMES).cloned().collect(),
            },
            failure: trouble_of(row).filter(|_| row.state == State::Failed).map(|trouble| FailureData {
                code: trouble.code.as_str().to_owned(),
                message: explained(&trouble),
                remedy: trouble.code.remedy().to_owned(),
                output: trouble.output,
            }),
            session: row.session,
            config_version: row.config,
            config_pending: row.state.may_run()
                && row.launched.is_some_and(|launched| launched != row.config),
            idle_stop_seconds: self.launch.idle_stop,
        }
    }

    /// The address that players connect to: the recipe's `game` port, or its only one.
    pub(crate) fn address(&self) -> Option<String> {
        let port = self.ports.get("game").or_else(|| self.ports.values().next())?;
        Some(format!("{}:{port}", self.address))
    }

    pub(crate) fn connect(&self) -> Option<String> {
        self.launch.connect(&self.row.name, self.ports, self.address)
    }

    /// The whole server: what `server status` answers and what the session's status message reads like.
    pub(crate) fn document(&self) -> Document {
        let row = self.row;
        let document =
            Document::titled(format!("{} {}", row.name, sentence(row.state))).tone(tone(row.state));
        let document = match row.state {
            State::Ready => self.ready(document),
            State::Failed => match trouble_of(row) {
                Some(trouble) => trouble_in(document, &trouble),
                None => document,
            },
            State::Preparing | State::Installing | State::Starting => self.on_the_way(document),
            State::Created | State::Stopped | State::Stopping | State::Restarting | State::Deleting => {
                document
            }
        };
        let mut document = document
            .field("Game", self.launch.recipe.title.as_str())
            .field("Since", Rich::new().ago(row.since.time()));
        if let (Some(by), Some(since), Some(job)) =
            (&row.busy_name, row.busy_since, row.busy.as_deref().and_then(Job::parse))
        {
            let line = Rich::new().text(format!("{} by {by}, ", job.doing())).ago(since.time());
            document = document.field("At work", line);
        }
        if let Some(host) = &row.host {
            document = document.field("Host", host.as_str());
        }
        if let Some(idle) = self.launch.idle_stop.filter(|_| row.state == State::Ready) {
            let line = match row.keep_until.filter(|keep| keep.time() > self.at) {
                Some(keep) => Rich::new()
                    .text(format!("after {} without players, kept running until ", spoken(idle)))
                    .time(keep.time()),
                None => Rich::new().text(format!("after {} without players", spoken(idle))),
            };
            document = document.field("Stops", line);
        }
        if row.state.may_run() && row.launched.is_some_and(|launched| launched != row.config) {
            document = document.text("Its launch configuration has changed; a restart applies it.");
        }
        self.actions().into_iter().fold(document, Document::action)
    }

    fn ready(&self, mut document: Document) -> Document {
        if let Some(address) = self.address() {
            document = document.field("Address", Rich::new().code(address));
        }
        if let Some(connect) = self.connect() {
            document = document.field("How to connect", connect);
        }
        document.field("Players", self.players())
    }

    fn players(&self) -> String {
        let max = self.row.max_players.map(|max| format!(" of {max}")).unwrap_or_default();
        match self.row.online {
            None => "This game does not say.".to_owned(),
            Some(0) => format!("nobody{max}"),
            Some(online) if self.names.is_empty() => format!("{online}{max}"),
            Some(online) => {
                let names: Vec<&str> = self.names.iter().take(MOST_NAMES).map(String::as_str).collect();
                format!("{online}{max}: {}", names.join(", "))
            }
        }
    }

    fn on_the_way(&self, document: Document) -> Document {
        let step = self.row.progress.as_deref().and_then(|text| serde_json::from_str::<Progress>(text).ok());
        match (self.row.state, step) {
            (State::Installing, Some(step)) => {
                document.progress(format!("installing: {}", step.label), step.done, step.total)
            }
            (state @ State::Preparing, _) => document.progress(state.as_str(), 0, 3),
            (state @ State::Installing, _) => document.progress(state.as_str(), 1, 3),
            (state, _) => document.progress(state.as_str(), 2, 3),
        }
    }

    /// What can be done with it now.
    pub(crate) fn actions(&self) -> Vec<Action> {
        let name = self.row.name.as_str();
        match self.row.state {
            State::Stopped | State::Failed if self.row.busy.is_none() => {
                let mut actions = vec![start(name)];
                if self.row.state == State::Failed && self.row.session.is_some() {
                    actions.push(stop(name));
                }
                actions
            }
            State::Ready => vec![stop(name), restart(name), console(name), keep(name)],
            State::Preparing | State::Installing => vec![stop(name)],
            State::Starting | State::Restarting => vec![stop(name), console(name)],
            _ => Vec::new(),
        }
    }
}

/// The button that starts it.
pub(crate) fn start(name: &str) -> Action {
    Action::new("Start", "server start", json!({ "server": name })).style(Style::Primary)
}

/// The button that stops it.
pub(crate) fn stop(name: &str) -> Action {
    Action::new("Stop", "server stop", json!({ "server": name })).style(Style::Danger)
}

/// The button that restarts it.
pub(crate) fn restart(name: &str) -> Action {
    Action::new("Restart", "server restart", json!({ "server": name }))
}

/// The button that shows its console.
pub(crate) fn console(name: &str) -> Action {
    Action::new("Console", "server console", json!({ "server": name }))
}

/// The button that puts an idle stop off.
pub(crate) fn keep(name: &str) -> Action {
    Action::new("Keep running", "server keep", json!({ "server": name, "minutes": 60 }))
}

/// A failure inside of a document: what it was, what to do, the output that explains it.
pub(crate) fn trouble_in(document: Document, trouble: &Trouble) -> Document {
    let document = document.text(explained(trouble)).text(trouble.code.remedy());
    if trouble.output.is_empty() { document } else { document.code(trouble.output.join("\n")) }
}

/// What happened, with its particulars.
pub(crate) fn explained(trouble: &Trouble) -> String {
    let mut headline = trouble.code.headline().to_owned();
    if let Some(first) = headline.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    match trouble.message.trim_end_matches('.') {
        "" => format!("{headline}."),
        message => format!("{headline}: {message}."),
    }
}

fn sentence(state: State) -> &'static str {
    match state {
        State::Created => "is being created",
        State::Stopped => "is stopped",
        State::Preparing | State::Installing | State::Starting => "is starting",
        State::Ready => "is ready",
        State::Stopping => "is stopping",
        State::Restarting => "is restarting",
        State::Failed => "does not work",
        State::Deleting => "is being deleted",
    }
}

fn tone(state: State) -> Tone {
    match state {
        State::Ready => Tone::Good,
        State::Failed => Tone::Bad,
        State::Stopped => Tone::Neutral,
        _ => Tone::Working,
    }
}
