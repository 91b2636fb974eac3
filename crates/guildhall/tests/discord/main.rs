//! The real program, as a community on Discord meets it: `guildhall run` and its agent with a small game, against
//! the stand-in Discord.

mod community;
mod failures;
mod forgeries;
mod killed;
mod logs;
mod menus;
mod session;
mod shown;
mod stage;
#[path = "../support/mod.rs"]
mod support;
mod traces;
