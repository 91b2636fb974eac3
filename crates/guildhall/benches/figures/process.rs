//! Processes that are gone when what started them is, also when that panics, and what they use meanwhile.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open},
};
use tempfile::TempDir;

/// How long a process may take to end in order before it is killed.
const PATIENCE: Duration = Duration::from_secs(20);
/// Ticks of a second in `/proc/PID/stat`; the kernel shows programs this number on every machine.
const TICKS: f64 = 100.0;

/// A temporary folder. When it goes, so do the processes that work in it, and the users whose home it was.
pub struct Room(TempDir);

impl Room {
    /// An empty one that games, which run as users of their own, get through.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("guildhall-bench-").tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).expect("permissions");
        Self(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Processes whose program, folder or command line is in here.
    fn processes(&self) -> BTreeSet<u32> {
        let here = |path: io::Result<PathBuf>| path.is_ok_and(|path| path.starts_with(self.path()));
        let name = self.path().to_string_lossy();
        let mut found: BTreeSet<u32> = all_processes()
            .filter(|pid| {
                let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                here(fs::read_link(format!("/proc/{pid}/cwd")))
                    || here(fs::read_link(format!("/proc/{pid}/exe")))
                    || String::from_utf8_lossy(&line).contains(&*name)
            })
            .collect();
        found.remove(&std::process::id());
        found
    }

    fn users(&self) -> Vec<String> {
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let ours = users.lines().filter(|line| line.contains(&*self.path().to_string_lossy()));
        ours.filter_map(|line| Some(line.split(':').next()?.to_owned())).collect()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // One that is killed may have begun another in between, but not for ever.
        for _ in 0..10 {
            let left = self.processes();
            if left.is_empty() {
                break;
            }
            for pid in left {
                signal(pid, Signal::KILL);
                ends_within(pid, PATIENCE);
            }
        }
        for user in self.users() {
            let _ = Command::new("/usr/sbin/userdel").arg(user).stderr(Stdio::null()).status();
        }
    }
}

/// A process, ended with everything that it started when this is dropped.
pub struct Process(Child);

impl Process {
    /// Starts it. What is in the environment for Guildhall is for the bench, unless the command says so.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let said: Vec<OsString> = command.get_envs().map(|(name, _)| name.to_owned()).collect();
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"GUILDHALL_") && !said.contains(&name) {
                command.env_remove(name);
            }
        }
        command.spawn().map(Self)
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// The child itself, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().ok().flatten()
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self) -> ExitStatus {
        self.0.wait().expect("a child that was started here")
    }

    /// Asks it to end, and kills what is still there of it and of what it started.
    pub fn end(&mut self) {
        if self.ended().is_some() {
            return;
        }
        let below = descendants(self.id());
        signal(self.id(), Signal::TERM);
        ends_within(self.id(), PATIENCE);
        let _ = self.0.kill();
        let _ = self.0.wait();
        for pid in below {
            signal(pid, Signal::TERM);
            if !ends_within(pid, PATIENCE) {
                signal(pid, Signal::KILL);
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a process uses.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Processor time so far, on all cores.
    pub processor: Duration,
    /// Resident memory, in KiB.
    pub resident: u64,
    /// Memory with its part of what is shared, in KiB.
    pub proportional: u64,
}

impl Usage {
    /// Of a process, now; nothing of one that is gone.
    pub fn of(pid: u32) -> Self {
        let memory = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let kib = |name: &str| {
            let line = memory.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kib| kib.parse().ok()).unwrap_or(0)
        };
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name in parentheses may have blanks in it; after it come the state and ten numbers more.
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        let ticks: f64 =
            after.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
        Self {
            processor: Duration::from_secs_f64(ticks / TICKS),
            resident: kib("Rss:"),
            proportional: kib("Pss:"),
        }
    }

    /// Once the process has come to rest: it used less than a twentieth of a core for a second. After half a
    /// minute it is taken as it is.
    pub async fn at_rest(pid: u32) -> Self {
        let mut look = tokio::time::interval(Duration::from_secs(1));
        look.tick().await;
        let mut before = Self::of(pid);
        for _ in 0..30 {
            look.tick().await;
            let now = Self::of(pid);
            if now.processor - before.processor < Duration::from_millis(50) {
                return now;
            }
            before = now;
        }
        before
    }
}

/// KiB as people read them.
pub fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

/// The children of a process.
pub fn children(of: u32) -> Vec<u32> {
    all_processes()
        .filter(|pid| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            status.lines().any(|line| line == format!("PPid:\t{of}"))
        })
        .collect()
}

fn descendants(of: u32) -> Vec<u32> {
    let mut found = children(of);
    let mut at = 0;
    while let Some(pid) = found.get(at).copied() {
        found.extend(children(pid));
        at += 1;
    }
    found
}

fn all_processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").expect("proc").flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
}

fn pid(of: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(of).ok()?)
}

fn signal(to: u32, signal: Signal) {
    if let Some(pid) = pid(to) {
        // It may have ended in the meantime.
        let _ = kill_process(pid, signal);
    }
}

/// Whether a process ends in time. One that is gone has.
fn ends_within(of: u32, within: Duration) -> bool {
    let Some(process) = pid(of).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()) else {
        return true;
    };
    let limit = Timespec { tv_sec: i64::try_from(within.as_secs()).unwrap_or(i64::MAX), tv_nsec: 0 };
    poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&limit)).is_ok_and(|ready| ready > 0)
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0");
    listener.and_then(|listener| listener.local_addr()).expect("a free port").port()
}
