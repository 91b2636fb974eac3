//! Holds a game until it ends: one loop around `poll`.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::{fd::OwnedFd, unix::net::UnixListener},
    process::{Child, ExitCode},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use pty_process::blocking::Pty;
use rustix::{
    event::{PollFd, PollFlags, Timespec},
    fs::Mode,
    io::Errno,
    process::{PidfdFlags, Signal, WaitOptions},
};
use serde::{Deserialize, Serialize};

use super::{
    Answer, CONSOLE, EXIT, Hold, NotStarted, RUN, SOCKET,
    client::Client,
    files,
    processes::{self, Process},
    protocol::{Ask, Ended, GameSignal, Tell},
    ring::Ring,
    terminal,
};

/// Connections at a time; the agent needs one, and one for each watcher.
const MAX_CLIENTS: usize = 16;
/// Written lines that wait for the game to read them, in bytes.
const MAX_WAITING: usize = 64 * 1024;
/// How long the clients have to read the end, once the game is gone.
const FAREWELL: Duration = Duration::from_secs(10);
/// How long the game's last processes have to die of SIGKILL.
const LEFTOVERS: Duration = Duration::from_secs(10);

/// What a shim has started.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Started {
    /// The run's number.
    pub run: u64,
    /// The game's process id.
    pub pid: u32,
    /// When it was started, in clock ticks since the machine's start: with the process id, this tells it from
    /// a later process with the same number.
    pub ticks: u64,
    /// The shim's own process id.
    #[serde(default)]
    pub shim: u32,
    /// When it was started, in milliseconds since 1970.
    pub at_ms: u64,
}

/// How a run ended, on disk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ending {
    /// The run's number.
    pub(crate) run: u64,
    /// How.
    #[serde(flatten)]
    pub(crate) ended: Ended,
}

