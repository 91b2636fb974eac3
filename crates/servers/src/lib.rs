//! Game servers: their life cycle, who plays, their console and their launch configuration.

mod book;
mod config;
mod entity;
mod failure;
mod migration;
mod state;
mod text;

pub use book::{LeftOut, RecipeBook};
pub use config::ServersConfig;
pub use failure::{Code, Trouble};
pub use migration::migrations;
pub use state::{Deadlines, Expiry, Goal, State};
