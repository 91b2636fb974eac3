//! The whole program as its users meet it: `guildhall run` with its agent, the command line, REST, and what
//! is left when one of the processes is killed.

mod support;

use std::{
    fs,
    process::{self, Command},
    thread,
};

use serde_json::{Value, json};
use support::{GAME, Guildhall, PATIENCE, eventually, free_port};

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
    let steps = text(&started.stderr);
    let told = |step: &str| steps.lines().filter(|line| line.ends_with(step)).count();
    for step in [": preparing (0 of 3)", ": starting (2 of 3)"] {
        assert_eq!(told(step), 1, "each step is a line where there is no terminal:\n{steps}");
    }
    assert!(text(&started.stdout).contains("survival is ready"), "{}", text(&started.stdout));
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
    let broken =
        GAME.replace("name = \"counter\"", "name = \"broken\"").replace("\"python3\",", "\"./play\",");
    let guildhall = Guildhall::start("", &[broken]);
    guildhall.cli(&["server", "create", "survival", "counter"]);
    guildhall.cli(&["server", "create", "broken", "broken"]);
    let failed = guildhall.cli(&["server", "start", "broken"]);
    assert_eq!(failed.status.code(), Some(1), "{}{}", text(&failed.stdout), text(&failed.stderr));
    assert!(text(&failed.stderr).contains("program is missing"), "{}", text(&failed.stderr));
    let failed = guildhall.cli(&["server", "start", "broken", "--json"]);
    assert_eq!(failed.status.code(), Some(1));
    let last = text(&failed.stdout).lines().last().map(serde_json::from_str::<Value>).expect("events");
    assert_eq!(last.expect("JSON")["outcome"], "failed", "{}", text(&failed.stdout));
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
    let asked = guildhall.cli(&["server", "delete", "survival", "--json"]);
    let question: Value = serde_json::from_slice(&asked.stdout).expect("JSON");
    assert_eq!(asked.status.code(), Some(3));
    assert_eq!(question["confirm"]["operation"], "server delete", "{question}");
    assert!(
        question["confirm"]["question"].as_str().is_some_and(|asks| asks.contains("survival")),
        "{question}"
    );
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
fn on_a_terminal_there_is_a_bar_and_somebody_to_ask() {
    let guildhall = started();
    guildhall
        .call("server create", &json!({"name": "survival", "recipe": "counter", "set": {"hold": "true"}}));
    let terminal = guildhall.on_terminal(&["server", "start", "survival"]);
    let shown = terminal.shows("] 2/3", PATIENCE);
    assert!(shown.contains("survival is starting: starting [███"), "a bar with its position: {shown}");
    fs::write(guildhall.folder_of("survival").join("go"), "").expect("the game's folder");
    let (status, shown) = terminal.ends(PATIENCE);
    assert_eq!(status, Some(0), "{shown}");
    assert!(shown.contains("survival is ready"), "{shown}");
    guildhall.cli(&["server", "stop", "survival"]);

    for (answer, expected) in [("\r", Some(3)), ("n\r", Some(3)), ("y\r", Some(0))] {
        guildhall.wait_for_state("survival", "stopped");
        let terminal = guildhall.on_terminal(&["server", "delete", "survival"]);
        terminal.shows("[y/N] ", PATIENCE);
        terminal.types(answer);
        let (status, shown) = terminal.ends(PATIENCE);
        assert_eq!(status, expected, "{answer:?}: {shown}");
        assert_eq!(shown.contains("Nothing was done"), expected == Some(3), "{shown}");
    }
    eventually("it is gone", || (guildhall.get("/api/v1/servers")["data"]["total"] == 0).then_some(()));
    guildhall.finish(&[]);
}

