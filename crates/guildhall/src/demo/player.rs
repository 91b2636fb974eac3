//! A real Minecraft player: mineflayer from npm, in a process of its own.

use std::{path::Path, process::Stdio, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use super::Trouble;

const SCRIPT: &str = include_str!("player.js");
const MINEFLAYER: &str = "mineflayer@4.39.0";
const PATIENCE: Duration = Duration::from_secs(60);

/// A player who does what the demo says.
pub struct Player {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    /// What has been heard in the game's chat so far.
    heard: Vec<String>,
}

/// Installs mineflayer into `folder`, once.
pub async fn install(folder: &Path) -> Result<(), Trouble> {
    tokio::fs::create_dir_all(folder).await?;
    tokio::fs::write(folder.join("player.js"), SCRIPT).await?;
    if folder.join("node_modules/mineflayer/package.json").exists() {
        return Ok(());
    }
    let output = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", ".", MINEFLAYER])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .await?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Trouble(format!("npm could not install {MINEFLAYER}: {words}")))
}

impl Player {
    /// Starts the player's process; nobody has joined yet.
    pub fn start(folder: &Path) -> Result<Self, Trouble> {
        let mut child = Command::new("node")
            .arg("player.js")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Trouble("the player's process has no pipes".to_owned()));
        };
        Ok(Self { child, input, output: BufReader::new(output).lines(), heard: Vec::new() })
    }

    /// Joins a server.
    pub async fn join(&mut self, port: u16, name: &str) -> Result<(), Trouble> {
        let order =
            json!({"do": "join", "host": "127.0.0.1", "port": port, "name": name, "version": "1.21.4"});
        self.order(&order).await?;
        self.wait_for("joined").await.map(drop)
    }

    /// Says something in the game's chat.
    pub async fn chat(&mut self, text: &str) -> Result<(), Trouble> {
        self.order(&json!({"do": "chat", "text": text})).await?;
        self.wait_for("said").await.map(drop)
    }

    /// Digs away the block under the feet; answers where it was.
    pub async fn dig(&mut self) -> Result<Value, Trouble> {
        self.order(&json!({"do": "dig"})).await?;
        self.wait_for("dug").await
    }

    /// The name of the block at a place that [`Player::dig`] answered.
    pub async fn look(&mut self, place: &Value) -> Result<String, Trouble> {
        let order = json!({"do": "look", "x": place["x"], "y": place["y"], "z": place["z"]});
        self.order(&order).await?;
        let seen = self.wait_for("seen").await?;
        Ok(seen["block"].as_str().unwrap_or_default().to_owned())
    }

    /// Waits until somebody says something that contains `text`.
    pub async fn hears(&mut self, text: &str) -> Result<String, Trouble> {
        if let Some(line) = self.heard.iter().find(|line| line.contains(text)) {
            return Ok(line.clone());
        }
        let wait = async {
            loop {
                let event = self.next().await?;
                let line = event["text"].as_str().unwrap_or_default().to_owned();
                if event["event"] == "heard" && line.contains(text) {
                    return Ok(line);
                }
            }
        };
        timeout(PATIENCE, wait).await.map_err(|_| Trouble(format!("the player never heard '{text}'")))?
    }

    /// Leaves the game; the process ends with it.
    pub async fn leave(mut self) -> Result<(), Trouble> {
        self.order(&json!({"do": "leave"})).await?;
        self.wait_for("left").await?;
        drop(self.input);
        self.child.wait().await?;
        Ok(())
    }

    async fn order(&mut self, order: &Value) -> Result<(), Trouble> {
        self.input.write_all(format!("{order}\n").as_bytes()).await?;
        Ok(())
    }

    async fn wait_for(&mut self, event: &str) -> Result<Value, Trouble> {
        let wait = async {
            loop {
                let seen = self.next().await?;
                if seen["event"] == event {
                    return Ok(seen);
                }
                if matches!(seen["event"].as_str(), Some("error" | "kicked")) {
                    return Err(Trouble(format!("the player has trouble: {seen}")));
                }
            }
        };
        timeout(PATIENCE, wait).await.map_err(|_| Trouble(format!("the player never told '{event}'")))?
    }

    async fn next(&mut self) -> Result<Value, Trouble> {
        let Some(line) = self.output.next_line().await? else {
            return Err(Trouble("the player's process ended".to_owned()));
        };
        let event: Value = serde_json::from_str(&line).unwrap_or(Value::Null);
        if event["event"] == "heard" {
            self.heard.push(event["text"].as_str().unwrap_or_default().to_owned());
        }
        Ok(event)
    }
}
