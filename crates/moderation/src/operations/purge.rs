//! `purge`.

use guildhall_core::{
    Answer, Call, Effect, Error, Operation, Rank,
    guild::{ChannelId, UserId, made_at},
};
use schemars::JsonSchema;
use serde::Deserialize;
use time::Duration;

use super::Why;
use crate::{
    CaseData, Moderation, ModerationError,
    book::{By, NewCase},
    case::{CaseKind, Deed},
    deed::Found,
    page,
};

/// Discord deletes no messages in bulk that are older
/// (<https://discord.com/developers/docs/resources/message#bulk-delete-messages>); a minute is left for clocks.
const TOO_OLD: Duration = Duration::seconds(14 * 86_400 - 60);
/// Messages that one purge looks through at most.
const LOOKED_THROUGH: usize = 2_000;

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

    async fn ask(&self, moderation: &Moderation, call: &Call) -> Result<String, Error> {
        let (_, place) = self.place(moderation, call).await?;
        let mut question = match self.count {
            1 => "Delete up to 1 message".to_owned(),
            count => format!("Delete up to {count} messages"),
        };
        if self.bots == Some(true) {
            question.push_str(" of bots");
        }
        if let Some(user) = self.user {
            let person = moderation.seams.guilds.person(user).await?;
            let name = person.map_or_else(|| user.to_string(), |person| person.name);
            question = format!("{question} of {name}");
        }
        question = format!("{question} in {place}");
        if let Some(words) = &self.contains {
            question = format!("{question} that have “{words}” in them");
        }
        Ok(format!("{question}? They do not come back."))
    }

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<CaseData>, Error> {
        let tenant = call.tenant();
        let (channel, name) = self.place(moderation, call).await?;
        let reason = moderation.reason(tenant, self.why.reason.as_deref()).await?;
        let found = self.find(moderation, call, channel).await?;
        if found.messages.is_empty() {
            return Err(ModerationError::NothingToPurge(name).into());
        }
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
            reason,
            found,
            ..NewCase::new(deed, By::from(&call.actor))
        };
        let row = moderation.carry_out(tenant, new).await?;
        Ok(Answer::new(CaseData::from(&row), page::page(&row)))
    }
}

impl Purge {
    /// The channel that is meant and what it is called, where the bot may delete.
    async fn place(&self, moderation: &Moderation, call: &Call) -> Result<(ChannelId, String), Error> {
        let channel = self.channel.or(call.channel).ok_or(ModerationError::WhichChannel)?;
        let guild = moderation.able(call.tenant(), CaseKind::Purge.needs()).await?;
        // A thread is not among a guild's channels, so an unknown id may be one; Discord has the last word.
        let name = guild.channel(channel).map_or_else(|| channel.to_string(), |found| found.name.clone());
        Ok((channel, format!("#{name}")))
    }

    /// The messages that are meant. All of them are older than what the purge was called with, so neither the command
    /// nor the question goes with them.
    async fn find(&self, moderation: &Moderation, call: &Call, channel: ChannelId) -> Result<Found, Error> {
        let wanted = self.contains.as_ref().map(|words| words.to_lowercase());
        let oldest = call.clock.now() - TOO_OLD;
        let (mut found, mut before, mut seen) = (Found::default(), call.message, 0_usize);
        loop {
            let page = moderation.seams.guilds.messages(call.tenant(), channel, before, 100).await?;
            seen += page.len();
            for message in &page {
                let fits = self.user.is_none_or(|user| message.author.user == user)
                    && (self.bots != Some(true) || message.author.bot)
                    && wanted.as_ref().is_none_or(|words| message.content.to_lowercase().contains(words));
                if !fits {
                    continue;
                }
                if found.messages.len() + found.too_old as usize >= usize::from(self.count) {
                    return Ok(found);
                }
                match made_at(message.id.0) < oldest {
                    true => found.too_old += 1,
                    false => found.messages.push(message.id),
                }
            }
            // Past the first that is too old everything is; one page of them is enough to say how many.
            if page.len() < 100 || seen >= LOOKED_THROUGH || found.too_old > 0 {
                return Ok(found);
            }
            before = page.last().map(|message| message.id);
        }
    }
}
