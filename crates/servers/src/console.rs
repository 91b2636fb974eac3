//! Consoles as they come: lines for those who watch, and for nobody else.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use guildhall_core::{Actor, HostId, Operation as _, Rank, ServerId, TenantId};
use guildhall_link::message::{ConsoleLine, ConsolePush, Request};
use guildhall_recipes::address;
use metrics::counter;
use tokio::sync::broadcast;

use crate::{Servers, error::ServersError, launch::Launch, operations::ServerSend, text};

/// Lines that wait for a slow watcher before the oldest are dropped; the watcher is told how many.
const RING: usize = 2_048;
/// How long an agent is asked to publish a console (`Request::WatchConsole` takes at most 300 s).
const WATCH: Duration = Duration::from_secs(300);
/// A line is shown up to this many characters.
pub(crate) const LONGEST_LINE: usize = 1_000;

/// One line, fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// What the game wrote.
    Output(String),
    /// What somebody sent.
    Input {
        /// Who.
        by: String,
        /// The line.
        text: String,
    },
    /// Output that is missing.
    Gap(String),
}

impl Line {
    /// The line as one text: `> say hello (Ann)` for what was sent.
    pub fn text(&self) -> String {
        match self {
            Self::Output(text) => text.clone(),
            Self::Input { by, text } => format!("> {text}   ({by})"),
            Self::Gap(what) => format!("… {what} …"),
        }
    }

    /// The line as this rank reads it: the addresses of players are for who may write to a console.
    pub(crate) fn read_by(self, rank: Rank) -> Self {
        let hide = |text: String| address::hide(&text).into_owned();
        match self {
            line if rank >= ServerSend::RANK => line,
            Self::Output(text) => Self::Output(hide(text)),
            Self::Input { by, text } => Self::Input { by, text: hide(text) },
            Self::Gap(what) => Self::Gap(what),
        }
    }
}

/// A line from an agent: cut, free of control characters and of the configuration's secrets.
pub(crate) fn clean(line: &ConsoleLine, launch: &Launch) -> Line {
    let shown = |text: &str| launch.redact(&text::console(text, LONGEST_LINE));
    match line {
        ConsoleLine::Output { text, .. } => Line::Output(shown(text)),
        ConsoleLine::Input { by, text, .. } => Line::Input { by: text::line(by, 64), text: shown(text) },
        ConsoleLine::Gap { bytes, .. } => Line::Gap(format!("{bytes} bytes are missing")),
    }
}

/// The consoles that somebody watches.
#[derive(Default)]
pub(crate) struct Consoles {
    watched: Mutex<HashMap<ServerId, Watched>>,
}

struct Watched {
    tenant: TenantId,
    host: HostId,
    launch: Launch,
    lines: broadcast::Sender<Line>,
}

impl Consoles {
    /// Takes lines in. What nobody watches is thrown away here; the agent keeps it.
    pub(crate) fn push(&self, host: &HostId, push: &ConsolePush) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(console) = watched.get(&push.server) else { return };
        if console.host != *host || console.tenant != push.tenant {
            let reason = if console.host == *host { "wrong_tenant" } else { "wrong_host" };
            counter!("guildhall_servers_refused_total", "reason" => reason).increment(1);
            return;
        }
        if console.lines.receiver_count() == 0 {
            watched.remove(&push.server);
            return;
        }
        for line in &push.chunk.lines {
            // The count of receivers was just seen, and a lost line is told by the receiver's lag.
            let _ = console.lines.send(clean(line, &console.launch));
        }
    }

    fn watch(
        &self,
        server: ServerId,
        tenant: &TenantId,
        host: &HostId,
        launch: &Launch,
    ) -> broadcast::Receiver<Line> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|_, console| console.lines.receiver_count() > 0);
        let console = watched.entry(server).or_insert_with(|| Watched {
            tenant: tenant.clone(),
            host: host.clone(),
            launch: launch.clone(),
            lines: broadcast::Sender::new(RING),
        });
        console.launch = launch.clone();
        console.lines.subscribe()
    }
}

/// A console being watched. Dropped, it ends by itself.
pub struct ConsoleStream {
    servers: Servers,
    server: ServerId,
    host: HostId,
    rank: Rank,
    lines: broadcast::Receiver<Line>,
    renew: time::OffsetDateTime,
}

impl Servers {
    /// Watches a server's console from now on.
    pub async fn console_stream(
        &self,
        actor: &Actor,
        name: &str,
    ) -> Result<ConsoleStream, guildhall_core::Error> {
        let row = self.shop.named(&actor.tenant, name, "server console").await?;
        let (host, launch) = self
            .change(&actor.tenant, &row, |change| Ok((change.row.host.clone(), change.launch.clone())))
            .await?;
        let host: HostId = host
            .and_then(|host| host.parse().ok())
            .ok_or_else(|| ServersError::NotRunning { name: row.name.clone(), state: row.state })?;
        let server = ServerId(row.id);
        let lines = self.consoles.watch(server, &actor.tenant, &host, &launch);
        let mut stream =
            ConsoleStream { servers: self.clone(), server, host, rank: actor.rank, lines, renew: self.began };
        stream.ask().await;
        Ok(stream)
    }
}

impl ConsoleStream {
    /// The next line. It waits for as long as it takes.
    pub async fn next(&mut self) -> Line {
        loop {
            let renew = self.renew;
            tokio::select! {
                line = self.lines.recv() => match line {
                    Ok(line) => return line.read_by(self.rank),
                    Err(broadcast::error::RecvError::Lagged(missed)) => {
                        counter!("guildhall_servers_dropped_total", "what" => "console_line").increment(missed);
                        return Line::Gap(format!("{missed} lines are missing"));
                    }
                    // The ring was taken down while nobody listened to it; begin a new one.
                    Err(broadcast::error::RecvError::Closed) => self.renew = self.servers.began,
                },
                () = self.servers.shop.clock.sleep_until(renew) => self.ask().await,
            }
        }
    }

    /// Asks the agent to publish the console for a while. An agent that is away is asked again in time.
    async fn ask(&mut self) {
        let seconds = u16::try_from(WATCH.as_secs()).unwrap_or(300);
        let asked = self
            .servers
            .shop
            .agents
            .request(&self.host, Request::WatchConsole { server: self.server, seconds });
        let again = if asked.await.is_ok() { WATCH / 2 } else { WATCH / 30 };
        self.renew = self.servers.shop.clock.now() + again;
    }
}
