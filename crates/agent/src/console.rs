//! From what a shim tells to console lines.

use guildhall_link::{
    check::{MAX_CRASH_BYTES, MAX_CRASH_LINES},
    message::{ConsoleChunk, ConsoleLine},
};

use crate::shim::protocol::{Frames, Tell};

/// The longest line, in bytes; a longer one is told in pieces.
pub(crate) const MAX_LINE: usize = 4_096;
/// The most lines in one chunk.
pub(crate) const MAX_LINES: usize = 500;
/// The most of an answer's JSON text, in bytes: well below the largest message.
pub(crate) const MAX_ANSWER: usize = 128 * 1024;
/// The most of a pushed chunk's JSON text, in bytes: what the link takes best.
pub(crate) const MAX_PUSH: usize = 48 * 1024;

/// Cuts a game's output into lines.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    partial: Vec<u8>,
    offset: u64,
}

impl Splitter {
    /// Takes in what a shim tells, and gives out the lines that are whole by it. What somebody wrote, and a
    /// gap, end a line too: a prompt has no line end.
    pub(crate) fn push(&mut self, tell: Tell, lines: &mut Vec<ConsoleLine>) {
        match tell {
            Tell::Output { offset, bytes } => {
                self.offset = offset.saturating_sub(bytes.len() as u64);
                self.output(&bytes, lines);
            }
            Tell::Input { offset, by, line } => {
                self.flush(lines);
                self.offset = offset;
                lines.push(ConsoleLine::Input { offset, by, text: line });
            }
            Tell::Gap { offset, bytes } => {
                self.flush(lines);
                self.offset = offset;
                lines.push(ConsoleLine::Gap { offset, bytes });
            }
            _ => {}
        }
    }

    fn output(&mut self, mut bytes: &[u8], lines: &mut Vec<ConsoleLine>) {
        while !bytes.is_empty() {
            let room = MAX_LINE - self.partial.len();
            let end = bytes.iter().take(room).position(|byte| *byte == b'\n');
            let take = end.map_or(bytes.len().min(room), |at| at + 1);
            let (now, rest) = bytes.split_at(take);
            self.partial.extend_from_slice(now);
            self.offset += take as u64;
            bytes = rest;
            if end.is_some() {
                self.flush(lines);
            } else if self.partial.len() == MAX_LINE {
                self.flush_most(lines);
            }
        }
    }

    /// The offset behind the last line that was given out.
    pub(crate) fn whole(&self) -> u64 {
        self.offset - self.partial.len() as u64
    }

    /// Gives out what has no line end yet.
    pub(crate) fn flush(&mut self, lines: &mut Vec<ConsoleLine>) {
        if self.partial.is_empty() {
            return;
        }
        let line = self.partial.strip_suffix(b"\n").unwrap_or(&self.partial);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = cut(String::from_utf8_lossy(line).into_owned());
        lines.push(ConsoleLine::Output { offset: self.offset, text });
        self.partial.clear();
    }

    /// Gives out a full line's worth, but not half a character.
    fn flush_most(&mut self, lines: &mut Vec<ConsoleLine>) {
        let whole = match std::str::from_utf8(&self.partial) {
            Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => error.valid_up_to(),
            _ => self.partial.len(),
        };
        let begun = self.partial.split_off(whole);
        self.offset -= begun.len() as u64;
        self.flush(lines);
        self.offset += begun.len() as u64;
        self.partial = begun;
    }
}

/// Replacement characters are longer than what they replace.
fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_LINE));
    text
}

/// Lines for one message: as many as fit, from the front.
pub(crate) fn first_chunk(
    lines: &mut Vec<ConsoleLine>,
    limit: usize,
    most: usize,
    next: u64,
) -> ConsoleChunk {
    let mut bytes = 0;
    let fits = lines.iter().take(limit.min(MAX_LINES)).take_while(|line| {
        bytes += weight(line);
        bytes <= most
    });
    let count = fits.count();
    let rest = lines.split_off(count);
    let taken = std::mem::replace(lines, rest);
    let next = if lines.is_empty() { next } else { taken.last().map_or(next, offset) };
    ConsoleChunk { lines: taken, next }
}

/// Lines for one message: as many as fit, from the end.
pub(crate) fn last_chunk(mut lines: Vec<ConsoleLine>, limit: usize, next: u64) -> ConsoleChunk {
    let mut bytes = 0;
    let fits = lines.iter().rev().take(limit.min(MAX_LINES)).take_while(|line| {
        bytes += weight(line);
        bytes <= MAX_ANSWER
    });
    let count = fits.count();
    let lines = lines.split_off(lines.len() - count);
    ConsoleChunk { lines, next }
}

/// The offset behind a line.
pub(crate) fn offset(line: &ConsoleLine) -> u64 {
    match line {
        ConsoleLine::Output { offset, .. }
        | ConsoleLine::Input { offset, .. }
        | ConsoleLine::Gap { offset, .. } => *offset,
    }
}

/// About how long a line's JSON text is, in bytes. A control character takes six.
fn weight(line: &ConsoleLine) -> usize {
    let text = |text: &str| {
        text.bytes()
            .map(|byte| if byte < 0x20 { 6 } else { 1 + usize::from(matches!(byte, b'"' | b'\\')) })
            .sum::<usize>()
    };
    64 + match line {
        ConsoleLine::Output { text: line, .. } => text(line),
        ConsoleLine::Input { by, text: line, .. } => text(by) + text(line),
        ConsoleLine::Gap { .. } => 0,
    }
}

