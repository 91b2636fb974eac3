//! `slowmode`, `lock` and `unlock`.

use guildhall_core::{
    Action, Answer, Call, Document, Effect, Error, Misfit, Operation, Rank, Span, guild::ChannelId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Why, several::receipt};
use crate::{CaseData, Moderation, ModerationError, book::NewCase};

/// The longest slow mode, in seconds
/// (<https://discord.com/developers/docs/resources/channel#channel-object>).
const LONGEST_SLOWMODE: u64 = 21_600;

/// What became of a channel.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ChannelData {
    /// The case, when something was changed.
    pub case: Option<CaseData>,
    /// Seconds between messages, when that is what was asked for.
    pub seconds: Option<u32>,
}

fn here(channel: Option<ChannelId>, call: &Call) -> Result<ChannelId, ModerationError> {
    channel.or(call.channel).ok_or(ModerationError::WhichChannel)
}

/// The channel that is meant, or with `None` the whole server.
fn place(
    all: Option<bool>,
    channel: Option<ChannelId>,
    call: &Call,
) -> Result<Option<ChannelId>, ModerationError> {
    if all == Some(true) { Ok(None) } else { here(channel, call).map(Some) }
}

async fn changed(moderation: &Moderation, call: &Call, new: NewCase) -> Result<Answer<ChannelData>, Error> {
    let row = moderation.carry_out(call.tenant(), new).await?;
    Ok(Answer::new(ChannelData { case: Some(CaseData::from(&row)), seconds: None }, receipt(&row)))
}

/// Shows or sets a channel's slow mode.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Slowmode {
    /// Between two messages of one member: 5, 30s, 2m, at most 6h; off or 0 ends it. Shows it when left away
    #[serde(default)]
    #[schemars(length(max = 20))]
    pub delay: Option<String>,
    /// In which channel; this one when it is left away
    #[serde(default)]
    pub channel: Option<ChannelId>,
    /// Why.
    #[serde(flatten)]
    pub why: Why,
}

impl Operation for Slowmode {
    type Domain = Moderation;
    type Output = ChannelData;

    const NAME: &'static str = "slowmode";
    const SUMMARY: &'static str = "Show or set how often members may write in a channel";
    const RANK: Rank = Rank::JUNIOR_MODERATOR;
    const EFFECT: Effect = Effect::Change;
    const ALIASES: &'static [&'static str] = &["sm"];
    const EXAMPLES: &'static [&'static str] = &["slowmode", "slowmode delay:30s", "slowmode delay:off"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<ChannelData>, Error> {
        let channel = here(self.channel, call)?;
        let Some(delay) = self.delay.filter(|delay| !delay.trim().is_empty()) else {
            let guild = moderation.seams.guilds.guild(call.tenant()).await?;
            let found =
                guild.channel(channel).ok_or_else(|| ModerationError::NoChannel(channel.to_string()))?;
            let words = match found.slowmode {
                0 => "There is no slow mode.".to_owned(),
                seconds => format!("{seconds} seconds between two messages of one member."),
            };
            let set = Action::new("Set it", "slowmode", json!({ "channel": channel })).asking(&["delay"]);
            let document = Document::titled(format!("#{}", found.name)).text(words).action(set);
            return Ok(Answer::new(ChannelData { case: None, seconds: Some(found.slowmode) }, document));
        };
        let seconds = seconds(&delay)?;
        let reason = moderation.reason(call.tenant(), self.why.reason.as_deref()).await?;
        let new = moderation.slowing(&call.actor, channel, seconds, reason).await?;
        let Answer { mut data, document, follow } = changed(moderation, call, new).await?;
        data.seconds = Some(seconds);
        let words = match seconds {
            0 => "Off".to_owned(),
            seconds => format!("{seconds} s between messages"),
        };
        Ok(Answer { data, document: document.field("Slow mode", words), follow })
    }
}

/// Seconds of slow mode: a plain number is seconds.
fn seconds(text: &str) -> Result<u32, Error> {
    let text = text.trim();
    let wrong = |code, message| Error::from(Misfit::new(code, message).of("delay"));
    let unreadable =
        |_| wrong("slowmode_unreadable", "is not a time between messages: write it like 5, 30s, 2m or off.");
    let seconds = match text {
        "off" | "none" | "0" => 0,
        _ => match text.parse::<u64>() {
            Ok(seconds) => seconds,
            Err(_) => text.parse::<Span>().map_err(unreadable)?.seconds(),
        },
    };
    match u32::try_from(seconds) {
        Ok(short) if seconds <= LONGEST_SLOWMODE => Ok(short),
        _ => Err(wrong("slowmode_too_long", "is more than 6 hours (21600 seconds).")),
    }
}

/// Keeps members from writing.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Lock {
    /// Which channel; this one when it is left away
    #[serde(default)]
    pub channel: Option<ChannelId>,
    /// For how long; until somebody unlocks it when it is left away
    #[serde(default)]
    pub duration: Option<Span>,
    /// Why.
    #[serde(flatten)]
    pub why: Why,
    /// Every text channel of the server
    #[serde(default)]
    pub all: Option<bool>,
}

impl Operation for Lock {
    type Domain = Moderation;
    type Output = ChannelData;

    const NAME: &'static str = "lock";
    const SUMMARY: &'static str = "Keep members from writing in a channel, or anywhere";
    const RANK: Rank = Rank::MODERATOR;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] = &["lock duration:30m reason:Raid", "lock all:true"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<ChannelData>, Error> {
        let channel = place(self.all, self.channel, call)?;
        let reason = moderation.reason(call.tenant(), self.why.reason.as_deref()).await?;
        let lasts = self.duration.map(Span::duration);
        changed(moderation, call, moderation.locking(&call.actor, channel, lasts, reason).await?).await
    }
}

/// Lets members write as before.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Unlock {
    /// Which channel; this one when it is left away
    #[serde(default)]
    pub channel: Option<ChannelId>,
    /// Why.
    #[serde(flatten)]
    pub why: Why,
    /// The lock of the whole server
    #[serde(default)]
    pub all: Option<bool>,
}

impl Operation for Unlock {
    type Domain = Moderation;
    type Output = ChannelData;

    const NAME: &'static str = "unlock";
    const SUMMARY: &'static str = "Let members write in a channel again, as before it was locked";
    const RANK: Rank = Rank::MODERATOR;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] = &["unlock", "unlock all:true"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<ChannelData>, Error> {
        let channel = place(self.all, self.channel, call)?;
        let reason = moderation.reason(call.tenant(), self.why.reason.as_deref()).await?;
        changed(moderation, call, moderation.unlocking_place(&call.actor, channel, reason).await?).await
    }
}

#[cfg(test)]
mod tests;
