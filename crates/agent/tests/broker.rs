//! The agent as the program that runs on a host, connected to a control plane through a real broker.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use common::*;
use guildhall_core::{HostId, SystemClock};
use guildhall_link::{
    Agents as _, Controller, ControllerConfig, Inbox, MqttConfig,
    message::{
        AgentEvent, ConsoleChunk, ConsolePush, Desired, EventKind, Observed, Phase, Presence, Reply, Request,
        Want,
    },
    topic::{self, ControlId},
};
use tokio::sync::watch;

const MOSQUITTO: &str = "/usr/sbin/mosquitto";

/// A child that does not outlive its test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn host() -> HostId {
    "local".parse().unwrap()
}

fn password(user: &str) -> String {
    format!("{user}-secret")
}

/// Mosquitto's configuration, with the users and rules that Guildhall has for it.
fn configure(folder: &Path, port: u16) {
    let accesses = [topic::host_access(&host()), topic::control_access(&ControlId::default())];
    let passwords = folder.join("passwords");
    for access in &accesses {
        let made = Command::new("mosquitto_passwd")
            .args(if passwords.exists() { &["-b"][..] } else { &["-c", "-b"][..] })
            .arg(&passwords)
            .args([&access.user, &password(&access.user)])
            .stderr(Stdio::null())
            .status();
        assert!(made.unwrap().success());
    }
    std::fs::write(folder.join("acl"), topic::mosquitto_acl(&accesses)).unwrap();
    let user = if is_root() { "user root\n" } else { "" };
    let config = format!(
        "listener {port} 127.0.0.1\nallow_anonymous false\nuse_username_as_clientid true\n\
         password_file {0}/passwords\nacl_file {0}/acl\npersistence false\nlog_dest none\n{user}",
        folder.display(),
    );
    std::fs::write(folder.join("config"), config).unwrap();
}

/// Starts Mosquitto; `None` when its port was taken by another program.
async fn start_broker(folder: &Path, port: u16) -> Option<Killed> {
    configure(folder, port);
    let broker = Command::new(MOSQUITTO).arg("-c").arg(folder.join("config")).stderr(Stdio::null()).spawn();
    let broker = Mutex::new(Killed(broker.unwrap()));
    let ended = || broker.lock().unwrap().0.try_wait().unwrap().is_some();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    eventually("the broker to listen", async || ended() || TcpStream::connect(address).is_ok()).await;
    if ended() { None } else { Some(broker.into_inner().unwrap()) }
}

async fn broker(folder: &Path) -> (Killed, u16) {
    for _ in 0..10 {
        // Another program may take the port before Mosquitto does.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if let Some(broker) = start_broker(folder, port).await {
            return (broker, port);
        }
    }
    panic!("mosquitto did not start on ten ports");
}

fn agent(folder: &Path, port: u16) -> Killed {
    let file = folder.join("password");
    std::fs::write(&file, password(&topic::host_user(&host()))).unwrap();
    let agent = Command::new(PROGRAM)
        .args(["run", "--host", host().as_str(), "--broker", &format!("mqtt://127.0.0.1:{port}")])
        .arg("--data")
        .arg(folder.join("data"))
        .arg("--password-file")
        .arg(file)
        .env("GUILDHALL_LOG", "error")
        .spawn();
    Killed(agent.unwrap())
}

/// A control plane that remembers what it is told.
struct Memory(watch::Sender<Vec<AgentEvent>>);

#[async_trait]
impl Inbox for Memory {
    async fn cursor(&self, _: &HostId) -> u64 {
        self.0.borrow().last().map_or(0, |event| event.cursor)
    }

    async fn event(&self, _: &HostId, event: AgentEvent) -> Result<(), guildhall_core::Error> {
        self.0.send_modify(|events| events.push(event));
        Ok(())
    }

    async fn console(&self, _: &HostId, _: ConsolePush) {}

    async fn presence(&self, _: Presence) {}
}

struct ControlPlane {
    controller: Controller,
    memory: Arc<Memory>,
}

impl ControlPlane {
    fn connect(port: u16) -> Self {
        let user = topic::control_user(&ControlId::default());
        let secret = password(&user).into();
        let mqtt = MqttConfig::new(format!("mqtt://127.0.0.1:{port}").parse().unwrap(), user, secret);
        let memory = Arc::new(Memory(watch::Sender::default()));
        let config = ControllerConfig::new(mqtt, ControlId::default());
        let controller = Controller::connect(config, memory.clone(), Arc::new(SystemClock)).unwrap();
        Self { controller, memory }
    }

    async fn host_is(&self, online: bool) {
        let mut hosts = self.controller.hosts();
        let seen = hosts.wait_for(|hosts| hosts.get(&host()).is_some_and(|seen| seen.online == online));
        tokio::time::timeout(LONG, seen).await.unwrap_or_else(|_| panic!("online is not {online}")).unwrap();
    }

    async fn broker_is(&self, there: bool) {
        let mut connected = self.controller.connected();
        tokio::time::timeout(LONG, connected.wait_for(|seen| *seen == there)).await.unwrap().unwrap();
    }

