//! The agent's own command line: what `guildhall agent` and `guildhall-agent run` take, and how they run.

use std::{
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
};

use clap::Args;
use guildhall_core::HostId;
use guildhall_link::{MqttConfig, topic};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{AgentConfig, AgentError};

/// How an agent is told what it needs: by flags, by the environment, or by a file; the first wins.
#[derive(Args)]
pub struct Run {
    /// A TOML file with host, data, broker, user, password or password_file, and ca_file. `guildhall run` writes
    /// one for each host.
    #[arg(long, env = "GUILDHALL_AGENT_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    given: Given,
}

#[derive(Args, Default, Deserialize)]
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
    /// The broker's password; from a file only, so that it is in nobody's list of processes.
    #[arg(skip)]
    password: Option<SecretString>,
    /// A file whose first line is the broker's password. The variable GUILDHALL_AGENT_PASSWORD does as well.
    #[arg(long, env = "GUILDHALL_AGENT_PASSWORD_FILE")]
    password_file: Option<PathBuf>,
    /// The certificate authorities to trust, as PEM; the system's when not given.
    #[arg(long, env = "GUILDHALL_AGENT_CA_FILE")]
    ca_file: Option<PathBuf>,
}

/// Runs an agent until it is told to end. The games go on without it.
pub fn run(run: Run) -> Result<(), String> {
    log();
    let config = settings(run)?;
    runtime()?.block_on(until_told(config)).map_err(|error| error.to_string())
}

/// One thread is enough for what an agent does, and keeps it small.
pub fn runtime() -> Result<tokio::runtime::Runtime, String> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let built = builder.enable_all().max_blocking_threads(16).thread_stack_size(512 * 1024).build();
    built.map_err(|error| format!("the agent cannot start: {error}"))
}

/// Starts the log, on standard error; `GUILDHALL_LOG` filters it.
pub fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("GUILDHALL_LOG");
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_ansi(io::stderr().is_terminal());
    lines.with_env_filter(filter).with_writer(io::stderr).init();
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
    let password = match (given.password_file.or(file.password_file), file.password) {
        (Some(path), _) => {
            let text =
                std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            SecretString::from(text.lines().next().unwrap_or_default())
        }
        (None, Some(password)) => password,
        (None, None) => {
            let variable = std::env::var("GUILDHALL_AGENT_PASSWORD");
            variable.map_err(|_| missing("password-file"))?.into()
        }
    };
    let mut mqtt = MqttConfig::new(broker, user, password);
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
    crate::run(config, shutdown).await
}
