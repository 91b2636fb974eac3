//! The real program, started by a test: control plane, embedded broker and agent, with a small game.

#![allow(dead_code, reason = "each test program uses a part of this")]

mod terminal;

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{self, Child, Command, Output, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicU16, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

pub use terminal::Terminal;

/// Longer than anything here takes on a busy machine; reached only when something is wrong.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A recipe of a small game that counts. Its name is `counter`.
pub const GAME: &str = include_str!("game.toml");

/// A Guildhall with folders, ports and a game of its own.
pub struct Guildhall {
    folder: TempDir,
    child: Option<Child>,
    port: u16,
    client: reqwest::blocking::Client,
    /// Everything that REST and the command line have answered.
    told: Mutex<Vec<String>>,
}

impl Guildhall {
    /// Starts it with more lines in its configuration and more recipes beside `counter`, and waits until it is
    /// ready.
    pub fn start(configuration: &str, recipes: &[String]) -> Self {
        let mut this = Self::prepare(configuration, recipes);
        this.start_again();
        this
    }

    /// Writes everything that it needs, and does not start it yet.
    pub fn prepare(configuration: &str, recipes: &[String]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::Builder::new().prefix("guildhall-test-").tempdir().expect("a folder");
        // Games run as users of their own and have to get through.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).expect("permissions");
        let own = folder.path().join("recipes");
        fs::create_dir(&own).expect("a folder");
        for (at, recipe) in [GAME.to_owned()].iter().chain(recipes).enumerate() {
            // Two Guildhalls on one machine know nothing of each other's games, so each has its own numbers.
            let recipe = recipe.replace("default = 27900", &format!("default = {}", free_port()));
            fs::write(own.join(format!("{at}.toml")), recipe).expect("a recipe");
        }
        let (port, broker) = (free_port(), free_port());
        let text = format!(
            "data = {:?}\n{configuration}\n[http]\nlisten = \"127.0.0.1:{port}\"\n[mqtt]\nlisten = \"127.0.0.1:{broker}\"\n\
             [recipes]\nfolder = {own:?}\n",
            folder.path().join("data"),
        );
        fs::write(folder.path().join("guildhall.toml"), text).expect("a configuration");
        let client = reqwest::blocking::Client::new();
        Self { folder, child: None, port, client, told: Mutex::default() }
    }

    /// Kills the control plane as hard as can be; agent and games stay.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("it can be killed");
        child.wait().expect("it is gone");
    }

    /// Starts the control plane, and waits until it is ready.
    pub fn start_again(&mut self) {
        self.spawn();
        self.wait_until_ready();
    }

    /// Starts the control plane, whatever comes of it.
    pub fn spawn(&mut self) {
        self.child = Some(run(self.folder.path()));
    }

    /// Waits until the control plane has ended by itself; its exit status.
    pub fn ended(&mut self) -> Option<i32> {
        let mut child = self.child.take().expect("it runs");
        let status = wait(|| child.try_wait().expect("a child"));
        let Some(status) = status else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("it does not end:\n{}", self.log());
        };
        status.code()
    }

    /// Waits until the control plane and its agent are there.
    pub fn wait_until_ready(&mut self) {
        eventually("the installation is ready", || {
            if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten()) {
                panic!("it ended with {status}:\n{}", self.log());
            }
            let answer = self.client.get(self.url("/readyz")).send().ok()?;
            answer.status().is_success().then_some(())
        });
        eventually("the agent is connected", || {
            let hosts = self.get("/api/v1/hosts");
            hosts["data"].as_array()?.iter().any(|host| host["online"] == true).then_some(())
        });
    }

    /// The address of a path of its HTTP interface.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The operator's token.
    pub fn token(&self) -> String {
        let text = fs::read_to_string(self.data().join("secrets/operator")).unwrap_or_default();
        text.trim().to_owned()
    }

    /// The folder of a server's files on the host.
    pub fn folder_of(&self, server: &str) -> PathBuf {
        let view = self.get(&format!("/api/v1/servers/{server}"));
        self.data().join("hosts/local/files").join(view["data"]["id"].as_str().expect("a server"))
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Reads over REST.
    pub fn get(&self, path: &str) -> Value {
        let answer = self.client.get(self.url(path)).bearer_auth(self.token()).send();
        self.heard(answer).1
    }

    /// Calls an operation over REST; the status and the body.
    pub fn call(&self, operation: &str, input: &Value) -> (u16, Value) {
        let path = format!("/api/v1/operations/{}?confirm=true", operation.replace(' ', "."));
        self.heard(self.client.post(self.url(&path)).bearer_auth(self.token()).json(input).send())
    }

    /// No answer at all has the status 0.
    fn heard(&self, answer: reqwest::Result<reqwest::blocking::Response>) -> (u16, Value) {
        let Ok(answer) = answer else { return (0, Value::Null) };
        let status = answer.status().as_u16();
        let text = answer.text().unwrap_or_default();
        let value = serde_json::from_str(&text).unwrap_or_default();
        self.told.lock().expect("nobody panicked").push(text);
        (status, value)
    }

    /// Starts the command line against it, on a terminal.
    pub fn on_terminal(&self, arguments: &[&str]) -> Terminal {
        let command = pty_process::blocking::Command::new(env!("CARGO_BIN_EXE_guildhall"))
            .args(arguments)
            .env("LC_ALL", "C")
            .env("GUILDHALL_URL", self.url(""))
            .env("GUILDHALL_TOKEN", self.token())
            .env("TERM", "xterm-256color");
        Terminal::start(command)
    }

    /// Runs the command line against it.
    pub fn cli(&self, arguments: &[&str]) -> Output {
        self.cli_with(arguments, &self.token())
    }

    /// Runs the command line against it with another token.
    pub fn cli_with(&self, arguments: &[&str], token: &str) -> Output {
        let output = Command::new(env!("CARGO_BIN_EXE_guildhall"))
            .args(arguments)
            .env("LC_ALL", "C")
            .env("GUILDHALL_URL", self.url(""))
            .env("GUILDHALL_TOKEN", token)
            .stdin(Stdio::null())
            .output()
            .expect("the program runs");
        let mut told = self.told.lock().expect("nobody panicked");
        told.extend([&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()));
        output
    }

    /// Waits until a server is in a state.
    pub fn wait_for_state(&self, server: &str, state: &str) -> Value {
        let mut last = Value::Null;
        let seen = wait(|| {
            last = self.get(&format!("/api/v1/servers/{server}"))["data"].clone();
            (last["state"] == state).then(|| last.clone())
        });
        seen.unwrap_or_else(|| panic!("{server} never was {state}: {last}\n{}", self.log()))
    }

    /// The text of a server's console.
    pub fn console(&self, server: &str) -> String {
        self.get(&format!("/api/v1/servers/{server}/console")).to_string()
    }

    /// Ids of the processes whose command line contains all the words.
    pub fn processes(&self, words: &[&str]) -> Vec<u32> {
        let entries = fs::read_dir("/proc").expect("proc");
        let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
        pids.filter(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            let folder = fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
            let ours = line.contains(&*self.folder.path().to_string_lossy())
                || folder.starts_with(self.folder.path());
            ours && words.iter().all(|word| line.contains(word))
        })
        .collect()
    }

    /// Ids of the agents' processes.
    pub fn agents(&self) -> Vec<u32> {
        self.processes(&[" agent ", "/hosts/local."])
    }

    /// The Unix users whose homes are servers' folders of this installation.
    fn users(&self) -> Vec<String> {
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let ours = users.lines().filter(|line| line.contains(&*self.folder.path().to_string_lossy()));
        ours.filter_map(|line| Some(line.split(':').next()?.to_owned())).collect()
    }

    /// Everything that nobody but Guildhall itself may read.
    pub fn secrets(&self) -> Vec<String> {
        let files = fs::read_dir(self.data().join("secrets")).expect("the secrets' folder");
        let made = files.filter_map(|file| fs::read_to_string(file.ok()?.path()).ok());
        let text = fs::read_to_string(self.folder.path().join("guildhall.toml")).expect("the configuration");
        let told =
            text.lines().find_map(|line| line.strip_prefix("token = ")).map(|token| token.replace('"', ""));
        let secrets = made.chain(told);
        secrets.map(|secret| secret.trim().to_owned()).filter(|secret| !secret.is_empty()).collect()
    }

    /// Deletes every server, stops everything, and proves that nothing is left behind and that neither a secret
    /// nor a panic is found in anything that was logged, kept or answered. The servers' own secrets are kept,
    /// and told to nobody.
    pub fn finish(mut self, of_servers: &[String]) {
        let kept_nowhere = self.secrets();
        assert!(kept_nowhere.len() >= 3, "the operator's token and the broker's two passwords");
        let secrets = [&kept_nowhere, of_servers].concat();
        let ended = self.stop();
        assert!(ended, "it stops in order:\n{}", self.log());
        eventually("the last agent is gone", || self.agents().is_empty().then_some(()));
        assert_eq!(self.processes(&[]), [0; 0], "processes are left");
        assert_eq!(self.users(), [""; 0], "users are left");
        let folders = fs::read_dir(self.data().join("hosts/local/files")).into_iter().flatten();
        assert_eq!(folders.count(), 0, "servers' folders are left");

        let agent = fs::read_to_string(self.data().join("hosts/local.log")).expect("the agent's log");
        for log in [self.log(), agent] {
            assert!(!log.contains("panicked"), "{log}");
            assert_discreet(&secrets, "a log", &log);
        }
        for text in self.told.lock().expect("nobody panicked").iter() {
            assert_discreet(&secrets, "an answer", text);
        }
        for file in files_in(&self.data()) {
            // What the agent is told to begin with has its password in it, for nobody but root to read.
            let settings = file.parent().is_some_and(|folder| folder.ends_with("hosts"))
                && fs::metadata(&file).is_ok_and(|about| about.permissions().mode() & 0o077 == 0);
            if !settings && !file.starts_with(self.data().join("secrets")) {
                let bytes = fs::read(&file).unwrap_or_default();
                assert_discreet(&kept_nowhere, &file.display().to_string(), &String::from_utf8_lossy(&bytes));
            }
        }
    }

    /// Deletes the servers, so that no game and no user of one stays behind, and stops. Whether all went well.
    fn stop(&mut self) -> bool {
        let Some(mut child) = self.child.take() else { return false };
        let gone = wait(|| {
            let list = self.get("/api/v1/servers");
            for server in list["data"]["servers"].as_array()? {
                // One that is at work on something is asked again.
                self.call("server delete", &json!({"server": server["name"]}));
            }
            (list["data"]["total"] == 0).then_some(())
        });
        let _ = Command::new("kill").arg(child.id().to_string()).status();
        let ended = wait(|| child.try_wait().ok().flatten());
        if ended.is_none() {
            let _ = child.kill();
            let _ = child.wait();
        }
        gone.is_some() && ended.is_some_and(|status| status.success())
    }
}

