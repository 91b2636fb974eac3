//! What Guildhall remembers: one code base on SQLite and on PostgreSQL.
//!
//! [`Store`] holds the connections, [`Tx`] is a write transaction, and [`scope`] makes queries that see one
//! community only. Each domain keeps its own entities and migrations; this crate runs the migrations and
//! keeps a few tables of its own, which every domain and face shares: the audit record, events, notes, API tokens
//! and [`sequence`]s, for numbers without gaps.
//!
//! The rules of a table:
//! - it has a `tenant` column and implements [`Owned`], so that [`scope`] can reach it;
//! - times are [`Timestamp`] (whole microseconds in a 64-bit integer), which both databases compare and order
//!   alike; JSON is text, which keeps the order of keys and takes any string;
//! - its migration is named `<domain>_<four digits>_<what>` and is written for both databases.

pub mod audit;
pub mod operator;
pub mod scope;
pub mod sequence;
#[cfg(feature = "testkit")]
pub mod testkit;

mod connection;
mod error;
mod event;
mod migration;
mod migrator;
mod notebook;
mod text;
mod timestamp;
mod token;
mod trace;
mod transaction;

/// The messages of this crate.
pub const LOCALES: guildhall_core::language::Locales = guildhall_core::language::Locales {
    en: include_str!("../locales/en.ftl"),
    de: include_str!("../locales/de.ftl"),
};

pub use audit::AuditStore;
pub use connection::{Backend, Options, Store};
pub use error::StoreError;
pub use event::EventStore;
pub use notebook::NotebookStore;
pub use scope::Owned;
pub use timestamp::Timestamp;
pub use token::{NewToken, Token, TokenId, TokenStore};
pub use trace::Reader;
pub use transaction::Tx;
