//! The jail: a role instead of one's own, until the end of the case.

use guildhall_core::{Answer, Call, Effect, Error, Operation, Rank, Span, guild::UserId};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Given, Outcomes, Why};
use crate::{Moderation, measure::Measure};

/// Puts members in jail.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Jail {
    /// Whom: one person or several
    pub user: Vec<UserId>,
    /// For how long; until somebody ends it when it is left away
    #[serde(default)]
    pub duration: Option<Span>,
    /// The terms.
    #[serde(flatten)]
    pub given: Given,
}

impl Operation for Jail {
    type Domain = Moderation;
    type Output = Outcomes;

    const NAME: &'static str = "jail";
    const SUMMARY: &'static str = "Take members' roles away and give them the jail's, until the end";
    const RANK: Rank = Rank::MODERATOR;
    const EFFECT: Effect = Effect::Change;
    const ALIASES: &'static [&'static str] = &["j"];
    const EXAMPLES: &'static [&'static str] = &["jail user:@somebody duration:1d reason:To be talked about"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<Outcomes>, Error> {
        moderation.take(call, &self.user, &Measure::Jail, self.duration, self.given).await
    }
}

/// Lets members out of jail.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Unjail {
    /// Whom: one person or several
    pub user: Vec<UserId>,
    /// Why.
    #[serde(flatten)]
    pub why: Why,
    /// Tell them nothing
    #[serde(default)]
    pub silent: Option<bool>,
}

impl Operation for Unjail {
    type Domain = Moderation;
    type Output = Outcomes;

    const NAME: &'static str = "unjail";
    const SUMMARY: &'static str = "Let members out of jail and give them their roles back";
    const RANK: Rank = Rank::MODERATOR;
    const EFFECT: Effect = Effect::Change;
    const ALIASES: &'static [&'static str] = &["uj"];
    const EXAMPLES: &'static [&'static str] = &["unjail user:@somebody"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<Outcomes>, Error> {
        let given = Given { silent: self.silent, ..self.why.into() };
        moderation.take(call, &self.user, &Measure::Unjail, None, given).await
    }
}
