//! The control plane's end of the link: asks agents, knows which are there, and brings in what they say.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use guildhall_core::{Clock, HostId};
use rumqttc::Publish;
use tokio::{
    sync::{Notify, oneshot, watch},
    time::{Instant, timeout_at},
};
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use crate::{
    Agents, Inbox, LinkError,
    check::{self, Reason, Refused},
    connection::{Connection, Owner, Terms, expiring},
    feed::{self, Feed},
    message::{Presence, Reply, Request, VERSION},
    mqtt::{ConfigError, MqttConfig},
    topic::{self, ControlId, Incoming},
    trace, wire,
};

/// Hosts that are known at once.
const MOST_HOSTS: usize = 1000;

/// How the control plane's end behaves.
#[derive(Clone, Debug)]
pub struct ControllerConfig {
    /// The broker.
    pub mqtt: MqttConfig,
    /// The name of this control plane process.
    pub control: ControlId,
    /// How long an agent has for an answer.
    pub request_timeout: Duration,
    /// Requests to one host that may be under way at once; more wait their turn.
    pub in_flight: usize,
    /// How long after a connection a host that was there may take to say so again. A broker that lost what
    /// was retained needs the hosts to come back by themselves.
    pub confirm_within: Duration,
}

impl ControllerConfig {
    /// Ten seconds for an answer, 256 requests at once, half a minute for hosts to come back.
    pub fn new(mqtt: MqttConfig, control: ControlId) -> Self {
        Self {
            mqtt,
            control,
            request_timeout: Duration::from_secs(10),
            in_flight: 256,
            confirm_within: Duration::from_secs(30),
        }
    }
}

/// The control plane's end. Stays connected for as long as it lives.
pub struct Controller {
    core: Arc<Core>,
}

/// What the controller's tasks share.
pub(crate) struct Core {
    pub(crate) inbox: Arc<dyn Inbox>,
    pub(crate) clock: Arc<dyn Clock>,
    control: ControlId,
    request_timeout: Duration,
    in_flight: usize,
    confirm_within: Duration,
    connection: Connection,
    connected: watch::Sender<bool>,
    hosts: watch::Sender<BTreeMap<HostId, Presence>>,
    /// Hosts whose presence the inbox has yet to be told.
    changed: Mutex<BTreeSet<HostId>>,
    told: Notify,
    /// Hosts that have not said that they are there since the last connection.
    unconfirmed: watch::Sender<BTreeSet<HostId>>,
    feeds: Mutex<BTreeMap<HostId, Arc<Feed>>>,
    waiting: Mutex<HashMap<Uuid, Waiting>>,
}

/// Somebody who waits for an answer.
struct Waiting {
    host: HostId,
    answer: oneshot::Sender<Bytes>,
}

impl Controller {
    /// Begins to connect, and returns at once; see [`Controller::connected`].
    pub fn connect(
        config: ControllerConfig,
        inbox: Arc<dyn Inbox>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        let filters = topic::control_filters(&config.control);
        let terms = Terms { filters, will: None, inflight: 512, queue: 64 };
        let (connection, driver) = Connection::new(config.mqtt, terms, clock.clone())?;
        let core = Arc::new(Core {
            inbox,
            clock,
            control: config.control,
            request_timeout: config.request_timeout,
            in_flight: config.in_flight.max(1),
            confirm_within: config.confirm_within,
            connection,
            connected: watch::Sender::new(false),
            hosts: watch::Sender::new(BTreeMap::new()),
            changed: Mutex::default(),
            told: Notify::new(),
            unconfirmed: watch::Sender::default(),
            feeds: Mutex::default(),
            waiting: Mutex::default(),
        });
        core.connection.run(driver, core.clone());
        core.connection.spawn(tell_presence(core.clone()));
        Ok(Self { core })
    }

    /// Whether the broker is there and everything is subscribed.
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.core.connected.subscribe()
    }

    /// Why the broker is not there, in words for people; `None` while it is.
    pub fn away(&self) -> watch::Receiver<Option<String>> {
        self.core.connection.away()
    }

    /// Leaves the broker, and waits for the tasks to end. What waits for an answer is told
    /// [`LinkError::Broker`] or [`LinkError::Timeout`].
    pub async fn shutdown(&self) {
        self.core.connection.shutdown().await;
        self.core.connected.send_replace(false);
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.core.connection.stop();
    }
}

#[async_trait]
impl Agents for Controller {
    async fn request(&self, host: &HostId, request: Request) -> Result<Reply, LinkError> {
        // Without anybody who waits, as when servers are looked over, it would be a trace of its own each time.
        let span = match Span::current().is_none() {
            true => Span::none(),
            false => tracing::info_span!("upstream", name = "agent", %host),
        };
        let bytes = self.core.ask(host, &request).instrument(span).await?;
        check::reply(host, &bytes).map_err(|refused| {
            refused.count(host, "reply");
            LinkError::Untrusted(host.clone(), refused.to_string())
        })
    }

