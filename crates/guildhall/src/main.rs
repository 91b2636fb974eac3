//! Guildhall: a Discord community's own game servers, from Discord, REST and the command line.

mod administration;
mod command_line;
mod configuration;
mod demo;
mod installation;
mod log;
mod sim;

use std::process::ExitCode;

fn main() -> ExitCode {
    // The shim is started by the agent, once a game: it has to be small and quick, so nothing else of the
    // program is touched on its way.
    if std::env::args_os().nth(1).is_some_and(|first| first == "shim") {
        return guildhall_agent::shim::main(std::env::args_os().skip(2));
    }
    // The only provider in the program, so nothing else can have been installed before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    command_line::main()
}
