//! From wanting a server to its end, with real processes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::{net::TcpListener, path::PathBuf, time::Duration};

use common::*;
use guildhall_agent::{Backoff, Settings};
use guildhall_link::message::{EventKind, FailureCode, Phase, Refusal, Reply, Request, Want};

fn refusal(reply: Reply) -> Refusal {
    match reply {
        Reply::Refused { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_server_starts_is_talked_to_and_stops_in_its_own_way() {
    let mut host = TestHost::new().await;
    let mut desired = game(ECHO, "");
    host.apply(&desired).await;
    host.phase(Phase::Preparing).await;
    host.phase(Phase::Starting).await;
    host.ready().await;
    let seen = host.observe(desired.server).await;
    assert_eq!((seen.phase, seen.session, seen.generation), (Phase::Ready, desired.session, 1));
    assert!(lives(seen.pid.unwrap()));

    let send = |line: &str| Request::Send { server: desired.server, line: line.into(), by: "Alex".into() };
    assert_eq!(host.agent.request(send("hello")).await, Reply::Done);
    host.line(desired.server, "got hello").await;
    let lines = texts(&host.console(desired.server, None).await);
    assert_eq!(lines, ["ready", "Alex> hello", "got hello"]);
    assert_eq!(refusal(host.agent.request(send("two\nlines")).await), Refusal::Malformed);

    host.want(&mut desired, Want::Stopped).await;
    let (exit, restart, crashes) = host.exited().await;
    assert_eq!((exit.status, exit.signal, exit.wanted), (Some(0), None, true));
    assert_eq!((rungs(&exit), restart, crashes), (vec!["stop".to_owned()], None, 0));
    host.phase(Phase::Stopped).await;
    assert!(!lives(seen.pid.unwrap()));
    let kept = texts(&host.console(desired.server, None).await);
    assert_eq!(
        kept.last().map(String::as_str),
        Some("got stop"),
        "the console of a stopped server can be read"
    );
    let request = Request::Send { server: desired.server, line: "x".into(), by: "y".into() };
    assert_eq!(refusal(host.agent.request(request).await), Refusal::NotRunning);

    host.want(&mut desired, Want::Absent).await;
    host.until("removed", |event| (event.kind == EventKind::Removed).then_some(())).await;
    eventually("the server to be forgotten", async || {
        matches!(host.agent.request(Request::Observe { server: desired.server }).await, Reply::Refused { .. })
    })
    .await;
    assert!(!exists(&host.folder.path().join("data/files").join(desired.server.to_string())));
}

#[tokio::test]
async fn an_old_word_is_refused_and_the_same_word_changes_nothing() {
    let mut host = TestHost::new().await;
    let mut desired = game(ECHO, "");
    desired.generation = 5;
    assert_eq!(host.apply(&desired).await, Reply::Applied { generation: 5 });
    host.ready().await;
    let pid = host.observe(desired.server).await.pid;
    assert_eq!(host.apply(&desired).await, Reply::Applied { generation: 5 });
    let mut other = desired.clone();
    other.want = Want::Stopped;
    assert_eq!(refusal(host.apply(&other).await), Refusal::OldGeneration, "same number, other content");
    other.generation = 4;
    assert_eq!(refusal(host.apply(&other).await), Refusal::OldGeneration);
    other.generation = 9;
    other.tenant = "others".parse().unwrap();
    assert_eq!(refusal(host.apply(&other).await), Refusal::Malformed);
    assert_eq!(host.observe(desired.server).await.pid, pid);

    host.want(&mut desired, Want::Absent).await;
    host.until("removed", |event| (event.kind == EventKind::Removed).then_some(())).await;
    let mut again = desired.clone();
    again.want = Want::Running;
    let reply = host.apply(&again).await;
    assert_eq!(refusal(reply), Refusal::OldGeneration, "a removed server does not come back by an old word");
    assert_eq!(host.apply(&desired).await, Reply::Applied { generation: desired.generation });
    host.until("removed again", |event| (event.kind == EventKind::Removed).then_some(())).await;
}

#[tokio::test]
async fn each_rung_of_the_ladder_is_climbed_only_when_the_one_before_did_not_hold() {
    let stop = |own: &str| format!("[stop]\n{own}\nwait = \"150ms\"\nterm_wait = \"150ms\"\n");
    let deaf = "while :; do sleep 0.02; done";
    let cases = [
        (
            format!("trap 'exit 3' INT; echo ready; {deaf}"),
            stop("signal = \"SIGINT\""),
            vec!["SIGINT"],
            Some(3),
        ),
        (
            format!("trap 'exit 4' TERM; echo ready; {deaf}"),
            stop("command = \"stop\""),
            vec!["stop", "SIGTERM"],
            Some(4),
        ),
        (
            format!("trap 'exit 5' TERM; echo ready; {deaf}"),
            stop("signal = \"SIGTERM\""),
            vec!["SIGTERM"],
            Some(5),
        ),
        (
            format!("trap '' INT TERM; echo ready; {deaf}"),
            stop("signal = \"SIGINT\""),
            vec!["SIGINT", "SIGTERM", "SIGKILL"],
            None,
        ),
    ];
    for (script, more, ladder, status) in cases {
        let mut host = TestHost::new().await;
        let mut desired = game(&script, &more);
        host.apply(&desired).await;
        host.ready().await;
        host.want(&mut desired, Want::Stopped).await;
        let (exit, ..) = host.exited().await;
        assert_eq!(
            (rungs(&exit), exit.status),
            (ladder.into_iter().map(String::from).collect(), status),
            "{script}"
        );
        assert!(exit.wanted && (status.is_some() || exit.signal == Some(9)));
    }
}

#[tokio::test]
async fn nothing_of_a_game_outlives_it() {
    let mut host = TestHost::new().await;
    // A grandchild in a session of its own that ignores what it can ignore.
    let script = "trap '' TERM HUP; setsid sh -c \"trap '' TERM HUP; echo \\$\\$ > far; exec sleep 1000\" & \
                  sleep 1000 & echo $! > near; while [ ! -s far ]; do sleep 0.01; done; echo ready; wait";
    let mut desired = game(script, "[stop]\nsignal = \"SIGINT\"\nwait = \"100ms\"\nterm_wait = \"100ms\"\n");
    host.apply(&desired).await;
    host.ready().await;
    let folder = host.folder.path().join("data/files").join(desired.server.to_string());
    let pid = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap().trim().parse::<u32>().unwrap();
    let (far, near) = (pid("far"), pid("near"));
    assert!(lives(far) && lives(near));
    host.want(&mut desired, Want::Stopped).await;
    host.exited().await;
    assert!(!lives(far) && !lives(near));
}

#[tokio::test]
async fn a_crashing_game_is_restarted_with_a_back_off_until_its_budget_is_spent() {
    let mut host = TestHost::new().await;
    let mut desired = game("echo ready; sleep 0.1; echo out of mana; exit 7", "");
    host.apply(&desired).await;
    let mut waits = Vec::new();
    loop {
        let (exit, restart, crashes) = host.exited().await;
        assert_eq!((exit.status, exit.wanted, exit.ladder.len()), (Some(7), false, 0));
        assert_eq!(crashes as usize, waits.len() + 1);
        let Some(wait) = restart else { break };
        waits.push(wait);
    }
    assert_eq!(waits, [20, 40, 80]);
    let failure = host.failed().await;
    assert_eq!(failure.code, FailureCode::CrashedTooOften);
    assert!(
        failure.message.contains("4 times") && failure.message.contains("exit status 7"),
        "{}",
        failure.message
    );
    assert!(failure.output.iter().any(|line| line == "out of mana"), "{:?}", failure.output);
    let seen = host.observe(desired.server).await;
    assert_eq!((seen.phase, seen.pid), (Phase::Failed, None));
    // The same word again is no new chance; a new one is.
    host.apply(&desired).await;
    assert_eq!(host.observe(desired.server).await.phase, Phase::Failed);
    host.want(&mut desired, Want::Running).await;
    host.ready().await;
    assert_eq!(host.exited().await.2, 1);
}

#[tokio::test]
async fn a_crash_that_is_survived_is_told_with_the_games_last_words() {
    let mut host = TestHost::new().await;
    let script = "i=0; while [ $i -lt 30 ]; do echo \"line $i\"; i=$((i+1)); done; echo ready; sleep 0.1; \
                  echo out of mana; exit 7";
    let mut desired = game(script, "");
    host.apply(&desired).await;
    let told = host.until("the crash", |event| match &event.kind {
        EventKind::Exited { output, restart_in_ms: Some(_), .. } => Some(output.clone()),
        _ => None,
    });
    let told = told.await;
    assert_eq!(told.len(), 10, "{told:?}");
    assert_eq!((told[0].as_str(), told[8].as_str(), told[9].as_str()), ("line 22", "ready", "out of mana"));
    host.want(&mut desired, Want::Stopped).await;
    host.phase(Phase::Stopped).await;
}

#[tokio::test]
async fn leaving_well_without_being_asked_is_a_crash_too() {
    let mut host = TestHost::new().await;
    let desired = game("echo ready; sleep 0.1; exit 0", "");
    host.apply(&desired).await;
    let (exit, restart, _) = host.exited().await;
    assert_eq!((exit.status, exit.wanted, restart.is_some()), (Some(0), false, true));
}

#[tokio::test]
async fn a_game_that_waits_for_its_restart_can_be_stopped() {
    let backoff = Backoff {
        first: Duration::from_secs(3_600),
        longest: Duration::from_secs(3_600),
        ..Backoff::default()
    };
    let mut host = TestHost::with(Settings { backoff, ..settings() }).await;
    let mut desired = game("echo ready; sleep 0.1; exit 1", "");
    host.apply(&desired).await;
    host.phase(Phase::Restarting).await;
    host.want(&mut desired, Want::Stopped).await;
    host.phase(Phase::Stopped).await;
}

#[tokio::test]
async fn what_makes_a_start_fail_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut port_taken = game(ECHO, "[ports.game]\nprotocol = \"tcp\"\ndefault = 4000\n");
    port_taken.ports.insert("game".into(), port);
    let mut missing = game(ECHO, "");
    missing.recipe.start.command = vec!["no-such-game".into()];
    let mut unreadable = game(
        ECHO,
        "[[install]]\nstep = \"command\"\nrun = [\"/bin/sh\", \"-c\", \"echo '#!/no/such/shell' > game; chmod +x game\"]\ncreates = \"game\"\n",
    );
    unreadable.recipe.start.command = vec!["./game".into()];
    let early = game("echo no licence; exit 9", "");
    let late = game(
        "sleep 1000",
        "[ready]\nwithin = \"200ms\"\nlog = \"never\"\n[stop]\nsignal = \"SIGINT\"\nwait = \"5s\"\n",
    );
    let step = game(
        ECHO,
        "[[install]]\nstep = \"command\"\nrun = [\"/bin/sh\", \"-c\", \"echo no such world >&2; exit 5\"]\ncreates = \"game\"\n",
    );
    let slow = game(
        ECHO,
        "[[install]]\nstep = \"command\"\nrun = [\"sleep\", \"1000\"]\nwithin = \"200ms\"\ncreates = \"game\"\n",
    );
    let mut values = game(ECHO, "");
    values.variables.insert("unknown".into(), "x".into());
    let escaping =
        game(ECHO, "[[files]]\npath = \"../../../outside.json\"\nformat = \"json\"\nvalues = {}\n");
    let cases = [
        (port_taken, FailureCode::PortTaken, Phase::Preparing, format!("Port {port}")),
        (missing, FailureCode::ProgramMissing, Phase::Preparing, "no-such-game".into()),
        (unreadable, FailureCode::ProgramMissing, Phase::Starting, "./game".into()),
        (early, FailureCode::EndedBeforeReady, Phase::Starting, "exit status 9".into()),
        (late, FailureCode::NotReadyInTime, Phase::Starting, "not ready".into()),
        (step, FailureCode::InstallFailed, Phase::Installing, "exit status 5".into()),
        (slow, FailureCode::InstallFailed, Phase::Installing, "not done".into()),
        (values, FailureCode::BadRecipe, Phase::Preparing, "unknown".into()),
        (escaping, FailureCode::Host, Phase::Preparing, "leaves the folder".into()),
    ];
    for (mut desired, code, phase, words) in cases {
        let mut host = TestHost::new().await;
        host.apply(&desired).await;
        let failure = host.failed().await;
        assert_eq!((failure.code, failure.phase), (code, phase), "{failure:?}");
        assert!(failure.message.contains(&words), "{failure:?}");
        match code {
            FailureCode::EndedBeforeReady => assert_eq!(failure.output, ["no licence"]),
            FailureCode::InstallFailed if words.contains('5') => {
                assert_eq!(failure.output, ["no such world"]);
            }
            FailureCode::PortTaken => assert!(failure.message.contains(&std::process::id().to_string())),
            _ => {}
        }
        assert_eq!(host.observe(desired.server).await.failure, Some(failure));
        assert!(!exists(&host.folder.path().join("outside.json")));
        // A failed server can be stopped, which clears the failure.
        host.want(&mut desired, Want::Stopped).await;
        eventually("the stop", async || host.observe(desired.server).await.phase == Phase::Stopped).await;
    }
}

#[tokio::test]
async fn a_finished_install_step_is_not_repeated_and_a_failed_one_is() {
    let mut host = TestHost::new().await;
    let steps = "[[install]]\nstep = \"command\"\nrun = [\"/bin/sh\", \"-c\", \"echo x >> first\"]\ncreates = \"first\"\n\
                 [[install]]\nstep = \"command\"\nrun = [\"/bin/sh\", \"-c\", \"echo x >> tries; test -f first && test `wc -l < tries` = 2 && touch second\"]\ncreates = \"second\"\n";
    let mut desired = game(ECHO, steps);
    host.apply(&desired).await;
    assert_eq!(host.failed().await.code, FailureCode::InstallFailed);
    host.want(&mut desired, Want::Running).await;
    let step = host.until("progress", |event| match &event.kind {
        EventKind::Progress { done, total, .. } => Some((*done, *total)),
        _ => None,
    });
    assert_eq!(step.await, (1, 2));
    host.ready().await;
    let file = host.folder.path().join("data/files").join(desired.server.to_string()).join("first");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "x\n");
}

#[tokio::test]
async fn players_come_and_go_by_what_the_game_prints() {
    let mut host = TestHost::new().await;
    let players = "[players]\njoin = '^(?P<player>\\w+) joined$'\nleave = '^(?P<player>\\w+) left$'\n";
    let script = "echo ready; while read -r line; do printf '\\033[32m%s\\033[0m\\r\\n' \"$line\"; done";
    let mut desired = game(script, &format!("{players}[stop]\nsignal = \"SIGTERM\"\n"));
    host.apply(&desired).await;
    host.ready().await;
    for line in ["Alex joined", "Sam joined", "Alex joined", "Alex left"] {
        let by = "test".to_owned();
        host.agent.request(Request::Send { server: desired.server, line: line.to_owned(), by }).await;
    }
    let mut told = Vec::new();
    host.until("Alex to leave", |event| {
        match &event.kind {
            EventKind::Joined { player } => told.push(format!("+{player}")),
            EventKind::Left { player } => told.push(format!("-{player}")),
            _ => {}
        }
        (told.last().map(String::as_str) == Some("-Alex")).then_some(())
    })
    .await;
    assert_eq!(told, ["+Alex", "+Sam", "-Alex"]);
    eventually("the players to be seen", async || {
        host.observe(desired.server).await.players.names == ["Sam"]
    })
    .await;
    assert_eq!(host.observe(desired.server).await.players.online, Some(1));
    host.want(&mut desired, Want::Stopped).await;
    let left = EventKind::Left { player: "Sam".into() };
    host.until("Sam to leave with the game", |event| (event.kind == left).then_some(())).await;
}

#[tokio::test]
async fn configuration_files_are_written_and_a_planted_link_is_replaced() {
    let mut host = TestHost::new().await;
    let outside = host.folder.path().join("outside");
    std::fs::write(&outside, "safe").unwrap();
    let plant = format!("ln -s {} server.properties; echo planted > planted", outside.display());
    let more = format!(
        "[[install]]\nstep = \"command\"\nrun = [\"/bin/sh\", \"-c\", \"{plant}\"]\ncreates = \"planted\"\n\
         [[files]]\npath = \"conf/game.properties\"\nformat = \"properties\"\n[files.values]\nmotd = \"hello\"\n"
    );
    let mut desired = game(ECHO, &more);
    host.apply(&desired).await;
    host.ready().await;
    let files: PathBuf = host.folder.path().join("data/files").join(desired.server.to_string());
    assert!(std::fs::read_to_string(files.join("conf/game.properties")).unwrap().contains("motd=hello"));
    host.want(&mut desired, Want::Stopped).await;
    host.exited().await;
    desired.recipe.files[0].path = "server.properties".into();
    host.want(&mut desired, Want::Running).await;
    // The link leads out of the folder: it is neither read nor written through.
    let failure = host.failed().await;
    assert!(failure.message.contains("server.properties"), "{failure:?}");
    assert_eq!(std::fs::read_to_string(&outside).unwrap(), "safe");
}

#[tokio::test]
async fn free_ports_are_neither_taken_nor_meant_for_another_server() {
    let host = TestHost::new().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut desired = game(ECHO, "[ports.game]\nprotocol = \"tcp\"\ndefault = 4000\n");
    desired.ports.insert("game".into(), 4_000);
    desired.want = Want::Stopped;
    host.apply(&desired).await;
    let reply = host.agent.request(Request::FreePorts { wanted: vec![port, 4_000], count: 3 }).await;
    let Reply::Ports { free } = reply else { panic!("{reply:?}") };
    assert!(free.len() == 3 && !free.contains(&port) && !free.contains(&4_000), "{free:?}");
    let reply = host.agent.request(Request::FreePorts { wanted: vec![], count: 65 }).await;
    assert_eq!(refusal(reply), Refusal::Malformed);
}
