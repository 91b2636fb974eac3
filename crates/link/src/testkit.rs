//! An agent without a host, a process or a network, for the tests of other crates.
//!
//! [`SimulatedAgent`] keeps what it is told, walks each server through its phases by itself, and hands its
//! events to the inbox in order. A test scripts what goes wrong, waits on conditions, and asks afterwards
//! what was really done. Nothing in it waits for time to pass.

mod walk;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use guildhall_core::{Clock, HostId, ServerId};
use tokio::sync::watch;

use crate::{
    Agents, Inbox, LinkError,
    message::{
        AgentEvent, ConsoleChunk, ConsoleLine, ConsolePush, Desired, EventKind, FailureCode, Observed, Phase,
        Presence, Refusal, Reply, Request, VERSION,
    },
};
use walk::Machine;

/// What goes wrong, from when it is set until it is cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An install step fails.
    Install,
    /// The start fails, in this way.
    Start(FailureCode),
    /// The game starts and is never ready.
    NeverReady,
}

/// What was really done for a server, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Desired states that were accepted and were not repetitions.
    pub applied: u32,
    /// Installations that ran to their end.
    pub installs: u32,
    /// Processes started.
    pub starts: u32,
    /// Processes stopped on request.
    pub stops: u32,
    /// Processes that crashed.
    pub crashes: u32,
    /// Folders removed.
    pub removes: u32,
}

/// Something that a server left on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leak {
    /// Whose.
    pub server: ServerId,
    /// Whether its process runs.
    pub running: bool,
    /// Whether its files are there.
    pub files: bool,
}

/// An agent that plays its part in memory. Clones are the same agent. It needs a Tokio runtime.
#[derive(Clone)]
pub struct SimulatedAgent {
    shared: Arc<Shared>,
}

struct Shared {
    host: HostId,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Goes up with every change; who waits for anything waits for this.
    changed: watch::Sender<u64>,
    hosts: watch::Sender<BTreeMap<HostId, Presence>>,
}

#[derive(Default)]
struct State {
    machines: BTreeMap<ServerId, Machine>,
    journal: Vec<AgentEvent>,
    /// The last event that the inbox took in.
    delivered: u64,
    attached: bool,
    consoles: BTreeMap<ServerId, Vec<ConsoleLine>>,
    watched: BTreeSet<ServerId>,
    requests: Vec<Request>,
    taken_ports: BTreeSet<u16>,
    online: bool,
    fault: Option<Fault>,
    faults: BTreeMap<ServerId, Fault>,
    refuse: Option<Refusal>,
    lose_replies: u32,
    /// No server enters this phase until it is released.
    held: Option<Phase>,
}

impl SimulatedAgent {
    /// An agent that is online and has no servers.
    pub fn new(host: HostId, clock: Arc<dyn Clock>) -> Self {
        let presence = Presence {
            version: VERSION,
            host: host.clone(),
            online: true,
            since: clock.now(),
            agent: "simulated".to_owned(),
        };
        let hosts = watch::Sender::new(BTreeMap::from([(host.clone(), presence)]));
        let state = Mutex::new(State { online: true, ..State::default() });
        Self { shared: Arc::new(Shared { host, clock, state, changed: watch::Sender::new(0), hosts }) }
    }

    /// Hands every event from now on, and those that are waiting, to `inbox`: after its cursor, in order,
    /// again when it errors. Call it once; the control plane is often made after the agent.
    pub fn attach(&self, inbox: Arc<dyn Inbox>) {
        self.shared.change(|state| state.attached = true);
        tokio::spawn(deliver(self.shared.clone(), inbox));
    }

    /// Hands out no more events, and lets go of the inbox: it and the agent may hold each other.
    pub fn detach(&self) {
        self.shared.change(|state| state.attached = false);
    }

    /// Which host it is on.
    pub fn host(&self) -> &HostId {
        &self.shared.host
    }

    /// Connects or disconnects it. Disconnected, it answers nobody, goes on working, and keeps its events.
    pub fn set_online(&self, online: bool) {
        let since = self.shared.clock.now();
        self.shared.change(|state| state.online = online);
        self.shared.hosts.send_modify(|hosts| {
            for presence in hosts.values_mut() {
                presence.online = online;
                presence.since = since;
            }
        });
    }

