//! The Discord face: interactions become calls of operations, documents become Components V2.
//!
//! It knows operations and documents and nothing of what they are about. The rules (who may, how often,
//! what is recorded) are the catalogue's.

mod config;
mod face;

pub use config::{Community, CommandScope, DiscordConfig, DiscordError, GatewayConfig, Timing};
pub use face::{Discord, GatewayState};
