//! The way of one host's events and console lines into the inbox.
//!
//! Events are taken in one after the other, without gaps. Live ones that follow on what is known go straight
//! in; at each connection of the agent, and whenever something is missing, the agent's journal is asked for
//! what came after the inbox's cursor. What the journal says is the order: it may have forgotten old events,
//! and one that is refused is stepped over, so that it does not keep the later ones out.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::FutureExt;
use guildhall_core::HostId;
use tokio::sync::{Notify, Semaphore};

use crate::{
    Inbox, LinkError,
    backoff::Backoff,
    check::{self, Caught, Reason, Refused},
    console::ConsoleQueue,
    controller::Core,
    message::{AgentEvent, Request},
};

/// Live events that wait; the journal has those that do not fit.
const MOST_LIVE: usize = 256;
/// Console text of one host that waits for the inbox, in bytes.
const CONSOLE_BYTES: usize = 1024 * 1024;

pub(crate) struct Feed {
    pub(crate) host: HostId,
    /// Bounds the requests to this host.
    pub(crate) permits: Semaphore,
    pub(crate) consoles: ConsoleQueue,
    live: Mutex<Live>,
    woken: Notify,
    /// The agent said that it is there: what was asked before may never be answered.
    greeted: Notify,
}

#[derive(Default)]
struct Live {
    events: VecDeque<AgentEvent>,
    /// The journal has to be asked.
    behind: bool,
}

/// What to do next.
enum Next {
    CatchUp,
    Event(Box<AgentEvent>),
    Wait,
}

impl Feed {
    pub(crate) fn new(host: HostId, in_flight: usize) -> Self {
        Self {
            host,
            permits: Semaphore::new(in_flight),
            consoles: ConsoleQueue::new(CONSOLE_BYTES),
            live: Mutex::default(),
            woken: Notify::new(),
            greeted: Notify::new(),
        }
    }

    /// Adds a live event.
    pub(crate) fn event(&self, event: AgentEvent) {
        let mut live = self.lock();
        if live.events.len() < MOST_LIVE {
            live.events.push_back(event);
        } else {
            live.behind = true;
        }
        drop(live);
        self.woken.notify_one();
    }

    /// Says that the agent is there, perhaps anew: events may have been missed.
    pub(crate) fn greeted(&self) {
        self.lock().behind = true;
        self.woken.notify_one();
        self.greeted.notify_one();
    }

    fn next(&self) -> Next {
        let mut live = self.lock();
        if std::mem::take(&mut live.behind) {
            return Next::CatchUp;
        }
        live.events.pop_front().map_or(Next::Wait, |event| Next::Event(Box::new(event)))
    }

    fn lock(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands console lines to the inbox.
pub(crate) async fn consoles(feed: Arc<Feed>, inbox: Arc<dyn Inbox>) {
    loop {
        let push = feed.consoles.pop().await;
        inbox.console(&feed.host, push).await;
    }
}

/// Hands events to the inbox.
pub(crate) async fn events(feed: Arc<Feed>, core: Arc<Core>) {
    let mut reader = Reader { feed, core, position: None };
    loop {
        match reader.feed.next() {
            // When it cannot be asked, its next connection says again that there is something to ask for.
            Next::CatchUp => reader.catch_up().await,
            Next::Event(event) => reader.live(*event).await,
            Next::Wait => reader.feed.woken.notified().await,
        }
    }
}

struct Reader {
    feed: Arc<Feed>,
    core: Arc<Core>,
    /// The last event that is known to have been taken in; `None` until the journal was read to its end.
    position: Option<u64>,
}

impl Reader {
    async fn live(&mut self, event: AgentEvent) {
        match self.position {
            Some(position) if event.cursor <= position => {}
            Some(position) if event.cursor == position + 1 => {
                self.position = Some(event.cursor);
                self.hand_on(event).await;
            }
            // Something is missing: the journal has this event, too.
            _ => self.catch_up().await,
        }
    }

    async fn catch_up(&mut self) {
        self.position = None;
        let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(15));
        // What is asked from here on is asked of the agent that has greeted.
        let _ = self.feed.greeted.notified().now_or_never();
        let mut after = self.core.inbox.cursor(&self.feed.host).await;
        loop {
            let asked = tokio::select! {
                asked = self.ask(after) => asked,
                () = self.feed.greeted.notified() => continue,
            };
            match asked {
                Ok(batch) if batch.is_empty() => {
                    self.position = Some(after);
                    return;
                }
                Ok(batch) => {
                    let before = after;
                    for caught in batch {
                        after = self.step(caught, after).await;
                    }
                    if after > before {
                        backoff.reset();
                        continue;
                    }
                }
                Err(LinkError::Offline(_) | LinkError::Broker(_)) => return,
                Err(error) => tracing::warn!(host = %self.feed.host, %error, "events could not be asked for"),
            }
            tokio::select! {
                () = self.core.clock.sleep(backoff.next()) => {}
                () = self.feed.greeted.notified() => backoff.reset(),
            }
        }
    }

    async fn ask(&self, after: u64) -> Result<Vec<Caught>, LinkError> {
        let host = &self.feed.host;
        let request = Request::Events { after, limit: check::MAX_EVENTS };
        let bytes = self.core.ask(host, &request).await?;
        let untrusted = |refused: Refused| {
            refused.count(host, "reply");
            LinkError::Untrusted(host.clone(), refused.to_string())
        };
        match check::events(host, &bytes).map_err(untrusted)? {
            Some(events) => Ok(events),
            None => Err(LinkError::Untrusted(host.clone(), "it did not answer with events".to_owned())),
        }
    }

    /// Takes in one event of the journal, and says where that leaves us.
    async fn step(&self, caught: Caught, after: u64) -> u64 {
        let host = &self.feed.host;
        match caught {
            Ok(event) if event.cursor > after => {
                let missing = event.cursor - after - 1;
                if missing > 0 {
                    metrics::counter!("guildhall_link_events_lost_total").increment(missing);
                    tracing::warn!(%host, after, missing, "the agent's journal has forgotten events");
                }
                let cursor = event.cursor;
                self.hand_on(event).await;
                cursor
            }
            Ok(event) => {
                let detail = format!("event {} came after {after}", event.cursor);
                Refused::new(Reason::Order, detail).count(host, "event");
                after
            }
            Err((cursor, refused)) => {
                refused.count(host, "event");
                cursor.map_or(after, |cursor| cursor.max(after))
            }
        }
    }

    /// Offers an event until it is taken in.
    async fn hand_on(&self, event: AgentEvent) {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(15));
        let cursor = event.cursor;
        while let Err(error) = self.core.inbox.event(&self.feed.host, event.clone()).await {
            tracing::warn!(host = %self.feed.host, cursor, error = %error.causes(), "event was not taken in");
            self.core.clock.sleep(backoff.next()).await;
        }
    }
}
