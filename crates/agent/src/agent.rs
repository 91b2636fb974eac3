//! The agent: takes in what the control plane wants, answers what it asks, and keeps its servers' workers.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use guildhall_core::ServerId;
use guildhall_link::{
    HostLink, HostService,
    message::{
        AgentEvent, ConsoleLine, ConsolePush, Desired, EventKind, Observed, Refusal, Reply, Request, Want,
    },
};
use guildhall_recipes::recipe::ConsoleInput;
use rustix::fs::FlockOperation;
use tokio::{sync::watch, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::{AgentConfig, AgentError, Settings},
    console::{self, MAX_ANSWER, MAX_LINES, Splitter},
    disk::{self, Layout, Spare},
    events::Journal,
    game::Conversation,
    host::{ConsoleOut, Host},
    ports,
    server::Server,
    shim::{
        self,
        protocol::{Ask, MAX_BY, Tell},
    },
    watch::Watcher,
};

/// Servers on one host.
const MAX_SERVERS: usize = 1_000;
/// Removed servers whose last generation is remembered, so that an old word does not bring them back.
const MAX_REMOVED: usize = 1_000;
/// Output that is looked through for one answer, in bytes.
const MAX_READ: u32 = 256 * 1024;
/// Events that are published in one go.
const EVENTS_AT_ONCE: usize = 200;

/// The agent without its connection.
pub struct Agent {
    host: Arc<Host>,
    inner: Mutex<Inner>,
    spare: Spare,
    closing: CancellationToken,
    workers: TaskTracker,
    _lock: File,
}

#[derive(Default)]
struct Inner {
    servers: BTreeMap<ServerId, Handle>,
    removed: Vec<(ServerId, u64)>,
}

struct Handle {
    desired: watch::Sender<Arc<Desired>>,
    observed: watch::Receiver<Observed>,
    watched: Option<watch::Sender<Instant>>,
}