    fn hosts(&self) -> watch::Receiver<BTreeMap<HostId, Presence>> {
        self.core.hosts.subscribe()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes somebody off the list when they no longer wait, however that came.
struct Place<'a> {
    core: &'a Core,
    correlation: Uuid,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        locked(&self.core.waiting).remove(&self.correlation);
    }
}

impl Core {
    /// Asks an agent, and gives the answer as it came.
    pub(crate) async fn ask(&self, host: &HostId, request: &Request) -> Result<Bytes, LinkError> {
        let began = Instant::now();
        let answer = self.ask_until(host, request, began + self.request_timeout).await;
        let outcome = match &answer {
            Ok(_) => "answered",
            Err(LinkError::Offline(_)) => "offline",
            Err(LinkError::Timeout(..)) => "timeout",
            Err(LinkError::Untrusted(..)) => "untrusted",
            Err(LinkError::TooLarge(..)) => "too_large",
            Err(LinkError::Broker(_)) => "broker",
        };
        metrics::counter!("guildhall_link_requests_total", "outcome" => outcome).increment(1);
        metrics::histogram!("guildhall_link_request_seconds").record(began.elapsed().as_secs_f64());
        answer
    }

    async fn ask_until(
        &self,
        host: &HostId,
        request: &Request,
        deadline: Instant,
    ) -> Result<Bytes, LinkError> {
        let late = || LinkError::Timeout(host.clone(), self.request_timeout.as_millis());
        if let Some(why) = &*self.connection.away().borrow() {
            return Err(LinkError::Broker(why.clone()));
        }
        // After the broker was away, an agent is asked only when it has said that it is back: a broker that
        // was restarted drops what nobody is there to read.
        let mut unconfirmed = self.unconfirmed.subscribe();
        let confirmed = unconfirmed.wait_for(|hosts| !hosts.contains(host));
        timeout_at(deadline, confirmed).await.map(drop).map_err(|_| late())?;
        let mut hosts = self.hosts.subscribe();
        let is_away = |hosts: &BTreeMap<HostId, Presence>| !hosts.get(host).is_some_and(|known| known.online);
        if is_away(&hosts.borrow_and_update()) {
            return Err(LinkError::Offline(host.clone()));
        }
        let Some(feed) = locked(&self.feeds).get(host).cloned() else {
            return Err(LinkError::Offline(host.clone()));
        };
        let payload = wire::encode(host, request).map_err(|refused| {
            refused.count(host, "request");
            LinkError::TooLarge(host.clone(), refused.detail)
        })?;
        let permit = timeout_at(deadline, feed.permits.acquire()).await.map_err(|_| late())?;

        let (answer, answered) = oneshot::channel();
        let correlation = self.clock.uuid();
        locked(&self.waiting).insert(correlation, Waiting { host: host.clone(), answer });
        let place = Place { core: self, correlation };
        // A request that nobody waits for any more need not be delivered.
        let expiry = u32::try_from(self.request_timeout.as_secs().max(1)).unwrap_or(u32::MAX);
        let reply_to = topic::reply(&self.control, host);
        let options =
            expiring(expiry, Some(correlation.as_bytes().to_vec()), Some(reply_to), trace::properties());
        let sent =
            timeout_at(deadline, self.connection.publish(topic::request(host), payload, options)).await;
        sent.map_err(|_| late())?.map_err(|gone| LinkError::Broker(gone.0))?;
        let result = tokio::select! {
            answer = timeout_at(deadline, answered) => match answer {
                Ok(Ok(bytes)) => Ok(bytes),
                _ => Err(late()),
            },
            _ = hosts.wait_for(is_away) => Err(LinkError::Offline(host.clone())),
        };
        drop((place, permit));
        result
    }

    fn answer(&self, host: &HostId, message: Publish) {
        let correlation = message.properties.and_then(|properties| properties.correlation_data);
        let correlation = correlation.and_then(|data| Uuid::from_slice(&data).ok());
        let Some(correlation) = correlation else {
            Refused::new(Reason::Malformed, "an answer to no request").count(host, "reply");
            return;
        };
        let mut waiting = locked(&self.waiting);
        match waiting.remove(&correlation) {
            Some(waits) if waits.host == *host => {
                // Who gave up in this very moment does not need it.
                let _ = waits.answer.send(message.payload);
            }
            Some(waits) => {
                waiting.insert(correlation, waits);
                Refused::new(Reason::Host, "an answer to another host's request").count(host, "reply");
            }
            None => Refused::new(Reason::Late, "nobody waits for it").count(host, "reply"),
        }
    }

