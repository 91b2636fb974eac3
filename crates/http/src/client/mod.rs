//! The interface's typed client: what the command line speaks to an installation with.
//!
//! ```no_run
//! # async fn start() -> Result<(), guildhall_http::client::ClientError> {
//! use guildhall_core::input::Raw;
//! use guildhall_http::client::{Client, ClientReply};
//!
//! let client = Client::new("http://127.0.0.1:8080", "the token")?.as_command_line();
//! let words = [("server".to_owned(), vec!["survival".to_owned()])].into();
//! match client.call("server start", Raw::Words(words), false).await? {
//!     ClientReply::Done { document, follow, .. } => println!("{document:?} {follow:?}"),
//!     ClientReply::Confirm { question, .. } => println!("{question}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! TLS needs a process-wide provider: `rustls::crypto::ring::default_provider().install_default()`.

mod answer;
mod events;
mod frames;

use std::{env, fmt, time::Duration};

use futures::Stream;
use guildhall_core::{Event, RunId, Subject, input::Raw, language::Language};
use reqwest::{
    RequestBuilder, StatusCode,
    header::{ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use serde_json::Value;
use url::Url;

pub use answer::{ClientError, ClientReply, Listed, Refusal};

use crate::{authentication::FACE, call::CONFIRM_HEADER, route};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest wait for an answer; longer than any server waits before it says that an operation goes on.
const ANSWER: Duration = Duration::from_secs(120);
/// The largest answer read, in bytes.
const LARGEST: usize = 16 * 1024 * 1024;

/// A client of one installation, with one token.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    authorization: HeaderValue,
    command_line: bool,
    language: Language,
}

/// Which events to read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventFilter {
    /// Only about this.
    pub subject: Option<Subject>,
    /// Only of this job.
    pub run: Option<RunId>,
}

