//! Runs the programs that install steps need, and keeps the end of what they say.

use std::{collections::VecDeque, path::PathBuf, process::Stdio, time::Duration};

use guildhall_link::message::FailureCode;
use rustix::process::{Pid, Signal};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, Command},
};

use super::Site;
use crate::{config::Settings, folder::Folder, shim::Program, trouble::Trouble};

/// Lines of output that are kept.
const KEPT: usize = 20;
/// What an install step may use.
const OPEN_FILES: u64 = 65_536;
const PROCESSES: u64 = 4_096;

/// What every program of a server has in its environment.
pub(crate) struct Environment;

impl Environment {
    /// PATH, LANG and HOME.
    pub(crate) fn of(settings: &Settings, folder: &Folder) -> Vec<(String, String)> {
        vec![
            ("PATH".to_owned(), settings.search_path.clone()),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
            ("HOME".to_owned(), folder.path().to_string_lossy().into_owned()),
        ]
    }
}

/// Runs a program in the server's folder, as the server's user. All that it starts ends with it.
pub(crate) async fn run(
    argv: &[String],
    within: Duration,
    environment: &[(String, String)],
    site: &Site<'_>,
) -> Result<(), Trouble> {
    let name = argv.first().cloned().unwrap_or_default();
    let mut all = Environment::of(site.settings, site.folder);
    all.extend_from_slice(&site.settings.install_environment);
    all.extend_from_slice(environment);
    let program = Program {
        argv: argv.to_vec(),
        environment: all,
        folder: site.folder.path().to_owned(),
        user: site.folder.user().map(|user| (user.uid, user.gid)),
        open_files: OPEN_FILES,
        processes: PROCESSES,
        file_size: None,
    };
    let order = serde_json::to_vec(&program).map_err(|error| Trouble::install(error.to_string()))?;
    let mut command = Command::new(&site.settings.shim.program);
    command.args(&site.settings.shim.arguments).arg("exec").env_clear().current_dir("/");
    finish(command, &name, &order, within).await
}

/// Runs apt-get.
pub(super) async fn apt(arguments: &[&str], within: Duration) -> Result<(), Trouble> {
    let mut command = Command::new("/usr/bin/apt-get");
    command.args(["-o", "DPkg::Lock::Timeout=300"]).args(arguments).env_clear();
    command
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("LANG", "C.UTF-8");
    // A game's package may bring a service of its own, which would take the game's port.
    command.env("SYSTEMD_OFFLINE", "1");
    command.process_group(0).current_dir(PathBuf::from("/"));
    finish(command, "apt-get", &[], within).await
}

async fn finish(mut command: Command, name: &str, input: &[u8], within: Duration) -> Result<(), Trouble> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| Trouble::io(&format!("starting {name}"), &error))?;
    let group = Group::of(&child);
    let mut kept = VecDeque::new();
    let (stdout, stderr, stdin) = (child.stdout.take(), child.stderr.take(), child.stdin.take());
    let work = async {
        if let Some(mut stdin) = stdin {
            // A program that is gone already says why on its way out.
            let _ = stdin.write_all(input).await;
            let _ = stdin.shutdown().await;
        }
        let said = std::sync::Mutex::new(&mut kept);
        let keep = |line: String| {
            let Ok(mut said) = said.lock() else { return };
            if said.len() == KEPT {
                said.pop_front();
            }
            said.push_back(line);
        };
        // Who keeps the pipes open after the program's end is not waited for.
        let reading = async { tokio::join!(lines(stdout, &keep), lines(stderr, &keep)) };
        tokio::pin!(reading);
        tokio::select! {
            status = child.wait() => {
                let _ = tokio::time::timeout(Duration::from_millis(200), reading).await;
                status
            }
            _ = &mut reading => child.wait().await,
        }
    };
    let outcome = tokio::time::timeout(within, work).await;
    drop(group);
    let output: Vec<String> = kept.into();
    let status = match outcome {
        Ok(status) => status.map_err(|error| Trouble::io(name, &error))?,
        Err(_) => {
            let message = format!("{name} was not done after {} s and was ended.", within.as_secs());
            return Err(Trouble::install(message).output(output));
        }
    };
    if status.success() {
        return Ok(());
    }
    let full = output.iter().any(|line| line.contains("No space left on device") || line.contains("ENOSPC"));
    let trouble = match status.code() {
        _ if full => Trouble::disk_full(&format!("{name} found no space left")),
        Some(127) => Trouble::new(FailureCode::ProgramMissing, format!("The host has no program {name}.")),
        Some(code) => Trouble::install(format!("{name} ended with exit status {code}.")),
        None => Trouble::install(format!("{name} was ended by a signal.")),
    };
    Err(trouble.output(output))
}

async fn lines(pipe: Option<impl AsyncRead + Unpin>, keep: &impl Fn(String)) {
    let Some(pipe) = pipe else { return };
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut reader).take(64 * 1024).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                let text = guildhall_recipes::patterns::strip_ansi(&String::from_utf8_lossy(&line));
                let text: String = text.chars().take(200).collect();
                if !text.is_empty() {
                    keep(text);
                }
            }
        }
    }
}

/// The process group of a program; killed when this is dropped, so that nothing of a step outlives it.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
    }
}