    fn presence(self: &Arc<Self>, host: &HostId, message: &Publish) {
        if message.payload.is_empty() {
            // Somebody took the retained message away: the host is no more.
            if self.hosts.borrow().get(host).is_some_and(|known| known.online) {
                self.set_offline(host);
            }
            return;
        }
        let mut presence = match check::presence(host, &message.payload) {
            Ok(presence) => presence,
            Err(refused) => return refused.count(host, "presence"),
        };
        if presence.version != VERSION {
            let detail = format!("its agent speaks version {}, this is version {VERSION}", presence.version);
            Refused::new(Reason::Version, detail).count(host, "presence");
            tracing::warn!(%host, agent = presence.agent, version = presence.version, "agent of another version is not used");
            presence.online = false;
        }
        // A will was written before it was known when it would be needed.
        if !presence.online && !message.retain {
            presence.since = self.clock.now();
        }
        let online = presence.online;
        let Some(feed) = self.feed(host) else {
            Refused::new(Reason::Bounds, "more hosts than are known at once").count(host, "presence");
            return;
        };
        self.set_presence(host.clone(), presence);
        self.unconfirmed.send_if_modified(|hosts| hosts.remove(host));
        if online {
            feed.greeted();
        }
    }

    fn set_presence(&self, host: HostId, presence: Presence) {
        let new = self.hosts.send_if_modified(|hosts| {
            let new = hosts.get(&host) != Some(&presence);
            hosts.insert(host.clone(), presence);
            new
        });
        if new {
            locked(&self.changed).insert(host);
            self.told.notify_one();
        }
    }

    fn set_offline(&self, host: &HostId) {
        let known = self.hosts.borrow().get(host).cloned();
        if let Some(known) = known {
            self.set_presence(host.clone(), Presence { online: false, since: self.clock.now(), ..known });
        }
    }

    fn online(&self) -> Vec<HostId> {
        self.hosts.borrow().values().filter(|known| known.online).map(|known| known.host.clone()).collect()
    }

    /// The host's feed; a new host gets one, until there are too many.
    fn feed(self: &Arc<Self>, host: &HostId) -> Option<Arc<Feed>> {
        let mut feeds = locked(&self.feeds);
        if let Some(feed) = feeds.get(host) {
            return Some(feed.clone());
        }
        if feeds.len() >= MOST_HOSTS {
            return None;
        }
        let feed = Arc::new(Feed::new(host.clone(), self.in_flight));
        feeds.insert(host.clone(), feed.clone());
        self.connection.spawn(feed::events(feed.clone(), self.clone()));
        self.connection.spawn(feed::consoles(feed.clone(), self.inbox.clone()));
        Some(feed)
    }

    /// Hosts that were there before the broker went have some time to say that they still are.
    async fn confirm(self: Arc<Self>, mut away: watch::Receiver<Option<String>>) {
        tokio::select! {
            () = self.clock.sleep(self.confirm_within) => {}
            _ = away.changed() => return,
        }
        let missing = self.unconfirmed.borrow().clone();
        for host in missing {
            tracing::warn!(%host, "agent has not come back");
            self.set_offline(&host);
            self.unconfirmed.send_if_modified(|hosts| hosts.remove(&host));
        }
    }
}

impl Owner for Core {
    fn message(self: Arc<Self>, message: Publish) {
        let incoming = std::str::from_utf8(&message.topic).ok().and_then(topic::incoming);
        match incoming {
            Some(Incoming::Reply(host)) => self.answer(&host, message),
            Some(Incoming::Presence(host)) => self.presence(&host, &message),
            // A host is known from its presence on; without it, its events wait in its journal.
            Some(Incoming::Event(host)) => {
                let feed = locked(&self.feeds).get(&host).cloned();
                match (check::event(&host, &message.payload), feed) {
                    (Ok(event), Some(feed)) => feed.event(event),
                    (Ok(_), None) => {}
                    (Err(refused), _) => refused.count(&host, "event"),
                }
            }
            Some(Incoming::Console(host)) => {
                let feed = locked(&self.feeds).get(&host).cloned();
                match (check::console(&host, &message.payload), feed) {
                    (Ok(push), Some(feed)) => feed.consoles.push(push),
                    (Ok(_), None) => {}
                    (Err(refused), _) => refused.count(&host, "console"),
                }
            }
            None => {
                metrics::counter!("guildhall_link_refused_total", "reason" => Reason::Malformed.as_str())
                    .increment(1);
            }
        }
    }

    fn connected(self: Arc<Self>) {
        self.connected.send_replace(true);
        // Their presence may have come before the subscription was confirmed, when they could not be asked.
        for host in self.online() {
            if let Some(feed) = self.feed(&host) {
                feed.greeted();
            }
        }
        let mut away = self.connection.away();
        away.mark_unchanged();
        self.connection.spawn(self.clone().confirm(away));
    }

    fn lost(self: Arc<Self>) {
        self.connected.send_replace(false);
        let there = self.online();
        self.unconfirmed.send_modify(|hosts| hosts.extend(there));
    }
}

/// Tells the inbox who came and went. A host that did both while the inbox was busy is told as it is now.
async fn tell_presence(core: Arc<Core>) {
    loop {
        let next = locked(&core.changed).pop_first();
        let Some(host) = next else {
            core.told.notified().await;
            continue;
        };
        let presence = core.hosts.borrow().get(&host).cloned();
        if let Some(presence) = presence {
            core.inbox.presence(presence).await;
        }
    }
}
