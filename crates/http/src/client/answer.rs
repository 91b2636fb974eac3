//! Answers as the client hands them on.

use std::time::Duration;

use guildhall_core::{Action, CallId, Document, Effect, FieldError, Follow, Kind, Rank, RunId};
use reqwest::{
    StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};
use serde::Deserialize;
use serde_json::Value;

use super::parse;
use crate::answer::code;

/// An answer to a call.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientReply {
    /// It ran.
    Done {
        /// The call's id, as in the audit log.
        call: CallId,
        /// For programs.
        data: Value,
        /// For people.
        document: Document,
        /// The job that goes on, if any: read its events with [`super::Client::events`].
        follow: Option<Follow>,
    },
    /// It did not run: it asks first, and runs when called again with `confirm`.
    Confirm {
        /// What it asks.
        question: String,
        /// The same for people, with the action that means yes.
        document: Document,
    },
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The call was turned away; the message and the remedy say what to do about it.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The call broke on the way. The reference leads the staff to what happened.
    #[error("{0}")]
    Failed(Box<Refusal>),
    /// Nobody answers there. Is the installation running, and is the address right?
    #[error("nobody answers at {address}")]
    Unreachable {
        /// Where.
        address: String,
        /// What the network said.
        #[source]
        source: reqwest::Error,
    },
    /// Something answers there that is not Guildhall, or is another version of it.
    #[error("{0}")]
    Unreadable(String),
    /// The client was given something that cannot work.
    #[error("{0}")]
    Setup(String),
}

/// What the installation said is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// A stable word for programs.
    pub code: String,
    /// Who can do something about it.
    pub kind: Kind,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub remedy: Option<String>,
    /// What is wrong with which input.
    pub fields: Vec<FieldError>,
    /// What may have been meant.
    pub suggestions: Vec<Action>,
    /// The number to quote.
    pub reference: Option<String>,
    /// When to try again, where that is known.
    pub retry_after: Option<Duration>,
    /// The same for people.
    pub document: Document,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        self.remedy.as_ref().map_or(Ok(()), |remedy| write!(f, " {remedy}"))
    }
}

/// What is known of an operation of the installation.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// One line.
    pub summary: String,
    /// The rank it asks for unless the community says otherwise.
    pub rank: Rank,
    /// What it does to the world.
    pub effect: Effect,
    /// The input's JSON schema.
    pub input: Value,
    /// The output's JSON schema.
    pub output: Value,
    /// Where it is called.
    pub path: String,
}

#[derive(Deserialize)]
struct DoneBody {
    data: Value,
    document: Document,
    follow: Option<FollowBody>,
    call: CallId,
}

#[derive(Deserialize)]
struct FollowBody {
    run: RunId,
    cursor: i64,
    topic: Option<String>,
}

#[derive(Deserialize)]
struct ProblemBody {
    error: ErrorBody,
    #[serde(default)]
    document: Document,
}

#[derive(Deserialize)]
struct ErrorBody {
    code: String,
    kind: String,
    message: String,
    remedy: Option<String>,
    #[serde(default)]
    fields: Vec<FieldBody>,
    #[serde(default)]
    suggestions: Vec<Action>,
    reference: Option<String>,
    question: Option<String>,
}

#[derive(Deserialize)]
struct FieldBody {
    field: String,
    message: String,
}

#[derive(Deserialize)]
struct ListBody {
    operations: Vec<ListedBody>,
}

#[derive(Deserialize)]
struct ListedBody {
    name: String,
    summary: String,
    rank: Rank,
    effect: String,
    input: Value,
    output: Value,
    path: String,
}

/// Reads the answer to a call.
pub(super) fn read(
    status: StatusCode,
    retry_after: Option<Duration>,
    body: &[u8],
) -> Result<ClientReply, ClientError> {
    if !status.is_success() {
        return problem(status, retry_after, body);
    }
    let DoneBody { data, document, follow, call } = typed(status, body)?;
    let follow = follow.map(|FollowBody { run, cursor, topic }| Follow { run, cursor, topic });
    Ok(ClientReply::Done { call, data, document, follow })
}

/// Reads the catalogue.
pub(super) fn read_list(
    status: StatusCode,
    retry_after: Option<Duration>,
    body: &[u8],
) -> Result<Vec<Listed>, ClientError> {
    if !status.is_success() {
        return Err(refusal(status, retry_after, body));
    }
    let listed = typed::<ListBody>(status, body)?.operations.into_iter().map(|entry| {
        let ListedBody { name, summary, rank, effect, input, output, path } = entry;
        let effect = match effect.as_str() {
            "read" => Effect::Read,
            "change" => Effect::Change,
            // An effect that this version does not know is treated with the most care.
            _ => Effect::Destroy,
        };
        Listed { name, summary, rank, effect, input, output, path }
    });
    Ok(listed.collect())
}

/// Reads an answer that is not a success.
pub(super) fn refusal(status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> ClientError {
    match problem(status, retry_after, body) {
        Err(error) => error,
        Ok(_) => ClientError::Unreadable("a question was asked where nothing was to be confirmed".to_owned()),
    }
}

fn problem(
    status: StatusCode,
    retry_after: Option<Duration>,
    body: &[u8],
) -> Result<ClientReply, ClientError> {
    let ProblemBody { error, document } = typed(status, body)?;
    if let (code::CONFIRM, Some(question)) = (error.code.as_str(), error.question) {
        return Ok(ClientReply::Confirm { question, document });
    }
    let kind = kind(&error.kind, status);
    let fields = error.fields.into_iter().map(|FieldBody { field, message }| FieldError::new(field, message));
    let refusal = Box::new(Refusal {
        status: status.as_u16(),
        code: error.code,
        kind,
        message: error.message,
        remedy: error.remedy,
        fields: fields.collect(),
        suggestions: error.suggestions,
        reference: error.reference,
        retry_after,
        document,
    });
    Err(if kind.is_refusal() { ClientError::Refused(refusal) } else { ClientError::Failed(refusal) })
}

fn kind(word: &str, status: StatusCode) -> Kind {
    match word {
        "user" => Kind::User,
        "permission" => Kind::Permission,
        "limit" => Kind::Limit,
        "not_found" => Kind::NotFound,
        "conflict" => Kind::Conflict,
        "upstream" => Kind::Upstream,
        "bug" => Kind::Bug,
        _ if status.is_client_error() => Kind::User,
        _ => Kind::Upstream,
    }
}

fn typed<T: serde::de::DeserializeOwned>(status: StatusCode, body: &[u8]) -> Result<T, ClientError> {
    let value = parse(status, body)?;
    serde_json::from_value(value).map_err(|error| {
        ClientError::Unreadable(format!(
            "the answer with status {status} is not one this version knows: {error}"
        ))
    })
}

/// Seconds to wait; the form with a date is not used by Guildhall.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_ours_is_said_to_be_so() {
        let error = read(StatusCode::BAD_GATEWAY, None, b"<html>").unwrap_err();
        assert!(matches!(&error, ClientError::Unreadable(why) if why.contains("502")), "{error:?}");
        let error = read(StatusCode::OK, None, b"{}").unwrap_err();
        assert!(matches!(error, ClientError::Unreadable(_)));
    }

    proptest! {
        #[test]
        fn any_answer_is_read_without_a_panic(status in 100_u16..600, body in "\\PC{0,200}") {
            let status = StatusCode::from_u16(status).unwrap();
            let _ = read(status, None, body.as_bytes());
            let _ = read_list(status, None, body.as_bytes());
        }
    }
}
