//! What the link promises, whatever broker stands between its ends.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock, atomic::Ordering},
    time::Duration,
};

use guildhall_core::{SystemClock, incident};
use guildhall_link::{
    Agents, HostLink, LinkError,
    message::{ConsoleLine, EventKind, MAX_BYTES, Refusal, Reply, Request},
    topic,
};
use guildhall_telemetry::otlp::{Exporter, Ids, OtlpConfig};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use rumqttc::{PublishOptions, PublishProperties};
use tracing::Instrument as _;
use tracing_subscriber::prelude::*;

use crate::{
    brokers::{TestBroker, host, other_host},
    cable::Cable,
    ends::{
        Journal, PATIENCE, Raw, Recorder, agent, agent_with, console, controller, controller_with, until,
        until_online,
    },
};

fn ports(port: u16) -> Request {
    Request::FreePorts { wanted: vec![port], count: 1 }
}

fn one_to(last: u64) -> Vec<u64> {
    (1..=last).collect()
}

pub async fn a_request_is_answered(broker: TestBroker) {
    let (inbox, journal) = (Arc::new(Recorder::default()), Arc::new(Journal::default()));
    let (controller, _agent) = (controller(&broker, &inbox), agent(&broker, &journal));
    until_online(&controller, true).await;
    let reply = controller.request(&host(), ports(25565)).await.unwrap();
    assert_eq!(reply, Reply::Ports { free: vec![25565] });
    let seen = inbox.until(|seen| !seen.presence.is_empty()).await;
    assert!(seen.presence[0].online && seen.presence[0].agent == "1.2.3");
    let large = Request::FreePorts { wanted: vec![25565; MAX_BYTES / 4], count: 1 };
    let refused = controller.request(&host(), large).await;
    assert!(matches!(refused, Err(LinkError::TooLarge(..))), "{refused:?}");
}

/// Sets tracing up as the program does. Nobody takes the spans, which nobody has to.
async fn traced() {
    static TRACED: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    let start = || async {
        let config = OtlpConfig {
            endpoint: "http://127.0.0.1:9/v1/traces".to_owned(),
            ids: Ids::W3c,
            ratio: 1.0,
            release: String::new(),
        };
        let _ = rustls::crypto::ring::default_provider().install_default();
        let exporter = tokio::task::spawn_blocking(move || Exporter::start(&config)).await.unwrap().unwrap();
        tracing_subscriber::registry().with(exporter.layer()).init();
        // It lives as long as the process does.
        std::mem::forget(exporter);
    };
    TRACED.get_or_init(start).await;
}

pub async fn a_trace_goes_on_at_the_agent(broker: TestBroker) {
    traced().await;
    let (inbox, journal) = (Arc::new(Recorder::default()), Arc::new(Journal::default()));
    let (controller, _agent) = (controller(&broker, &inbox), agent(&broker, &journal));
    until_online(&controller, true).await;
    let mut traces = Vec::new();
    for _ in 0..2 {
        let asking = async {
            traces.push(incident::current_trace());
            controller.request(&host(), ports(1)).await.unwrap();
        };
        asking.instrument(tracing::info_span!("call")).await;
    }
    // What is part of no trace makes none.
    controller.request(&host(), ports(1)).await.unwrap();
    assert!(traces[0].is_some() && traces[1].is_some() && traces[0] != traces[1], "{traces:?}");
    traces.push(None);
    assert_eq!(*journal.traces.lock().unwrap(), traces);
}

pub async fn two_hundred_requests_at_once_are_all_answered(broker: TestBroker) {
    let (inbox, journal) = (Arc::new(Recorder::default()), Arc::new(Journal::default()));
    let controller = Arc::new(controller_with(&broker, &inbox, |config| config.in_flight = 64));
    let _agent = agent(&broker, &journal);
    until_online(&controller, true).await;
    let requests = (1..=200u16).map(|port| {
        let controller = controller.clone();
        tokio::spawn(async move { (port, controller.request(&host(), ports(port)).await) })
    });
    for request in requests.collect::<Vec<_>>() {
        let (port, reply) = request.await.unwrap();
        assert_eq!(reply.unwrap(), Reply::Ports { free: vec![port] });
    }
    assert_eq!(journal.handled.load(Ordering::Relaxed), 200);
}

