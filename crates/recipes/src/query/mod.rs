//! Asks a game who is playing.
//!
//! Asking blocks, for at most the time given; callers in async code use a thread for it. What a game answers
//! is untrusted: sizes are bounded and names are plain text afterwards.

use std::{net::SocketAddr, time::Duration};

use crate::recipe::QueryProtocol;

/// What a game answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// How many play; `None` when the protocol does not tell.
    pub players: Option<u32>,
    /// How many fit.
    pub max: Option<u32>,
    /// Their names, as far as the game tells; at most 1,000.
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
    Malformed(String),
}

/// Asks the game at an address, and waits at most `timeout` for its answer.
pub fn ask(protocol: QueryProtocol, address: SocketAddr, timeout: Duration) -> Result<Answer, QueryError> {
    let _ = (protocol, address, timeout);
    Err(QueryError::Malformed("not yet".to_owned()))
}
