use std::sync::atomic::{AtomicU32, Ordering};

use guildhall_core::{Error, ManualClock, SessionId};
use uuid::Uuid;

use super::*;
use crate::message::{Want, tests::sample_recipe};

#[derive(Default)]
struct Recorder {
    events: Mutex<Vec<AgentEvent>>,
    errors_left: AtomicU32,
}

#[async_trait]
impl Inbox for Recorder {
    async fn cursor(&self, _: &HostId) -> u64 {
        self.events.lock().unwrap().last().map_or(0, |event| event.cursor)
    }

    async fn event(&self, _: &HostId, event: AgentEvent) -> Result<(), Error> {
        if self
            .errors_left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .is_ok()
        {
            return Err(Error::bug("not now"));
        }
        self.events.lock().unwrap().push(event);
        Ok(())
    }

    async fn console(&self, _: &HostId, _: ConsolePush) {}

    async fn presence(&self, _: Presence) {}
}

fn desired(server: u128, generation: u64, want: Want) -> Request {
    let session = (want == Want::Running).then(|| SessionId(Uuid::from_u128(9)));
    Request::Apply {
        desired: Box::new(Desired {
            tenant: "community".parse().unwrap(),
            server: ServerId(Uuid::from_u128(server)),
            name: "survival".into(),
            generation,
            want,
            session,
            recipe: sample_recipe(),
            variables: BTreeMap::new(),
            ports: BTreeMap::from([("game".to_owned(), 25565)]),
            address: "127.0.0.1".into(),
        }),
    }
}

fn agent() -> (SimulatedAgent, Arc<Recorder>, ServerId) {
    let agent = SimulatedAgent::new("local".parse().unwrap(), Arc::new(ManualClock::default()));
    let inbox = Arc::new(Recorder::default());
    agent.attach(inbox.clone());
    (agent, inbox, ServerId(Uuid::from_u128(1)))
}

async fn apply(agent: &SimulatedAgent, generation: u64, want: Want) -> Reply {
    agent.request(agent.host(), desired(1, generation, want)).await.unwrap()
}

fn phases(events: &[AgentEvent]) -> Vec<Phase> {
    let phase = |event: &AgentEvent| match event.kind {
        EventKind::Phase { phase } => Some(phase),
        _ => None,
    };
    events.iter().filter_map(phase).collect()
}

#[tokio::test]
async fn a_server_goes_its_whole_way_and_leaves_nothing() {
    let (agent, inbox, server) = agent();
    assert_eq!(apply(&agent, 1, Want::Running).await, Reply::Applied { generation: 1 });
    agent.until_phase(server, Phase::Ready).await;
    assert_eq!(apply(&agent, 1, Want::Running).await, Reply::Applied { generation: 1 });
    agent.until_idle().await;
    assert!(agent.join(server, "anna"));
    assert_eq!(agent.observed(server).unwrap().players.names, ["anna"]);
    apply(&agent, 2, Want::Stopped).await;
    agent.until_phase(server, Phase::Stopped).await;
    apply(&agent, 3, Want::Absent).await;
    agent.until(|agent| agent.observed(server).is_none()).await;
    agent.until_idle().await;

    let events = inbox.events.lock().unwrap().clone();
    assert_eq!(
        phases(&events),
        [Phase::Preparing, Phase::Installing, Phase::Starting, Phase::Ready, Phase::Stopping, Phase::Stopped]
    );
    assert_eq!(events.last().unwrap().kind, EventKind::Removed);
    assert!(events.iter().zip(1..).all(|(event, cursor)| event.cursor == cursor));
    let done = Effects { applied: 3, installs: 1, starts: 1, stops: 1, crashes: 0, removes: 1 };
    assert_eq!(agent.effects(server), done);
    assert_eq!(agent.leaks(), []);
}

#[tokio::test]
async fn an_older_generation_is_refused() {
    let (agent, _, server) = agent();
    apply(&agent, 5, Want::Running).await;
    let reply = apply(&agent, 4, Want::Stopped).await;
    assert!(matches!(reply, Reply::Refused { why: Refusal::OldGeneration, .. }), "{reply:?}");
    agent.until_phase(server, Phase::Ready).await;
    assert_eq!(agent.leaks(), [Leak { server, running: true, files: true }]);
}

