//! The agent as a program of its own, for hosts that have nothing else of Guildhall.

use std::{
    io::{BufRead as _, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use guildhall_agent::{Agent, AgentError, Settings, program};
use guildhall_link::message::Request;

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
    Run(program::Run),
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

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        // Nothing else is set up in a shim: it is to stay small.
        Command::Shim { arguments } => return guildhall_agent::shim::main(arguments),
        Command::Run(run) => program::run(run),
        Command::Stdio { data } => {
            program::log();
            program::runtime()
                .and_then(|runtime| runtime.block_on(stdio(data)).map_err(|error| error.to_string()))
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
