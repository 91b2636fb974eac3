//! The agent: what it holds in memory at rest and with 50 servers, and what its consoles carry.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use guildhall_agent::{Agent, ConsoleOut, Settings, ShimCommand};
use guildhall_core::ServerId;
use guildhall_link::message::{ConsoleLine, ConsolePush, Desired, EventKind, Phase, Reply, Request, Want};
use guildhall_recipes::Recipe;
use tokio::sync::watch;

use crate::process::{Process, Room, Usage, children, mib};

const SERVERS: u16 = 50;
const LINES: u64 = 1_000_000;
const ECHOES: usize = 1_000;

/// The agent's own binary, built beside this one.
pub fn program() -> PathBuf {
    let here = std::env::current_exe().expect("this program");
    let folder = here.parent().and_then(Path::parent).expect("the target folder");
    let program = folder.join("guildhall-agent");
    assert!(program.exists(), "build guildhall-agent first: `make bench` does");
    program
}

/// A game that is ready at once and runs `script`.
pub fn desired(server: ServerId, port: u16, script: &str, want: Want, generation: u64) -> Desired {
    let text = format!(
        "format = 1\nname = \"bench\"\ntitle = \"Bench\"\nsummary = \"For figures\"\n\
         [ports.game]\nprotocol = \"tcp\"\ndefault = 29000\n\
         [start]\ncommand = [\"sh\", \"-c\", '''{script}''']\n\
         [ready]\nwithin = \"10s\"\nlog = \"^ready\"\n[stop]\nsignal = \"SIGTERM\"\n",
    );
    Desired {
        tenant: "bench".parse().expect("a tenant"),
        server,
        name: "bench".to_owned(),
        generation,
        want,
        session: None,
        recipe: Recipe::parse(&text, "bench.toml").expect("a recipe"),
        variables: BTreeMap::new(),
        ports: BTreeMap::from([("game".to_owned(), port)]),
        address: "127.0.0.1".to_owned(),
    }
}

/// Measures what an agent process holds, without a broker.
pub fn measure_memory() {
    let room = Room::new();
    let mut command = Command::new(program());
    command.args(["stdio", "--data"]).arg(room.path().join("data")).env("GUILDHALL_LOG", "error");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut agent = Process::start(&mut command).expect("the agent");
    let mut input = agent.child().stdin.take().expect("a pipe");
    let mut output = BufReader::new(agent.child().stdout.take().expect("a pipe")).lines();
    let mut wait_for = |what: &str, count: usize| {
        let mut seen = 0;
        while seen < count {
            let line = output.next().expect("the agent lives").expect("a line");
            assert!(!line.contains("\"event\":\"failed\""), "{line}");
            seen += usize::from(line.contains(what));
        }
    };
    let mut ask = |request: &Request| {
        let line = serde_json::to_string(request).expect("JSON");
        writeln!(input, "{line}").expect("the agent reads");
    };
    ask(&Request::ObserveAll);
    wait_for("all_observed", 1);
    let at_rest = Usage::of(agent.id()).resident;
    let servers: Vec<ServerId> = (0..SERVERS).map(|_| ServerId(uuid::Uuid::now_v7())).collect();
    let script = "echo ready; exec sleep 100000";
    for (at, server) in servers.iter().enumerate() {
        let desired = desired(*server, 29_000 + at as u16, script, Want::Running, 1);
        ask(&Request::Apply { desired: Box::new(desired) });
    }
    wait_for("\"event\":\"ready\"", servers.len());
    let with_servers = Usage::of(agent.id()).resident;
    let shims: Vec<u64> = children(agent.id()).into_iter().map(|pid| Usage::of(pid).proportional).collect();
    println!("agent, resident memory (guildhall-agent, without a broker)");
    println!("  at rest                {:>7.1} MiB", mib(at_rest));
    println!("  with {SERVERS} servers        {:>7.1} MiB", mib(with_servers));
    let each = shims.iter().sum::<u64>() as f64 / shims.len().max(1) as f64 / 1024.0;
    println!("  each server's shim     {each:>7.2} MiB (its share of what is shared, {} shims)", shims.len());
    for (at, server) in servers.iter().enumerate() {
        let desired = desired(*server, 29_000 + at as u16, script, Want::Absent, 2);
        ask(&Request::Apply { desired: Box::new(desired) });
    }
    wait_for("\"event\":\"removed\"", servers.len());
    drop(input);
    agent.wait();
}

/// Counts console lines as they arrive.
struct Counter {
    lines: watch::Sender<u64>,
    lost: Mutex<u64>,
    last: Mutex<String>,
}

