//! The agent on this machine: a process of its own that is started again when it ends, so that the control
//! plane can crash without it, and it without the control plane. One that a killed control plane left behind
//! goes on working until the next one takes its place.

use std::{
    fs::{self, OpenOptions},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use guildhall_core::Clock;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::{
    process::{Child, Command},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// How long a stopped agent may take to end before it is killed. Its games go on either way.
const GRACE: Duration = Duration::from_secs(10);
/// How often to look whether somebody else's child is gone; nobody tells.
const LOOK: Duration = Duration::from_millis(20);
/// The wait before an agent that ended is started again, doubled up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Keeps an agent running.
pub struct LocalAgent {
    stop: CancellationToken,
    keeper: JoinHandle<()>,
}

impl LocalAgent {
    /// Starts the agent with its settings file; its log goes beside it.
    pub fn start(settings: PathBuf, clock: Arc<dyn Clock>) -> Self {
        let stop = CancellationToken::new();
        let keeper = tokio::spawn(keep(settings, clock, stop.clone()));
        Self { stop, keeper }
    }

    /// Stops the agent and waits until it is gone.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.keeper.await {
            tracing::error!("the local agent's keeper ended badly: {error}");
        }
    }
}

async fn keep(settings: PathBuf, clock: Arc<dyn Clock>, stop: CancellationToken) {
    for pid in left_behind(&settings) {
        tracing::info!(
            pid = pid.as_raw_nonzero(),
            "the agent of a control plane that was killed is ended first"
        );
        end_other(pid, clock.as_ref()).await;
    }
    let mut wait = FIRST_WAIT;
    while !stop.is_cancelled() {
        let began = clock.now();
        match spawn(&settings) {
            Ok(mut child) => {
                tokio::select! {
                    status = child.wait() => {
                        tracing::warn!(?status, log = %log_of(&settings).display(), "the local agent ended; it is started again");
                    }
                    () = stop.cancelled() => {
                        end(child).await;
                        return;
                    }
                }
            }
            Err(error) => tracing::error!("the local agent cannot be started: {error}"),
        }
        // One that ran for a while and then ended is no reason to wait longer and longer.
        wait = if clock.now() - began > LONGEST_WAIT { FIRST_WAIT } else { (wait * 2).min(LONGEST_WAIT) };
        tokio::select! {
            () = clock.sleep(wait) => {}
            () = stop.cancelled() => return,
        }
    }
}

fn spawn(settings: &Path) -> std::io::Result<Child> {
    let log = OpenOptions::new().create(true).append(true).open(log_of(settings))?;
    Command::new("/proc/self/exe")
        .args(["agent", "--config"])
        .arg(settings)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        // A Ctrl-C in the terminal is for the control plane, which then stops the agent itself.
        .process_group(0)
        .spawn()
}

/// The agent's log, beside its settings.
pub fn log_of(settings: &Path) -> PathBuf {
    settings.with_extension("log")
}

/// Agents that run with these settings and are nobody's child any more.
fn left_behind(settings: &Path) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let ours = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).skip(1).collect();
        matches!(words.as_slice(), [b"agent", b"--config", file, ..] if *file == settings.as_os_str().as_bytes())
    };
    pids.filter(ours).filter_map(Pid::from_raw).collect()
}

/// Asks an agent that is no child of this process to end, and waits until it is gone.
async fn end_other(pid: Pid, clock: &dyn Clock) {
    let until = clock.now() + GRACE;
    // One that has just ended by itself is what is wanted.
    let _ = kill_process(pid, Signal::TERM);
    while test_kill_process(pid).is_ok() {
        if clock.now() > until {
            let _ = kill_process(pid, Signal::KILL);
        }
        clock.sleep(LOOK).await;
    }
}

async fn end(mut child: Child) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // An agent that has just ended by itself is what is wanted.
        let _ = kill_process(pid, Signal::TERM);
    }
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        tracing::warn!("the local agent did not end in {} s and is killed; its games go on", GRACE.as_secs());
        let _ = child.kill().await;
    }
}
