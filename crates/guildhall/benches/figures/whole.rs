//! The whole way of somebody new: a clean clone to the end of the demo, and to the end of the tests.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use crate::process::{Process, Room};

const ASKED: &str = "GUILDHALL_BENCH_WHOLE";

/// Clones what is committed and times both commands, each with nothing built; or leaves that out if it is told
/// to, because it takes half an hour and 20 GB of disk meanwhile.
pub fn measure() {
    if std::env::var_os(ASKED).is_some_and(|value| value == "0") {
        println!("clean clone → demo, and the tests: left out, because {ASKED} is 0");
        return;
    }
    println!("clean clone → demo, and the tests: half an hour and 20 GB of disk; {ASKED}=0 leaves it out");
    let room = Room::new();
    let clone = room.path().join("guildhall");
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let began = Instant::now();
    let mut command = Command::new("git");
    command.args(["clone", "--quiet", "--no-hardlinks"]).arg(here).arg(&clone);
    assert!(Process::start(&mut command).expect("git").wait().success(), "git clone failed");
    let cloned = began.elapsed();
    println!("clean clone of {}, nothing built, with the caches of packages as they are", commit(&clone));
    for (goal, what) in [("demo", "clone → demo done"), ("test", "clone → make test")] {
        let target = room.path().join("target");
        let log = room.path().join("log");
        let output = fs::File::create(&log).expect("a log");
        let mut command = Command::new("make");
        command.arg(goal).current_dir(&clone);
        // What runs this has settings of its own, which a new shell would not have.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            let stays = matches!(name.as_str(), "CARGO_HOME" | "CARGO_HTTP_CAINFO" | "CARGO_NET_OFFLINE");
            let ours = ["CARGO", "MAKE", "MFLAGS", "LD_LIBRARY_PATH"];
            if ours.iter().any(|start| name.starts_with(start)) && !stays {
                command.env_remove(name);
            }
        }
        command.env("CARGO_TARGET_DIR", &target).env("CARGO_INCREMENTAL", "0");
        command.stdin(Stdio::null()).stdout(output.try_clone().expect("a log")).stderr(output);
        let began = Instant::now();
        let status = Process::start(&mut command).expect("make").wait();
        let took = cloned + began.elapsed();
        let said = fs::read_to_string(&log).unwrap_or_default();
        if status.success() {
            let summary = said.lines().rev().find(|line| line.contains("tests run")).unwrap_or_default();
            println!("  {what:<22} {:>6.1} min   {}", took.as_secs_f64() / 60.0, summary.trim());
        } else {
            let lines: Vec<&str> = said.lines().collect();
            let end = lines[lines.len().saturating_sub(30)..].join("\n");
            println!("  {what:<22} failed with {status} after {:.1} min:\n{end}", took.as_secs_f64() / 60.0);
        }
        fs::remove_dir_all(&target).expect("the target folder goes");
    }
}

fn commit(clone: &Path) -> String {
    let output = Command::new("git").args(["rev-parse", "--short", "HEAD"]).current_dir(clone).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
