//! What agent and shim say to each other over the shim's socket.
//!
//! A frame is a length (4 bytes, big endian, of what follows), a tag (1 byte) and a body. Texts have a length
//! of 2 bytes before them. A shim may be older than the agent that talks to it, so tags are never given
//! another meaning: new ones are added.

use serde::{Deserialize, Serialize};

/// A frame above this is refused: the longest piece of output and its head.
pub const MAX_FRAME: usize = 64 * 1024;

/// The most output in one frame, in bytes.
pub const MAX_PIECE: usize = 32 * 1024;

/// The longest line that can be written to a game, in bytes: 1,000 characters of four bytes.
pub const MAX_LINE: usize = 4_000;

/// The longest name of who wrote a line, in bytes.
pub const MAX_BY: usize = 200;

/// Bytes that are no frame. The connection they came over is of no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// Longer than [`MAX_FRAME`], or empty.
    #[error("a frame of {0} bytes")]
    Length(usize),
    /// A tag that nobody knows.
    #[error("a frame with the unknown tag {0}")]
    Tag(u8),
    /// A body that is too short, too long, or no text where one belongs.
    #[error("a frame whose body does not fit its tag")]
    Body,
}

/// A signal that a game can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GameSignal {
    /// SIGHUP.
    Hup,
    /// SIGINT.
    Int,
    /// SIGQUIT.
    Quit,
    /// SIGTERM.
    Term,
    /// SIGKILL, to all of the game's processes.
    Kill,
}

impl GameSignal {
    /// The signal's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hup => "SIGHUP",
            Self::Int => "SIGINT",
            Self::Quit => "SIGQUIT",
            Self::Term => "SIGTERM",
            Self::Kill => "SIGKILL",
        }
    }

    fn number(self) -> u8 {
        match self {
            Self::Hup => 1,
            Self::Int => 2,
            Self::Quit => 3,
            Self::Kill => 9,
            Self::Term => 15,
        }
    }

    fn from_number(number: u8) -> Option<Self> {
        [Self::Hup, Self::Int, Self::Quit, Self::Kill, Self::Term]
            .into_iter()
            .find(|signal| signal.number() == number)
    }
}

/// How a game's process ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Its exit status, when it ended by itself.
    pub status: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
}

/// What the agent asks of a shim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// What has been recorded after an offset, now. `u64::MAX` for the newest `limit` bytes. Answered by
    /// records and [`Tell::Caught`].
    Read {
        /// Only what comes after this.
        after: u64,
        /// At most about this many bytes.
        limit: u32,
    },
    /// What is recorded after an offset, as it comes. `u64::MAX` for what comes from now on. Answered by
    /// records, and by [`Tell::Ended`] when the game has ended and everything was told.
    Follow {
        /// Only what comes after this.
        after: u64,
    },
    /// Tell me when the game has ended. Answered by [`Tell::Ended`].
    Wait,
    /// Write a line to the game.
    Write {
        /// Who writes.
        by: String,
        /// The line, without its end.
        line: String,
    },
    /// Send the game's process group a signal.
    Signal(GameSignal),
}

/// What a shim answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tell {
    /// What the game wrote.
    Output {
        /// The offset behind it.
        offset: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// What somebody wrote to it. Counts as one byte.
    Input {
        /// The offset behind it.
        offset: u64,
        /// Who.
        by: String,
        /// The line.
        line: String,
    },
    /// What was thrown away before it was read.
    Gap {
        /// The offset behind it.
        offset: u64,
        /// How much, in bytes.
        bytes: u64,
    },
    /// Everything asked for was told; go on after this offset.
    Caught {
        /// The offset.
        next: u64,
    },
    /// The game has ended.
    Ended(Ended),
    /// Done.
    Done,
    /// Not done: the game has ended.
    NotRunning,
    /// Not done: the game does not read what was written to it before.
    Full,
}

impl Ask {
    /// Appends the frame.
    pub fn encode(&self, to: &mut Vec<u8>) {
        match self {
            Self::Read { after, limit } => frame(to, 1, |body| {
                body.extend(after.to_be_bytes());
                body.extend(limit.to_be_bytes());
            }),
            Self::Follow { after } => frame(to, 2, |body| body.extend(after.to_be_bytes())),
            Self::Wait => frame(to, 3, |_| {}),
            Self::Write { by, line } => frame(to, 4, |body| {
                put_text(body, by, MAX_BY);
                put_text(body, line, MAX_LINE);
            }),
            Self::Signal(signal) => frame(to, 5, |body| body.push(signal.number())),
        }
    }

