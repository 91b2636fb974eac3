//! The real program, `guildhall run`, as a child of the bench.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use guildhall_core::input::Raw;
use guildhall_http::client::{Client, ClientReply};
use serde_json::{Value, json};

use crate::process::{Process, Room, free_port};

/// How long the program may take to become ready.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is asked for something that it does not tell by itself.
pub const LOOK: Duration = Duration::from_millis(20);

/// A host that no agent is on: for what has nothing to do with game servers.
pub const NO_AGENT: &str = "[[hosts]]\nname = \"elsewhere\"\n";

/// A running Guildhall with its data in a folder of its own.
pub struct Program {
    // Dropped first, so that it ends in order before its folder is emptied.
    process: Process,
    room: Room,
    port: u16,
    http: reqwest::Client,
}

impl Program {
    /// Starts it with these lines in its configuration, and waits until it takes requests.
    pub async fn start(configuration: &str) -> Self {
        let room = Room::new();
        let (port, broker) = (free_port(), free_port());
        let file = room.path().join("guildhall.toml");
        let data = room.path().join("data");
        let text = format!(
            "data = {data:?}\n[http]\nlisten = \"127.0.0.1:{port}\"\n[mqtt]\nlisten = \"127.0.0.1:{broker}\"\n\
             [log]\nlevel = \"warn\"\n{configuration}"
        );
        fs::write(&file, text).expect("written");
        let log = fs::File::create(room.path().join("log")).expect("a log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_guildhall"));
        command.args(["run", "--config"]).arg(&file).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a log")).stderr(log);
        let process = Process::start(&mut command).expect("guildhall");
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let mut this = Self { process, room, port, http };
        this.wait_until_ready().await;
        this
    }

    async fn wait_until_ready(&mut self) {
        let end = Instant::now() + PATIENCE;
        let mut look = tokio::time::interval(LOOK);
        loop {
            look.tick().await;
            if let Some(status) = self.process.ended() {
                panic!("guildhall ended with {status}:\n{}", self.log());
            }
            let answer = self.http.get(format!("{}/readyz", self.url())).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            assert!(Instant::now() < end, "guildhall did not become ready:\n{}", self.log());
        }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Where its HTTP interface is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.room.path().join("data")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.room.path().join("log")).unwrap_or_default()
    }

    /// The operator's way in.
    pub fn client(&self) -> Client {
        let token = fs::read_to_string(self.data().join("secrets/operator")).expect("the operator's token");
        Client::new(&self.url(), token.trim()).expect("a client")
    }

    /// Calls an operation as the operator; its data.
    pub async fn call(&self, operation: &str, input: Value) -> Value {
        match self.client().call(operation, Raw::Json(input), true).await {
            Ok(ClientReply::Done { data, .. }) => data,
            other => panic!("{operation}: {other:?}\n{}", self.log()),
        }
    }

    /// The sum of a metric over all its labels that contain `labels`.
    pub async fn metric(&self, name: &str, labels: &[&str]) -> u64 {
        let answer = self.http.get(format!("{}/metrics", self.url())).send().await.expect("an answer");
        let text = answer.text().await.expect("a text");
        let lines = text
            .lines()
            .filter_map(|line| line.strip_prefix(name))
            .filter(|line| line.starts_with(['{', ' ']) && labels.iter().all(|label| line.contains(label)));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>() as u64
    }

    /// Waits until its own agent is connected.
    pub async fn wait_for_agent(&self) {
        let end = Instant::now() + PATIENCE;
        let mut look = tokio::time::interval(LOOK);
        loop {
            look.tick().await;
            let hosts = self.call("host list", json!({})).await;
            if hosts.as_array().is_some_and(|hosts| hosts.iter().any(|host| host["online"] == true)) {
                return;
            }
            assert!(Instant::now() < end, "the agent did not connect:\n{}", self.log());
        }
    }
}
