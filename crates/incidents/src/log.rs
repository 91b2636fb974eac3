//! The program's own log without secrets: a writer that blanks them in each line, and panics that go there too.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::{self, Write},
    panic,
    sync::Arc,
};

use guildhall_core::error::panic_text;
use tracing_subscriber::fmt::MakeWriter;

use crate::Scrub;

/// Lets panics be told in the log. By itself a panic writes to standard error, past [`Blanking`], and what it says is
/// often the error that nobody expected, an address with a password in it among others.
pub fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let text = panic_text(panic.payload());
        let trace = Backtrace::capture();
        match trace.status() {
            BacktraceStatus::Captured => tracing::error!(place, "panicked: {text}\n{trace}"),
            _ => tracing::error!(place, "panicked: {text}"),
        }
    }));
}

/// Blanks secrets in whatever the log writes. The log hands over one event at a time, so no secret is ever split.
#[derive(Clone, Debug)]
pub struct Blanking<M> {
    inner: M,
    scrub: Arc<Scrub>,
}

impl<M> Blanking<M> {
    /// In front of a writer such as `std::io::stderr`.
    pub fn new(inner: M, scrub: Arc<Scrub>) -> Self {
        Self { inner, scrub }
    }
}

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Blanking<M> {
    type Writer = BlankingWriter<'a, M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        BlankingWriter { inner: self.inner.make_writer(), scrub: &self.scrub }
    }
}

/// What [`Blanking`] makes for one event.
#[derive(Debug)]
pub struct BlankingWriter<'a, W> {
    inner: W,
    scrub: &'a Scrub,
}

impl<W: Write> Write for BlankingWriter<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.inner.write_all(self.scrub.secrets(&text).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
