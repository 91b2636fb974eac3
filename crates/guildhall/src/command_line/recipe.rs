//! `guildhall recipe list|lint|test`: recipes without a running Guildhall.

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use guildhall_agent::{Settings, trial};
use guildhall_core::Kind;
use guildhall_link::message::{EventKind, Rung};
use guildhall_recipes::{Problem, Recipe, shipped};
use serde_json::{Value, json};

use super::{Ending, FAILED, REFUSED, Trouble, USAGE, runtime};
use crate::configuration::why;

/// The `recipe` command.
pub fn command() -> Command {
    let file = Arg::new("file").required(true).value_name("FILE").value_parser(value_parser!(PathBuf));
    Command::new("recipe")
        .about("List, check and try recipes")
        .subcommand_required(true)
        .subcommand(Command::new("list").about("List the recipes that ship"))
        .subcommand(
            Command::new("lint")
                .about("Name file, line and key of what does not fit")
                .arg(file.clone().num_args(1..).help("The recipes' files")),
        )
        .subcommand(
            Command::new("test")
                .about("Install, start, watch and stop a recipe in a temporary folder")
                .arg(file.help("The recipe's file, or the name of one that ships"))
                .arg(
                    Arg::new("set")
                        .long("set")
                        .action(ArgAction::Append)
                        .value_name("NAME=VALUE")
                        .help("Set a variable"),
                ),
        )
}

/// Runs it.
pub fn run(matches: &ArgMatches) -> Result<ExitCode, Trouble> {
    match matches.subcommand() {
        Some(("list", inner)) => list(inner.get_flag("json")),
        Some(("lint", inner)) => lint(inner),
        Some(("test", inner)) => test(inner),
        _ => Ok(ExitCode::from(USAGE)),
    }
}

fn list(as_json: bool) -> Result<ExitCode, Trouble> {
    let mut out = io::stdout().lock();
    let recipes = shipped().iter().filter_map(|(name, text)| Recipe::parse(text, name).ok());
    if as_json {
        let list: Vec<_> =
            recipes.map(|r| json!({"name": r.name, "title": r.title, "summary": r.summary})).collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&list)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    for recipe in recipes {
        writeln!(out, "{:<24} {}", recipe.name, recipe.summary)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn lint(matches: &ArgMatches) -> Result<ExitCode, Trouble> {
    let as_json = matches.get_flag("json");
    let mut problems = Vec::new();
    let mut files = 0;
    for file in matches.get_many::<PathBuf>("file").into_iter().flatten() {
        files += 1;
        let text = text_of(file)?;
        if let Err(found) = Recipe::parse(&text, &file.display().to_string()) {
            problems.extend(found);
        }
    }
    let mut out = io::stdout().lock();
    if as_json {
        writeln!(out, "{}", serde_json::to_string_pretty(&listed(&problems))?)?;
    } else if problems.is_empty() {
        writeln!(out, "{files} checked, no problems.")?;
    } else {
        for problem in &problems {
            writeln!(out, "{problem}")?;
        }
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) })
}

fn test(matches: &ArgMatches) -> Result<ExitCode, Trouble> {
    let file = matches.get_one::<PathBuf>("file").cloned().unwrap_or_default();
    let recipe = match read(&file)? {
        Ok(recipe) => recipe,
        Err(problems) => {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            let more = json!({"problems": listed(&problems)});
            return Err(Ending::error(REFUSED, "bad_recipe", Kind::User, lines.join("\n"), more).into());
        }
    };
    let variables = variables(matches)?;
    let folder = tempfile::Builder::new().prefix("guildhall-trial-").tempdir()?;
    // The game runs as a user of its own, who has to get through to its folder.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711))?;
    let as_json = matches.get_flag("json");
    let told = |event: &EventKind| {
        if !as_json {
            let _ = tell(event);
        }
    };
    let settings = Settings::default();
    let trial = trial::run(recipe, variables, folder.path().to_owned(), settings, told);
    let report = runtime()?.block_on(trial)?;
    if as_json {
        let shown = json!({
            "passed": report.passed(),
            "ready_after_ms": report.ready_after.map(|after| after.as_millis() as u64),
            "players": report.players,
            "exit": report.exit,
            "failure": report.failure,
            "console": report.console,
        });
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&shown)?)?;
    } else {
        let mut out = io::stdout().lock();
        if let Some(failure) = &report.failure {
            writeln!(out, "failed: {}", failure.message)?;
            for line in failure.output.iter().chain(&report.console) {
                writeln!(out, "  {line}")?;
            }
        }
        let online = report.players.online.map_or_else(|| "unknown".to_owned(), |online| online.to_string());
        writeln!(out, "players seen: {online}")?;
        writeln!(out, "{}", if report.passed() { "passed" } else { "not passed" })?;
    }
    Ok(if report.passed() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

type Read = Result<Recipe, Vec<Problem>>;

/// Problems for programs.
fn listed(problems: &[Problem]) -> Value {
    let shown = |p: &Problem| json!({"file": p.file, "line": p.line, "key": p.key, "message": p.message});
    problems.iter().map(shown).collect()
}

fn text_of(file: &Path) -> Result<String, Ending> {
    std::fs::read_to_string(file).map_err(|error| {
        let message = format!(
            "{}: {}. Give a file, or a name from `guildhall recipe list`.",
            file.display(),
            why(&error)
        );
        let kind = if error.kind() == io::ErrorKind::NotFound { Kind::NotFound } else { Kind::User };
        Ending::error(FAILED, "unreadable_file", kind, message, Value::Null)
    })
}

/// A file, or a shipped recipe by name.
fn read(file: &Path) -> Result<Read, Trouble> {
    let name = file.to_string_lossy();
    if let Some((name, text)) = shipped().iter().find(|(shipped, _)| *shipped == name) {
        return Ok(Recipe::parse(text, name));
    }
    Ok(Recipe::parse(&text_of(file)?, &name))
}

fn variables(matches: &ArgMatches) -> Result<BTreeMap<String, String>, Trouble> {
    let mut variables = BTreeMap::new();
    for pair in matches.get_many::<String>("set").into_iter().flatten() {
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            let message = format!("--set {pair}: write NAME=VALUE");
            Ending::error(USAGE, "usage", Kind::User, message, Value::Null)
        })?;
        variables.insert(name.to_owned(), value.to_owned());
    }
    Ok(variables)
}

fn tell(event: &EventKind) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match event {
        EventKind::Phase { phase } => {
            writeln!(out, "{}", serde_json::to_value(phase)?.as_str().unwrap_or_default())
        }
        EventKind::Progress { step, done, total, .. } => writeln!(out, "  {step} ({done} of {total})"),
        EventKind::Ready { took_ms } => writeln!(out, "ready after {took_ms} ms"),
        EventKind::Joined { player } => writeln!(out, "{player} joined"),
        EventKind::Left { player } => writeln!(out, "{player} left"),
        EventKind::Exited { exit, .. } => {
            let rungs: Vec<_> = exit.ladder.iter().map(rung).collect();
            let how = if rungs.is_empty() { "by itself".to_owned() } else { rungs.join(", then ") };
            writeln!(out, "ended after {} ms: {how}", exit.took_ms)
        }
        EventKind::Failed { .. } | EventKind::Removed => Ok(()),
    }
}

fn rung(rung: &Rung) -> String {
    match rung {
        Rung::Command { line } => format!("its command '{line}'"),
        Rung::Signal { name } => name.clone(),
    }
}
