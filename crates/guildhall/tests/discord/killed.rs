//! The control plane is killed in the middle of a session: the same thread goes on, and nothing is told twice.

use std::collections::BTreeSet;

use serde_json::json;

use crate::stage::{Stage, Way, open_gate};

/// Fails when two messages of one place read the same, or when there is another number of threads.
fn assert_told_once(stage: &Stage, threads: usize) {
    let all = stage.threads();
    assert_eq!(all.len(), threads, "{all:?}");
    for place in all.iter().map(|thread| thread.id).chain([stage.channel]) {
        let texts: Vec<String> = stage
            .ben
            .in_channel(place)
            .visible_messages()
            .iter()
            .filter(|message| message.author == stage.app.bot() && !message.is_ephemeral())
            .map(|message| message.text())
            .collect();
        let different: BTreeSet<&String> = texts.iter().collect();
        assert_eq!(different.len(), texts.len(), "something is told twice: {texts:#?}");
    }
}

#[test]
fn a_killed_control_plane_goes_on_in_the_same_thread() {
    let mut stage = Stage::set(&Way::Http, &[]);
    stage.create(json!({"name": "survival", "recipe": "gated"}));

    // At once after the answer, perhaps before the thread is there.
    let before = stage.threads();
    let answer = stage.command(&stage.ben, "server start", json!({"server": "survival"}));
    assert!(answer.text().contains("is starting"), "{}", answer.text());
    stage.guildhall.kill();
    stage.guildhall.start_again();
    let session = stage.new_thread(&before);
    stage.read(&session, "installing");
    assert_told_once(&stage, 2);

    // In the middle of the installation, which goes on meanwhile and ends.
    let folder = stage.guildhall.folder_of("survival");
    stage.guildhall.kill();
    open_gate(&folder);
    stage.guildhall.start_again();
    let ready = stage.read(&session, "survival is ready");
    let view = stage.guildhall.wait_for_state("survival", "ready");
    let game = stage.guildhall.processes(&["game.py"]);
    assert_eq!(game.len(), 1, "it was started once");
    assert_told_once(&stage, 2);

    // While it is ready; the game does not notice, and the buttons of before still work.
    stage.guildhall.kill();
    stage.guildhall.start_again();
    assert_eq!(stage.guildhall.wait_for_state("survival", "ready")["since"], view["since"]);
    assert_eq!(stage.guildhall.processes(&["game.py"]), game, "the same game");
    assert!(
        stage.guildhall.console("survival").contains("ready, count is 0"),
        "its console is there as before"
    );
    stage.command(&stage.ada, "server send", json!({"server": "survival", "line": "join Alex"}));
    stage.read(&session, "Alex** joined the game");
    let stopping = stage.press(&session, &ready, "Stop");
    assert!(stopping.text().contains("is stopping"), "{}", stopping.text());

    // While it stops: the summary is told once, and closes the thread.
    stage.guildhall.kill();
    stage.guildhall.start_again();
    let summary = stage.closed(&session).last().expect("a summary").text();
    assert!(summary.contains("survival has stopped") && summary.contains("Alex"), "{summary}");
    assert_told_once(&stage, 2);
    stage.assert_conformance();
    stage.finish();
}

#[test]
fn explore() {
    let mut stage = Stage::set(&Way::Http, &[]);
    stage.create(json!({"name": "survival", "recipe": "counter"}));
    let mut threads = 1;
    for round in 0..10u64 {
        let before = stage.threads();
        let answer = stage.command(&stage.ben, "server start", json!({"server": "survival"}));
        assert!(answer.text().contains("is starting"), "{}", answer.text());
        std::thread::park_timeout(std::time::Duration::from_millis(round * 37 % 260));
        stage.guildhall.kill();
        stage.guildhall.start_again();
        let session = stage.new_thread(&before);
        threads += 1;
        let t = std::time::Instant::now();
        stage.read(&session, "survival is ready");
        stage.guildhall.wait_for_state("survival", "ready");
        eprintln!("round {round} ready after {:?}", t.elapsed());
        assert_told_once(&stage, threads);
        stage.command(&stage.ben, "server stop", json!({"server": "survival"}));
        std::thread::park_timeout(std::time::Duration::from_millis(round * 53 % 200));
        stage.guildhall.kill();
        stage.guildhall.start_again();
        stage.closed(&session);
        stage.guildhall.wait_for_state("survival", "stopped");
        eprintln!("round {round} stopped");
        assert_told_once(&stage, threads);
    }
    stage.finish();
}
