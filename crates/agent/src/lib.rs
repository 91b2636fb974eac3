//! The program on a host: installs, starts, watches and stops game servers.
//!
//! [`Agent`] holds what the control plane wants of each server on disk and works towards it; [`run`] connects
//! it to the message broker. Each game runs under a small process of its own, the [`shim`], which outlives the
//! agent: an agent that comes back finds the games as it left them.

mod agent;
mod attend;
mod config;
mod console;
mod disk;
mod events;
mod folder;
mod game;
mod host;
mod install;
mod launch;
mod players;
mod ports;
pub mod program;
mod record;
mod server;
pub mod shim;
mod sockets;
mod stop;
pub mod trial;
mod trouble;
mod user;
mod watch;

pub use agent::{Agent, run};
pub use config::{AgentConfig, AgentError, Backoff, Settings, ShimCommand};
pub use host::ConsoleOut;
