//! The HTTP face: the catalogue as REST, described by OpenAPI, with events, readiness and metrics.
//!
//! It knows operations and documents and nothing of what they do. Every rule (rank, limit, validation,
//! confirmation, audit record) is kept by [`guildhall_core::Catalogue`]; this crate translates HTTP into its
//! calls and back. What it adds is what HTTP needs: tokens, bounds, status codes and a description.

mod answer;
mod authentication;
mod body;
mod call;
#[cfg(feature = "client")]
pub mod client;
mod config;
mod events;
mod face;
mod language;
pub mod metrics;
pub mod openapi;
pub mod readiness;
pub mod route;
mod serve;
mod stall;

/// The messages of this crate.
pub const LOCALES: guildhall_core::language::Locales = guildhall_core::language::Locales {
    en: include_str!("../locales/en.ftl"),
    de: include_str!("../locales/de.ftl"),
};

pub use config::HttpConfig;
pub use face::{Http, Parts};
pub use openapi::openapi;
pub use readiness::{Part, Readiness};
