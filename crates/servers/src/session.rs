//! A session's end: how it came, who played, for how long.

use std::collections::BTreeMap;

use guildhall_link::message::{Exit, Rung};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{entity::visit, failure::Trouble, text};

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ending {
    pub(crate) how: How,
    /// Who stopped it.
    pub(crate) by: Option<String>,
    /// What the agent saw of the process's end.
    pub(crate) exit: Option<Exit>,
    /// Why, when it did not end as wanted.
    pub(crate) trouble: Option<Trouble>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum How {
    /// It was stopped, and the exit was seen.
    Stopped,
    /// It was not running any more when it was looked for.
    Ended,
    /// It did not work.
    Failed,
    /// Nobody saw its end, because its host was away.
    Unseen,
}

impl Ending {
    pub(crate) fn new(how: How) -> Self {
        Self { how, by: None, exit: None, trouble: None }
    }

    /// The end in a sentence, with the rungs of the stop ladder that were taken.
    pub(crate) fn sentence(&self) -> String {
        match (self.how, &self.exit) {
            (How::Stopped, Some(exit)) => ladder(exit),
            (How::Stopped, None) | (How::Ended, _) => "It was not running any more.".to_owned(),
            (How::Failed, _) => match &self.trouble {
                Some(trouble) => format!("It failed: {}.", trouble.code.headline()),
                None => "It failed.".to_owned(),
            },
            (How::Unseen, _) => "Nobody saw its end, because its host was away.".to_owned(),
        }
    }
}

/// How a wanted stop went: `Stopped by its console command "stop", after 1.2 s (exit status 0).`
fn ladder(exit: &Exit) -> String {
    let rungs: Vec<String> = exit
        .ladder
        .iter()
        .take(8)
        .map(|rung| match rung {
            Rung::Command { line } => format!("its console command '{}'", text::line(line, 80)),
            Rung::Signal { name } => text::line(name, 20),
        })
        .collect();
    let took = match exit.took_ms {
        quick @ ..1_000 => format!("{quick} ms"),
        slow => format!("{}.{} s", slow / 1_000, slow % 1_000 / 100),
    };
    match rungs.as_slice() {
        [] => format!("It ended by itself ({}).", process_end(exit)),
        [one] => format!("Stopped by {one}, after {took} ({}).", process_end(exit)),
        [first @ .., last] => {
            format!(
                "{} did not do; stopped by {last}, after {took} ({}).",
                first.join(" and "),
                process_end(exit)
            )
        }
    }
}

/// A process's end in two words: `exit status 0`, `signal 9`.
pub(crate) fn process_end(exit: &Exit) -> String {
    match (exit.status, exit.signal) {
        (_, Some(signal)) => format!("signal {signal}"),
        (Some(status), None) => format!("exit status {status}"),
        (None, None) => "unknown exit status".to_owned(),
    }
}

/// One player's time in a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Played {
    /// Their name in the game.
    pub player: String,
    /// In seconds, over all their stays.
    pub seconds: i64,
}

/// Who played how long, the longest first.
pub(crate) fn played(visits: &[visit::Model], until: OffsetDateTime) -> Vec<Played> {
    let mut seconds: BTreeMap<&str, i64> = BTreeMap::new();
    for visit in visits {
        let stay =
            (visit.left_at.map_or(until, |left| left.time()) - visit.joined_at.time()).whole_seconds().max(0);
        *seconds.entry(&visit.player).or_default() += stay;
    }
    let mut played: Vec<Played> =
        seconds.into_iter().map(|(player, seconds)| Played { player: player.to_owned(), seconds }).collect();
    played.sort_by(|a, b| b.seconds.cmp(&a.seconds).then_with(|| a.player.cmp(&b.player)));
    played
}

#[cfg(test)]
mod tests;
