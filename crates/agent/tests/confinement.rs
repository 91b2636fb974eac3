//! What a game may use, and what it gets to know of the host: nothing of the agent's own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::{collections::BTreeMap, fs, sync::Arc};

use common::*;
use guildhall_link::message::{Request, Want};

/// Soft and hard limit, by the kernel's own name of it.
fn limits(pid: u32) -> BTreeMap<String, [String; 2]> {
    let text = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let limit = |line: &str| {
        let (name, rest) = line.split_at(26);
        let mut values = rest.split_ascii_whitespace().map(str::to_owned);
        (name.trim().to_owned(), [values.next().unwrap(), values.next().unwrap()])
    };
    text.lines().skip(1).map(limit).collect()
}

/// Parent, process group and session.
fn family(pid: u32) -> [u32; 3] {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let mut fields = fields.split_ascii_whitespace().skip(1).map(|field| field.parse().unwrap());
    std::array::from_fn(|_| fields.next().unwrap())
}

fn environment(pid: u32) -> BTreeMap<String, String> {
    let text = String::from_utf8(fs::read(format!("/proc/{pid}/environ")).unwrap()).unwrap();
    let variables = text.split_terminator('\0').map(|variable| variable.split_once('=').unwrap());
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[tokio::test]
async fn a_game_has_its_limits_and_nothing_of_the_agents() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let data = data(&folder);
    let _games = EndGames(&data);
    let mut desired = game(
        "echo ready; read -r line",
        "[[install]]\nstep = \"command\"\nrun = [\"/bin/sh\", \"-c\", \"mkdir world; env > installed\"]\ncreates = \"world\"\n\
         [limits]\nopen_files = 777\nprocesses = 99\nfile_size = 50000000\n",
    );
    desired.recipe.start.folder = Some("world".into());
    desired.recipe.start.environment.insert("MODE".into(), "hard".into());
    let mut agent =
        AgentProcess::with(&data, [("GUILDHALL_AGENT_PASSWORD", "hunter2"), ("SECRET", "hunter3")]);
    agent.apply(&desired);
    agent.until("ready", |line| line["event"] == "ready");
    agent.ask(&Request::Observe { server: desired.server });
    let seen = agent.until("what is seen", |line| line["reply"] == "observed");
    let pid = u32::try_from(seen["observed"]["pid"].as_u64().unwrap()).unwrap();

    let limits = limits(pid);
    let both = |value: &str| [value.to_owned(), value.to_owned()];
    assert_eq!(limits["Max open files"], both("777"));
    assert_eq!(limits["Max file size"], both("50000000"));
    assert_eq!(limits["Max core file size"], both("0"));
    if is_root() {
        // The kernel counts all of a user's processes, so it is for a user of the server's own.
        assert_eq!(limits["Max processes"], both("99"));
    }

    let [shim, group, session] = family(pid);
    assert_eq!((group, session), (pid, pid));
    let [_, shims_group, shims_session] = family(shim);
    assert_eq!((shims_group, shims_session), (shim, shim));
    assert_ne!(shims_session, family(agent.pid())[2]);

    let files = data.join("files").join(desired.server.to_string());
    assert_eq!(fs::read_link(format!("/proc/{pid}/cwd")).unwrap(), files.join("world"));
    let mut names: Vec<String> = environment(pid).into_keys().collect();
    // The shell adds what it likes to have to what it hands on, not to what it got.
    names.sort();
    assert_eq!(names, ["HOME", "LANG", "MODE", "PATH"]);
    assert_eq!(environment(pid)["HOME"], files.to_string_lossy());
    assert!(environment(shim).is_empty(), "{:?}", environment(shim));
    let installed = fs::read_to_string(files.join("installed")).unwrap();
    assert!(installed.contains("HOME=") && !installed.contains("hunter"), "{installed}");

    agent.kill();
    let mut host = TestHost::on(folder.clone(), settings()).await;
    host.want(&mut desired, Want::Stopped).await;
    host.exited().await;
}

#[tokio::test]
async fn a_file_that_grows_too_large_ends_what_writes_it() {
    let mut host = TestHost::new().await;
    let script =
        "echo ready; head -c 20000000 /dev/zero > world; echo \"head: $?\"; wc -c < world; read -r line";
    let mut desired = game(script, "[limits]\nfile_size = 10000000\n");
    host.apply(&desired).await;
    host.ready().await;
    host.line(desired.server, "10000000").await;
    // 128 and the number of SIGXFSZ.
    host.line(desired.server, "head: 153").await;
    host.want(&mut desired, Want::Stopped).await;
    host.exited().await;
}