    /// Reads a frame's tag and body.
    pub fn decode(frame: &[u8]) -> Result<Self, ProtocolError> {
        let mut body = Body(frame);
        let ask = match body.byte()? {
            1 => Self::Read { after: body.u64()?, limit: body.u32()? },
            2 => Self::Follow { after: body.u64()? },
            3 => Self::Wait,
            4 => Self::Write { by: body.text(MAX_BY)?, line: body.text(MAX_LINE)? },
            5 => Self::Signal(GameSignal::from_number(body.byte()?).ok_or(ProtocolError::Body)?),
            tag => return Err(ProtocolError::Tag(tag)),
        };
        body.end().map(|()| ask)
    }
}

impl Tell {
    /// Appends the frame.
    pub fn encode(&self, to: &mut Vec<u8>) {
        match self {
            Self::Output { offset, bytes } => put_output(to, *offset, &[bytes]),
            Self::Input { offset, by, line } => frame(to, 129, |body| {
                body.extend(offset.to_be_bytes());
                put_text(body, by, MAX_BY);
                put_text(body, line, MAX_LINE);
            }),
            Self::Gap { offset, bytes } => frame(to, 130, |body| {
                body.extend(offset.to_be_bytes());
                body.extend(bytes.to_be_bytes());
            }),
            Self::Caught { next } => frame(to, 131, |body| body.extend(next.to_be_bytes())),
            Self::Ended(ended) => frame(to, 132, |body| {
                for number in [ended.status, ended.signal] {
                    body.push(u8::from(number.is_some()));
                    body.extend(number.unwrap_or_default().to_be_bytes());
                }
                body.extend(ended.at_ms.to_be_bytes());
            }),
            Self::Done => frame(to, 133, |_| {}),
            Self::NotRunning => frame(to, 134, |_| {}),
            Self::Full => frame(to, 135, |_| {}),
        }
    }

    /// Reads a frame's tag and body.
    pub fn decode(frame: &[u8]) -> Result<Self, ProtocolError> {
        let mut body = Body(frame);
        let tell = match body.byte()? {
            128 => Self::Output { offset: body.u64()?, bytes: std::mem::take(&mut body.0).to_vec() },
            129 => Self::Input { offset: body.u64()?, by: body.text(MAX_BY)?, line: body.text(MAX_LINE)? },
            130 => Self::Gap { offset: body.u64()?, bytes: body.u64()? },
            131 => Self::Caught { next: body.u64()? },
            132 => Self::Ended(Ended { status: body.number()?, signal: body.number()?, at_ms: body.u64()? }),
            133 => Self::Done,
            134 => Self::NotRunning,
            135 => Self::Full,
            tag => return Err(ProtocolError::Tag(tag)),
        };
        body.end().map(|()| tell)
    }
}

/// Appends an output frame whose bytes lie in several pieces, as in a ring.
pub(super) fn put_output(to: &mut Vec<u8>, offset: u64, pieces: &[&[u8]]) {
    frame(to, 128, |body| {
        body.extend(offset.to_be_bytes());
        for piece in pieces {
            body.extend_from_slice(piece);
        }
    });
}

/// Takes frames out of a stream of bytes.
#[derive(Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    taken: usize,
}

impl Frames {
    /// Takes bytes in.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.taken > 0 {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame: its tag and body.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, ProtocolError> {
        let left = &self.bytes[self.taken..];
        let Some((head, rest)) = left.split_first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_be_bytes(*head) as usize;
        if length == 0 || length > MAX_FRAME {
            return Err(ProtocolError::Length(length));
        }
        if rest.len() < length {
            return Ok(None);
        }
        let from = self.taken + 4;
        self.taken = from + length;
        Ok(Some(&self.bytes[from..self.taken]))
    }
}

