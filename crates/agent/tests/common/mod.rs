//! A host with an agent in this process, and small games made of shell lines.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use guildhall_agent::{Agent, Backoff, Settings, ShimCommand};
use guildhall_core::ServerId;
use guildhall_link::message::{
    AgentEvent, ConsoleChunk, ConsoleLine, Desired, EventKind, Exit, Failure, Observed, Phase, Reply,
    Request, Want,
};
use guildhall_recipes::Recipe;
use rustix::process::{Pid, Signal};
use uuid::Uuid;

/// Far longer than anything here takes; a test that gets there has failed.
pub const LONG: Duration = Duration::from_secs(60);

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_guildhall-agent");

pub fn settings() -> Settings {
    Settings {
        shim: ShimCommand { program: PROGRAM.into(), arguments: vec!["shim".into()] },
        backoff: Backoff {
            first: Duration::from_millis(20),
            longest: Duration::from_millis(100),
            budget: 3,
            window: Duration::from_secs(600),
        },
        ..Settings::default()
    }
}

/// The agent as a process of its own.
pub struct AgentProcess {
    child: Child,
    input: ChildStdin,
    lines: mpsc::Receiver<serde_json::Value>,
}

impl AgentProcess {
    pub fn start(data: &Path) -> Self {
        Self::with(data, [])
    }

    /// With more in its environment.
    pub fn with(data: &Path, more: impl IntoIterator<Item = (&'static str, &'static str)>) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["stdio", "--data"])
            .arg(data)
            .env("GUILDHALL_LOG", "error")
            .envs(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).unwrap());
            }
        });
        Self { child, input, lines }
    }

    pub fn ask(&mut self, request: &Request) {
        let mut line = serde_json::to_vec(request).unwrap();
        line.push(b'\n');
        self.input.write_all(&line).unwrap();
    }

    pub fn apply(&mut self, desired: &Desired) {
        self.ask(&Request::Apply { desired: Box::new(desired.clone()) });
    }

    pub fn until(&self, what: &str, fits: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        loop {
            let line = self.lines.recv_timeout(LONG).unwrap_or_else(|_| panic!("waited for {what}"));
            if fits(&line) {
                return line;
            }
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Where an agent's data goes; the games' users can get there.
pub fn data(folder: &tempfile::TempDir) -> PathBuf {
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
    folder.path().join("data")
}

pub struct TestHost {
    pub agent: Arc<Agent>,
    pub folder: Arc<tempfile::TempDir>,
    seen: u64,
}

impl TestHost {
    pub async fn new() -> Self {
        Self::with(settings()).await
    }

    pub async fn with(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        data(&folder);
        Self::on(Arc::new(folder), settings).await
    }

    pub async fn on(folder: Arc<tempfile::TempDir>, settings: Settings) -> Self {
        let agent = Agent::open(folder.path().join("data"), settings).await.unwrap();
        Self { agent, folder, seen: 0 }
    }

    /// Ends the agent and starts another one on the same data.
    pub async fn reopened(self, settings: Settings) -> Self {
        let (folder, seen) = (self.folder.clone(), self.seen);
        self.agent.close().await;
        drop(self);
        let mut reopened = Self::on(folder, settings).await;
        reopened.seen = seen;
        reopened
    }

    pub async fn apply(&self, desired: &Desired) -> Reply {
        self.agent.request(Request::Apply { desired: Box::new(desired.clone()) }).await
    }

    pub async fn want(&self, desired: &mut Desired, want: Want) {
        desired.want = want;
        desired.generation += 1;
        let reply = self.apply(desired).await;
        assert_eq!(reply, Reply::Applied { generation: desired.generation });
    }

    /// Takes in events up to one that fits.
    pub async fn until<T>(&mut self, what: &str, fits: impl FnMut(&AgentEvent) -> Option<T>) -> T {
        self.until_within(LONG, what, fits).await
    }

    /// The same for what has to come over the network first.
    pub async fn until_slowly<T>(&mut self, what: &str, fits: impl FnMut(&AgentEvent) -> Option<T>) -> T {
        self.until_within(10 * LONG, what, fits).await
    }

    async fn until_within<T>(
        &mut self,
        within: Duration,
        what: &str,
        mut fits: impl FnMut(&AgentEvent) -> Option<T>,
    ) -> T {
        let mut newest = self.agent.newest();
        let mut passed = Vec::new();
        let wait = async {
            loop {
                let events = self.agent.events(self.seen, 200).await;
                let none_left = events.is_empty();
                for event in events {
                    assert!(event.cursor > self.seen, "the cursor never goes back");
                    self.seen = event.cursor;
                    if let Some(found) = fits(&event) {
                        return found;
                    }
                    passed.push(event.kind);
                }
                if none_left {
                    newest.changed().await.unwrap();
                }
            }
        };
        let found = tokio::time::timeout(within, wait).await;
        found.unwrap_or_else(|_| panic!("waited for {what}; there was {passed:?}"))
    }

    pub async fn phase(&mut self, wanted: Phase) {
        self.until(&format!("{wanted:?}"), |event| {
            matches!(event.kind, EventKind::Phase { phase } if phase == wanted).then_some(())
        })
        .await;
    }

    pub async fn ready(&mut self) -> u64 {
        self.until("ready", |event| match &event.kind {
            EventKind::Ready { took_ms } => Some(*took_ms),
            EventKind::Failed { failure } => panic!("failed: {failure:?}"),
            _ => None,
        })
        .await
    }

    pub async fn exited(&mut self) -> (Exit, Option<u64>, u32) {
        self.until("exited", |event| match &event.kind {
            EventKind::Exited { exit, restart_in_ms, crashes, .. } => {
                Some((exit.clone(), *restart_in_ms, *crashes))
            }
            _ => None,
        })
        .await
    }

    pub async fn failed(&mut self) -> Failure {
        self.until("failed", |event| match &event.kind {
            EventKind::Failed { failure } => Some(failure.clone()),
            _ => None,
        })
        .await
    }

    pub async fn observe(&self, server: ServerId) -> Observed {
        match self.agent.request(Request::Observe { server }).await {
            Reply::Observed { observed } => *observed,
            other => panic!("{other:?}"),
        }
    }

    pub async fn console(&self, server: ServerId, after: Option<u64>) -> ConsoleChunk {
        match self.agent.request(Request::Console { server, after, limit: 500 }).await {
            Reply::Console { chunk } => chunk,
            other => panic!("{other:?}"),
        }
    }

    /// Waits for a console line.
    pub async fn line(&self, server: ServerId, wanted: &str) {
        eventually(&format!("the console line '{wanted}'"), async || {
            texts(&self.console(server, None).await).iter().any(|text| text.contains(wanted))
        })
        .await;
    }
}

/// A game outlives its agent, and is not to outlive its test.
impl Drop for TestHost {
    fn drop(&mut self) {
        if Arc::strong_count(&self.folder) > 1 {
            return;
        }
        end_games(&self.folder.path().join("data"));
    }
}

/// Ends the games of a data folder when it is dropped; for an agent that is a process of its own.
pub struct EndGames<'a>(pub &'a Path);

impl Drop for EndGames<'_> {
    fn drop(&mut self) {
        end_games(self.0);
    }
}