#[test]
fn a_token_is_made_listed_and_taken_away() {
    let guildhall = started();
    let read = |arguments: &[&str]| -> (Option<i32>, Value) {
        let output = guildhall.cli(arguments);
        (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default())
    };
    let made = Command::new(env!("CARGO_BIN_EXE_guildhall"))
        .args(["token", "create", "ci", "5", "--scope", "server list", "--json"])
        .env("GUILDHALL_URL", guildhall.url(""))
        .env("GUILDHALL_TOKEN", guildhall.token())
        .output()
        .expect("the program runs");
    let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    let secret = made["data"]["secret"].as_str().expect("a secret").to_owned();
    assert_eq!(made["data"]["scope"], json!(["server list"]), "{made}");
    assert!(made["document"].to_string().contains("server list"), "the answer shows what it covers: {made}");
    let (status, refused) =
        read(&["token", "create", "typo", "5", "--scope", "server list,case,foo", "--json"]);
    assert_eq!((status, refused["error"]["code"].as_str()), (Some(3), Some("scope_unknown")), "{refused}");
    assert!(refused["error"]["message"].as_str().is_some_and(|told| told.contains("foo")), "{refused}");
    let usable = || {
        let (_, listed) = read(&["token", "list", "--json"]);
        assert!(!listed.to_string().contains(&secret), "nobody is shown a secret again");
        let tokens = listed["data"].as_array().cloned().unwrap_or_default();
        let ci = tokens.into_iter().find(|token| token["name"] == "ci").expect("it is listed");
        assert_eq!((ci["rank"].as_u64(), &ci["scope"]), (Some(5), &json!(["server list"])), "{ci}");
        ci["usable"] == true
    };
    assert!(usable());
    assert!(guildhall.cli_with(&["server", "list"], &secret).status.success());
    let beyond = guildhall.cli_with(&["host", "list", "--json"], &secret);
    let beyond: Value = serde_json::from_slice(&beyond.stdout).expect("JSON");
    assert_eq!(beyond["error"]["code"], "out_of_scope");

    let (status, asked) = read(&["token", "revoke", "ci", "--json"]);
    assert_eq!((status, asked["confirm"]["operation"].as_str()), (Some(3), Some("token revoke")), "{asked}");
    assert!(usable(), "nobody has said yes");
    let (status, _) = read(&["token", "revoke", "ci", "--yes", "--json"]);
    assert_eq!(status, Some(0));
    assert!(!usable());
    assert_eq!(guildhall.cli_with(&["server", "list"], &secret).status.code(), Some(3), "it opens nothing");
    let (status, again) = read(&["token", "revoke", "operatr", "--yes", "--json"]);
    assert_eq!((status, again["error"]["code"].as_str()), (Some(3), Some("token_not_found")), "{again}");
    assert!(again["error"]["remedy"].as_str().is_some_and(|near| near.contains("operator")), "{again}");
    guildhall.finish(&[secret]);
}

#[test]
fn who_reports_is_kept_apart_in_the_audit_record() {
    let guildhall = started();
    let token = |name: &str, rank: &str| {
        // What the helper hears must not hold a secret, and this is where one is told.
        let made = Command::new(env!("CARGO_BIN_EXE_guildhall"))
            .args(["token", "create", name, rank, "--json"])
            .env("GUILDHALL_URL", guildhall.url(""))
            .env("GUILDHALL_TOKEN", guildhall.token())
            .output()
            .expect("the program runs");
        let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
        made["data"]["secret"].as_str().expect("a secret").to_owned()
    };
    let (member, admin) = (token("robin", "0"), token("ada", "5"));
    // Without Discord there is no channel for reports, and whoever tried is kept apart like anybody who could.
    let reported = guildhall.cli_with(&["report", "eve is rude to me", "--json"], &member);
    assert!(text(&reported.stdout).contains("reports_off"), "{}", text(&reported.stdout));
    assert!(guildhall.cli_with(&["server", "list"], &member).status.success());

    let listed = |arguments: &[&str], token: &str| -> Vec<Value> {
        let output = guildhall.cli_with(&[&["audit", "list", "--json"], arguments].concat(), token);
        let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        // What programs and what people read must say the same.
        let rows = told["data"].as_array().unwrap_or_else(|| panic!("{told}")).clone();
        let hides = rows.iter().any(|row| row["operation"] == "report" && row["actor"].is_null());
        assert_eq!(told["document"].to_string().contains("kept apart"), hides, "{told}");
        rows
    };
    let report = listed(&["--operation", "report"], &admin).remove(0);
    assert_eq!((&report["actor"], &report["rank"]), (&Value::Null, &Value::Null), "{report}");
    assert_eq!(
        (report["actor_name"].as_str(), report["verdict"].as_str()),
        (Some("kept apart"), Some("refused"))
    );
    assert!(!report.to_string().contains("robin"), "{report}");
    let of_robin = listed(&["--actor", "token:robin"], &admin);
    let operations: Vec<_> = of_robin.iter().filter_map(|row| row["operation"].as_str()).collect();
    assert_eq!(operations, ["server list"], "asking for robin does not tell it either");
    let report = listed(&["--operation", "report", "--actor", "token:robin"], &guildhall.token()).remove(0);
    assert_eq!((&report["actor"], &report["rank"]), (&json!("token:robin"), &json!(0)), "{report}");
    guildhall.finish(&[member, admin]);
}

