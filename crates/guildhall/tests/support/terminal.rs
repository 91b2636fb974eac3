//! The real program on a terminal of its own, as somebody at a keyboard meets it.

use std::{
    io::{Read as _, Write as _},
    process::Child,
    sync::{Arc, Condvar, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use pty_process::{
    Size,
    blocking::{Command, Pty, open},
};

/// A program that believes somebody watches it.
pub struct Terminal {
    child: Child,
    pty: Arc<Pty>,
    screen: Arc<(Mutex<String>, Condvar)>,
    reader: Option<JoinHandle<()>>,
}

impl Terminal {
    /// Starts the command on a terminal of 40 lines and 200 columns.
    pub fn start(command: Command) -> Self {
        let (pty, pts) = open().expect("a terminal");
        pty.resize(Size::new(40, 200)).expect("a size");
        let child = command.spawn(pts).expect("the program runs");
        let (pty, screen) = (Arc::new(pty), Arc::<(Mutex<String>, Condvar)>::default());
        let (from, onto) = (pty.clone(), screen.clone());
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // A terminal that nobody has open any more ends with an error.
            while let Ok(read @ 1..) = from.as_ref().read(&mut bytes) {
                onto.0.lock().expect("nobody panicked").push_str(&String::from_utf8_lossy(&bytes[..read]));
                onto.1.notify_all();
            }
        });
        Self { child, pty, screen, reader: Some(reader) }
    }

    /// Waits until these words have been shown; everything so far.
    pub fn shows(&self, words: &str, within: Duration) -> String {
        let screen = self.screen.0.lock().expect("nobody panicked");
        let missing = |screen: &mut String| !screen.contains(words);
        let (screen, waited) =
            self.screen.1.wait_timeout_while(screen, within, missing).expect("nobody panicked");
        assert!(!waited.timed_out(), "'{words}' never came:\n{screen}");
        screen.clone()
    }

    /// Types these keys.
    pub fn types(&self, keys: &str) {
        self.pty.as_ref().write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Waits until the program has ended; its exit status, and everything it has shown.
    pub fn ends(mut self, within: Duration) -> (Option<i32>, String) {
        let end = Instant::now() + within;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            assert!(
                Instant::now() < end,
                "it does not end:\n{}",
                self.screen.0.lock().expect("nobody panicked")
            );
            std::thread::park_timeout(Duration::from_millis(20));
        };
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the terminal is read to its end");
        }
        (status.code(), self.screen.0.lock().expect("nobody panicked").clone())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // One that has ended already is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
