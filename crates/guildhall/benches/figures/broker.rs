//! A line that a game writes, through shim, agent and the embedded broker, to whoever watches at the control
//! plane.

use std::{
    fs::OpenOptions,
    io::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use guildhall_agent::{AgentConfig, Settings, ShimCommand};
use guildhall_broker::{Broker, BrokerConfig, User};
use guildhall_core::{HostId, ServerId, SystemClock};
use guildhall_link::{
    Agents as _, Controller, ControllerConfig, Inbox, MqttConfig,
    message::{AgentEvent, ConsoleLine, ConsolePush, EventKind, Presence, Request, Want},
    topic::{self, Access, ControlId},
};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{
    agent::{desired, program},
    process::Room,
};

const LINES: usize = 1_000;
const PATIENCE: Duration = Duration::from_secs(60);

/// The control plane's end: events as they are known, lines with the moment they came.
struct Subscriber {
    events: watch::Sender<Vec<AgentEvent>>,
    lines: mpsc::UnboundedSender<(String, Instant)>,
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
        let came = Instant::now();
        for line in push.chunk.lines {
            if let ConsoleLine::Output { text, .. } = line {
                // Nobody listens any more once everything was measured.
                let _ = self.lines.send((text, came));
            }
        }
    }

    async fn presence(&self, _: Presence) {}
}

impl Subscriber {
    async fn told(&self, wanted: impl Fn(&EventKind) -> bool) {
        let mut events = self.events.subscribe();
        let seen = events.wait_for(|events| events.iter().any(|event| wanted(&event.kind)));
        drop(timeout(PATIENCE, seen).await.expect("the agent tells of it").expect("the subscriber lives"));
    }
}

fn host() -> HostId {
    "local".parse().expect("a name")
}

fn password(user: &str) -> String {
    format!("{user}-secret")
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
    Broker::start(BrokerConfig::new(([127, 0, 0, 1], 0).into(), users.into())).await.expect("the broker")
}

/// Measures and prints it.
pub async fn measure() {
    let room = Room::new();
    let data = room.path().join("data");
    let broker = start_broker().await;
    let address: url::Url = format!("mqtt://{}", broker.addr()).parse().expect("an address");
    let mqtt = |user: String| MqttConfig::new(address.clone(), user.clone(), password(&user).into());

    let stop = CancellationToken::new();
    let mut config = AgentConfig::new(host(), data.clone(), mqtt(topic::host_user(&host())));
    config.settings = Settings {
        shim: ShimCommand { program: program(), arguments: vec!["shim".into()] },
        ..Settings::default()
    };
    let agent = tokio::spawn(guildhall_agent::run(config, stop.clone()));

    let (sender, mut lines) = mpsc::unbounded_channel();
    let subscriber = Arc::new(Subscriber { events: watch::Sender::default(), lines: sender });
    let control = ControlId::default();
    let config = ControllerConfig::new(mqtt(topic::control_user(&control)), control);
    let controller =
        Controller::connect(config, subscriber.clone(), Arc::new(SystemClock)).expect("a controller");
    let mut hosts = controller.hosts();
    let here = hosts.wait_for(|hosts| hosts.get(&host()).is_some_and(|seen| seen.online));
    drop(timeout(PATIENCE, here).await.expect("the agent connects").expect("the controller lives"));

    // The game repeats what comes out of a pipe, so that the line is written here, with nobody in between.
    let server = ServerId(uuid::Uuid::now_v7());
    let game = |want, generation| {
        let script = "mkfifo -m 666 words; echo ready; exec cat words";
        Request::Apply { desired: Box::new(desired(server, 29_200, script, want, generation)) }
    };
    controller.request(&host(), game(Want::Running, 1)).await.expect("the agent takes it");
    subscriber.told(|kind| matches!(kind, EventKind::Ready { .. })).await;
    let watching = Request::WatchConsole { server, seconds: 300 };
    controller.request(&host(), watching).await.expect("the agent takes it");
    let pipe = data.join("files").join(server.to_string()).join("words");
    let mut words = OpenOptions::new().write(true).open(pipe).expect("the game's pipe");
    let mut took = Vec::with_capacity(LINES);
    for number in 0..LINES {
        let wanted = format!("line {number}");
        let written = Instant::now();
        writeln!(words, "{wanted}").expect("the game reads");
        let came = loop {
            let (line, came) =
                timeout(PATIENCE, lines.recv()).await.expect("the line comes").expect("the inbox lives");
            if line == wanted {
                break came;
            }
        };
        took.push(came.duration_since(written));
    }
    took.sort_unstable();
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize];
    println!("console, game → shim → agent → embedded broker → subscriber at the control plane");
    println!(
        "  a line                 p50 {:.2?}   p99 {:.2?}   ({LINES} lines, one at a time)",
        at(0.5),
        at(0.99)
    );

    controller.request(&host(), game(Want::Absent, 2)).await.expect("the agent takes it");
    subscriber.told(|kind| matches!(kind, EventKind::Removed)).await;
    controller.shutdown().await;
    stop.cancel();
    agent.await.expect("the agent does not panic").expect("the agent ends in order");
    broker.shutdown().await;
}