#[test]
fn the_stand_in_sends_interactions_as_soon_as_guildhall_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let (port, broker) = (free_port(), free_port());
    let mut sim = Command::new(env!("CARGO_BIN_EXE_guildhall"))
        .args(["sim", "--listen", "127.0.0.1:0", "--json", "--interactions"])
        .arg(format!("http://127.0.0.1:{port}/interactions"))
        .stdout(process::Stdio::piped())
        .spawn()
        .expect("the program runs");
    let lines = std::io::BufRead::lines(std::io::BufReader::new(sim.stdout.take().expect("a pipe")));
    let mut told =
        lines.map_while(Result::ok).map(|line| serde_json::from_str::<Value>(&line).expect("JSON"));
    let mut configuration = told.next().expect("a line")["configuration"].clone();
    assert_eq!(told.next().expect("a line")["interactions"]["state"], "waiting");
    configuration["data"] = folder.path().join("data").to_str().into();
    configuration["http"] = json!({"listen": format!("127.0.0.1:{port}")});
    configuration["mqtt"] = json!({"listen": format!("127.0.0.1:{broker}")});
    configuration["hosts"] = json!([{"name": "local"}]);
    let file = folder.path().join("guildhall.json");
    fs::write(&file, configuration.to_string()).expect("written");
    let mut guildhall = Command::new(env!("CARGO_BIN_EXE_guildhall"))
        .args(["run", "--config"])
        .arg(&file)
        .stdout(process::Stdio::null())
        .stderr(process::Stdio::null())
        .spawn()
        .expect("the program runs");
    let states =
        told.by_ref().map(|line| line["interactions"]["state"].as_str().unwrap_or_default().to_owned());
    let sent = states.take(50).any(|state| state == "sent");
    for child in [&mut guildhall, &mut sim] {
        child.kill().expect("it can be killed");
        child.wait().expect("it is gone");
    }
    assert!(sent, "the key that was printed is the one that Guildhall was given");
}

#[test]
fn a_configuration_is_compared_with_a_file_and_with_what_is_piped_in() {
    let guildhall = started();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ours.yml");
    let path = file.to_str().expect("a path");
    let set = guildhall.cli(&["config", "set", "errors.footer", "Ask ada"]);
    assert!(set.status.success(), "{}{}", text(&set.stdout), text(&set.stderr));
    assert!(text(&guildhall.cli(&["config", "get", "errors.footer"]).stdout).contains("Ask ada"));

    fs::write(&file, "settings:\n  errors:\n    footer: Ask the staff\n").expect("written");
    let changes = |output: &process::Output| -> Value {
        let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        told["data"]["changes"].clone()
    };
    let named = guildhall.cli(&["config", "diff", path, "--json"]);
    let expected = json!([{
        "subject": "setting", "name": "errors.footer", "from": "Ask ada", "to": "Ask the staff",
    }]);
    assert_eq!(changes(&named), expected, "{}", text(&named.stdout));
    let mut piped = Command::new(env!("CARGO_BIN_EXE_guildhall"))
        .args(["config", "diff", "-", "--format", "yaml", "--json"])
        .env("GUILDHALL_URL", guildhall.url(""))
        .env("GUILDHALL_TOKEN", guildhall.token())
        .stdin(process::Stdio::piped())
        .stdout(process::Stdio::piped())
        .spawn()
        .expect("the program runs");
    std::io::copy(&mut fs::File::open(&file).expect("the file"), &mut piped.stdin.take().expect("a pipe"))
        .expect("it is read");
    assert_eq!(changes(&piped.wait_with_output().expect("it ends")), expected);

    let preview = guildhall.cli(&["config", "import", path]);
    assert!(text(&preview.stdout).contains("guildhall config import FILE"), "{}", text(&preview.stdout));
    let missing = guildhall.cli(&["config", "import", "ours.toml"]);
    assert_eq!(missing.status.code(), Some(1));
    let told = text(&missing.stderr);
    assert!(told.contains("ours.toml: there is no such file") && !told.contains("os error"), "{told}");
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
