//! A game's recent output, and who wrote what to it.
//!
//! Offsets count the bytes since the process's start. A line that somebody writes to the game takes one byte
//! of its own, so that a reader who goes on after an offset sees each line once.

use std::collections::VecDeque;

use super::protocol::{self, MAX_PIECE, Tell};

/// The written lines that are kept; older ones are forgotten, whatever output is still there.
const MAX_INPUTS: usize = 500;

/// The newest bytes, up to a bound.
#[derive(Debug)]
pub(super) struct Ring {
    bytes: VecDeque<u8>,
    most: usize,
    head: u64,
    inputs: VecDeque<Input>,
}

#[derive(Debug)]
struct Input {
    at: u64,
    by: String,
    line: String,
}

impl Ring {
    /// Keeps at most `most` bytes; room is taken as it is needed.
    pub(super) fn new(most: usize) -> Self {
        Self { bytes: VecDeque::new(), most: most.max(1), head: 0, inputs: VecDeque::new() }
    }

    /// The offset behind the newest byte.
    pub(super) fn head(&self) -> u64 {
        self.head
    }

    /// The offset of the oldest byte.
    fn tail(&self) -> u64 {
        self.head - self.bytes.len() as u64
    }

    /// Where to read on after an offset: for `u64::MAX` the newest `limit` bytes, for an offset of an earlier
    /// process all that there is.
    pub(super) fn place(&self, after: u64, limit: u64) -> u64 {
        match after {
            u64::MAX => self.head.saturating_sub(limit).max(self.tail()),
            after if after > self.head => self.tail(),
            after => after,
        }
    }

    /// Takes output in.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.head += bytes.len() as u64;
        let kept = &bytes[bytes.len().saturating_sub(self.most)..];
        let over = (self.bytes.len() + kept.len()).saturating_sub(self.most);
        self.bytes.drain(..over);
        self.bytes.extend(kept);
        self.forget();
    }

    /// Takes a line in that somebody wrote to the game.
    pub(super) fn input(&mut self, by: String, line: String) {
        let at = self.head;
        self.write(&[0]);
        self.inputs.push_back(Input { at, by, line });
        self.forget();
    }

    fn forget(&mut self) {
        let tail = self.tail();
        while self.inputs.len() > MAX_INPUTS || self.inputs.front().is_some_and(|input| input.at < tail) {
            self.inputs.pop_front();
        }
    }

    /// Appends the frame of what comes next after `position`, and moves `position` behind it. `false` when
    /// there is nothing.
    pub(super) fn frame_after(&self, position: &mut u64, to: &mut Vec<u8>) -> bool {
        let tail = self.tail();
        if *position < tail {
            Tell::Gap { offset: tail, bytes: tail - *position }.encode(to);
            *position = tail;
            return true;
        }
        if *position >= self.head {
            return false;
        }
        let first = self.inputs.partition_point(|input| input.at < *position);
        let next = self.inputs.get(first);
        if let Some(input) = next.filter(|input| input.at == *position) {
            *position += 1;
            let (by, line) = (input.by.clone(), input.line.clone());
            Tell::Input { offset: *position, by, line }.encode(to);
            return true;
        }
        let end = next.map_or(self.head, |input| input.at).min(*position + MAX_PIECE as u64);
        // Both lie between tail and head, so they fit into the ring's length.
        let (from, until) = ((*position - tail) as usize, (end - tail) as usize);
        let (left, right) = self.bytes.as_slices();
        let in_left = &left[from.min(left.len())..until.min(left.len())];
        let in_right = &right[from.saturating_sub(left.len())..until.saturating_sub(left.len())];
        protocol::put_output(to, end, &[in_left, in_right]);
        *position = end;
        true
    }

    /// All that is kept, as frames.
    pub(super) fn frames(&self) -> Vec<u8> {
        let (mut position, mut frames) = (0, Vec::new());
        while self.frame_after(&mut position, &mut frames) {}
        frames
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::protocol::Frames, *};

    fn read(ring: &Ring, mut position: u64) -> Vec<Tell> {
        let mut bytes = Vec::new();
        while ring.frame_after(&mut position, &mut bytes) {}
        let (mut frames, mut tells) = (Frames::default(), Vec::new());
        frames.push(&bytes);
        while let Some(frame) = frames.next_frame().unwrap() {
            tells.push(Tell::decode(frame).unwrap());
        }
        tells
    }

    #[test]
    fn what_is_thrown_away_is_told_as_a_gap() {
        let mut ring = Ring::new(4);
        ring.write(b"abcdef");
        let gap = Tell::Gap { offset: 2, bytes: 2 };
        assert_eq!(read(&ring, 0), [gap, Tell::Output { offset: 6, bytes: b"cdef".to_vec() }]);
        assert_eq!(read(&ring, 5), [Tell::Output { offset: 6, bytes: b"f".to_vec() }]);
        assert_eq!(read(&ring, 6), []);
    }

    #[test]
    fn a_written_line_is_told_once_and_in_its_place() {
        let mut ring = Ring::new(100);
        ring.write(b"a\n");
        ring.input("staff".to_owned(), "say hi".to_owned());
        ring.write(b"b\n");
        let input = Tell::Input { offset: 3, by: "staff".to_owned(), line: "say hi".to_owned() };
        let output = |offset, text: &[u8]| Tell::Output { offset, bytes: text.to_vec() };
        assert_eq!(read(&ring, 0), [output(2, b"a\n"), input.clone(), output(5, b"b\n")]);
        assert_eq!(read(&ring, 2), [input, output(5, b"b\n")]);
        assert_eq!(read(&ring, 3), [output(5, b"b\n")]);
    }

    proptest! {
        #[test]
        fn every_byte_is_told_or_counted(
            writes in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..60)), 0..40),
            most in 1_usize..120,
            reads in prop::collection::vec(0_usize..40, 0..6),
        ) {
            let (mut ring, mut position, mut told, mut all) = (Ring::new(most), 0, 0, Vec::new());
            for (index, (is_input, bytes)) in writes.iter().enumerate() {
                if *is_input {
                    ring.input("x".to_owned(), "y".to_owned());
                    all.push(0);
                } else {
                    ring.write(bytes);
                    all.extend_from_slice(bytes);
                }
                if reads.contains(&index) || index + 1 == writes.len() {
                    for tell in read(&ring, position) {
                        match tell {
                            Tell::Output { offset, bytes } => {
                                told += bytes.len() as u64;
                                prop_assert_eq!(&all[offset as usize - bytes.len()..offset as usize], &bytes[..]);
                            }
                            Tell::Gap { bytes, .. } => told += bytes,
                            Tell::Input { .. } => told += 1,
                            other => prop_assert!(false, "{:?}", other),
                        }
                    }
                    position = ring.head();
                    prop_assert_eq!(told, position);
                }
            }
        }
    }
}