    /// Asks, until the host is there to answer.
    async fn ask(&self, request: Request) -> Reply {
        let answer = Mutex::new(None);
        eventually("an answer", async || {
            let reply = self.controller.request(&host(), request.clone()).await;
            *answer.lock().unwrap() = reply.ok();
            answer.lock().unwrap().is_some()
        })
        .await;
        answer.into_inner().unwrap().unwrap()
    }

    async fn want(&self, desired: &Desired) {
        let reply = self.ask(Request::Apply { desired: Box::new(desired.clone()) }).await;
        assert_eq!(reply, Reply::Applied { generation: desired.generation });
    }

    async fn observe(&self, desired: &Desired) -> Observed {
        match self.ask(Request::Observe { server: desired.server }).await {
            Reply::Observed { observed } => *observed,
            other => panic!("{other:?}"),
        }
    }

    async fn console(&self, desired: &Desired) -> ConsoleChunk {
        match self.ask(Request::Console { server: desired.server, after: None, limit: 500 }).await {
            Reply::Console { chunk } => chunk,
            other => panic!("{other:?}"),
        }
    }

    /// Sends a line, and waits for the game's answer to it.
    async fn talk(&self, desired: &Desired, line: &str) {
        let send = Request::Send { server: desired.server, line: line.into(), by: "test".into() };
        assert_eq!(self.ask(send).await, Reply::Done);
        let answer = format!("got {line}");
        eventually("the game's answer", async || texts(&self.console(desired).await).contains(&answer)).await;
    }

    async fn event(&self, fits: impl Fn(&EventKind) -> bool) {
        let mut events = self.memory.0.subscribe();
        let seen = events.wait_for(|events| events.iter().any(|event| fits(&event.kind)));
        let seen = tokio::time::timeout(LONG, seen).await.map(|seen| drop(seen.unwrap()));
        assert!(seen.is_ok(), "{:?}", self.memory.0.borrow());
    }

    /// Who came and went. Each event has come once, and in order.
    fn comings(&self) -> Vec<String> {
        let events = self.memory.0.borrow();
        let cursors: Vec<u64> = events.iter().map(|event| event.cursor).collect();
        assert_eq!(cursors, (1..=cursors.len() as u64).collect::<Vec<_>>());
        let comings = events.iter().filter_map(|event| match &event.kind {
            EventKind::Joined { player } => Some(format!("+{player}")),
            EventKind::Left { player } => Some(format!("-{player}")),
            _ => None,
        });
        comings.collect()
    }
}

#[tokio::test]
async fn neither_broker_nor_agent_is_needed_for_a_game_to_go_on() {
    if !Path::new(MOSQUITTO).exists() {
        println!("skipped, because {MOSQUITTO} is missing: install the package mosquitto");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = data(&folder);
    let _games = EndGames(&data);
    let (broker, port) = broker(folder.path()).await;
    let control = ControlPlane::connect(port);
    let running = agent(folder.path(), port);
    control.host_is(true).await;

    let players = "[players]\njoin = '^(?P<player>\\w+) joined$'\nleave = '^(?P<player>\\w+) left$'\n";
    let script = "echo ready; while [ ! -e away ]; do sleep 0.01; done; \
                  echo Alex joined; echo Sam joined; echo Alex left; echo > said; \
                  while read -r line; do [ $line = stop ] && exit 0; echo got $line; done";
    let mut desired = game(script, players);
    control.want(&desired).await;
    control.event(|kind| matches!(kind, EventKind::Ready { .. })).await;
    let pid = control.observe(&desired).await.pid.unwrap();

    drop(broker);
    control.broker_is(false).await;
    assert!(lives(pid));
    let files = data.join("files").join(desired.server.to_string());
    std::fs::write(files.join("away"), "").unwrap();
    eventually("the game to go on by itself", async || files.join("said").exists()).await;
    assert!(control.comings().is_empty());

    let _broker = start_broker(folder.path(), port).await.unwrap();
    control.broker_is(true).await;
    control.host_is(true).await;
    control.event(|kind| *kind == EventKind::Left { player: "Alex".into() }).await;
    assert_eq!(control.comings(), ["+Alex", "+Sam", "-Alex"]);
    assert_eq!(control.observe(&desired).await.pid, Some(pid));
    control.talk(&desired, "hello").await;

    // As SIGKILL ends it: the broker says that it is gone.
    drop(running);
    control.host_is(false).await;
    assert!(lives(pid));
    let _running = agent(folder.path(), port);
    control.host_is(true).await;
    eventually("the game to be taken up", async || {
        let seen = control.observe(&desired).await;
        (seen.phase, seen.pid) == (Phase::Ready, Some(pid))
    })
    .await;
    control.talk(&desired, "again").await;

    desired.want = Want::Stopped;
    desired.generation += 1;
    control.want(&desired).await;
    control.event(|kind| matches!(kind, EventKind::Exited { exit, .. } if exit.wanted)).await;
    assert_eq!(control.comings(), ["+Alex", "+Sam", "-Alex", "-Sam"]);
    assert!(!lives(pid));
    control.controller.shutdown().await;
}
