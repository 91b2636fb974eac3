//! An operation called from the command line: over REST, with its job followed to the end.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    process::ExitCode,
};

use clap::ArgMatches;
use futures::StreamExt as _;
use guildhall_core::{Follow, Outcome, Spec, input::Raw};
use guildhall_http::client::{Client, ClientReply, EventFilter};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::{
    FAILED, Trouble, commands, config_file,
    ending::Ending,
    in_environment,
    progress::Progress,
    text::{Renderer, clean},
};
use crate::{configuration::Configuration, installation};

/// Calls the operation and prints what comes of it.
pub async fn call(spec: &Spec, matches: &ArgMatches) -> Result<ExitCode, Trouble> {
    let as_json = matches.get_flag("json");
    let raw = Raw::Words(commands::words(spec, matches)?);
    let client = connect(matches)?;
    let meant = matches.try_get_one::<bool>("yes").ok().flatten().copied().unwrap_or(false);
    let mut reply = client.call(spec.name, raw.clone(), meant).await.map_err(Ending::from)?;
    if let ClientReply::Confirm { question, document } = &reply {
        // Programs are not asked: they read the question, and repeat the call with --yes.
        let asked = !as_json && io::stdin().is_terminal();
        if !(asked && ask(question)?) {
            return Err(Ending::question(spec.name, question, document, asked).into());
        }
        reply = client.call(spec.name, raw, true).await.map_err(Ending::from)?;
    }
    let ClientReply::Done { call, data, document, follow } = reply else {
        return Err("Guildhall asked again after a yes; that is a fault of its own".into());
    };
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

/// Asks on the terminal.
fn ask(question: &str) -> io::Result<bool> {
    write!(io::stderr(), "{} [y/N] ", clean(question))?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Shows the job's events until the one that carries an outcome.
async fn follow_to_the_end(client: &Client, follow: Follow, as_json: bool) -> Result<ExitCode, Trouble> {
    let filter = EventFilter { run: Some(follow.run), ..EventFilter::default() };
    let mut events = std::pin::pin!(client.events(filter, Some(follow.cursor)));
    let mut progress = Progress::new(as_json);
    while let Some(event) = events.next().await {
        let event = event.map_err(|error| {
            progress.clear();
            Ending::from(error)
        })?;
        if as_json {
            print_json(&serde_json::to_value(&event)?)?;
        }
        progress.show(&event);
        let Some(outcome) = event.outcome else { continue };
        progress.clear();
        let told = event.document.filter(|_| !as_json);
        let told = told.map(|document| Renderer::here().document(&document)).unwrap_or_default();
        return Ok(match outcome {
            Outcome::Succeeded => {
                write!(io::stdout(), "{told}")?;
                ExitCode::SUCCESS
            }
            Outcome::Failed => {
                write!(io::stderr(), "{told}")?;
                ExitCode::from(FAILED)
            }
        });
    }
    progress.clear();
    Err("the job's events ended before the job did; `guildhall server status` tells how it is".into())
}

fn print_json(value: &Value) -> io::Result<()> {
    writeln!(io::stdout(), "{value}")
}

/// Where Guildhall is and who asks: what was said, else what the installation on this machine left behind.
fn connect(matches: &ArgMatches) -> Result<Client, Trouble> {
    let file = config_file(matches);
    let said =
        |name: &str, variable| matches.get_one::<String>(name).cloned().or_else(|| in_environment(variable));
    let (url, token) = match (said("url", "GUILDHALL_URL"), said("token", "GUILDHALL_TOKEN")) {
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
    let client = Client::new(&url, token.expose_secret()).map_err(Ending::from)?;
    Ok(client.as_command_line())
}
