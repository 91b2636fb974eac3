//! The Discord face, driven as Discord drives it: signed requests in, REST requests out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod answers;
mod bad_input;
mod buttons;
mod commands;
mod conformance;
mod gateway;
mod languages;
mod menus;
mod messages;
mod post;
mod stage;
mod teller;
mod town;
mod toys;
