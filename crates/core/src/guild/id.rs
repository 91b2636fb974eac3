//! Discord's ids: numbers that are written as text, because JavaScript cannot hold them.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::typed;

/// A text that is neither an id nor a mention.
#[derive(Debug, thiserror::Error)]
#[error("'{text}' is not a {what}: mention it, or copy its id from Discord")]
pub struct BadSnowflake {
    what: &'static str,
    text: String,
}

macro_rules! snowflake {
    ($(#[$doc:meta])* $name:ident, $kind:literal, [$($open:literal),*]) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = BadSnowflake;

            /// Reads an id or a mention. 0 is no id.
            fn from_str(text: &str) -> Result<Self, BadSnowflake> {
                let digits = text.strip_suffix('>').and_then(|inner| {
                    [$($open),*].into_iter().find_map(|open: &str| inner.strip_prefix(open))
                });
                let number = digits.unwrap_or(text).parse().ok().filter(|number| *number != 0);
                let shown = || typed(text, 64);
                number.map(Self).ok_or_else(|| BadSnowflake { what: $kind, text: shown() })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;

                impl de::Visitor<'_> for Visitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(concat!("the id of a ", $kind))
                    }

                    fn visit_u64<E: de::Error>(self, number: u64) -> Result<$name, E> {
                        if number == 0 { Err(E::custom("0 is no id")) } else { Ok($name(number)) }
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }

                deserializer.deserialize_any(Visitor)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "x-kind": $kind, "maxLength": 64 })
            }
        }
    };
}

snowflake!(
    /// A person on Discord. Read from an id or from `<@id>`.
    UserId, "user", ["<@!", "<@"]
);
snowflake!(
    /// A role of a guild. Read from an id or from `<@&id>`.
    RoleId, "role", ["<@&"]
);
snowflake!(
    /// A channel or thread of a guild. Read from an id or from `<#id>`.
    ChannelId, "channel", ["<#"]
);
snowflake!(
    /// A message.
    MessageId, "message", []
);

/// Discord counts milliseconds from the first of January 2015
/// (<https://discord.com/developers/docs/reference#snowflakes>).
const EPOCH_MS: i128 = 1_420_070_400_000;

/// When the thing with this id was made.
pub fn made_at(snowflake: u64) -> time::OffsetDateTime {
    let nanos = (i128::from(snowflake >> 22) + EPOCH_MS) * 1_000_000;
    // 42 bits of milliseconds end in the year 2154, well inside of what a date can be.
    time::OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
}

/// A message, named by where it is. Read from a link to it
/// (`https://discord.com/channels/<guild>/<channel>/<message>`) or from `<channel>/<message>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MessageLink {
    /// Where.
    pub channel: ChannelId,
    /// Which.
    pub message: MessageId,
}

impl FromStr for MessageLink {
    type Err = BadSnowflake;

    fn from_str(text: &str) -> Result<Self, BadSnowflake> {
        let bad = || BadSnowflake { what: "message", text: typed(text, 64) };
        let mut parts = text.trim_end_matches('/').rsplit('/');
        let (message, channel) = (parts.next().ok_or_else(bad)?, parts.next().ok_or_else(bad)?);
        let message = message.parse().map_err(|_| bad())?;
        Ok(Self { channel: channel.parse().map_err(|_| bad())?, message })
    }
}

impl fmt::Display for MessageLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.channel, self.message)
    }
}

impl Serialize for MessageLink {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MessageLink {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for MessageLink {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "MessageLink".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "x-kind": "message", "maxLength": 200 })
    }
}

#[cfg(test)]
mod tests;
