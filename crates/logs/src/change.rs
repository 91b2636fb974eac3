//! Changes of the community's own (settings, ranks, requirements), read from the event log into the audit log.

use std::{sync::Arc, time::Duration};

use guildhall_core::{
    Clock, Document, Error, Event, EventLog, Kind, Rich, Subject,
    document::{Block, Field},
    event::Filter,
    notebook::{self, Notebook},
};
use tokio_util::sync::CancellationToken;

use crate::{entry::Entry, logs::Logs};

/// Events read at once.
const AT_ONCE: u64 = 200;
/// Lines of one change, below its first.
const LINES: usize = 10;
/// The pause after the event log could not be read.
const PAUSE: Duration = Duration::from_secs(5);
/// Where the cursor is noted. It is one for all communities, so it stands under none of their names.
const BOOK: (&str, &str) = ("logs", "cursor");

pub(crate) struct Changes {
    events: Arc<dyn EventLog>,
    notebook: Arc<dyn Notebook>,
    clock: Arc<dyn Clock>,
}

impl Changes {
    pub(crate) fn new(events: Arc<dyn EventLog>, notebook: Arc<dyn Notebook>, clock: Arc<dyn Clock>) -> Self {
        Self { events, notebook, clock }
    }

    /// Reads on from where it stopped, until `stop`.
    pub(crate) async fn follow(&self, logs: &Logs, stop: CancellationToken) {
        let mut changes = self.events.changes();
        loop {
            let read = self.read(logs).await;
            let pause = async {
                match read {
                    Ok(()) => changes.changed().await.is_ok(),
                    Err(error) => {
                        tracing::warn!("changes could not be read for the audit log: {}", error.causes());
                        self.clock.sleep(PAUSE).await;
                        true
                    }
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                going_on = pause => if !going_on { return },
            }
        }
    }

    async fn read(&self, logs: &Logs) -> Result<(), Error> {
        let home = "system".parse().map_err(Error::bug)?;
        let noted = notebook::read::<i64>(self.notebook.as_ref(), &home, BOOK.0, BOOK.1).await?;
        let mut cursor = match noted {
            Some(cursor) => cursor,
            // What happened before the logs were there is not told.
            None => self.events.newest().await?,
        };
        let filter = Filter { subject: Some(Subject::Community), ..Filter::default() };
        loop {
            let events = self.events.after(cursor, &filter, AT_ONCE).await?;
            let mut outcome = Ok(());
            for event in &events {
                outcome = match entry(event) {
                    Some(entry) => logs.write(&event.tenant, entry).await,
                    None => Ok(()),
                };
                match &outcome {
                    // What passes by itself is tried again, from here on: no line is written twice.
                    Err(error) if matches!(error.kind, Kind::Upstream | Kind::Limit) => break,
                    // What does not must not keep everybody else's changes from being told.
                    Err(error) => {
                        tracing::warn!(tenant = %event.tenant, "a change was not logged: {}", error.causes());
                        outcome = Ok(());
                    }
                    Ok(()) => {}
                }
                cursor = event.cursor;
            }
            notebook::write(self.notebook.as_ref(), &home, BOOK.0, BOOK.1, &cursor).await?;
            outcome?;
            if (events.len() as u64) < AT_ONCE {
                return Ok(());
            }
        }
    }
}

/// The event's own words, each on a line; cases have a log of their own.
fn entry(event: &Event) -> Option<Entry> {
    if event.kind.starts_with("case.") {
        return None;
    }
    let lines = event.document.as_ref().map(lines).unwrap_or_default();
    let mut lines = lines.into_iter();
    let head = lines.next().unwrap_or_else(|| Rich::new().code(event.kind.as_str()));
    Some(lines.take(LINES).fold(Entry::change(head), Entry::more))
}

/// What a document says; its tables, buttons and pictures are not for a log.
fn lines(document: &Document) -> Vec<Rich> {
    let title = document.title.iter().map(|title| Rich::new().strong(title.as_str()));
    let blocks = document.blocks.iter().flat_map(|block| match block {
        Block::Heading { text } => vec![Rich::new().strong(text.as_str())],
        Block::Text { text } => vec![text.clone()],
        Block::Fields { fields } => fields.iter().map(named).collect(),
        _ => Vec::new(),
    });
    title.chain(blocks).collect()
}

fn named(field: &Field) -> Rich {
    let mut line = Rich::new().text(format!("{}: ", field.name));
    line.0.extend(field.value.0.iter().cloned());
    line
}