fn end_games(data: &Path) {
    let servers = std::fs::read_dir(data.join("servers"));
    for server in servers.into_iter().flatten().flatten() {
        let started = std::fs::read(server.path().join("run/run.json")).unwrap_or_default();
        let started: serde_json::Value = serde_json::from_slice(&started).unwrap_or_default();
        let pid = started["pid"].as_i64().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        if let Some(pid) = pid.filter(|pid| lives(pid.as_raw_pid().unsigned_abs())) {
            // The shim ends what is left, writes down how it ended, and goes.
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
        }
        let name = server.file_name().to_string_lossy().replace('-', "");
        if is_root() && name.len() == 32 {
            let exit = server.path().join("run/exit.json");
            let until = Instant::now() + Duration::from_secs(5);
            while pid.is_some() && !exit.exists() && Instant::now() < until {
                std::thread::yield_now();
            }
            let user = format!("gh-{}", &name[24..]);
            let _ = Command::new("/usr/sbin/userdel").arg(user).stderr(Stdio::null()).status();
        }
    }
}

pub fn texts(chunk: &ConsoleChunk) -> Vec<String> {
    let text = |line: &ConsoleLine| match line {
        ConsoleLine::Output { text, .. } => text.clone(),
        ConsoleLine::Input { by, text, .. } => format!("{by}> {text}"),
        ConsoleLine::Gap { bytes, .. } => format!("({bytes} bytes missing)"),
    };
    chunk.lines.iter().map(text).collect()
}

/// Waits until something holds.
#[expect(clippy::disallowed_methods, reason = "the bounded look again and again at what sends no word")]
pub async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    let until = Instant::now() + LONG;
    while !holds().await {
        assert!(Instant::now() < until, "waited for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A game that is a shell script. `more` is the rest of the recipe; what it does not say is the usual.
pub fn game(script: &str, more: &str) -> Desired {
    let mut text = format!(
        "format = 1\nname = \"fake\"\ntitle = \"Fake\"\nsummary = \"A game made of shell lines\"\n{}",
        if more.contains("[ports") { "" } else { "[ports]\n" }
    );
    text.push_str(more);
    if !more.contains("[ready]") {
        text.push_str("\n[ready]\nwithin = \"30s\"\nlog = \"^ready$\"\n");
    }
    if !more.contains("[stop]") {
        text.push_str("\n[stop]\ncommand = \"stop\"\nwait = \"20s\"\nterm_wait = \"20s\"\n");
    }
    text.push_str("\n[start]\ncommand = [\"/bin/sh\", \"-c\", \"placeholder\"]\n");
    let mut recipe: Recipe = toml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    // Braces of a script are no placeholders.
    recipe.start.command[2] = script.replace('{', "{{").replace('}', "}}");
    Desired {
        tenant: "community".parse().unwrap(),
        server: ServerId(Uuid::new_v4()),
        name: "fake".to_owned(),
        generation: 1,
        want: Want::Running,
        session: Some(Uuid::new_v4().into()),
        recipe,
        variables: Default::default(),
        ports: Default::default(),
        address: "127.0.0.1".to_owned(),
    }
}

/// Reads lines, repeats them, and stops at `stop`.
pub const ECHO: &str =
    "echo ready; while read -r line; do echo \"got $line\"; [ \"$line\" = stop ] && exit 0; done";

pub fn rungs(exit: &Exit) -> Vec<String> {
    use guildhall_link::message::Rung;
    let name = |rung: &Rung| match rung {
        Rung::Command { line } => line.clone(),
        Rung::Signal { name } => name.clone(),
    };
    exit.ladder.iter().map(name).collect()
}

pub fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
