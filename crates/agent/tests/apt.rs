//! Debian packages, really installed on the host by a recipe's step, and taken away again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    path::Path,
    process::{Command, Stdio},
};

use common::*;
use guildhall_link::message::{EventKind, FailureCode, Phase, Want};
use rustix::fs::FlockOperation;

/// Small packages that nothing depends on, with the program that each brings.
const LEAVES: [(&str, &str); 6] = [
    ("hello", "/usr/bin/hello"),
    ("rolldice", "/usr/games/rolldice"),
    ("sl", "/usr/games/sl"),
    ("cowsay", "/usr/games/cowsay"),
    ("figlet", "/usr/bin/figlet"),
    ("cmatrix", "/usr/bin/cmatrix"),
];
/// What apt-get holds while it reads the lists of packages anew.
const LISTS_LOCK: &str = "/var/lib/apt/lists/lock";

fn can_install() -> bool {
    let reason = if !is_root() {
        "only root can install packages"
    } else if !Path::new("/usr/bin/apt-get").exists() {
        "the host has no apt-get"
    } else {
        return true;
    };
    println!("skipped, because {reason}");
    false
}

fn apt(arguments: &[&str]) {
    let mut command = Command::new("/usr/bin/apt-get");
    command.args(["-o", "DPkg::Lock::Timeout=300", "-y"]).args(arguments);
    command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Takes the package away at the test's end, however it ends.
struct Removed(&'static str);

impl Drop for Removed {
    fn drop(&mut self) {
        apt(&["purge", self.0]);
    }
}

/// A package that is not there, and the lock by which another run of these tests leaves it alone. Nothing that
/// somebody has installed is touched.
fn leaf() -> Option<(&'static str, &'static str, File)> {
    LEAVES.into_iter().find_map(|(package, program)| {
        let path = std::env::temp_dir().join(format!("guildhall-test-apt-{package}.lock"));
        let lock = File::create(path).ok()?;
        rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).ok()?;
        (!Path::new(program).exists()).then_some((package, program, lock))
    })
}

fn step(package: &str, provides: &str) -> String {
    format!("[[install]]\nstep = \"apt\"\npackage = \"{package}\"\nprovides = \"{provides}\"\n")
}

/// Everything that happens until the game is ready, told in words.
async fn steps_until_ready(host: &mut TestHost) -> Vec<String> {
    let mut steps = Vec::new();
    host.until_slowly("ready", |event| match &event.kind {
        EventKind::Progress { step, .. } => {
            steps.push(step.clone());
            None
        }
        EventKind::Failed { failure } => panic!("{failure:?}"),
        kind => matches!(kind, EventKind::Ready { .. }).then_some(()),
    })
    .await;
    steps
}

#[tokio::test]
async fn a_package_that_is_missing_is_installed_once() {
    if !can_install() {
        return;
    }
    let Some((package, provides, _lock)) = leaf() else {
        println!("skipped, because the host has every package that could be installed for it");
        return;
    };
    let removed = Removed(package);
    let mut host = TestHost::new().await;
    let mut desired = game(ECHO, &step(package, provides));
    host.apply(&desired).await;
    assert_eq!(steps_until_ready(&mut host).await, [format!("Debian package {package}")]);
    assert!(Path::new(provides).exists(), "{provides} is not there");
    let installed = fs::metadata(provides).unwrap().modified().unwrap();

    host.want(&mut desired, Want::Stopped).await;
    host.phase(Phase::Stopped).await;
    host.want(&mut desired, Want::Running).await;
    assert_eq!(steps_until_ready(&mut host).await, Vec::<String>::new(), "there is nothing to do again");
    assert_eq!(fs::metadata(provides).unwrap().modified().unwrap(), installed);

    // What one server brought is there for the next one, too.
    let mut other = game(ECHO, &step(package, provides));
    host.apply(&other).await;
    assert_eq!(steps_until_ready(&mut host).await, Vec::<String>::new());
    host.want(&mut other, Want::Stopped).await;
    host.phase(Phase::Stopped).await;

    host.want(&mut desired, Want::Stopped).await;
    host.phase(Phase::Stopped).await;
    drop(removed);
    assert!(!Path::new(provides).exists());
    // Whoever takes the package away gets it back with the next start: the host is looked at, not a note.
    let removed = Removed(package);
    host.want(&mut desired, Want::Running).await;
    assert_eq!(steps_until_ready(&mut host).await.len(), 1);
    host.want(&mut desired, Want::Stopped).await;
    host.phase(Phase::Stopped).await;
    drop(removed);
}

#[tokio::test]
async fn a_package_that_does_not_exist_is_named_and_another_programs_lock_is_waited_for() {
    if !can_install() {
        return;
    }
    let lock = OpenOptions::new().write(true).create(true).truncate(false).open(LISTS_LOCK).unwrap();
    rustix::fs::fcntl_lock(&lock, FlockOperation::LockExclusive).unwrap();
    let mut host = TestHost::new().await;
    let desired = game(ECHO, &step("guildhall-no-such-game", "/usr/games/no-such-game"));
    host.apply(&desired).await;
    // The lists cannot be read anew while somebody else is at them, so that is tried again and again.
    let seen = std::sync::Mutex::new(BTreeSet::new());
    eventually("the lists to be asked for again", async || {
        let mut seen = seen.lock().unwrap();
        seen.extend(updates());
        seen.len() >= 2
    })
    .await;
    assert_eq!(host.observe(desired.server).await.phase, Phase::Installing);
    drop(lock);

    let failure = host
        .until_slowly("failed", |event| match &event.kind {
            EventKind::Failed { failure } => Some(failure.clone()),
            _ => None,
        })
        .await;
    assert_eq!((failure.code, failure.phase), (FailureCode::InstallFailed, Phase::Installing));
    assert!(
        failure
            .message
            .starts_with("The Debian package guildhall-no-such-game was not installed: apt-get ended"),
        "{failure:?}"
    );
    assert!(failure.output.iter().any(|line| line.contains("Unable to locate package")), "{failure:?}");
}

#[tokio::test]
async fn without_root_the_host_says_what_to_run() {
    if is_root() {
        println!("skipped, because root can install packages");
        return;
    }
    let mut host = TestHost::new().await;
    host.apply(&game(ECHO, &step("guildhall-no-such-game", "/usr/games/no-such-game"))).await;
    let failure = host.failed().await;
    assert_eq!(failure.code, FailureCode::NotAllowed);
    assert!(
        failure.message.contains("Run `apt-get install guildhall-no-such-game` on the host"),
        "{failure:?}"
    );
}

/// Processes that read the lists of packages anew.
fn updates() -> Vec<u32> {
    let updates = |pid: &u32| {
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let mut words = arguments.split(|byte| *byte == 0);
        words.next().is_some_and(|program| program.ends_with(b"apt-get"))
            && words.any(|word| word == b"update")
    };
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(updates).collect()
}