#[tokio::test]
async fn scripted_faults_end_in_failed_and_a_new_generation_leaves_it() {
    let (agent, _, server) = agent();
    for (generation, fault, code) in [
        (1, Fault::Install, FailureCode::InstallFailed),
        (2, Fault::Start(FailureCode::PortTaken), FailureCode::PortTaken),
    ] {
        agent.set_fault(Some(fault));
        apply(&agent, generation, Want::Running).await;
        agent
            .until(|agent| {
                agent.observed(server).is_some_and(|seen| seen.failure.is_some_and(|f| f.code == code))
            })
            .await;
        assert_eq!(agent.observed(server).unwrap().phase, Phase::Failed);
    }
    agent.set_fault(Some(Fault::NeverReady));
    apply(&agent, 3, Want::Running).await;
    agent.until_phase(server, Phase::Starting).await;
    agent.until_idle().await;
    apply(&agent, 4, Want::Stopped).await;
    agent.until_phase(server, Phase::Stopped).await;
    assert!(agent.observed(server).unwrap().pid.is_none());
}

#[tokio::test]
async fn a_held_phase_is_entered_when_it_is_released() {
    let (agent, _, server) = agent();
    agent.hold_before(Phase::Ready);
    apply(&agent, 1, Want::Running).await;
    agent.until_idle().await;
    assert_eq!(agent.observed(server).unwrap().phase, Phase::Starting);
    agent.release();
    agent.until_phase(server, Phase::Ready).await;
}

#[tokio::test]
async fn a_crash_restarts_or_fails() {
    let (agent, inbox, server) = agent();
    apply(&agent, 1, Want::Running).await;
    agent.until_phase(server, Phase::Ready).await;
    assert!(agent.crash(server, true));
    agent.until(|agent| agent.effects(server).starts == 2).await;
    agent.until_phase(server, Phase::Ready).await;
    assert!(agent.crash(server, false));
    agent.until_idle().await;
    assert_eq!(agent.observed(server).unwrap().failure.unwrap().code, FailureCode::CrashedTooOften);
    let crashed = |event: &&AgentEvent| matches!(&event.kind, EventKind::Exited { exit, .. } if !exit.wanted);
    assert_eq!(inbox.events.lock().unwrap().iter().filter(crashed).count(), 2);
}

#[tokio::test]
async fn offline_it_answers_nobody_and_catches_up_later() {
    let (agent, inbox, server) = agent();
    apply(&agent, 1, Want::Running).await;
    agent.set_online(false);
    let refused = agent.request(agent.host(), Request::ObserveAll).await;
    assert!(matches!(refused, Err(LinkError::Offline(_))));
    agent.until_phase(server, Phase::Ready).await;
    inbox.errors_left.store(3, Ordering::Relaxed);
    agent.set_online(true);
    agent.until_idle().await;
    assert_eq!(*inbox.events.lock().unwrap(), agent.journal());
}

#[tokio::test]
async fn a_lost_reply_still_had_its_effect() {
    let (agent, _, server) = agent();
    agent.lose_replies(1);
    let lost = agent.request(agent.host(), desired(1, 1, Want::Running)).await;
    assert!(matches!(lost, Err(LinkError::Timeout(..))));
    agent.until_phase(server, Phase::Ready).await;
    apply(&agent, 1, Want::Running).await;
    agent.until_idle().await;
    assert_eq!(agent.effects(server).starts, 1);
}

#[tokio::test]
async fn free_ports_skip_what_is_taken() {
    let (agent, _, _) = agent();
    apply(&agent, 1, Want::Running).await;
    agent.until_idle().await;
    agent.take_port(25566);
    let request = Request::FreePorts { wanted: vec![25565, 25566, 25567], count: 2 };
    let reply = agent.request(agent.host(), request).await.unwrap();
    assert_eq!(reply, Reply::Ports { free: vec![25567, 25568] });
}
