//! `logs check`: whether the logs that a community has set can be written.

use guildhall_core::{
    Answer, Call, Document, Effect, Error, Kind, Operation, Operations, Rank, Rich, Tone,
    guild::ChannelId,
    setting::{self, Setting},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    logs::Logs,
    setting::{AUDIT, JOINS, MESSAGES, VOICE},
};

/// This domain's operations.
pub fn operations() -> Operations<Logs> {
    Operations::new().with::<Check>().feature("logs")
}

/// What is said of a log of which nothing can come.
const DEAF: &str = "Guildhall has heard nothing from the guild since it was started: turn on the gateway in the \
                    configuration, or wait until it is connected.";

/// Writes a line to every log.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Check {}

/// One log, and whether it can be written.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Checked {
    log: &'static str,
    channel: Option<ChannelId>,
    problem: Option<String>,
}

impl Operation for Check {
    type Domain = Logs;
    type Output = Vec<Checked>;
    const NAME: &'static str = "logs check";
    const SUMMARY: &'static str = "Write a line to every log, to see whether it works.";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] = &["logs check"];

    async fn run(self, logs: &Logs, call: &Call) -> Result<Answer<Vec<Checked>>, Error> {
        let mut checked = Vec::new();
        for (at, log) in logs.places.iter().copied().enumerate() {
            let channel: Option<ChannelId> = setting::get(logs.settings.as_ref(), call.tenant(), log).await?;
            let problem = match channel {
                None => None,
                // A line that says that it works would be a lie.
                Some(_) if !logs.hears_of_guilds() && is_of_the_guild(log) => {
                    Some(format!("nothing is written: {DEAF}"))
                }
                Some(channel) => {
                    let line = Rich::new().text("This log works; ").person(&call.actor.id, &*call.actor.name);
                    let document = Document::default().text(line.text(" checked it."));
                    let nonce = format!("{}-{at}", call.id.reference());
                    let posted = logs.courier.post(call.tenant(), channel, &document, &nonce).await;
                    posted.err().map(|error| unwritten(log, &error)).or_else(|| {
                        let partly = log.key == AUDIT.key && !logs.hears_of_guilds();
                        partly.then(|| format!("works for settings and ranks alone: {DEAF}"))
                    })
                }
            };
            checked.push(Checked { log: log.key, channel, problem });
        }
        let tone = if checked.iter().any(|log| log.problem.is_some()) { Tone::Warning } else { Tone::Good };
        let document = checked.iter().fold(Document::titled("Logs").tone(tone), |document, log| {
            let said = match (&log.channel, &log.problem) {
                (None, _) => "off; set a channel to turn it on".to_owned(),
                (Some(_), None) => "works".to_owned(),
                (Some(_), Some(problem)) => problem.clone(),
            };
            document.field(log.log, said)
        });
        Ok(Answer::new(checked, document))
    }
}

/// Whether all that is written to the log is heard of by the gateway.
fn is_of_the_guild(log: &Setting) -> bool {
    [JOINS.key, MESSAGES.key, VOICE.key].contains(&log.key)
}

/// Why a log cannot be written, and what to do.
fn unwritten(log: &Setting, error: &Error) -> String {
    match error.kind {
        Kind::NotFound => {
            format!(
                "its channel is gone: /config setup makes another, or set one: /config set key:{}",
                log.key
            )
        }
        _ => error.to_string(),
    }
}
