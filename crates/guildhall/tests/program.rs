//! The whole program as its users meet it: `guildhall run` with its agent, the command line, REST, and what
//! is left when one of the processes is killed.

mod support;

use std::{fs, process::Command, thread};

use serde_json::{Value, json};
use support::{Guildhall, eventually};

fn started() -> Guildhall {
    Guildhall::start("", &[])
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_server_lives_through_rest_and_the_command_line() {
    let guildhall = started();
    let made = guildhall.cli(&["server", "create", "survival", "counter"]);
    assert!(made.status.success(), "{}{}", text(&made.stdout), text(&made.stderr));
    let started = guildhall.cli(&["server", "start", "survival"]);
    assert!(started.status.success(), "{}{}", text(&started.stdout), text(&started.stderr));
    let view = guildhall.wait_for_state("survival", "ready");
    assert_eq!(view["name"], "survival");

    let (status, _) = guildhall.call("server send", &json!({"server": "survival", "line": "join Alex"}));
    assert_eq!(status, 200);
    eventually("Alex is seen playing", || {
        guildhall.get("/api/v1/servers/survival").to_string().contains("Alex").then_some(())
    });
    guildhall.call("server send", &json!({"server": "survival", "line": "add"}));
    eventually("the game counts", || guildhall.console("survival").contains("count is 1").then_some(()));
    assert!(guildhall.console("survival").contains("operator"), "the console says who sent a line");

    let stopped = guildhall.cli(&["server", "stop", "survival"]);
    assert!(stopped.status.success(), "{}{}", text(&stopped.stdout), text(&stopped.stderr));
    let (status, _) = guildhall.call("server start", &json!({"server": "survival"}));
    assert_eq!(status, 202, "the start goes on after the answer");
    guildhall.wait_for_state("survival", "ready");
    eventually("the count was saved", || {
        guildhall.console("survival").contains("ready, count is 1").then_some(())
    });

    let records = guildhall.get("/api/v1/audits?operation=server%20start");
    let records = records["data"].as_array().cloned().unwrap_or_default();
    let faces: Vec<_> = records.iter().filter_map(|record| record["face"].as_str()).collect();
    assert_eq!(faces, ["rest", "cli"], "one record each, newest first: {records:?}");
    assert!(records.iter().all(|record| record["verdict"] == "done" && record["rank"] == 10));
    guildhall.finish(&[]);
}

#[test]
fn refused_failed_and_unreachable_have_their_own_exit_status() {
    let guildhall = started();
    guildhall.cli(&["server", "create", "survival", "counter"]);
    let refused = guildhall.cli(&["server", "start", "survivel"]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(
        text(&refused.stderr).contains("survival"),
        "the nearest name is told: {}",
        text(&refused.stderr)
    );
    let stranger = guildhall.cli_with(&["server", "list"], "gh_not-a-token");
    assert_eq!(stranger.status.code(), Some(3), "{}", text(&stranger.stderr));
    let usage = guildhall.cli(&["server", "start"]);
    assert_eq!(usage.status.code(), Some(2));
    let unasked = guildhall.cli(&["server", "delete", "survival"]);
    assert_eq!(unasked.status.code(), Some(3), "without a terminal nobody said yes");
    let nowhere = Command::new(env!("CARGO_BIN_EXE_guildhall"))
        .args(["server", "list", "--url", "http://127.0.0.1:9", "--token", "gh_x"])
        .output()
        .expect("the program runs");
    assert_eq!(nowhere.status.code(), Some(4), "{}", text(&nowhere.stderr));
    let as_json = guildhall.cli(&["server", "status", "nothing", "--json"]);
    let error: Value = serde_json::from_slice(&as_json.stdout).expect("JSON");
    assert_eq!(error["error"]["kind"], "not_found", "{error}");
    guildhall.finish(&[]);
}

#[test]
fn a_control_plane_killed_in_the_middle_of_a_start_finishes_it() {
    let mut guildhall = started();
    guildhall
        .call("server create", &json!({"name": "survival", "recipe": "counter", "set": {"hold": "true"}}));
    guildhall.call("server start", &json!({"server": "survival"}));
    let pid = eventually("the game runs", || guildhall.processes(&["game.py"]).first().copied());
    let folder = guildhall.folder_of("survival");
    guildhall.kill();
    assert_eq!(guildhall.processes(&["game.py"]), [pid], "the game still runs");
    guildhall.start_again();
    fs::write(folder.join("go"), "").expect("the game's folder");
    guildhall.wait_for_state("survival", "ready");
    assert_eq!(guildhall.processes(&["game.py"]), [pid], "the same game, started once");
    guildhall.finish(&[]);
}

#[test]
fn a_game_outlives_its_agent_and_is_taken_up_again() {
    let guildhall = started();
    guildhall.call("server create", &json!({"name": "survival", "recipe": "counter"}));
    guildhall.call("server start", &json!({"server": "survival"}));
    guildhall.wait_for_state("survival", "ready");
    let game = guildhall.processes(&["game.py"]);
    let agents = guildhall.processes(&["agent", "local.toml"]);
    assert_eq!((game.len(), agents.len()), (1, 1));
    Command::new("kill").args(["-9", &agents[0].to_string()]).status().expect("kill");
    eventually("there is a new agent", || {
        let now = guildhall.processes(&["agent", "local.toml"]);
        (now.len() == 1 && now != agents).then_some(())
    });
    eventually("the console can be written to again", || {
        let (status, _) = guildhall.call("server send", &json!({"server": "survival", "line": "add"}));
        (status == 200).then_some(())
    });
    eventually("the game heard it", || guildhall.console("survival").contains("count is 1").then_some(()));
    assert_eq!(guildhall.processes(&["game.py"]), game, "the same game");
    guildhall.finish(&[]);
}

#[test]
fn of_two_starts_at_once_one_is_told_who_was_first() {
    let guildhall = started();
    guildhall
        .call("server create", &json!({"name": "survival", "recipe": "counter", "set": {"hold": "true"}}));
    let answers: Vec<(u16, Value)> = thread::scope(|scope| {
        let start = || guildhall.call("server start", &json!({"server": "survival"}));
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
        threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    });
    let started = answers.iter().filter(|(status, _)| *status == 202).count();
    assert_eq!(started, 1, "{answers:?}");
    for (status, body) in answers.iter().filter(|(status, _)| *status != 202) {
        assert_eq!(*status, 409, "{body}");
        let message = body["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains("already") && message.contains("operator"), "{message}");
    }
    eventually("the game runs", || guildhall.processes(&["game.py"]).first().copied());
    fs::write(guildhall.folder_of("survival").join("go"), "").expect("the game's folder");
    guildhall.wait_for_state("survival", "ready");
    assert_eq!(guildhall.processes(&["game.py"]).len(), 1, "one start is one game");
    guildhall.finish(&[]);
}

#[test]
fn a_crash_is_restarted_and_told_apart_from_a_stop() {
    let guildhall = started();
    guildhall.call("server create", &json!({"name": "survival", "recipe": "counter"}));
    guildhall.call("server start", &json!({"server": "survival"}));
    guildhall.wait_for_state("survival", "ready");
    let first = guildhall.processes(&["game.py"]);
    guildhall.call("server send", &json!({"server": "survival", "line": "crash"}));
    eventually("it runs again", || {
        let now = guildhall.processes(&["game.py"]);
        (now.len() == 1 && now != first).then_some(())
    });
    guildhall.wait_for_state("survival", "ready");
    let (status, _) = guildhall.call("server stop", &json!({"server": "survival"}));
    assert_eq!(status, 202);
    let stopped = guildhall.wait_for_state("survival", "stopped");
    assert_eq!(stopped["failure"], Value::Null, "a stop is no crash, and nothing starts it again");
    assert_eq!(guildhall.processes(&["game.py"]), [0; 0]);
    guildhall.finish(&[]);
}
