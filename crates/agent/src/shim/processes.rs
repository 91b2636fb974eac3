//! Processes, by what /proc tells of them.

use std::{
    collections::HashMap,
    fs,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec},
    io::Errno,
    process::{Pid, PidfdFlags, Signal},
};
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

    /// Waits until it has ended; `false` when it has not by the deadline, or cannot be watched.
    pub(crate) fn wait(self, until: Instant) -> bool {
        let Some(pid) = pid(self.pid) else { return true };
        let watch = match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
            Err(Errno::SRCH) => return true,
            Err(_) => return false,
            Ok(watch) => watch,
        };
        // Only now is it certain that the number has not been given to another meanwhile.
        while self.lives() {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(left) = Timespec::try_from(left) else { return false };
            match rustix::event::poll(&mut [PollFd::new(&watch, PollFlags::IN)], Some(&left)) {
                Ok(0) => return false,
                Ok(_) => return true,
                Err(Errno::INTR) => {}
                Err(_) => return false,
            }
        }
        true
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

pub(crate) fn kill_all(processes: &[Process]) {
    for process in processes.iter().filter_map(|process| pid(process.pid)) {
        // Gone in the meantime is what is wanted.
        let _ = rustix::process::kill_process(process, Signal::KILL);
    }
}

/// Kills all processes of a user, until there are none; gives up after five seconds.
pub(crate) fn kill_user(uid: u32) -> bool {
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        let theirs: Vec<Process> = every()
            .filter_map(|pid| Some((pid, Stat::read(pid)?)))
            .filter(|(pid, stat)| stat.state != 'Z' && owner(*pid) == Some(uid))
            .map(|(pid, stat)| Process { pid, started: stat.started })
            .collect();
        if theirs.is_empty() {
            return true;
        }
        kill_all(&theirs);
        if !theirs.into_iter().all(|process| process.wait(until)) {
            return false;
        }
    }
}

/// All processes whose chain of parents leads to this one, living or zombie.
pub(crate) fn descendants(of: u32) -> Vec<Process> {
    let all: HashMap<u32, Stat> = every().filter_map(|pid| Some((pid, Stat::read(pid)?))).collect();
    let parent = |pid: &u32| all.get(pid).map(|stat| stat.parent);
    let leads_here = |pid: &u32| {
        // No chain is longer than there are processes.
        std::iter::successors(parent(pid), parent).take(all.len()).any(|parent| parent == of)
    };
    let found = all.iter().filter(|(pid, _)| leads_here(pid));
    found.map(|(pid, stat)| Process { pid: *pid, started: stat.started }).collect()
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
        assert!(process.lives() && !process.wait(Instant::now()));
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
        assert!(grandchild.wait(Instant::now() + Duration::from_secs(60)) && !grandchild.lives());
        assert!(process.wait(Instant::now()), "what has ended is not waited for");
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_harm(text in "\\PC*") {
            let _ = Stat::parse(&text);
        }
    }
}
