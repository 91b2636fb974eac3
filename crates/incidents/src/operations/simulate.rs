//! `errors simulate`.

use std::time::Duration;

use guildhall_core::{
    Action, Answer, Call, Document, Effect, Error, Kind, Operation, Rank, Rich, Span, Tone,
    error::typed,
    fault::{Fault, Point, Strike},
    language::Language,
    suggest,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Incidents, IncidentsError};

/// Names offered for one that does not exist.
const NEAR: usize = 3;
/// Strikes that a fault in every operation may have: it strikes `errors clear` as well.
const EVERYWHERE: u32 = 20;
/// How long a fault stays in place unless somebody says otherwise; the input's bound says how long at most.
const WITHIN: Duration = Duration::from_secs(600);

/// Puts a fault in on purpose: for tests, and to rehearse what happens then.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ErrorsSimulate {
    /// What happens.
    pub what: What,
    /// In which operation; * is in every one.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    pub operation: Option<String>,
    /// With which other system: discord, redis, sentry.
    #[serde(default)]
    #[schemars(length(min = 1, max = 32))]
    pub upstream: Option<String>,
    /// The error's code, for an error.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64), extend("x-complete" = "error_code"))]
    pub code: Option<String>,
    /// The error's kind; otherwise the one that errors with this code had last, else user where people are told
    /// something of it, else bug.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// How much longer it takes, or how long to wait, in milliseconds; 2,000 unless you say otherwise.
    #[serde(default)]
    #[schemars(range(min = 1, max = 60_000))]
    pub millis: Option<u32>,
    /// How many times; once unless you say otherwise.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000))]
    pub times: Option<u32>,
    /// For how long at most; 10 minutes unless you say otherwise, an hour at most.
    #[serde(default)]
    #[schemars(extend("x-longest" = "1h"))]
    pub within: Option<Span>,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum What {
    /// An error.
    Error,
    /// No answer.
    Outage,
    /// A slow answer.
    Slow,
    /// An answer that it was asked too often.
    RateLimit,
}

impl Operation for ErrorsSimulate {
    type Domain = Incidents;
    type Output = Fault;

    const NAME: &'static str = "errors simulate";
    const SUMMARY: &'static str = "Put a fault in on purpose, so many times and for so long at most";
    const RANK: Rank = Rank::OPERATOR;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] = &[
        "errors simulate what:outage upstream:discord times:5 within:1m",
        "errors simulate what:error code:store_busy operation:server list",
    ];

    async fn run(self, incidents: &Incidents, _: &Call) -> Result<Answer<Fault>, Error> {
        let times = self.times.unwrap_or(1).clamp(1, 1_000);
        let point = match (&self.operation, &self.upstream) {
            (Some(name), None) if name == "*" && times > EVERYWHERE => {
                return Err(IncidentsError::Everywhere(EVERYWHERE).into());
            }
            (Some(name), None) => Point::Operation(operation(incidents, name)?),
            (None, Some(name)) => Point::Upstream(upstream(incidents, name)?),
            _ => return Err(IncidentsError::Target.into()),
        };
        let millis = u64::from(self.millis.unwrap_or(2_000).min(60_000));
        let strike = match self.what {
            What::Error => self.error(incidents).await?,
            What::Outage => Strike::Outage,
            What::Slow => Strike::Slow { millis },
            What::RateLimit => Strike::RateLimit { retry_millis: millis },
        };
        let within = self.within.map_or(WITHIN, Span::duration);
        let fault = incidents.faults.put(point, strike, times, within)?;
        let document = Document::titled(format!("Fault {} is in place", fault.number))
            .tone(Tone::Warning)
            .field("Where", place(&fault))
            .field("What", what(&fault))
            .field("Times", fault.times.to_string())
            .field("Until", Rich::new().time(fault.until))
            .action(Action::new("Faults", "errors faults", json!({})))
            .action(Action::new("Clear all", "errors clear", json!({})));
        Ok(Answer::new(fault, document))
    }
}

impl ErrorsSimulate {
    async fn error(&self, incidents: &Incidents) -> Result<Strike, Error> {
        let code = self.code.clone().unwrap_or_else(|| "internal".to_owned());
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if code.is_empty() || code.len() > 64 || !code.bytes().all(fits) {
            return Err(IncidentsError::Code(typed(&code, 64)).into());
        }
        let kind = match self.kind {
            Some(kind) => kind,
            None => {
                // People are told nothing of a bug, so its message could not be rehearsed.
                let said = code != "internal" && incidents.texts.has(Language::English, &code);
                let unseen = if said { Kind::User } else { Kind::Bug };
                incidents.book.kind_of(&code).await?.unwrap_or(unseen)
            }
        };
        Ok(Strike::Error { code, kind })
    }
}

/// The operation that is meant, with or without its slash; `*` is every one.
fn operation(incidents: &Incidents, asked: &str) -> Result<String, IncidentsError> {
    let name = asked.trim().trim_start_matches('/');
    let known = incidents.faults.operations();
    if name == "*" || known.contains(&name) {
        return Ok(name.to_owned());
    }
    let near = suggest::nearest(name, known, NEAR).join(", ");
    Err(IncidentsError::Operation { name: typed(asked, 64), near })
}

/// The other system that is meant. There are few, so all are named.
fn upstream(incidents: &Incidents, asked: &str) -> Result<String, IncidentsError> {
    let known = incidents.faults.upstreams();
    match known.iter().find(|name| name.eq_ignore_ascii_case(asked.trim())) {
        Some(name) => Ok((*name).to_owned()),
        None => Err(IncidentsError::Upstream { name: typed(asked, 32), known: known.join(", ") }),
    }
}

pub(super) fn place(fault: &Fault) -> Rich {
    match &fault.point {
        Point::Operation(name) if name == "*" => Rich::from("every operation"),
        Point::Operation(name) => Rich::from("operation ").code(name),
        Point::Upstream(name) => Rich::from("upstream ").code(name),
    }
}

pub(super) fn what(fault: &Fault) -> Rich {
    match &fault.strike {
        Strike::Error { code, kind } => {
            Rich::from(format!("an error of kind {} with the code ", kind.as_str())).code(code)
        }
        Strike::Outage => Rich::from("no answer"),
        Strike::Slow { millis } => Rich::from(format!("{millis} ms slower")),
        Strike::RateLimit { retry_millis } => {
            Rich::from(format!("asked too often, again after {retry_millis} ms"))
        }
    }
}
