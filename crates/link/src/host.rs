//! The agent's end of the link: answers requests, publishes events and watched consoles, and says that it is
//! there.
//!
//! It keeps little: events are the journal's, so one that cannot be sent is forgotten here and asked for by
//! the control plane later; console lines become a gap; requests beyond a bound are not taken.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use guildhall_core::{Clock, HostId};
use rumqttc::{LastWill, Publish, PublishOptions, QoS};
use tokio::sync::{Semaphore, watch};
use tracing::Instrument as _;

use crate::{
    check::{self, Reason, Refused},
    connection::{Connection, Owner, Terms, expiring},
    console::ConsoleQueue,
    message::{AgentEvent, ConsoleLine, ConsolePush, Presence, Refusal, Reply, Request, VERSION},
    mqtt::{ConfigError, MqttConfig},
    topic, trace, wire,
};

/// Requests that are worked on at once.
const AT_ONCE: usize = 32;
/// Requests that are worked on or wait; what comes beyond is not answered.
const MOST_REQUESTS: usize = 512;
/// Console text that waits to be sent, in bytes.
const CONSOLE_BYTES: usize = 256 * 1024;
/// Seconds after which nobody waits for an answer any more.
const REPLY_EXPIRY: u32 = 10;
/// Requests that are remembered, so that one which the broker delivers twice is carried out once.
const REMEMBERED: usize = 1024;

/// What answers requests on a host.
#[async_trait]
pub trait HostService: Send + Sync {
    /// Answers one request. Several run at once. [`Request::Events`] is answered from the agent's journal;
    /// more than fits into one message is cut off at the end and asked for again. When the link ends, a
    /// request that is being worked on is abandoned where it waits.
    async fn handle(&self, request: Request) -> Reply;
}

/// The agent's end. Stays connected for as long as it lives.
pub struct HostLink {
    end: Arc<End>,
    connected: watch::Receiver<bool>,
}

struct End {
    host: HostId,
    agent: String,
    clock: Arc<dyn Clock>,
    service: Arc<dyn HostService>,
    connection: Connection,
    consoles: ConsoleQueue,
    taken: Arc<Semaphore>,
    working: Semaphore,
    seen: Mutex<Seen>,
    connected: watch::Sender<bool>,
}

/// The correlation data of the last requests.
#[derive(Default)]
struct Seen {
    order: VecDeque<Vec<u8>>,
    set: HashSet<Vec<u8>>,
}

impl Seen {
    /// Whether it is new.
    fn insert(&mut self, correlation: &[u8]) -> bool {
        if !self.set.insert(correlation.to_vec()) {
            return false;
        }
        self.order.push_back(correlation.to_vec());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.set.remove(&oldest);
        }
        true
    }
}

impl HostLink {
    /// Begins to connect, and returns at once. `agent` is the agent's own version, for people to read.
    pub fn connect(
        mqtt: MqttConfig,
        host: HostId,
        agent: &str,
        service: Arc<dyn HostService>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        let agent = check::cut(agent, check::MAX_NAME);
        let gone = presence(&host, &agent, false, &*clock);
        let will = LastWill::new(topic::presence(&host), gone, QoS::AtLeastOnce, true, None);
        let filters = vec![topic::request(&host), topic::presence(&host)];
        let terms = Terms { filters, will: Some(will), inflight: 64, queue: 16 };
        let (connection, driver) = Connection::new(mqtt, terms, clock.clone())?;
        let (set_connected, connected) = watch::channel(false);
        let end = Arc::new(End {
            host,
            agent,
            clock,
            service,
            connection,
            consoles: ConsoleQueue::new(CONSOLE_BYTES),
            taken: Arc::new(Semaphore::new(MOST_REQUESTS)),
            working: Semaphore::new(AT_ONCE),
            seen: Mutex::default(),
            connected: set_connected,
        });
        end.connection.run(driver, end.clone());
        end.connection.spawn(send_consoles(end.clone()));
        Ok(Self { end, connected })
    }

    /// Publishes an event that is in the journal already. While the broker is away nothing is queued: the
    /// control plane asks for what it missed at the next connection.
    pub async fn publish_event(&self, event: &AgentEvent) {
        let end = &self.end;
        match wire::encode(&end.host, event) {
            Ok(bytes) => {
                let sent =
                    end.connection.publish(topic::event(&end.host), bytes, PublishOptions::at_least_once());
                if sent.await.is_err() {
                    metrics::counter!("guildhall_link_events_deferred_total").increment(1);
                }
            }
            Err(refused) => refused.count(&end.host, "event"),
        }
    }

    /// Publishes console lines. Never waits: what does not fit is dropped, and told as a gap. Chunks of up to
    /// 64 KiB work best.
    pub fn publish_console(&self, push: ConsolePush) {
        self.end.consoles.push(push);
    }

    /// Whether the broker is there.
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.connected.clone()
    }

    /// Why the broker is not there, in words for people; `None` while it is.
    pub fn away(&self) -> watch::Receiver<Option<String>> {
        self.end.connection.away()
    }

    /// Says that the agent goes, leaves the broker, and waits for the tasks to end.
    pub async fn shutdown(&self) {
        let end = &self.end;
        // The goodbye comes back as this host's own presence, and must not be taken for a late will.
        end.connected.send_replace(false);
        let gone = presence(&end.host, &end.agent, false, &*end.clock);
        let goodbye = end.connection.publish(topic::presence(&end.host), gone, retained());
        let _ = tokio::time::timeout(std::time::Duration::from_secs(2), goodbye).await;
        end.connection.shutdown().await;
    }
}

