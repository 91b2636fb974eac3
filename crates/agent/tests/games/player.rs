//! A real Minecraft player: mineflayer from npm, in a process of its own.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command as StdCommand, Stdio},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::common::LONG;

/// The same player as the demo's.
const SCRIPT: &str = include_str!("../../../guildhall/src/demo/player.js");
const MINEFLAYER: &str = "mineflayer@4.39.0";

/// Where what npm has fetched is kept from one run of the tests to the next.
pub fn npm_cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("npm-cache")
}

/// Where players are started, with mineflayer in it. It is installed once and kept, because it is large.
pub fn installed() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(MINEFLAYER);
    fs::create_dir_all(&folder).unwrap();
    // Another test may be at it.
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    fs::write(folder.join("player.js"), SCRIPT).unwrap();
    let done = folder.join("done");
    if !done.exists() {
        let output = StdCommand::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"])
            .args(["--prefer-offline", "--prefix", ".", MINEFLAYER, "--cache"])
            .arg(npm_cache())
            .current_dir(&folder)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::write(done, "").unwrap();
    }
    folder
}

/// A player who does what the test says.
pub struct Player {
    _client: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    heard: Vec<String>,
}

impl Player {
    /// Joins a server, and waits until the world is there.
    pub async fn join(name: &str, port: u16) -> Self {
        let mut player = Self::start().await;
        player.told(&order_to_join(name, port), "joined").await;
        player
    }

    /// Tries to join a server that does not let them in.
    pub async fn is_turned_away(name: &str, port: u16) {
        let mut player = Self::start().await;
        player.order(&order_to_join(name, port)).await;
        let event = player.until_one_of(&["joined", "left"]).await;
        assert_eq!(event["event"], "left", "{name} got in");
    }

    async fn start() -> Self {
        let folder = tokio::task::spawn_blocking(installed).await.unwrap();
        let mut client = Command::new("node")
            .arg("player.js")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let output = BufReader::new(client.stdout.take().unwrap()).lines();
        Self { input: client.stdin.take().unwrap(), output, _client: client, heard: Vec::new() }
    }

    pub async fn say(&mut self, text: &str) {
        self.told(&json!({"do": "chat", "text": text}), "said").await;
    }

    /// Digs away the block under the feet; answers where it was, and what.
    pub async fn dig(&mut self) -> Value {
        self.told(&json!({"do": "dig"}), "dug").await
    }

    /// The name of the block at a place that [`Player::dig`] answered.
    pub async fn sees(&mut self, place: &Value) -> String {
        let order = json!({"do": "look", "x": place["x"], "y": place["y"], "z": place["z"]});
        self.told(&order, "seen").await["block"].as_str().unwrap().to_owned()
    }

    /// Waits until somebody says something that contains `text`.
    pub async fn hears(&mut self, text: &str) {
        while !self.heard.iter().any(|line| line.contains(text)) {
            let heard = self.until("heard").await;
            self.heard.push(heard["text"].as_str().unwrap().to_owned());
        }
    }

    pub async fn leave(mut self) {
        self.told(&json!({"do": "leave"}), "left").await;
    }

    /// Waits until the server has ended the connection.
    pub async fn ends(mut self) {
        self.until("left").await;
    }

    async fn order(&mut self, order: &Value) {
        self.input.write_all(format!("{order}\n").as_bytes()).await.unwrap();
    }

    async fn told(&mut self, order: &Value, event: &str) -> Value {
        self.order(order).await;
        self.until(event).await
    }

    async fn until(&mut self, wanted: &str) -> Value {
        self.until_one_of(&[wanted]).await
    }

    async fn until_one_of(&mut self, wanted: &[&str]) -> Value {
        let wait = async {
            loop {
                let line = self.output.next_line().await.unwrap().unwrap();
                let Ok(event) = serde_json::from_str::<Value>(&line) else { continue };
                if wanted.iter().any(|wanted| event["event"] == *wanted) {
                    return event;
                }
                match event["event"].as_str() {
                    Some("heard") => self.heard.push(event["text"].as_str().unwrap().to_owned()),
                    Some("error") => panic!("waited for {wanted:?}: {event}"),
                    _ => {}
                }
            }
        };
        let told = tokio::time::timeout(LONG, wait).await;
        told.unwrap_or_else(|_| panic!("the player never told {wanted:?}"))
    }
}

fn order_to_join(name: &str, port: u16) -> Value {
    json!({"do": "join", "host": "127.0.0.1", "port": port, "name": name, "version": "1.21.4"})
}
