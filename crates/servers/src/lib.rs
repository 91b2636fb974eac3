//! Game servers: their life cycle, who plays, their console and their launch configuration.
//!
//! An operation changes a server's row in one transaction (`change`), which also starts the durable job that
//! goes on (`workflows`). What hosts report comes in through `inbox`; `reconciler` compares what is wanted with
//! what is seen, and repairs the difference. What may happen in which state is in `life` (what people ask for)
//! and `sight` (what hosts report); `told` has the events that people read. Who is called what in the games is in
//! `link`, who is kept out of them in `bar`, and `access` sees to it that the games know.

use guildhall_core::language::Locales;
use guildhall_link::{failure, text};

mod access;
mod bar;
mod change;
mod config;
mod console;
mod creation;
mod entity;
mod error;
mod inbox;
mod launch;
mod life;
mod link;
mod migration;
pub mod operations;
mod reconciler;
mod servers;
mod session;
mod sight;
mod state;
mod told;
mod view;
mod workflows;
mod workshop;

pub use config::ServersConfig;
pub use console::{ConsoleStream, Line};
pub use error::ServersError;
pub use guildhall_link::failure::{Code, Trouble};
pub use guildhall_recipes::{
    book::{LeftOut, RecipeBook},
    secrets::{KeyFileError, SecretsKey},
};
pub use launch::Changed;
pub use migration::migrations;
pub use operations::operations;
pub use servers::Servers;
pub use session::Played;
pub use state::{Deadlines, Expiry, Goal, State};
pub use view::{BusyData, FailureData, PlayersData, ServerData};

/// What people are told in their language, by code.
pub const LOCALES: Locales =
    Locales { en: include_str!("../locales/en.ftl"), de: include_str!("../locales/de.ftl") };
