//! What happens in a guild, written to the channels that staff read.
//!
//! The way of an entry: [`Logs`] hears a guild event, or reads a change of the community's own from the event
//! log → `entry` makes it a line of a document → `mailbox` gathers the lines of a moment and posts them. What
//! people wrote is in `memory`, for as long as the guild says and not longer.

mod change;
mod entry;
mod logs;
mod mailbox;
mod memory;
mod migration;
mod operation;
mod setting;

use guildhall_core::language::Locales;

pub use logs::{Logs, Parts};
pub use migration::migrations;
pub use operation::operations;
pub use setting::SETTINGS;

/// The messages of this crate.
pub const LOCALES: Locales =
    Locales { en: include_str!("../locales/en.ftl"), de: include_str!("../locales/de.ftl") };