pub async fn a_silent_agent_times_out(broker: TestBroker) {
    let (inbox, journal) = (Arc::new(Recorder::default()), Arc::new(Journal::default()));
    let controller =
        controller_with(&broker, &inbox, |config| config.request_timeout = Duration::from_millis(500));
    let _agent = agent(&broker, &journal);
    until_online(&controller, true).await;
    journal.silent.store(true, Ordering::Relaxed);
    let answer = controller.request(&host(), Request::ObserveAll).await;
    assert!(matches!(answer, Err(LinkError::Timeout(_, 500))), "{answer:?}");
}

pub async fn an_unknown_host_is_offline(broker: TestBroker) {
    let inbox = Arc::new(Recorder::default());
    let controller = controller(&broker, &inbox);
    until(&mut controller.connected(), |connected| *connected).await;
    let answer = controller.request(&other_host(), Request::ObserveAll).await;
    assert!(matches!(answer, Err(LinkError::Offline(_))), "{answer:?}");
}

pub async fn a_killed_agent_is_seen_as_gone(broker: TestBroker) {
    let (inbox, journal) = (Arc::new(Recorder::default()), Arc::new(Journal::default()));
    let (controller, agent) = (Arc::new(controller(&broker, &inbox)), agent(&broker, &journal));
    until_online(&controller, true).await;
    journal.silent.store(true, Ordering::Relaxed);
    let asking = tokio::spawn({
        let controller = controller.clone();
        async move { controller.request(&host(), Request::ObserveAll).await }
    });
    // Its socket closes without a goodbye, as when its process is killed.
    drop(agent);
    until_online(&controller, false).await;
    let answer = asking.await.unwrap();
    assert!(matches!(answer, Err(LinkError::Offline(_))), "{answer:?}");
    inbox.until(|seen| seen.presence.last().is_some_and(|last| !last.online)).await;
}

pub async fn an_agent_that_says_goodbye_is_gone_and_may_come_back(broker: TestBroker) {
    let (inbox, journal) = (Arc::new(Recorder::default()), Arc::new(Journal::default()));
    let (controller, first) = (controller(&broker, &inbox), agent(&broker, &journal));
    until_online(&controller, true).await;
    first.shutdown().await;
    until_online(&controller, false).await;
    let _second = agent(&broker, &journal);
    until_online(&controller, true).await;
    controller.request(&host(), ports(1)).await.unwrap();
    controller.shutdown().await;
    assert!(matches!(controller.request(&host(), ports(1)).await, Err(LinkError::Broker(_))));
}

pub async fn both_ends_survive_a_restart_of_the_broker(mut broker: TestBroker) {
    let (inbox, journal) = (Arc::new(Recorder::default()), Arc::new(Journal::default()));
    let (controller, agent) = (controller(&broker, &inbox), agent(&broker, &journal));
    until_online(&controller, true).await;
    for _ in 0..20 {
        agent.publish_event(&journal.joined()).await;
    }
    inbox.until(|seen| seen.events.len() >= 20).await;

    broker.kill().await;
    until(&mut agent.connected(), |connected| !*connected).await;
    until(&mut controller.connected(), |connected| !*connected).await;
    assert!(matches!(controller.request(&host(), ports(1)).await, Err(LinkError::Broker(_))));
    for _ in 0..20 {
        agent.publish_event(&journal.joined()).await;
    }

    broker.start_again().await;
    until(&mut agent.connected(), |connected| *connected).await;
    for _ in 0..20 {
        agent.publish_event(&journal.joined()).await;
    }
    let seen = inbox.until(|seen| seen.events.len() >= 60).await;
    assert_eq!(seen.cursors(), one_to(60));
    let reply = controller.request(&host(), ports(7)).await.unwrap();
    assert_eq!(reply, Reply::Ports { free: vec![7] });
}

pub async fn a_cut_cable_loses_and_reorders_nothing(broker: TestBroker) {
    let (inbox, journal) = (Arc::new(Recorder::default()), Arc::new(Journal::default()));
    let controller = controller(&broker, &inbox);
    let cable = Cable::to(broker.addr()).await;
    let agent = agent_with(cable.through(broker.agent(&host())), &journal);
    until_online(&controller, true).await;
    for round in 1..=3 {
        for number in 0..100 {
            agent.publish_event(&journal.joined()).await;
            if number == 50 {
                cable.cut();
            }
        }
        let seen = inbox.until(|seen| seen.events.len() >= round * 100).await;
        assert_eq!(seen.cursors(), one_to(round as u64 * 100));
    }
    // Each request is carried out once, even if the broker delivers it twice.
    let reply = controller.request(&host(), ports(4)).await.unwrap();
    assert_eq!(reply, Reply::Ports { free: vec![4] });
    assert_eq!(journal.handled.load(Ordering::Relaxed), 1);
}

