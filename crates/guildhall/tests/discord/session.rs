//! A whole session, over signed HTTP and over the gateway.

use std::{fs, net::TcpStream};

use guildhall_sim::ActError;
use serde_json::json;

use crate::{
    stage::{Stage, Way, open_gate},
    support::eventually,
};

/// Fails unless all words are there, in this order.
fn assert_in_order(told: &[String], words: &[&str]) {
    let mut rest = told.iter();
    for word in words {
        assert!(rest.any(|text| text.contains(word)), "'{word}' is not told, or not in order: {told:#?}");
    }
}

#[test]
fn a_session_over_signed_http() {
    let stage = Stage::set(&Way::Http, &[]);
    let guildhall = &stage.guildhall;
    let survival = || json!({"server": "survival"});

    let make = json!({"name": "survival", "recipe": "gated", "set": "hold=true password=rosebud-1941", "idle_stop": "30m"});
    let refused = stage.command(&stage.ben, "server create", make.clone());
    assert!(refused.is_ephemeral() && refused.text().contains("rank"), "{}", refused.text());
    assert_eq!(guildhall.get("/api/v1/servers")["data"]["total"], 0, "a refused command does nothing");
    let typed = json!({"name": "survival", "recipe": "coun"});
    assert_eq!(stage.offered(&stage.ada, "server create", typed, "recipe"), ["counter"]);

    let announced = stage.create(make);
    let records = guildhall.get("/api/v1/audits?operation=server%20create");
    let inputs: Vec<String> =
        records["data"].as_array().into_iter().flatten().map(|record| record["input"].to_string()).collect();
    assert_eq!(inputs.len(), 2, "{records}");
    assert!(inputs.iter().all(|input| input.contains("gated") && !input.contains("rosebud")), "{inputs:?}");
    let message = stage.read(&stage.ben.in_channel(stage.channel), "survival is new");
    assert_eq!(message.thread, Some(announced.channel()), "the announcement has the server's thread");
    for name in ["survivor", "revival", "lobby"] {
        stage.create(json!({"name": name, "recipe": "counter"}));
    }
    assert_eq!(stage.offered(&stage.ben, "server start", json!({"server": "lob"}), "server"), ["lobby"]);
    let unknown = stage.command(&stage.ben, "server start", json!({"server": "survivel"}));
    let text = unknown.text();
    assert!(
        unknown.is_ephemeral() && ["survival", "survivor", "revival"].iter().all(|near| text.contains(near)),
        "{text}"
    );
    assert!(!text.contains("lobby"), "three names are enough: {text}");

    let session = stage.start("survival");
    let folder = guildhall.folder_of("survival");
    stage.read(&session, "installing");
    open_gate(&folder);
    stage.read(&session, "starting\n`");
    fs::write(folder.join("go"), "").expect("the game's folder");
    let ready = stage.read(&session, "survival is ready");
    let port = guildhall.wait_for_state("survival", "ready")["ports"]["game"].as_u64().expect("a port");
    assert!(ready.text().contains(&format!("Connect to 127.0.0.1:{port}.")), "{}", ready.text());
    TcpStream::connect(("127.0.0.1", u16::try_from(port).expect("a port"))).expect("the game listens there");
    assert_in_order(
        &stage.told(session.channel()),
        &["preparing\n`", "installing", "starting\n`", "is ready"],
    );

    let console = stage.press(&session, &ready, "Console");
    assert!(console.is_ephemeral() && console.text().contains("ready, count is 0"), "{}", console.text());
    let kept = stage.press(&session, &ready, "Keep running");
    assert!(kept.text().contains("not stopped for being empty before"), "{}", kept.text());
    stage.read(&session, "keeps it running until");

    stage.command(&stage.ada, "server send", json!({"server": "survival", "line": "join Alex"}));
    stage.read(&session, "Alex** joined the game");
    let status = stage.command(&stage.ben, "server status", survival());
    assert!(status.text().contains("1: Alex"), "{}", status.text());

    stage.command(&stage.ada, "server send", json!({"server": "survival", "line": "tell"}));
    eventually("the password is asked for", || {
        guildhall.console("survival").contains("and no more").then_some(())
    });
    for read in ["server console", "server config"] {
        let text = stage.command(&stage.ada, read, survival()).text();
        assert!(text.contains("password") && !text.contains("rosebud"), "{read}: {text}");
    }

    let game = guildhall.processes(&["game.py"]);
    stage.press(&session, &ready, "Restart");
    eventually("another process runs", || {
        let now = guildhall.processes(&["game.py"]);
        (now.len() == 1 && now != game).then_some(())
    });
    guildhall.wait_for_state("survival", "ready");
    let ready = stage.read(&session, "survival is ready");

    let stopping = stage.press(&session, &ready, "Stop");
    assert!(stopping.is_ephemeral() && stopping.text().contains("is stopping"), "{}", stopping.text());
    let messages = stage.closed(&session);
    let summary = messages.last().expect("a summary").text();
    for told in [
        "survival has stopped",
        "its console command 'stop'",
        "exit status 0",
        "Alex",
        "**Stopped by**: ben",
        "**Open for**: ",
    ] {
        assert!(summary.contains(told), "'{told}' is not in: {summary}");
    }
    assert_eq!(guildhall.wait_for_state("survival", "stopped")["session"], json!(null));
    assert_eq!(guildhall.processes(&["game.py"]), [0; 0]);

    let asked = stage.command(&stage.ada, "server delete", survival());
    assert!(asked.is_ephemeral() && asked.text().contains("cannot be undone"), "{}", asked.text());
    let yes = &asked.buttons()[0].label;
    let by_cleo = stage.cleo.in_channel(stage.channel).press(asked.id, yes);
    assert!(matches!(by_cleo, Err(ActError::CannotSee(_))), "the question is Ada's alone");
    guildhall.wait_for_state("survival", "stopped");
    let gone = stage.press(&stage.ada.in_channel(stage.channel), &asked, yes);
    assert!(gone.text().contains("survival is gone"), "{}", gone.text());
    stage.closed(&announced);
    assert!(!folder.exists(), "its files are gone");
    stage.finish_with(&["rosebud-1941".to_owned()]);
}

