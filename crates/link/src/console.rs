//! A queue of console lines that never makes its writer wait: what does not fit is dropped, and told to the
//! reader as a gap, with how much it was.

use std::{
    collections::{BTreeMap, VecDeque, btree_map::Entry},
    sync::{Mutex, MutexGuard, PoisonError},
};

use guildhall_core::{ServerId, TenantId};
use tokio::sync::Notify;

use crate::{
    check::MAX_CONSOLE_LINES,
    message::{ConsoleChunk, ConsoleLine, ConsolePush},
};

/// Servers whose gaps are kept apart.
const MOST_GAPS: usize = 256;

pub(crate) struct ConsoleQueue {
    most_bytes: usize,
    state: Mutex<State>,
    filled: Notify,
}

#[derive(Default)]
struct State {
    pushes: VecDeque<ConsolePush>,
    bytes: usize,
    gaps: BTreeMap<ServerId, Gap>,
}

struct Gap {
    tenant: TenantId,
    offset: u64,
    bytes: u64,
}

impl Gap {
    fn line(&self) -> ConsoleLine {
        ConsoleLine::Gap { offset: self.offset, bytes: self.bytes }
    }

    /// The gap as lines of its own.
    fn push(self, server: ServerId) -> ConsolePush {
        let chunk = ConsoleChunk { lines: vec![self.line()], next: self.offset };
        ConsolePush { tenant: self.tenant, server, chunk }
    }

    /// The lines with the gap before them. A chunk that is full already keeps its length, or the other end
    /// would refuse it; the gap is given back as lines of its own.
    fn before(self, push: &mut ConsolePush) -> Option<ConsolePush> {
        if push.chunk.lines.len() >= MAX_CONSOLE_LINES {
            return Some(self.push(push.server));
        }
        push.chunk.lines.insert(0, self.line());
        None
    }
}

impl ConsoleQueue {
    /// A queue that holds about `most_bytes` of text.
    pub(crate) fn new(most_bytes: usize) -> Self {
        Self { most_bytes, state: Mutex::default(), filled: Notify::new() }
    }

    /// Adds lines, or counts them as a gap.
    pub(crate) fn push(&self, mut push: ConsolePush) {
        let mut state = self.lock();
        if state.bytes + weight(&push) > self.most_bytes {
            state.drop_as_gap(&push);
        } else {
            if let Some(gap) = state.gaps.remove(&push.server)
                && let Some(alone) = gap.before(&mut push)
            {
                state.add_last(alone);
            }
            state.add_last(push);
        }
        drop(state);
        self.filled.notify_one();
    }

    /// Counts lines as a gap that the reader could not hand on.
    pub(crate) fn lost(&self, push: &ConsolePush) {
        self.lock().drop_as_gap(push);
    }

