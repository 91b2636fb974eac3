//! The agent as a program of its own.

fn main() -> std::process::ExitCode {
    guildhall_agent::shim::main(std::env::args_os().skip(2))
}
