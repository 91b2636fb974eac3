//! `guildhall demo`: the whole system in front of the reader, with a real game and a real player.
//!
//! Guildhall runs as a process of its own on its embedded defaults. Everything is done the way a member or
//! the staff would do it: a signed interaction, REST, the command line. Nothing is faked: a step that did not
//! happen ends the demo with an error.

mod player;
mod program;
mod scenes;
mod stage;

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use guildhall_core::Kind;
use serde_json::{Value, json};

use crate::command_line::{self, Ending};
use stage::Stage;

/// The `demo` command.
pub fn command() -> Command {
    Command::new("demo")
        .about("Show everything at work: a stand-in Discord, a real Minecraft server and a real player")
        .arg(
            Arg::new("folder")
                .long("folder")
                .value_parser(value_parser!(PathBuf))
                .help("Where to keep the demo's data; a temporary folder when not given"),
        )
        .arg(
            Arg::new("leave")
                .long("leave")
                .action(ArgAction::SetTrue)
                .help("End when the steps are done, also on a terminal"),
        )
}

/// A step of the demo that did not happen.
#[derive(Debug)]
pub struct Trouble(pub String);

impl<E: std::error::Error> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Runs it. On a terminal it stays up until Ctrl-C.
pub async fn run(matches: &ArgMatches) -> Result<ExitCode, command_line::Trouble> {
    let stay = io::stdout().is_terminal() && !matches.get_flag("leave");
    let as_json = matches.get_flag("json");
    if as_json {
        stage::tell_programs();
    }
    let mut stage = Stage::set(matches.get_one::<PathBuf>("folder").cloned()).await.map_err(failed)?;
    let played = tokio::select! {
        played = scenes::play(&mut stage) => played,
        _ = tokio::signal::ctrl_c() => Err(Trouble("it was interrupted".to_owned())),
    };
    if let (Ok(()), true) = (&played, stay) {
        stage.tell_addresses()?;
        tokio::signal::ctrl_c().await?;
    }
    let cleared = stage.clear(played.is_ok()).await;
    played.and(cleared).map_err(failed)?;
    stage::say("\nThe demo is done; every step happened.");
    if as_json {
        writeln!(io::stdout(), "{}", json!({"done": true}))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn failed(Trouble(why): Trouble) -> Ending {
    let message = format!("The demo did not work: {why}");
    Ending::error(command_line::FAILED, "demo_failed", Kind::Upstream, message, Value::Null)
}
