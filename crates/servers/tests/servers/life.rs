//! A server's whole life, and what happens when several people want different things of it.

use futures::future::join_all;
use guildhall_core::{Kind, Outcome, Rank, Reply, audit::Verdict};
use guildhall_link::{
    Inbox as _,
    message::{AgentEvent, EventKind, Failure, FailureCode, Phase, Request},
    testkit::Effects,
};
use serde_json::json;

use crate::world::{text, told_text, world, worlds};

#[tokio::test]
async fn a_server_is_made_started_played_on_restarted_stopped_and_deleted() {
    let mut told = Vec::new();
    for world in worlds().await {
        let server = world.create("survival").await;
        assert_eq!(world.start("survival").await, Outcome::Succeeded);
        world.clock.advance(std::time::Duration::from_secs(60));
        assert!(world.agent.join(server, "Steve"));
        world.agent.until_idle().await;

        let status = world.data("server status", json!({"server": "survival"})).await;
        assert_eq!(status["players"], json!({"online": 1, "max": 20, "names": ["Steve"]}));
        assert_eq!(status["address"], "play.example.org:25565");

        world.clock.advance(std::time::Duration::from_secs(240));
        assert!(world.agent.leave(server, "Steve"));
        world.agent.until_idle().await;
        let restart = world.finish(world.member(), "server restart", json!({"server": "survival"})).await;
        assert_eq!(restart, Outcome::Succeeded);
        assert_eq!(world.stop("survival").await, Outcome::Succeeded);
        world.agent.until_idle().await;
        assert_eq!(world.state("survival").await, "stopped");
        let effects = world.agent.effects(server);
        assert_eq!((effects.installs, effects.starts, effects.stops), (1, 2, 2));

        let deleted = world.finish(world.admin(), "server delete", json!({"server": "survival"})).await;
        assert_eq!(deleted, Outcome::Succeeded);
        assert!(world.agent.leaks().is_empty());
        assert_eq!(world.data("server list", json!({})).await["total"], 0);
        told.push(told_text(&world.told().await));
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "both databases tell the same story");
    insta::assert_snapshot!("life", told[0]);
}

#[tokio::test]
async fn every_call_leaves_an_audit_record() {
    let world = world().await;
    world.create("survival").await;
    world.start("survival").await;
    world.call(world.member(), "server start", json!({"server": "survival"})).await.unwrap_err();
    world.call(world.member(), "server delete", json!({"server": "survival"})).await.unwrap_err();
    let records = world.records.0.lock().unwrap();
    let seen: Vec<_> = records
        .iter()
        .map(|record| {
            (record.operation.as_str(), record.actor_name.as_str(), record.verdict, record.code.as_deref())
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("server create", "Ada", Verdict::Done, None),
            ("server status", "Ada", Verdict::Done, None),
            ("server start", "Ben", Verdict::Done, None),
            ("server start", "Ben", Verdict::Refused, Some("already_running")),
            ("server delete", "Ben", Verdict::Refused, Some("rank_too_low")),
        ]
    );
}

#[tokio::test]
async fn fifty_concurrent_starts_are_one_start() {
    for world in worlds().await {
        let server = world.create("survival").await;
        world.agent.hold_before(Phase::Ready);
        let calls = (0..50).map(|n| {
            let actor = world.actor(100 + n, &format!("Member {n}"), Rank::MEMBER);
            world.call(actor, "server start", json!({"server": "survival"}))
        });
        let (started, refused): (Vec<_>, Vec<_>) = join_all(calls).await.into_iter().partition(Result::is_ok);
        assert_eq!(started.len(), 1);
        let Ok(Reply::Done { follow: Some(follow), .. }) = &started[0] else { panic!("it goes on") };
        for refusal in refused {
            let error = refusal.unwrap_err();
            assert_eq!((error.kind, error.code), (Kind::Conflict, "server_busy"), "{error}");
            assert!(
                error.message.starts_with("survival is already starting, by Member "),
                "{}",
                error.message
            );
        }
        world.clock.advance(std::time::Duration::from_secs(2));
        let late =
            world.call(world.member(), "server start", json!({"server": "survival"})).await.unwrap_err();
        assert!(late.message.ends_with(" 2 s ago."), "{}", late.message);
        world.agent.release();
        assert_eq!(world.outcome(follow.run).await, Outcome::Succeeded);
        assert_eq!(
            world.agent.effects(server),
            Effects { applied: 1, installs: 1, starts: 1, ..Effects::default() }
        );
        let kinds = world.kinds_after(0).await;
        assert_eq!(kinds.iter().filter(|kind| *kind == "server.starting").count(), 1);
    }
}

