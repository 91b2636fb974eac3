//! What is counted and measured.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use crate::CacheSize;

/// Something happened in a guild that somebody wanted to know.
pub(crate) fn event(kind: &'static str) {
    counter!("guildhall_guilds_events_total", "kind" => kind).increment(1);
}

/// A listener fell behind and lost so many events.
pub(crate) fn lost(listener: &'static str, events: u64) {
    counter!("guildhall_guilds_events_lost_total", "listener" => listener).increment(events);
}

/// A listener broke on an event, or took too long for it.
pub(crate) fn broken(listener: &'static str, how: &'static str) {
    counter!("guildhall_guilds_listeners_broken_total", "listener" => listener, "how" => how).increment(1);
}

/// A frame of the gateway could not be read.
pub(crate) fn unreadable(kind: &'static str) {
    counter!("guildhall_guilds_frames_unreadable_total", "kind" => kind).increment(1);
}

/// A request was answered, or was not.
pub(crate) fn request(what: &'static str, outcome: &'static str, after: Duration) {
    counter!("guildhall_guilds_requests_total", "what" => what, "outcome" => outcome).increment(1);
    histogram!("guildhall_guilds_request_seconds", "what" => what).record(after);
}

/// What is in memory.
#[expect(clippy::cast_precision_loss, reason = "nothing in memory comes near to 2^53 of something")]
pub(crate) fn cached(size: &CacheSize) {
    let all = [
        ("guilds", size.guilds),
        ("channels", size.channels),
        ("roles", size.roles),
        ("members", size.members),
        ("messages", size.messages),
        ("voices", size.voices),
    ];
    for (what, count) in all {
        gauge!("guildhall_guilds_cached", "what" => what).set(count as f64);
    }
    gauge!("guildhall_guilds_cached_bytes").set(size.bytes as f64);
}
