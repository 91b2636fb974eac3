//! An operation called from the command line: over REST, with its job followed to the end.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::ArgMatches;
use futures::StreamExt as _;
use guildhall_core::{Block, Event, Follow, Outcome, Spec, Tone, input::Raw};
use guildhall_http::client::{Client, ClientError, ClientReply, EventFilter};
use indicatif::{ProgressBar, ProgressStyle};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::{FAILED, REFUSED, Trouble, UNREACHABLE, USAGE, commands, text::Renderer};
use crate::{configuration::Configuration, installation};

/// Calls the operation and prints what comes of it.
pub async fn call(spec: &Spec, matches: &ArgMatches) -> Result<ExitCode, Trouble> {
    let as_json = matches.get_flag("json");
    let client = connect(matches)?;
    let raw = Raw::Words(commands::words(spec, matches));
    let meant = matches.try_get_one::<bool>("yes").ok().flatten().copied().unwrap_or(false);
    let mut result = client.call(spec.name, raw.clone(), meant).await;
    if let Ok(ClientReply::Confirm { question, .. }) = &result {
        if !ask(question)? {
            writeln!(io::stderr(), "Nothing was done. Repeat with --yes when it is meant.")?;
            return Ok(ExitCode::from(REFUSED));
        }
        result = client.call(spec.name, raw, true).await;
    }
    match result {
        Ok(ClientReply::Done { call, data, document, follow }) => {
            if as_json {
                print_json(&json!({"call": call, "data": data, "document": document, "follow": follow}))?;
            } else {
                write!(io::stdout(), "{}", Renderer::here().document(&document))?;
            }
            match follow {
                Some(follow) => follow_to_the_end(&client, follow, as_json).await,
                None => Ok(ExitCode::SUCCESS),
            }
        }
        Ok(ClientReply::Confirm { .. }) => {
            Err("Guildhall asked again after a yes; that is a fault of its own".into())
        }
        Err(error) => refuse(&error, as_json),
    }
}

/// Asks on the terminal; without one nobody can answer, so the answer is no.
fn ask(question: &str) -> io::Result<bool> {
    if !io::stdin().is_terminal() {
        writeln!(io::stderr(), "{question}")?;
        return Ok(false);
    }
    write!(io::stderr(), "{question} [y/N] ")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

fn refuse(error: &ClientError, as_json: bool) -> Result<ExitCode, Trouble> {
    let (status, refusal) = match error {
        ClientError::Refused(refusal) => (REFUSED, Some(refusal)),
        ClientError::Failed(refusal) => (FAILED, Some(refusal)),
        ClientError::Unreachable { .. } | ClientError::Unreadable(_) => (UNREACHABLE, None),
        ClientError::Setup(_) => (USAGE, None),
    };
    match (as_json, refusal) {
        (true, Some(refusal)) => print_json(&json!({"error": {
            "code": refusal.code,
            "kind": refusal.kind,
            "message": refusal.message,
            "remedy": refusal.remedy,
            "fields": refusal.fields,
            "suggestions": refusal.suggestions,
            "reference": refusal.reference,
        }}))?,
        (true, None) => print_json(&json!({"error": {"code": "unreachable", "message": error.to_string()}}))?,
        (false, Some(refusal)) => {
            write!(io::stderr(), "{}", Renderer::here().document(&refusal.document))?;
        }
        (false, None) => writeln!(io::stderr(), "{error}. Is `guildhall run` running there?")?,
    }
    Ok(ExitCode::from(status))
}

/// Shows the job's events until the one that carries an outcome.
async fn follow_to_the_end(client: &Client, follow: Follow, as_json: bool) -> Result<ExitCode, Trouble> {
    let filter = EventFilter { run: Some(follow.run), ..EventFilter::default() };
    let mut events = std::pin::pin!(client.events(filter, Some(follow.cursor)));
    let bar = bar(as_json);
    let renderer = Renderer::here();
    while let Some(event) = events.next().await {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                bar.finish_and_clear();
                return refuse(&error, as_json);
            }
        };
        if as_json {
            print_json(&serde_json::to_value(&event)?)?;
        } else {
            show(&bar, &event);
        }
        let Some(outcome) = event.outcome else { continue };
        bar.finish_and_clear();
        if let (false, Some(document)) = (as_json, &event.document) {
            write!(io::stdout(), "{}", renderer.document(document))?;
        }
        return Ok(match outcome {
            Outcome::Succeeded => ExitCode::SUCCESS,
            Outcome::Failed => ExitCode::from(FAILED),
        });
    }
    bar.finish_and_clear();
    Err("the job's events ended before the job did; `guildhall server status` tells how it is".into())
}

/// On a terminal, a bar on standard error; elsewhere nothing, so that a log stays readable.
fn bar(as_json: bool) -> ProgressBar {
    if as_json || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    let style = ProgressStyle::with_template("{spinner} {msg} {elapsed:.dim}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn show(bar: &ProgressBar, event: &Event) {
    let Some(document) = &event.document else { return };
    if document.tone != Tone::Working && event.outcome.is_some() {
        return;
    }
    let progress = document.blocks.iter().find_map(|block| match block {
        Block::Progress { label, done, total } => Some((label, *done, *total)),
        _ => None,
    });
    let title = document.title.clone().unwrap_or_default();
    let message = match progress {
        Some((label, done, total)) if total > 0 => format!("{title}: {label} ({done} of {total})"),
        Some((label, ..)) => format!("{title}: {label}"),
        None => title,
    };
    if bar.is_hidden() {
        // Without a bar each step is a line of its own.
        let _ = writeln!(io::stderr(), "{message}");
    }
    bar.set_message(message);
}

fn print_json(value: &Value) -> io::Result<()> {
    writeln!(io::stdout(), "{value}")
}

/// Where Guildhall is and who asks: what was said, else what the installation on this machine left behind.
fn connect(matches: &ArgMatches) -> Result<Client, Trouble> {
    let file = matches.get_one::<PathBuf>("config").cloned();
    let said = |name| matches.get_one::<String>(name).cloned();
    let (url, token) = match (said("url"), said("token")) {
        (Some(url), Some(token)) => (url, SecretString::from(token)),
        (url, token) => {
            let data = Configuration::load(file.as_deref())?.data;
            let url = url.unwrap_or_else(|| installation::address_of(&data));
            let token = match token {
                Some(token) => token.into(),
                None => installation::operator_token(&data)?,
            };
            (url, token)
        }
    };
    Ok(Client::new(&url, token.expose_secret())?.as_command_line())
}