impl Agent {
    /// Opens a data folder, takes up its running games, and goes on working towards what was wanted last.
    /// Needs a Tokio runtime.
    pub async fn open(data: PathBuf, settings: Settings) -> Result<Arc<Self>, AgentError> {
        let failed = |source: io::Error| AgentError::Data { path: data.clone(), source };
        let layout = Layout::create(&data).map_err(failed)?;
        let lock =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(layout.lock());
        let lock = lock.map_err(failed)?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(AgentError::InUse(data)),
            taken => taken.map_err(|error| failed(error.into()))?,
        }
        let journal = Journal::open(&layout.events()).map_err(failed)?;
        let removed = disk::read(&layout.removed()).map_err(failed)?.unwrap_or_default();
        let known = known(&layout).map_err(failed)?;
        let spare = Spare::keep(layout.spare());
        let host = Arc::new(Host::new(layout, settings, journal));
        if host.own_users() {
            reachable(&host.layout.files())?;
        }
        let agent = Arc::new(Self {
            host,
            inner: Mutex::new(Inner { servers: BTreeMap::new(), removed }),
            spare,
            closing: CancellationToken::new(),
            workers: TaskTracker::new(),
            _lock: lock,
        });
        for desired in known {
            agent.clone().employ(desired);
        }
        Ok(agent)
    }

    /// Answers a request.
    pub async fn request(self: &Arc<Self>, request: Request) -> Reply {
        match request {
            Request::Apply { desired } => self.apply(*desired),
            Request::Observe { server } => self
                .seen(server)
                .map_or_else(unknown, |observed| Reply::Observed { observed: Box::new(observed) }),
            Request::ObserveAll => {
                let servers =
                    self.inner().servers.values().map(|handle| handle.observed.borrow().clone()).collect();
                Reply::AllObserved { servers }
            }
            Request::FreePorts { wanted, count } => self.free_ports(&wanted, count.into()),
            Request::Console { server, after, limit } => self.console(server, after, limit.into()).await,
            Request::WatchConsole { server, seconds } => self.watch(server, seconds),
            Request::Send { server, line, by } => self.send(server, line, &by).await,
            Request::Events { after, limit } => {
                Reply::Events { events: self.events(after, EVENTS_AT_ONCE.min(limit.into())).await }
            }
        }
    }

    /// The newest event's cursor.
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.host.journal.newest()
    }

    /// Events after a cursor, at most `limit`, in order.
    pub async fn events(&self, after: u64, limit: usize) -> Vec<AgentEvent> {
        self.host.journal.after(after, limit).await
    }

    /// Where watched console lines go.
    pub fn set_console_out(&self, out: Arc<dyn ConsoleOut>) {
        self.host.set_console_out(out);
    }

    /// Stops working and leaves the games running.
    pub async fn close(&self) {
        self.closing.cancel();
        self.workers.close();
        self.workers.wait().await;
    }

    fn apply(self: &Arc<Self>, desired: Desired) -> Reply {
        let (server, generation) = (desired.server, desired.generation);
        let inner = self.inner();
        let current = inner.servers.get(&server).map(|handle| handle.desired.borrow().clone());
        let gone =
            inner.removed.iter().find(|(removed, _)| *removed == server).map(|(_, generation)| *generation);
        if let Some(current) = current {
            if current.tenant != desired.tenant {
                return refused(Refusal::Malformed, "The server belongs to another community.");
            }
            if generation < current.generation {
                return old(current.generation);
            }
            if generation == current.generation {
                if *current == desired {
                    return Reply::Applied { generation };
                }
                let message = format!("Generation {generation} is here already, and says something else.");
                return refused(Refusal::OldGeneration, message);
            }
        } else if let Some(gone) = gone.filter(|gone| generation <= *gone) {
            if desired.want != Want::Absent {
                return old(gone);
            }
            drop(inner);
            self.say_removed(&desired);
            return Reply::Applied { generation };
        } else if inner.servers.len() >= MAX_SERVERS {
            return refused(
                Refusal::Malformed,
                format!("The host has {MAX_SERVERS} servers; it takes no more."),
            );
        }
        let layout = &self.host.layout;
        let kept = self.spare.write(|| {
            disk::private_folder(&layout.server(server))?;
            disk::write(&layout.desired(server), &desired)
        });
        if let Err(error) = kept {
            tracing::error!(%server, %error, "what is wanted cannot be kept");
            return refused(Refusal::Malformed, format!("The host cannot keep what is wanted: {error}."));
        }
        match inner.servers.get(&server) {
            Some(handle) => drop(handle.desired.send_replace(Arc::new(desired))),
            None => {
                drop(inner);
                self.clone().employ(desired);
            }
        }
        Reply::Applied { generation }
    }

    /// Gives a server its worker.
    fn employ(self: Arc<Self>, desired: Desired) {
        let id = desired.server;
        let (sender, receiver) = watch::channel(Arc::new(desired));
        let mut inner = self.inner();
        if inner.servers.contains_key(&id) {
            // Another request was faster; its word is at most as new as what is on disk.
            if let Some(handle) = inner.servers.get(&id) {
                handle.desired.send_replace(receiver.borrow().clone());
            }
            return;
        }
        let (server, observed) = Server::new(self.host.clone(), receiver);
        inner.servers.insert(id, Handle { desired: sender, observed, watched: None });
        drop(inner);
        let agent = self.clone();
        self.workers.spawn(async move {
            tokio::select! {
                () = agent.closing.cancelled() => {}
                () = server.run() => agent.clone().forget(id),
            }
        });
    }

    /// A server is gone from the host.
    fn forget(self: Arc<Self>, id: ServerId) {
        let mut inner = self.inner();
        let Some(handle) = inner.servers.remove(&id) else { return };
        let last = handle.desired.borrow().clone();
        if last.want != Want::Absent {
            // It was wanted again while the last of it went.
            drop(inner);
            return self.clone().employ((*last).clone());
        }
        let generation = last.generation;
        inner.removed.retain(|(removed, _)| *removed != id);
        inner.removed.push((id, generation));
        let over = inner.removed.len().saturating_sub(MAX_REMOVED);
        inner.removed.drain(..over);
        let layout = &self.host.layout;
        // The tombstone first: an agent that dies in between removes the server once more.
        let kept = disk::write(&layout.removed(), &inner.removed);
        let cleared = kept.and_then(|()| std::fs::remove_dir_all(layout.server(id)));
        if let Err(error) = cleared {
            tracing::error!(server = %id, %error, "the removed server's records cannot be cleared away");
        }
    }

    fn say_removed(&self, desired: &Desired) {
        self.host.journal.append(AgentEvent {
            cursor: 0,
            at: self.host.settings.clock.now(),
            tenant: desired.tenant.clone(),
            server: desired.server,
            generation: desired.generation,
            session: desired.session,
            kind: EventKind::Removed,
        });
    }

    fn free_ports(&self, wanted: &[u16], count: usize) -> Reply {
        if wanted.len() > 64 || count > 64 {
            return refused(Refusal::Malformed, "At most 64 ports can be asked for.");
        }
        let desired: Vec<Arc<Desired>> =
            self.inner().servers.values().map(|handle| handle.desired.borrow().clone()).collect();
        let reserved: BTreeSet<u16> =
            desired.iter().flat_map(|desired| desired.ports.values().copied()).collect();
        Reply::Ports { free: ports::free(wanted, count, &reserved) }
    }

    async fn console(&self, server: ServerId, after: Option<u64>, limit: usize) -> Reply {
        if self.seen(server).is_none() {
            return unknown();
        }
        let runtime = self.host.layout.runtime(server);
        let limit = limit.clamp(1, MAX_LINES);
        let mut lines = Vec::new();
        let next = match read(&runtime, after, &mut lines).await {
            Ok(next) => next,
            // The game does not run; its shim left what it had.
            Err(_) => match tokio::fs::read(runtime.join(shim::CONSOLE)).await {
                Ok(frames) => {
                    let next;
                    (lines, next) = console::from_frames(&frames);
                    if let Some(after) = after.filter(|after| *after <= next) {
                        lines.retain(|line| console::offset(line) > after);
                    }
                    next
                }
                Err(_) => 0,
            },
        };
        let chunk = match after {
            Some(_) => console::first_chunk(&mut lines, limit, MAX_ANSWER, next),
            None => console::last_chunk(lines, limit, next),
        };
        Reply::Console { chunk }
    }

    fn watch(self: &Arc<Self>, server: ServerId, seconds: u16) -> Reply {
        let until = Instant::now() + Duration::from_secs(seconds.min(300).into());
        let mut inner = self.inner();
        let Some(handle) = inner.servers.get_mut(&server) else { return unknown() };
        if let Some(watched) = &handle.watched
            && watched.send(until).is_ok()
        {
            return Reply::Done;
        }
        let (sender, receiver) = watch::channel(until);
        handle.watched = Some(sender);
        let tenant = handle.desired.borrow().tenant.clone();
        let watcher = Watcher { host: self.host.clone(), tenant, server, until: receiver };
        let closing = self.closing.clone();
        self.workers.spawn(async move { closing.run_until_cancelled(watcher.run()).await });
        Reply::Done
    }

    async fn send(&self, server: ServerId, line: String, by: &str) -> Reply {
        let desired = self.inner().servers.get(&server).map(|handle| handle.desired.borrow().clone());
        let Some(desired) = desired else { return unknown() };
        if line.chars().count() > 1_000 || line.chars().any(char::is_control) {
            return refused(
                Refusal::Malformed,
                "A console line has at most 1,000 characters and no control characters.",
            );
        }
        if desired.recipe.console.input == ConsoleInput::None {
            return refused(Refusal::NoConsole, "This game does not read its console.");
        }
        let by: String = by.chars().filter(|c| !c.is_control()).collect();
        let by = by[..by.floor_char_boundary(MAX_BY)].to_owned();
        let told = match Conversation::begin(&self.host.layout.runtime(server)).await {
            Ok(mut talk) => talk.answer(&Ask::Write { by, line }).await.unwrap_or(Tell::NotRunning),
            Err(_) => Tell::NotRunning,
        };
        match told {
            Tell::Done => Reply::Done,
            Tell::Full => refused(Refusal::NoConsole, "The game does not read what was sent to it before."),
            _ => refused(Refusal::NotRunning, "The server is not running; start it first."),
        }
    }

    fn seen(&self, server: ServerId) -> Option<Observed> {
        self.inner().servers.get(&server).map(|handle| handle.observed.borrow().clone())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads whole lines from a running game, and gives the offset to go on after.
async fn read(runtime: &Path, after: Option<u64>, lines: &mut Vec<ConsoleLine>) -> io::Result<u64> {
    let mut talk = Conversation::begin(runtime).await?;
    let mut splitter = Splitter::default();
    talk.ask(&Ask::Read { after: after.unwrap_or(u64::MAX), limit: MAX_READ }).await?;
    let mut first = true;
    loop {
        let tell = tokio::time::timeout(Duration::from_secs(5), talk.next())
            .await
            .map_err(|_| io::ErrorKind::TimedOut)??;
        let began_inside = match &tell {
            Tell::Output { offset, bytes } => *offset > bytes.len() as u64,
            Tell::Caught { .. } => return Ok(splitter.whole().max(after.unwrap_or(0))),
            _ => false,
        };
        splitter.push(tell, lines);
        if first && after.is_none() && began_inside && !lines.is_empty() {
            // The newest bytes begin somewhere in a line.
            lines.remove(0);
        }
        first = false;
    }
}

fn known(layout: &Layout) -> io::Result<Vec<Desired>> {
    let mut known = Vec::new();
    for entry in std::fs::read_dir(layout.servers())? {
        let name = entry?.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse::<ServerId>().ok()) else { continue };
        match disk::read::<Desired>(&layout.desired(id)) {
            Ok(Some(desired)) => known.push(desired),
            // The agent died between making the folder and writing the file: nothing was promised yet.
            Ok(None) => {}
            Err(error) => {
                tracing::error!(server = %id, %error, "what is wanted of the server cannot be read");
            }
        }
    }
    Ok(known)
}

