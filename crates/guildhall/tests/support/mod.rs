//! The real program, started by a test: control plane, embedded broker and agent, with a small game.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Longer than anything here takes on a busy machine; reached only when something is wrong.
const PATIENCE: Duration = Duration::from_secs(90);

/// A Guildhall with folders, ports and a game of its own.
pub struct Guildhall {
    folder: TempDir,
    child: Child,
    port: u16,
    client: reqwest::blocking::Client,
}

impl Guildhall {
    /// Starts it and waits until it is ready.
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// Starts it with more lines in its configuration.
    pub fn start_with(configuration: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::Builder::new().prefix("guildhall-test-").tempdir().expect("a folder");
        // Games run as users of their own and have to get through.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).expect("permissions");
        let recipes = folder.path().join("recipes");
        fs::create_dir(&recipes).expect("a folder");
        fs::write(recipes.join("counter.toml"), include_str!("game.toml")).expect("a recipe");
        let (port, broker) = (free_port(), free_port());
        let text = format!(
            "data = {:?}\n{configuration}\n[http]\nlisten = \"127.0.0.1:{port}\"\n[mqtt]\nlisten = \"127.0.0.1:{broker}\"\n\
             [recipes]\nfolder = {recipes:?}\n",
            folder.path().join("data"),
        );
        fs::write(folder.path().join("guildhall.toml"), text).expect("a configuration");
        let child = run(folder.path());
        let client = reqwest::blocking::Client::new();
        let this = Self { folder, child, port, client };
        this.wait_until_ready();
        this
    }

    /// Kills the control plane as hard as can be; agent and games stay.
    pub fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it is gone");
    }

    /// Starts the control plane again.
    pub fn start_again(&mut self) {
        self.child = run(self.folder.path());
        self.wait_until_ready();
    }

    fn wait_until_ready(&self) {
        eventually("the installation is ready", || {
            let answer = self.client.get(self.url("/readyz")).send().ok()?;
            answer.status().is_success().then_some(())
        });
        eventually("the agent is connected", || {
            let hosts = self.get("/api/v1/hosts");
            hosts["data"].as_array()?.iter().any(|host| host["online"] == true).then_some(())
        });
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn token(&self) -> String {
        let text = fs::read_to_string(self.data().join("secrets/operator")).unwrap_or_default();
        text.trim().to_owned()
    }

    pub fn get(&self, path: &str) -> Value {
        let answer = self.client.get(self.url(path)).bearer_auth(self.token()).send();
        answer.and_then(reqwest::blocking::Response::json).unwrap_or(Value::Null)
    }

    /// Calls an operation over REST; the status and the body.
    pub fn call(&self, operation: &str, input: &Value) -> (u16, Value) {
        let path = format!("/api/v1/operations/{}?confirm=true", operation.replace(' ', "."));
        let request = self.client.post(self.url(&path)).bearer_auth(self.token()).json(input);
        let answer = request.send().expect("an answer");
        (answer.status().as_u16(), answer.json().unwrap_or(Value::Null))
    }

    /// Runs the command line against it.
    pub fn cli(&self, arguments: &[&str]) -> Output {
        self.cli_with(arguments, &self.token())
    }

    /// Runs the command line against it with another token.
    pub fn cli_with(&self, arguments: &[&str], token: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_guildhall"))
            .args(arguments)
            .env("GUILDHALL_URL", self.url(""))
            .env("GUILDHALL_TOKEN", token)
            .stdin(Stdio::null())
            .output()
            .expect("the program runs")
    }

    /// Waits until a server is in a state.
    pub fn wait_for_state(&self, server: &str, state: &str) -> Value {
        eventually(&format!("{server} is {state}"), || {
            let view = self.get(&format!("/api/v1/servers/{server}"))["data"].clone();
            (view["state"] == state).then_some(view)
        })
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
            let ours = line.contains(&*self.folder.path().to_string_lossy()) || folder.starts_with(self.folder.path());
            ours && words.iter().all(|word| line.contains(word))
        })
        .collect()
    }
}

impl Drop for Guildhall {
    fn drop(&mut self) {
        // Servers are deleted, so that no game and no user of one stays behind; then everything is stopped.
        if let Some(servers) = self.get("/api/v1/servers")["data"]["servers"].as_array() {
            for server in servers {
                self.call("server stop", &json!({"server": server["name"]}));
                self.call("server delete", &json!({"server": server["name"]}));
            }
        }
        let gone = Instant::now() + Duration::from_secs(20);
        while Instant::now() < gone && !self.processes(&["game.py"]).is_empty() {
            std::thread::park_timeout(Duration::from_millis(50));
        }
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
        for pid in self.processes(&[]) {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).stderr(Stdio::null()).status();
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

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// Asks again and again until there is an answer.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "it never happened that {what}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}
