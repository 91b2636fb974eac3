//! Moderation as staff and members meet it: operations through the catalogue, a guild in memory, real stores,
//! the real engine, and a clock that only the tests move.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad_input;
mod by_hand;
mod cases;
mod channels;
mod fake;
mod inbox;
mod jail;
mod lifting;
mod log;
mod lost;
mod stage;
mod timers;
mod words;