#[test]
fn a_session_over_a_gateway_that_drops_its_connections() {
    let stage = Stage::set(&Way::Gateway, &[]);
    let guildhall = &stage.guildhall;
    stage.create(json!({"name": "survival", "recipe": "gated"}));
    let session = stage.start("survival");
    stage.read(&session, "installing");

    // Cut without a word; what a person does meanwhile comes with the resumed connection.
    stage.sim.sever_gateway();
    let status = stage.command(&stage.ben, "server status", json!({"server": "survival"}));
    assert!(status.text().contains("survival is starting"), "{}", status.text());
    open_gate(&guildhall.folder_of("survival"));
    let ready = stage.read(&session, "survival is ready");
    guildhall.wait_for_state("survival", "ready");

    // Asked to reconnect, and then to identify anew.
    stage.sim.drop_gateway();
    let console = stage.press(&session, &ready, "Console");
    assert!(console.text().contains("ready, count is 0"), "{}", console.text());
    stage.sim.forget_sessions();
    eventually("the gateway is left", || (stage.app.connections() == 0).then_some(()));
    stage.wait(stage.app.wait_connected(crate::support::PATIENCE)).expect("a new session");

    let stopping = stage.command(&stage.ben, "server stop", json!({"server": "survival"}));
    assert!(stopping.text().contains("is stopping"), "{}", stopping.text());
    let summary = stage.closed(&session).last().expect("a summary").text();
    assert!(summary.contains("its console command 'stop'"), "{summary}");
    let starts = guildhall.get("/api/v1/audits?operation=server%20start");
    assert_eq!(starts["data"].as_array().map(Vec::len), Some(1), "nothing came twice: {starts}");
    stage.finish();
}
