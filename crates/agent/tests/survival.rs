//! What a game does while its agent is gone, and what the next agent makes of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::{
    io::Write as _,
    os::unix::net::UnixStream,
    sync::{Arc, mpsc},
};

use common::*;
use guildhall_link::message::{ConsoleLine, ConsolePush, EventKind, Phase, Request, Want};
use rustix::process::{Pid, Signal};

fn event(kind: &'static str) -> impl Fn(&serde_json::Value) -> bool {
    move |line| line["event"] == kind
}

#[tokio::test]
async fn a_killed_agent_leaves_the_game_alone_and_the_next_one_takes_it_up() {
    let folder = tempfile::tempdir().unwrap();
    let data = data(&folder);
    let players = "[players]\njoin = '^(?P<player>\\w+) joined$'\nleave = '^(?P<player>\\w+) left$'\n";
    let script = "n=0; echo ready; while [ ! -e away ]; do sleep 0.01; done; \
                  while [ $n -lt 2000 ]; do n=$((n+1)); echo line $n; done; echo Alex joined; echo > said; \
                  while read -r line; do echo got $line; done";
    let mut desired = game(script, &format!("{players}[stop]\nsignal = \"SIGTERM\"\n"));
    let mut agent = AgentProcess::start(&data);
    agent.apply(&desired);
    agent.until("ready", event("ready"));
    agent.ask(&Request::Observe { server: desired.server });
    let seen = agent.until("what is seen", |line| line["reply"] == "observed");
    let pid = u32::try_from(seen["observed"]["pid"].as_u64().unwrap()).unwrap();
    agent.kill();
    assert!(lives(pid));

    let files = data.join("files").join(desired.server.to_string());
    std::fs::write(files.join("away"), "").unwrap();
    eventually("the game to go on by itself", async || files.join("said").exists()).await;

    let mut host = TestHost::on(Arc::new(folder), settings()).await;
    let joined = EventKind::Joined { player: "Alex".into() };
    host.until("who joined meanwhile", |event| (event.kind == joined).then_some(())).await;
    let seen = host.observe(desired.server).await;
    assert_eq!((seen.phase, seen.pid), (Phase::Ready, Some(pid)));
    let (mut after, mut lines) = (Some(0), Vec::new());
    loop {
        let chunk = host.console(desired.server, after).await;
        if chunk.lines.is_empty() {
            break;
        }
        after = Some(chunk.next);
        lines.extend(texts(&chunk));
    }
    let wanted: Vec<String> = (1..=2000).map(|n| format!("line {n}")).collect();
    assert_eq!(lines[0], "ready");
    assert_eq!(lines[1..2001], wanted);
    host.want(&mut desired, Want::Stopped).await;
    host.exited().await;
    assert!(!lives(pid));
}

#[tokio::test]
async fn a_game_that_ended_while_the_agent_was_away_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let data = data(&folder);
    let desired = game("echo ready; while [ ! -e away ]; do sleep 0.01; done; echo the end; exit 6", "");
    let mut agent = AgentProcess::start(&data);
    agent.apply(&desired);
    agent.until("ready", event("ready"));
    agent.kill();
    std::fs::write(data.join("files").join(desired.server.to_string()).join("away"), "").unwrap();
    let exit = data.join("servers").join(desired.server.to_string()).join("run/exit.json");
    eventually("the shim to write how it ended", async || exit.exists()).await;

    let mut host = TestHost::on(Arc::new(folder), settings()).await;
    let (exit, restart, crashes) = host.exited().await;
    assert_eq!((exit.status, exit.wanted, restart.is_some(), crashes), (Some(6), false, true, 1));
}

#[tokio::test]
async fn a_killed_shim_takes_its_game_along_and_counts_as_a_crash() {
    let mut host = TestHost::new().await;
    let desired = game("trap '' HUP; echo ready; sleep 1000", "");
    host.apply(&desired).await;
    host.ready().await;
    let pid = host.observe(desired.server).await.pid.unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let shim: i32 =
        stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().nth(1).unwrap().parse().unwrap();
    rustix::process::kill_process(Pid::from_raw(shim).unwrap(), Signal::KILL).unwrap();
    let (exit, restart, _) = host.exited().await;
    assert!(!exit.wanted && exit.status.is_none() && restart.is_some());
    eventually("the game to be ended", async || !lives(pid)).await;
    host.ready().await;
}

#[tokio::test]
async fn an_agent_that_is_told_to_end_leaves_the_game_running() {
    let mut host = TestHost::new().await;
    let mut desired = game(ECHO, "");
    host.apply(&desired).await;
    host.ready().await;
    let pid = host.observe(desired.server).await.pid.unwrap();
    let mut host = host.reopened(settings()).await;
    assert!(lives(pid));
    eventually("the game to be taken up", async || host.observe(desired.server).await.pid == Some(pid)).await;
    host.want(&mut desired, Want::Stopped).await;
    assert_eq!(rungs(&host.exited().await.0), ["stop"]);
}