    /// Makes every server go wrong, or none again.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.shared.change(|state| state.fault = fault);
    }

    /// Makes one server go wrong, or not any more.
    pub fn set_fault_of(&self, server: ServerId, fault: Option<Fault>) {
        self.shared.change(|state| match fault {
            Some(fault) => state.faults.insert(server, fault),
            None => state.faults.remove(&server),
        });
    }

    /// Makes it refuse every request, or none again.
    pub fn refuse(&self, why: Option<Refusal>) {
        self.shared.change(|state| state.refuse = why);
    }

    /// Loses the next `count` answers: the request is carried out, and whoever asked is told
    /// [`LinkError::Timeout`] at once.
    pub fn lose_replies(&self, count: u32) {
        self.shared.change(|state| state.lose_replies = count);
    }

    /// Keeps every server from entering `phase` until [`SimulatedAgent::release`].
    pub fn hold_before(&self, phase: Phase) {
        self.shared.change(|state| state.held = Some(phase));
    }

    /// Lets held servers go on.
    pub fn release(&self) {
        self.shared.change(|state| state.held = None);
    }

    /// Crashes a running server; false when it does not run. With `restart` it is started again, otherwise
    /// its budget is spent and it has failed.
    pub fn crash(&self, server: ServerId, restart: bool) -> bool {
        let crashed =
            self.shared.change(|state| walk::crash(state, server, restart, self.shared.clock.now()));
        if crashed {
            walk::wake(&self.shared, server);
        }
        crashed
    }

    /// Lets a player join; false when the server is not ready.
    pub fn join(&self, server: ServerId, player: &str) -> bool {
        let (kind, player) = (EventKind::Joined { player: player.to_owned() }, player.to_owned());
        self.shared.change(|state| {
            walk::players(state, server, self.shared.clock.now(), kind, |names| names.push(player))
        })
    }

    /// Lets a player leave; false when the server is not ready.
    pub fn leave(&self, server: ServerId, player: &str) -> bool {
        let kind = EventKind::Left { player: player.to_owned() };
        self.shared.change(|state| {
            walk::players(state, server, self.shared.clock.now(), kind, |names| {
                names.retain(|name| name != player);
            })
        })
    }

    /// Lets the game write a line.
    pub fn print(&self, server: ServerId, text: &str) {
        self.shared.change(|state| {
            let offset = next_offset(state, server) + text.len() as u64 + 1;
            let line = ConsoleLine::Output { offset, text: text.to_owned() };
            state.consoles.entry(server).or_default().push(line);
        });
    }

    /// Takes a port, as another program on the host would.
    pub fn take_port(&self, port: u16) {
        self.shared.change(|state| state.taken_ports.insert(port));
    }

    /// What it sees of a server; `None` when there is no such server.
    pub fn observed(&self, server: ServerId) -> Option<Observed> {
        self.shared.lock().machines.get(&server).and_then(Machine::observed)
    }

    /// The last desired state of a server.
    pub fn desired(&self, server: ServerId) -> Option<Desired> {
        self.shared.lock().machines.get(&server).map(|machine| machine.desired.clone())
    }

    /// What was done for a server.
    pub fn effects(&self, server: ServerId) -> Effects {
        self.shared.lock().machines.get(&server).map(|machine| machine.effects).unwrap_or_default()
    }

    /// Every server that runs or has files.
    pub fn leaks(&self) -> Vec<Leak> {
        let state = self.shared.lock();
        let all = state.machines.iter().map(|(server, machine)| Leak {
            server: *server,
            running: machine.running(),
            files: machine.files,
        });
        all.filter(|leak| leak.running || leak.files).collect()
    }

    /// Every request so far, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().requests.clone()
    }

    /// Every event so far, in order.
    pub fn journal(&self) -> Vec<AgentEvent> {
        self.shared.lock().journal.clone()
    }

    /// The lines that were sent to a server's console.
    pub fn sent(&self, server: ServerId) -> Vec<String> {
        let state = self.shared.lock();
        let lines = state.consoles.get(&server).into_iter().flatten();
        lines
            .filter_map(|line| match line {
                ConsoleLine::Input { text, .. } => Some(text.clone()),
                _ => None,
            })
            .collect()
    }

    /// Returns once a server is in `phase`.
    pub async fn until_phase(&self, server: ServerId, phase: Phase) {
        self.until(|agent| agent.observed(server).is_some_and(|seen| seen.phase == phase)).await;
    }

    /// Returns once `holds`, which is asked after every change.
    pub async fn until(&self, holds: impl Fn(&Self) -> bool) {
        let mut changed = self.shared.changed.subscribe();
        while !holds(self) {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    /// Returns once every server is where it was told to be, or has failed, or is held, and the inbox has
    /// taken in every event.
    pub async fn until_idle(&self) {
        self.until(|agent| {
            let state = agent.shared.lock();
            let caught_up = !state.attached || state.delivered == state.journal.len() as u64 || !state.online;
            caught_up && state.machines.values().all(|machine| !machine.busy || machine.waits(&state))
        })
        .await;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.send_modify(|count| *count += 1);
        result
    }
}

#[async_trait]
impl Agents for SimulatedAgent {
    async fn request(&self, host: &HostId, request: Request) -> Result<Reply, LinkError> {
        let shared = &self.shared;
        if *host != shared.host || !shared.lock().online {
            return Err(LinkError::Offline(host.clone()));
        }
        let now = shared.clock.now();
        let (reply, wake, lost) = shared.change(|state| {
            state.requests.push(request.clone());
            if let Some(why) = state.refuse {
                return (
                    Reply::Refused { why, message: "The simulated agent was told to refuse.".into() },
                    None,
                    false,
                );
            }
            let lost = state.lose_replies > 0;
            state.lose_replies = state.lose_replies.saturating_sub(1);
            let wake = match &request {
                Request::Apply { desired } => Some(desired.server),
                _ => None,
            };
            (answer(state, request, now), wake, lost)
        });
        if let (Some(server), Reply::Applied { .. }) = (wake, &reply) {
            walk::wake(shared, server);
        }
        if lost { Err(LinkError::Timeout(host.clone(), 10_000)) } else { Ok(reply) }
    }

    fn hosts(&self) -> watch::Receiver<BTreeMap<HostId, Presence>> {
        self.shared.hosts.subscribe()
    }
}

fn answer(state: &mut State, request: Request, now: time::OffsetDateTime) -> Reply {
    let unknown =
        || Reply::Refused { why: Refusal::UnknownServer, message: "There is no such server here.".into() };
    let observed = |state: &State, server| state.machines.get(&server).and_then(Machine::observed);
    match request {
        Request::Apply { desired } => walk::apply(state, *desired, now),
        Request::Observe { server } => match observed(state, server) {
            Some(observed) => Reply::Observed { observed: Box::new(observed) },
            None => unknown(),
        },
        Request::ObserveAll => {
            Reply::AllObserved { servers: state.machines.values().filter_map(Machine::observed).collect() }
        }
        Request::FreePorts { wanted, count } => Reply::Ports { free: free_ports(state, &wanted, count) },
        Request::Console { server, after, limit } => match observed(state, server) {
            Some(_) => Reply::Console { chunk: console(state, server, after, limit.into()) },
            None => unknown(),
        },
        Request::WatchConsole { server, .. } => match observed(state, server) {
            Some(_) => {
                state.watched.insert(server);
                Reply::Done
            }
            None => unknown(),
        },
        Request::Send { server, line, by } => match observed(state, server) {
            None => unknown(),
            Some(seen) if seen.pid.is_none() => {
                Reply::Refused { why: Refusal::NotRunning, message: "The server is not running.".into() }
            }
            Some(_) => {
                let offset = next_offset(state, server);
                state.consoles.entry(server).or_default().push(ConsoleLine::Input { offset, by, text: line });
                Reply::Done
            }
        },
        Request::Events { after, limit } => {
            let later = state.journal.iter().filter(|event| event.cursor > after);
            Reply::Events { events: later.take(limit.into()).cloned().collect() }
        }
    }
}

fn free_ports(state: &State, wanted: &[u16], count: u16) -> Vec<u16> {
    let served = state.machines.values().filter(|machine| machine.files);
    let used: BTreeSet<u16> = served
        .flat_map(|machine| machine.desired.ports.values().copied())
        .chain(state.taken_ports.iter().copied())
        .collect();
    let first = wanted.iter().copied().max().unwrap_or(20_000);
    let mut free = Vec::new();
    for port in wanted.iter().copied().chain(first..=u16::MAX) {
        if free.len() < usize::from(count) && !used.contains(&port) && !free.contains(&port) {
            free.push(port);
        }
    }
    free
}

fn console(state: &State, server: ServerId, after: Option<u64>, limit: usize) -> ConsoleChunk {
    let lines = state.consoles.get(&server).map_or(&[][..], Vec::as_slice);
    let lines: Vec<ConsoleLine> = match after {
        Some(after) => lines.iter().filter(|line| offset(line) > after).take(limit).cloned().collect(),
        None => lines[lines.len().saturating_sub(limit)..].to_vec(),
    };
    let next = lines.last().map(offset).or(after).unwrap_or_default();
    ConsoleChunk { lines, next }
}

fn offset(line: &ConsoleLine) -> u64 {
    match line {
        ConsoleLine::Output { offset, .. }
        | ConsoleLine::Input { offset, .. }
        | ConsoleLine::Gap { offset, .. } => *offset,
    }
}

fn next_offset(state: &State, server: ServerId) -> u64 {
    state.consoles.get(&server).and_then(|lines| lines.last()).map(offset).unwrap_or_default()
}

/// Hands events, watched consoles and presence to the inbox for as long as the agent lives.
async fn deliver(shared: Arc<Shared>, inbox: Arc<dyn Inbox>) {
    let host = shared.host.clone();
    let mut changed = shared.changed.subscribe();
    let mut told: Option<bool> = None;
    let mut pushed: BTreeMap<ServerId, usize> = BTreeMap::new();
    loop {
        changed.mark_unchanged();
        if !shared.lock().attached {
            return;
        }
        let presence = shared.hosts.borrow().get(&host).cloned();
        let online = shared.lock().online;
        if let Some(presence) = presence.filter(|_| told != Some(online)) {
            told = Some(online);
            inbox.presence(presence).await;
            if online {
                let after = inbox.cursor(&host).await;
                shared.change(|state| state.delivered = after.min(state.journal.len() as u64));
            }
            continue;
        }
        let next = {
            let state = shared.lock();
            let index = usize::try_from(state.delivered).unwrap_or(usize::MAX);
            state.journal.get(index).filter(|_| state.online).cloned()
        };
        if let Some(event) = next {
            let cursor = event.cursor;
            match inbox.event(&host, event).await {
                Ok(()) => shared.change(|state| state.delivered = cursor),
                // Offered again; others get to run first, because the error may be theirs to mend.
                Err(_) => tokio::task::yield_now().await,
            }
            continue;
        }
        let pushes = if online { new_lines(&shared.lock(), &mut pushed) } else { Vec::new() };
        for push in pushes {
            inbox.console(&host, push).await;
        }
        if changed.changed().await.is_err() {
            return;
        }
    }
}

fn new_lines(state: &State, pushed: &mut BTreeMap<ServerId, usize>) -> Vec<ConsolePush> {
    let mut pushes = Vec::new();
    for server in &state.watched {
        let (Some(lines), Some(machine)) = (state.consoles.get(server), state.machines.get(server)) else {
            continue;
        };
        let from = pushed.insert(*server, lines.len()).unwrap_or_default();
        if let Some(last) = lines.get(from..).and_then(<[_]>::last) {
            let chunk = ConsoleChunk { lines: lines[from..].to_vec(), next: offset(last) };
            pushes.push(ConsolePush { tenant: machine.desired.tenant.clone(), server: *server, chunk });
        }
    }
    pushes
}

#[cfg(test)]
mod tests;