impl ConsoleOut for Counter {
    fn push(&self, push: ConsolePush) {
        let mut lines = 0;
        for line in push.chunk.lines {
            match line {
                ConsoleLine::Output { text, .. } => {
                    lines += 1;
                    *self.last.lock().expect("not poisoned") = text;
                }
                ConsoleLine::Gap { bytes, .. } => *self.lost.lock().expect("not poisoned") += bytes,
                ConsoleLine::Input { .. } => {}
            }
        }
        self.lines.send_modify(|seen| *seen += lines);
    }
}

/// Measures lines a second and the time from a game's writing to a subscriber.
pub async fn measure_console() {
    let room = Room::new();
    let settings = Settings {
        shim: ShimCommand { program: program(), arguments: vec!["shim".into()] },
        ..Settings::default()
    };
    let agent = Agent::open(room.path().join("data"), settings).await.expect("an agent");
    let counter =
        Arc::new(Counter { lines: watch::Sender::new(0), lost: Mutex::new(0), last: Mutex::default() });
    agent.set_console_out(counter.clone());
    println!("console, game → shim → agent → subscriber");

    let server = ServerId(uuid::Uuid::now_v7());
    let script = format!("echo ready; read go; seq 1 {LINES}; echo done; exec sleep 100000");
    start(&agent, desired(server, 29_100, &script, Want::Running, 1)).await;
    agent.request(Request::WatchConsole { server, seconds: 300 }).await;
    let mut lines = counter.lines.subscribe();
    let began = Instant::now();
    send(&agent, server, "go").await;
    let done = || counter.last.lock().expect("not poisoned").starts_with("done");
    while !done() {
        next(&mut lines).await;
    }
    let took = began.elapsed();
    let (seen, lost) = (*lines.borrow(), *counter.lost.lock().expect("not poisoned"));
    println!(
        "  lines a second         {:>9.0}   ({seen} of {LINES} lines arrived, {lost} bytes told as gaps)",
        seen as f64 / took.as_secs_f64()
    );
    remove(&agent, desired(server, 29_100, &script, Want::Absent, 2)).await;

    let server = ServerId(uuid::Uuid::now_v7());
    let script = "stty -echo; echo ready; exec cat";
    start(&agent, desired(server, 29_101, script, Want::Running, 1)).await;
    agent.request(Request::WatchConsole { server, seconds: 300 }).await;
    let mut took = Vec::with_capacity(ECHOES);
    for at in 0..ECHOES {
        let line = format!("echo {at}");
        let mut lines = counter.lines.subscribe();
        lines.mark_unchanged();
        let sent = Instant::now();
        send(&agent, server, &line).await;
        while *counter.last.lock().expect("not poisoned") != line {
            next(&mut lines).await;
        }
        took.push(sent.elapsed());
    }
    took.sort_unstable();
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize];
    println!(
        "  a line sent and back   p50 {:.2?}   p99 {:.2?}   ({ECHOES} lines, one at a time)",
        at(0.5),
        at(0.99)
    );
    remove(&agent, desired(server, 29_101, script, Want::Absent, 2)).await;
    agent.close().await;
}

/// Waits for more lines.
async fn next(lines: &mut watch::Receiver<u64>) {
    let more = tokio::time::timeout(Duration::from_secs(60), lines.changed()).await;
    more.expect("a line comes within a minute").expect("the counter lives");
}

async fn send(agent: &Arc<Agent>, server: ServerId, line: &str) {
    let request = Request::Send { server, line: line.to_owned(), by: "bench".to_owned() };
    let reply = agent.request(request).await;
    assert!(matches!(reply, Reply::Done), "{reply:?}");
}

async fn start(agent: &Arc<Agent>, desired: Desired) {
    let server = desired.server;
    agent.request(Request::Apply { desired: Box::new(desired) }).await;
    until(agent, |kind, of| {
        of == server && matches!(kind, EventKind::Phase { phase: Phase::Ready } | EventKind::Ready { .. })
    })
    .await;
}

async fn remove(agent: &Arc<Agent>, desired: Desired) {
    let server = desired.server;
    agent.request(Request::Apply { desired: Box::new(desired) }).await;
    until(agent, |kind, of| of == server && matches!(kind, EventKind::Removed)).await;
}

async fn until(agent: &Arc<Agent>, wanted: impl Fn(&EventKind, ServerId) -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    let mut newest = agent.newest();
    loop {
        let events = agent.events(0, 10_000).await;
        if events.iter().any(|event| wanted(&event.kind, event.server)) {
            return;
        }
        assert!(Instant::now() < end, "it never happened: {events:?}");
        newest.changed().await.expect("the agent lives");
    }
}
