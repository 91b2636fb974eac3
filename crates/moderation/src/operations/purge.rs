//! `purge`.

use guildhall_core::{
    Answer, Call, Effect, Error, Operation, Rank,
    guild::{ChannelId, UserId, hierarchy},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Why;
use crate::{
    CaseData, Moderation, ModerationError,
    book::{By, NewCase},
    case::{CaseKind, Deed},
    page,
};

/// Deletes a channel's newest messages.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Purge {
    /// How many at most, 1 to 500
    #[schemars(range(min = 1, max = 500))]
    pub count: u16,
    /// Only those of this person
    #[serde(default)]
    pub user: Option<UserId>,
    /// In which channel; this one when it is left away
    #[serde(default)]
    pub channel: Option<ChannelId>,
    /// Only those with these words
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    pub contains: Option<String>,
    /// Only those of bots
    #[serde(default)]
    pub bots: Option<bool>,
    /// Why.
    #[serde(flatten)]
    pub why: Why,
}

impl Operation for Purge {
    type Domain = Moderation;
    type Output = CaseData;

    const NAME: &'static str = "purge";
    const SUMMARY: &'static str = "Delete the newest messages of a channel";
    const RANK: Rank = Rank::MODERATOR;
    const EFFECT: Effect = Effect::Destroy;
    const ALIASES: &'static [&'static str] = &["p"];
    const EXAMPLES: &'static [&'static str] =
        &["purge count:50", "purge count:100 user:@somebody contains:http"];

    fn question(&self) -> String {
        match self.user {
            Some(_) => format!("Delete up to {} messages of this person? They do not come back.", self.count),
            None => format!("Delete up to {} messages? They do not come back.", self.count),
        }
    }

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<CaseData>, Error> {
        let tenant = call.tenant();
        let channel = self.channel.or(call.channel).ok_or(ModerationError::WhichChannel)?;
        let guild = moderation.seams.guilds.guild(tenant).await?;
        let myself = moderation.seams.guilds.myself(tenant).await?;
        hierarchy::able(&guild, &myself, None, CaseKind::Purge.needs())?;
        // A thread is not among a guild's channels, so an unknown id may be one; Discord has the last word.
        let name =
            guild.channel(channel).map_or_else(|| format!("#{channel}"), |found| format!("#{}", found.name));
        let deed = Deed::Purge {
            count: u32::from(self.count),
            user: self.user,
            contains: self.contains,
            bots: self.bots.unwrap_or(false),
            deleted: 0,
            too_old: 0,
        };
        let new = NewCase {
            channel: Some(channel),
            target_name: name,
            reason: moderation.reason(tenant, self.why.reason.as_deref()).await?,
            ..NewCase::new(deed, By::from(&call.actor))
        };
        let row = moderation.carry_out(tenant, new).await?;
        Ok(Answer::new(CaseData::from(&row), page::page(&row)))
    }
}