pub async fn a_host_whose_cable_goes_dead_is_seen_as_gone(broker: TestBroker) {
    let (inbox, journal) = (Arc::new(Recorder::default()), Arc::new(Journal::default()));
    let controller = controller(&broker, &inbox);
    let cable = Cable::to(broker.addr()).await;
    let mut config = cable.through(broker.agent(&host()));
    config.keep_alive = Duration::from_secs(1);
    let agent = agent_with(config, &journal);
    until_online(&controller, true).await;
    cable.die();
    until_online(&controller, false).await;
    until(&mut agent.connected(), |connected| !*connected).await;
    let missed = journal.joined();
    agent.publish_event(&missed).await;
    cable.cut();
    until_online(&controller, true).await;
    inbox.until(|seen| seen.events == [missed.clone()]).await;
}

pub async fn events_published_while_the_controller_is_away_are_caught_up(broker: TestBroker) {
    let (inbox, journal) = (Arc::new(Recorder::default()), Arc::new(Journal::default()));
    let agent = agent(&broker, &journal);
    until(&mut agent.connected(), |connected| *connected).await;
    // More than one answer holds, so that catching up takes several.
    for _ in 0..450 {
        agent.publish_event(&journal.joined()).await;
    }
    let first = controller(&broker, &inbox);
    inbox.until(|seen| seen.events.len() >= 450).await;
    first.shutdown().await;
    for _ in 0..50 {
        agent.publish_event(&journal.joined()).await;
    }
    let second = controller(&broker, &inbox);
    until_online(&second, true).await;
    for _ in 0..50 {
        agent.publish_event(&journal.joined()).await;
    }
    let seen = inbox.until(|seen| seen.events.len() >= 550).await;
    assert_eq!(seen.cursors(), one_to(550));
}

pub async fn events_that_the_inbox_cannot_take_are_offered_again(broker: TestBroker) {
    let (inbox, journal) = (Arc::new(Recorder::default()), Arc::new(Journal::default()));
    inbox.errors_left.store(3, Ordering::Relaxed);
    let (controller, agent) = (controller(&broker, &inbox), agent(&broker, &journal));
    until_online(&controller, true).await;
    for _ in 0..5 {
        agent.publish_event(&journal.joined()).await;
    }
    let seen = inbox.until(|seen| seen.events.len() >= 5).await;
    assert_eq!(seen.cursors(), one_to(5));
    assert_eq!(inbox.offered.load(Ordering::Relaxed), 8);
}

pub async fn events_that_do_not_fit_are_stepped_over(broker: TestBroker) {
    let (inbox, journal) = (Arc::new(Recorder::default()), Arc::new(Journal::default()));
    journal.joined();
    journal.add(EventKind::Joined { player: "x".repeat(65) });
    journal.joined();
    let agent = agent(&broker, &journal);
    let controller = controller(&broker, &inbox);
    inbox.until(|seen| seen.events.len() >= 2).await;
    let refused = journal.add(EventKind::Left { player: String::new() });
    agent.publish_event(&refused).await;
    agent.publish_event(&journal.joined()).await;
    let seen = inbox.until(|seen| seen.events.len() >= 3).await;
    assert_eq!(seen.cursors(), [1, 3, 5]);
    until_online(&controller, true).await;
}

/// What the link has refused since the last time, by reason. One recorder serves every test of a process, so
/// others may add to it.
fn refused() -> BTreeMap<String, u64> {
    static RECORDED: OnceLock<Snapshotter> = OnceLock::new();
    let recorded = RECORDED.get_or_init(|| {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        recorder.install().expect("no other recorder is there");
        snapshotter
    });
    let counters = recorded.snapshot().into_vec().into_iter();
    let refused = counters.filter(|(key, ..)| key.key().name() == "guildhall_link_refused_total");
    let counted = refused.filter_map(|(key, _, _, value)| match value {
        DebugValue::Counter(count) => Some((key.key().labels().next()?.value().to_owned(), count)),
        _ => None,
    });
    counted.collect()
}

/// Waits until so many have been refused, by reason.
async fn until_refused(wanted: &[(&str, u64)]) {
    let mut counted = BTreeMap::<String, u64>::new();
    let all = async {
        while !wanted.iter().all(|(reason, count)| counted.get(*reason).is_some_and(|seen| seen >= count)) {
            for (reason, count) in refused() {
                *counted.entry(reason).or_default() += count;
            }
            tokio::task::yield_now().await;
        }
    };
    let all = tokio::time::timeout(PATIENCE, all).await;
    all.unwrap_or_else(|_| panic!("not everything that was refused is counted: {counted:?}"));
}

