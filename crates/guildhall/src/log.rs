//! The program's log: to standard error, as text or JSON lines.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::{EnvFilter, fmt, prelude::*};

use crate::configuration::LogSection;

/// The log's filter does not read as one.
#[derive(Debug, thiserror::Error)]
#[error(
    "log.level: '{level}' is not a filter: {source}. Write info, debug, or a filter such as info,guildhall_link=debug."
)]
pub struct BadFilter {
    level: String,
    source: tracing_subscriber::filter::ParseError,
}

/// Starts the log. Later calls in one process change nothing.
pub fn start(section: &LogSection) -> Result<(), BadFilter> {
    let filter = EnvFilter::try_new(&section.level)
        .map_err(|source| BadFilter { level: section.level.clone(), source })?;
    let lines = fmt::layer().with_ansi(io::stderr().is_terminal()).with_writer(io::stderr);
    let layer = if section.json { lines.json().boxed() } else { lines.with_target(false).boxed() };
    // A second call finds the first one's log in place, which is what it wanted.
    let _ = tracing_subscriber::registry().with(layer).with(filter).try_init();
    Ok(())
}
