//! The command line: Guildhall's own commands, and every operation of the catalogue as a subcommand.
//!
//! Exit statuses: 0 it worked, 1 it failed on the way, 2 the command line itself is wrong, 3 it was refused
//! (permission, input, not found, conflict, limit, or a question not answered with yes), 4 Guildhall could
//! not be reached.

mod call;
mod catalogue;
mod commands;
mod recipe;
mod text;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Arg, ArgAction, ArgMatches, Args as _, Command, FromArgMatches as _, value_parser};
use clap_complete::Shell;
use guildhall_agent::program;
use guildhall_core::Spec;

use crate::{configuration::Configuration, demo, installation, sim};

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
    let matches = root(&specs).get_matches();
    match dispatch(&matches, &specs) {
        Ok(code) => code,
        Err(trouble) => {
            let _ = writeln!(io::stderr(), "guildhall: {trouble}");
            ExitCode::from(FAILED)
        }
    }
}

/// Whatever ends a command early, as its sentence.
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

fn dispatch(matches: &ArgMatches, specs: &[Spec]) -> Result<ExitCode, Trouble> {
    let Some((name, inner)) = matches.subcommand() else { return Ok(ExitCode::from(USAGE)) };
    let file = inner.get_one::<PathBuf>("config").cloned();
    match name {
        "run" => {
            let configuration = Configuration::load(file.as_deref())?;
            let tracing = crate::log::start(&configuration)?;
            runtime()?.block_on(installation::run(configuration, &tracing))?;
            tracing.close();
        }
        "agent" => program::run(program::Run::from_arg_matches(inner)?)?,
        "demo" => return runtime()?.block_on(demo::run(inner)),
        "sim" => runtime()?.block_on(sim::run(inner))?,
        "operations" => catalogue::print(specs, inner.get_flag("json"), inner.get_flag("markdown"))?,
        "openapi" => {
            let document = guildhall_http::openapi(specs.iter());
            writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&document)?)?;
        }
        "recipe" => return recipe::run(inner),
        "config" if inner.subcommand_matches("reference").is_some() => {
            write!(io::stdout(), "{}", crate::configuration::reference())?;
        }
        "config" if inner.subcommand_matches("check").is_some() => {
            let shown =
                file.as_ref().map_or("the built-in defaults".into(), |file| file.display().to_string());
            Configuration::load(file.as_deref())?;
            writeln!(io::stdout(), "{shown}: no mistakes.")?;
        }
        "completions" => {
            if let Some(shell) = inner.get_one::<Shell>("shell") {
                clap_complete::generate(*shell, &mut root(specs), "guildhall", &mut io::stdout());
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
