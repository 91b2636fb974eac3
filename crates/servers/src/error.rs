//! What can go wrong with a server, and what the person who asked can do about it.

use guildhall_core::{Action, Error, FieldError, Kind, Rank, document::Style};
use guildhall_flows::Failure;
use guildhall_link::LinkError;
use guildhall_recipes::{
    ValueProblem, access::BadPlayer, configuration::ConfigurationError, patterns::MAX_PLAYER,
};
use guildhall_store::StoreError;
use serde_json::json;
use time::OffsetDateTime;

use crate::{
    failure::{Code, Trouble},
    state::State,
};

/// Why a server operation did not happen.
#[derive(Debug, thiserror::Error)]
pub enum ServersError {
    /// There is no such server; these are the nearest names.
    #[error("There is no server called '{name}'.")]
    NotFound {
        /// What was asked for.
        name: String,
        /// Up to three names that exist.
        near: Vec<String>,
        /// The operation that was asked for, offered again with each name.
        operation: &'static str,
    },
    /// Another server has the name.
    #[error("There is a server called '{0}' already.")]
    NameTaken(String),
    /// The community has as many servers as it may.
    #[error("This community has {0} servers, which is as many as it may have.")]
    TooMany(u64),
    /// Another operation is at work on it.
    #[error("{name} is already {doing}, by {by} {ago} ago.")]
    Busy {
        /// The server.
        name: String,
        /// `starting`, `stopping`, …
        doing: &'static str,
        /// Who.
        by: String,
        /// How long ago, in words.
        ago: String,
    },
    /// It cannot be started, because it runs.
    #[error("{name} is already {state}.")]
    Running {
        /// The server.
        name: String,
        /// What it is doing.
        state: State,
    },
    /// It does not run, so there is nothing to stop, restart or speak to.
    #[error("{name} is not running; it is {state}.")]
    NotRunning {
        /// The server.
        name: String,
        /// What it is.
        state: State,
    },
    /// It could not be made.
    #[error("{name} could not be made.")]
    NotMade {
        /// The server.
        name: String,
        /// Why.
        trouble: Trouble,
        /// For the log.
        #[source]
        source: Failure,
    },
    /// Values that the recipe does not take.
    #[error("{} of the values do not fit.", .0.len())]
    Values(Vec<ValueProblem>),
    /// Secrets that this installation's key does not open.
    #[error("These secrets cannot be read with the key that this installation has: {}.", .0.join(", "))]
    SecretsLocked(Vec<String>),
    /// Its host cannot be asked now.
    #[error("The host of {name} is not connected.")]
    HostAway {
        /// The server.
        name: String,
        /// For the log.
        #[source]
        source: Option<LinkError>,
    },
    /// The agent turned the request away, and perhaps said why.
    #[error("The host turned it away{}.", particulars(.0))]
    Refused(String),
    /// The game does not read a console.
    #[error("The game of {0} does not read a console.")]
    NoConsole(String),
    /// Another member has the name in this game.
    #[error("The name '{0}' belongs to another member in this game.")]
    PlayerTaken(String),
    /// Nobody in this game can be called so.
    #[error("'{player}' cannot be a player's name here: {why}.")]
    BadPlayer {
        /// What was given.
        player: String,
        /// What would be right.
        why: BadPlayer,
    },
    /// The member has as many names as they may.
    #[error("{0} names are linked already, which is as many as a member may have.")]
    TooManyLinks(u64),
    /// The member has no such name; these are theirs.
    #[error("No name '{player}' is linked.")]
    NotLinked {
        /// What was asked for.
        player: String,
        /// The member's names.
        near: Vec<String>,
    },
    /// Somebody who is kept out cannot change what they are called.
    #[error("You are kept out of game servers ({0}), so your names stay as they are.")]
    KeptOut(String),
    /// Other members' names are for moderators.
    #[error("You need rank {} for other members' names; yours is {}.", Rank::MODERATOR, .0)]
    NotYours(Rank),
    /// Somebody else changed it over and over in the same moment.
    #[error("{} is being changed by somebody else right now.", .0.as_deref().unwrap_or("The server"))]
    Contended(Option<String>),
    /// The store did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something that is an error at the edge already.
    #[error(transparent)]
    Edge(#[from] Error),
}

impl From<sea_orm::DbErr> for ServersError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Store(error.into())
    }
}

