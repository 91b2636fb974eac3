//! What goes wrong: the conversation says which and what to do, and a start leaves the state.

use guildhall_core::{Kind, Outcome};
use guildhall_link::{
    message::{FailureCode, Phase},
    testkit::Fault,
};
use serde_json::json;

use crate::world::{told_text, world, worlds};

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
    for world in worlds().await {
        world.create("survival").await;
        for (fault, code) in faults {
            world.agent.set_fault(Some(fault));
            assert_eq!(world.start("survival").await, Outcome::Failed, "{code}");
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
    let world = world().await;
    world.create("survival").await;
    let cursor = world.cursor().await;
    world.agent.set_fault(Some(Fault::Install));
    world.start("survival").await;
    let told: Vec<_> = world.told().await.into_iter().filter(|event| event.cursor > cursor).collect();
    insta::assert_snapshot!("failed_installation", told_text(&told));
}

#[tokio::test]
async fn a_port_that_is_taken_is_not_tried_again() {
    let world = world().await;
    world.create("survival").await;
    world.agent.set_fault(Some(Fault::Start(FailureCode::PortTaken)));
    world.start("survival").await;
    world.agent.set_fault(None);
    world.agent.take_port(25565);
    assert_eq!(world.start("survival").await, Outcome::Succeeded);
    let status = world.data("server status", json!({"server": "survival"})).await;
    assert_ne!(status["ports"]["game"], 25565);
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
    let world = world().await;
    world.create("survival").await;
    world.agent.set_fault(Some(Fault::NeverReady));
    let call = world.call(world.member(), "server start", json!({"server": "survival"})).await.unwrap();
    let guildhall_core::Reply::Done { follow: Some(follow), .. } = call else { panic!("it goes on") };
    world.until_state("survival", "starting").await;
    world.clock.advance(std::time::Duration::from_secs(79));
    world.reconcile().await;
    assert_eq!(world.state("survival").await, "starting");
    world.clock.advance(std::time::Duration::from_secs(1));
    world.servers.reconcile().await.unwrap();
    assert_eq!(world.outcome(follow.run).await, Outcome::Failed);
    let status = world.data("server status", json!({"server": "survival"})).await;
    assert_eq!(status["failure"]["code"], "stuck");
    assert_eq!(status["failure"]["message"], "It took too long: it was starting for 80 s.");
    world.agent.set_fault(None);
    world.reconcile().await;
    assert!(world.agent.leaks().iter().all(|leak| !leak.running), "the host was told to stop it");
    assert_eq!(world.start("survival").await, Outcome::Succeeded);
}

#[tokio::test]
async fn a_crash_is_told_and_survived() {
    for world in worlds().await {
        let server = world.create("survival").await;
        world.start("survival").await;
        world.agent.join(server, "Steve");
        world.agent.until_idle().await;
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
        let said = crate::world::text(&crash.document.unwrap());
        assert!(said.contains("exit status 1") && said.contains("started again in 1 s"), "{said}");
    }
}

#[tokio::test]
async fn too_many_crashes_end_the_session() {
    let world = world().await;
    let server = world.create("survival").await;
    world.start("survival").await;
    world.agent.crash(server, false);
    world.until_state("survival", "failed").await;
    world.reconcile().await;
    let status = world.data("server status", json!({"server": "survival"})).await;
    assert_eq!((&status["failure"]["code"], &status["session"]), (&json!("crashed_too_often"), &json!(null)));
    assert_eq!(world.start("survival").await, Outcome::Succeeded);
}

#[tokio::test]
async fn without_a_host_a_start_says_so() {
    let world = world().await;
    world.agent.set_online(false);
    world.create("survival").await;
    assert_eq!(world.start("survival").await, Outcome::Failed);
    let status = world.data("server status", json!({"server": "survival"})).await;
    assert_eq!(status["failure"]["code"], "no_host");
    world.agent.set_online(true);
    assert_eq!(world.start("survival").await, Outcome::Succeeded);
}

#[tokio::test]
async fn the_console_of_a_host_that_is_away_says_so() {
    let world = world().await;
    world.create("survival").await;
    world.start("survival").await;
    world.agent.set_online(false);
    let error = world.call(world.admin(), "server console", json!({"server": "survival"})).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Upstream, "host_offline"));
    assert!(error.remedy.is_some());
}
