//! One measure for one or several people, and what came of it for each.

use std::collections::BTreeSet;

use guildhall_core::{
    Action, ActorId, Answer, Call, Document, Error, Rich, Span, Tone, document::Style, guild::UserId,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::Given;
use crate::{
    CaseData, Moderation, ModerationError,
    book::short,
    case::{CaseState, Told},
    entity::case,
    measure::{Measure, Terms, done, stops_all},
    page,
    reason::evidence,
};

/// What came of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Outcomes {
    /// The cases that were made, in the order of the people.
    pub cases: Vec<CaseData>,
    /// Whom it was not done to, and why.
    pub problems: Vec<Problem>,
}

/// Why it was not done to somebody.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Problem {
    /// Who.
    pub user: UserId,
    /// A stable word for programs.
    pub code: String,
    /// What happened, and what to do.
    pub message: String,
}

impl Moderation {
    /// Takes a measure for each of these, on what was given as terms.
    pub(super) async fn take(
        &self,
        call: &Call,
        users: &[UserId],
        measure: &Measure,
        lasts: Option<Span>,
        given: Given,
    ) -> Result<Answer<Outcomes>, Error> {
        let terms = self.terms(call, lasts, given).await?;
        self.take_each(call, users, measure, &terms).await
    }

    pub(super) async fn terms(&self, call: &Call, lasts: Option<Span>, given: Given) -> Result<Terms, Error> {
        Ok(Terms {
            reason: self.reason(call.tenant(), given.why.reason.as_deref()).await?,
            evidence: evidence(&given.evidence)?,
            lasts: lasts.map(Span::duration),
            silent: given.silent.unwrap_or(false),
        })
    }

    /// As [`Moderation::take`]. With one person an error is the answer; of several each has a line, unless it was done
    /// to none of them.
    pub(super) async fn take_each(
        &self,
        call: &Call,
        users: &[UserId],
        measure: &Measure,
        terms: &Terms,
    ) -> Result<Answer<Outcomes>, Error> {
        let mut seen = BTreeSet::new();
        let unique: Vec<UserId> = users.iter().copied().filter(|user| seen.insert(*user)).collect();
        if let [user] = unique.as_slice() {
            let opened = self.begin(&call.actor, *user, measure, terms).await?;
            let row = self.outcome(call.tenant(), opened).await?;
            let data = Outcomes { cases: vec![CaseData::from(&row)], problems: Vec::new() };
            return Ok(Answer::new(data, receipt(&row)));
        }
        let (mut opened, mut problems, mut flows) = (Vec::new(), Vec::new(), Vec::new());
        for user in unique {
            match self.begin(&call.actor, user, measure, terms).await.map_err(Error::from) {
                Ok((row, flow)) => {
                    flows.extend(flow);
                    opened.push(row.number);
                }
                Err(error) if stops_all(&error) && opened.is_empty() => return Err(error),
                Err(error) => {
                    problems.push(Problem { user, code: error.code.to_owned(), message: error.to_string() });
                }
            }
        }
        self.await_briefly(flows).await;
        let mut rows = Vec::new();
        for number in opened {
            let row = self.case(call.tenant(), number).await?;
            match done(row.clone()).map_err(Error::from) {
                Ok(row) => rows.push(row),
                Err(error) => problems.push(Problem {
                    user: row.user().unwrap_or(UserId(0)),
                    code: error.code.to_owned(),
                    message: error.to_string(),
                }),
            }
        }
        if rows.is_empty() {
            let why: BTreeSet<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
            let why = why.into_iter().collect::<Vec<_>>().join(" ");
            return Err(ModerationError::NobodyDone(short(&why, 1_500)).into());
        }
        let document = list(&rows, &problems);
        let data = Outcomes { cases: rows.iter().map(CaseData::from).collect(), problems };
        Ok(Answer::new(data, document))
    }
}

/// What a moderator reads who did one thing.
pub(crate) fn receipt(row: &case::Model) -> Document {
    let (title, tone) = match row.state {
        CaseState::Pending => (format!("{}: it is being done", row.target_name), Tone::Working),
        _ => (format!("{}: {}", row.target_name, page::done(row)), Tone::Good),
    };
    let mut document = Document::titled(title).tone(tone);
    document = document.field("Case", row.number.to_string());
    if !row.reason.is_empty() {
        document = document.field("Reason", row.reason.as_str());
    }
    if let Some(end) = row.expires_at {
        let end = end.time();
        document = document.field("Until", Rich::new().time(end).text(" (").ago(end).text(")"));
    }
    if let Some(told) = row.told.filter(|told| *told != Told::Silent) {
        document = document.field("Told", told.sentence());
    }
    let show = Action::new("The case", "case show", json!({ "number": row.number }));
    let edit = Action::new("Edit", "case edit", json!({ "number": row.number })).asking(&["reason"]);
    document.action(show.style(Style::Primary)).action(edit)
}

fn list(rows: &[case::Model], problems: &[Problem]) -> Document {
    let tone = if problems.is_empty() { Tone::Good } else { Tone::Warning };
    let title = match problems.len() {
        0 => format!("Done for {} people", rows.len()),
        failed => format!("Done for {} of {} people", rows.len(), rows.len() + failed),
    };
    let mut lines: Vec<Vec<Rich>> = rows
        .iter()
        .map(|row| {
            let outcome = match row.state {
                CaseState::Pending => "being done".to_owned(),
                _ => page::done(row),
            };
            vec![page::target(row), Rich::from(row.number.to_string()), Rich::from(outcome)]
        })
        .collect();
    lines.extend(problems.iter().map(|problem| {
        let who = ActorId::discord(problem.user.0);
        vec![
            Rich::new().person(&who, problem.user.to_string()),
            Rich::new(),
            Rich::from(problem.message.as_str()),
        ]
    }));
    Document::titled(title).tone(tone).table(&["Person", "Case", "Outcome"], lines)
}
