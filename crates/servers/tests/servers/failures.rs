//! What goes wrong: the conversation says which and what to do, and a start leaves the state.

use guildhall_core::{Kind, Outcome, event::Tell};
use guildhall_link::{
    Inbox,
    message::{AgentEvent, EventKind, Exit, Failure, FailureCode, Phase, Refusal},
    testkit::Fault,
};
use guildhall_servers::Code;
use sea_orm::ConnectionTrait as _;
use serde_json::json;

use crate::world::{text, told_text, world, worlds};

#[tokio::test]
async fn every_failure_of_a_start_is_named_and_can_be_left() {
    let faults = [
        (Fault::Install, "install_failed"),
        (Fault::Start(FailureCode::ProgramMissing), "program_missing"),
        (Fault::Start(FailureCode::PortTaken), "port_taken"),
        (Fault::Start(FailureCode::DiskFull), "disk_full"),
        (Fault::Start(FailureCode::EndedBeforeReady), "ended_before_ready"),
        (Fault::Start(FailureCode::BadRecipe), "bad_recipe"),
        (Fault::Start(FailureCode::NotAllowed), "not_allowed"),
        (Fault::Start(FailureCode::Host), "host"),
    ];
    assert_eq!(Code::parse("disk_full").headline(), "the host's disk is full");
    for world in worlds().await {
        world.create("survival").await;
        for (fault, code) in faults {
            world.agent.set_fault(Some(fault));
            let cursor = world.cursor().await;
            assert_eq!(world.start("survival").await, Outcome::Failed, "{code}");
            let told: Vec<_> = world.told().await.into_iter().filter(|event| event.cursor > cursor).collect();
            let closing = told.iter().filter(|event| matches!(event.tell, Some(Tell::Close { .. })));
            let closing: Vec<_> = closing.filter_map(|event| event.document.as_ref()).map(text).collect();
            let [closing] = closing.as_slice() else { panic!("{code}: {closing:?}") };
            // The headline begins the sentence, so its first letter is a capital there.
            let (headline, remedy) = (Code::parse(code).headline(), Code::parse(code).remedy());
            assert!(closing.contains(&headline[1..]) && closing.contains(remedy), "{code}: {closing}");
            let status = world.data("server status", json!({"server": "survival"})).await;
            assert_eq!((&status["state"], &status["failure"]["code"]), (&json!("failed"), &json!(code)));
            assert_eq!(status["busy"], json!(null), "{code}");
            assert_eq!(status["session"], json!(null), "{code}");
            world.reconcile().await;
            assert!(world.agent.leaks().iter().all(|leak| !leak.running), "{code}");
        }
        world.agent.set_fault(None);
        assert_eq!(world.start("survival").await, Outcome::Succeeded);
        assert_eq!(world.data("server status", json!({"server": "survival"})).await["failure"], json!(null));
    }
}

