//! What is counted and measured.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use crate::interaction::Kind;

/// An interaction was dealt with.
pub(crate) fn interaction(kind: Kind, outcome: &'static str) {
    counter!("guildhall_discord_interactions_total", "type" => kind.as_str(), "outcome" => outcome)
        .increment(1);
}

/// The first answer was handed over, so long after the interaction came in.
pub(crate) fn acknowledged(kind: Kind, after: Duration) {
    histogram!("guildhall_discord_acknowledged_seconds", "type" => kind.as_str()).record(after);
}

/// A request was turned away before it was an interaction.
pub(crate) fn turned_away(reason: &'static str) {
    counter!("guildhall_discord_turned_away_total", "reason" => reason).increment(1);
}

/// A signature was missing, wrong or old.
pub(crate) fn bad_signature(reason: &'static str) {
    counter!("guildhall_discord_signature_failures_total", "reason" => reason).increment(1);
}

/// A refusal was left out of the audit log, because there were too many.
pub(crate) fn unrecorded() {
    counter!("guildhall_discord_refusals_unrecorded_total").increment(1);
}

/// An event was told, or was not.
pub(crate) fn told(outcome: &'static str) {
    counter!("guildhall_discord_told_total", "outcome" => outcome).increment(1);
}

/// An answer could not be shown in the place it belongs.
pub(crate) fn answer(outcome: &'static str) {
    counter!("guildhall_discord_late_answers_total", "outcome" => outcome).increment(1);
}

/// Whether the gateway is connected, a shard.
pub(crate) fn gateway(shard: u32, up: bool) {
    gauge!("guildhall_discord_gateway_up", "shard" => shard.to_string()).set(if up { 1.0 } else { 0.0 });
}

/// Somebody could not be written to, or was.
pub(crate) fn delivery(outcome: &'static str) {
    counter!("guildhall_discord_direct_messages_total", "outcome" => outcome).increment(1);
}

/// A message came by: most are for nobody, some are commands.
pub(crate) fn message(outcome: &'static str) {
    counter!("guildhall_discord_messages_total", "outcome" => outcome).increment(1);
}
