//! Settings, ranks, configuration and help as a face uses them.

#![expect(clippy::unwrap_used, reason = "what goes wrong here is to fail the test")]

mod help;
mod lookup;
mod page;
mod permission;
mod processes;
mod ranks;
mod settings;
mod setup;
mod transfer;
mod world;
