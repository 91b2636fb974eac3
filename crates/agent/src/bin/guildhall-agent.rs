//! The agent as a program of its own, for hosts that have nothing else of Guildhall.

use std::{
    io::{BufRead as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use guildhall_agent::{Agent, AgentConfig, AgentError, Settings};
use guildhall_core::HostId;
use guildhall_link::{MqttConfig, message::Request, topic};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use url::Url;

/// The program on a host of Guildhall: installs, starts, watches and stops game servers.
#[derive(Parser)]
#[command(name = "guildhall-agent", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Connects to the control plane and works until it is told to end. The games go on without it.
    Run(Run),
    /// Works without a control plane: reads requests from standard input, one JSON object a line, and writes
    /// replies and events to standard output.
    Stdio {
        /// Where everything is kept.
        #[arg(long)]
        data: PathBuf,
    },
    /// The process that holds one game; started by the agent.
    #[command(hide = true)]
    Shim {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<std::ffi::OsString>,
    },
}

#[derive(clap::Args)]
struct Run {
    /// A TOML file with the same settings: host, data, broker, user, password_file, ca_file.
    #[arg(long, env = "GUILDHALL_AGENT_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    given: Given,
}

#[derive(clap::Args, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Given {
    /// The host's name: 1 to 32 of a-z, 0-9 and '-'.
    #[arg(long, env = "GUILDHALL_AGENT_HOST")]
    host: Option<HostId>,
    /// Where everything is kept.
    #[arg(long, env = "GUILDHALL_AGENT_DATA")]
    data: Option<PathBuf>,
    /// The message broker: mqtt://host:port, or mqtts://host:port for TLS.
    #[arg(long, env = "GUILDHALL_AGENT_BROKER")]
    broker: Option<String>,
    /// The broker's user; made of the host's name when not given.
    #[arg(long, env = "GUILDHALL_AGENT_USER")]
    user: Option<String>,
    /// A file whose first line is the broker's password. The variable GUILDHALL_AGENT_PASSWORD does as well.
    #[arg(long, env = "GUILDHALL_AGENT_PASSWORD_FILE")]
    password_file: Option<PathBuf>,
    /// The certificate authorities to trust, as PEM; the system's when not given.
    #[arg(long, env = "GUILDHALL_AGENT_CA_FILE")]
    ca_file: Option<PathBuf>,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        // Nothing else is set up in a shim: it is to stay small.
        Command::Shim { arguments } => return guildhall_agent::shim::main(arguments),
        Command::Run(run) => settings(run).and_then(|config| {
            log();
            runtime()?.block_on(until_told(config)).map_err(|error| error.to_string())
        }),
        Command::Stdio { data } => {
            log();
            runtime().and_then(|runtime| runtime.block_on(stdio(data)).map_err(|error| error.to_string()))
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// One thread is enough for what an agent does, and keeps it small.
fn runtime() -> Result<tokio::runtime::Runtime, String> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let built = builder.enable_all().max_blocking_threads(16).thread_stack_size(512 * 1024).build();
    built.map_err(|error| format!("the agent cannot start: {error}"))
}

fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("GUILDHALL_LOG");
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

fn settings(run: Run) -> Result<AgentConfig, String> {
    let file = match &run.config {
        Some(path) => read_config(path)?,
        None => Given::default(),
    };
    let given = run.given;
    let missing = |what: &str| format!("the agent needs --{what}, or `{what}` in its configuration file");
    let host = given.host.or(file.host).ok_or_else(|| missing("host"))?;
    let data = given.data.or(file.data).ok_or_else(|| missing("data"))?;
    let broker = given.broker.or(file.broker).ok_or_else(|| missing("broker"))?;
    let broker = Url::parse(&broker).map_err(|error| format!("'{broker}' is no broker address: {error}"))?;
    let user = given.user.or(file.user).unwrap_or_else(|| topic::host_user(&host));
    let password = match given.password_file.or(file.password_file) {
        Some(path) => {
            let text =
                std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            text.lines().next().unwrap_or_default().to_owned()
        }
        None => std::env::var("GUILDHALL_AGENT_PASSWORD").map_err(|_| missing("password-file"))?,
    };
    let mut mqtt = MqttConfig::new(broker, user, SecretString::from(password));
    mqtt.ca_file = given.ca_file.or(file.ca_file);
    Ok(AgentConfig::new(host, data, mqtt))
}

fn read_config(path: &Path) -> Result<Given, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

async fn until_told(config: AgentConfig) -> Result<(), AgentError> {
    let shutdown = CancellationToken::new();
    let told = shutdown.clone();
    tokio::spawn(async move {
        let terminate = async {
            match signal(SignalKind::terminate()) {
                Ok(mut terminate) => drop(terminate.recv().await),
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = terminate => {}
        }
        told.cancel();
    });
    guildhall_agent::run(config, shutdown).await
}

async fn stdio(data: PathBuf) -> Result<(), AgentError> {
    let agent = Agent::open(data, Settings::default()).await?;
    let (lines, mut asked) = tokio::sync::mpsc::channel(16);
    // Reading standard input cannot be given up, so it has a thread of its own, which ends with the process.
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    let mut newest = agent.newest();
    let mut seen = 0;
    loop {
        for event in agent.events(seen, 200).await {
            seen = event.cursor;
            say(&event);
        }
        tokio::select! {
            line = asked.recv() => {
                let Some(line) = line else { break };
                match serde_json::from_str::<Request>(&line) {
                    Ok(request) => say(&agent.request(request).await),
                    Err(error) => eprintln!("not a request: {error}"),
                }
            }
            changed = newest.changed() => if changed.is_err() { break },
        }
    }
    agent.close().await;
    Ok(())
}

fn say(what: &impl serde::Serialize) {
    let mut out = std::io::stdout().lock();
    // Whoever reads is gone when this fails, and then nobody misses it.
    let _ = serde_json::to_writer(&mut out, what)
        .map_err(std::io::Error::from)
        .and_then(|()| out.write_all(b"\n"));
    let _ = out.flush();
}
