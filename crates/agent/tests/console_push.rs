//! The way of a console line from a game to whoever watches at the control plane, through the embedded broker.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::{fs::OpenOptions, io::Write as _, os::unix::fs::PermissionsExt as _, sync::Arc};

use async_trait::async_trait;
use common::*;
use guildhall_agent::AgentConfig;
use guildhall_broker::{Broker, BrokerConfig, User};
use guildhall_core::{HostId, SystemClock};
use guildhall_link::{
    Agents as _, Controller, ControllerConfig, Inbox, MqttConfig,
    message::{AgentEvent, ConsoleLine, ConsolePush, EventKind, Presence, Reply, Request, Want},
    topic::{self, Access, ControlId},
};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

fn host() -> HostId {
    "local".parse().unwrap()
}

fn password(user: &str) -> String {
    format!("{user}-secret")
}

/// The control plane's end: events as they are known, console lines as they come.
struct Subscriber {
    events: watch::Sender<Vec<AgentEvent>>,
    lines: mpsc::UnboundedSender<String>,
}

#[async_trait]
impl Inbox for Subscriber {
    async fn cursor(&self, _: &HostId) -> u64 {
        self.events.borrow().last().map_or(0, |event| event.cursor)
    }

    async fn event(&self, _: &HostId, event: AgentEvent) -> Result<(), guildhall_core::Error> {
        self.events.send_modify(|events| events.push(event));
        Ok(())
    }

    async fn console(&self, _: &HostId, push: ConsolePush) {
        for line in push.chunk.lines {
            if let ConsoleLine::Output { text, .. } = line {
                self.lines.send(text).unwrap();
            }
        }
    }

    async fn presence(&self, _: Presence) {}
}

impl Subscriber {
    async fn told(&self, wanted: impl Fn(&EventKind) -> bool) {
        let mut events = self.events.subscribe();
        let seen = events.wait_for(|events| events.iter().any(|event| wanted(&event.kind)));
        tokio::time::timeout(LONG, seen).await.unwrap().unwrap();
    }
}

async fn start_broker() -> Broker {
    let user = |access: Access| User {
        password: password(&access.user).into(),
        name: access.user,
        may_publish: access.publish,
        may_subscribe: access.subscribe,
        may_retain: access.retain,
    };
    let users = [topic::host_access(&host()), topic::control_access(&ControlId::default())].map(user);
    Broker::start(BrokerConfig::new(([127, 0, 0, 1], 0).into(), users.into())).await.unwrap()
}

#[tokio::test]
async fn a_line_that_a_game_writes_comes_to_who_watches_through_the_embedded_broker() {
    let folder = tempfile::tempdir().unwrap();
    let data = data(&folder);
    let _games = EndGames(&data);
    let broker = start_broker().await;
    let address: url::Url = format!("mqtt://{}", broker.addr()).parse().unwrap();
    let mqtt = |user: String| MqttConfig::new(address.clone(), user.clone(), password(&user).into());

    let stop = CancellationToken::new();
    let mut config = AgentConfig::new(host(), data.clone(), mqtt(topic::host_user(&host())));
    config.settings = settings();
    let agent = tokio::spawn(guildhall_agent::run(config, stop.clone()));

    let (sender, mut lines) = mpsc::unbounded_channel();
    let subscriber = Arc::new(Subscriber { events: watch::Sender::default(), lines: sender });
    let control = ControlId::default();
    let config = ControllerConfig::new(mqtt(topic::control_user(&control)), control);
    let controller = Controller::connect(config, subscriber.clone(), Arc::new(SystemClock)).unwrap();
    let mut hosts = controller.hosts();
    let here = hosts.wait_for(|hosts| hosts.get(&host()).is_some_and(|seen| seen.online));
    drop(tokio::time::timeout(LONG, here).await.unwrap().unwrap());

    // The game writes what comes out of a pipe, so that the test writes the line and nobody else is in between.
    let mut desired =
        game("mkfifo -m 666 words; echo ready; exec cat words", "[stop]\nsignal = \"SIGTERM\"\n");
    let apply = Request::Apply { desired: Box::new(desired.clone()) };
    assert_eq!(controller.request(&host(), apply).await.unwrap(), Reply::Applied { generation: 1 });
    subscriber.told(|kind| matches!(kind, EventKind::Ready { .. })).await;
    let watching = Request::WatchConsole { server: desired.server, seconds: 300 };
    assert_eq!(controller.request(&host(), watching).await.unwrap(), Reply::Done);

    let files = data.join("files").join(desired.server.to_string());
    assert_eq!(files.join("words").metadata().unwrap().permissions().mode() & 0o777, 0o666);
    let mut words = OpenOptions::new().write(true).open(files.join("words")).unwrap();
    for number in 0..200 {
        writeln!(words, "line {number}").unwrap();
        loop {
            let line = tokio::time::timeout(LONG, lines.recv()).await.unwrap().unwrap();
            // What was there before somebody watched may come, too.
            if line != "ready" {
                assert_eq!(line, format!("line {number}"), "each line once, and in order");
                break;
            }
        }
    }

    (desired.want, desired.generation) = (Want::Stopped, 2);
    controller.request(&host(), Request::Apply { desired: Box::new(desired) }).await.unwrap();
    subscriber.told(|kind| matches!(kind, EventKind::Exited { exit, .. } if exit.wanted)).await;
    controller.shutdown().await;
    stop.cancel();
    agent.await.unwrap().unwrap();
    broker.shutdown().await;
}
