//! The jail: a role instead of one's own, until the end of the case.

use guildhall_core::{Answer, Call, Effect, Error, Operation, Rank, Span, guild::UserId};
use schemars::JsonSchema;
use serde::Deserialize;

use super::several::{Given, Outcomes};
use crate::{Moderation, measure::Measure};

/// Puts members in jail.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Jail {
    /// Whom: one person or several
    pub user: Vec<UserId>,
    /// For how long; until somebody ends it when it is left away
    #[serde(default)]
    pub duration: Option<Span>,
    /// Why, or the name of a template in braces: {spam}
    #[serde(default)]
    #[schemars(length(max = 2000), extend("x-complete" = "reason"))]
    pub reason: Option<String>,
    /// Tell them nothing
    #[serde(default)]
    pub silent: Option<bool>,
    /// Links to what shows it, at most 10
    #[serde(default)]
    pub evidence: Vec<String>,
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
        let given = Given {
            reason: self.reason.as_deref(),
            evidence: &self.evidence,
            duration: self.duration,
            silent: self.silent,
        };
        let terms = moderation.terms(call, &given).await?;
        moderation.take(call, &self.user, &Measure::Jail, &terms).await
    }
}

/// Lets members out of jail.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Unjail {
    /// Whom: one person or several
    pub user: Vec<UserId>,
    /// Why, or the name of a template in braces: {spam}
    #[serde(default)]
    #[schemars(length(max = 2000), extend("x-complete" = "reason"))]
    pub reason: Option<String>,
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
        let given =
            Given { reason: self.reason.as_deref(), evidence: &[], duration: None, silent: self.silent };
        let terms = moderation.terms(call, &given).await?;
        moderation.take(call, &self.user, &Measure::Unjail, &terms).await
    }
}
