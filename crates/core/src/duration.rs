//! How long: `90s`, `5m`, `1h30m`, `7d`, `2w`, or `90 minutes`.
//!
//! One reader for every face: slash options, prefix words, REST bodies and configuration files.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::typed;

/// The longest that can be written: ten years of 365 days. Longer is for ever, which is said by leaving the
/// duration away.
pub const LONGEST: Duration = Duration::from_secs(10 * 365 * 86_400);

/// A length of time in whole seconds, at least one second and at most [`LONGEST`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span(Duration);

/// A text that is no length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSpan {
    /// It has no number and unit.
    #[error("'{0}' is not a length of time: write it like 30m, 1h30m, 7d or 2w")]
    Unreadable(String),
    /// It is nothing.
    #[error("a length of time is at least one second")]
    Nothing,
    /// It is longer than [`LONGEST`].
    #[error("'{0}' is longer than ten years: leave the duration away for one without an end")]
    TooLong(String),
}

impl Span {
    /// From a duration, cut to whole seconds.
    pub fn new(duration: Duration) -> Result<Self, BadSpan> {
        let whole = Duration::from_secs(duration.as_secs());
        if whole.is_zero() {
            return Err(BadSpan::Nothing);
        }
        if whole > LONGEST {
            return Err(BadSpan::TooLong(format!("{} s", whole.as_secs())));
        }
        Ok(Self(whole))
    }

    /// As the standard library's type.
    pub fn duration(self) -> Duration {
        self.0
    }

    /// In seconds.
    pub fn seconds(self) -> u64 {
        self.0.as_secs()
    }
}

/// Units as people write them, and their seconds. A month is 30 days and a year 365.
const UNITS: &[(&[&str], u64)] = &[
    (&["s", "sec", "secs", "second", "seconds"], 1),
    (&["m", "min", "mins", "minute", "minutes"], 60),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600),
    (&["d", "day", "days"], 86_400),
    (&["w", "wk", "week", "weeks"], 604_800),
    (&["mo", "month", "months"], 30 * 86_400),
    (&["y", "yr", "year", "years"], 365 * 86_400),
];

impl FromStr for Span {
    type Err = BadSpan;

    fn from_str(text: &str) -> Result<Self, BadSpan> {
        let shown = || typed(text, 40);
        let unreadable = || BadSpan::Unreadable(shown());
        let lower = text.trim().to_lowercase();
        if lower.is_empty() || lower.len() > 64 {
            return Err(unreadable());
        }
        let mut total: u64 = 0;
        let mut rest = lower.as_str();
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(unreadable)?;
            let (number, after) = rest.split_at(digits);
            let after = after.trim_start();
            let unit_end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
            let (unit, left) = after.split_at(unit_end);
            let seconds = UNITS.iter().find(|(names, _)| names.contains(&unit)).map(|(_, seconds)| *seconds);
            let seconds = seconds.ok_or_else(unreadable)?;
            if number.is_empty() {
                return Err(unreadable());
            }
            // More digits than fit can only be too long.
            let number: u64 = number.parse().map_err(|_| BadSpan::TooLong(shown()))?;
            let part = number.checked_mul(seconds).ok_or_else(|| BadSpan::TooLong(shown()))?;
            total = total.checked_add(part).ok_or_else(|| BadSpan::TooLong(shown()))?;
            rest = left.trim_start_matches([' ', ',']);
        }
        match Self::new(Duration::from_secs(total)) {
            Err(BadSpan::TooLong(_)) => Err(BadSpan::TooLong(shown())),
            other => other,
        }
    }
}

impl fmt::Display for Span {
    /// The shortest way to write it: `1h30m`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.0.as_secs();
        for (unit, seconds) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] {
            if left >= seconds {
                write!(f, "{}{unit}", left / seconds)?;
                left %= seconds;
            }
        }
        Ok(())
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Span {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "x-kind": "duration", "maxLength": 64 })
    }
}

#[cfg(test)]
mod tests;