    /// The next lines, in order; a gap that nothing came after is given as lines of its own.
    pub(crate) async fn pop(&self) -> ConsolePush {
        loop {
            if let Some(push) = self.lock().take() {
                return push;
            }
            self.filled.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self) -> Option<ConsolePush> {
        if let Some(mut push) = self.pushes.pop_front() {
            self.bytes -= weight(&push);
            // What was lost on the way out comes before what waited behind it.
            if let Entry::Occupied(gap) = self.gaps.entry(push.server)
                && gap.get().offset < push.chunk.next
                && let Some(alone) = gap.remove().before(&mut push)
            {
                self.bytes += weight(&push);
                self.pushes.push_front(push);
                return Some(alone);
            }
            return Some(push);
        }
        let (server, gap) = self.gaps.pop_first()?;
        Some(gap.push(server))
    }

    fn add_last(&mut self, push: ConsolePush) {
        self.bytes += weight(&push);
        self.pushes.push_back(push);
    }

    fn drop_as_gap(&mut self, push: &ConsolePush) {
        let bytes = push.chunk.lines.iter().map(line_bytes).sum();
        metrics::counter!("guildhall_link_console_dropped_bytes_total").increment(bytes);
        if let Some(gap) = self.gaps.get_mut(&push.server) {
            gap.bytes = gap.bytes.saturating_add(bytes);
            gap.offset = gap.offset.max(push.chunk.next);
        } else if self.gaps.len() < MOST_GAPS {
            let gap = Gap { tenant: push.tenant.clone(), offset: push.chunk.next, bytes };
            self.gaps.insert(push.server, gap);
        }
    }
}

/// What a line takes of the game's output, its line end included.
fn line_bytes(line: &ConsoleLine) -> u64 {
    match line {
        ConsoleLine::Output { text, .. } => text.len() as u64 + 1,
        ConsoleLine::Input { .. } => 0,
        ConsoleLine::Gap { bytes, .. } => *bytes,
    }
}

/// What lines take of memory, about.
fn weight(push: &ConsolePush) -> usize {
    let line = |line: &ConsoleLine| match line {
        ConsoleLine::Output { text, .. } | ConsoleLine::Input { text, .. } => text.len() + 64,
        ConsoleLine::Gap { .. } => 64,
    };
    push.chunk.lines.iter().map(line).sum::<usize>() + 64
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn push(server: u128, offset: u64, text: &str) -> ConsolePush {
        let lines = vec![ConsoleLine::Output { offset, text: text.to_owned() }];
        let chunk = ConsoleChunk { lines, next: offset };
        ConsolePush { tenant: "t".parse().unwrap(), server: ServerId(Uuid::from_u128(server)), chunk }
    }

    #[tokio::test]
    async fn what_does_not_fit_becomes_a_gap_where_it_was() {
        let queue = ConsoleQueue::new(300);
        queue.push(push(1, 10, "first"));
        queue.push(push(1, 20, "second"));
        queue.push(push(1, 30, "third, too many"));
        queue.push(push(1, 40, "fourth"));
        assert_eq!(queue.pop().await, push(1, 10, "first"));
        assert_eq!(queue.pop().await, push(1, 20, "second"));
        queue.push(push(1, 50, "fifth"));
        let mut after = push(1, 50, "fifth");
        after.chunk.lines.insert(0, ConsoleLine::Gap { offset: 40, bytes: 16 + 7 });
        assert_eq!(queue.pop().await, after);
    }

    #[tokio::test]
    async fn what_the_reader_lost_is_told_before_what_waited() {
        let queue = ConsoleQueue::new(1000);
        queue.push(push(1, 10, "first"));
        queue.push(push(1, 20, "second"));
        let first = queue.pop().await;
        queue.lost(&first);
        let mut second = push(1, 20, "second");
        second.chunk.lines.insert(0, ConsoleLine::Gap { offset: 10, bytes: 6 });
        assert_eq!(queue.pop().await, second);
    }

    #[tokio::test]
    async fn a_gap_before_a_full_chunk_makes_it_no_longer_than_the_other_end_takes() {
        let full = |offset| {
            let mut full = push(1, offset, "x");
            full.chunk.lines = vec![full.chunk.lines[0].clone(); MAX_CONSOLE_LINES];
            full
        };
        let queue = ConsoleQueue::new(100_000);
        queue.push(full(10));
        queue.push(full(20));
        queue.push(full(30));
        queue.push(full(40));
        let first = queue.pop().await;
        // The fourth found no room; this one does, behind the gap that it left.
        queue.push(full(50));
        queue.lost(&first);
        let mut given = Vec::new();
        for _ in 0..5 {
            given.push(queue.pop().await);
        }
        assert!(given.iter().all(|push| push.chunk.lines.len() <= MAX_CONSOLE_LINES));
        let gaps = given.iter().flat_map(|push| &push.chunk.lines).filter_map(|line| match line {
            ConsoleLine::Gap { bytes, .. } => Some(*bytes),
            _ => None,
        });
        assert_eq!(gaps.sum::<u64>(), 2 * 2 * MAX_CONSOLE_LINES as u64, "two chunks were lost");
        assert_eq!(given.last().map(|push| push.chunk.next), Some(50));
    }

    #[tokio::test]
    async fn a_gap_at_the_end_is_told_too() {
        let queue = ConsoleQueue::new(150);
        queue.push(push(1, 10, "first"));
        queue.push(push(2, 30, "lost"));
        assert_eq!(queue.pop().await, push(1, 10, "first"));
        let mut gap = push(2, 30, "");
        gap.chunk.lines = vec![ConsoleLine::Gap { offset: 30, bytes: 5 }];
        assert_eq!(queue.pop().await, gap);
    }
}
