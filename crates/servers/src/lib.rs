//! Game servers: their life cycle, who plays, their console and their launch configuration.
//!
//! An operation changes a server's row in one transaction (`change`), which also starts the durable job that
//! goes on (`workflows`). What hosts report comes in through `inbox`; `reconciler` compares what is wanted with
//! what is seen, and repairs the difference. What may happen in which state is in `life` (what people ask for)
//! and `sight` (what hosts report); `told` has the events that people read.

mod book;
mod change;
mod config;
mod console;
mod creation;
mod entity;
mod error;
mod failure;
mod inbox;
mod launch;
mod life;
mod migration;
pub mod operations;
mod reconciler;
mod servers;
mod session;
mod sight;
mod state;
mod text;
mod told;
mod view;
mod workflows;
mod workshop;

pub use book::{LeftOut, RecipeBook};
pub use config::ServersConfig;
pub use console::{ConsoleStream, Line};
pub use error::ServersError;
pub use failure::{Code, Trouble};
pub use launch::Changed;
pub use migration::migrations;
pub use operations::operations;
pub use servers::Servers;
pub use session::Played;
pub use state::{Deadlines, Expiry, Goal, State};
pub use view::{BusyData, FailureData, PlayersData, ServerData};
