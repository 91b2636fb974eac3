//! A disk without room: it is said, nothing is lost by it, and with room again everything goes on.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use common::*;
use guildhall_link::message::{AgentEvent, Desired, EventKind, FailureCode, Phase, Reply, Request, Want};

/// A small disk, mounted over the agent's data folder.
struct Disk {
    folder: PathBuf,
    data: PathBuf,
}

impl Disk {
    /// `None` where nothing can be mounted.
    fn mount(folder: &Path, megabytes: u32) -> Option<Self> {
        let data = folder.join("data");
        fs::create_dir(&data).unwrap();
        let options = format!("size={megabytes}m,mode=711");
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "guildhall-test"]).arg(&data).output();
        match mount {
            Ok(mount) if mount.status.success() => Some(Self { folder: folder.to_owned(), data }),
            Ok(mount) => {
                println!("skipped, because {}", String::from_utf8_lossy(&mount.stderr).trim());
                None
            }
            Err(error) => {
                println!("skipped, because mount cannot be run: {error}");
                None
            }
        }
    }

    /// Takes all the room there is.
    fn fill(&self) {
        let mut ballast = fs::OpenOptions::new().append(true).create(true).open(self.ballast()).unwrap();
        for piece in [&[0; 65_536][..], &[0; 4_096], &[0]] {
            while ballast.write_all(piece).is_ok() {}
        }
    }

    fn free(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.data.join("ballast")
    }

    fn files(&self, server: &Desired) -> PathBuf {
        self.data.join("files").join(server.server.to_string())
    }

    fn wanted(&self, server: &Desired) -> Desired {
        let path = self.data.join("servers").join(server.server.to_string()).join("desired.json");
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    /// Every line of the journal is an event, and none comes twice.
    fn journal(&self) -> Vec<AgentEvent> {
        let text = fs::read_to_string(self.data.join("events.jsonl")).unwrap();
        let events: Vec<AgentEvent> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(events.windows(2).all(|pair| pair[0].cursor < pair[1].cursor));
        events
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.data).status();
        if unmounted.is_ok_and(|status| status.success()) {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

#[tokio::test]
async fn a_full_disk_is_named_and_costs_no_server() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    data(&folder);
    // More than the 64 MiB that a start asks for.
    let Some(disk) = Disk::mount(folder.path(), 80) else { return };
    let mut host = TestHost::on(folder, settings()).await;
    let players = "[players]\njoin = '^(?P<player>\\w+) joined$'\nleave = '^(?P<player>\\w+) left$'\n";
    let mut calm = game(
        "echo ready; while read -r line; do [ $line = stop ] && exit 0; echo $line joined; done",
        players,
    );
    host.apply(&calm).await;
    host.ready().await;

    // What it has installed fills the disk, until it may leave that out.
    let fill = "test -e skip || head -c 300000000 /dev/zero > world && : > done";
    let mut heavy = game(
        ECHO,
        &format!(
            "[[install]]\nstep = \"command\"\nrun = [\"/bin/sh\", \"-c\", \"{fill}\"]\ncreates = \"done\"\n"
        ),
    );
    host.apply(&heavy).await;
    let failure = host.failed().await;
    assert_eq!((failure.code, failure.phase), (FailureCode::DiskFull, Phase::Installing), "{failure:?}");
    assert!(failure.message.contains("Make room"), "{failure:?}");
    assert!(failure.output.iter().any(|line| line.contains("No space left")), "{failure:?}");

    // What happens with no byte left is told all the same, and the game can be stopped.
    disk.fill();
    let by = "test".to_owned();
    host.agent.request(Request::Send { server: calm.server, line: "Alex".into(), by }).await;
    let joined = EventKind::Joined { player: "Alex".into() };
    host.until("who joined", |event| (event.kind == joined).then_some(())).await;
    disk.fill();
    host.want(&mut calm, Want::Stopped).await;
    assert_eq!(host.exited().await.0.status, Some(0));

    host.want(&mut heavy, Want::Running).await;
    let failure = host.failed().await;
    assert_eq!((failure.code, failure.phase), (FailureCode::DiskFull, Phase::Preparing), "{failure:?}");
    assert!(failure.message.contains("Make room"), "{failure:?}");

    // The next agent begins on a full disk, and knows what was wanted.
    disk.fill();
    let mut host = host.reopened(settings()).await;
    assert_eq!((disk.wanted(&calm), disk.wanted(&heavy)), (calm.clone(), heavy.clone()));
    for server in [&calm, &heavy] {
        eventually("the server to be taken up", async || {
            host.observe(server.server).await.generation == server.generation
        })
        .await;
    }
    assert_eq!(disk.journal()[0].cursor, 1);

    disk.free();
    fs::remove_file(disk.files(&heavy).join("world")).unwrap();
    fs::write(disk.files(&heavy).join("skip"), "").unwrap();
    host.want(&mut heavy, Want::Running).await;
    let (server, generation) = (heavy.server, heavy.generation);
    host.until("ready", |event| {
        let ready = matches!(event.kind, EventKind::Ready { .. });
        (ready && event.server == server && event.generation == generation).then_some(())
    })
    .await;
    host.want(&mut heavy, Want::Stopped).await;
    host.exited().await;
    disk.journal();
}

#[tokio::test]
async fn more_events_than_a_full_disk_has_room_for_leave_the_journal_whole() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    data(&folder);
    let Some(disk) = Disk::mount(folder.path(), 80) else { return };
    let mut host = TestHost::on(folder, settings()).await;
    let players = "[players]\njoin = '^(?P<player>\\w+) joined$'\nleave = '^(?P<player>\\w+) left$'\n";
    let script = "echo ready; read -r line; n=0; while [ $n -lt 1500 ]; do n=$((n+1)); echo Alex joined; echo Alex left; done; \
                  echo told; while read -r line; do [ $line = stop ] && exit 0; echo $line joined; done";
    let mut desired = game(script, players);
    host.apply(&desired).await;
    host.ready().await;
    disk.fill();
    let send = |line: &str| Request::Send { server: desired.server, line: line.into(), by: "test".into() };
    host.agent.request(send("go")).await;
    host.line(desired.server, "told").await;
    // Far more than fits has come by; what is in the journal is given out while the disk is full.
    eventually("the events to come by", async || *host.agent.newest().borrow() > 3_000).await;
    let given = host.agent.events(0, 10_000).await;
    assert!(given.len() > 100 && given.len() < 3_000, "{}", given.len());
    assert!((1..).zip(&given).all(|(cursor, event)| event.cursor == cursor));
    assert_eq!(disk.journal(), given);

    disk.free();
    assert_eq!(host.agent.request(send("Sam")).await, Reply::Done);
    let joined = EventKind::Joined { player: "Sam".into() };
    host.until("who joined after it", |event| (event.kind == joined).then_some(())).await;
    assert_eq!(disk.journal()[..given.len()], given);
    host.want(&mut desired, Want::Stopped).await;
    host.exited().await;
}
