//! `errors show`.

use guildhall_core::{Action, Answer, Call, Document, Effect, Error, Operation, Rank, Rich, Tone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;

use super::{ErrorName, GroupData, is_operator, named, scope};
use crate::{Incidents, Sample, State, View, trend};

/// Single errors that are shown.
const SAMPLES: u64 = 5;

/// Shows one error: how often, since when, and the last times it happened.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ErrorsShow {
    /// Its fingerprint, or the reference that somebody was given.
    pub error: ErrorName,
}

/// A group with its last errors.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ShowData {
    /// The group.
    pub group: GroupData,
    /// Its last errors, the newest first.
    pub samples: Vec<SampleData>,
    /// What was said about how it was mended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One error.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SampleData {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub at: OffsetDateTime,
    /// In which community.
    pub community: String,
    /// Through which face.
    pub face: String,
    /// What the person was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The trace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// The causes, for operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Operation for ErrorsShow {
    type Domain = Incidents;
    type Output = ShowData;

    const NAME: &'static str = "errors show";
    const SUMMARY: &'static str = "Show one error by its fingerprint or by a reference such as E-1A2B3C4D";
    const RANK: Rank = Rank::MODERATOR;
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &["errors show error:E-1A2B3C4D"];

    async fn run(self, incidents: &Incidents, call: &Call) -> Result<Answer<ShowData>, Error> {
        let view = named(incidents, call, &self.error).await?;
        let scope = scope(&call.actor);
        let all = is_operator(&call.actor);
        let samples = incidents.book.samples(&scope, &view.fingerprint, SAMPLES).await?;
        let own = std::slice::from_ref(&view.fingerprint);
        let trends = incidents.book.trends(&scope, own, call.clock.now()).await?;
        let group = GroupData::new(&view, trends.get(&view.fingerprint), all);
        let samples = samples.into_iter().map(|sample| SampleData::new(sample, all)).collect();
        let data = ShowData { group, samples, note: view.note.clone() };
        let document = document(&data, &view);
        Ok(Answer::new(data, document))
    }
}

impl SampleData {
    fn new(sample: Sample, all: bool) -> Self {
        let Sample { at, tenant, face, reference, trace, detail } = sample;
        let detail = Some(detail).filter(|detail| all && !detail.is_empty());
        Self { at, community: tenant, face, reference, trace, detail }
    }
}

fn document(data: &ShowData, view: &View) -> Document {
    let group = &data.group;
    let tone = match group.state {
        State::Resolved => Tone::Good,
        State::Open => Tone::Neutral,
        State::Reopened => Tone::Warning,
    };
    let mut document = Document::titled(group.code.as_str())
        .tone(tone)
        .field("Error", Rich::new().code(group.fingerprint.as_str()))
        .field("Kind", group.kind.as_str())
        .field("Operation", group.operation.as_str())
        .field("State", state(view))
        .field("Times", group.total.to_string())
        .field("First", Rich::new().time(group.first))
        .field("Last", Rich::new().ago(group.last))
        .field("Last day", Rich::new().code(trend::bars(&group.trend)));
    if group.communities > 1 {
        document = document.field("Communities", group.communities.to_string());
    }
    if let Some(note) = &data.note {
        document = document.field("Note", note.as_str());
    }
    if let Some(cause) = &group.cause {
        document = document.code(cause.as_str());
    }
    if !data.samples.is_empty() {
        let cell =
            |text: &Option<String>| text.as_deref().map_or_else(Rich::new, |text| Rich::new().code(text));
        let rows = data.samples.iter().map(|sample| {
            vec![
                Rich::new().time(sample.at),
                Rich::from(sample.face.as_str()),
                cell(&sample.reference),
                cell(&sample.trace),
            ]
        });
        document = document.table(&["When", "Face", "Reference", "Trace"], rows.collect());
    }
    if let Some(detail) = data.samples.iter().find_map(|sample| sample.detail.as_deref()) {
        document = document.code(detail);
    }
    if group.state != State::Resolved {
        let input = json!({ "error": group.fingerprint });
        document = document.action(Action::new("Resolve", "errors resolve", input).asking(&["note"]));
    }
    document.action(Action::new("All errors", "errors list", json!({})))
}

fn state(view: &View) -> Rich {
    match (view.state, view.resolved) {
        (State::Resolved, Some(since)) => Rich::from("resolved ").ago(since),
        (State::Reopened, Some(since)) => Rich::from("came back after it was resolved ").ago(since),
        (state, _) => Rich::from(state.as_str()),
    }
}