fn frame(to: &mut Vec<u8>, tag: u8, body: impl FnOnce(&mut Vec<u8>)) {
    let start = to.len();
    to.extend([0, 0, 0, 0, tag]);
    body(to);
    let length = u32::try_from(to.len() - start - 4).unwrap_or(u32::MAX);
    to[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

fn put_text(to: &mut Vec<u8>, text: &str, most: usize) {
    let text = &text[..text.floor_char_boundary(most)];
    // `most` is below 65,536 for every text.
    to.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    to.extend_from_slice(text.as_bytes());
}

struct Body<'a>(&'a [u8]);

impl Body<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], ProtocolError> {
        let (bytes, rest) = self.0.split_first_chunk::<N>().ok_or(ProtocolError::Body)?;
        self.0 = rest;
        Ok(*bytes)
    }

    fn byte(&mut self) -> Result<u8, ProtocolError> {
        Ok(self.take::<1>()?[0])
    }

    fn u32(&mut self) -> Result<u32, ProtocolError> {
        self.take().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Result<u64, ProtocolError> {
        self.take().map(u64::from_be_bytes)
    }

    fn number(&mut self) -> Result<Option<i32>, ProtocolError> {
        let there = self.byte()? != 0;
        let number = self.take().map(i32::from_be_bytes)?;
        Ok(there.then_some(number))
    }

    fn text(&mut self, most: usize) -> Result<String, ProtocolError> {
        let length = usize::from(self.take().map(u16::from_be_bytes)?);
        if length > most || length > self.0.len() {
            return Err(ProtocolError::Body);
        }
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        String::from_utf8(text.to_vec()).map_err(|_| ProtocolError::Body)
    }

    fn end(&self) -> Result<(), ProtocolError> {
        if self.0.is_empty() { Ok(()) } else { Err(ProtocolError::Body) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asks() -> impl Strategy<Value = Ask> {
        prop_oneof![
            (any::<u64>(), any::<u32>()).prop_map(|(after, limit)| Ask::Read { after, limit }),
            any::<u64>().prop_map(|after| Ask::Follow { after }),
            Just(Ask::Wait),
            ("\\PC{0,40}", "\\PC{0,900}").prop_map(|(by, line)| Ask::Write { by, line }),
            Just(Ask::Signal(GameSignal::Kill)),
        ]
    }

    fn tells() -> impl Strategy<Value = Tell> {
        prop_oneof![
            (any::<u64>(), prop::collection::vec(any::<u8>(), 0..500))
                .prop_map(|(offset, bytes)| Tell::Output { offset, bytes }),
            (any::<u64>(), "\\PC{0,40}", "\\PC{0,900}").prop_map(|(offset, by, line)| Tell::Input {
                offset,
                by,
                line
            }),
            (any::<u64>(), any::<u64>()).prop_map(|(offset, bytes)| Tell::Gap { offset, bytes }),
            any::<u64>().prop_map(|next| Tell::Caught { next }),
            (any::<Option<i32>>(), any::<Option<i32>>(), any::<u64>())
                .prop_map(|(status, signal, at_ms)| Tell::Ended(Ended { status, signal, at_ms })),
            Just(Tell::Done),
            Just(Tell::NotRunning),
            Just(Tell::Full),
        ]
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in(tells in prop::collection::vec(tells(), 0..8), cut in 1_usize..300) {
            let mut bytes = Vec::new();
            tells.iter().for_each(|tell| tell.encode(&mut bytes));
            let (mut frames, mut seen) = (Frames::default(), Vec::new());
            for piece in bytes.chunks(cut) {
                frames.push(piece);
                while let Some(frame) = frames.next_frame().unwrap() {
                    seen.push(Tell::decode(frame).unwrap());
                }
            }
            prop_assert_eq!(seen, tells);
        }

        #[test]
        fn what_is_asked_is_understood(ask in asks()) {
            let mut bytes = Vec::new();
            ask.encode(&mut bytes);
            prop_assert_eq!(Ask::decode(&bytes[4..]), Ok(ask));
        }

        #[test]
        fn rubbish_is_refused_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
            let _ = Ask::decode(&bytes);
            let _ = Tell::decode(&bytes);
            let mut frames = Frames::default();
            frames.push(&bytes);
            while let Ok(Some(frame)) = frames.next_frame() {
                prop_assert!(frame.len() <= MAX_FRAME);
            }
        }
    }

    #[test]
    fn a_frame_of_a_wrong_length_ends_the_conversation() {
        for length in [0_u32, 70_000, u32::MAX] {
            let mut frames = Frames::default();
            frames.push(&length.to_be_bytes());
            assert_eq!(frames.next_frame(), Err(ProtocolError::Length(length as usize)));
        }
    }
}
