//! One connection to a shim: what it asks, and what it is told, without ever keeping the game waiting.

use std::{
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
};

use rustix::event::PollFlags;

use super::{
    protocol::{Ask, Ended, Frames, Tell},
    ring::Ring,
};

/// What waits for one client, in bytes, before no more is taken out of the ring for it.
const MAX_PENDING: usize = 128 * 1024;

/// Whoever is connected: the agent, or one of its watchers.
pub(super) struct Client {
    pub(super) stream: UnixStream,
    frames: Frames,
    pub(super) pending: Vec<u8>,
    /// Where the next record comes from; `u64::MAX` when only the end is waited for.
    pub(super) following: Option<u64>,
    pub(super) gone: bool,
}

impl Client {
    pub(super) fn new(stream: UnixStream) -> Self {
        Self { stream, frames: Frames::default(), pending: Vec::new(), following: None, gone: false }
    }

    pub(super) fn interest(&self) -> PollFlags {
        let writing = if self.pending.is_empty() { PollFlags::empty() } else { PollFlags::OUT };
        // Who does not read its answers is not listened to.
        let reading = if self.pending.len() < 2 * MAX_PENDING { PollFlags::IN } else { PollFlags::empty() };
        reading | writing
    }

    /// What the client asks, as far as it has arrived. One that does not speak the protocol is let go.
    pub(super) fn hear(&mut self) -> Vec<Ask> {
        let (mut asks, mut buffer) = (Vec::new(), [0; 8 * 1024]);
        match self.stream.read(&mut buffer) {
            Ok(0) => self.gone = true,
            Ok(length) => self.frames.push(&buffer[..length]),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(_) => self.gone = true,
        }
        loop {
            match self.frames.next_frame().and_then(|frame| frame.map(Ask::decode).transpose()) {
                Ok(Some(ask)) => asks.push(ask),
                Ok(None) => return asks,
                Err(_) => {
                    self.gone = true;
                    return asks;
                }
            }
        }
    }

    pub(super) fn tell(&mut self, tell: &Tell) {
        tell.encode(&mut self.pending);
    }

    /// Tells what the client follows, until it has everything or takes no more for now.
    pub(super) fn serve(&mut self, ring: &Ring, ended: Option<Ended>) {
        loop {
            self.fill(ring, ended);
            if self.pending.is_empty() {
                return;
            }
            self.flush();
            if self.gone || !self.pending.is_empty() {
                return;
            }
        }
    }

    /// Takes out of the ring what the client follows.
    fn fill(&mut self, ring: &Ring, ended: Option<Ended>) {
        let Some(mut position) = self.following else { return };
        while self.pending.len() < MAX_PENDING && ring.frame_after(&mut position, &mut self.pending) {}
        self.following = Some(position);
        if let (Some(ended), true) = (ended, position >= ring.head()) {
            self.tell(&Tell::Ended(ended));
            self.following = None;
        }
    }

    fn flush(&mut self) {
        let mut written = 0;
        while written < self.pending.len() && !self.gone {
            match self.stream.write(&self.pending[written..]) {
                Ok(0) => self.gone = true,
                Ok(length) => written += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => self.gone = true,
            }
        }
        self.pending.drain(..written);
    }

    /// Whether nothing is left to be told.
    pub(super) fn is_done(&self) -> bool {
        self.gone || (self.pending.is_empty() && self.following.is_none())
    }
}
