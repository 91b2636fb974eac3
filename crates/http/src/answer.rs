//! Answers as JSON: what an operation said, or what is wrong, with the status that fits.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use guildhall_core::{CallId, Document, Error, Follow, Kind, Misfit, Reply, error::Wire};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// The body of an answer to an operation that ran.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Done {
    /// For programs; its shape is the operation's.
    pub(crate) data: Value,
    /// For people.
    pub(crate) document: Document,
    /// The job that goes on after the answer; read its events with `run`, from after `cursor`.
    pub(crate) follow: Option<Follow>,
    /// The call's id, as in the audit log.
    pub(crate) call: CallId,
    /// Whether only the caller should see the answer where others could.
    pub(crate) private: bool,
}

/// The body of every answer that is not a success.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Problem<'a> {
    /// What is wrong, for programs.
    pub(crate) error: ProblemError<'a>,
    /// The same for people.
    pub(crate) document: Document,
}

/// What is wrong.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ProblemError<'a> {
    #[serde(flatten)]
    pub(crate) wire: Wire<'a>,
    /// What to answer with yes: the request did not run and is to be repeated with `confirm=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) question: Option<&'a str>,
}

/// Codes of the face itself, which have a status of their own.
pub(crate) mod code {
    pub(crate) const CONFIRM: &str = "confirmation_required";
    pub(crate) const BODY_TOO_LARGE: &str = "body_too_large";
    pub(crate) const BODY_INCOMPLETE: &str = "body_incomplete";
    pub(crate) const MALFORMED_JSON: &str = "malformed_json";
    pub(crate) const MALFORMED_ADDRESS: &str = "malformed_address";
    pub(crate) const UNKNOWN_PARAMETER: &str = "unknown_parameter";
    pub(crate) const NOT_JSON: &str = "not_json";
    pub(crate) const NO_TOKEN: &str = "token_missing";
    pub(crate) const BAD_TOKEN: &str = "token_unknown";
    pub(crate) const TOO_MANY_TOKENS: &str = "too_many_wrong_tokens";
    pub(crate) const NO_ROUTE: &str = "unknown_route";
    pub(crate) const WRONG_METHOD: &str = "wrong_method";
    pub(crate) const TOO_SLOW: &str = "request_too_slow";
    pub(crate) const GOES_ON: &str = "still_running";
    pub(crate) const BUSY: &str = "overloaded";
}

/// The status of an error.
pub(crate) fn status(error: &Error) -> StatusCode {
    match error.code {
        code::BODY_TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
        code::MALFORMED_JSON | code::MALFORMED_ADDRESS | code::UNKNOWN_PARAMETER | code::BODY_INCOMPLETE => {
            StatusCode::BAD_REQUEST
        }
        code::NOT_JSON => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        code::NO_TOKEN | code::BAD_TOKEN => StatusCode::UNAUTHORIZED,
        code::WRONG_METHOD => StatusCode::METHOD_NOT_ALLOWED,
        code::TOO_SLOW => StatusCode::REQUEST_TIMEOUT,
        code::GOES_ON => StatusCode::GATEWAY_TIMEOUT,
        code::BUSY => StatusCode::SERVICE_UNAVAILABLE,
        _ => match error.kind {
            Kind::User => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::Permission => StatusCode::FORBIDDEN,
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::Conflict => StatusCode::CONFLICT,
            Kind::Limit => StatusCode::TOO_MANY_REQUESTS,
            Kind::Upstream => StatusCode::BAD_GATEWAY,
            Kind::Bug => StatusCode::INTERNAL_SERVER_ERROR,
        },
    }
}

/// An answer that says what is wrong, to a caller of whom nothing is known.
pub(crate) fn problem(error: &Error) -> Response {
    problem_as(error, error.document())
}

/// An answer that says what is wrong: to programs always in the same words, to people in this document.
pub(crate) fn problem_as(error: &Error, document: Document) -> Response {
    let body = Problem { error: ProblemError { wire: error.into(), question: None }, document };
    let mut response = (status(error), Json(body)).into_response();
    if let Some(wait) = error.retry_after {
        // In whole seconds, and at least one.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    if response.status() == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Bearer realm=\"guildhall\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// One input that does not fit, with the code of what is said about it.
pub(crate) fn unfit(field: impl Into<String>, code: &'static str, message: &str) -> Error {
    Misfit::new(code, message).of(field).into()
}

/// An answer to a call.
pub(crate) fn reply(reply: Reply) -> Response {
    match reply {
        Reply::Done { call, data, document, follow, private, in_place: _ } => {
            // A job goes on: 202 says that the answer is not the end of it.
            let status = if follow.is_some() { StatusCode::ACCEPTED } else { StatusCode::OK };
            (status, Json(Done { data, document, follow, call, private })).into_response()
        }
        Reply::Confirm { call, question, document } => {
            let mut error = Error::new(Kind::Conflict, code::CONFIRM, question.as_str())
                .remedy("If you mean it, repeat the request with ?confirm=true.");
            error.call = Some(call);
            let wire = Wire::from(&error);
            let body = Problem { error: ProblemError { wire, question: Some(&question) }, document };
            (StatusCode::CONFLICT, Json(body)).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_server_is_a_conflict_and_a_busy_guildhall_is_unavailable() {
        let of = |kind, code| status(&Error::new(kind, code, "Somebody is at work.")).as_u16();
        assert_eq!((of(Kind::Conflict, "busy"), of(Kind::Limit, code::BUSY)), (409, 503));
    }
}
