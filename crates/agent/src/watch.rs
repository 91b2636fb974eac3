//! Pushes a console's lines to the control plane while somebody watches.
//!
//! The watcher reads from the shim by itself, so that a slow broker slows neither the game nor the agent: what
//! is not read in time falls out of the shim's ring and is told as a gap.

use std::{path::Path, sync::Arc, time::Duration};

use guildhall_core::{ServerId, TenantId};
use guildhall_link::message::{ConsoleLine, ConsolePush};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout_at},
};

use crate::{
    console::{self, MAX_LINES, MAX_PUSH, Splitter},
    game::Conversation,
    host::Host,
    shim::protocol::{Ask, Tell},
};

/// Lines are held back this long, for others to go with them.
const GATHER: Duration = Duration::from_millis(5);
/// How often a game that does not run is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Pushes the lines of one server's console until nobody watches any more.
pub(crate) struct Watcher {
    pub(crate) host: Arc<Host>,
    pub(crate) tenant: TenantId,
    pub(crate) server: ServerId,
    /// Until when somebody watches; may be put off.
    pub(crate) until: watch::Receiver<Instant>,
}

impl Watcher {
    /// Pushes lines from now on.
    pub(crate) async fn run(mut self) {
        let runtime = self.host.layout.runtime(self.server);
        let mut after = u64::MAX;
        loop {
            let until = *self.until.borrow_and_update();
            if Instant::now() >= until {
                return;
            }
            tokio::select! {
                ended = self.follow(&runtime, after) => {
                    if !ended {
                        let look = until.min(Instant::now() + LOOK_EVERY);
                        sleep_until(look).await;
                    }
                    // A game that comes later is shown from its first line.
                    after = 0;
                }
                () = self.over() => return,
            }
        }
    }

    /// Returns when nobody watches any more.
    async fn over(&self) {
        let mut until = self.until.clone();
        loop {
            let now = *until.borrow_and_update();
            tokio::select! {
                () = sleep_until(now) => return,
                changed = until.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Follows one run of the game; `false` when there was none.
    async fn follow(&self, runtime: &Path, after: u64) -> bool {
        let Ok(mut talk) = Conversation::begin(runtime).await else { return false };
        if talk.ask(&Ask::Follow { after }).await.is_err() {
            return false;
        }
        let (mut splitter, mut lines) = (Splitter::default(), Vec::new());
        while let Ok(tell) = talk.next().await {
            let flush_at = Instant::now() + GATHER;
            let mut tell = Ok(Ok(tell));
            let mut ended = false;
            while let Ok(Ok(now)) = tell {
                if matches!(now, Tell::Ended(_)) {
                    splitter.flush(&mut lines);
                    ended = true;
                    break;
                }
                splitter.push(now, &mut lines);
                if lines.len() >= MAX_LINES {
                    break;
                }
                tell = timeout_at(flush_at, talk.next()).await;
            }
            self.push(&mut lines, splitter.whole());
            if ended {
                break;
            }
        }
        true
    }

    fn push(&self, lines: &mut Vec<ConsoleLine>, next: u64) {
        let Some(out) = self.host.console_out() else { return lines.clear() };
        while !lines.is_empty() {
            let before = lines.len();
            let chunk = console::first_chunk(lines, MAX_LINES, MAX_PUSH, next);
            out.push(ConsolePush { tenant: self.tenant.clone(), server: self.server, chunk });
            if lines.len() == before {
                // One line is always below the bound; this only keeps the loop from standing still.
                lines.clear();
            }
        }
    }
}
