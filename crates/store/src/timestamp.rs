//! A moment as it is kept: whole microseconds since 1970 in UTC, in a 64-bit integer.
//!
//! SQLite has no type for times and would compare them as text, in which `…:00Z` sorts after `…:00.5Z`;
//! an integer is ordered alike in both databases.

use sea_orm::DeriveValueType;
use time::OffsetDateTime;

/// A moment in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, DeriveValueType)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since 1970.
    pub fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// As a time in UTC. What lies outside of the years that `time` knows becomes their nearest end.
    pub fn time(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1000).unwrap_or(if self.0 < 0 {
            time::PrimitiveDateTime::MIN.assume_utc()
        } else {
            time::PrimitiveDateTime::MAX.assume_utc()
        })
    }
}

impl From<OffsetDateTime> for Timestamp {
    fn from(at: OffsetDateTime) -> Self {
        // The years -9999 to 9999 in microseconds need 59 bits, so the conversion never saturates.
        Self(i64::try_from(at.unix_timestamp_nanos().div_euclid(1000)).unwrap_or(i64::MAX))
    }
}

impl From<Timestamp> for OffsetDateTime {
    fn from(at: Timestamp) -> Self {
        at.time()
    }
}
