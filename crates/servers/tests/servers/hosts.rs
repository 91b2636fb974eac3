//! Hosts that go, come back and say what is not so.

use std::time::Duration;

use guildhall_core::{HostId, Outcome, ServerId};
use guildhall_link::{
    Agents, Inbox,
    message::{AgentEvent, ConsoleChunk, ConsoleLine, ConsolePush, EventKind, Phase, Request},
};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use serde_json::json;

use crate::world::{World, worlds};

#[tokio::test]
async fn a_lost_host_is_named_within_a_minute_and_its_games_are_taken_up_again() {
    for world in worlds().await {
        let server = world.create("survival").await;
        world.start("survival").await;
        let session = world.data("server status", json!({"server": "survival"})).await["session"].clone();
        world.agent.set_online(false);
        world.reconcile().await;
        assert_eq!(world.state("survival").await, "ready", "a host may be away for a moment");
        world.clock.advance(Duration::from_secs(60));
        world.reconcile().await;
        let status = world.data("server status", json!({"server": "survival"})).await;
        assert_eq!((&status["state"], &status["failure"]["code"]), (&json!("failed"), &json!("host_lost")));

        world.agent.set_online(true);
        world.reconcile().await;
        let status = world.data("server status", json!({"server": "survival"})).await;
        assert_eq!((&status["state"], &status["session"]), (&json!("ready"), &session), "the game ran on");
        assert_eq!(world.agent.effects(server).starts, 1);
        let kinds = world.kinds_after(0).await;
        assert!(
            kinds.contains(&"server.host_lost".to_owned()) && kinds.contains(&"server.host_back".to_owned())
        );
    }
}

#[tokio::test]
async fn a_start_on_a_host_that_goes_away_ends_in_a_named_state() {
    for world in worlds().await {
        world.create("survival").await;
        world.agent.hold_before(Phase::Ready);
        let reply = world.call(world.member(), "server start", json!({"server": "survival"})).await.unwrap();
        let guildhall_core::Reply::Done { follow: Some(follow), .. } = reply else { panic!("it goes on") };
        world.until_state("survival", "starting").await;
        world.agent.set_online(false);
        world.clock.advance(Duration::from_secs(60));
        world.servers.reconcile().await.unwrap();
        assert_eq!(world.outcome(follow.run).await, Outcome::Failed);
        assert_eq!(world.state("survival").await, "failed");
        world.agent.set_online(true);
        world.agent.release();
        world.until_state("survival", "ready").await;
    }
}

#[tokio::test]
async fn a_game_that_ended_while_its_host_was_away_ends_its_session() {
    for world in worlds().await {
        let server = world.create("survival").await;
        world.start("survival").await;
        world.agent.set_online(false);
        world.clock.advance(Duration::from_secs(60));
        world.servers.reconcile().await.unwrap();
        world.agent.crash(server, false);
        world.agent.set_online(true);
        world.reconcile().await;
        let status = world.data("server status", json!({"server": "survival"})).await;
        assert_eq!((&status["state"], &status["session"]), (&json!("failed"), &json!(null)), "{status}");
        assert_eq!(status["failure"]["code"], "crashed_too_often");
        assert_eq!(world.start("survival").await, Outcome::Succeeded);
    }
}

#[tokio::test]
async fn a_stop_that_could_not_reach_the_host_is_done_when_it_is_back() {
    for world in worlds().await {
        world.create("survival").await;
        world.start("survival").await;
        world.agent.set_online(false);
        world.clock.advance(Duration::from_secs(60));
        world.servers.reconcile().await.unwrap();
        let reply = world.call(world.member(), "server stop", json!({"server": "survival"})).await.unwrap();
        let guildhall_core::Reply::Done { follow: Some(follow), .. } = reply else { panic!("it goes on") };
        // The tries against the host that is away, with their back-offs.
        let outcome = world.outcome(follow.run);
        tokio::pin!(outcome);
        let outcome = loop {
            tokio::select! {
                biased;
                outcome = &mut outcome => break outcome,
                () = tokio::task::yield_now() => world.clock.advance(Duration::from_millis(50)),
            }
        };
        assert_eq!(outcome, Outcome::Failed);
        assert_eq!(world.state("survival").await, "failed");
        world.agent.set_online(true);
        world.reconcile().await;
        world.reconcile().await;
        assert_eq!(world.state("survival").await, "stopped");
        assert!(world.agent.leaks().iter().all(|leak| !leak.running));
    }
}