#[tokio::test]
async fn two_agents_do_not_share_a_folder() {
    let host = TestHost::new().await;
    let second = guildhall_agent::Agent::open(host.folder.path().join("data"), settings()).await;
    assert!(matches!(second, Err(guildhall_agent::AgentError::InUse(_))));
}

#[tokio::test]
async fn rubbish_on_the_shims_socket_harms_nobody() {
    let mut host = TestHost::new().await;
    let mut desired = game(ECHO, "");
    host.apply(&desired).await;
    host.ready().await;
    let socket =
        host.folder.path().join("data/servers").join(desired.server.to_string()).join("run/shim.sock");
    let mut open = Vec::new();
    for rubbish in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0, 0, 0, 2, 99, 1], &[0, 0, 0, 0], &[255; 9_000], &[0, 0, 0, 9, 1]]
    {
        let mut stream = UnixStream::connect(&socket).unwrap();
        let _ = stream.write_all(rubbish);
        open.push(stream);
    }
    // More connections than a shim takes, none of which says anything.
    open.extend((0..40).filter_map(|_| UnixStream::connect(&socket).ok()));
    drop(open);
    let send = Request::Send { server: desired.server, line: "still here".into(), by: "x".into() };
    eventually("the shim to listen again", async || {
        host.agent.request(send.clone()).await == guildhall_link::message::Reply::Done
    })
    .await;
    host.line(desired.server, "got still here").await;
    host.want(&mut desired, Want::Stopped).await;
    host.exited().await;
}

struct Pushes(mpsc::Sender<ConsolePush>);

impl guildhall_agent::ConsoleOut for Pushes {
    fn push(&self, push: ConsolePush) {
        let _ = self.0.send(push);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watched_console_accounts_for_every_byte() {
    let small = guildhall_agent::Settings { ring_bytes: 64 * 1024, ..settings() };
    let mut host = TestHost::with(small).await;
    let script = "echo ready; while read -r line; do [ $line = go ] && break; done; yes 'a line of some length, as games write them' | head -n 100000; echo done; read -r more";
    let mut desired = game(script, "");
    host.apply(&desired).await;
    host.ready().await;
    let (sender, pushes) = mpsc::channel();
    host.agent.set_console_out(Arc::new(Pushes(sender)));
    host.agent.request(Request::WatchConsole { server: desired.server, seconds: 60 }).await;
    let send = |line: &str| Request::Send { server: desired.server, line: line.into(), by: "test".into() };
    // Watched from the moment a line that was sent comes by.
    let pushed = std::cell::RefCell::new(None);
    eventually("a line to be pushed", async || {
        host.agent.request(send("knock")).await;
        *pushed.borrow_mut() = pushes.try_recv().ok();
        pushed.borrow().is_some()
    })
    .await;
    let mut first = pushed.into_inner();
    host.agent.request(send("go")).await;
    let reading = tokio::task::spawn_blocking(move || {
        let (mut position, mut counted, mut last) = (None, 0, 0);
        loop {
            let push = first.take().unwrap_or_else(|| pushes.recv_timeout(LONG).unwrap());
            for line in push.chunk.lines {
                let (offset, bytes, done) = match &line {
                    ConsoleLine::Output { offset, text } => (*offset, text.len() as u64 + 1, text == "done"),
                    ConsoleLine::Input { offset, .. } => (*offset, 1, false),
                    ConsoleLine::Gap { offset, bytes } => (*offset, *bytes, false),
                };
                let start = *position.get_or_insert(offset - bytes);
                assert!(offset > last);
                counted += bytes;
                last = offset;
                if done {
                    return (counted, offset - start);
                }
            }
        }
    });
    let (counted, written) = reading.await.unwrap();
    host.want(&mut desired, Want::Stopped).await;
    host.exited().await;
    assert!(written >= 100_000 * 43, "{written}");
    // A line cut by a gap has no line end of its own: at most one byte too many a gap.
    assert!(counted >= written && counted - written < 1_000, "{counted} of {written}");
}

#[tokio::test]
async fn a_gap_is_told_with_its_size() {
    let small = guildhall_agent::Settings { ring_bytes: 64 * 1024, ..settings() };
    let mut host = TestHost::with(small).await;
    let desired =
        game("head -c 200000 /dev/zero | tr '\\0' 'x' | fold -w 99; echo; echo ready; read -r x", "");
    host.apply(&desired).await;
    host.ready().await;
    let chunk = host.console(desired.server, Some(0)).await;
    let ConsoleLine::Gap { offset, bytes } = chunk.lines[0] else { panic!("{:?}", chunk.lines[0]) };
    assert_eq!(offset, bytes);
    assert!(bytes > 100_000, "{bytes}");
}
