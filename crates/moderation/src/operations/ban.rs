//! Bans: for good, for a time, and to clean up; and their end.

use guildhall_core::{
    Answer, Call, Effect, Error, Operation, Rank, Span,
    guild::{UserId, bits},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Given, Outcomes, Why, given::delete_seconds};
use crate::{Moderation, measure::Measure};

/// Bans people, members or not.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Ban {
    /// Whom: one person or several
    pub user: Vec<UserId>,
    /// For how long; for good when it is left away
    #[serde(default)]
    pub duration: Option<Span>,
    /// The terms.
    #[serde(flatten)]
    pub given: Given,
    /// Also delete what they wrote in the last days, 0 to 7
    #[serde(default)]
    #[schemars(range(min = 0, max = 7))]
    pub delete_days: Option<u8>,
}

impl Operation for Ban {
    type Domain = Moderation;
    type Output = Outcomes;

    const NAME: &'static str = "ban";
    const SUMMARY: &'static str = "Ban people, for good or for a time";
    const RANK: Rank = Rank::MODERATOR;
    const NATIVE: Option<u64> = Some(bits::BAN_MEMBERS);
    const EFFECT: Effect = Effect::Change;
    const ALIASES: &'static [&'static str] = &["b"];
    const EXAMPLES: &'static [&'static str] =
        &["ban user:@somebody reason:{spam}", "ban user:@somebody duration:7d reason:Spam delete_days:1"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<Outcomes>, Error> {
        let measure = Measure::Ban { delete_seconds: delete_seconds(self.delete_days.unwrap_or(0)) };
        moderation.take(call, &self.user, &measure, self.duration, self.given).await
    }
}

/// Bans people for a time.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Tempban {
    /// Whom: one person or several
    pub user: Vec<UserId>,
    /// For how long
    pub duration: Span,
    /// The terms.
    #[serde(flatten)]
    pub given: Given,
    /// Also delete what they wrote in the last days, 0 to 7
    #[serde(default)]
    #[schemars(range(min = 0, max = 7))]
    pub delete_days: Option<u8>,
}

impl Operation for Tempban {
    type Domain = Moderation;
    type Output = Outcomes;

    const NAME: &'static str = "tempban";
    const SUMMARY: &'static str = "Ban people for a time";
    const RANK: Rank = Rank::MODERATOR;
    const NATIVE: Option<u64> = Some(bits::BAN_MEMBERS);
    const EFFECT: Effect = Effect::Change;
    const ALIASES: &'static [&'static str] = &["tb"];
    const EXAMPLES: &'static [&'static str] = &["tempban user:@somebody duration:7d reason:Spam"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<Outcomes>, Error> {
        let measure = Measure::Ban { delete_seconds: delete_seconds(self.delete_days.unwrap_or(0)) };
        moderation.take(call, &self.user, &measure, Some(self.duration), self.given).await
    }
}

/// Bans people and lets them in again at once, which deletes what they wrote.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Softban {
    /// Whom: one person or several
    pub user: Vec<UserId>,
    /// The terms.
    #[serde(flatten)]
    pub given: Given,
    /// Delete what they wrote in the last days, 1 to 7; 1 when it is left away
    #[serde(default)]
    #[schemars(range(min = 1, max = 7))]
    pub delete_days: Option<u8>,
}

impl Operation for Softban {
    type Domain = Moderation;
    type Output = Outcomes;

    const NAME: &'static str = "softban";
    const SUMMARY: &'static str = "Throw people out and delete what they wrote";
    const RANK: Rank = Rank::MODERATOR;
    const NATIVE: Option<u64> = Some(bits::BAN_MEMBERS);
    const EFFECT: Effect = Effect::Change;
    const ALIASES: &'static [&'static str] = &["sb"];
    const EXAMPLES: &'static [&'static str] = &["softban user:@somebody reason:Spam"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<Outcomes>, Error> {
        let measure = Measure::Softban { delete_seconds: delete_seconds(self.delete_days.unwrap_or(1)) };
        moderation.take(call, &self.user, &measure, None, self.given).await
    }
}

/// Lifts bans.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Unban {
    /// Whom: one person or several
    #[schemars(extend("x-banned" = true))]
    pub user: Vec<UserId>,
    /// Why.
    #[serde(flatten)]
    pub why: Why,
}

impl Operation for Unban {
    type Domain = Moderation;
    type Output = Outcomes;

    const NAME: &'static str = "unban";
    const SUMMARY: &'static str = "Lift a ban";
    const RANK: Rank = Rank::MODERATOR;
    const NATIVE: Option<u64> = Some(bits::BAN_MEMBERS);
    const EFFECT: Effect = Effect::Change;
    const ALIASES: &'static [&'static str] = &["ub"];
    const EXAMPLES: &'static [&'static str] = &["unban user:123456789012345678 reason:Appeal"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<Outcomes>, Error> {
        moderation.take(call, &self.user, &Measure::Unban, None, self.why.into()).await
    }
}