#[tokio::test]
async fn players_who_came_and_went_unseen_are_made_up_for() {
    for world in worlds().await {
        let server = world.create("survival").await;
        world.start("survival").await;
        world.agent.join(server, "Steve");
        world.agent.until_idle().await;
        // The pattern missed one player's leaving and another's joining; the game itself knows.
        let host: HostId = "host-1".parse().unwrap();
        let last = world.agent.journal().last().unwrap().clone();
        for (n, kind) in [
            EventKind::Left { player: "Steve".to_owned() },
            EventKind::Joined { player: "Nobody".to_owned() },
        ]
        .into_iter()
        .enumerate()
        {
            let cursor = last.cursor + 1 + n as u64;
            world.servers.event(&host, AgentEvent { cursor, kind, ..last.clone() }).await.unwrap();
        }
        let cursor = world.cursor().await;
        world.servers.reconcile().await.unwrap();
        assert_eq!(world.kinds_after(cursor).await, ["server.player_left", "server.player_joined"]);
        let status = world.data("server status", json!({"server": "survival"})).await;
        assert_eq!(status["players"]["names"], json!(["Steve"]));
    }
}

#[tokio::test]
async fn a_host_that_knows_more_than_a_store_put_back_from_a_backup_is_caught_up_with() {
    for world in worlds().await {
        let server = world.create("survival").await;
        world.start("survival").await;
        let mut desired = world.agent.desired(server).unwrap();
        desired.generation += 40;
        let apply = Request::Apply { desired: Box::new(desired) };
        world.agent.request(world.agent.host(), apply).await.unwrap();
        world.reconcile().await;
        world.reconcile().await;
        assert_eq!(world.agent.desired(server).unwrap().generation, 42);
        assert_eq!(world.stop("survival").await, Outcome::Succeeded);
    }
}

#[tokio::test]
async fn nobody_playing_stops_a_server_that_is_set_so() {
    for world in worlds().await {
        let input = json!({"name": "survival", "recipe": "testgame", "idle_stop": "15m"});
        world.finish(world.admin(), "server create", input).await;
        let server = world.id("survival").await;
        world.start("survival").await;
        world.reconcile().await;
        world.agent.join(server, "Steve");
        world.agent.until_idle().await;
        world.clock.advance(Duration::from_secs(3_600));
        world.reconcile().await;
        assert_eq!(world.state("survival").await, "ready", "somebody plays");
        world.agent.leave(server, "Steve");
        world.agent.until_idle().await;
        world.clock.advance(Duration::from_secs(10 * 60));
        world.reconcile().await;
        assert!(world.kinds_after(0).await.contains(&"server.idle_soon".to_owned()));
        let kept = world.document("server keep", json!({"server": "survival", "minutes": 30})).await;
        assert!(kept.contains("It is not stopped for being empty before"), "{kept}");
        world.clock.advance(Duration::from_secs(29 * 60));
        world.reconcile().await;
        assert_eq!(world.state("survival").await, "ready", "somebody keeps it");
        world.clock.advance(Duration::from_secs(60));
        world.reconcile().await;
        world.until_state("survival", "stopped").await;
    }
}

#[tokio::test]
async fn what_an_agent_may_not_say_is_refused_and_counted() {
    let recorder = DebuggingRecorder::new();
    let counted = recorder.snapshotter();
    let _recording = metrics::set_default_local_recorder(&recorder);
    for world in worlds().await {
        world.create("survival").await;
        world.start("survival").await;
        let honest = world.agent.journal().last().unwrap().clone();
        let host: HostId = "host-1".parse().unwrap();
        let lie = |change: &dyn Fn(&mut AgentEvent)| {
            let mut event = honest.clone();
            event.kind = EventKind::Joined { player: "Mallory".to_owned() };
            change(&mut event);
            event
        };
        let lies = [
            ("unknown_server", lie(&|event| event.server = ServerId(uuid::Uuid::from_u128(7)))),
            ("wrong_tenant", lie(&|event| event.tenant = "elsewhere".parse().unwrap())),
            ("newer_generation", lie(&|event| event.generation += 1)),
            ("old_generation", lie(&|event| event.generation -= 1)),
            ("wrong_session", lie(&|event| event.session = Some(uuid::Uuid::from_u128(7).into()))),
        ];
        let mut cursor = honest.cursor;
        let before = world.cursor().await;
        for (_, mut event) in lies.clone() {
            cursor += 1;
            event.cursor = cursor;
            world.servers.event(&host, event).await.unwrap();
            assert_eq!(world.servers.cursor(&host).await, cursor, "a refused event is not offered for ever");
        }
        let elsewhere: HostId = "host-2".parse().unwrap();
        world.servers.event(&elsewhere, lie(&|event| event.cursor = 1)).await.unwrap();
        // The same honest event again has no effect either.
        world.servers.event(&host, honest.clone()).await.unwrap();
        assert_eq!(world.kinds_after(before).await, Vec::<String>::new(), "a lie was told on");
        let seen: std::collections::BTreeMap<String, u64> = counted
            .snapshot()
            .into_vec()
            .into_iter()
            .filter(|(key, ..)| key.key().name() == "guildhall_servers_refused_total")
            .filter_map(|(key, _, _, value)| {
                let reason = key.key().labels().next()?.value().to_owned();
                if let DebugValue::Counter(count) = value { Some((reason, count)) } else { None }
            })
            .collect();
        for reason in lies.iter().map(|(reason, _)| *reason).chain(["wrong_host"]) {
            assert!(seen.get(reason).is_some_and(|count| *count >= 1), "{reason} is not counted: {seen:?}");
        }
    }
}