impl Client {
    /// A client of the installation at `base` (`http://127.0.0.1:8080`), acting with `token`. It does not
    /// connect yet.
    ///
    /// # Errors
    ///
    /// [`ClientError::Setup`] when the address or the token cannot be one.
    pub fn new(base: &str, token: &str) -> Result<Self, ClientError> {
        let mut base = Url::parse(base).map_err(|error| {
            ClientError::Setup(format!("'{base}' is not an address like http://127.0.0.1:8080: {error}"))
        })?;
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(ClientError::Setup(format!("'{base}' is not an address like http://127.0.0.1:8080")));
        }
        base.set_query(None);
        base.set_fragment(None);
        let mut authorization = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| ClientError::Setup("the token has characters that no token has".to_owned()))?;
        authorization.set_sensitive(true);
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("guildhall/", env!("CARGO_PKG_VERSION")));
        if base.scheme() == "http" {
            // Without TLS there are no certificates to look for, which may not be installed.
            builder = builder.tls_certs_only(std::iter::empty());
        }
        if is_here(&base) {
            // A proxy that the environment names cannot reach this machine's own addresses.
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| ClientError::Setup(format!("no client: {error}")))?;
        Ok(Self { http, base, authorization, command_line: false, language: Language::default() })
    }

    /// Says that it is the command line which asks. The audit records are labelled so, and errors are told in the
    /// language of the environment.
    #[must_use]
    pub fn as_command_line(mut self) -> Self {
        self.command_line = true;
        self.speaking(language_of(|name| env::var(name).ok()))
    }

    /// Asks for errors in this language; English otherwise. Programs read the same codes and words in each.
    #[must_use]
    pub fn speaking(mut self, language: Language) -> Self {
        self.language = language;
        self
    }

    /// Calls an operation. Words are typed by the installation, so `max_players` may be the text `20`.
    /// With `confirm`, the question of a destroying operation is answered with yes beforehand.
    ///
    /// A call is sent once; whether it is safe to repeat is for the caller to say.
    ///
    /// # Errors
    ///
    /// [`ClientError`] tells a refusal from a failure and from an installation that is not there.
    pub async fn call(&self, operation: &str, input: Raw, confirm: bool) -> Result<ClientReply, ClientError> {
        let url = self.url(&route::operation_path(operation));
        let mut request = self.http.post(url);
        request = match input {
            Raw::Json(value) => request.header(CONTENT_TYPE, "application/json").body(value.to_string()),
            Raw::Words(words) => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                for (name, values) in &words {
                    // A name alone, as a flag is given.
                    if values.is_empty() {
                        form.append_pair(name, "");
                    }
                    form.extend_pairs(values.iter().map(|value| (name, value)));
                }
                request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.finish())
            }
        };
        if confirm {
            request = request.header(CONFIRM_HEADER, "true");
        }
        let (status, retry_after, body) = self.send(request).await?;
        answer::read(status, retry_after, &body)
    }

    /// The catalogue of the installation.
    ///
    /// # Errors
    ///
    /// As [`Client::call`].
    pub async fn operations(&self) -> Result<Vec<Listed>, ClientError> {
        let request = self.http.get(self.url("/api/v1/operations"));
        let (status, retry_after, body) = self.send(request).await?;
        answer::read_list(status, retry_after, &body)
    }

    /// The events after the cursor `after`; without one, those from now on. A broken connection is made again
    /// and resumes where it was, with nothing lost and nothing twice. The stream ends with an error when it is
    /// refused, or when the installation cannot be reached ten times in a row.
    pub fn events(
        &self,
        filter: EventFilter,
        after: Option<i64>,
    ) -> impl Stream<Item = Result<Event, ClientError>> + Send + use<> {
        events::read(self.clone(), filter, after)
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url
    }

    fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        let request = request.header(AUTHORIZATION, self.authorization.clone());
        let request = request.header(ACCEPT_LANGUAGE, self.language.tag());
        if self.command_line { request.header(FACE, "cli") } else { request }
    }

    fn unreachable(&self, error: reqwest::Error) -> ClientError {
        ClientError::Unreachable { address: self.base.to_string(), source: error.without_url() }
    }

    async fn send(
        &self,
        request: RequestBuilder,
    ) -> Result<(StatusCode, Option<Duration>, Vec<u8>), ClientError> {
        let request = self.signed(request).timeout(ANSWER);
        let mut response = request.send().await.map_err(|error| self.unreachable(error))?;
        let retry_after = answer::retry_after(response.headers());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(error))? {
            if body.len() + chunk.len() > LARGEST {
                return Err(ClientError::Unreadable(format!("an answer is larger than {LARGEST} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((response.status(), retry_after, body))
    }
}

/// The language of messages in an environment: the first of these that is set says it (POSIX.1-2024, section 8.2).
fn language_of(variable: impl Fn(&str) -> Option<String>) -> Language {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set);
    Language::first(locale.as_deref())
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl EventFilter {
    fn query(&self) -> Vec<(&'static str, String)> {
        let subject = self.subject.as_ref().map(|subject| ("subject", subject.key()));
        let run = self.run.map(|run| ("run", run.to_string()));
        subject.into_iter().chain(run).collect()
    }
}

/// Whether an address is this machine's own.
fn is_here(base: &Url) -> bool {
    match base.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Reads JSON, or says that what answered is not Guildhall.
fn parse(status: StatusCode, body: &[u8]) -> Result<Value, ClientError> {
    serde_json::from_slice(body).map_err(|_| {
        ClientError::Unreadable(format!("what answered with status {status} is not Guildhall's interface"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_says_its_language_as_the_system_does() {
        let of = |variables: &[(&str, &str)]| {
            language_of(|name| Some(variables.iter().find(|(known, _)| *known == name)?.1.to_owned()))
        };
        assert_eq!(of(&[]), Language::English);
        assert_eq!(of(&[("LANG", "de_DE.UTF-8")]), Language::German);
        assert_eq!(of(&[("LANG", "de_DE.UTF-8"), ("LC_MESSAGES", "en_GB.UTF-8")]), Language::English);
        assert_eq!(of(&[("LANG", "en_US.UTF-8"), ("LC_ALL", "de_AT")]), Language::German);
        assert_eq!(of(&[("LC_ALL", ""), ("LANG", "de")]), Language::German, "empty is as good as not set");
        assert_eq!(of(&[("LC_ALL", "C"), ("LANG", "de")]), Language::English);
    }
}
