//! The real program, `guildhall run`, as a child of the demo.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::{
    process::{Child, Command},
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use super::Trouble;
use crate::installation;

/// How long the program may take to become ready or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `guildhall run`.
pub struct Program {
    child: Child,
    data: PathBuf,
    log: PathBuf,
    /// Where its HTTP interface is.
    pub url: String,
    client: reqwest::Client,
}

impl Program {
    /// Starts it with a configuration and waits until it and its agent are ready.
    pub async fn start(folder: &Path, configuration: &str) -> Result<Self, Trouble> {
        let data = folder.join("data");
        let http = port(8080)?;
        let broker = port(1883)?;
        let file = folder.join("guildhall.toml");
        let text = format!(
            "data = {data:?}\n\n[http]\nlisten = \"127.0.0.1:{http}\"\n\n[mqtt]\nlisten = \"127.0.0.1:{broker}\"\n\n{configuration}"
        );
        fs::write(&file, text)?;
        let log = folder.join("guildhall.log");
        let output = fs::File::options().create(true).append(true).open(&log)?;
        let child = Command::new("/proc/self/exe")
            .args(["run", "--config"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            // A Ctrl-C is for the demo, which then stops everything in order.
            .process_group(0)
            .spawn()?;
        let url = format!("http://127.0.0.1:{http}");
        let client = reqwest::Client::builder().tls_certs_only(std::iter::empty()).build()?;
        let mut program = Self { child, data, log, url, client };
        program.wait_until_ready().await?;
        Ok(program)
    }

    async fn wait_until_ready(&mut self) -> Result<(), Trouble> {
        let end = Instant::now() + PATIENCE;
        let mut look = interval(Duration::from_millis(100));
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            if let Some(status) = self.child.try_wait()? {
                return Err(Trouble(format!("`guildhall run` ended with {status}:\n{}", self.last_words())));
            }
            if self.is_ready().await {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(Trouble(format!("`guildhall run` did not become ready:\n{}", self.last_words())));
            }
        }
    }

    async fn is_ready(&self) -> bool {
        let Ok(answer) = self.client.get(format!("{}/readyz", self.url)).send().await else { return false };
        if !answer.status().is_success() {
            return false;
        }
        let Ok((_, hosts)) = self.rest(reqwest::Method::GET, "/api/v1/hosts", None).await else {
            return false;
        };
        hosts["data"].as_array().is_some_and(|hosts| hosts.iter().any(|host| host["online"] == true))
    }

    /// The operator's token.
    pub fn token(&self) -> Result<SecretString, Trouble> {
        installation::operator_token(&self.data).map_err(|error| Trouble(error.to_string()))
    }

    /// One REST request with the operator's token; the status and the body.
    pub async fn rest(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<(u16, Value), Trouble> {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(self.token()?.expose_secret());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        Ok((answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null)))
    }

    /// Runs the command line as a member of the staff at this machine would.
    pub async fn command_line(&self, words: &[&str]) -> Result<String, Trouble> {
        let output = Command::new("/proc/self/exe")
            .args(words)
            .env("GUILDHALL_URL", &self.url)
            .env("GUILDHALL_TOKEN", self.token()?.expose_secret())
            .stdin(Stdio::null())
            .output()
            .await?;
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(told);
        }
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(Trouble(format!("guildhall {} ended with {}: {told}{complaint}", words.join(" "), output.status)))
    }

    /// Stops and deletes every server, so that no game and no Unix user of one stays behind.
    pub async fn delete_servers(&self) -> Result<(), Trouble> {
        let (_, list) = self.rest(reqwest::Method::GET, "/api/v1/servers", None).await?;
        let names: Vec<String> = names(&list);
        for name in names {
            let stop = json!({"server": name});
            // A server that is stopped already says so, which is what is wanted.
            self.rest(reqwest::Method::POST, "/api/v1/operations/server.stop", Some(stop.clone())).await?;
            self.wait_for_state(&name, &["stopped", "failed"]).await?;
            self.rest(reqwest::Method::POST, "/api/v1/operations/server.delete?confirm=true", Some(stop))
                .await?;
        }
        let end = Instant::now() + PATIENCE;
        let mut look = interval(Duration::from_millis(100));
        loop {
            look.tick().await;
            let (_, list) = self.rest(reqwest::Method::GET, "/api/v1/servers", None).await?;
            if names_is_empty(&list) {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(Trouble(format!("servers are still there: {list}")));
            }
        }
    }

    /// Waits until a server is in one of the states.
    pub async fn wait_for_state(&self, server: &str, states: &[&str]) -> Result<Value, Trouble> {
        let end = Instant::now() + PATIENCE * 5;
        let mut look = interval(Duration::from_millis(100));
        loop {
            look.tick().await;
            let (_, view) =
                self.rest(reqwest::Method::GET, &format!("/api/v1/servers/{server}"), None).await?;
            if states.iter().any(|state| view["data"]["state"] == *state) {
                return Ok(view["data"].clone());
            }
            if Instant::now() > end {
                return Err(Trouble(format!("{server} never was {}: {view}", states.join(" or "))));
            }
        }
    }

    /// Stops the program and waits until it is gone.
    pub async fn stop(&mut self) -> Result<(), Trouble> {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            kill_process(pid, Signal::TERM)?;
        }
        match timeout(PATIENCE, self.child.wait()).await {
            Ok(status) => {
                let status = status?;
                if status.success() {
                    Ok(())
                } else {
                    Err(Trouble(format!("`guildhall run` ended with {status}")))
                }
            }
            Err(_) => {
                self.child.kill().await?;
                Err(Trouble("`guildhall run` did not stop and was killed".to_owned()))
            }
        }
    }

    /// The end of the log.
    fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

fn names(list: &Value) -> Vec<String> {
    let servers = list["data"]["servers"].as_array();
    servers.into_iter().flatten().filter_map(|server| server["name"].as_str().map(str::to_owned)).collect()
}

fn names_is_empty(list: &Value) -> bool {
    list["data"]["servers"].as_array().is_some_and(Vec::is_empty)
}

/// The usual port when it is free, else another.
fn port(usual: u16) -> std::io::Result<u16> {
    let at = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).and_then(|listener| listener.local_addr());
    Ok(at(usual).or_else(|_| at(0))?.port())
}
