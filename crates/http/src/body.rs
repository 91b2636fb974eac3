//! Reading a request's body within its bounds.

use std::collections::BTreeMap;

use axum::{
    body::Body,
    http::{HeaderMap, header::CONTENT_TYPE},
};
use futures::StreamExt;
use guildhall_core::{Error, Kind, input::Raw};
use serde_json::Value;

use crate::answer::code;

/// How much beyond the limit is read and thrown away, so that a peer that is still sending gets to read the
/// answer instead of a closed connection.
const DRAINED: usize = 1024 * 1024;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// Reads an operation's input: JSON, or the words of a form. No body means no inputs.
pub(crate) async fn input(headers: &HeaderMap, body: Body, limit: usize) -> Result<Raw, Error> {
    let bytes = read(body, limit).await?;
    let bytes = bytes.trim_ascii();
    if bytes.is_empty() {
        return Ok(Raw::Json(Value::Null));
    }
    match said(headers).as_deref() {
        // What `curl -d` says of whatever it sends, so an object is taken for one.
        Some(FORM) if !bytes.starts_with(b"{") => Ok(Raw::Words(words(bytes))),
        None | Some(JSON | FORM) => json(bytes).map(Raw::Json),
        Some(other) if other.ends_with("+json") => json(bytes).map(Raw::Json),
        Some(_) => Err(Error::new(Kind::User, code::NOT_JSON, "The body is not said to be JSON.")
            .remedy("Send it with `Content-Type: application/json`.")),
    }
}

/// Reads `name=value&name=value`. A name may come several times.
pub(crate) fn words(text: &[u8]) -> BTreeMap<String, Vec<String>> {
    let mut words: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(text) {
        words.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    words
}

fn json(bytes: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(bytes).map_err(|error| {
        // The parser's own words name a line and a column, and quote nothing of the body.
        Error::new(Kind::User, code::MALFORMED_JSON, format!("The body is not JSON: {error}."))
            .remedy("Send one JSON object with a member for each input.")
            .with("problem", error.to_string())
    })
}

async fn read(body: Body, limit: usize) -> Result<Vec<u8>, Error> {
    let mut stream = body.into_data_stream();
    let (mut kept, mut seen) = (Vec::new(), 0_usize);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| {
            Error::new(Kind::User, code::BODY_INCOMPLETE, "The body ended before it was complete.")
                .because(error)
        })?;
        seen = seen.saturating_add(chunk.len());
        if seen <= limit {
            kept.extend_from_slice(&chunk);
        } else if seen > limit.saturating_add(DRAINED) {
            break;
        }
    }
    if seen <= limit {
        return Ok(kept);
    }
    Err(Error::new(Kind::User, code::BODY_TOO_LARGE, format!("The body is larger than {limit} bytes."))
        .remedy("Send less at a time.")
        .with("limit", limit))
}

/// What the body is said to be, without its parameters.
fn said(headers: &HeaderMap) -> Option<String> {
    let value = String::from_utf8_lossy(headers.get(CONTENT_TYPE)?.as_bytes()).into_owned();
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}
