//! Addresses that a face may make clickable.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::guild::{ChannelId, MessageLink};

/// Characters of an address. Longer ones stay text.
const LONGEST: usize = 512;
/// Where Discord's own places are.
const PLACES: &str = "https://discord.com/channels/";

/// An address on the web that can be shown as it is: `https`, with nothing in it that a face could take for the end
/// of the address, for markup or for a mention. What somebody typed becomes one only by being read as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Address(String);

/// A text that is no [`Address`].
#[derive(Debug, thiserror::Error)]
#[error("it is no https address of at most {LONGEST} plain characters")]
pub struct BadAddress;

impl Address {
    /// Where a message is.
    pub fn message(guild: u64, at: MessageLink) -> Self {
        Self(format!("{PLACES}{guild}/{}/{}", at.channel, at.message))
    }

    /// Where a channel or a thread is.
    pub fn channel(guild: u64, channel: ChannelId) -> Self {
        Self(format!("{PLACES}{guild}/{channel}"))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it leads to a place in Discord, by ids alone.
    pub fn is_place(&self) -> bool {
        let ids = self.0.strip_prefix(PLACES);
        ids.is_some_and(|ids| ids.bytes().all(|byte| byte.is_ascii_digit() || byte == b'/'))
    }
}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let rest = text.strip_prefix("https://").filter(|_| text.len() <= LONGEST).ok_or(BadAddress)?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // A name before the host (`https://discord.com@elsewhere`) is there to deceive.
        let named = host.starts_with(|c: char| c.is_ascii_alphanumeric())
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':'));
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#@!$&'()+,;=%".contains(c);
        let lower = rest.to_ascii_lowercase();
        let calls = ["@everyone", "@here"].iter().any(|call| lower.contains(call));
        if named && !calls && rest.chars().all(plain) { Ok(Self(text.to_owned())) } else { Err(BadAddress) }
    }
}

impl TryFrom<String> for Address {
    type Error = BadAddress;

    fn try_from(text: String) -> Result<Self, BadAddress> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