/// Games run as users of their own and have to get to their folders.
fn reachable(files: &Path) -> Result<(), AgentError> {
    for folder in files.ancestors() {
        let metadata = std::fs::metadata(folder)
            .map_err(|source| AgentError::Data { path: folder.to_owned(), source })?;
        if metadata.permissions().mode() & 0o001 == 0 {
            return Err(AgentError::Unreachable(folder.to_owned()));
        }
    }
    Ok(())
}

fn refused(why: Refusal, message: impl Into<String>) -> Reply {
    Reply::Refused { why, message: message.into() }
}

fn unknown() -> Reply {
    refused(Refusal::UnknownServer, "There is no such server on this host.")
}

fn old(has: u64) -> Reply {
    refused(Refusal::OldGeneration, format!("The host has generation {has} already."))
}

/// An agent behind a link.
struct Service(Arc<Agent>);

#[async_trait]
impl HostService for Service {
    async fn handle(&self, request: Request) -> Reply {
        self.0.request(request).await
    }
}

struct LinkOut(Arc<HostLink>);

impl ConsoleOut for LinkOut {
    fn push(&self, push: ConsolePush) {
        self.0.publish_console(push);
    }
}

/// Runs an agent until `shutdown` is cancelled. The games go on.
pub async fn run(config: AgentConfig, shutdown: CancellationToken) -> Result<(), AgentError> {
    let clock = config.settings.clock.clone();
    let agent = Agent::open(config.data, config.settings).await?;
    let version = env!("CARGO_PKG_VERSION");
    let service = Arc::new(Service(agent.clone()));
    let link = Arc::new(HostLink::connect(config.mqtt, config.host, version, service, clock)?);
    agent.set_console_out(Arc::new(LinkOut(link.clone())));
    let mut newest = agent.newest();
    // What is older is asked for by the control plane when the agent connects.
    let mut sent = *newest.borrow_and_update();
    let publish = async {
        while newest.changed().await.is_ok() {
            loop {
                let events = agent.events(sent, EVENTS_AT_ONCE).await;
                for event in &events {
                    link.publish_event(event).await;
                    sent = event.cursor;
                }
                if events.len() < EVENTS_AT_ONCE {
                    break;
                }
            }
        }
    };
    tokio::select! {
        () = publish => {}
        () = shutdown.cancelled() => {}
    }
    agent.close().await;
    link.shutdown().await;
    Ok(())
}
