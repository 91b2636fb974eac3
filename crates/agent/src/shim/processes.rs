//! Processes, by what /proc tells of them.

use std::{collections::HashMap, fs, time::Duration};

use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

/// One process, told apart from a later one with the same number by the moment it was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    /// Its number.
    pub(crate) pid: u32,
    /// When it was started, in clock ticks since the machine's start.
    pub(crate) started: u64,
}

impl Process {
    /// The process that has a number now.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let stat = Stat::read(pid)?;
        Some(Self { pid, started: stat.started })
    }

    /// Whether it still runs: not gone, not a zombie, and its number not given to another.
    pub(crate) fn lives(self) -> bool {
        Stat::read(self.pid)
            .is_some_and(|stat| stat.started == self.started && !matches!(stat.state, 'Z' | 'X'))
    }

    /// Kills it, its group, and what descends from it.
    pub(crate) fn kill_tree(self) {
        if !self.lives() {
            return;
        }
        let descendants = descendants(self.pid);
        if let Some(pid) = pid(self.pid) {
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
        kill_all(&descendants);
    }
}

pub(crate) fn pid(number: u32) -> Option<Pid> {
    i32::try_from(number).ok().and_then(Pid::from_raw)
}

pub(crate) fn kill_all(processes: &[u32]) {
    for process in processes.iter().copied().filter_map(pid) {
        // Gone in the meantime is what is wanted.
        let _ = rustix::process::kill_process(process, Signal::KILL);
    }
}

/// Until killed processes are looked at again: only their parents are told when they are gone.
#[expect(clippy::disallowed_methods, reason = "others' processes can only be looked at again and again")]
pub(super) fn look_again() {
    std::thread::sleep(Duration::from_millis(5));
}

/// Kills all processes of a user, until there are none; gives up after five seconds.
pub(crate) fn kill_user(uid: u32) -> bool {
    for _ in 0..1_000 {
        let theirs: Vec<u32> = every()
            .filter(|pid| Stat::read(*pid).is_some_and(|s| s.state != 'Z') && owner(*pid) == Some(uid))
            .collect();
        if theirs.is_empty() {
            return true;
        }
        kill_all(&theirs);
        look_again();
    }
    false
}

/// All processes whose chain of parents leads to this one, living or zombie.
pub(crate) fn descendants(of: u32) -> Vec<u32> {
    let parents: HashMap<u32, u32> =
        every().filter_map(|pid| Stat::read(pid).map(|stat| (pid, stat.parent))).collect();
    let leads_here = |pid: &u32| {
        // No chain is longer than there are processes.
        let chain = std::iter::successors(parents.get(pid), |parent| parents.get(parent)).take(parents.len());
        chain.into_iter().any(|parent| *parent == of)
    };
    parents.keys().copied().filter(leads_here).collect()
}

fn every() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn owner(pid: u32) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(format!("/proc/{pid}")).ok().map(|metadata| metadata.uid())
}

/// Some fields of `/proc/PID/stat`, see proc(5).
struct Stat {
    state: char,
    parent: u32,
    started: u64,
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        // The second field is the program's name in parentheses and may hold anything, so what counts is
        // behind the last parenthesis: the third field and on.
        let mut fields = text.get(text.rfind(')')? + 1..)?.split_ascii_whitespace();
        let state = fields.next()?.chars().next()?;
        let parent = fields.next()?.parse().ok()?;
        let started = fields.nth(17)?.parse().ok()?;
        Some(Self { state, parent, started })
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_process_lives_until_it_is_killed_with_its_children() {
        use std::os::unix::process::CommandExt as _;
        let mut child =
            Command::new("/bin/sh").args(["-c", "sleep 1000 & wait"]).process_group(0).spawn().unwrap();
        let process = Process::of(child.id()).unwrap();
        assert!(process.lives());
        assert!(!Process { started: process.started + 1, ..process }.lives(), "another one with this number");
        let grandchild = loop {
            if let Some(found) = descendants(child.id()).first() {
                break *found;
            }
            std::thread::yield_now();
        };
        process.kill_tree();
        child.wait().unwrap();
        assert!(!process.lives());
        while Process::of(grandchild).is_some_and(Process::lives) {
            std::thread::yield_now();
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_harm(text in "\\PC*") {
            let _ = Stat::parse(&text);
        }
    }
}