#[tokio::test]
async fn console_lines_of_a_strangers_host_are_not_shown() {
    for world in worlds().await {
        let server = world.create("survival").await;
        world.start("survival").await;
        let mut console = world.servers.console_stream(&world.member(), "survival").await.unwrap();
        let push = |tenant: &str, text: &str| ConsolePush {
            tenant: tenant.parse().unwrap(),
            server,
            chunk: ConsoleChunk {
                lines: vec![ConsoleLine::Output { offset: 1, text: text.to_owned() }],
                next: 1,
            },
        };
        world.servers.console(&"host-2".parse().unwrap(), push("guild", "from elsewhere")).await;
        world.servers.console(&"host-1".parse().unwrap(), push("other", "for others")).await;
        world.servers.console(&"host-1".parse().unwrap(), push("guild", "mine")).await;
        assert_eq!(console.next().await.text(), "mine");
    }
}

#[tokio::test]
async fn an_event_has_its_effect_exactly_once() {
    for world in worlds().await {
        let server = world.create("survival").await;
        world.start("survival").await;
        world.agent.join(server, "Steve");
        world.agent.until_idle().await;
        let host: HostId = "host-1".parse().unwrap();
        for event in world.agent.journal() {
            world.servers.event(&host, event).await.unwrap();
        }
        let joined =
            world.kinds_after(0).await.into_iter().filter(|kind| kind == "server.player_joined").count();
        assert_eq!(joined, 1);
        assert_eq!(ready(&world).await, 1);
    }
}

async fn ready(world: &World) -> usize {
    world.kinds_after(0).await.into_iter().filter(|kind| kind == "server.ready").count()
}

#[tokio::test]
async fn players_names_are_shown_without_tricks() {
    for world in worlds().await {
        let server = world.create("survival").await;
        world.start("survival").await;
        world.agent.join(server, &format!("\u{1b}[31m@everyone\n{}", "x".repeat(500)));
        world.agent.until_idle().await;
        let event =
            world.told().await.into_iter().find(|event| event.kind == "server.player_joined").unwrap();
        let player = event.data["player"].as_str().unwrap();
        assert!(player.chars().count() <= 48 && !player.contains(char::is_control), "{player:?}");
    }
}

#[tokio::test]
async fn a_host_that_was_set_up_anew_is_listened_to_again() {
    for world in worlds().await {
        world.create("survival").await;
        world.start("survival").await;
        let last = world.agent.journal().last().unwrap().clone();
        assert!(last.cursor > 1);
        let first = AgentEvent {
            cursor: 1,
            at: last.at + Duration::from_secs(1),
            kind: EventKind::Joined { player: "Steve".to_owned() },
            ..last
        };
        world.servers.event(world.agent.host(), first).await.unwrap();
        assert_eq!(world.servers.cursor(world.agent.host()).await, 1);
        assert_eq!(world.kinds_after(0).await.last().map(String::as_str), Some("server.player_joined"));
    }
}

#[tokio::test]
async fn a_server_on_a_host_that_never_comes_back_can_be_forgotten() {
    for world in worlds().await {
        world.create("survival").await;
        world.start("survival").await;
        // What the host still had to say of the start has been taken in: the deletion would be tried again after it,
        // on a clock that stands still.
        world.reconcile().await;
        world.agent.set_online(false);
        let input = json!({"server": "survival", "forget": true});
        assert_eq!(world.finish(world.admin(), "server delete", input).await, Outcome::Succeeded);
        assert_eq!(world.data("server list", json!({})).await["total"], 0);
        let kinds = world.kinds_after(0).await;
        assert!(
            kinds.ends_with(&["server.progress".into(), "server.stopped".into(), "server.deleted".into()]),
            "{kinds:?}"
        );
        // The name and the ports are free again.
        world.agent.set_online(true);
        world.reconcile().await;
        world.create("survival").await;
    }
}