pub async fn garbage_from_a_host_is_refused_and_nothing_stops(broker: TestBroker) {
    refused();
    let (inbox, journal) = (Arc::new(Recorder::default()), Arc::new(Journal::default()));
    let controller = controller(&broker, &inbox);
    let raw = Raw::connect(broker.agent(&host()), &[]).await;
    let here = br#"{"version":1,"host":"alpha","online":true,"since":"2026-01-01T00:00:00Z","agent":"raw"}"#;
    raw.say(&topic::presence(&host()), *here).await;
    until_online(&controller, true).await;

    let forged = serde_json::json!({ "version": 1, "host": "beta", "body": journal.joined() }).to_string();
    let old = serde_json::json!({ "version": 0, "host": "alpha", "body": journal.joined() }).to_string();
    for payload in
        [b"".to_vec(), b"{".to_vec(), vec![0xff; 100], vec![b'['; 100_000], forged.into(), old.into()]
    {
        raw.say(&topic::event(&host()), payload.clone()).await;
        raw.say(&topic::console(&host()), payload.clone()).await;
        raw.say(&topic::reply(&"main".parse().unwrap(), &host()), payload).await;
    }
    raw.say(&topic::presence(&host()), &b"{\"version\":1}"[..]).await;
    raw.say(&topic::event(&host()), vec![b' '; MAX_BYTES + 1]).await;
    // Events and console lines: four that are not JSON, one of another host, one of another version. Answers that
    // nobody has asked for, and the presence, are malformed as well.
    until_refused(&[("malformed", 2 * 4 + 6 + 1), ("host", 2), ("version", 2), ("oversized", 1)]).await;
    drop(raw);

    let agent = agent(&broker, &journal);
    agent.publish_console(console(10, "still here"));
    let seen = inbox.until(|seen| seen.events.len() >= 2 && !seen.consoles.is_empty()).await;
    assert_eq!(seen.cursors(), [1, 2]);
    assert_eq!(seen.consoles, [console(10, "still here")]);
}

pub async fn garbage_to_an_agent_is_answered_with_a_refusal(broker: TestBroker) {
    let journal = Arc::new(Journal::default());
    let agent = agent(&broker, &journal);
    until(&mut agent.connected(), |connected| *connected).await;
    let control = "main".parse().unwrap();
    let reply_to = topic::reply(&control, &host());
    let mut raw = Raw::connect(broker.control(), &topic::control_filters(&control)[..1]).await;
    let version = r#"{"version":2,"host":"alpha","body":{}}"#;
    let many = serde_json::json!({
        "version": 1, "host": "alpha", "body": { "request": "free_ports", "wanted": vec![1; 65], "count": 1 }
    });
    for (number, (payload, why)) in [
        ("nonsense".to_owned(), Refusal::Malformed),
        (version.to_owned(), Refusal::Version),
        (" ".repeat(MAX_BYTES + 1), Refusal::Malformed),
        (many.to_string(), Refusal::Malformed),
    ]
    .into_iter()
    .enumerate()
    {
        let properties = PublishProperties {
            response_topic: Some(reply_to.clone()),
            correlation_data: Some(vec![u8::try_from(number).unwrap()].into()),
            ..PublishProperties::default()
        };
        let options = PublishOptions::at_least_once().properties(properties);
        raw.client.publish(topic::request(&host()), payload, options).await.unwrap();
        let answer = raw.hear().await;
        assert_eq!(answer.topic, reply_to);
        let body: serde_json::Value = serde_json::from_slice(&answer.payload).unwrap();
        assert_eq!(body["body"]["why"], serde_json::to_value(why).unwrap(), "{body}");
    }
    assert_eq!(journal.handled.load(Ordering::Relaxed), 0);
}

pub async fn an_agent_of_another_version_is_not_used(broker: TestBroker) {
    let inbox = Arc::new(Recorder::default());
    let controller = controller(&broker, &inbox);
    let raw = Raw::connect(broker.agent(&host()), &[]).await;
    let newer =
        br#"{"version":2,"host":"alpha","online":true,"since":"2026-01-01T00:00:00Z","agent":"9.0.0"}"#;
    raw.say(&topic::presence(&host()), *newer).await;
    let seen = inbox.until(|seen| !seen.presence.is_empty()).await;
    let presence = &seen.presence[0];
    assert_eq!((presence.version, presence.online, presence.agent.as_str()), (2, false, "9.0.0"));
    assert!(matches!(controller.request(&host(), ports(1)).await, Err(LinkError::Offline(_))));
}

