//! The whole program on PostgreSQL: a server's life, and two control planes of which one acts.

mod support;

use std::fs;

use guildhall_store::testkit::{self, TestStore};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use support::{Guildhall, eventually};
use tokio::runtime::Runtime;

/// A fresh database. `None` where PostgreSQL is not installed.
fn database(runtime: &Runtime) -> Option<TestStore> {
    runtime.block_on(testkit::postgres(Vec::new()))
}

fn on(database: &TestStore) -> String {
    format!("[store]\nurl = {:?}", database.address)
}

fn readiness(guildhall: &Guildhall) -> Option<(u16, Value)> {
    let answer = reqwest::blocking::get(guildhall.url("/readyz")).ok()?;
    let status = answer.status().as_u16();
    Some((status, answer.json().ok()?))
}

#[test]
fn a_server_lives_on_postgresql() {
    let runtime = Runtime::new().expect("a runtime");
    let Some(database) = database(&runtime) else { return };
    let mut guildhall = Guildhall::start(&on(&database), &[]);
    assert!(guildhall.cli(&["server", "create", "survival", "counter"]).status.success());
    assert!(guildhall.cli(&["server", "start", "survival"]).status.success());
    guildhall.call("server send", &json!({"server": "survival", "line": "join Alex"}));
    eventually("Alex is seen playing", || {
        guildhall.get("/api/v1/servers/survival").to_string().contains("Alex").then_some(())
    });
    guildhall.call("server send", &json!({"server": "survival", "line": "add"}));
    eventually("the game counts", || guildhall.console("survival").contains("count is 1").then_some(()));

    let game = guildhall.processes(&["game.py"]);
    guildhall.kill();
    guildhall.start_again();
    guildhall.wait_for_state("survival", "ready");
    assert_eq!(guildhall.processes(&["game.py"]), game, "the same game");

    assert!(guildhall.cli(&["server", "stop", "survival"]).status.success());
    assert!(guildhall.cli(&["server", "start", "survival"]).status.success());
    eventually("the count was saved", || {
        guildhall.console("survival").contains("ready, count is 1").then_some(())
    });
    let records = guildhall.get("/api/v1/audits?operation=server%20start");
    assert_eq!(records["data"].as_array().map(Vec::len), Some(2), "{records}");
    assert!(!guildhall.data().join("guildhall.db").exists(), "nothing is kept in a file");
    guildhall.finish(&[]);
}

#[test]
fn of_two_control_planes_one_acts_and_the_other_takes_over() {
    let runtime = Runtime::new().expect("a runtime");
    let Some(database) = database(&runtime) else { return };
    let mut first = Guildhall::start(&on(&database), &[]);
    assert!(first.cli(&["server", "create", "survival", "counter"]).status.success());

    let mut second = Guildhall::prepare(&on(&database), &[]);
    let (from, to) = (first.data().join("secrets"), second.data().join("secrets"));
    fs::create_dir_all(&to).expect("a folder");
    for file in fs::read_dir(from).expect("the secrets") {
        let file = file.expect("a file");
        fs::copy(file.path(), to.join(file.file_name())).expect("a copy");
    }
    second.spawn();
    let (status, parts) = eventually("the second says how it is", || readiness(&second));
    assert_eq!((status, &parts["ready"]), (503, &json!(false)), "{parts}");
    let why = parts["parts"][0]["why"].as_str().unwrap_or_default();
    assert!(why.contains("Another Guildhall acts") && why.contains("stands by"), "{parts}");
    let lives = reqwest::blocking::get(second.url("/healthz")).expect("an answer");
    assert!(lives.status().is_success(), "one that waits is well");
    let refused = second.cli(&["server", "list", "--json"]);
    let error: Value = serde_json::from_slice(&refused.stdout).expect("JSON");
    assert_eq!((refused.status.code(), &error["error"]["code"]), (Some(1), &json!("standing_by")));
    assert_eq!(second.agents(), [0; 0], "one that waits starts nothing");
    assert!(second.log().contains("stands by"), "{}", second.log());
    assert!(first.cli(&["server", "list"]).status.success(), "the first goes on");

    first.kill();
    second.wait_until_ready();
    let list = second.get("/api/v1/servers");
    assert_eq!(list["data"]["servers"][0]["name"], "survival", "it has what the first one had: {list}");
    assert!(second.cli(&["server", "start", "survival"]).status.success(), "it acts: {}", second.log());
    second.wait_for_state("survival", "ready");

    // Back again, the first is the one that waits.
    first.spawn();
    let (status, _) = eventually("the first says how it is", || readiness(&first));
    assert_eq!(status, 503);
    second.finish(&[]);
    first.wait_until_ready();
    first.finish(&[]);
}

#[test]
fn who_loses_the_turn_stops_acting() {
    let runtime = Runtime::new().expect("a runtime");
    let Some(database) = database(&runtime) else { return };
    let mut guildhall = Guildhall::start(&on(&database), &[]);
    runtime.block_on(async {
        let mut connection = PgConnection::connect(&database.address).await.expect("a connection");
        // The lock's second half, "dact" of "guildact"; others of Guildhall's last for one transaction.
        let ended = sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON pg_database.oid = database \
             WHERE locktype = 'advisory' AND granted AND objid = 1684104052 AND datname = current_database()",
        );
        assert_eq!(
            ended.execute(&mut connection).await.expect("it may").rows_affected(),
            1,
            "one holds the turn"
        );
    });
    assert_eq!(guildhall.ended(), Some(1), "its supervisor starts it again");
    let log = guildhall.log();
    assert!(log.contains("turn was lost") && !log.contains("stopping; games go on"), "{log}");
    guildhall.start_again();
    guildhall.finish(&[]);
}
