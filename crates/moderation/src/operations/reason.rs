//! `reason list`, `reason set` and `reason remove`: reasons that have a name.

use std::collections::BTreeMap;

use guildhall_core::{
    Action, Answer, Call, Document, Effect, Error, Kind, Operation, Rank, Rich, document::Style,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Moderation, ModerationError,
    book::short,
    reason::{cleaned, unknown},
    setting::REASONS,
};

/// How often a change is made anew when somebody else was faster.
const RACES: u32 = 5;

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
        Ok(listed(moderation.templates(call.tenant()).await?))
    }
}

/// Gives a reason a name, or its name another text.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ReasonSet {
    /// Its name: {name} in a reason stands for its text
    #[schemars(length(min = 1, max = 32))]
    pub name: String,
    /// Its text
    #[schemars(length(min = 1, max = 1000))]
    pub text: String,
}

impl Operation for ReasonSet {
    type Domain = Moderation;
    type Output = ReasonData;

    const NAME: &'static str = "reason set";
    const SUMMARY: &'static str = "Give a reason a name, or change the text that a name stands for";
    const RANK: Rank = Rank::SENIOR_MODERATOR;
    const EFFECT: Effect = Effect::Change;
    const IN_PLACE: bool = true;
    const EXAMPLES: &'static [&'static str] = &["reason set name:spam text:Adverts that nobody asked for"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<ReasonData>, Error> {
        let name = self.name.trim().trim_start_matches('{').trim_end_matches('}');
        let unfit = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '=' | '"' | '{' | '}');
        if name.is_empty() || name.contains(unfit) {
            return Err(ModerationError::ReasonName(short(name, 32)).into());
        }
        let text = cleaned(&self.text);
        // The setting is also written as one line of name="text" pairs.
        if text.contains('"') {
            return Err(ModerationError::ReasonQuotes.into());
        }
        let set = |reasons: &mut BTreeMap<String, String>| {
            reasons.insert(name.to_owned(), text.clone());
            Ok(())
        };
        moderation.change_templates(call, set).await.map(listed)
    }
}

/// Takes a reason's name away.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ReasonRemove {
    /// Its name
    #[schemars(length(min = 1, max = 64), extend("x-complete" = "reason"))]
    pub name: String,
}

impl Operation for ReasonRemove {
    type Domain = Moderation;
    type Output = ReasonData;

    const NAME: &'static str = "reason remove";
    const SUMMARY: &'static str = "Take a reason's name away; cases keep the text they have";
    const RANK: Rank = Rank::SENIOR_MODERATOR;
    const EFFECT: Effect = Effect::Change;
    const IN_PLACE: bool = true;
    const EXAMPLES: &'static [&'static str] = &["reason remove name:spam"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<ReasonData>, Error> {
        let name = self.name.trim().trim_start_matches('{').trim_end_matches('}');
        let remove = |reasons: &mut BTreeMap<String, String>| match reasons.remove(name) {
            Some(_) => Ok(()),
            None => Err(unknown(name, reasons)),
        };
        moderation.change_templates(call, remove).await.map(listed)
    }
}

impl Moderation {
    /// Changes the templates as they are at that moment: of two people at once neither undoes the other's.
    async fn change_templates(
        &self,
        call: &Call,
        change: impl Fn(&mut BTreeMap<String, String>) -> Result<(), ModerationError>,
    ) -> Result<BTreeMap<String, String>, Error> {
        let mut races = 0;
        loop {
            let before = self.templates(call.tenant()).await?;
            let mut after = before.clone();
            change(&mut after)?;
            let (from, to) = (json!(before), json!(after));
            match self.seams.settings.set(call, &REASONS, from, to).await {
                Ok(()) => return Ok(after),
                Err(error) if error.kind == Kind::Conflict && races < RACES => races += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

fn listed(reasons: BTreeMap<String, String>) -> Answer<ReasonData> {
    let mut document = Document::titled("Reasons by name");
    if reasons.is_empty() {
        document = document
            .text("There are none yet. Each is a name and a text; {name} in a reason stands for its text.");
    } else {
        let rows = reasons
            .iter()
            .map(|(name, text)| vec![Rich::new().code(format!("{{{name}}}")), Rich::from(text.as_str())]);
        document = document.table(&["Name", "Text"], rows.collect());
    }
    let set = Action::new("Add or change one", "reason set", Value::Object(Default::default()));
    document = document.action(set.asking(&["name", "text"]).style(Style::Primary));
    if !reasons.is_empty() {
        let remove = Action::new("Remove one", "reason remove", Value::Object(Default::default()));
        document = document.action(remove.asking(&["name"]).style(Style::Danger));
    }
    Answer::new(ReasonData { reasons }, document)
}