#[tokio::test]
async fn a_stop_cancels_a_start() {
    for world in worlds().await {
        let server = world.create("survival").await;
        world.agent.hold_before(Phase::Starting);
        let Ok(Reply::Done { follow: Some(start), .. }) =
            world.call(world.member(), "server start", json!({"server": "survival"})).await
        else {
            panic!("it starts")
        };
        world.until_state("survival", "installing").await;
        let stop = world.stop("survival");
        assert_eq!(stop.await, Outcome::Succeeded);
        assert_eq!(world.outcome(start.run).await, Outcome::Failed);
        world.agent.release();
        world.reconcile().await;
        assert_eq!(world.state("survival").await, "stopped");
        assert!(world.agent.leaks().iter().all(|leak| !leak.running));
        // And it can be started again.
        assert_eq!(world.start("survival").await, Outcome::Succeeded);
        assert_eq!(world.agent.effects(server).starts, 1);
    }
}

#[tokio::test]
async fn what_is_not_running_cannot_be_stopped_restarted_or_written_to() {
    let world = world().await;
    world.create("survival").await;
    for (operation, input) in [
        ("server stop", json!({"server": "survival"})),
        ("server restart", json!({"server": "survival"})),
        ("server send", json!({"server": "survival", "line": "say hello"})),
        ("server keep", json!({"server": "survival"})),
    ] {
        let error = world.call(world.admin(), operation, input).await.unwrap_err();
        assert_eq!((error.kind, error.code), (Kind::Conflict, "not_running"), "{operation}");
        assert_eq!(error.actions[0].operation, "server start", "{operation} offers what helps");
    }
}

