//! `flow list|resume|abandon`: the jobs under way, and a way out for those that are stuck.

use std::pin::Pin;

use guildhall_core::{
    Action, Actor, Answer, Call, Document, Effect, Error, Kind, Operation, Rank, Rich, Tone,
    operation::Choice,
};
use guildhall_flows::{FlowError, FlowId, FlowInfo, State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;

use super::Administration;

/// Jobs a page. Twelve lines fit on a phone.
const PAGE: u64 = 12;

/// Shows the jobs under way, first those that are stuck.
#[derive(Deserialize, JsonSchema)]
pub struct List {
    /// Which page; 12 jobs each.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    page: Option<u32>,
}

/// One page of jobs.
#[derive(Serialize, JsonSchema)]
pub struct Jobs {
    /// First those that are stuck, each the oldest first.
    jobs: Vec<Job>,
    /// This page, from 1.
    page: u64,
    /// How many pages there are.
    pages: u64,
    /// How many jobs there are.
    total: u64,
}

/// A job under way.
#[derive(Serialize, JsonSchema)]
pub struct Job {
    /// Its number, for `flow resume` and `flow abandon`.
    flow: String,
    /// Of which kind: `start-server`.
    kind: String,
    /// On what: the server's name.
    subject: String,
    /// Of which community.
    tenant: String,
    /// Where it stands: `running`, `unwinding` or `stuck`.
    state: String,
    /// Since when it is under way.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    since: OffsetDateTime,
    /// What it waits for, or why it is being undone or is stuck.
    why: Option<String>,
}

impl Operation for List {
    type Domain = Administration;
    type Output = Jobs;
    const NAME: &'static str = "flow list";
    const SUMMARY: &'static str = "Show the jobs under way in every community, first those that are stuck";
    const RANK: Rank = Rank::OPERATOR;
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &["flow list"];

    async fn run(self, domain: &Administration, _: &Call) -> Result<Answer<Jobs>, Error> {
        let page = u64::from(self.page.unwrap_or(1).max(1));
        let (flows, total) = domain.flows.under_way(page - 1, PAGE).await?;
        let mut jobs = Vec::new();
        for flow in flows {
            jobs.push(Job::of(domain, flow).await?);
        }
        let jobs = Jobs { jobs, page, pages: total.div_ceil(PAGE).max(1), total };
        let document = jobs.document();
        Ok(Answer::new(jobs, document))
    }
}

impl Job {
    async fn of(domain: &Administration, flow: FlowInfo) -> Result<Self, Error> {
        let subject = domain.servers.subject_of(&flow).await?;
        let why = flow.cause.map(|cause| cause.message).or(flow.waiting);
        Ok(Self {
            flow: flow.id.to_string(),
            kind: flow.kind,
            subject,
            tenant: flow.tenant.to_string(),
            state: flow.state.as_str().to_owned(),
            since: flow.since,
            why,
        })
    }
}

impl Jobs {
    fn document(&self) -> Document {
        let to = |label: &str, page: u64| Action::new(label, List::NAME, json!({"page": page}));
        if self.total == 0 {
            return Document::titled("Jobs").text("Nothing is under way, and nothing is stuck.");
        }
        if self.jobs.is_empty() {
            let text = format!("There are {} pages.", self.pages);
            return Document::titled("There is no such page").text(text).action(to("First page", 1));
        }
        let rows = self.jobs.iter().map(|job| {
            vec![
                Rich::new().code(&job.flow),
                job.kind.as_str().into(),
                Rich::new().strong(&job.subject),
                job.tenant.as_str().into(),
                job.state.as_str().into(),
                Rich::new().ago(job.since),
                job.why.as_deref().unwrap_or_default().into(),
            ]
        });
        let columns = ["flow", "job", "on", "community", "state", "since", "why"];
        let mut document = Document::titled("Jobs").table(&columns, rows.collect());
        if self.jobs.iter().any(|job| job.state == State::Stuck.as_str()) {
            document = document
                .text("Mend what holds a stuck job up and resume it, or tidy up by hand and abandon it.");
        }
        if self.page > 1 {
            document = document.action(to("Previous", self.page - 1));
        }
        if self.page < self.pages {
            document = document.action(to("Next", self.page + 1));
        }
        document
    }
}

/// Lets a stuck job try again from where it stood.
#[derive(Deserialize, JsonSchema)]
pub struct Resume {
    /// The job's number, from `flow list`.
    #[schemars(length(max = 64), extend("x-complete" = "stuck_flow"))]
    flow: String,
}

impl Operation for Resume {
    type Domain = Administration;
    type Output = ();
    const NAME: &'static str = "flow resume";
    const SUMMARY: &'static str = "Let a stuck job try again, once what held it up has been mended";
    const RANK: Rank = Rank::OPERATOR;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] = &["flow resume flow:0193a8c4-5c1e-7b1c-9d55-0a1b2c3d4e5f"];

    async fn run(self, domain: &Administration, _: &Call) -> Result<Answer<()>, Error> {
        domain.flows.resume(number(&self.flow)?).await.map_err(refused)?;
        let text = "The job tries again. /flow list says how it stands.";
        Ok(Answer::new((), Document::default().tone(Tone::Good).text(text)))
    }
}

/// Ends a stuck job as failed, with nothing more undone.
#[derive(Deserialize, JsonSchema)]
pub struct Abandon {
    /// The job's number, from `flow list`.
    #[schemars(length(max = 64), extend("x-complete" = "stuck_flow"))]
    flow: String,
}

impl Operation for Abandon {
    type Domain = Administration;
    type Output = ();
    const NAME: &'static str = "flow abandon";
    const SUMMARY: &'static str = "End a stuck job as failed, with nothing more undone";
    const RANK: Rank = Rank::OPERATOR;
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLES: &'static [&'static str] = &["flow abandon flow:0193a8c4-5c1e-7b1c-9d55-0a1b2c3d4e5f"];

    fn question(&self) -> String {
        format!("What the job {} has not undone yet stays as it is. Abandon it?", self.flow)
    }

    async fn run(self, domain: &Administration, _: &Call) -> Result<Answer<()>, Error> {
        domain.flows.abandon(number(&self.flow)?).await.map_err(refused)?;
        let text = "The job has been abandoned. What it left behind is yours to tidy up.";
        Ok(Answer::new((), Document::default().tone(Tone::Good).text(text)))
    }
}

fn number(text: &str) -> Result<FlowId, Error> {
    text.trim().parse().map_err(|_| {
        Error::new(Kind::User, "not_a_flow", "That is not the number of a job.")
            .remedy("/flow list shows the numbers.")
    })
}

fn refused(error: FlowError) -> Error {
    match error {
        FlowError::Unknown(_) | FlowError::NotStuck(_) => {
            Error::from(error).remedy("/flow list shows which jobs are stuck.")
        }
        error => error.into(),
    }
}

/// Offers the jobs that are stuck.
pub(super) fn complete_stuck<'a>(
    domain: &'a Administration,
    _: &'a Actor,
    partial: &'a str,
) -> Pin<Box<dyn Future<Output = Result<Vec<Choice>, Error>> + Send + 'a>> {
    Box::pin(async move {
        let mut choices = Vec::new();
        for flow in domain.flows.stuck().await? {
            let label =
                format!("{} {} ({})", flow.kind, domain.servers.subject_of(&flow).await?, flow.tenant);
            let value = flow.id.to_string();
            if value.starts_with(partial) || label.contains(partial) {
                choices.push(Choice { value, label });
            }
        }
        Ok(choices)
    })
}

#[cfg(test)]
mod tests;
