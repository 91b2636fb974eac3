//! `massban`.

use std::collections::BTreeSet;

use guildhall_core::{
    Answer, Call, Effect, Error, Operation, Rank,
    guild::{UserId, bits},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Why, given::delete_seconds};
use crate::{
    CaseData, Moderation, ModerationError,
    book::{By, NewCase, short},
    case::{CaseKind, Deed},
    page, standing,
    workflows::MassBan,
};

/// People banned in one go.
const MOST: usize = 500;

/// Bans many people at once, members or not.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Massban {
    /// Their ids or mentions, with blanks or commas between, at most 500
    #[schemars(length(min = 1, max = 6000), extend("x-line" = "people"))]
    pub users: String,
    /// Why.
    #[serde(flatten)]
    pub why: Why,
    /// Also delete what they wrote in the last days, 0 to 7
    #[serde(default)]
    #[schemars(range(min = 0, max = 7))]
    pub delete_days: Option<u8>,
}

impl Operation for Massban {
    type Domain = Moderation;
    type Output = CaseData;

    const NAME: &'static str = "massban";
    const SUMMARY: &'static str = "Ban many people at once, as after a raid";
    const RANK: Rank = Rank::ADMIN;
    const NATIVE: Option<u64> = Some(bits::BAN_MEMBERS);
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLES: &'static [&'static str] =
        &["massban users:123456789012345678 234567890123456789 reason:Raid"];

    async fn ask(&self, moderation: &Moderation, call: &Call) -> Result<String, Error> {
        let users = ids(&self.users)?;
        moderation.able(call.tenant(), CaseKind::Massban.needs()).await?;
        Ok(format!("Ban {}? Each is banned for good and told nothing.", people(users.len())))
    }

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<CaseData>, Error> {
        let tenant = call.tenant();
        let users = ids(&self.users)?;
        moderation.able(tenant, CaseKind::Massban.needs()).await?;
        let deed = Deed::Massban {
            users: users.clone(),
            delete_seconds: delete_seconds(self.delete_days.unwrap_or(0)),
            acting: standing::acting(&call.actor),
            rank: call.actor.rank,
            results: Vec::new(),
        };
        let new = NewCase {
            target_name: people(users.len()),
            reason: moderation.reason(tenant, self.why.reason.as_deref()).await?,
            silent: true,
            own_flow: false,
            ..NewCase::new(deed, By::from(&call.actor))
        };
        let tx = moderation.seams.store.begin().await?;
        let (row, _) = moderation.open_in(&tx, tenant, new).await?;
        let (flows, key) = (&moderation.seams.flows, row.number.to_string());
        let flow = flows.start_in::<MassBan>(&tx, tenant, &key, &(row.number, users)).await?;
        moderation.commit(tx, &[&row]).await?;
        let row = moderation.outcome(tenant, (row, Some(flow))).await?;
        Ok(Answer::new(CaseData::from(&row), page::page(&row)))
    }
}

fn people(count: usize) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{count} people") }
}

/// Ids out of a pasted list: each once, in order.
fn ids(text: &str) -> Result<Vec<UserId>, ModerationError> {
    let mut seen = BTreeSet::new();
    let mut users = Vec::new();
    for word in text.split([' ', ',', ';', '\n', '\r', '\t']).filter(|word| !word.is_empty()) {
        let user: UserId = word.parse().map_err(|_| ModerationError::NoId(short(word, 40)))?;
        if seen.insert(user) {
            users.push(user);
        }
    }
    match users.len() {
        0 => Err(ModerationError::NobodyNamed),
        count if count > MOST => Err(ModerationError::TooManyNamed(count)),
        _ => Ok(users),
    }
}

#[cfg(test)]
mod tests;
