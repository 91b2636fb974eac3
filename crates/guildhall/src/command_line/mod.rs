//! The command line: Guildhall's own commands, and every operation of the catalogue as a subcommand.
//!
//! Exit statuses: 0 it worked, 1 it failed on the way, 2 the command line itself is wrong, 3 it was refused
//! (permission, input, not found, conflict, limit, or a question not answered with yes), 4 Guildhall could
//! not be reached.

mod call;
mod catalogue;
mod commands;
mod ending;
mod file;
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
    configuration::{self, Configuration, why},
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

/// A variable that stands for an option. The parser itself is not told of them: it would name each that is set as
/// required wherever it says how a command is used.
fn in_environment(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.is_empty())
}

/// The configuration's file, when one is named.
fn config_file(matches: &ArgMatches) -> Option<PathBuf> {
    let said = matches.get_one::<PathBuf>("config").cloned();
    said.or_else(|| in_environment("GUILDHALL_CONFIG").map(PathBuf::from))
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
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("The configuration file (TOML, YAML or JSON); GUILDHALL_CONFIG or the built-in defaults when not given");
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
        "help" => command.mut_args(|argument| match argument.get_index() {
            Some(_) => {
                let help = "A command of this program, or words to look for in what you may use";
                argument.num_args(1..).action(ArgAction::Append).help(help)
            }
            None => argument,
        }),
        _ => command,
    });
    Command::new("guildhall")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Run your community's game servers from Discord, REST and here")
        .subcommand_required(true)
        .arg_required_else_help(true)
        // `help` alone is an operation: what one may use, with examples. `help COMMAND` is what `COMMAND --help` is.
        .disable_help_subcommand(true)
        .arg(config.global(true))
        .arg(json.global(true))
        .arg(Arg::new("url").long("url").value_name("URL").global(true).help(
            "Where Guildhall is; GUILDHALL_URL, or where the one on this machine was started, when not given",
        ))
        .arg(Arg::new("token").long("token").value_name("TOKEN").global(true).help(
            "The API token; GUILDHALL_TOKEN, or the operator's own from the data folder, when not given",
        ))
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
    let file = config_file(inner);
    match name {
        "run" => {
            let configuration = Configuration::load_to_start(file.as_deref())?;
            let tracing = crate::log::start(&configuration)?;
            let runtime = runtime()?;
            let ended = runtime.block_on(installation::run(configuration, &tracing, as_json));
            // Whatever is left of one that may not go on, or did not start, is not waited for.
            runtime.shutdown_background();
            tracing.close();
            ended?;
        }
        "agent" => {
            // The agent says it in the system's words.
            if let Some(file) = inner.get_one::<PathBuf>("config") {
                std::fs::File::open(file).map_err(|error| format!("{}: {}.", file.display(), why(&error)))?;
            }
            program::run(program::Run::from_arg_matches(inner)?)?;
        }
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
            Configuration::load_to_start(file.as_deref())?;
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
            if let Some(help) = help_on(spec, arguments, specs) {
                help.exit();
            }
            return runtime()?.block_on(call::call(spec, arguments));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What `guildhall help ban` shows: what `guildhall ban --help` does. `None` for everything else, and for words that
/// are no command of this program's.
fn help_on(spec: &Spec, arguments: &ArgMatches, specs: &[Spec]) -> Option<clap::Error> {
    let query = spec.fields.iter().find(|field| spec.name == "help" && field.name == "query")?;
    let words = arguments.get_many::<String>(&commands::in_place(query))?;
    let line = ["guildhall"].into_iter().chain(words.map(String::as_str)).chain(["--help"]);
    root(specs).try_get_matches_from(line).err().filter(|shown| shown.kind() == ErrorKind::DisplayHelp)
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