#[tokio::test]
async fn a_name_that_does_not_exist_gives_the_three_nearest() {
    let world = world().await;
    for name in ["survival", "survival-2", "creative", "lobby"] {
        world.create(name).await;
    }
    let error = world.call(world.member(), "server start", json!({"server": "survivel"})).await.unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    insta::assert_snapshot!(text(&error.document()), @r#"
    There is no server called 'survivel'.
    Did you mean: survival, survival-2, creative?
    [server start survival: server start {"server":"survival"}] [server start survival-2: server start {"server":"survival-2"}] [server start creative: server start {"server":"creative"}]
    "#);
}

#[tokio::test]
async fn names_are_taken_once_and_recipes_have_to_exist() {
    for world in worlds().await {
        world.create("survival").await;
        let input = json!({"name": "survival", "recipe": "testgame"});
        let error = world.call(world.admin(), "server create", input).await.unwrap_err();
        assert_eq!((error.kind, error.code), (Kind::Conflict, "name_taken"));
        let input = json!({"name": "other", "recipe": "testgme"});
        let error = world.call(world.admin(), "server create", input).await.unwrap_err();
        assert_eq!(error.remedy.as_deref(), Some("Did you mean: testgame, deafgame, opengame?"));
        for name in ["Survival", "1st", "a b", "", &"x".repeat(33)] {
            let input = json!({"name": name, "recipe": "testgame"});
            let error = world.call(world.admin(), "server create", input).await.unwrap_err();
            assert_eq!(error.kind, Kind::User, "{name:?}");
        }
        assert_eq!(world.data("server list", json!({})).await["total"], 1);
    }
}

#[tokio::test]
async fn another_community_sees_nothing_of_it() {
    for world in worlds().await {
        world.create("survival").await;
        let mut stranger = world.admin();
        stranger.tenant = "elsewhere".parse().unwrap();
        for operation in ["server status", "server start", "server console", "server config"] {
            let error =
                world.call(stranger.clone(), operation, json!({"server": "survival"})).await.unwrap_err();
            assert_eq!(error.code, "server_not_found", "{operation}");
            assert!(!error.to_string().contains("Did you mean"), "{operation} names somebody else's servers");
        }
        let choices = world.catalogue.complete(&stranger, "server start", "server", "").await.unwrap();
        assert!(choices.is_empty());
    }
}

#[tokio::test]
async fn lines_reach_the_game_with_who_sent_them() {
    let world = world().await;
    let server = world.create("survival").await;
    world.start("survival").await;
    world.agent.print(server, "\u{1b}[32m<Steve> hello\u{1b}[0m");
    let sent = world.document("server send", json!({"server": "survival", "line": "say hi"})).await;
    assert!(sent.starts_with("Sent to survival: `say hi`"), "{sent}");
    assert_eq!(world.agent.sent(server), ["say hi"]);
    insta::assert_snapshot!(world.document("server console", json!({"server": "survival"})).await, @r#"
    # Console of survival [Neutral]
    ```
    <Steve> hello
    > say hi   (Ada)
    ```
    [What came after: server console {"server":"survival","after":23,"lines":20}] [Newest: server console {"server":"survival"}]
    "#);
    let error =
        world.call(world.admin(), "server send", json!({"server": "survival", "line": "a\nstop"})).await;
    assert_eq!(error.unwrap_err().kind, Kind::User);
    assert!(
        !world
            .agent
            .requests()
            .iter()
            .any(|request| matches!(request, Request::Send { line, .. } if line.contains('\n')))
    );
}

#[tokio::test]
async fn a_watched_console_comes_line_by_line() {
    let world = world().await;
    let server = world.create("survival").await;
    world.start("survival").await;
    let mut console = world.servers.console_stream(&world.member(), "survival").await.unwrap();
    world.agent.print(server, "one\u{7}");
    world.agent.print(server, "two");
    assert_eq!(console.next().await.text(), "one");
    assert_eq!(console.next().await.text(), "two");
}

#[tokio::test]
async fn players_addresses_are_for_those_who_may_write_to_the_console() {
    let world = world().await;
    let server = world.create("survival").await;
    world.start("survival").await;
    let moderator = world.actor(3, "Mo", Rank::MODERATOR);
    let trusted = world.actor(4, "Tess", Rank::JUNIOR_MODERATOR);
    let lines = ["Alex (::ffff:127.0.0.1) connected", "[12:30:05] 203.0.113.7:53122 runs 1.21.4"];
    let hidden = ["Alex ([address]) connected", "[12:30:05] [address]:53122 runs 1.21.4"];
    for (actor, seen) in [(world.member(), hidden), (trusted, hidden), (moderator, lines)] {
        let mut watched = world.servers.console_stream(&actor, "survival").await.unwrap();
        for line in lines {
            world.agent.print(server, line);
        }
        for line in seen {
            assert_eq!(watched.next().await.text(), line, "{}", actor.name);
        }
        let name = actor.name.clone();
        let input = json!({"server": "survival", "lines": 2});
        let Reply::Done { data, document, .. } = world.call(actor, "server console", input).await.unwrap()
        else {
            panic!("it asks nothing")
        };
        let shown: Vec<_> = data["lines"].as_array().unwrap().iter().map(|line| &line["text"]).collect();
        assert_eq!(shown, seen, "{name}");
        assert!(text(&document).contains(&seen.join("\n")), "{name}: {}", text(&document));
    }

    // What stands in the thread and in the status is read by everybody.
    world.agent.crash(server, true);
    world.agent.until_phase(server, Phase::Ready).await;
    world.agent.until_idle().await;
    let last = world.agent.journal().last().unwrap().clone();
    let failure = Failure {
        code: FailureCode::CrashedTooOften,
        phase: Phase::Ready,
        message: "The last to come was 2001:db8::17.".to_owned(),
        output: lines.map(str::to_owned).to_vec(),
    };
    let failed = AgentEvent { cursor: last.cursor + 1, kind: EventKind::Failed { failure }, ..last };
    world.servers.event(world.agent.host(), failed).await.unwrap();
    let status = world.data("server status", json!({"server": "survival"})).await;
    assert_eq!(status["failure"]["output"], json!(hidden));
    let document = world.document("server status", json!({"server": "survival"})).await;
    assert!(document.contains("The last to come was [address]."), "{document}");
    let told = world.told().await;
    let crash = told.iter().find(|event| event.kind == "server.crashed").unwrap();
    assert!(text(crash.document.as_ref().unwrap()).contains(&hidden.join("\n")), "{crash:?}");
    let all = serde_json::to_string(&told).unwrap();
    for address in ["127.0.0.1", "203.0.113.7", "2001:db8"] {
        assert!(!all.contains(address) && !document.contains(address), "{address}: {all}");
    }
    assert!(all.contains("1.21.4") && all.contains("12:30:05"), "{all}");
}

#[tokio::test]
async fn lists_come_in_pages() {
    let world = world().await;
    for n in 0..12 {
        world.create(&format!("server-{n:02}")).await;
    }
    let first = world.data("server list", json!({})).await;
    assert_eq!(
        (&first["total"], &first["pages"], first["servers"].as_array().unwrap().len()),
        (&json!(12), &json!(2), 10)
    );
    let second = world.document("server list", json!({"page": 2})).await;
    assert!(
        second.contains("server-11") && second.contains("Previous") && !second.contains("server-09"),
        "{second}"
    );
    assert!(world.document("server list", json!({"page": 9})).await.contains("There is no such page"));
    let choices = world.catalogue.complete(&world.member(), "server start", "server", "11").await.unwrap();
    assert_eq!(choices[0].value, "server-11");
}
