//! `case show`, `case edit` and `case close`.

use guildhall_core::{Answer, Call, Effect, Error, Operation, Rank, Rich, Span};
use guildhall_store::{Timestamp, scope};
use schemars::JsonSchema;
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};

use super::Why;
use crate::{
    CaseData, Change, Moderation, ModerationError,
    book::By,
    case::{CaseKind, CaseState},
    entity::{case, edit},
    measure::LONGEST_TIMEOUT,
    page,
    reason::{MOST_EVIDENCE, evidence},
    standing::acting,
};

/// Changes of a case that are shown.
const HISTORY: u64 = 10;

/// A case with its history.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CasePage {
    /// The case.
    #[serde(flatten)]
    pub case: CaseData,
    /// Its newest changes, the newest first; at most 10.
    pub history: Vec<Changed>,
    /// What is wrong with its message in the mod-log, if anything.
    pub log: Option<String>,
}

/// One version of a case.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Changed {
    /// The version it became.
    pub version: i64,
    /// Who changed it.
    pub by: String,
    /// When, in RFC 3339.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub at: time::OffsetDateTime,
    /// What.
    pub changes: Vec<Change>,
}

impl Moderation {
    async fn case_page(&self, call: &Call, number: i64) -> Result<Answer<CasePage>, ModerationError> {
        let tenant = call.tenant();
        let row = self.case(tenant, number).await?;
        let reader = self.seams.store.reader();
        let edits = scope::find::<edit::Entity>(tenant)
            .filter(edit::Column::Number.eq(number))
            .order_by_desc(edit::Column::Version)
            .limit(HISTORY)
            .all(reader)
            .await?;
        let log = self.note_of(tenant, &format!("case:{number}")).await?;
        let history: Vec<Changed> = edits
            .into_iter()
            .map(|edit| Changed {
                version: edit.version,
                by: edit.actor_name,
                at: edit.at.time(),
                changes: serde_json::from_str(&edit.changes).unwrap_or_default(),
            })
            .filter(|changed| !changed.changes.is_empty())
            .collect();
        let mut document = page::page(&row);
        if !history.is_empty() {
            let lines = history.iter().map(|changed| {
                let words = changed.changes.iter().map(|change| {
                    let cut = |text: &str| crate::book::short(text, 60);
                    format!("{}: {} → {}", change.what, cut(&change.from), cut(&change.to))
                });
                let words = words.collect::<Vec<_>>().join("; ");
                vec![Rich::new().ago(changed.at), Rich::from(changed.by.as_str()), Rich::from(words)]
            });
            document = document.heading("What happened").table(&["When", "By", "What"], lines.collect());
        }
        if let Some(note) = &log {
            document = document.field("Mod-log", note.as_str());
        }
        Ok(Answer::new(CasePage { case: CaseData::from(&row), history, log }, document))
    }
}

/// Shows a case.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct CaseShow {
    /// Its number
    #[schemars(range(min = 1))]
    pub number: i64,
}

impl Operation for CaseShow {
    type Domain = Moderation;
    type Output = CasePage;

    const NAME: &'static str = "case show";
    const SUMMARY: &'static str = "Show a case and what happened to it";
    const RANK: Rank = Rank::JUNIOR_MODERATOR;
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &["case show number:12"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<CasePage>, Error> {
        Ok(moderation.case_page(call, self.number).await?)
    }
}

/// Changes a case: its reason, its end, its evidence.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct CaseEdit {
    /// Its number
    #[schemars(range(min = 1))]
    pub number: i64,
    /// Another reason
    #[serde(default)]
    #[schemars(length(max = 2000), extend("x-complete" = "reason"))]
    pub reason: Option<String>,
    /// How long it lasts in all, counted from its beginning
    #[serde(default)]
    pub duration: Option<Span>,
    /// It has no end of its own any more
    #[serde(default)]
    pub forever: Option<bool>,
    /// More links to what shows it
    #[serde(default)]
    pub evidence: Vec<String>,
}

impl Operation for CaseEdit {
    type Domain = Moderation;
    type Output = CasePage;

