//! The community on Discord: who is there, what happens, and what can be done about it.
//!
//! The way of a change: a frame of the gateway → `frame`, which changes the `cache` and says what happened →
//! `lane`, one bounded queue a listener. The way of a question: `look`, from the cache while the gateway feeds
//! it, else through `rest`. The way of an action: `act` → `rest`; `trouble` says what Discord's refusals mean.

mod act;
mod cache;
mod config;
mod create;
mod directory;
mod frame;
mod invite;
mod lane;
mod look;
mod meters;
mod rest;
#[cfg(test)]
mod testkit;
mod trouble;
mod wire;

use guildhall_core::language::Locales;

pub use config::{GuildsConfig, GuildsError};
pub use directory::{CacheSize, DiscordGuilds};
pub use lane::LANES;

/// The messages of this crate. Those of who may act on whom are core's.
pub const LOCALES: Locales =
    Locales { en: include_str!("../locales/en.ftl"), de: include_str!("../locales/de.ftl") };
