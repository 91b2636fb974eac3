//! An inbox that remembers and an agent that keeps a journal.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use guildhall_core::{Error, HostId, ServerId, SystemClock, incident};
use guildhall_link::{
    Agents, Controller, ControllerConfig, HostLink, HostService, Inbox, MqttConfig,
    message::{
        AgentEvent, ConsoleChunk, ConsoleLine, ConsolePush, EventKind, Presence, Refusal, Reply, Request,
    },
    topic::ControlId,
};
use rumqttc::{AsyncClient, Broker, Event, MqttOptions, Packet, Publish, PublishOptions, QoS};
use secrecy::ExposeSecret;
use time::OffsetDateTime;
use tokio::sync::watch;
use uuid::Uuid;

use crate::brokers::{TestBroker, host};

/// Long enough for a slow machine, and only waited out by a failing test.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// Waits until `value` holds.
pub async fn until<T: Clone + std::fmt::Debug>(
    receiver: &mut watch::Receiver<T>,
    holds: impl FnMut(&T) -> bool,
) -> T {
    let last = receiver.clone();
    match tokio::time::timeout(PATIENCE, receiver.wait_for(holds)).await {
        Ok(value) => value.expect("its sender lives").clone(),
        Err(_) => panic!("not in time; it is {:?}", *last.borrow()),
    }
}

#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub events: Vec<AgentEvent>,
    pub consoles: Vec<ConsolePush>,
    pub presence: Vec<Presence>,
}

impl Seen {
    pub fn cursors(&self) -> Vec<u64> {
        self.events.iter().map(|event| event.cursor).collect()
    }
}

/// Remembers everything.
pub struct Recorder {
    pub seen: watch::Sender<Seen>,
    pub errors_left: AtomicU32,
    pub offered: AtomicU32,
    /// Console lines are taken while this is open.
    pub consoles_open: watch::Sender<bool>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self {
            seen: watch::Sender::default(),
            errors_left: AtomicU32::new(0),
            offered: AtomicU32::new(0),
            consoles_open: watch::Sender::new(true),
        }
    }
}

impl Recorder {
    pub async fn until(&self, holds: impl FnMut(&Seen) -> bool) -> Seen {
        until(&mut self.seen.subscribe(), holds).await
    }
}

#[async_trait]
impl Inbox for Recorder {
    async fn cursor(&self, _: &HostId) -> u64 {
        self.seen.borrow().events.last().map_or(0, |event| event.cursor)
    }

    async fn event(&self, _: &HostId, event: AgentEvent) -> Result<(), Error> {
        self.offered.fetch_add(1, Ordering::Relaxed);
        if self
            .errors_left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .is_ok()
        {
            return Err(Error::bug("not now"));
        }
        self.seen.send_modify(|seen| seen.events.push(event));
        Ok(())
    }

    async fn console(&self, _: &HostId, push: ConsolePush) {
        let _ = self.consoles_open.subscribe().wait_for(|open| *open).await;
        self.seen.send_modify(|seen| seen.consoles.push(push));
    }

    async fn presence(&self, presence: Presence) {
        self.seen.send_modify(|seen| seen.presence.push(presence));
    }
}

/// An agent's journal and answers.
#[derive(Default)]
pub struct Journal {
    events: Mutex<Vec<AgentEvent>>,
    pub handled: AtomicU64,
    /// The trace that was under way at each request.
    pub traces: Mutex<Vec<Option<String>>>,
    pub silent: std::sync::atomic::AtomicBool,
}

impl Journal {
    /// Keeps an event, as an agent does before it publishes it.
    pub fn add(&self, kind: EventKind) -> AgentEvent {
        let mut events = self.events.lock().unwrap();
        let event = AgentEvent {
            cursor: events.len() as u64 + 1,
            at: OffsetDateTime::UNIX_EPOCH,
            tenant: "community".parse().unwrap(),
            server: server(),
            generation: 1,
            session: None,
            kind,
        };
        events.push(event.clone());
        event
    }

    pub fn joined(&self) -> AgentEvent {
        self.add(EventKind::Joined { player: "anna".to_owned() })
    }
}

