//! The error system as the program uses it: through the catalogue, on both databases.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod escalation;
mod groups;
mod house;
mod presenting;
mod rehearsal;
mod rest;
mod secrets;
mod sentry;
