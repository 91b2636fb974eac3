//! The Discord face: interactions become calls of operations, documents become Components V2.
//!
//! It knows operations and documents and nothing of what they are about. The rules (who may, how often,
//! what is recorded) are the catalogue's.
//!
//! The way of an interaction: `ingress` (HTTP, signed) or `gateway` → `desk`, which calls the catalogue and
//! answers in time → `render`, which turns the document into components. The way of a message with a prefix:
//! `gateway` → `desk::message`. The way of an event: `tell`, which keeps a thread a topic. What a domain has to
//! say to a channel or a person goes through `post`. `rest` is the way out to Discord.

mod config;
mod custom_id;
mod desk;
mod face;
mod gateway;
mod ingress;
mod intent;
mod interaction;
mod meters;
mod patience;
mod post;
mod preference;
mod registration;
mod render;
mod rest;
mod shelf;
mod tell;
mod withheld;

pub use config::{CommandScope, Community, DiscordConfig, DiscordError, GatewayConfig, Timing};
pub use face::{Discord, Parts};
pub use gateway::GatewayState;
pub use post::Post;
pub use preference::{LANGUAGE, LOCALES, PREFIX, SETTINGS};
