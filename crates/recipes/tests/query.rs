//! The shipped recipes of Debian's game servers, started as their recipe says and asked who plays.
#![cfg(feature = "query")]

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read},
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use guildhall_recipes::{
    Patterns, Place, Recipe, Values,
    query::{self, Answer, QueryError},
    recipe::{InstallStep, QueryProtocol},
    render, shipped,
};

struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
    patterns: Patterns,
    protocol: QueryProtocol,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        // `script` does not take the game with it, and some games do not mind losing their terminal.
        let id = self.child.id();
        let games = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        for game in games.split_whitespace() {
            let _ = Command::new("kill").args(["-9", game]).status();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    fn ask(&self) -> Result<Answer, QueryError> {
        query::ask(self.protocol, self.address, Duration::from_secs(5))
    }

    /// Asks until the answer is as wanted, also when there is none at first.
    fn ask_until(&self, what: &str, mut is: impl FnMut(&Answer) -> bool) -> Answer {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let answer = self.ask();
            if let Ok(answer) = &answer
                && is(answer)
            {
                return answer.clone();
            }
            assert!(Instant::now() < deadline, "never {what}: {answer:?}");
        }
    }

    fn wait_for(&self, what: &str, mut is: impl FnMut(&str) -> bool) -> String {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut seen = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("the console never showed {what}; it showed\n{}", seen.join("\n"))
            };
            if is(&line) {
                return line;
            }
            seen.push(line);
        }
    }
}

/// A port that is free for both transports. Another process could take it in between; then the start fails
/// and says so.
fn free_port() -> u16 {
    loop {
        let tcp = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a free port");
        let port = tcp.local_addr().expect("bound").port();
        if UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
            return port;
        }
    }
}

/// What the recipe's install steps need, or nothing where it cannot be had.
fn install(recipe: &Recipe, folder: &Path) -> Option<()> {
    for step in &recipe.install {
        match step {
            InstallStep::Apt { package, provides } if !Path::new(provides).exists() => {
                println!("skipped, because {provides} of the package {package} is not installed");
                return None;
            }
            InstallStep::Apt { .. } => {}
            InstallStep::Npm { package, version } => {
                // Kept from one run of the tests to the next, because it is large.
                let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{package}-{version}"));
                fs::create_dir_all(&kept).expect("made");
                let installed = Command::new("npm")
                    .args(["install", "--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts"])
                    .arg(format!("{package}@{version}"))
                    .arg("--prefix")
                    .arg(&kept)
                    .stdout(Stdio::null())
                    .status();
                if !installed.is_ok_and(|status| status.success()) {
                    println!("skipped, because npm could not install {package} {version}");
                    return None;
                }
                std::os::unix::fs::symlink(kept.join("node_modules"), folder.join("node_modules"))
                    .expect("linked");
            }
            other => panic!("no test installs {other:?}"),
        }
    }
    Some(())
}

fn start(name: &str, set: &[(&str, &str)]) -> Option<Running> {
    let (_, text) = shipped().iter().find(|(shipped, _)| *shipped == name).expect("shipped");
    let recipe = Recipe::parse(text, name).expect("a recipe");
    let folder = tempfile::tempdir().expect("a folder");
    install(&recipe, folder.path())?;
    let port = free_port();
    let set: BTreeMap<String, String> = set.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let ports = BTreeMap::from([("game".to_owned(), port)]);
    let values = Values::resolve(&recipe, &set, &ports, |_| "generated-secret".to_owned()).expect("values");
    let place =
        Place { server: "test", folder: folder.path().to_str().expect("UTF-8"), address: "127.0.0.1" };
    for file in render::files(&recipe, &values, &place).expect("files") {
        let path = folder.path().join(&file.path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, file.text(None).expect("text")).expect("written");
    }
    let launch = render::launch(&recipe, &values, &place).expect("a command line");
    // A terminal, as the agent gives the game: some games only write whole lines to one.
    let quoted: Vec<String> = launch.argv.iter().map(|a| format!("'{}'", a.replace('\'', "'\\''"))).collect();
    let mut child = Command::new("script")
        .args(["-qfec", &format!("exec {}", quoted.join(" ")), "/dev/null"])
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/games")
        .env("HOME", folder.path())
        .env("LANG", "C.UTF-8")
        .envs(&launch.environment)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("started");
    let (sender, lines) = mpsc::channel();
    let output = child.stdout.take().expect("piped");
    thread::spawn(move || {
        let mut output = BufReader::new(output.take(1 << 20));
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
            line.clear();
        }
    });
    let patterns = Patterns::compile(&recipe).expect("patterns");
    let protocol = recipe.players.query.expect("a query");
    let running = Running {
        child,
        lines,
        patterns,
        protocol,
        address: (Ipv4Addr::LOCALHOST, port).into(),
        _folder: folder,
    };
    running.wait_for("that it is ready", |line| running.patterns.ready(line));
    Some(running)
}

