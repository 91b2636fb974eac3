//! `appeal`: what somebody says against a case about them.

use guildhall_core::{
    Answer, Call, Document, Effect, Error, Operation, Rank, Tone, guild::UserId, operation::Limit,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Moderation, reason::cleaned};

/// An appeal that was taken.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AppealData {
    /// Its number.
    pub appeal: i64,
}

/// Appeals against a case.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Appeal {
    /// The case's number
    #[schemars(range(min = 1))]
    pub case: i64,
    /// Why it should be lifted
    #[schemars(length(min = 10, max = 1000))]
    pub text: String,
}

impl Operation for Appeal {
    type Domain = Moderation;
    type Output = AppealData;

    const NAME: &'static str = "appeal";
    const SUMMARY: &'static str = "Ask the staff to lift what was done to you";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Change;
    const LIMIT: Limit = Limit { per_minute: 2, burst: 3 };
    const EXAMPLES: &'static [&'static str] = &["appeal case:12 text:It was my brother, who used my account"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<AppealData>, Error> {
        let appeal = moderation.take_appeal(&call.actor, self.case, cleaned(&self.text)).await?;
        let user = UserId(call.actor.id.discord_user().unwrap_or_default());
        let here = moderation.seams.guilds.member(call.tenant(), user).await;
        // More is not promised than Discord lets through: it carries nothing to who shares no server with the bot.
        let words = match here {
            Ok(Some(_)) => "You will get a message when it is decided.",
            _ => {
                "You are no longer on the server, so Discord may not let me tell you what is decided. Try to come \
                 back after a few days, or ask somebody of the staff."
            }
        };
        let document = Document::titled("The staff has your appeal").tone(Tone::Good).text(words);
        Ok(Answer::new(AppealData { appeal }, document))
    }
}
