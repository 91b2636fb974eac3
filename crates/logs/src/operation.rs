//! `logs check`: whether the logs that a community has set can be written.

use guildhall_core::{
    Answer, Call, Document, Effect, Error, Operation, Operations, Rank, Rich, Tone, guild::ChannelId, setting,
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
        for log in [&AUDIT, &JOINS, &MESSAGES, &VOICE] {
            let channel: Option<ChannelId> = setting::get(logs.settings.as_ref(), call.tenant(), log).await?;
            let problem = match channel {
                None => None,
                Some(channel) => {
                    let line = Rich::new().text("This log works; ").person(&call.actor.id, &*call.actor.name);
                    let document = Document::default().text(line.text(" checked it."));
                    let nonce = call.id.reference() + &log.key[5..6];
                    let posted = logs.courier.post(call.tenant(), channel, &document, &nonce).await;
                    posted.err().map(|error| error.to_string())
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