pub(super) fn main() -> ExitCode {
    let started = super::read_input::<Hold>().map_err(|error| (error, "the order on standard input"));
    let started = started.and_then(|hold| Holder::start(&hold).map(|holder| (holder, hold)));
    let (answer, holder): (Answer, _) = match started {
        Ok((holder, hold)) => (Ok(holder.started.clone()), Some((holder, hold))),
        Err((error, what)) => {
            (Err(NotStarted { errno: error.raw_os_error(), message: format!("{what}: {error}") }), None)
        }
    };
    let mut line = serde_json::to_vec(&answer).unwrap_or_default();
    line.push(b'\n');
    let told = io::stdout().lock().write_all(&line).and_then(|()| io::stdout().lock().flush());
    let Some((mut holder, _hold)) = holder else { return ExitCode::FAILURE };
    // An agent that died in this moment changes nothing: the next one finds the game by its lock.
    let _ = told;
    let outcome = leave_standard_streams().and_then(|()| holder.serve());
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Lets go of the agent's pipes, so that the agent sees their end.
fn leave_standard_streams() -> io::Result<()> {
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    Ok(())
}

struct Holder {
    started: Started,
    game: Child,
    watch: OwnedFd,
    terminal: Option<Pty>,
    /// The game's end of the terminal, held open so that a game that closes its own ends can open it again.
    _inner: OwnedFd,
    waiting: Vec<u8>,
    ring: Ring,
    listener: UnixListener,
    clients: Vec<Client>,
    ended: Option<Ended>,
    /// Where the ending will be written, with room on the disk that is there when the disk is full.
    ending: File,
    _lock: File,
}

type Step<T> = Result<T, (io::Error, &'static str)>;

fn during(what: &'static str) -> impl FnOnce(io::Error) -> (io::Error, &'static str) {
    move |error| (error, what)
}

impl Holder {
    fn start(hold: &Hold) -> Step<Self> {
        // The shim is not the leader of the agent's process group, so this cannot fail but for a misuse.
        rustix::process::setsid().map_err(|error| (error.into(), "a session of its own"))?;
        std::env::set_current_dir(&hold.runtime).map_err(during("the runtime folder"))?;
        rustix::process::umask(Mode::from_raw_mode(0o077));
        let lock = files::take_lock().map_err(during("the runtime folder's lock"))?;
        for stale in [SOCKET, RUN, EXIT, CONSOLE] {
            files::remove(stale).map_err(during("files of the run before"))?;
        }
        let ending = files::room_for_ending().map_err(during("room for the record of the end"))?;
        let listener = UnixListener::bind(SOCKET).map_err(during("the socket"))?;
        listener.set_nonblocking(true).map_err(during("the socket"))?;
        // Whatever the game leaves behind becomes a child of this process, and can be found and ended.
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
            .map_err(|error| (error.into(), "taking care of the game's processes"))?;

        let mut program = hold.program.clone();
        // The limit holds for this process too, which has the console to write.
        program.file_size = program.file_size.map(|bytes| bytes.max(2 * u64::from(hold.ring_bytes) + 65_536));
        let (terminal, inner, game) = terminal::spawn(&program).map_err(during("the program"))?;
        let pid = game.id();
        let process = Process::of(pid).unwrap_or(Process { pid, started: 0 });
        let started =
            Started { run: hold.run, pid, ticks: process.started, shim: own_pid(), at_ms: now_ms() };
        let watch = processes::pid(pid)
            .ok_or_else(|| io::ErrorKind::InvalidData.into())
            .and_then(|pid| Ok(rustix::process::pidfd_open(pid, PidfdFlags::empty())?));
        let mut holder = Self {
            started,
            watch: watch.map_err(during("watching the game"))?,
            game,
            terminal: Some(terminal),
            _inner: inner,
            waiting: Vec::new(),
            ring: Ring::new(hold.ring_bytes as usize),
            listener,
            clients: Vec::new(),
            ended: None,
            ending,
            _lock: lock,
        };
        if let Err(error) = files::write_whole(RUN, &serde_json::to_vec(&holder.started).unwrap_or_default())
        {
            // A game that nobody could find again must not run.
            holder.signal(GameSignal::Kill);
            let _ = holder.game.wait();
            return Err((error, "the record of the run"));
        }
        Ok(holder)
    }

    fn serve(&mut self) -> io::Result<()> {
        let mut farewell = None;
        loop {
            if self.ended.is_some() {
                let until = *farewell.get_or_insert_with(|| Instant::now() + FAREWELL);
                if self.clients.iter().all(Client::is_done) || Instant::now() > until {
                    return Ok(());
                }
            }
            self.wait(farewell.is_some())?;
            for client in &mut self.clients {
                client.serve(&self.ring, self.ended);
            }
            self.clients.retain(|client| !client.gone);
        }
    }

    /// Waits until something can be done, and does it.
    fn wait(&mut self, leaving: bool) -> io::Result<()> {
        let mut ends = vec![PollFd::new(&self.listener, PollFlags::IN)];
        for client in &self.clients {
            ends.push(PollFd::new(&client.stream, client.interest()));
        }
        let (mut watched, mut terminal_at) = (None, None);
        if self.ended.is_none() {
            watched = Some(ends.len());
            ends.push(PollFd::new(&self.watch, PollFlags::IN));
        }
        if let Some(terminal) = &self.terminal {
            terminal_at = Some(ends.len());
            let writing = if self.waiting.is_empty() { PollFlags::empty() } else { PollFlags::OUT };
            ends.push(PollFd::new(terminal, PollFlags::IN | writing));
        }
        let second = Timespec { tv_sec: 1, tv_nsec: 0 };
        match rustix::event::poll(&mut ends, leaving.then_some(&second)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let seen: Vec<PollFlags> = ends.iter().map(PollFd::revents).collect();
        drop(ends);

        let happened = |at: Option<usize>| at.map_or(PollFlags::empty(), |at| seen[at]);
        let terminal = happened(terminal_at);
        if terminal.contains(PollFlags::OUT) {
            self.write_to_game();
        }
        if terminal.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
            self.read_from_game();
        }
        if !happened(watched).is_empty() {
            self.end()?;
        }
        let heard: Vec<usize> = (0..self.clients.len())
            .filter(|at| seen[at + 1].intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR))
            .collect();
        for at in heard {
            for ask in self.clients[at].hear() {
                let tell = self.answer(at, ask);
                if let Some(tell) = tell {
                    self.clients[at].tell(&tell);
                }
            }
        }
        if seen[0].contains(PollFlags::IN) {
            self.welcome();
        }
        Ok(())
    }

    fn welcome(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            // One too many is closed at once: the agent never has so many.
            if self.clients.len() < MAX_CLIENTS && stream.set_nonblocking(true).is_ok() {
                self.clients.push(Client::new(stream));
            }
        }
    }

    fn answer(&mut self, client: usize, ask: Ask) -> Option<Tell> {
        let client = &mut self.clients[client];
        match ask {
            Ask::Read { after, limit } => {
                let mut position = self.ring.place(after, u64::from(limit));
                let end = position.saturating_add(u64::from(limit));
                while position < end && self.ring.frame_after(&mut position, &mut client.pending) {}
                Some(Tell::Caught { next: position })
            }
            Ask::Follow { after } => {
                client.following = Some(self.ring.place(after, 0));
                None
            }
            Ask::Wait => {
                client.following = Some(u64::MAX);
                None
            }
            Ask::Write { .. } | Ask::Signal(_) if self.ended.is_some() => Some(Tell::NotRunning),
            Ask::Write { by, line } => {
                if self.waiting.len() + line.len() >= MAX_WAITING {
                    return Some(Tell::Full);
                }
                self.waiting.extend_from_slice(line.as_bytes());
                self.waiting.push(b'\n');
                self.ring.input(by, line);
                self.write_to_game();
                Some(Tell::Done)
            }
            Ask::Signal(signal) => {
                self.signal(signal);
                Some(Tell::Done)
            }
        }
    }

    fn signal(&self, signal: GameSignal) {
        let (Some(game), None) = (processes::pid(self.started.pid), self.ended) else { return };
        let number = match signal {
            GameSignal::Hup => Signal::HUP,
            GameSignal::Int => Signal::INT,
            GameSignal::Quit => Signal::QUIT,
            GameSignal::Term => Signal::TERM,
            GameSignal::Kill => Signal::KILL,
        };
        // The game is not waited for yet, so its number is still its own.
        let _ = rustix::process::kill_process_group(game, number);
        if signal == GameSignal::Kill {
            processes::kill_all(&processes::descendants(own_pid()));
        }
    }

    fn write_to_game(&mut self) {
        let Some(terminal) = &mut self.terminal else { return };
        while !self.waiting.is_empty() {
            match terminal.write(&self.waiting) {
                Ok(0) => return,
                Ok(written) => drop(self.waiting.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    /// Takes in what the game has written, up to 256 KiB before the clients have their turn.
    fn read_from_game(&mut self) {
        let mut buffer = [0; 16 * 1024];
        for _ in 0..64 {
            let Some(terminal) = &mut self.terminal else { return };
            match terminal.read(&mut buffer) {
                Ok(0) => self.terminal = None,
                Ok(length) => self.ring.write(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // EIO: no process has the terminal open any more.
                Err(_) => self.terminal = None,
            }
        }
    }

    /// The game's process is gone: ends what it left behind, and writes down how it ended.
    fn end(&mut self) -> io::Result<()> {
        use std::os::unix::process::ExitStatusExt as _;
        let Some(status) = self.game.try_wait()? else { return Ok(()) };
        let at_ms = now_ms();
        self.end_leftovers();
        while self.terminal.is_some() {
            let before = self.ring.head();
            self.read_from_game();
            if self.ring.head() == before {
                break;
            }
        }
        self.terminal = None;
        let ended = Ended { status: status.code(), signal: status.signal(), at_ms };
        let ending = Ending { run: self.started.run, ended };
        // The console first: who finds the ending finds the console too. A full disk may have no room for it,
        // but has for the ending.
        let _ = files::write_whole(CONSOLE, &self.ring.frames());
        let _ = files::write_ending(&mut self.ending, &serde_json::to_vec(&ending).unwrap_or_default());
        let _ = files::remove(SOCKET);
        self.ended = Some(ended);
        Ok(())
    }

    fn end_leftovers(&mut self) {
        let until = Instant::now() + LEFTOVERS;
        while Instant::now() < until {
            let left = processes::descendants(own_pid());
            processes::kill_all(&left);
            // One that does not die of it has used up the time.
            let ended = left.into_iter().all(|process| process.wait(until));
            // Reaps what has died; an error means that there are no children left.
            loop {
                match rustix::process::wait(WaitOptions::NOHANG) {
                    Ok(Some(_)) | Err(Errno::INTR) => {}
                    Ok(None) => break,
                    Err(_) => return,
                }
            }
            self.read_from_game();
            if !ended {
                return;
            }
        }
    }
}

fn own_pid() -> u32 {
    rustix::process::getpid().as_raw_pid().unsigned_abs()
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
