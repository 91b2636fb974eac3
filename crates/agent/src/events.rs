//! The journal of what happened on the host: a file of one JSON line each, with a cursor that only grows.
//!
//! The control plane says how far it has read, and gets what came after, however long it or the broker was
//! away. An event is handed out only after it is safely on disk, so a cursor that was seen once never stands
//! for another event later.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use guildhall_link::message::AgentEvent;
use rustix::fs::FallocateFlags;
use tokio::sync::watch;

/// The file is cut in half when it grows above this.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
/// Room on the disk that is kept for the next events: some hundred of them.
const RESERVE: u64 = 256 * 1024;
/// Events that are kept in memory while the disk takes none; older ones are lost, and counted in the log.
const MAX_UNWRITTEN: usize = 1_000;
/// The newest events are kept in memory, because they are asked for at once.
const RECENT: usize = 200;

/// The journal.
pub(crate) struct Journal {
    path: PathBuf,
    most: u64,
    inner: Mutex<Inner>,
    newest: watch::Sender<u64>,
}

struct Inner {
    file: File,
    bytes: u64,
    /// Up to where the disk has room for the file, whatever else fills it.
    reserved: u64,
    cursor: u64,
    unwritten: VecDeque<Vec<u8>>,
    recent: VecDeque<AgentEvent>,
}

impl Journal {
    /// Opens the journal, and drops a last line that was not written to its end.
    pub(crate) fn open(path: &Path) -> io::Result<Arc<Self>> {
        Self::with_bound(path, MAX_BYTES)
    }

    fn with_bound(path: &Path, most: u64) -> io::Result<Arc<Self>> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        let (mut whole, mut cursor) = (0, 0);
        let mut reader = BufReader::new(&mut file);
        let mut line = Vec::new();
        while reader.by_ref().take(MAX_BYTES).read_until(b'\n', &mut line)? > 0 {
            if line.last() == Some(&b'\n') {
                whole += line.len() as u64;
                cursor = cursor_of(&line).map_or(cursor, |seen| seen.max(cursor));
            }
            line.clear();
        }
        file.set_len(whole)?;
        let mut inner = Inner {
            file,
            bytes: whole,
            reserved: 0,
            cursor,
            unwritten: VecDeque::new(),
            recent: VecDeque::new(),
        };
        inner.reserve();
        Ok(Arc::new(Self {
            path: path.to_owned(),
            most,
            inner: Mutex::new(inner),
            newest: watch::Sender::new(cursor),
        }))
    }

    /// Takes an event in and gives it its cursor. Never fails: while the disk takes nothing, events wait in
    /// memory.
    pub(crate) fn append(&self, mut event: AgentEvent) -> u64 {
        let mut inner = self.inner();
        inner.cursor += 1;
        event.cursor = inner.cursor;
        // An event is plain data; it always has a JSON form.
        let mut line = serde_json::to_vec(&event).unwrap_or_default();
        line.push(b'\n');
        inner.unwritten.push_back(line);
        if inner.recent.len() == RECENT {
            inner.recent.pop_front();
        }
        inner.recent.push_back(event);
        if let Err(error) = self.write_out(&mut inner) {
            tracing::error!(%error, "events cannot be written; make room on the disk");
            if inner.unwritten.len() > MAX_UNWRITTEN {
                inner.unwritten.pop_front();
                tracing::error!("an event was lost");
            }
        }
        let cursor = inner.cursor;
        drop(inner);
        self.newest.send_replace(cursor);
        cursor
    }

    /// The newest event's cursor.
    pub(crate) fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// The events after a cursor, at most `limit`, in order.
    pub(crate) async fn after(self: &Arc<Self>, after: u64, limit: usize) -> Vec<AgentEvent> {
        let journal = self.clone();
        let read = tokio::task::spawn_blocking(move || journal.read_after(after, limit)).await;
        match read {
            Ok(Ok(events)) => events,
            Ok(Err(error)) => {
                tracing::error!(%error, "events cannot be read");
                Vec::new()
            }
            Err(_) => Vec::new(),
        }
    }

    fn read_after(&self, after: u64, limit: usize) -> io::Result<Vec<AgentEvent>> {
        let mut inner = self.inner();
        if after >= inner.cursor {
            return Ok(Vec::new());
        }
        if let Err(error) = self.write_out(&mut inner) {
            tracing::error!(%error, "events wait to be written; make room on the disk");
        }
        inner.file.sync_data()?;
        let safe = inner.cursor - inner.unwritten.len() as u64;
        if inner.recent.front().is_some_and(|oldest| oldest.cursor <= after + 1) {
            return Ok(inner
                .recent
                .iter()
                .filter(|event| (after + 1..=safe).contains(&event.cursor))
                .take(limit)
                .cloned()
                .collect());
        }
        let bytes = inner.bytes;
        drop(inner);
        let mut events = Vec::new();
        let file = File::open(&self.path)?;
        for line in BufReader::new(file.take(bytes)).split(b'\n') {
            let line = line?;
            if cursor_of(&line).is_some_and(|cursor| cursor > after)
                && let Ok(event) = serde_json::from_slice(&line)
            {
                events.push(event);
                if events.len() == limit {
                    break;
                }
            }
        }
        Ok(events)
    }

    fn write_out(&self, inner: &mut Inner) -> io::Result<()> {
        while let Some(line) = inner.unwritten.front() {
            if let Err(error) = inner.file.write_all(line) {
                // Half a line must not become the beginning of the next one.
                inner.file.set_len(inner.bytes)?;
                inner.reserved = 0;
                return Err(error);
            }
            inner.bytes += line.len() as u64;
            inner.unwritten.pop_front();
        }
        if inner.bytes > self.most {
            let part = self.path.with_extension("part");
            if let Err(error) = self.cut(inner, &part) {
                // Nothing is lost by that: the file is cut later.
                tracing::warn!(%error, "the journal cannot be cut");
                let _ = fs::remove_file(&part);
            }
        }
        inner.reserve();
        Ok(())
    }

    /// Replaces the file by one with its newer half.
    fn cut(&self, inner: &mut Inner, part: &Path) -> io::Result<()> {
        let old = fs::read(&self.path)?;
        let half = old.len() / 2;
        let from = old[half..].iter().position(|byte| *byte == b'\n').map_or(0, |at| half + at + 1);
        // A part that a dying agent left is not to be appended to.
        let _ = fs::remove_file(part);
        let mut file = OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(part)?;
        file.write_all(&old[from..])?;
        file.sync_data()?;
        fs::rename(part, &self.path)?;
        inner.file = file;
        inner.bytes = (old.len() - from) as u64;
        inner.reserved = 0;
        Ok(())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Keeps room for the next events, so that a full disk can be told of. Not every file system can do it.
    fn reserve(&mut self) {
        if self.reserved >= self.bytes + RESERVE / 2 {
            return;
        }
        let (keep, from) = (FallocateFlags::KEEP_SIZE, self.bytes);
        if rustix::fs::fallocate(&self.file, keep, from, RESERVE).is_ok() {
            self.reserved = from + RESERVE;
        }
    }
}

