//! Typed ids: a server's id cannot be handed in where a session's is wanted.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Declares a new id type over a UUID.
#[macro_export]
macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub uuid::Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<uuid::Uuid> for $name {
            fn from(id: uuid::Uuid) -> Self {
                Self(id)
            }
        }
    };
}

typed_id!(
    /// A game server: what a member starts, plays on and stops.
    ServerId
);
typed_id!(
    /// One run of a server, from its start to its stop.
    SessionId
);
typed_id!(
    /// One call of an operation; also the number a person quotes when something went wrong.
    CallId
);

impl CallId {
    /// The short form shown to people: eight characters of the random half of the id.
    pub fn reference(&self) -> String {
        let text = self.0.simple().to_string();
        format!("E-{}", text[text.len() - 8..].to_uppercase())
    }
}

/// A host: the machine on which an agent runs servers. 1 to 32 of `a-z`, `0-9` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct HostId(String);

/// A name that is not 1 to 32 characters of `a-z`, `0-9` and `-`, starting with a letter.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is not a name: use 1 to 32 characters, a to z, 0 to 9 and '-', starting with a letter")]
pub struct BadName(String);

/// Checks the one pattern that all names people choose follow: they become folder names, MQTT topic levels
/// and command line words.
pub fn check_name(text: &str) -> Result<(), BadName> {
    let mut characters = text.chars();
    let first = characters.next().is_some_and(|c| c.is_ascii_lowercase());
    let rest = characters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if first && rest && text.len() <= 32 { Ok(()) } else { Err(BadName(text.to_owned())) }
}

impl HostId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostId {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        check_name(text).map(|()| Self(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for HostId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A fresh id from the clock's source, so that a test can foresee it.
pub fn fresh<T: From<Uuid>>(clock: &dyn crate::Clock) -> T {
    T::from(clock.uuid())
}
