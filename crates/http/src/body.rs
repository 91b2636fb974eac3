//! Reading a request's body within its bounds.

use axum::{
    body::Body,
    http::{HeaderMap, header::CONTENT_TYPE},
};
use futures::StreamExt;
use guildhall_core::{Error, Kind};
use serde_json::Value;

use crate::answer::code;

/// How much beyond the limit is read and thrown away, so that a peer that is still sending gets to read the
/// answer instead of a closed connection.
const DRAINED: usize = 1024 * 1024;

/// Reads a JSON value; no body is [`Value::Null`], which an operation takes as "no inputs".
pub(crate) async fn json(headers: &HeaderMap, body: Body, limit: usize) -> Result<Value, Error> {
    let bytes = read(body, limit).await?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    if !is_json(headers) {
        return Err(Error::new(Kind::User, code::NOT_JSON, "The body is not said to be JSON.")
            .remedy("Send it with `Content-Type: application/json`."));
    }
    serde_json::from_slice(&bytes).map_err(|error| {
        // The parser's own words name a line and a column, and quote nothing of the body.
        Error::new(Kind::User, code::MALFORMED_JSON, format!("The body is not JSON: {error}."))
            .remedy("Send one JSON object with a member for each input.")
    })
}

async fn read(body: Body, limit: usize) -> Result<Vec<u8>, Error> {
    let mut stream = body.into_data_stream();
    let (mut kept, mut seen) = (Vec::new(), 0_usize);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| {
            Error::new(Kind::User, code::BODY_INCOMPLETE, "The body ended before it was complete.").because(error)
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
        .remedy("Send less at a time."))
}

/// `application/json`, anything `+json`, or nothing said at all.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(said) = headers.get(CONTENT_TYPE) else { return true };
    let Ok(said) = said.to_str() else { return false };
    let essence = said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json")
}