fn cursor_of(line: &[u8]) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Head {
        cursor: u64,
    }
    serde_json::from_slice::<Head>(line).ok().map(|head| head.cursor)
}

#[cfg(test)]
mod tests {
    use guildhall_link::message::EventKind;

    use super::*;

    fn event(player: &str) -> AgentEvent {
        AgentEvent {
            cursor: 0,
            at: time::OffsetDateTime::UNIX_EPOCH,
            tenant: "t".parse().unwrap(),
            server: uuid::Uuid::from_u128(7).into(),
            generation: 1,
            session: None,
            kind: EventKind::Joined { player: player.to_owned() },
        }
    }

    #[tokio::test]
    async fn a_torn_last_event_is_dropped_and_its_cursor_was_never_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        let journal = Journal::open(&path).unwrap();
        assert_eq!((journal.append(event("a")), journal.append(event("b"))), (1, 2));
        drop(journal);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 9]).unwrap();
        let journal = Journal::open(&path).unwrap();
        assert_eq!(*journal.newest().borrow(), 1);
        assert_eq!(journal.append(event("c")), 2);
        let players: Vec<EventKind> =
            journal.after(0, 10).await.into_iter().map(|event| event.kind).collect();
        assert_eq!(players, [event("a").kind, event("c").kind]);
    }

    #[tokio::test]
    async fn rubbish_in_the_middle_costs_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        Journal::open(&path).unwrap().append(event("a"));
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"\xff{not json\n").unwrap();
        let journal = Journal::open(&path).unwrap();
        assert_eq!(journal.append(event("b")), 2);
        assert_eq!(journal.after(0, 10).await.len(), 2);
    }

    #[tokio::test]
    async fn the_file_is_bounded_and_the_cursor_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        let journal = Journal::with_bound(&path, 4_000).unwrap();
        for number in 1..=200 {
            assert_eq!(journal.append(event("somebody")), number);
            assert!(fs::metadata(&path).unwrap().len() <= 4_000);
        }
        let kept = journal.after(0, 1_000).await;
        assert_eq!(kept.last().unwrap().cursor, 200);
        assert!(kept.windows(2).all(|pair| pair[1].cursor == pair[0].cursor + 1));
        assert_eq!(journal.after(198, 1).await[0].cursor, 199);
        drop(journal);
        assert_eq!(Journal::open(&path).unwrap().append(event("x")), 201);
    }
}