    const NAME: &'static str = "case edit";
    const SUMMARY: &'static str = "Change a case's reason, move its end, add evidence";
    const RANK: Rank = Rank::MODERATOR;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] =
        &["case edit number:12 reason:Spam in several channels", "case edit number:12 duration:14d"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<CasePage>, Error> {
        let number = self.number;
        let reason = match &self.reason {
            Some(reason) => Some(moderation.reason(call.tenant(), Some(reason)).await?),
            None => None,
        };
        let more = evidence(&self.evidence)?;
        let forever = self.forever == Some(true);
        if reason.is_none() && more.is_empty() && self.duration.is_none() && !forever {
            return Err(ModerationError::NothingToChange(number).into());
        }
        let moves = self.duration.is_some() || forever;
        let seen = moderation.case(call.tenant(), number).await?;
        if moves {
            let end = self.end_of(&seen)?;
            moderation.may_move_end(call, &seen, end).await?;
        }
        moderation
            .change(call.tenant(), number, &By::from(&call.actor), |row| {
                let before = row.clone();
                if moves && row.expires_at != seen.expires_at {
                    // Whoever may move it as it was may not move it as it is now.
                    return Err(ModerationError::Contended(number));
                }
                if let Some(reason) = &reason {
                    row.reason.clone_from(reason);
                }
                if !more.is_empty() {
                    let mut evidence = row.evidence();
                    evidence.extend(more.iter().cloned());
                    if evidence.len() > MOST_EVIDENCE {
                        return Err(ModerationError::TooMuchEvidence(MOST_EVIDENCE));
                    }
                    row.evidence = serde_json::to_string(&evidence)?;
                }
                if moves {
                    row.expires_at = self.end_of(row)?;
                }
                if matches!(row.kind, CaseKind::Ban | CaseKind::Tempban) {
                    row.kind = if row.expires_at.is_some() { CaseKind::Tempban } else { CaseKind::Ban };
                }
                Ok(*row != before)
            })
            .await?;
        Ok(moderation.case_page(call, number).await?)
    }
}

impl CaseEdit {
    /// The end that is asked for.
    fn end_of(&self, row: &case::Model) -> Result<Option<Timestamp>, ModerationError> {
        if row.state != CaseState::Active || !row.kind.may_end() || row.ending {
            return Err(ModerationError::NoEnd(row.number));
        }
        let timeout = row.kind == CaseKind::Timeout;
        match self.duration {
            Some(span) if timeout && span.duration() > LONGEST_TIMEOUT => {
                Err(ModerationError::TimeoutTooLong(span.to_string()))
            }
            Some(span) => Ok(Some((row.created_at.time() + span.duration()).into())),
            None if timeout => Err(ModerationError::TimeoutTooLong("for ever".to_owned())),
            None => Ok(None),
        }
    }
}

/// Ends what a case holds, withdraws a warning, or declares a case void.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct CaseClose {
    /// Its number
    #[schemars(range(min = 1))]
    pub number: i64,
    /// Why.
    #[serde(flatten)]
    pub why: Why,
    /// It should never have been: it counts no more
    #[serde(default)]
    pub void: Option<bool>,
}

impl Operation for CaseClose {
    type Domain = Moderation;
    type Output = CasePage;

    const NAME: &'static str = "case close";
    const SUMMARY: &'static str = "End what a case holds, withdraw a warning, declare a case void";
    const RANK: Rank = Rank::MODERATOR;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] = &["case close number:12 reason:Talked about it"];

    async fn run(self, moderation: &Moderation, call: &Call) -> Result<Answer<CasePage>, Error> {
        let reason = moderation.reason(call.tenant(), self.why.reason.as_deref()).await?;
        moderation.close(call, self.number, reason, self.void == Some(true)).await?;
        Ok(moderation.case_page(call, self.number).await?)
    }
}

impl Moderation {
    async fn close(
        &self,
        call: &Call,
        number: i64,
        reason: String,
        void: bool,
    ) -> Result<(), ModerationError> {
        let tenant = call.tenant();
        let row = self.case(tenant, number).await?;
        let closable = |row: &case::Model| match row.state {
            CaseState::Active => Ok(()),
            CaseState::Closed | CaseState::Expired if void => Ok(()),
            state => Err(ModerationError::Over { number, state: state.word() }),
        };
        // What is still being done is not closed: it would hold on Discord with nobody to end it.
        closable(&row)?;
        // A warning holds nothing that lifting it would ask for, and yet nobody withdraws their own.
        if let Some(user) = row.user() {
            self.may_act_on(tenant, acting(&call.actor), call.actor.rank, user, 0).await?;
        }
        if row.state == CaseState::Active
            && let Some(new) = self.counterpart(call, &row, reason).await?
            // A lift that does not belong to this very case would end another one.
            && new.lifts == Some(number)
        {
            let lift = self.carry_out(tenant, new).await?;
            if lift.state == CaseState::Pending || !void {
                return Ok(());
            }
        }
        let by = By::from(&call.actor);
        self.change(tenant, number, &by, |row| {
            closable(row)?;
            if row.ending {
                return Err(ModerationError::Over { number, state: row.state.word() });
            }
            row.end(if void { CaseState::Voided } else { CaseState::Closed }, &by);
            Ok(true)
        })
        .await?;
        Ok(())
    }
}
