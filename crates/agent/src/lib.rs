//! The program on a host: installs, starts, watches and stops game servers.
//!
//! [`Agent`] holds what the control plane wants of each server on disk and works towards it; [`run`] connects
//! it to the message broker. Each game runs under a small process of its own, the [`shim`], which outlives the
//! agent: an agent that comes back finds the games as it left them.

mod agent;
mod config;
pub mod shim;
pub mod trial;

pub use agent::{Agent, ConsoleOut, run};
pub use config::{AgentConfig, AgentError, Backoff, Settings, ShimCommand};
