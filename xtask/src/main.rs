//! Chores of the repository: `cargo run -p xtask -- setup demo|test` and `check`.

mod setup;
mod tidy;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["setup", "demo"] => setup::setup(setup::Purpose::Demo),
        ["setup", "test"] => setup::setup(setup::Purpose::Test),
        ["check"] => tidy::check(),
        _ => Err("usage: xtask setup demo | setup test | check".to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