impl Drop for Guildhall {
    fn drop(&mut self) {
        if self.child.is_some() {
            eprintln!("The end of the log:\n{}", last_lines(&self.log(), 40));
            self.stop();
        }
        for pid in self.processes(&[]) {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).stderr(Stdio::null()).status();
        }
        let _ = wait(|| self.processes(&[]).is_empty().then_some(()));
        for user in self.users() {
            let _ = Command::new("/usr/sbin/userdel").arg(user).stderr(Stdio::null()).status();
        }
    }
}

fn run(folder: &Path) -> Child {
    let log = fs::File::options().create(true).append(true).open(folder.join("log")).expect("a log");
    Command::new(env!("CARGO_BIN_EXE_guildhall"))
        .args(["run", "--config"])
        .arg(folder.join("guildhall.toml"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a log"))
        .stderr(log)
        .spawn()
        .expect("the program runs")
}

/// A port below the ones that the system gives to outgoing connections, so that it is still free when something
/// that was killed is started again.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let block = u16::try_from(process::id() % 600).unwrap_or_default() * 20;
        let port = 20_000 + (block + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Asks again and again until there is an answer.
pub fn eventually<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    wait(ask).unwrap_or_else(|| panic!("it never happened that {what}"))
}

fn wait<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() > end {
            return None;
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// Fails when a text holds a secret, without telling it again.
pub fn assert_discreet(secrets: &[String], place: &str, text: &str) {
    for (at, secret) in secrets.iter().enumerate() {
        let Some(found) = text.find(secret.as_str()) else { continue };
        let before: String = text[..found].chars().rev().take(200).collect();
        panic!("{place} tells secret {at}, after: {}", before.chars().rev().collect::<String>());
    }
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let kind = entry.file_type().expect("a kind");
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    files
}

fn last_lines(text: &str, most: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(most)..].join("\n")
}
