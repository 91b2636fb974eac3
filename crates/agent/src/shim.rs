//! The process that holds a game.

use std::{ffi::OsString, process::ExitCode};

/// Runs the shim.
pub fn main(_args: impl Iterator<Item = OsString>) -> ExitCode {
    ExitCode::FAILURE
}
