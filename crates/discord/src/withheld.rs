//! Messages that nobody else hears of, because others should not read them: neither that they were written, nor
//! that they were changed or taken away.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use serde::Deserialize;

use crate::interaction::Snowflake;

/// What happens to such a message happens within moments; of so many at once the oldest is forgotten.
const KEPT: usize = 1_024;

/// The newest of them.
#[derive(Default)]
pub(crate) struct Withheld(Mutex<VecDeque<u64>>);

/// The part of an event that says which message it is about.
#[derive(Deserialize)]
struct About {
    id: Snowflake,
}

impl Withheld {
    /// Remembers a message.
    pub(crate) fn add(&self, message: u64) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(message);
    }

    /// Whether this event is about one of them.
    pub(crate) fn is_about(&self, kind: &str, payload: &str) -> bool {
        if !matches!(kind, "MESSAGE_UPDATE" | "MESSAGE_DELETE") {
            return false;
        }
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Nearly always there is none, and then nothing has to be read.
        !kept.is_empty()
            && serde_json::from_str::<About>(payload).is_ok_and(|about| kept.contains(&about.id.0))
    }
}
