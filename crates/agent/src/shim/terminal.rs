//! The terminal that a game runs in.

use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
    process::Child,
};

use pty_process::blocking::{self, Pty};
use rustix::{
    process::{Gid, Uid},
    termios::{LocalModes, OptionalActions, OutputModes},
};

use super::{Program, command, confine};

/// Opens the game's terminal and starts the game in it. Gives the shim's end of it, the game's end, and the game.
pub(super) fn spawn(program: &Program) -> io::Result<(Pty, OwnedFd, Child)> {
    let (terminal, inner) = blocking::open().map_err(terminal_error)?;
    terminal.resize(pty_process::Size::new(50, 200)).map_err(terminal_error)?;
    let mut modes = rustix::termios::tcgetattr(inner.as_fd())?;
    // What is written to the game is recorded with who wrote it, so the terminal need not repeat it; and lines
    // end as the game ends them.
    modes.local_modes -= LocalModes::ECHO | LocalModes::ECHOE | LocalModes::ECHOK | LocalModes::ECHOCTL;
    modes.output_modes -= OutputModes::ONLCR;
    rustix::termios::tcsetattr(inner.as_fd(), OptionalActions::Now, &modes)?;
    if let Some((uid, gid)) = program.user {
        // So that the game can open its terminal by name.
        rustix::fs::fchown(inner.as_fd(), Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    }
    let flags = rustix::fs::fcntl_getfl(&terminal)?;
    rustix::fs::fcntl_setfl(&terminal, flags | rustix::fs::OFlags::NONBLOCK)?;
    let held = rustix::io::fcntl_dupfd_cloexec(inner.as_fd(), 3)?;
    confine(program)?;
    let game = blocking::Command::from(command(program)?).spawn(inner).map_err(terminal_error)?;
    Ok((terminal, held, game))
}

fn terminal_error(error: pty_process::Error) -> io::Error {
    match error {
        pty_process::Error::Io(error) => error,
        pty_process::Error::Rustix(error) => error.into(),
        other => io::Error::other(other),
    }
}