pub async fn a_late_will_does_not_hide_an_agent(broker: TestBroker) {
    let (inbox, journal) = (Arc::new(Recorder::default()), Arc::new(Journal::default()));
    let controller =
        controller_with(&broker, &inbox, |config| config.request_timeout = Duration::from_secs(1));
    let first = agent(&broker, &journal);
    until_online(&controller, true).await;
    // The second takes over the first one's session, whose will may be published at any time then.
    let second = agent(&broker, &journal);
    until(&mut second.connected(), |connected| *connected).await;
    drop(first);
    until(&mut second.connected(), |connected| *connected).await;
    until_online(&controller, true).await;
    let holds = tokio::time::timeout(PATIENCE, async {
        while controller.request(&host(), ports(3)).await.is_err() {
            tokio::task::yield_now().await;
        }
    });
    holds.await.expect("the second answers");
}

pub async fn consoles_arrive_and_gaps_are_told(broker: TestBroker) {
    let (inbox, journal) = (Arc::new(Recorder::default()), Arc::new(Journal::default()));
    let (controller, agent) = (controller(&broker, &inbox), agent(&broker, &journal));
    until_online(&controller, true).await;
    agent.publish_console(console(6, "first"));
    inbox.until(|seen| seen.consoles == [console(6, "first")]).await;

    // An inbox that takes nothing: more than every queue on the way holds.
    inbox.consoles_open.send_replace(false);
    let line = "x".repeat(4000);
    let lines = 2000u64;
    for number in 1..=lines {
        agent.publish_console(console(6 + number * 4001, &line));
        if number % 20 == 0 {
            tokio::task::yield_now().await;
        }
    }
    inbox.consoles_open.send_replace(true);
    let end = 6 + lines * 4001;
    let seen = inbox.until(|seen| seen.consoles.last().is_some_and(|last| last.chunk.next == end)).await;
    let (mut told, mut gaps) = (0, 0);
    for line in seen.consoles.iter().flat_map(|push| &push.chunk.lines) {
        match line {
            ConsoleLine::Output { text, .. } => told += text.len() as u64 + 1,
            ConsoleLine::Gap { bytes, .. } => gaps += bytes,
            ConsoleLine::Input { .. } => {}
        }
    }
    assert!(gaps > 0);
    assert_eq!(told + gaps, end);
}

pub async fn a_long_answer_is_cut_to_what_fits(broker: TestBroker) {
    let (inbox, journal) = (Arc::new(Recorder::default()), Arc::new(Journal::default()));
    for _ in 0..200 {
        journal.add(EventKind::Progress {
            phase: guildhall_link::message::Phase::Installing,
            step: "ü".repeat(500),
            done: 0,
            total: 1,
        });
    }
    for _ in 0..200 {
        let rung = guildhall_link::message::Rung::Command { line: "y".repeat(1000) };
        journal.add(EventKind::Exited {
            exit: guildhall_link::message::Exit {
                at: time::OffsetDateTime::UNIX_EPOCH,
                status: Some(0),
                signal: None,
                wanted: true,
                ladder: vec![rung; 16],
                took_ms: 1,
            },
            restart_in_ms: None,
            crashes: 0,
            output: vec!["z".repeat(200); 10],
        });
    }
    let _agent = agent(&broker, &journal);
    let _controller = controller(&broker, &inbox);
    let seen = inbox.until(|seen| seen.events.len() >= 400).await;
    assert_eq!(seen.cursors(), one_to(400));
}

pub async fn a_wrong_password_leaves_the_link_away(broker: TestBroker) {
    let mut config = broker.agent(&host());
    config.password = "wrong".to_owned().into();
    let journal = Arc::new(Journal::default());
    let link = HostLink::connect(config, host(), "1", journal.clone(), Arc::new(SystemClock)).unwrap();
    let inbox = Arc::new(Recorder::default());
    let controller = controller(&broker, &inbox);
    until(&mut controller.connected(), |connected| *connected).await;
    link.publish_event(&journal.joined()).await;
    assert!(!*link.connected().borrow());
    assert!(matches!(controller.request(&host(), ports(1)).await, Err(LinkError::Offline(_))));
}
