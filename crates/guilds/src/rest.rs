//! The way to Discord's REST interface, and what its refusals are in numbers.
//!
//! twilight waits for Discord's rate limits; what passes by itself is tried again by the upstream, whose
//! breaker and rehearsed outages stand around every request.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use guildhall_core::{Error, Kind, upstream::Passing, upstream::Upstream};
use http::{HeaderName, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use twilight_http::{
    Client, error::ErrorType, request::Request, response::marker::EmptyBody, routing::Route,
};

use crate::{config::GuildsError, meters};

/// How long one attempt may take, its waits for Discord's rate limits included.
const PATIENCE: Duration = Duration::from_secs(30);
/// Characters of a reason that Discord keeps
/// (<https://discord.com/developers/docs/resources/audit-log>).
const LONGEST_REASON: usize = 512;
const REASON: HeaderName = HeaderName::from_static("x-audit-log-reason");

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Ask<'a> {
    /// One word, for metrics.
    pub(crate) what: &'static str,
    pub(crate) route: Route<'a>,
    pub(crate) body: Option<Value>,
    /// For the audit log.
    pub(crate) reason: &'a str,
}

impl<'a> Ask<'a> {
    /// Asks, and changes nothing.
    pub(crate) fn read(what: &'static str, route: Route<'a>) -> Self {
        Self { what, route, body: None, reason: "" }
    }

    /// Changes something, for a reason.
    pub(crate) fn change(what: &'static str, route: Route<'a>, reason: &'a str) -> Self {
        Self { what, route, body: None, reason }
    }

    /// With this body.
    pub(crate) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }
}

/// What a request came to when it did not work.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum RestError {
    /// Discord or the way to it is in trouble.
    #[error("Discord cannot be reached: {text}")]
    Unreachable { text: String, retry_after: Option<Duration> },
    /// The breaker is open, or a fault was put in.
    #[error("{0}")]
    Upstream(Arc<Error>),
    /// Discord says no.
    #[error("Discord refused it with {status}, {code}: {text}")]
    Refused { status: u16, code: u64, text: String },
    /// The token is not accepted.
    #[error("Discord does not accept the bot token")]
    Token,
    /// The answer is not what it should be.
    #[error("Discord's answer cannot be read: {0}")]
    Unreadable(String),
}

impl RestError {
    /// Discord's own number for the refusal
    /// (<https://discord.com/developers/docs/topics/opcodes-and-status-codes#json-json-error-codes>).
    pub(crate) fn code(&self) -> u64 {
        match self {
            Self::Refused { code, .. } => *code,
            _ => 0,
        }
    }

    fn as_str(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } | Self::Upstream(_) => "unreachable",
            Self::Refused { .. } => "refused",
            Self::Token => "token",
            Self::Unreadable(_) => "unreadable",
        }
    }
}

impl From<Error> for RestError {
    fn from(error: Error) -> Self {
        Self::Upstream(Arc::new(error))
    }
}

impl Passing for RestError {
    fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Upstream(error) => error.kind == Kind::Upstream,
            Self::Refused { .. } | Self::Token | Self::Unreadable(_) => false,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unreachable { retry_after, .. } => *retry_after,
            Self::Upstream(error) => error.retry_after,
            _ => None,
        }
    }
}

/// The client.
pub(crate) struct Rest {
    client: Client,
    pub(crate) upstream: Upstream,
}

impl Rest {
    pub(crate) fn new(api_url: &str, token: &SecretString, upstream: Upstream) -> Result<Self, GuildsError> {
        let (host, plain) = host_of(api_url)?;
        // The client keeps its rate limits in a task of its own.
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(GuildsError::Transport("there is no Tokio runtime here".to_owned()));
        }
        let token = token.expose_secret().to_owned();
        // The second installation of a provider fails and changes nothing, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let build = move || {
            Client::builder().token(token).proxy(host, plain).timeout(Duration::from_secs(10)).build()
        };
        // Building a TLS client panics where the machine has no certificates. That is a configuration to
        // report, not a reason to die.
        let client = std::panic::catch_unwind(std::panic::AssertUnwindSafe(build)).map_err(|_| {
            let what = "the machine has no usable certificates; install 'ca-certificates'";
            GuildsError::Transport(what.to_owned())
        })?;
        Ok(Self { client, upstream })
    }

    /// Sends a request until it works or cannot.
    pub(crate) async fn send(&self, ask: &Ask<'_>) -> Result<Vec<u8>, RestError> {
        self.upstream.call(|| self.once(ask)).await
    }

    /// Sends a request once.
    pub(crate) async fn once(&self, ask: &Ask<'_>) -> Result<Vec<u8>, RestError> {
        let started = Instant::now();
        let attempt = async {
            let response =
                self.client.request::<EmptyBody>(request(ask)?).await.map_err(|error| read_error(&error))?;
            response.bytes().await.map_err(|error| unreachable(error.to_string()))
        };
        let result = match tokio::time::timeout(PATIENCE, attempt).await {
            Ok(result) => result,
            Err(_) => Err(unreachable(format!("no answer within {} seconds", PATIENCE.as_secs()))),
        };
        meters::request(
            ask.what,
            result.as_ref().map_or_else(RestError::as_str, |_| "ok"),
            started.elapsed(),
        );
        result.map(|bytes| bytes.to_vec())
    }
}

