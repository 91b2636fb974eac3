//! Cases as people read them.

use guildhall_core::{Action, ActorId, Block, Document, Rich, Tone, document::Style};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;

use crate::{
    case::{CaseKind, CaseState, Deed, Evidence, MassResult, Source, Told},
    entity::case,
};

/// A case, for programs.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CaseData {
    /// Its number in the community.
    pub number: i64,
    /// What was done.
    pub kind: CaseKind,
    /// Where it stands.
    pub state: CaseState,
    /// The person's id on Discord.
    pub target: Option<String>,
    /// What the person or the place is called.
    pub target_name: String,
    /// The channel's id.
    pub channel: Option<String>,
    /// Who did it: an actor's id.
    pub moderator: String,
    /// What they are called.
    pub moderator_name: String,
    /// Why.
    pub reason: String,
    /// What shows it.
    pub evidence: Vec<Evidence>,
    /// Where it comes from.
    pub source: Source,
    /// Whether the person was told.
    pub told: Option<Told>,
    /// When it was opened.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub created: OffsetDateTime,
    /// When it ends by itself.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub expires: Option<OffsetDateTime>,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub ended: Option<OffsetDateTime>,
    /// Who ended it.
    pub ended_by: Option<String>,
    /// Why it failed, or why its end is late.
    pub failure: Option<String>,
    /// What came of carrying it to the game servers.
    pub carried: Option<String>,
    /// The case that this one ends.
    pub lifts: Option<i64>,
    /// Of a mass ban: what became of whom.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<MassResult>,
    /// Grows with every change.
    pub version: i64,
}

impl From<&case::Model> for CaseData {
    fn from(row: &case::Model) -> Self {
        let results = match row.deed() {
            Ok(Deed::Massban { results, .. }) => results,
            _ => Vec::new(),
        };
        Self {
            number: row.number,
            kind: row.kind,
            state: row.state,
            target: row.target.clone(),
            target_name: row.target_name.clone(),
            channel: row.channel.clone(),
            moderator: row.moderator.clone(),
            moderator_name: row.moderator_name.clone(),
            reason: row.reason.clone(),
            evidence: row.evidence(),
            source: row.source,
            told: row.told,
            created: row.created_at.time(),
            expires: row.expires_at.map(Into::into),
            ended: row.ended_at.map(Into::into),
            ended_by: row.ended_name.clone(),
            failure: row.failure.clone(),
            carried: row.carried.clone(),
            lifts: row.lifts,
            results,
            version: row.version,
        }
    }
}

/// What was done, in words behind the name of whom or what it was done to: `banned`.
pub(crate) fn done(row: &case::Model) -> String {
    match row.deed() {
        Ok(Deed::Slowmode { seconds: 0, .. }) => "slow mode is off".to_owned(),
        Ok(Deed::Nick { nick: None, .. }) => "nickname taken away".to_owned(),
        Ok(Deed::Role { name, give: true, .. }) => format!("given the role {name}"),
        Ok(Deed::Role { name, give: false, .. }) => format!("relieved of the role {name}"),
        _ => row.kind.done().to_owned(),
    }
}

/// The person or the place.
pub(crate) fn target(row: &case::Model) -> Rich {
    match row.user() {
        Some(user) => Rich::new().person(&ActorId::discord(user.0), row.target_name.as_str()),
        None => Rich::from(row.target_name.as_str()),
    }
}

/// Who did it.
pub(crate) fn moderator(row: &case::Model) -> Rich {
    let id = ActorId::from(row.moderator.clone());
    match id.discord_user() {
        Some(_) => Rich::new().person(&id, row.moderator_name.as_str()),
        None => Rich::from(row.moderator_name.as_str()),
    }
}

/// The state in a word, or where the case needs a look.
pub(crate) fn state(row: &case::Model) -> Rich {
    let mut text = Rich::from(row.state.word());
    if let (CaseState::Active, Some(end)) = (row.state, row.expires_at) {
        text = text.text(", ends ").ago(end.time());
    }
    if let (Some(ended), false) = (row.ended_at, row.state.is_open()) {
        text = text.text(" ").ago(ended.time());
        if let Some(by) = &row.ended_name {
            text = text.text(format!(" by {by}"));
        }
    }
    text
}

fn tone(row: &case::Model) -> Tone {
    match row.state {
        CaseState::Pending => Tone::Working,
        CaseState::Failed => Tone::Bad,
        CaseState::Active if row.failure.is_some() => Tone::Bad,
        CaseState::Active if row.kind != CaseKind::Note => Tone::Warning,
        CaseState::Active | CaseState::Voided => Tone::Neutral,
        CaseState::Expired | CaseState::Closed => Tone::Good,
    }
}