fn presence(host: &HostId, agent: &str, online: bool, clock: &dyn Clock) -> Vec<u8> {
    let presence = Presence {
        version: VERSION,
        host: host.clone(),
        online,
        since: clock.now(),
        agent: agent.to_owned(),
    };
    // It is made of checked parts, so it can always be written; an empty message would remove it.
    serde_json::to_vec(&presence).unwrap_or_default()
}

fn retained() -> PublishOptions {
    PublishOptions::at_least_once().retained()
}

impl Drop for HostLink {
    /// Without [`HostLink::shutdown`] the connection just ends, and the broker publishes the will.
    fn drop(&mut self) {
        self.end.connection.stop();
    }
}

impl Owner for End {
    fn message(self: Arc<Self>, message: Publish) {
        if message.topic == topic::request(&self.host).as_bytes() {
            self.take(message);
        } else {
            self.own_presence(&message);
        }
    }

    fn connected(self: Arc<Self>) {
        self.connected.send_replace(true);
        self.announce();
    }

    fn lost(self: Arc<Self>) {
        self.connected.send_replace(false);
    }
}

impl End {
    fn announce(self: &Arc<Self>) {
        let end = self.clone();
        self.connection.spawn(async move {
            let here = presence(&end.host, &end.agent, true, &*end.clock);
            // When this fails the connection is lost, and the next one announces again.
            let _ = end.connection.publish(topic::presence(&end.host), here, retained()).await;
        });
    }

    /// The will of an earlier connection may come after the greeting of this one: then it is said again.
    fn own_presence(self: &Arc<Self>, message: &Publish) {
        let told_gone = check::presence(&self.host, &message.payload).is_ok_and(|seen| !seen.online);
        if told_gone && *self.connected.borrow() {
            self.announce();
        }
    }

    fn take(self: &Arc<Self>, message: Publish) {
        let properties = message.properties.unwrap_or_default();
        let reply_to = properties.response_topic.filter(|topic| topic::is_reply(topic, &self.host));
        let correlation = properties.correlation_data.filter(|data| (1..=64).contains(&data.len()));
        let (Some(reply_to), Some(correlation), false) = (reply_to, correlation, message.retain) else {
            Refused::new(Reason::Malformed, "it cannot be answered").count(&self.host, "request");
            return;
        };
        if !self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(&correlation) {
            return;
        }
        let Ok(place) = self.taken.clone().try_acquire_owned() else {
            Refused::new(Reason::Busy, "too many requests at once").count(&self.host, "request");
            return;
        };
        let end = self.clone();
        let span = trace::span(&properties.user_properties);
        self.connection.spawn(async move {
            let reply = end.answer(&message.payload).instrument(span).await;
            let options = expiring(REPLY_EXPIRY, Some(correlation.to_vec()), None, Vec::new());
            let _ = end.connection.publish(reply_to, reply, options).await;
            drop(place);
        });
    }

    async fn answer(&self, bytes: &[u8]) -> Vec<u8> {
        // The permit cannot fail: the semaphore is never closed.
        let _working = self.working.acquire().await;
        let (reply, newest_first) = match check::request(&self.host, bytes) {
            Ok(request) => {
                let newest_first = matches!(request, Request::Console { after: None, .. });
                (self.service.handle(request).await, newest_first)
            }
            Err(refused) => {
                refused.count(&self.host, "request");
                let why = match refused.reason {
                    Reason::Version => Refusal::Version,
                    _ => Refusal::Malformed,
                };
                (Reply::Refused { why, message: check::cut(&refused.to_string(), check::MAX_MESSAGE) }, false)
            }
        };
        self.fit(reply, newest_first)
    }

    /// Writes an answer; one that is too large is shortened where that keeps it true.
    fn fit(&self, mut reply: Reply, newest_first: bool) -> Vec<u8> {
        loop {
            match wire::encode(&self.host, &reply) {
                Ok(bytes) => return bytes,
                Err(refused) if !shorten(&mut reply, newest_first) => {
                    refused.count(&self.host, "reply");
                    let message = format!("The answer is too large to be sent: {refused}. Ask for less.");
                    reply = Reply::Refused { why: Refusal::Malformed, message };
                }
                Err(_) => {}
            }
        }
    }
}

/// Halves an answer that is a list which can be asked for again; false when it is none.
fn shorten(reply: &mut Reply, newest_first: bool) -> bool {
    match reply {
        Reply::Events { events } if events.len() > 1 => events.truncate(events.len() / 2),
        Reply::Console { chunk } if chunk.lines.len() > 1 => {
            let half = chunk.lines.len() / 2;
            if newest_first {
                chunk.lines.drain(..half);
            } else {
                chunk.lines.truncate(half);
                chunk.next = chunk.lines.last().map_or(chunk.next, |line| match line {
                    ConsoleLine::Output { offset, .. }
                    | ConsoleLine::Input { offset, .. }
                    | ConsoleLine::Gap { offset, .. } => *offset,
                });
            }
        }
        _ => return false,
    }
    true
}

async fn send_consoles(end: Arc<End>) {
    let mut away = end.connection.away();
    // Without a broker, lines wait in the bounded queue.
    while away.wait_for(Option::is_none).await.is_ok() {
        let push = end.consoles.pop().await;
        let sent = match wire::encode(&end.host, &push) {
            Ok(bytes) => end
                .connection
                .publish(topic::console(&end.host), bytes, PublishOptions::at_most_once())
                .await
                .is_ok(),
            Err(refused) => {
                refused.count(&end.host, "console");
                false
            }
        };
        if !sent {
            end.consoles.lost(&push);
        }
    }
}
