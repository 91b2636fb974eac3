//! A running game, as its shim shows it.

use std::{
    fs, io,
    os::fd::AsRawFd as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::fs::FlockOperation;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    process::Command,
};

use crate::{
    config::ShimCommand,
    disk,
    shim::{
        self, Ending, Hold, Process, Started,
        protocol::{Ask, Frames, Tell},
    },
};

/// How long a shim may take to start a game, or to answer.
const WITHIN: Duration = Duration::from_secs(10);

/// What is known about a server's last run.
pub(crate) enum Run {
    /// Its shim is there.
    Alive(Started),
    /// It ended, and its shim wrote down how.
    Ended(Ending),
    /// Its shim was killed and could not say how it ended. What was left of the game has been ended.
    Lost(Started),
    /// There was none.
    None,
}

/// Looks at a server's runtime folder. Waits while a shim is there that has not come up or gone yet.
pub(crate) async fn find(runtime: &Path) -> io::Result<Run> {
    let until = tokio::time::Instant::now() + WITHIN;
    loop {
        let held = is_held(runtime)?;
        let (started, ending) = (
            disk::read::<Started>(&runtime.join(shim::RUN))?,
            disk::read::<Ending>(&runtime.join(shim::EXIT))?,
        );
        match (held, started, ending) {
            (false, _, Some(ending)) => return Ok(Run::Ended(ending)),
            (false, Some(started), None) => {
                let process = Process { pid: started.pid, started: started.ticks };
                process.kill_tree();
                return Ok(Run::Lost(started));
            }
            (false, None, None) => return Ok(Run::None),
            (true, Some(started), None) => return Ok(Run::Alive(started)),
            (true, ..) if tokio::time::Instant::now() > until => return Err(io::ErrorKind::TimedOut.into()),
            (true, Some(started), Some(_)) => leaves(&started).await,
            (true, None, _) => look_again().await,
        }
    }
}

/// Waits for the end of a shim that is on its way out, for a second at most: then it is looked at again.
pub(crate) async fn leaves(started: &Started) {
    match Process::of(started.shim) {
        Some(shim) => {
            let until = std::time::Instant::now() + Duration::from_secs(1);
            // Whether it has ended is looked at again by whoever asked.
            let _ = tokio::task::spawn_blocking(move || shim.wait(until)).await;
        }
        None => look_again().await,
    }
}

/// Until a shim is looked at again that cannot be watched.
#[expect(
    clippy::disallowed_methods,
    reason = "a shim that an earlier agent was just starting has not said yet which process it is, so nothing can be waited on"
)]
async fn look_again() {
    tokio::time::sleep(Duration::from_millis(10)).await;
}

fn is_held(runtime: &Path) -> io::Result<bool> {
    let lock = match fs::File::open(runtime.join(shim::LOCK)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        lock => lock?,
    };
    match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Starts a shim with a game.
pub(crate) async fn start(command: &ShimCommand, hold: &Hold) -> io::Result<shim::Answer> {
    let mut shim = Command::new(&command.program)
        .args(&command.arguments)
        .arg("hold")
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let order = serde_json::to_vec(hold)?;
    let talk = async {
        if let Some(mut input) = shim.stdin.take() {
            input.write_all(&order).await?;
            input.shutdown().await?;
        }
        let mut answer = Vec::new();
        if let Some(output) = shim.stdout.take() {
            output.take(64 * 1024).read_to_end(&mut answer).await?;
        }
        if answer.is_empty() {
            return Err(io::Error::other("the shim said nothing"));
        }
        Ok(serde_json::from_slice(&answer)?)
    };
    let answer = tokio::time::timeout(WITHIN, talk).await;
    // While this agent lives, it is the shim's parent.
    tokio::spawn(async move { shim.wait().await });
    answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// A conversation with a shim.
pub(crate) struct Conversation {
    stream: UnixStream,
    frames: Frames,
    buffer: Box<[u8]>,
}

impl Conversation {
    /// Begins one. An error of the kind `NotFound` or `ConnectionRefused` says that there is no shim.
    pub(crate) async fn begin(runtime: &Path) -> io::Result<Self> {
        // The path of a socket is at most 107 bytes long, that of a runtime folder may be longer.
        let folder = fs::File::open(runtime)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(shim::SOCKET);
        let stream = UnixStream::connect(path).await?;
        Ok(Self { stream, frames: Frames::default(), buffer: vec![0; 32 * 1024].into_boxed_slice() })
    }

    /// Asks.
    pub(crate) async fn ask(&mut self, ask: &Ask) -> io::Result<()> {
        let mut bytes = Vec::new();
        ask.encode(&mut bytes);
        self.stream.write_all(&bytes).await
    }

    /// Asks, and waits for the answer.
    pub(crate) async fn answer(&mut self, ask: &Ask) -> io::Result<Tell> {
        let talk = async {
            self.ask(ask).await?;
            self.next().await
        };
        tokio::time::timeout(WITHIN, talk).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// What the shim tells next. Nothing is lost when the wait is given up.
    pub(crate) async fn next(&mut self) -> io::Result<Tell> {
        loop {
            if let Some(tell) = self.ready()? {
                return Ok(tell);
            }
            let length = self.stream.read(&mut self.buffer).await?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.frames.push(&self.buffer[..length]);
        }
    }

    /// What the shim has told already, without waiting.
    pub(crate) fn ready(&mut self) -> io::Result<Option<Tell>> {
        let tell = self.frames.next_frame().and_then(|frame| frame.map(Tell::decode).transpose());
        tell.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}