impl From<serde_json::Error> for ServersError {
    fn from(error: serde_json::Error) -> Self {
        Self::Edge(Error::bug(error))
    }
}

impl From<ConfigurationError> for ServersError {
    fn from(error: ConfigurationError) -> Self {
        match error {
            ConfigurationError::Values(problems) => Self::Values(problems),
            ConfigurationError::Locked(names) => Self::SecretsLocked(names),
        }
    }
}

impl From<ServersError> for Error {
    fn from(error: ServersError) -> Self {
        let message = error.to_string();
        match error {
            ServersError::NotFound { name, near, operation } => {
                let edge = Self::new(Kind::NotFound, "server_not_found", message).with("name", name);
                let none = "There are no servers yet; staff make one with /server create.";
                // A destroying operation is not offered on a guessed name.
                let offered = near.iter().filter(|_| operation != "server delete");
                offered.fold(nearest(edge, &near, none), |edge, name| {
                    let label = format!("{operation} {name}");
                    edge.action(Action::new(label, operation, json!({"server": name})))
                })
            }
            ServersError::NameTaken(name) => Self::new(Kind::Conflict, "name_taken", message)
                .remedy("Choose another name.")
                .action(Action::new("Show it", "server status", json!({"server": name})))
                .with("name", name),
            ServersError::TooMany(count) => Self::new(Kind::Limit, "too_many_servers", message)
                .remedy("Delete one that nobody needs, or ask the operator for more.")
                .with("count", count),
            ServersError::Busy { name, doing, by, ago } => Self::new(Kind::Conflict, "server_busy", message)
                .remedy("Wait for it to finish; /server status shows how far it is.")
                .action(Action::new("Status", "server status", json!({"server": name})))
                .with("name", name)
                .with("doing", doing.replace(' ', "_"))
                .with("by", by)
                .with("ago", ago),
            ServersError::Running { name, state } => Self::new(Kind::Conflict, "already_running", message)
                .remedy("/server status shows how to join.")
                .action(Action::new("Status", "server status", json!({"server": name})).style(Style::Primary))
                .with("name", name)
                .with("state", state.as_str()),
            ServersError::NotRunning { name, state } => Self::new(Kind::Conflict, "not_running", message)
                .remedy("Start it first.")
                .action(Action::new("Start", "server start", json!({"server": name})).style(Style::Primary))
                .with("name", name)
                .with("state", state.as_str()),
            ServersError::NotMade { name, trouble, source } => trouble.not_made(&name).because(source),
            ServersError::Values(problems) => {
                let text = if let [one] = problems.as_slice() { one.to_string() } else { message };
                let mut edge = Self::new(Kind::User, "invalid_values", text).with("count", problems.len());
                edge.fields = problems.into_iter().map(FieldError::from).collect();
                edge
            }
            ServersError::SecretsLocked(names) => failed(Kind::Conflict, Code::SecretsLocked, message)
                .with("particulars", particulars(&names.join(", "))),
            ServersError::HostAway { name, source } => {
                let mut edge = failed(Kind::Upstream, Code::HostOffline, message).with("name", name);
                edge.source = source.map(Into::into);
                edge
            }
            ServersError::Refused(why) => {
                failed(Kind::Upstream, Code::Refused, message).with("particulars", particulars(&why))
            }
            ServersError::NoConsole(name) => Self::new(Kind::Conflict, "no_console", message)
                .remedy("Use the game's own client to speak to its players.")
                .with("name", name),
            ServersError::PlayerTaken(player) => Self::new(Kind::Conflict, "player_taken", message)
                .remedy(
                    "If it is yours, ask a moderator: /player unlink with “member” takes it from the other.",
                )
                .with("player", player),
            ServersError::BadPlayer { player, why } => {
                let (why, pattern) = match why {
                    BadPlayer::NotAName => ("not_a_name", String::new()),
                    BadPlayer::Pattern(pattern) => ("pattern", pattern),
                    BadPlayer::Recipe(problem) => ("recipe", problem.to_string()),
                };
                Self::new(Kind::User, "bad_player", message)
                    .remedy("Write the name exactly as the game shows it.")
                    .with("player", player)
                    .with("why", why)
                    .with("pattern", pattern)
                    .with("most", MAX_PLAYER)
            }
            ServersError::TooManyLinks(count) => Self::new(Kind::Limit, "too_many_links", message)
                .remedy("Take one away with /player unlink first.")
                .with("count", count),
            ServersError::NotLinked { player, near } => {
                let edge = Self::new(Kind::NotFound, "player_not_linked", message).with("player", player);
                nearest(edge, &near, "Link one with /player link.")
            }
            ServersError::KeptOut(case) => Self::new(Kind::Permission, "kept_out", message)
                .remedy("A moderator can change them for you.")
                .with("case", case),
            ServersError::NotYours(rank) => Self::new(Kind::Permission, "not_your_names", message)
                .remedy("Leave “member” out for your own names.")
                .with("required", Rank::MODERATOR.to_string())
                .with("yours", rank.to_string()),
            ServersError::Contended(name) => Self::new(Kind::Conflict, "contended", message)
                .remedy("Try again in a moment.")
                .with("named", if name.is_some() { "yes" } else { "no" })
                .with("name", name.unwrap_or_default()),
            ServersError::Store(error) => error.into(),
            ServersError::Edge(error) => error,
        }
    }
}

