//! A server of a shipped recipe on a host of its own, and what every game is put through.

use std::{
    collections::BTreeMap,
    fs,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use guildhall_agent::Settings;
use guildhall_core::ServerId;
use guildhall_link::message::{
    Desired, EventKind, Exit, Observed, Phase, PlayersSeen, Refusal, Reply, Request, Want,
};
use guildhall_recipes::{
    Recipe, Values,
    query::{self, Answer},
    recipe::InstallStep,
    shipped,
};
use rustix::process::{Pid, Signal};
use uuid::Uuid;

use crate::{
    common::{LONG, TestHost, eventually, is_root, lives, rungs, settings, texts},
    port::{self, Port},
};

/// For what has to come over the network first, and for thousands of files on a slow disk.
const VERY_LONG: Duration = Duration::from_secs(900);

/// Settings with which a test need not wait for the next query.
pub fn brisk() -> Settings {
    Settings { query_every: Duration::from_millis(300), ..settings() }
}

/// A server of a shipped recipe.
pub struct Game {
    pub desired: Desired,
    pub port: u16,
    host: Arc<TestHost>,
    /// The cursor of the last event that was looked at.
    seen: u64,
    process: Process,
    _port: Port,
}

/// What runs of a server.
#[derive(Default)]
struct Process {
    pid: u32,
    shim: u32,
}

impl Game {
    /// Sets a server up; `None`, with the reason printed, when the host cannot run it.
    pub fn new(host: &Arc<TestHost>, name: &str, set: &[(&str, &str)]) -> Option<Self> {
        let (_, text) = shipped().iter().find(|(shipped, _)| *shipped == name).unwrap();
        let recipe = Recipe::parse(text, name).unwrap();
        if !recipe.install.iter().all(can_install) {
            return None;
        }
        let port = Port::free();
        let set = set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let ports = BTreeMap::from([("game".to_owned(), port.number)]);
        let values = Values::resolve(&recipe, &set, &ports, |_| "a-secret-of-nobody".to_owned()).unwrap();
        let desired = Desired {
            tenant: "community".parse().unwrap(),
            server: ServerId(Uuid::new_v4()),
            name: name.to_owned(),
            generation: 0,
            want: Want::Stopped,
            session: None,
            variables: values.variables(),
            recipe,
            ports,
            address: "127.0.0.1".to_owned(),
        };
        Some(Self {
            desired,
            port: port.number,
            host: host.clone(),
            seen: 0,
            process: Process::default(),
            _port: port,
        })
    }

    /// Installs and starts the game, and waits until players can join.
    pub async fn start(&mut self) {
        self.desired.session = Some(Uuid::new_v4().into());
        let begun = Instant::now();
        self.want(Want::Running).await;
        let mut steps = Vec::new();
        self.until("starting", VERY_LONG, |kind| {
            if let EventKind::Progress { step, .. } = kind {
                steps.push(step.clone());
            }
            matches!(kind, EventKind::Phase { phase: Phase::Starting }).then_some(())
        })
        .await;
        let installed = begun.elapsed();
        self.ready().await;
        let name = &self.desired.name;
        println!("{name}: {steps:?} in {installed:.1?}, ready after {:.1?}", begun.elapsed());
        for step in &self.desired.recipe.install {
            match step {
                InstallStep::Apt { provides, .. } => assert!(Path::new(provides).exists()),
                InstallStep::Npm { package, .. } => {
                    assert!(self.folder().join("node_modules").join(package).is_dir());
                }
                other => panic!("no shipped recipe that is tested has {other:?}"),
            }
        }
    }

    async fn ready(&mut self) {
        let took = self.until("ready", LONG, |kind| match kind {
            EventKind::Ready { took_ms } => Some(Duration::from_millis(*took_ms)),
            _ => None,
        });
        let (took, within) = (took.await, self.desired.recipe.ready.within);
        assert!(took <= within, "{took:?}");
        let seen = self.observed().await;
        assert_eq!(
            (seen.phase, seen.session, seen.generation),
            (Phase::Ready, self.desired.session, self.desired.generation)
        );
        let pid = seen.pid.unwrap();
        self.process = Process { pid, shim: parent(pid) };
        assert!(lives(pid) && lives(self.process.shim));
        assert!(processes_with(&self.folder()).contains(&pid));
        let owner = fs::metadata(format!("/proc/{pid}")).unwrap().uid();
        assert_eq!(owner, fs::metadata(self.folder()).unwrap().uid());
        assert!(owner != 0, "no game runs as root");
        // What install steps need to get to the network is no game's business.
        let mut environment = fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
        environment.truncate(environment.trim_end_matches('\0').len());
        let mut names: Vec<&str> =
            environment.split('\0').filter_map(|pair| pair.split('=').next()).collect();
        names.sort_unstable();
        assert_eq!(names, ["HOME", "LANG", "PATH"]);
    }

    /// Asks the game itself.
    pub async fn ask(&self) -> Answer {
        let protocol = self.desired.recipe.players.query.unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let ask = move || query::ask(protocol, address, Duration::from_secs(10));
        tokio::task::spawn_blocking(ask).await.unwrap().unwrap()
    }

    pub async fn observed(&self) -> Observed {
        self.host.observe(self.desired.server).await
    }

    /// Waits until exactly these play, as the agent sees it.
    pub async fn plays(&self, names: &[&str]) {
        let count = u32::try_from(names.len()).unwrap();
        eventually(&format!("{names:?} to play"), async || {
            let PlayersSeen { online, names: seen, .. } = self.observed().await.players;
            online == Some(count) && seen == names
        })
        .await;
    }

    pub async fn joined(&mut self, name: &str) {
        let joined = EventKind::Joined { player: name.to_owned() };
        self.until(&format!("{name} to join"), LONG, |kind| (*kind == joined).then_some(())).await;
    }

    pub async fn left(&mut self, name: &str) {
        let left = EventKind::Left { player: name.to_owned() };
        self.until(&format!("{name} to leave"), LONG, |kind| (*kind == left).then_some(())).await;
    }

    pub async fn send(&self, line: &str, by: &str) -> Reply {
        let (line, by) = (line.to_owned(), by.to_owned());
        self.host.agent.request(Request::Send { server: self.desired.server, line, by }).await
    }

    /// A game that reads no console says so.
    pub async fn takes_no_lines(&self) {
        let reply = self.send("hello", "Sam").await;
        assert!(matches!(reply, Reply::Refused { why: Refusal::NoConsole, .. }), "{reply:?}");
    }

    pub async fn line(&self, wanted: &str) {
        self.host.line(self.desired.server, wanted).await;
    }

    pub async fn lines(&self) -> Vec<String> {
        texts(&self.host.console(self.desired.server, None).await)
    }

    /// Ends the game as the kernel does when memory is short, and waits until it is there again.
    pub async fn crash(&mut self) {
        let before = self.process.pid;
        let pid = Pid::from_raw(i32::try_from(before).unwrap()).unwrap();
        rustix::process::kill_process(pid, Signal::KILL).unwrap();
        let (exit, restart, crashes) = self.exited().await;
        assert_eq!((exit.wanted, exit.signal, exit.status), (false, Some(9), None));
        assert_eq!((exit.ladder, crashes), (Vec::new(), 1));
        assert!(restart.is_some(), "it is to be started again");
        self.until("restarting", LONG, |kind| {
            matches!(kind, EventKind::Phase { phase: Phase::Restarting }).then_some(())
        })
        .await;
        self.ready().await;
        assert!(self.process.pid != before && !lives(before));
    }

    /// Stops the game, which has to hold at the recipe's own way.
    pub async fn stop(&mut self, rung: &str) -> Exit {
        self.want(Want::Stopped).await;
        let (exit, restart, crashes) = self.exited().await;
        assert_eq!(rungs(&exit), [rung]);
        assert_eq!((exit.wanted, restart, crashes), (true, None, 0));
        assert!(!lives(self.process.pid), "an exit is told when it is one");
        assert!(port::is_free(self.port));
        self.until("stopped", LONG, |kind| {
            matches!(kind, EventKind::Phase { phase: Phase::Stopped }).then_some(())
        })
        .await;
        let seen = self.observed().await;
        assert_eq!((seen.pid, seen.players.names.len(), seen.failure), (None, 0, None));
        println!("{}: stopped by {rung} in {} ms", self.desired.name, exit.took_ms);
        exit
    }

    /// Takes the server away; nothing of it may be left on the host.
    pub async fn remove(mut self) {
        let folder = self.folder();
        let home = format!(":{}:", folder.display());
        let users = || fs::read_to_string("/etc/passwd").unwrap();
        assert_eq!(users().contains(&home), is_root(), "as root, the server has a user of its own");
        self.want(Want::Absent).await;
        if is_root() {
            let gone = async {
                while users().contains(&home) {
                    look_again().await;
                }
            };
            tokio::time::timeout(VERY_LONG, gone).await.unwrap();
            assert!(!folder.exists(), "a user's number may be the next server's only when it owns nothing");
        }
        self.until("removed", VERY_LONG, |kind| (*kind == EventKind::Removed).then_some(())).await;
        assert!(!folder.exists());
        assert!(!users().contains(&home));
        assert_eq!(processes_with(&folder), Vec::<u32>::new());
        let (agent, server) = (&self.host.agent, self.desired.server);
        eventually("the server to be forgotten", async || {
            matches!(agent.request(Request::Observe { server }).await, Reply::Refused { .. })
        })
        .await;
        let records = self.host.folder.path().join("data/servers").join(server.to_string());
        assert!(!records.exists());
        eventually("the shim to be gone", async || !lives(self.process.shim)).await;
    }

    fn folder(&self) -> PathBuf {
        self.host.folder.path().join("data/files").join(self.desired.server.to_string())
    }

    async fn want(&mut self, want: Want) {
        let host = self.host.clone();
        host.want(&mut self.desired, want).await;
    }

    async fn exited(&mut self) -> (Exit, Option<u64>, u32) {
        self.until("exited", LONG, |kind| match kind {
            EventKind::Exited { exit, restart_in_ms, crashes, .. } => {
                Some((exit.clone(), *restart_in_ms, *crashes))
            }
            _ => None,
        })
        .await
    }

    /// Takes in this server's events up to one that fits. A failure ends the test with its reason.
    async fn until<T>(
        &mut self,
        what: &str,
        within: Duration,
        mut fits: impl FnMut(&EventKind) -> Option<T>,
    ) -> T {
        let agent = &self.host.agent;
        let mut newest = agent.newest();
        let mut passed = Vec::new();
        let wait = async {
            loop {
                for event in agent.events(self.seen, 200).await {
                    self.seen = event.cursor;
                    if event.server != self.desired.server {
                        continue;
                    }
                    if let Some(found) = fits(&event.kind) {
                        return found;
                    }
                    if let EventKind::Failed { failure } = &event.kind {
                        panic!("waited for {what}; {failure:?}");
                    }
                    passed.push(event.kind);
                }
                newest.changed().await.unwrap();
            }
        };
        match tokio::time::timeout(within, wait).await {
            Ok(found) => found,
            Err(_) => panic!("waited for {what}; there was {passed:?}; console: {:#?}", self.lines().await),
        }
    }
}

/// Two servers of a recipe on one host, with titles to tell them apart by: what happens to one does not touch
/// the other.
pub async fn side_by_side(
    recipe: &str,
    sets: [&[(&str, &str)]; 2],
    stop: &str,
    told: impl Fn(&Answer) -> String,
) {
    let host = Arc::new(TestHost::new().await);
    let [first, second] = sets.map(|set| Game::new(&host, recipe, set));
    let (Some(mut first), Some(mut second)) = (first, second) else { return };
    assert_ne!(first.port, second.port);
    tokio::join!(first.start(), second.start());
    let before = second.observed().await;
    let (one, other) = (told(&first.ask().await), told(&second.ask().await));
    assert_ne!(one, other, "each answers for itself");
    first.crash().await;
    assert_eq!(told(&first.ask().await), one);
    first.stop(stop).await;
    assert_eq!(told(&second.ask().await), other);
    first.remove().await;
    let after = second.observed().await;
    assert_eq!((after.pid, after.since, after.phase), (before.pid, before.since, Phase::Ready));
    assert_eq!(told(&second.ask().await), other);
    second.stop(stop).await;
    second.remove().await;
}

/// Whether a program of the host's is there. Where everything has to be tested, it has to be.
pub fn has(program: &str, package: &str) -> bool {
    let there = if program.starts_with('/') {
        Path::new(program).exists()
    } else {
        settings().search_path.split(':').any(|folder| Path::new(folder).join(program).exists())
    };
    if !there {
        println!("skipped, because {program} is missing: install {package}");
        assert!(std::env::var_os("CI").is_none(), "{program} is missing: install {package}");
    }
    there
}

fn can_install(step: &InstallStep) -> bool {
    match step {
        // The agent installs what is missing, as root.
        InstallStep::Apt { package, provides } => {
            is_root() || has(provides, &format!("the package {package}"))
        }
        InstallStep::Npm { .. } => has("node", "Node.js 20") && has("npm", "npm"),
        other => panic!("no shipped recipe that is tested has {other:?}"),
    }
}

/// The process that started another.
fn parent(pid: u32) -> u32 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    rest.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// What has a folder as its home, as every program of a server has.
fn processes_with(home: &Path) -> Vec<u32> {
    let wanted = format!("HOME={}", home.display());
    let has = |pid: &u32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|pair| pair == wanted.as_bytes())
    };
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(has).collect()
}

/// The host's list of users sends no word when it changes.
#[expect(clippy::disallowed_methods, reason = "a file of the host's can only be looked at again and again")]
async fn look_again() {
    tokio::time::sleep(Duration::from_millis(10)).await;
}
