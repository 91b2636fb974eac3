//! What happened, told to whoever listens: the Discord thread, the event stream, other domains.
//!
//! Events are kept in the order of their cursor, so a listener that was away reads on where it stopped.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::{Document, Error, ServerId, TenantId, typed_id};

typed_id!(
    /// One job that events tell of: from its first event to the one that carries an outcome.
    RunId
);

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "type", content = "id")]
pub enum Subject {
    /// A game server.
    Server(ServerId),
    /// A host, by name.
    Host(String),
    /// The community itself: its settings, ranks and cases.
    Community,
}

impl Subject {
    /// The subject as one string, `server:<uuid>`; the store's index is on it.
    pub fn key(&self) -> String {
        match self {
            Self::Server(id) => format!("server:{id}"),
            Self::Host(name) => format!("host:{name}"),
            Self::Community => "community".to_owned(),
        }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As wanted.
    Succeeded,
    /// Not as wanted.
    Failed,
}

/// How a face with conversations tells an event. A topic is a conversation by a key of the teller's choice;
/// Discord makes it a thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "tell")]
pub enum Tell {
    /// A message to the whole community, with a conversation of its own.
    Announce {
        /// The conversation's key.
        topic: String,
        /// What the conversation is called; at most 100 characters.
        title: String,
    },
    /// A new conversation, opened with the event's document, which is its status message from then on.
    Open {
        /// The conversation's key.
        topic: String,
        /// What it is called; at most 100 characters.
        title: String,
    },
    /// The conversation's status message now reads like this.
    Status {
        /// The conversation's key.
        topic: String,
    },
    /// A message in the conversation.
    Say {
        /// The conversation's key.
        topic: String,
    },
    /// The conversation's last message; it is closed afterwards.
    Close {
        /// The conversation's key.
        topic: String,
    },
}

impl Tell {
    /// The conversation's key.
    pub fn topic(&self) -> &str {
        match self {
            Self::Announce { topic, .. }
            | Self::Open { topic, .. }
            | Self::Status { topic }
            | Self::Say { topic }
            | Self::Close { topic } => topic,
        }
    }
}

/// An event about to be kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewEvent {
    /// Whose.
    pub tenant: TenantId,
    /// About what.
    pub subject: Subject,
    /// A dotted word: `server.ready`, `server.progress`, `server.player_joined`.
    pub kind: String,
    /// The job it is part of, if any.
    pub run: Option<RunId>,
    /// Set on the last event of a run.
    pub outcome: Option<Outcome>,
    /// For programs.
    pub data: Value,
    /// For people.
    pub document: Option<Document>,
    /// How people are told; `None` for events that only programs read.
    pub tell: Option<Tell>,
}

/// An event that has been kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Its place in the order; grows by at least one.
    pub cursor: i64,
    /// When it was kept.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub at: OffsetDateTime,
    /// Whose.
    pub tenant: TenantId,
    /// About what.
    pub subject: Subject,
    /// A dotted word.
    pub kind: String,
    /// The job it is part of, if any.
    pub run: Option<RunId>,
    /// Set on the last event of a run.
    pub outcome: Option<Outcome>,
    /// For programs.
    pub data: Value,
    /// For people.
    pub document: Option<Document>,
    /// How people are told; `None` for events that only programs read.
    pub tell: Option<Tell>,
}

/// Which events a reader wants.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only of this community; `None` is for Guildhall's own listeners.
    pub tenant: Option<TenantId>,
    /// Only about this.
    pub subject: Option<Subject>,
    /// Only of this job.
    pub run: Option<RunId>,
}

/// Keeps events and hands them out.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Keeps one and returns its cursor.
    async fn append(&self, event: NewEvent) -> Result<i64, Error>;

    /// Up to `limit` (at most 500) events after `cursor`, in order.
    async fn after(&self, cursor: i64, filter: &Filter, limit: u64) -> Result<Vec<Event>, Error>;

    /// The cursor of the newest event, 0 when there is none.
    async fn newest(&self) -> Result<i64, Error>;

    /// Changes whenever there may be something new to read. A hint: read with [`EventLog::after`].
    fn changes(&self) -> watch::Receiver<i64>;
}