/// What a host could not do for an operation, under the failure's own code and remedy.
fn failed(kind: Kind, code: Code, message: String) -> Error {
    Error::new(kind, code.as_str(), message).remedy(code.remedy()).with("job", "other")
}

/// With the nearest names as the remedy, or `none` when there are not any.
fn nearest(edge: Error, near: &[String], none: &str) -> Error {
    let names = near.join(", ");
    let remedy = if near.is_empty() { none.to_owned() } else { format!("Did you mean: {names}?") };
    edge.remedy(remedy).with("count", near.len()).with("near", names)
}

/// What stands at the end of a sentence, after a colon; nothing for nothing.
fn particulars(text: &str) -> String {
    let text = text.trim_end_matches('.');
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

/// An input that does not fit, where its type alone cannot say so.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unfit {
    Case(usize),
    Reason(usize),
    Named(usize),
    TwoLines,
    GameAndServer,
    NoGame,
}

impl From<Unfit> for Error {
    fn from(unfit: Unfit) -> Self {
        let two_lines = "holds a line end or another control character; send one line at a time";
        let both = "is one of the recipe's; give one of the two";
        let neither = "or server is missing: name the game or one server";
        let (field, code, message) = match unfit {
            Unfit::Case(most) => ("case", "bar_case", format!("is 1 to {most} characters")),
            Unfit::Reason(most) => ("reason", "bar_reason", format!("is at most {most} characters")),
            Unfit::Named(most) => ("servers", "bar_servers", format!("are at most {most} names")),
            Unfit::TwoLines => ("line", "line_not_one", two_lines.to_owned()),
            Unfit::GameAndServer => ("server", "game_and_server", both.to_owned()),
            Unfit::NoGame => ("recipe", "game_missing", neither.to_owned()),
        };
        let mut error = Self::invalid(field, message);
        for field in &mut error.fields {
            field.code = Some(code);
            if let Unfit::Case(most) | Unfit::Reason(most) | Unfit::Named(most) = unfit {
                field.vars = vec![("most", most.into())];
            }
        }
        error
    }
}

/// A span of time as people say it: `2 s`, `4 min`, `3 h`, `2 d`.
pub(crate) fn span(from: OffsetDateTime, to: OffsetDateTime) -> String {
    spoken((to - from).whole_seconds())
}

/// Seconds as people say them.
pub(crate) fn spoken(seconds: i64) -> String {
    match seconds.max(0) {
        s @ ..120 => format!("{s} s"),
        s @ ..7_200 => format!("{} min", s / 60),
        s @ ..172_800 => format!("{} h {} min", s / 3_600, s / 60 % 60),
        s => format!("{} d", s / 86_400),
    }
}

#[cfg(test)]
mod tests;