/// The lines that a shim left on disk, and the offset behind them.
pub(crate) fn from_frames(bytes: &[u8]) -> (Vec<ConsoleLine>, u64) {
    let (mut frames, mut splitter, mut lines) = (Frames::default(), Splitter::default(), Vec::new());
    frames.push(bytes);
    while let Ok(Some(frame)) = frames.next_frame() {
        let Ok(tell) = Tell::decode(frame) else { break };
        splitter.push(tell, &mut lines);
    }
    splitter.flush(&mut lines);
    (lines, splitter.offset)
}

/// The last lines of output as a person reads them, at most 20 of 200 characters each.
pub(crate) fn tail(lines: &[ConsoleLine]) -> Vec<String> {
    let texts = lines.iter().rev().filter_map(|line| match line {
        ConsoleLine::Output { text, .. } => Some(guildhall_recipes::patterns::strip_ansi(text)),
        _ => None,
    });
    let mut tail: Vec<String> =
        texts.filter(|text| !text.is_empty()).take(20).map(|text| text.chars().take(200).collect()).collect();
    tail.reverse();
    tail
}

/// The very last of these lines, as many as a crash is told with.
pub(crate) fn last_words(tail: &[String]) -> Vec<String> {
    let mut bytes = 0;
    let fits = tail.iter().rev().take(MAX_CRASH_LINES).take_while(|line| {
        bytes += line.len();
        bytes <= MAX_CRASH_BYTES
    });
    let count = fits.count();
    tail[tail.len() - count..].to_vec()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(pieces: &[&[u8]]) -> Vec<ConsoleLine> {
        let (mut splitter, mut lines, mut offset) = (Splitter::default(), Vec::new(), 0);
        for piece in pieces {
            offset += piece.len() as u64;
            splitter.push(Tell::Output { offset, bytes: piece.to_vec() }, &mut lines);
        }
        splitter.flush(&mut lines);
        lines
    }

    fn output(offset: u64, text: &str) -> ConsoleLine {
        ConsoleLine::Output { offset, text: text.to_owned() }
    }

    #[test]
    fn lines_are_whole_wherever_the_output_was_cut() {
        assert_eq!(
            split(&[b"on", b"e\r\ntw", b"o\n", b"> "]),
            [output(5, "one"), output(9, "two"), output(11, "> ")]
        );
    }

    #[test]
    fn what_somebody_wrote_comes_behind_the_prompt() {
        let (mut splitter, mut lines) = (Splitter::default(), Vec::new());
        splitter.push(Tell::Output { offset: 2, bytes: b"> ".to_vec() }, &mut lines);
        splitter.push(Tell::Input { offset: 3, by: "a".into(), line: "b".into() }, &mut lines);
        assert_eq!(
            lines,
            [output(2, "> "), ConsoleLine::Input { offset: 3, by: "a".into(), text: "b".into() }]
        );
    }

    #[test]
    fn a_chunk_says_where_to_go_on() {
        let mut lines: Vec<ConsoleLine> = (1..=10).map(|at| output(at, "x")).collect();
        let chunk = first_chunk(&mut lines, 4, MAX_PUSH, 10);
        assert_eq!((chunk.lines.len(), chunk.next), (4, 4));
        assert_eq!(first_chunk(&mut lines, 400, MAX_PUSH, 10).next, 10);
        let long: Vec<ConsoleLine> = (1..=500).map(|at| output(at, &"\u{1b}".repeat(4_000))).collect();
        let chunk = last_chunk(long, 500, 500);
        assert!(!chunk.lines.is_empty() && serde_json::to_vec(&chunk).unwrap().len() < 200 * 1024);
    }

    #[test]
    fn a_crash_is_told_with_its_very_last_lines() {
        let lines = |count: usize, text: &str| -> Vec<String> {
            (0..count).map(|at| format!("{at} {text}")).collect()
        };
        assert_eq!(last_words(&lines(3, "x")), lines(3, "x"));
        assert_eq!(last_words(&lines(20, "x")), lines(20, "x")[10..]);
        let long = last_words(&lines(20, &"\u{20ac}".repeat(190)));
        assert_eq!(long.len(), 3, "2 KiB hold three lines of 570 bytes");
        assert!(long[2].starts_with("19 "));
        assert!(last_words(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn no_byte_is_lost_and_offsets_grow(text in "[a-zé\\n]{0,9000}", cut in 1_usize..700) {
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(cut).collect();
            let lines = split(&pieces);
            let joined: String = lines.iter().map(|line| match line {
                ConsoleLine::Output { text, .. } => text.as_str(),
                _ => "",
            }).collect();
            prop_assert_eq!(joined, text.replace('\n', ""));
            prop_assert!(lines.windows(2).all(|pair| offset(&pair[0]) < offset(&pair[1])));
            prop_assert_eq!(lines.last().map_or(0, offset), text.len() as u64);
        }

        #[test]
        fn any_bytes_become_bounded_lines(bytes in prop::collection::vec(any::<u8>(), 0..12_000)) {
            for line in split(&[&bytes]) {
                let ConsoleLine::Output { text, .. } = line else { continue };
                prop_assert!(text.len() <= MAX_LINE);
            }
            let _ = from_frames(&bytes);
        }
    }
}