#[async_trait]
impl HostService for Journal {
    async fn handle(&self, request: Request) -> Reply {
        if self.silent.load(Ordering::Relaxed) && !matches!(request, Request::Events { .. }) {
            std::future::pending::<()>().await;
        }
        match request {
            Request::Events { after, limit } => {
                let events = self.events.lock().unwrap();
                let later = events.iter().filter(|event| event.cursor > after);
                Reply::Events { events: later.take(limit.into()).cloned().collect() }
            }
            Request::FreePorts { wanted, .. } => {
                self.traces.lock().unwrap().push(incident::current_trace());
                self.handled.fetch_add(1, Ordering::Relaxed);
                Reply::Ports { free: wanted }
            }
            _ => {
                self.handled.fetch_add(1, Ordering::Relaxed);
                Reply::Refused { why: Refusal::UnknownServer, message: "There is none.".to_owned() }
            }
        }
    }
}

pub fn server() -> ServerId {
    ServerId(Uuid::from_u128(1))
}

pub fn console(offset: u64, text: &str) -> ConsolePush {
    let lines = vec![ConsoleLine::Output { offset, text: text.to_owned() }];
    let chunk = ConsoleChunk { lines, next: offset };
    ConsolePush { tenant: "community".parse().unwrap(), server: server(), chunk }
}

/// The control plane's end, with a short patience.
pub fn controller(broker: &TestBroker, inbox: &Arc<Recorder>) -> Controller {
    controller_with(broker, inbox, |_| {})
}

pub fn controller_with(
    broker: &TestBroker,
    inbox: &Arc<Recorder>,
    change: impl FnOnce(&mut ControllerConfig),
) -> Controller {
    let mut config = ControllerConfig::new(broker.control(), ControlId::default());
    config.request_timeout = PATIENCE;
    change(&mut config);
    Controller::connect(config, inbox.clone(), Arc::new(SystemClock)).unwrap()
}

/// The agent's end.
pub fn agent(broker: &TestBroker, journal: &Arc<Journal>) -> HostLink {
    agent_with(broker.agent(&host()), journal)
}

pub fn agent_with(config: MqttConfig, journal: &Arc<Journal>) -> HostLink {
    HostLink::connect(config, host(), "1.2.3", journal.clone(), Arc::new(SystemClock)).unwrap()
}

/// Waits until the controller sees the host there, or gone.
pub async fn until_online(controller: &Controller, online: bool) {
    let holds =
        |hosts: &BTreeMap<HostId, Presence>| hosts.get(&host()).is_some_and(|seen| seen.online == online);
    until(&mut controller.hosts(), holds).await;
}

/// A client that says whatever a test wants.
pub struct Raw {
    pub client: AsyncClient,
    messages: tokio::sync::mpsc::Receiver<Publish>,
    task: tokio::task::JoinHandle<()>,
}

impl Raw {
    pub async fn connect(config: MqttConfig, filters: &[String]) -> Self {
        let (name, port) = (config.url.host_str().unwrap().to_owned(), config.url.port().unwrap());
        let mut options = MqttOptions::new(config.client_id, Broker::tcp(name, port));
        options.set_credentials(config.username, config.password.expose_secret().to_owned());
        let (client, mut events) = AsyncClient::builder(options).capacity(16).build();
        for filter in filters {
            client.subscribe(filter.as_str(), QoS::AtLeastOnce).await.unwrap();
        }
        let (send, messages) = tokio::sync::mpsc::channel(64);
        let (ready, mut subscribed) = watch::channel(0);
        let task = tokio::spawn(async move {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Packet::Publish(message))) => drop(send.try_send(message)),
                    Ok(Event::Incoming(Packet::SubAck(_) | Packet::ConnAck(_))) => {
                        ready.send_modify(|count| *count += 1);
                    }
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        });
        let wanted = filters.len() + 1;
        until(&mut subscribed, |count| *count >= wanted).await;
        Self { client, messages, task }
    }

    pub async fn say(&self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.client.publish(topic, payload.into(), PublishOptions::at_least_once()).await.unwrap();
    }

    pub async fn hear(&mut self) -> Publish {
        tokio::time::timeout(PATIENCE, self.messages.recv()).await.expect("in time").expect("connected")
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.task.abort();
    }
}
