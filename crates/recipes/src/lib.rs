//! How a game is installed, started, watched and stopped.
//!
//! A [`Recipe`] is read from TOML and checked in one go ([`Recipe::parse`]); a community's values for its
//! variables are checked against it ([`Values`]); from both come the command line ([`render`]), the
//! configuration files ([`config`]), the patterns to watch the console with ([`patterns`]) and the lines that keep
//! players out ([`access`]). A server's values are a versioned `configuration`, with its `secrets` sealed. What a
//! game writes is shown without players' network addresses ([`address`]).
//!
//! Recipes and values come from people whom the host does not trust: nothing here builds a shell line, and
//! no value can add an argument, a line, a key or a way out of the server's folder.

pub mod access;
pub mod address;
pub mod book;
pub mod config;
#[cfg(feature = "configuration")]
pub mod configuration;
pub mod duration;
mod known;
mod lint;
mod parse;
pub mod patterns;
pub mod placeholder;
#[cfg(feature = "query")]
pub mod query;
pub mod recipe;
pub mod render;
#[cfg(feature = "configuration")]
pub mod secrets;
mod shipped;
pub mod values;
mod variable;

pub use parse::{MAX_BYTES, Problem};
pub use patterns::Patterns;
pub use recipe::Recipe;
pub use render::{Launch, Place};
pub use shipped::shipped;
pub use values::{Value, ValueProblem, Values};

use guildhall_core::language::Locales;

/// What people are told in their language, by code.
pub const LOCALES: Locales =
    Locales { en: include_str!("../locales/en.ftl"), de: include_str!("../locales/de.ftl") };

#[cfg(feature = "configuration")]
#[cfg(test)]
mod tests;
