//! `report` and `report-message`: what members tell the staff.

use guildhall_core::{
    Answer, Call, Document, Effect, Error, Operation, Rank, Tone,
    guild::{MessageLink, UserId},
    operation::{Limit, Menu, MenuTarget},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Moderation, book::By, reason::cleaned, report::NewReport};

/// A report that was taken.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReportedData {
    /// Its number.
    pub report: i64,
}

/// Reports are for the staff to read; more than a few at a time are not.
const FEW: Limit = Limit { per_minute: 2, burst: 3 };

/// Reports somebody, or something, to the staff.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Report {
    /// What happened; the staff reads it and does not see who wrote it
    #[schemars(length(min = 3, max = 1000), extend("x-secret" = true))]
    pub text: String,
    /// Whom it is about, if it is about somebody
    #[serde(default)]
    #[schemars(extend("x-secret" = true))]
    pub user: Option<UserId>,
    /// A message that shows it, by its link
    #[serde(default)]
    #[schemars(extend("x-secret" = true))]
    pub message: Option<MessageLink>,
}

impl Operation for Report {
    type Domain = Moderation;
    type Output = ReportedData;

    const NAME: &'static str = "report";
    const SUMMARY: &'static str = "Tell the staff about somebody or something; they do not see who did";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Change;
    const LIMIT: Limit = FEW;
    const EXAMPLES: &'static [&'static str] = &["report user:@somebody text:They send adverts to everybody"];
    const MENU: Option<Menu> = Some(Menu { label: "Report", on: MenuTarget::User, field: "user", ask: &[] });

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<ReportedData>, Error> {
        send(moderation, call, self.user, self.message, &self.text).await
    }
}

/// Reports a message to the staff.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ReportMessage {
    /// The message, by its link
    #[schemars(extend("x-secret" = true))]
    pub message: MessageLink,
    /// What is wrong with it
    #[schemars(length(min = 3, max = 1000), extend("x-secret" = true))]
    pub text: String,
}

impl Operation for ReportMessage {
    type Domain = Moderation;
    type Output = ReportedData;

    const NAME: &'static str = "report-message";
    const SUMMARY: &'static str = "Tell the staff about a message; they do not see who did";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Change;
    const LIMIT: Limit = FEW;
    const EXAMPLES: &'static [&'static str] =
        &["report-message message:https://discord.com/channels/1/2/3 text:Advert"];
    const MENU: Option<Menu> =
        Some(Menu { label: "Report message", on: MenuTarget::Message, field: "message", ask: &[] });

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<ReportedData>, Error> {
        send(moderation, call, None, Some(self.message), &self.text).await
    }
}

async fn send(
    moderation: &Moderation,
    call: &Call,
    user: Option<UserId>,
    message: Option<MessageLink>,
    text: &str,
) -> Result<Answer<ReportedData>, Error> {
    let text = cleaned(text);
    let new = NewReport { by: By::from(&call.actor), user, message, text };
    let report = moderation.take_report(call.tenant(), new).await?;
    let document = Document::titled("The staff has your report")
        .tone(Tone::Good)
        .text(
            "The staff does not see that it was you. An administrator can look it up, and that is recorded. You can do \
             nothing more, and need not.",
        );
    Ok(Answer::new(ReportedData { report }, document))
}
