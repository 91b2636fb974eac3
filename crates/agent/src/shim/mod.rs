//! The small process that holds one game: its terminal, its recent output and its exit status.
//!
//! It is this same program, run again with `shim` as its first argument. It has a session of its own and no
//! need of the agent: the agent may be killed or replaced, and a later one finds the shim by its lock and
//! talks to it over its socket. It is single-threaded and keeps little but the ring of output.

mod client;
mod files;
mod hold;
mod processes;
pub mod protocol;
mod ring;
mod terminal;

use std::{
    ffi::OsString,
    io::{self, Read as _},
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Command, ExitCode},
};

use rustix::{
    fs::Mode,
    process::{Resource, Rlimit},
};
use serde::{Deserialize, Serialize};

pub(crate) use hold::Ending;
pub use hold::Started;
pub(crate) use processes::{Process, kill_user};

/// The shim's socket, in the server's runtime folder. For nobody but the agent's user.
pub const SOCKET: &str = "shim.sock";
/// Locked for as long as a shim lives.
pub const LOCK: &str = "shim.lock";
/// What runs: a [`Started`], written when the game has been started.
pub const RUN: &str = "run.json";
/// How it ended: a [`protocol::Ended`] with its run, written before the shim goes.
pub const EXIT: &str = "exit.json";
/// The ring at its end, as frames of [`protocol::Tell`].
pub const CONSOLE: &str = "console";

/// A program to run, complete: nothing is taken over from the agent's own environment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Program {
    /// The program and its arguments. A name without a slash is looked up in the environment's PATH.
    pub argv: Vec<String>,
    /// The environment.
    pub environment: Vec<(String, String)>,
    /// The working folder.
    pub folder: PathBuf,
    /// The user and group it runs as; the agent's own when not given.
    pub user: Option<(u32, u32)>,
    /// The most open files; RLIMIT_NOFILE.
    pub open_files: u64,
    /// The most processes and threads of its user; RLIMIT_NPROC. Only for a user of its own: the kernel counts
    /// all of a user's processes.
    pub processes: u64,
    /// The largest file it may write, in bytes; RLIMIT_FSIZE.
    pub file_size: Option<u64>,
}

/// What a shim is started with, on its standard input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hold {
    /// The number of this run, to tell its files from those of an earlier one.
    pub run: u64,
    /// The server's runtime folder.
    pub runtime: PathBuf,
    /// How much output is kept, in bytes.
    pub ring_bytes: u32,
    /// The game.
    pub program: Program,
}

/// Why a game was not started, on the shim's standard output.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NotStarted {
    /// The system's error number, when there is one.
    pub errno: Option<i32>,
    /// What was tried, and what the system said.
    pub message: String,
}

/// What a shim answers on its standard output: one line.
pub type Answer = Result<Started, NotStarted>;

/// Runs the shim: `hold` holds a game, `exec` becomes an install step's program. What to run is read from
/// standard input. The program that calls this hands over the arguments behind its own `shim` word.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mode = args.into_iter().next();
    match mode.as_deref().and_then(|mode| mode.to_str()) {
        Some("hold") => hold::main(),
        Some("exec") => exec(),
        _ => {
            eprintln!("The shim is started by the agent; it is of no use by itself.");
            ExitCode::from(2)
        }
    }
}

/// Becomes a program, with the limits that games have, in a session of its own.
fn exec() -> ExitCode {
    let outcome = read_input::<Program>().and_then(|program| {
        rustix::process::setsid()?;
        let null = std::fs::File::open("/dev/null")?;
        rustix::stdio::dup2_stdin(&null)?;
        confine(&program)?;
        Err(command(&program)?.exec())
    });
    let error: io::Error = match outcome {
        Ok(never) => never,
        Err(error) => error,
    };
    eprintln!("{error}");
    ExitCode::from(if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 })
}

fn read_input<T: serde::de::DeserializeOwned>() -> io::Result<T> {
    let mut text = String::new();
    io::stdin().lock().take(1024 * 1024).read_to_string(&mut text)?;
    Ok(serde_json::from_str(&text)?)
}

/// Takes from this process, and so from the program it starts, what a game must not have.
fn confine(program: &Program) -> io::Result<()> {
    rustix::process::umask(Mode::from_raw_mode(0o027));
    rustix::thread::set_no_new_privs(true)?;
    limit(Resource::Core, 0)?;
    // Below that no program gets on its feet, the shim itself included.
    limit(Resource::Nofile, program.open_files.max(64))?;
    if program.user.is_some() {
        limit(Resource::Nproc, program.processes)?;
    }
    program.file_size.map_or(Ok(()), |bytes| limit(Resource::Fsize, bytes))
}

/// Lowers a limit; one that is lower already stays.
fn limit(resource: Resource, to: u64) -> io::Result<()> {
    let to = rustix::process::getrlimit(resource).maximum.map_or(to, |maximum| maximum.min(to));
    Ok(rustix::process::setrlimit(resource, Rlimit { current: Some(to), maximum: Some(to) })?)
}

fn command(program: &Program) -> io::Result<Command> {
    let (name, arguments) = program.argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(name);
    command
        .args(arguments)
        .env_clear()
        .envs(program.environment.iter().cloned())
        .current_dir(&program.folder);
    if let Some((uid, gid)) = program.user {
        // With a user, the standard library also drops all supplementary groups.
        command.uid(uid).gid(gid);
    }
    Ok(command)
}