/// What has to be said of a case, without buttons: for the mod-log.
pub(crate) fn sheet(row: &case::Model) -> Document {
    let mut sheet = Document::titled(format!("Case {} · {}", row.number, row.kind.title())).tone(tone(row));
    if !row.target_name.is_empty() || row.target.is_some() {
        let name = match row.kind {
            CaseKind::Massban => "Who",
            _ if row.target.is_some() => "Person",
            _ => "Where",
        };
        sheet = sheet.field(name, target(row));
    }
    sheet = sheet.field("Moderator", moderator(row));
    let reason = if row.reason.is_empty() { "None was given." } else { &row.reason };
    sheet = sheet.field("Reason", reason).field("State", state(row));
    sheet = sheet.field("Opened", Rich::new().time(row.created_at.time()));
    if let Some(end) = row.expires_at {
        sheet = sheet.field("Until", Rich::new().time(end.time()));
    }
    if let Ok(deed) = row.deed() {
        sheet = particulars(sheet, &deed);
    }
    if let Some(told) = row.told {
        sheet = sheet.field("Told", told.sentence());
    }
    if let Some(lifts) = row.lifts {
        sheet = sheet.field("Ends", format!("Case {lifts}"));
    }
    for evidence in row.evidence() {
        let link = Rich::new().address(&evidence.link);
        sheet = sheet.field(
            "Evidence",
            match &evidence.quote {
                Some(quote) => link.text(format!(": “{quote}”")),
                None => link,
            },
        );
    }
    if let Some(carried) = row.carried.as_deref().filter(|carried| !carried.is_empty()) {
        sheet = sheet.field("Game servers", carried);
    }
    if let Some(failure) = &row.failure {
        sheet = sheet.field("Problem", failure.as_str());
    }
    if row.source == Source::ByHand {
        sheet = sheet.field("Done", "By hand in Discord");
    }
    sheet
}

fn particulars(sheet: Document, deed: &Deed) -> Document {
    match deed {
        Deed::Slowmode { seconds: 0, .. } => sheet.field("Slow mode", "Off"),
        Deed::Slowmode { seconds, before } => {
            sheet.field("Slow mode", format!("{seconds} s between messages, before {before} s"))
        }
        Deed::Nick { nick, before } => {
            let name = |nick: &Option<String>| nick.clone().unwrap_or_else(|| "none".to_owned());
            sheet.field("Nickname", format!("{} → {}", name(before), name(nick)))
        }
        Deed::Role { role, give, name } => {
            let name = if name.is_empty() { role.to_string() } else { name.clone() };
            sheet.field(if *give { "Role given" } else { "Role taken" }, name)
        }
        Deed::Jail { roles, owed: true, .. } => {
            sheet.field("Roles kept", format!("{}, to be given back when they return", roles.len()))
        }
        Deed::Jail { roles, .. } => sheet.field("Roles kept for later", roles.len().to_string()),
        Deed::Lock { channels, .. } | Deed::Unlock { channels, .. } => {
            sheet.field("Channels", channels.len().to_string())
        }
        Deed::Purge { deleted, too_old, .. } => {
            let sheet = sheet.field("Deleted", deleted.to_string());
            match too_old {
                0 => sheet,
                count => sheet.field("Left alone", format!("{count} older than 14 days")),
            }
        }
        Deed::Massban { users, results, .. } => {
            let banned = results.iter().filter(|result| result.problem.is_none()).count();
            let total = u32::try_from(users.len()).unwrap_or(u32::MAX);
            let done = u32::try_from(results.len()).unwrap_or(u32::MAX);
            let sheet = sheet.field("Banned", format!("{banned} of {}", users.len()));
            if done < total { sheet.progress("banning", done, total) } else { sheet }
        }
        _ => sheet,
    }
}

/// A case with what can be done next.
pub(crate) fn page(row: &case::Model) -> Document {
    let mut page = sheet(row);
    if let Ok(Deed::Massban { results, .. }) = row.deed() {
        let rows = results.iter().take(50).map(|result| {
            let case = result.case.map(|case| case.to_string()).unwrap_or_default();
            let outcome = result.problem.clone().unwrap_or_else(|| "banned".to_owned());
            vec![
                Rich::new().person(&ActorId::discord(result.user.0), result.user.to_string()),
                Rich::from(case),
                Rich::from(outcome),
            ]
        });
        page = page.table(&["Person", "Case", "Outcome"], rows.collect());
        if results.len() > 50 {
            page = page.text(format!("{} more have cases of their own.", results.len() - 50));
        }
    }
    let number = json!({ "number": row.number });
    if row.state == CaseState::Pending {
        return page.action(Action::new("Look again", "case show", number).style(Style::Primary));
    }
    let edit: &[&str] = if row.kind.may_end() && row.state == CaseState::Active {
        &["reason", "duration"]
    } else {
        &["reason"]
    };
    let mut present = number.clone();
    if !row.reason.is_empty() {
        present["reason"] = json!(row.reason);
    }
    page = page.action(Action::new("Edit", "case edit", present).asking(edit));
    if row.state == CaseState::Active {
        page = page.action(Action::new("End it", "case close", number.clone()).style(Style::Danger));
    }
    if let Some(target) = &row.target {
        page = page.action(Action::new("All about them", "case list", json!({ "user": target })));
    }
    page
}

/// Rows of cases.
pub(crate) fn table(rows: &[case::Model]) -> Block {
    let rows = rows.iter().map(|row| {
        vec![
            Rich::new().strong(row.number.to_string()),
            Rich::from(row.kind.title()),
            target(row),
            moderator(row),
            state(row),
            Rich::from(crate::book::short(&row.reason.replace('\n', " "), 60)),
        ]
    });
    let columns = ["Case", "Kind", "Whom", "By", "State", "Reason"].map(str::to_owned).to_vec();
    Block::Table(guildhall_core::document::Table { columns, rows: rows.collect() })
}
