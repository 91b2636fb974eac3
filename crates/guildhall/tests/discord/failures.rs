//! Games that do not start: each ends in a state with a name, the thread says which and what to do, and the
//! next start works once the cause is gone.

use std::{fs, net::TcpListener};

use guildhall_sim::Place;
use serde_json::{Value, json};

use crate::{
    stage::{Stage, Way},
    support::GAME,
};

/// The small game under another name, changed.
fn changed(changes: &[(&str, &str)]) -> Vec<String> {
    let mut game = GAME.replace("name = \"counter\"", "name = \"changed\"");
    for (from, to) in changes {
        assert!(game.contains(from), "the game has no '{from}'");
        game = game.replace(from, to);
    }
    vec![game]
}

fn stage(recipes: &[String], set: Option<&str>) -> Stage {
    let stage = Stage::set(&Way::Http, recipes);
    let recipe = if recipes.is_empty() { "counter" } else { "changed" };
    let mut options = json!({"name": "survival", "recipe": recipe});
    if let Some(set) = set {
        options["set"] = json!(set);
    }
    stage.create(options);
    stage
}

/// Waits for the failure and looks at what people and programs are told of it.
fn assert_failed(stage: &Stage, session: &Place, code: &str, words: &[&str]) {
    let summary = stage.closed(session).last().expect("a summary").text();
    let view = stage.guildhall.wait_for_state("survival", "failed");
    assert_eq!(view["failure"]["code"], code, "{view}");
    assert_eq!(view["busy"], Value::Null, "no work is left behind");
    let remedy = view["failure"]["remedy"].as_str().expect("a remedy");
    let plain = |text: &str| text.replace(['\\', '`'], "");
    for told in words.iter().chain(&["survival does not work", remedy]) {
        assert!(plain(&summary).contains(&plain(told)), "'{told}' is not in: {summary}");
    }
    assert_eq!(stage.guildhall.processes(&["game.py"]), [0; 0]);
}

/// Starts it again, with success, and ends the test.
fn works_again(stage: Stage) {
    let session = stage.start("survival");
    stage.read(&session, "survival is ready");
    let view = stage.guildhall.wait_for_state("survival", "ready");
    assert_eq!(view["failure"], Value::Null, "{view}");
    stage.finish();
}

#[test]
fn a_step_of_the_installation_fails() {
    let script = "test -e mended || echo nothing to unpack && test -e mended && touch installed";
    let step = format!(
        "[[install]]\nstep = \"command\"\nrun = [\"sh\", \"-c\", {script:?}]\ncreates = \"installed\"\n\n[start]"
    );
    let stage = stage(&changed(&[("[start]", &step)]), None);
    let session = stage.start("survival");
    assert_failed(
        &stage,
        &session,
        "install_failed",
        &["A step of its installation failed", "nothing to unpack"],
    );
    fs::write(stage.guildhall.folder_of("survival").join("mended"), "").expect("the game's folder");
    works_again(stage);
}

#[test]
fn the_program_is_missing() {
    let stage = stage(&changed(&[("[\"python3\",", "[\"./play\",")]), None);
    let session = stage.start("survival");
    assert_failed(&stage, &session, "program_missing", &["program is missing", "play"]);
    let play = stage.guildhall.folder_of("survival").join("play");
    std::os::unix::fs::symlink("/usr/bin/python3", play).expect("the game's folder");
    works_again(stage);
}

#[test]
fn its_port_is_taken() {
    let stage = stage(&[], None);
    let session = stage.start("survival");
    stage.read(&session, "survival is ready");
    let port =
        |view: &Value| u16::try_from(view["ports"]["game"].as_u64().unwrap_or_default()).expect("a port");
    let first = port(&stage.guildhall.wait_for_state("survival", "ready"));
    stage.command(&stage.ben, "server stop", json!({"server": "survival"}));
    stage.closed(&session);
    let _held = TcpListener::bind(("127.0.0.1", first)).expect("the port is free now");
    let session = stage.start("survival");
    assert_failed(
        &stage,
        &session,
        "port_taken",
        &["Another program listens on one of its ports", &first.to_string()],
    );
    let session = stage.start("survival");
    let ready = stage.read(&session, "survival is ready");
    let second = port(&stage.guildhall.wait_for_state("survival", "ready"));
    assert_ne!(first, second, "it has another port now");
    assert!(ready.text().contains(&format!("127.0.0.1:{second}")), "{}", ready.text());
    stage.finish();
}

#[test]
fn it_is_not_ready_in_time() {
    // While it holds, it does not read its console, so its own way of stopping does not work either.
    let hasty = changed(&[("within = \"60s\"", "within = \"2s\""), ("wait = \"10s\"", "wait = \"1s\"")]);
    let stage = stage(&hasty, Some("hold=true"));
    let session = stage.start("survival");
    assert_failed(&stage, &session, "not_ready_in_time", &["not ready for players in time"]);
    fs::write(stage.guildhall.folder_of("survival").join("go"), "").expect("the game's folder");
    works_again(stage);
}

#[test]
fn it_ends_before_it_is_ready() {
    let refuse = "print(\"loading\", flush=True)\nif not os.path.exists(\"mended\"): sys.exit(\"the world is broken\")";
    let stage = stage(&changed(&[("print(\"loading\", flush=True)", refuse)]), None);
    let session = stage.start("survival");
    assert_failed(
        &stage,
        &session,
        "ended_before_ready",
        &["It ended before it was ready", "the world is broken"],
    );
    fs::write(stage.guildhall.folder_of("survival").join("mended"), "").expect("the game's folder");
    works_again(stage);
}

#[test]
fn it_crashes_until_nobody_restarts_it_any_more() {
    let stage = stage(&[], None);
    let session = stage.start("survival");
    for crash in 1..=6 {
        stage.guildhall.wait_for_state("survival", "ready");
        stage.command(&stage.ada, "server send", json!({"server": "survival", "line": "crash"}));
        if crash < 6 {
            let told = stage.read(&session, &format!("crash {crash} in a row")).text();
            assert!(told.contains("survival crashed") && told.contains("exit status 3"), "{told}");
        }
    }
    assert_failed(&stage, &session, "crashed_too_often", &["It crashed too often", "ready, count is 0"]);
    works_again(stage);
}
