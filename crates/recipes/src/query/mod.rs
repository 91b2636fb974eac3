//! Asks a game who is playing.
//!
//! Asking blocks, for at most the time given; callers in async code use a thread for it. What a game answers
//! is untrusted: sizes are bounded and names are plain text afterwards. Each protocol's codec is a pair of
//! functions over bytes, apart from the sockets in [`exchange`].

use std::{net::SocketAddr, time::Duration};

use crate::recipe::QueryProtocol;

mod armagetron;
mod bytes;
mod bzflag;
mod exchange;
mod luanti;
mod minecraft;
mod teeworlds;
mod valve;

/// Names of at most this many players are kept.
pub const MAX_NAMES: usize = 1_000;

/// Names, titles and versions are cut to this many characters.
pub const MAX_TEXT: usize = 128;

/// What a game answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// How many play; `None` when the protocol does not tell.
    pub players: Option<u32>,
    /// How many fit.
    pub max: Option<u32>,
    /// Their names, as far as the game tells; at most [`MAX_NAMES`].
    pub names: Vec<String>,
    /// The game's version.
    pub version: Option<String>,
    /// What the server calls itself.
    pub title: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// Nobody listens, or nothing came in time.
    #[error("the game does not answer: {0}")]
    Silent(#[from] std::io::Error),
    /// Something answered that is not this game.
    #[error("the answer is not this game's: {0}")]
    Malformed(&'static str),
    /// The game turned the query away.
    #[error("the game refused to answer")]
    Refused,
}

/// Asks the game at an address, and waits at most `timeout` for its answer.
pub fn ask(protocol: QueryProtocol, address: SocketAddr, timeout: Duration) -> Result<Answer, QueryError> {
    match protocol {
        QueryProtocol::Minecraft => minecraft::ask(address, timeout),
        QueryProtocol::Valve => valve::ask(address, timeout),
        QueryProtocol::Bzflag => bzflag::ask(address, timeout),
        QueryProtocol::Teeworlds => teeworlds::ask(address, timeout),
        QueryProtocol::Luanti => luanti::ask(address, timeout),
        QueryProtocol::Armagetron => armagetron::ask(address, timeout),
    }
}

/// Text out of an answer: one line, bounded, without control characters.
fn plain(text: &str) -> String {
    let line: String = text.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect();
    line.trim().to_owned()
}

/// The same, or nothing when nothing is left.
fn some(text: &str) -> Option<String> {
    Some(plain(text)).filter(|text| !text.is_empty())
}

/// Names out of an answer.
fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    names.into_iter().filter_map(some).take(MAX_NAMES).collect()
}
