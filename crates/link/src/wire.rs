//! Messages as bytes: JSON in an envelope that names the version and the host.

use guildhall_core::HostId;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{error::Category, value::RawValue};

use crate::{
    check::{Reason, Refused},
    message::{MAX_BYTES, VERSION},
};

#[derive(Serialize)]
struct Sealed<'a, T> {
    version: u32,
    host: &'a HostId,
    body: &'a T,
}

#[derive(Deserialize)]
struct Opened<'a> {
    host: HostId,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// Only what every version has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// Writes a message, if it is not too large.
pub(crate) fn encode<T: Serialize>(host: &HostId, body: &T) -> Result<Vec<u8>, Refused> {
    let sealed = Sealed { version: VERSION, host, body };
    let bytes =
        serde_json::to_vec(&sealed).map_err(|error| Refused::new(Reason::Malformed, error.to_string()))?;
    within_bounds(&bytes)?;
    Ok(bytes)
}

/// Opens the envelope: size, version and host are right, the body is still as it came.
pub(crate) fn open<'a>(host: &HostId, bytes: &'a [u8]) -> Result<&'a RawValue, Refused> {
    within_bounds(bytes)?;
    // The version comes first: what another version says need not look like this one's.
    let Versioned { version } = parse(bytes)?;
    if version != VERSION {
        let detail = format!("it is of version {version}, this is version {VERSION}");
        return Err(Refused::new(Reason::Version, detail));
    }
    let opened: Opened<'a> = parse(bytes)?;
    if opened.host != *host {
        let detail = format!("it says it is of host {}, and came from {host}", opened.host);
        return Err(Refused::new(Reason::Host, detail));
    }
    Ok(opened.body)
}

/// Reads a body.
pub(crate) fn read<T: DeserializeOwned>(body: &RawValue) -> Result<T, Refused> {
    parse(body.get().as_bytes())
}

pub(crate) fn within_bounds(bytes: &[u8]) -> Result<(), Refused> {
    if bytes.len() <= MAX_BYTES {
        return Ok(());
    }
    Err(Refused::new(Reason::Oversized, format!("it has {} bytes, more than {MAX_BYTES}", bytes.len())))
}

pub(crate) fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Refused> {
    serde_json::from_slice(bytes).map_err(|error| {
        // The parser's own words may quote the message, and a message may hold secrets.
        let what = match error.classify() {
            Category::Data => "not of the right shape",
            Category::Syntax | Category::Eof | Category::Io => "not JSON",
        };
        Refused::new(Reason::Malformed, format!("{what}, near column {}", error.column()))
    })
}
