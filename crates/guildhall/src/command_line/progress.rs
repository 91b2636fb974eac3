//! How far a job is, on standard error: a bar on a terminal, and elsewhere a line a step, so that a log stays
//! readable.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use guildhall_core::{Block, Event, Tone};
use indicatif::{ProgressBar, ProgressStyle};

/// While nobody knows how many steps there are.
const OPEN: &str = "{spinner} {msg} {elapsed:.dim}";
/// Once that is known.
const COUNTED: &str = "{spinner} {msg} [{bar:24}] {pos}/{len} {elapsed:.dim}";

/// Shows how far a job is.
pub enum Progress {
    /// On a terminal.
    Bar(ProgressBar),
    /// Elsewhere; the last line, which is not told twice.
    Lines(String),
    /// Programs read the events themselves.
    Silent,
}

/// What an event says of its job's progress.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    words: String,
    /// Steps done, and steps in all, when that is known.
    counted: Option<(u32, u32)>,
}

impl Progress {
    /// Nothing is known yet.
    pub fn new(as_json: bool) -> Self {
        if as_json {
            return Self::Silent;
        }
        if !io::stderr().is_terminal() {
            return Self::Lines(String::new());
        }
        let bar = ProgressBar::new_spinner();
        bar.set_style(style(OPEN));
        bar.enable_steady_tick(Duration::from_millis(120));
        Self::Bar(bar)
    }

    /// Shows what the event says.
    pub fn show(&mut self, event: &Event) {
        let Some(step) = step(event) else { return };
        match self {
            Self::Silent => {}
            Self::Bar(bar) => {
                if let Some((done, total)) = step.counted {
                    bar.set_style(style(COUNTED));
                    bar.set_length(total.into());
                    bar.set_position(done.into());
                } else {
                    bar.set_style(style(OPEN));
                }
                bar.set_message(step.words);
            }
            Self::Lines(last) => {
                let line = match step.counted {
                    Some((done, total)) => format!("{} ({done} of {total})", step.words),
                    None => step.words,
                };
                if *last != line {
                    // A log that cannot be written keeps nobody from what they asked for.
                    let _ = writeln!(io::stderr(), "{line}");
                    *last = line;
                }
            }
        }
    }

    /// Leaves the terminal as it was.
    pub fn clear(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// `None` for events that say nothing of progress: the last one, which is told in full.
fn step(event: &Event) -> Option<Step> {
    let document = event.document.as_ref()?;
    if document.tone != Tone::Working && event.outcome.is_some() {
        return None;
    }
    let title = document.title.clone().unwrap_or_default();
    let progress = document.blocks.iter().find_map(|block| match block {
        Block::Progress { label, done, total } => Some((label, *done, *total)),
        _ => None,
    });
    Some(match progress {
        Some((label, done, total)) => {
            let counted = (total > 0).then_some((done.min(total), total));
            Step { words: format!("{title}: {label}"), counted }
        }
        None => Step { words: title, counted: None },
    })
}
