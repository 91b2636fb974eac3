//! Roles and nicknames.

use guildhall_core::{
    Answer, Call, Effect, Error, Operation, Rank,
    guild::{RoleId, UserId},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Outcomes, Why};
use crate::{Moderation, measure::Measure};

/// Gives members a role.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct RoleAdd {
    /// Whom: one person or several
    pub user: Vec<UserId>,
    /// Which role
    pub role: RoleId,
    /// Why.
    #[serde(flatten)]
    pub why: Why,
}

impl Operation for RoleAdd {
    type Domain = Moderation;
    type Output = Outcomes;

    const NAME: &'static str = "role add";
    const SUMMARY: &'static str = "Give members a role";
    const RANK: Rank = Rank::SENIOR_MODERATOR;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] = &["role add user:@somebody role:@Artist"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<Outcomes>, Error> {
        let measure = Measure::Role { role: self.role, give: true };
        moderation.take(call, &self.user, &measure, None, self.why.into()).await
    }
}

/// Takes a role from members.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct RoleRemove {
    /// Whom: one person or several
    pub user: Vec<UserId>,
    /// Which role
    pub role: RoleId,
    /// Why.
    #[serde(flatten)]
    pub why: Why,
}

impl Operation for RoleRemove {
    type Domain = Moderation;
    type Output = Outcomes;

    const NAME: &'static str = "role remove";
    const SUMMARY: &'static str = "Take a role from members";
    const RANK: Rank = Rank::SENIOR_MODERATOR;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] = &["role remove user:@somebody role:@Artist"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<Outcomes>, Error> {
        let measure = Measure::Role { role: self.role, give: false };
        moderation.take(call, &self.user, &measure, None, self.why.into()).await
    }
}

/// Gives members another nickname, or takes it away.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Nick {
    /// Whom: one person or several
    pub user: Vec<UserId>,
    /// The nickname; none takes it away
    #[serde(default)]
    #[schemars(length(max = 32), extend("x-line" = "rest"))]
    pub nick: Option<String>,
    /// Why.
    #[serde(flatten)]
    pub why: Why,
}

impl Operation for Nick {
    type Domain = Moderation;
    type Output = Outcomes;

    const NAME: &'static str = "nick";
    const SUMMARY: &'static str = "Give members a nickname, or take it away";
    const RANK: Rank = Rank::JUNIOR_MODERATOR;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] = &["nick user:@somebody nick:Newcomer"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<Outcomes>, Error> {
        let nick = self.nick.map(|nick| nick.trim().to_owned()).filter(|nick| !nick.is_empty());
        moderation.take(call, &self.user, &Measure::Nick(nick), None, self.why.into()).await
    }
}
