//! A record of the traffic: every REST request with its answer, and every interaction posted to an application.
//! The `Authorization` header is left out, and the oldest entries go when the log is full.

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::Value;

/// Who asked whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// An application called Discord's REST API.
    ToDiscord,
    /// Discord posted an interaction to an application's endpoint.
    ToApplication,
}

/// One request and its answer.
#[derive(Clone, Debug, Serialize)]
pub struct Exchange {
    /// Who asked whom.
    pub direction: Direction,
    /// The HTTP method, in capitals.
    pub method: String,
    /// The path without `/api/v10` and without the query, for example `/channels/5/messages`.
    pub path: String,
    /// The query, as it came.
    pub query: String,
    /// The JSON body of the request (of a multipart request: its `payload_json`), if there was one.
    pub request: Option<Value>,
    /// The status of the answer; 0 when none came.
    pub status: u16,
    /// The JSON body of the answer, if there was one.
    pub response: Option<Value>,
}

#[derive(Debug)]
pub(crate) struct Log {
    exchanges: VecDeque<Exchange>,
    capacity: usize,
    dropped: u64,
}

impl Log {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { exchanges: VecDeque::new(), capacity, dropped: 0 }
    }

    pub(crate) fn push(&mut self, exchange: Exchange) {
        if self.exchanges.len() >= self.capacity {
            self.exchanges.pop_front();
            self.dropped += 1;
        }
        if self.capacity > 0 {
            self.exchanges.push_back(exchange);
        }
    }

    pub(crate) fn all(&self) -> Vec<Exchange> {
        self.exchanges.iter().cloned().collect()
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }
}