/// Reads an answer.
pub(crate) fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, RestError> {
    serde_json::from_slice(bytes).map_err(|error| RestError::Unreadable(error.to_string()))
}

fn request(ask: &Ask<'_>) -> Result<Request, RestError> {
    let refused = |text: String| RestError::Refused { status: 0, code: 0, text };
    let mut request = Request::builder(&ask.route);
    if let Some(body) = &ask.body {
        request = request.json(body);
    }
    if !ask.reason.is_empty() {
        let cut: String = ask.reason.chars().take(LONGEST_REASON).collect();
        let encoded = utf8_percent_encode(&cut, NON_ALPHANUMERIC).to_string();
        let value = HeaderValue::try_from(encoded).map_err(|error| refused(error.to_string()))?;
        request = request.headers(std::iter::once((REASON, value)));
    }
    request.build().map_err(|error| refused(error.to_string()))
}

fn unreachable(text: String) -> RestError {
    RestError::Unreachable { text, retry_after: None }
}

fn read_error(error: &twilight_http::Error) -> RestError {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    match error.kind() {
        ErrorType::Response { body, status, .. } => by_status(status.get(), body),
        // The body was no error of Discord's: a proxy, or an outage page.
        ErrorType::Parsing { body } => unreachable(shown(body)),
        ErrorType::RequestError | ErrorType::RequestTimedOut | ErrorType::RequestCanceled => {
            unreachable(format!("{error} {cause}").trim_end().to_owned())
        }
        ErrorType::Unauthorized => RestError::Token,
        _ => RestError::Refused { status: 0, code: 0, text: format!("{error}: {cause}") },
    }
}

/// What a status and the body under it mean.
pub(crate) fn by_status(status: u16, body: &[u8]) -> RestError {
    #[derive(Default, Deserialize)]
    struct Problem {
        #[serde(default)]
        code: u64,
        #[serde(default)]
        retry_after: Option<f64>,
    }
    let problem = serde_json::from_slice::<Problem>(body).unwrap_or_default();
    match status {
        401 => RestError::Token,
        408 | 425 | 429 | 500.. => {
            let seconds = problem.retry_after.filter(|_| status == 429);
            let retry_after = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            RestError::Unreachable { text: format!("{status}: {}", shown(body)), retry_after }
        }
        _ => RestError::Refused { status, code: problem.code, text: shown(body) },
    }
}

fn shown(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(300).collect()
}

/// Splits `http(s)://host[:port]` into what twilight wants: the authority, and whether it is plain HTTP.
fn host_of(api_url: &str) -> Result<(String, bool), GuildsError> {
    let bad = || GuildsError::ApiUrl(api_url.to_owned());
    let url = url::Url::parse(api_url).map_err(|_| bad())?;
    let plain = match url.scheme() {
        "http" => true,
        "https" => false,
        _ => return Err(bad()),
    };
    if !matches!(url.path(), "" | "/") || url.query().is_some() || !url.username().is_empty() {
        return Err(bad());
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(bad)?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok((format!("{host}{port}"), plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_split_and_a_wrong_one_is_named() {
        assert_eq!(host_of("https://discord.com").unwrap(), ("discord.com".to_owned(), false));
        assert_eq!(host_of("http://127.0.0.1:80/").unwrap(), ("127.0.0.1".to_owned(), true));
        assert_eq!(host_of("http://sim:3000").unwrap(), ("sim:3000".to_owned(), true));
        for wrong in ["discord.com", "ftp://a", "https://a/api", "https://u@a", "https://a?b", ""] {
            assert!(host_of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_rate_limit_says_when_to_come_back_and_an_outage_page_is_no_refusal() {
        let busy = by_status(429, br#"{"message": "slow down", "retry_after": 1.5, "global": false}"#);
        assert_eq!(busy.retry_after(), Some(Duration::from_millis(1_500)));
        assert!(by_status(502, b"<html>").is_passing());
        assert!(by_status(429, br#"{"retry_after": -1e300}"#).is_passing());
        assert_eq!(by_status(403, br#"{"code": 50013, "message": "Missing Permissions"}"#).code(), 50_013);
        assert!(!by_status(404, b"not even JSON").is_passing());
    }
}
