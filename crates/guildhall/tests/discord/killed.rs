//! The control plane is killed in the middle of a session: the same thread goes on, and nothing is told twice.

use std::collections::BTreeSet;

use guildhall_sim::Message;
use serde_json::json;

use crate::stage::{Stage, Way, open_gate};

/// Fails when there is another number of threads, when one has no announcement or two, or when two messages in
/// one read the same.
fn assert_told_once(stage: &Stage, threads: usize) {
    let ours = |place| {
        let mut messages = stage.ben.in_channel(place).visible_messages();
        messages.retain(|message| message.author == stage.app.bot() && !message.is_ephemeral());
        messages
    };
    let all = stage.threads();
    assert_eq!(all.len(), threads, "{all:?}");
    let announced = ours(stage.channel);
    let different: BTreeSet<_> = announced.iter().map(|message| message.thread).collect();
    assert_eq!((announced.len(), different.len()), (threads, threads), "{announced:#?}");
    for thread in all {
        let texts: Vec<String> = ours(thread.id).iter().map(Message::text).collect();
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
    stage.finish();
}
