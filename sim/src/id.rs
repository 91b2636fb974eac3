//! Snowflakes: Discord's 64-bit ids, one Rust type for each kind of thing so that they cannot be mixed up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;

/// Milliseconds from the Unix epoch to the first second of 2015, from which snowflakes count.
const DISCORD_EPOCH: i128 = 1_420_070_400_000;

/// The text was no snowflake: digits only, at most 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a snowflake: an id is a decimal number of at most 64 bits")]
pub struct NotASnowflake;

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident),* $(,)?) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = NotASnowflake;
            fn from_str(text: &str) -> Result<Self, NotASnowflake> {
                let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
                if digits { text.parse().map(Self).map_err(|_| NotASnowflake) } else { Err(NotASnowflake) }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// An application (the thing a bot belongs to).
    ApplicationId,
    /// A file attached to a message, or a piece of media shown in one.
    AttachmentId,
    /// A channel, a thread or a direct-message channel.
    ChannelId,
    /// An application command.
    CommandId,
    /// A guild.
    GuildId,
    /// One interaction: a command run, a button pressed, a form submitted.
    InteractionId,
    /// A message.
    MessageId,
    /// A role. A guild's `@everyone` role has the number of the guild.
    RoleId,
    /// A user, human or bot.
    UserId,
}

/// Gives out snowflakes that always rise, whatever the clock does.
#[derive(Debug, Default)]
pub(crate) struct Snowflakes {
    last: u64,
    backdated: u64,
}

fn millis(at: OffsetDateTime) -> u64 {
    u64::try_from((at.unix_timestamp_nanos() / 1_000_000 - DISCORD_EPOCH).max(0)).unwrap_or(0)
}

/// When the thing with this id was made.
pub(crate) fn made_at(id: u64) -> OffsetDateTime {
    let nanos = (i128::from(id >> 22) + DISCORD_EPOCH) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

impl Snowflakes {
    pub(crate) fn next(&mut self, now: OffsetDateTime) -> u64 {
        self.last = (millis(now) << 22).max(self.last + 1);
        self.last
    }

    /// A number as it would have been given out at an earlier moment, for accounts that are not new.
    pub(crate) fn backdated(&mut self, at: OffsetDateTime) -> u64 {
        // The upper half of the counter's bits: `next` would need two million ids in a millisecond to meet it.
        self.backdated = (self.backdated + 1) & 0x1f_ffff;
        (millis(at) << 22) | (1 << 21) | self.backdated
    }
}
