//! The command line: Guildhall's own commands, and every operation of the catalogue as a subcommand.
//!
//! Exit statuses: 0 it worked, 1 it failed on the way, 2 the command line itself is wrong, 3 it was refused
//! (permission, input, not found, conflict, limit, or a question not answered with yes), 4 Guildhall could
//! not be reached.

mod call;
mod catalogue;
mod commands;
mod ending;
mod progress;
mod recipe;
mod text;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{
    Arg, ArgAction, ArgMatches, Args as _, Command, FromArgMatches as _, error::ErrorKind, value_parser,
};
use clap_complete::Shell;
use guildhall_agent::program;
use guildhall_core::Spec;
use serde_json::json;

use crate::{
    configuration::{self, Configuration},
    demo, installation, sim,
};
pub use ending::Ending;

/// It failed on the way.
pub const FAILED: u8 = 1;
/// The command line itself is wrong.
pub const USAGE: u8 = 2;
/// It was refused.
pub const REFUSED: u8 = 3;
/// Guildhall could not be reached.
pub const UNREACHABLE: u8 = 4;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let specs = installation::specs();
    let matches = match root(&specs).try_get_matches() {
        Ok(matches) => matches,
        Err(error) if error.kind() == ErrorKind::DisplayHelp => error.exit(),
        Err(error) if error.kind() == ErrorKind::DisplayVersion => error.exit(),
        // What does not read as a command line has no flags yet.
        Err(error) if std::env::args_os().any(|word| word == "--json") => {
            return Ending::usage(&error).tell(true);
        }
        Err(error) => error.exit(),
    };
    let as_json = leaf(&matches).get_flag("json");
    dispatch(&matches, &specs, as_json).unwrap_or_else(|trouble| Ending::from(trouble).tell(as_json))
}

/// The innermost command, which knows every flag.
fn leaf(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, inner)| leaf(inner))
}

/// Whatever ends a command early: an [`Ending`] where there is more to tell than a sentence.
pub type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// The whole command, with the operations' subcommands.
pub fn root(specs: &[Spec]) -> Command {
    let config = Arg::new("config")
        .long("config")
        .short('c')
        .env("GUILDHALL_CONFIG")
        .value_parser(value_parser!(PathBuf))
        .help("The configuration file (TOML, YAML or JSON); the built-in defaults when not given");
    let json = Arg::new("json").long("json").action(ArgAction::SetTrue).help("Answer as JSON, for programs");
    // The program's own configuration and what communities set share a word, and so a group of commands.
    let operations = commands::commands(specs.iter()).into_iter().map(|command| match command.get_name() {
        "config" => command
            .subcommand(
                Command::new("check").about("Name file and key of every mistake in the configuration"),
            )
            .subcommand(
                Command::new("reference")
                    .about("Print every key of the configuration with its meaning and its default"),
            ),
        _ => command,
    });
    Command::new("guildhall")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Run your community's game servers from Discord, REST and here")
        .subcommand_required(true)
        .arg_required_else_help(true)
        // `help` is an operation: what one may use, with examples. `--help` is this program's own.
        .disable_help_subcommand(true)
        .arg(config.global(true))
        .arg(json.global(true))
        .arg(
            Arg::new("url").long("url").global(true).env("GUILDHALL_URL").help(
                "Where Guildhall is; http://127.0.0.1:8080 or what the configuration says when not given",
            ),
        )
        .arg(
            Arg::new("token")
                .long("token")
                .global(true)
                .env("GUILDHALL_TOKEN")
                .hide_env_values(true)
                .help("The API token; the operator's own from the data folder when not given"),
        )
        .subcommand(Command::new("run").about("Run the control plane"))
        .subcommand(program::Run::augment_args(Command::new("agent")).about("Run the agent of a host"))
        .subcommand(demo::command())
        .subcommand(sim::command())
        .subcommand(
            Command::new("operations")
                .about("List the catalogue: every operation with its rank, effect and inputs")
                .arg(
                    Arg::new("markdown")
                        .long("markdown")
                        .action(ArgAction::SetTrue)
                        .help("As the page docs/operations.md"),
                ),
        )
        .subcommand(Command::new("openapi").about("Print the REST interface's description, OpenAPI 3.1"))
        .subcommand(recipe::command())
        .subcommand(
            Command::new("completions")
                .about("Print completions for a shell")
                .arg(Arg::new("shell").required(true).value_parser(value_parser!(Shell))),
        )
        .subcommands(operations)
}

fn dispatch(matches: &ArgMatches, specs: &[Spec], as_json: bool) -> Result<ExitCode, Trouble> {
    let Some((name, inner)) = matches.subcommand() else { return Ok(ExitCode::from(USAGE)) };
    let file = inner.get_one::<PathBuf>("config").cloned();
    match name {
        "run" => {
            let configuration = Configuration::load(file.as_deref())?;
            let tracing = crate::log::start(&configuration)?;
            let runtime = runtime()?;
            let ended = runtime.block_on(installation::run(configuration, &tracing, as_json));
            // Whatever is left of one that may not go on, or did not start, is not waited for.
            runtime.shutdown_background();
            tracing.close();
            ended?;
        }
        "agent" => program::run(program::Run::from_arg_matches(inner)?)?,
        "demo" => return runtime()?.block_on(demo::run(inner)),
        "sim" => runtime()?.block_on(sim::run(inner))?,
        "operations" => catalogue::print(specs, as_json, inner.get_flag("markdown"))?,
        "openapi" => {
            let document = guildhall_http::openapi(specs.iter());
            writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&document)?)?;
        }
        "recipe" => return recipe::run(inner),
        "config" if inner.subcommand_matches("reference").is_some() => {
            let text = if as_json { configuration::schema() } else { configuration::reference() };
            write!(io::stdout(), "{text}")?;
        }
        "config" if inner.subcommand_matches("check").is_some() => {
            let shown =
                file.as_ref().map_or("the built-in defaults".into(), |file| file.display().to_string());
            Configuration::load(file.as_deref())?;
            match as_json {
                true => writeln!(io::stdout(), "{}", json!({"checked": shown, "mistakes": []}))?,
                false => writeln!(io::stdout(), "{shown}: no mistakes.")?,
            }
        }
        "completions" => {
            if let Some(shell) = inner.get_one::<Shell>("shell") {
                let mut script = Vec::new();
                clap_complete::generate(*shell, &mut root(specs), "guildhall", &mut script);
                match as_json {
                    true => {
                        let script = String::from_utf8_lossy(&script);
                        let shown = json!({"shell": shell.to_string(), "completions": script});
                        writeln!(io::stdout(), "{shown}")?;
                    }
                    false => io::stdout().write_all(&script)?,
                }
            }
        }
        _ => {
            let Some((spec, arguments)) = commands::asked(matches, specs.iter()) else {
                return Ok(ExitCode::from(USAGE));
            };
            return runtime()?.block_on(call::call(spec, arguments));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
