//! `reason list`.

use std::collections::BTreeMap;

use guildhall_core::{Action, Answer, Call, Document, Effect, Error, Operation, Rank, Rich};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Moderation, setting::REASONS};

/// Templates of reasons.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReasonData {
    /// The texts by name.
    pub reasons: BTreeMap<String, String>,
}

/// Shows the templates of reasons.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ReasonList {}

impl Operation for ReasonList {
    type Domain = Moderation;
    type Output = ReasonData;

    const NAME: &'static str = "reason list";
    const SUMMARY: &'static str = "Show the reasons that can be given by name";
    const RANK: Rank = Rank::JUNIOR_MODERATOR;
    const EFFECT: Effect = Effect::Read;
    const ALIASES: &'static [&'static str] = &["reasons"];
    const EXAMPLES: &'static [&'static str] = &["reason list"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<ReasonData>, Error> {
        let reasons = moderation.templates(call.tenant()).await?;
        let change =
            Action::new("Change them", "config set", json!({ "key": REASONS.key })).asking(&["value"]);
        let mut document = Document::titled("Reasons by name");
        if reasons.is_empty() {
            document = document.text(
                "There are none yet. Each is a name and a text; {name} in a reason stands for its text.",
            );
        } else {
            let rows = reasons
                .iter()
                .map(|(name, text)| vec![Rich::new().code(format!("{{{name}}}")), Rich::from(text.as_str())]);
            document = document.table(&["Name", "Text"], rows.collect());
        }
        Ok(Answer::new(ReasonData { reasons }, document.action(change)))
    }
}
