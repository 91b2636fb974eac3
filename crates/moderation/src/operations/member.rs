//! Measures against members who stay, and kicks.

use guildhall_core::{
    Answer, Call, Effect, Error, Operation, Rank, Span,
    guild::{MessageLink, UserId, bits},
    operation::{Menu, MenuTarget},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Given, Outcomes, Why};
use crate::{
    Moderation, ModerationError, book::short, case::Evidence, measure::Measure, reason::LONGEST_QUOTE,
    report::link,
};

/// Throws members out.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Kick {
    /// Whom: one person or several
    pub user: Vec<UserId>,
    /// The terms.
    #[serde(flatten)]
    pub given: Given,
}

impl Operation for Kick {
    type Domain = Moderation;
    type Output = Outcomes;

    const NAME: &'static str = "kick";
    const SUMMARY: &'static str = "Throw members out; they may come back";
    const RANK: Rank = Rank::MODERATOR;
    const NATIVE: Option<u64> = Some(bits::KICK_MEMBERS);
    const EFFECT: Effect = Effect::Change;
    const ALIASES: &'static [&'static str] = &["k"];
    const EXAMPLES: &'static [&'static str] = &["kick user:@somebody reason:Spam"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<Outcomes>, Error> {
        moderation.take(call, &self.user, &Measure::Kick, None, self.given).await
    }
}

/// Warns members.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Warn {
    /// Whom: one person or several
    pub user: Vec<UserId>,
    /// The terms.
    #[serde(flatten)]
    pub given: Given,
}

impl Operation for Warn {
    type Domain = Moderation;
    type Output = Outcomes;

    const NAME: &'static str = "warn";
    const SUMMARY: &'static str = "Warn members";
    const RANK: Rank = Rank::JUNIOR_MODERATOR;
    const EFFECT: Effect = Effect::Change;
    const ALIASES: &'static [&'static str] = &["w"];
    const EXAMPLES: &'static [&'static str] = &["warn user:@somebody reason:{caps}"];
    const MENU: Option<Menu> =
        Some(Menu { label: "Warn", on: MenuTarget::User, field: "user", ask: &["reason"] });

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<Outcomes>, Error> {
        moderation.take(call, &self.user, &Measure::Warn, None, self.given).await
    }
}

/// Writes something down about people, for the staff alone.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Note {
    /// Whom: one person or several
    pub user: Vec<UserId>,
    /// What
    #[schemars(length(min = 1, max = 2000))]
    pub reason: String,
    /// Links to what shows it, at most 10
    #[serde(default)]
    pub evidence: Vec<String>,
}

impl Operation for Note {
    type Domain = Moderation;
    type Output = Outcomes;

    const NAME: &'static str = "note";
    const SUMMARY: &'static str = "Write down something about people for the staff";
    const RANK: Rank = Rank::JUNIOR_MODERATOR;
    const EFFECT: Effect = Effect::Change;
    const ALIASES: &'static [&'static str] = &["n"];
    const EXAMPLES: &'static [&'static str] = &["note user:@somebody reason:Asked about the event"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<Outcomes>, Error> {
        let why = Why { reason: Some(self.reason) };
        let given = Given { why, silent: Some(true), evidence: self.evidence };
        moderation.take(call, &self.user, &Measure::Note, None, given).await
    }
}

/// Puts members in timeout.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Timeout {
    /// Whom: one person or several
    pub user: Vec<UserId>,
    /// For how long, at most 28 days
    #[schemars(extend("x-longest" = "28d"))]
    pub duration: Span,
    /// The terms.
    #[serde(flatten)]
    pub given: Given,
}

impl Operation for Timeout {
    type Domain = Moderation;
    type Output = Outcomes;

    const NAME: &'static str = "timeout";
    const SUMMARY: &'static str = "Keep members from writing and speaking for a time";
    const RANK: Rank = Rank::JUNIOR_MODERATOR;
    const EFFECT: Effect = Effect::Change;
    const ALIASES: &'static [&'static str] = &["to", "mute"];
    const EXAMPLES: &'static [&'static str] = &["timeout user:@somebody duration:1h reason:Calm down"];
    const MENU: Option<Menu> =
        Some(Menu { label: "Timeout", on: MenuTarget::User, field: "user", ask: &["reason"] });

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<Outcomes>, Error> {
        moderation.take(call, &self.user, &Measure::Timeout, Some(self.duration), self.given).await
    }
}

/// Ends timeouts.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Untimeout {
    /// Whom: one person or several
    pub user: Vec<UserId>,
    /// Why.
    #[serde(flatten)]
    pub why: Why,
    /// Tell them nothing
    #[serde(default)]
    pub silent: Option<bool>,
}

impl Operation for Untimeout {
    type Domain = Moderation;
    type Output = Outcomes;

    const NAME: &'static str = "untimeout";
    const SUMMARY: &'static str = "End a timeout";
    const RANK: Rank = Rank::JUNIOR_MODERATOR;
    const EFFECT: Effect = Effect::Change;
    const ALIASES: &'static [&'static str] = &["uto", "unmute"];
    const EXAMPLES: &'static [&'static str] = &["untimeout user:@somebody"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<Outcomes>, Error> {
        let given = Given { silent: self.silent, ..self.why.into() };
        moderation.take(call, &self.user, &Measure::Untimeout, None, given).await
    }
}

/// Warns who wrote a message, with the message as evidence.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct WarnAuthor {
    /// The message, by its link
    pub message: MessageLink,
    /// Why.
    #[serde(flatten)]
    pub why: Why,
    /// Tell them nothing
    #[serde(default)]
    pub silent: Option<bool>,
}

impl Operation for WarnAuthor {
    type Domain = Moderation;
    type Output = Outcomes;

    const NAME: &'static str = "warn-author";
    const SUMMARY: &'static str = "Warn who wrote a message, with the message as evidence";
    const RANK: Rank = Rank::JUNIOR_MODERATOR;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] =
        &["warn-author message:https://discord.com/channels/1/2/3 reason:{spam}"];
    const MENU: Option<Menu> =
        Some(Menu { label: "Warn author", on: MenuTarget::Message, field: "message", ask: &["reason"] });

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<Outcomes>, Error> {
        let guilds = moderation.seams.guilds.as_ref();
        let message = guilds.message(call.tenant(), self.message).await?;
        let message = message.ok_or(ModerationError::NoMessage)?;
        let given = Given { silent: self.silent, ..self.why.into() };
        let mut terms = moderation.terms(call, None, given).await?;
        let guild = guilds.guild(call.tenant()).await?;
        terms.evidence.push(Evidence {
            link: link(Some(guild.id), self.message),
            quote: Some(short(&message.content, LONGEST_QUOTE)).filter(|quote| !quote.is_empty()),
        });
        moderation.take_each(call, &[message.author.user], &Measure::Warn, &terms).await
    }
}