#[tokio::test]
async fn a_failed_installation_tells_which_step_and_what_to_do() {
    for world in worlds().await {
        world.create("survival").await;
        let cursor = world.cursor().await;
        world.agent.set_fault(Some(Fault::Install));
        world.start("survival").await;
        let told: Vec<_> = world.told().await.into_iter().filter(|event| event.cursor > cursor).collect();
        insta::assert_snapshot!("failed_installation", told_text(&told));
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_not_tried_again() {
    for world in worlds().await {
        world.create("survival").await;
        world.agent.set_fault(Some(Fault::Start(FailureCode::PortTaken)));
        world.start("survival").await;
        world.agent.set_fault(None);
        world.agent.take_port(25565);
        assert_eq!(world.start("survival").await, Outcome::Succeeded);
        let status = world.data("server status", json!({"server": "survival"})).await;
        assert_ne!(status["ports"]["game"], 25565);
    }
}

#[tokio::test]
async fn two_servers_never_get_the_same_port() {
    for world in worlds().await {
        for name in ["one", "two", "three"] {
            world.create(name).await;
        }
        let list = world.data("server list", json!({})).await;
        let mut ports: Vec<u64> = list["servers"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|server| {
                server["ports"].as_object().unwrap().values().map(|port| port.as_u64().unwrap())
            })
            .collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 6, "{list}");
    }
}

#[tokio::test]
async fn a_game_that_is_never_ready_fails_in_time() {
    for world in worlds().await {
        world.create("survival").await;
        world.agent.set_fault(Some(Fault::NeverReady));
        let call = world.call(world.member(), "server start", json!({"server": "survival"})).await.unwrap();
        let guildhall_core::Reply::Done { follow: Some(follow), .. } = call else { panic!("it goes on") };
        world.until_state("survival", "starting").await;
        world.clock.advance(std::time::Duration::from_secs(119));
        world.reconcile().await;
        assert_eq!(world.state("survival").await, "starting");
        world.clock.advance(std::time::Duration::from_secs(1));
        world.servers.reconcile().await.unwrap();
        assert_eq!(world.outcome(follow.run).await, Outcome::Failed);
        let status = world.data("server status", json!({"server": "survival"})).await;
        assert_eq!(status["failure"]["code"], "stuck");
        assert_eq!(status["failure"]["message"], "It took too long: it was starting for 2 min.");
        world.agent.set_fault(None);
        world.reconcile().await;
        assert!(world.agent.leaks().iter().all(|leak| !leak.running), "the host was told to stop it");
        assert_eq!(world.start("survival").await, Outcome::Succeeded);
    }
}

#[tokio::test]
async fn a_crash_is_told_and_survived() {
    for world in worlds().await {
        let server = world.create("survival").await;
        world.start("survival").await;
        world.agent.join(server, "Steve");
        world.agent.until_idle().await;
        let password = world.agent.desired(server).unwrap().variables["password"].clone();
        world.agent.print(server, "\u{1b}[31mout of mana\u{1b}[0m");
        world.agent.print(server, &format!("the password was {password}"));
        let cursor = world.cursor().await;
        assert!(world.agent.crash(server, true));
        world.agent.until_phase(server, Phase::Ready).await;
        world.agent.until_idle().await;
        assert_eq!(world.state("survival").await, "ready");
        let kinds = world.kinds_after(cursor).await;
        assert!(
            kinds.contains(&"server.crashed".to_owned()) && kinds.contains(&"server.recovered".to_owned()),
            "{kinds:?}"
        );
        let crash = world.told().await.into_iter().find(|event| event.kind == "server.crashed").unwrap();
        let said = text(&crash.document.unwrap());
        assert!(said.contains("exit status 1") && said.contains("started again in 1 s"), "{said}");
        let last = "Its last lines:\n```\nout of mana\nthe password was [secret]\n```";
        assert!(said.contains(last), "{said}");
        assert_eq!(crash.data["output"][0], "out of mana");
    }
}

#[tokio::test]
async fn too_many_crashes_end_the_session() {
    for world in worlds().await {
        let server = world.create("survival").await;
        world.start("survival").await;
        world.agent.crash(server, false);
        world.until_state("survival", "failed").await;
        world.reconcile().await;
        let status = world.data("server status", json!({"server": "survival"})).await;
        assert_eq!(
            (&status["failure"]["code"], &status["session"]),
            (&json!("crashed_too_often"), &json!(null))
        );
        assert_eq!(world.start("survival").await, Outcome::Succeeded);
    }
}

#[tokio::test]
async fn a_game_that_is_not_ready_again_after_a_crash_tells_that_and_no_stop() {
    for world in worlds().await {
        let server = world.create("survival").await;
        world.start("survival").await;
        // The agent stops what is not ready in time, and then says what it makes of that.
        let last = world.agent.journal().last().unwrap().clone();
        let exit = |wanted| Exit {
            at: last.at,
            status: Some(1),
            signal: None,
            wanted,
            ladder: Vec::new(),
            took_ms: 0,
        };
        let failure = Failure {
            code: FailureCode::NotReadyInTime,
            phase: Phase::Starting,
            message: "The game was not ready 60 s after its start and was stopped.".to_owned(),
            output: Vec::new(),
        };
        let kinds = [
            EventKind::Exited {
                exit: exit(false),
                restart_in_ms: Some(1_000),
                crashes: 1,
                output: Vec::new(),
            },
            EventKind::Phase { phase: Phase::Starting },
            EventKind::Exited { exit: exit(true), restart_in_ms: None, crashes: 1, output: Vec::new() },
            EventKind::Failed { failure },
        ];
        for (n, kind) in kinds.into_iter().enumerate() {
            let event = AgentEvent { cursor: last.cursor + 1 + n as u64, kind, server, ..last.clone() };
            world.servers.event(world.agent.host(), event).await.unwrap();
        }
        let status = world.data("server status", json!({"server": "survival"})).await;
        assert_eq!(
            (&status["state"], &status["failure"]["code"]),
            (&json!("failed"), &json!("not_ready_in_time"))
        );
        let closed =
            world.told().await.into_iter().filter(|event| matches!(event.tell, Some(Tell::Close { .. })));
        assert_eq!(closed.map(|event| event.kind).collect::<Vec<_>>(), ["server.failed"]);
        // What still runs on the host is stopped.
        world.reconcile().await;
        assert!(world.agent.leaks().iter().all(|leak| !leak.running));
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_changes_nothing() {
    for world in worlds().await {
        let server = world.create("survival").await;
        for operation in ["server start", "server restart", "server stop"] {
            world.agent.lose_replies(1);
            let request = world.call(world.member(), operation, json!({"server": "survival"})).await.unwrap();
            let guildhall_core::Reply::Done { follow: Some(follow), .. } = request else {
                panic!("it goes on")
            };
            let outcome = world.outcome(follow.run);
            tokio::pin!(outcome);
            // The step is tried again after its back-off.
            let outcome = loop {
                tokio::select! {
                    biased;
                    outcome = &mut outcome => break outcome,
                    () = tokio::task::yield_now() => world.clock.advance(std::time::Duration::from_millis(1)),
                }
            };
            assert_eq!(outcome, Outcome::Succeeded, "{operation}");
            world.agent.until_idle().await;
        }
        let effects = world.agent.effects(server);
        assert_eq!((effects.starts, effects.stops), (2, 2));
    }
}

#[tokio::test]
async fn without_a_host_a_start_says_so() {
    for world in worlds().await {
        world.agent.set_online(false);
        world.create("survival").await;
        assert_eq!(world.start("survival").await, Outcome::Failed);
        let status = world.data("server status", json!({"server": "survival"})).await;
        assert_eq!(status["failure"]["code"], "no_host");
        world.agent.set_online(true);
        assert_eq!(world.start("survival").await, Outcome::Succeeded);
    }
}

#[tokio::test]
async fn the_console_of_a_host_that_is_away_says_so() {
    for world in worlds().await {
        world.create("survival").await;
        world.start("survival").await;
        world.agent.set_online(false);
        let error =
            world.call(world.admin(), "server console", json!({"server": "survival"})).await.unwrap_err();
        assert_eq!((error.kind, error.code), (Kind::Upstream, "host_offline"));
        assert!(error.remedy.is_some());
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_made_leaves_nothing_behind() {
    for world in worlds().await {
        world.agent.refuse(Some(Refusal::Malformed));
        let input = json!({"name": "survival", "recipe": "testgame"});
        let error = world.call(world.admin(), "server create", input).await.unwrap_err();
        assert_eq!((error.kind, error.code), (Kind::Upstream, "refused"));
        assert_eq!(world.data("server list", json!({})).await["total"], 0);
        world.agent.refuse(None);
        world.create("survival").await;
    }
}

#[tokio::test]
async fn a_job_that_is_stuck_does_not_keep_its_server() {
    let world = world().await;
    // Made while its host is away, it gets its ports at its first start, and that start has to give them back.
    world.agent.set_online(false);
    world.create("survival").await;
    world.agent.set_online(true);
    let tx = world.store.begin().await.unwrap();
    let broken =
        "CREATE TRIGGER broken BEFORE DELETE ON servers_port BEGIN SELECT RAISE(ABORT, 'broken'); END";
    tx.conn().execute_unprepared(broken).await.unwrap();
    tx.commit().await.unwrap();
    world.agent.hold_before(Phase::Starting);
    let call = world.call(world.member(), "server start", json!({"server": "survival"})).await.unwrap();
    let guildhall_core::Reply::Done { follow: Some(follow), .. } = call else { panic!("it goes on") };
    let (jobs, _) = world.flows.under_way(0, 10).await.unwrap();
    let [job] = jobs.as_slice() else { panic!("one job: {jobs:?}") };
    let reason = guildhall_flows::Failure::new("enough", "Somebody has had enough.");
    world.until_waiting(job.id).await;
    world.flows.cancel(job.id, reason).await.unwrap();
    world.until_stuck(job.id).await;
    let again = world.call(world.member(), "server start", json!({"server": "survival"})).await.unwrap_err();
    assert_eq!(again.kind, Kind::Conflict, "{again}");

    world.clock.advance(std::time::Duration::from_secs(24 * 3_600));
    world.servers.reconcile().await.unwrap();
    assert_eq!(world.outcome(follow.run).await, Outcome::Failed);
    assert_eq!(world.state("survival").await, "failed");
    world.agent.release();
    world.reconcile().await;
    assert_eq!(
        world.start("survival").await,
        Outcome::Succeeded,
        "a job of its own, whatever became of the other"
    );
    assert_eq!(world.flows.stuck().await.unwrap()[0].id, job.id, "it waits for a person");
    assert_eq!(world.servers.subject_of(&world.flows.stuck().await.unwrap()[0]).await.unwrap(), "survival");
    world.flows.abandon(job.id).await.unwrap();
    assert_eq!(world.state("survival").await, "ready", "and takes nothing from the server");
}