#[test]
fn bzflag_is_ready_answers_and_tells_who_joins() {
    let Some(server) = start("bzflag", &[("max_players", "7")]) else { return };
    let answer = server.ask_until("it answers", |_| true);
    assert_eq!((answer.players, answer.max), (Some(0), Some(7)));
    assert_eq!(answer.version.as_deref(), Some("0221"));
    let client = Path::new("/usr/games/bzadmin");
    if !client.exists() {
        println!("skipped the player, because {} is not installed", client.display());
        return;
    }
    let mut player = Command::new(client)
        .args(["-ui", "stdboth", &format!("some one@127.0.0.1:{}", server.address.port())])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("started");
    server.wait_for("who joins", |line| server.patterns.joined(line).as_deref() == Some("some one"));
    // It names a player to who asks a moment after it has named them on its console, and answers one at a time.
    let answer = server.ask_until("the player is counted", |answer| answer.players == Some(1));
    assert_eq!(answer.names, ["some one"]);
    player.kill().expect("killed");
    player.wait().expect("gone");
    server.wait_for("who leaves", |line| server.patterns.left(line).as_deref() == Some("some one"));
}

#[test]
fn minecraft_is_ready_and_answers() {
    let motd = r#"A "title" with {braces} and \ marks"#;
    let Some(server) = start("minecraft-flying-squid", &[("max_players", "6"), ("motd", motd)]) else {
        return;
    };
    let answer = server.ask_until("it answers", |_| true);
    assert_eq!((answer.players, answer.max, answer.names.len()), (Some(0), Some(6), 0));
    assert_eq!(answer.title.as_deref(), Some(motd));
    assert_eq!(answer.version.as_deref(), Some("1.21.4"));
}

#[test]
fn teeworlds_is_ready_and_answers() {
    let title = "A; name # with marks";
    let Some(server) = start("teeworlds", &[("max_players", "9"), ("title", title)]) else { return };
    let answer = server.ask_until("it answers", |_| true);
    assert_eq!((answer.players, answer.max, answer.names.len()), (Some(0), Some(9), 0));
    assert_eq!(answer.title.as_deref(), Some(title), "the title came through the configuration file whole");
    assert!(answer.version.is_some_and(|version| version.starts_with("0.7")));
}

#[test]
fn luanti_is_ready_and_answers() {
    let Some(server) = start("luanti", &[]) else { return };
    let answer = server.ask_until("it answers", |_| true);
    assert_eq!(answer, Answer::default(), "the protocol tells nothing but that it is there");
}

#[test]
fn armagetron_is_ready_and_answers() {
    let title = "A name; with 'marks'";
    let Some(server) = start("armagetron", &[("max_players", "5"), ("title", title)]) else { return };
    let answer = server.ask_until("it answers", |_| true);
    assert_eq!((answer.players, answer.max, answer.names.len()), (Some(0), Some(5), 0));
    assert_eq!(answer.title.as_deref(), Some(title));
}

#[test]
fn nobody_there_is_an_error_within_the_time_given() {
    let address = (Ipv4Addr::LOCALHOST, free_port()).into();
    for protocol in [
        QueryProtocol::Minecraft,
        QueryProtocol::Valve,
        QueryProtocol::Bzflag,
        QueryProtocol::Teeworlds,
        QueryProtocol::Luanti,
        QueryProtocol::Armagetron,
    ] {
        let error = query::ask(protocol, address, Duration::from_millis(800)).expect_err("nobody is there");
        assert!(matches!(error, QueryError::Silent(_)), "{protocol:?}: {error}");
    }
}

#[test]
fn a_server_that_says_nothing_does_not_hold_the_caller() {
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let tcp_address = tcp.local_addr().expect("bound");
    let udp_address = udp.local_addr().expect("bound");
    for (protocol, address) in [
        (QueryProtocol::Minecraft, tcp_address),
        (QueryProtocol::Bzflag, tcp_address),
        (QueryProtocol::Valve, udp_address),
        (QueryProtocol::Teeworlds, udp_address),
        (QueryProtocol::Luanti, udp_address),
        (QueryProtocol::Armagetron, udp_address),
    ] {
        let error = query::ask(protocol, address, Duration::from_millis(700)).expect_err("it is silent");
        assert!(matches!(error, QueryError::Silent(_)), "{protocol:?}: {error}");
    }
}
