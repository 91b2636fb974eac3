//! What can go wrong with a server, and what the person who asked can do about it.

use guildhall_core::{Action, Error, FieldError, Kind, document::Style};
use guildhall_link::LinkError;
use guildhall_recipes::{ValueProblem, access::BadPlayer, configuration::ConfigurationError};
use guildhall_store::StoreError;
use serde_json::json;
use time::OffsetDateTime;

use crate::{failure::Code, state::State};

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
    /// The agent turned the request away.
    #[error("The host turned it away: {0}")]
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
    /// Somebody else changed it over and over in the same moment.
    #[error("{0} is being changed by somebody else right now.")]
    Contended(String),
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
            ServersError::NotFound { near, operation, .. } => {
                let mut edge = Self::new(Kind::NotFound, "server_not_found", message);
                if near.is_empty() {
                    return edge.remedy("There are no servers yet; staff make one with `server create`.");
                }
                edge = edge.remedy(format!("Did you mean: {}?", near.join(", ")));
                // A destroying operation is not offered on a guessed name.
                if operation != "server delete" {
                    for name in near {
                        let action =
                            Action::new(format!("{operation} {name}"), operation, json!({"server": name}));
                        edge = edge.action(action);
                    }
                }
                edge
            }
            ServersError::NameTaken(name) => Self::new(Kind::Conflict, "name_taken", message)
                .remedy("Choose another name.")
                .action(Action::new("Show it", "server status", json!({"server": name}))),
            ServersError::TooMany(_) => Self::new(Kind::Limit, "too_many_servers", message)
                .remedy("Delete one that nobody needs, or ask the operator for more."),
            ServersError::Busy { name, .. } => Self::new(Kind::Conflict, "busy", message)
                .remedy("Wait for it to finish; `server status` shows how far it is.")
                .action(Action::new("Status", "server status", json!({"server": name}))),
            ServersError::Running { name, .. } => Self::new(Kind::Conflict, "already_running", message)
                .remedy("`server status` shows how to join.")
                .action(
                    Action::new("Status", "server status", json!({"server": name})).style(Style::Primary),
                ),
            ServersError::NotRunning { name, .. } => Self::new(Kind::Conflict, "not_running", message)
                .remedy("Start it first.")
                .action(Action::new("Start", "server start", json!({"server": name})).style(Style::Primary)),
            ServersError::Values(problems) => {
                let text = match problems.as_slice() {
                    [one] => one.to_string(),
                    _ => message,
                };
                let mut edge = Self::new(Kind::User, "invalid_values", text);
                edge.fields = problems
                    .into_iter()
                    .map(|problem| FieldError::new(problem.name, problem.message))
                    .collect();
                edge
            }
            ServersError::SecretsLocked(_) => {
                let code = Code::SecretsLocked;
                Self::new(Kind::Conflict, code.as_str(), message).remedy(code.remedy())
            }
            ServersError::HostAway { source, .. } => {
                let edge =
                    Self::new(Kind::Upstream, "host_offline", message).remedy(Code::HostOffline.remedy());
                match source {
                    Some(source) => edge.because(source),
                    None => edge,
                }
            }
            ServersError::Refused(_) => {
                Self::new(Kind::Upstream, "refused", message).remedy(Code::Refused.remedy())
            }
            ServersError::NoConsole(_) => Self::new(Kind::Conflict, "no_console", message)
                .remedy("Use the game's own client to speak to its players."),
            ServersError::PlayerTaken(_) => Self::new(Kind::Conflict, "player_taken", message).remedy(
                "If it is yours, ask a moderator: `player unlink` with `member` takes it from the other.",
            ),
            ServersError::BadPlayer { .. } => Self::new(Kind::User, "bad_player", message)
                .remedy("Write the name exactly as the game shows it."),
            ServersError::TooManyLinks(_) => Self::new(Kind::Limit, "too_many_links", message)
                .remedy("Take one away with `player unlink` first."),
            ServersError::NotLinked { near, .. } => {
                let edge = Self::new(Kind::NotFound, "player_not_linked", message);
                match near.as_slice() {
                    [] => edge.remedy("Link one with `player link`."),
                    near => edge.remedy(format!("Did you mean: {}?", near.join(", "))),
                }
            }
            ServersError::KeptOut(_) => Self::new(Kind::Permission, "kept_out", message)
                .remedy("A moderator can change them for you."),
            ServersError::Contended(_) => {
                Self::new(Kind::Conflict, "contended", message).remedy("Try again in a moment.")
            }
            ServersError::Store(error) => error.into(),
            ServersError::Edge(error) => error,
        }
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
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_as_people_say_them() {
        let said: Vec<String> = [-5, 0, 2, 119, 120, 7_199, 7_260, 200_000].into_iter().map(spoken).collect();
        assert_eq!(said, ["0 s", "0 s", "2 s", "119 s", "2 min", "119 min", "2 h 1 min", "2 d"]);
    }
}
