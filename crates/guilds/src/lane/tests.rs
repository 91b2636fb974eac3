use std::time::Duration;

use async_trait::async_trait;
use guildhall_core::guild::{ChannelId, MessageId, RoleId};
use tokio::sync::Semaphore;

use super::*;
use crate::testkit::{Recorder, Running, directory, tenant};

/// Goes on with an event only when it is let.
struct Slow {
    gate: Semaphore,
    begun: watch::Sender<usize>,
    heard: Mutex<Vec<u64>>,
}

impl Slow {
    fn new() -> Arc<Self> {
        Arc::new(Self { gate: Semaphore::new(0), begun: watch::channel(0).0, heard: Mutex::default() })
    }

    async fn has_begun(&self, count: usize) {
        let mut begun = self.begun.subscribe();
        let wait = begun.wait_for(|begun| *begun >= count);
        tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it begins").expect("it is there");
    }
}

fn number(event: &GuildEvent) -> u64 {
    match event {
        GuildEvent::MessagesDeleted { messages, .. } => messages[0].0,
        other => panic!("{other:?}"),
    }
}

#[async_trait]
impl GuildListener for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn wants(&self, kind: &str) -> bool {
        kind == "messages_deleted"
    }

    async fn notice(&self, _: &TenantId, event: &GuildEvent) {
        self.begun.send_modify(|begun| *begun += 1);
        self.gate.acquire().await.unwrap().forget();
        self.heard.lock().unwrap().push(number(event));
        self.begun.send_modify(|_| {});
    }
}

fn gone(message: u64) -> What {
    let messages = vec![MessageId(message)];
    What::Known(GuildEvent::MessagesDeleted { channel: ChannelId(1), messages, known: Vec::new() })
}

#[tokio::test]
async fn a_slow_listener_loses_the_oldest_which_is_counted_and_holds_nobody_up() {
    let guilds = directory(|config| config.queue = 3);
    let (slow, quick) = (Slow::new(), Recorder::new("quick"));
    guilds.listen(slow.clone());
    guilds.listen(quick.clone());
    let _running = Running::start(&guilds);
    for message in 1..=10 {
        guilds.listeners.tell(tenant(1), 1, gone(message));
        quick.heard(usize::try_from(message).unwrap()).await;
        slow.has_begun(1).await;
    }
    assert_eq!(guilds.lost(), 6, "one is being heard, and three wait");
    slow.gate.add_permits(10);
    slow.has_begun(4).await;
    let mut begun = slow.begun.subscribe();
    let all = begun.wait_for(|_| slow.heard.lock().unwrap().len() == 4);
    tokio::time::timeout(Duration::from_secs(20), all).await.expect("all is heard").unwrap();
    assert_eq!(*slow.heard.lock().unwrap(), [1, 8, 9, 10], "in order, and the newest are kept");
    let numbers: Vec<_> = quick.heard(10).await.iter().map(|(_, event)| number(event)).collect();
    assert_eq!(numbers, (1..=10).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_busy_guild_does_not_hold_up_the_guilds_of_other_lanes() {
    let guilds = directory(|_| {});
    let slow = Slow::new();
    guilds.listen(slow.clone());
    let _running = Running::start(&guilds);
    guilds.listeners.tell(tenant(1 << 22), 1 << 22, gone(1));
    slow.has_begun(1).await;
    guilds.listeners.tell(tenant(2 << 22), 2 << 22, gone(2));
    slow.has_begun(2).await;
    assert!(slow.heard.lock().unwrap().is_empty(), "neither is done");
}

/// Breaks on everything but its last event.
struct Broken(Arc<Recorder>);

#[async_trait]
impl GuildListener for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn wants(&self, kind: &str) -> bool {
        kind == "role_deleted"
    }

    async fn notice(&self, tenant: &TenantId, event: &GuildEvent) {
        let GuildEvent::RoleDeleted { role, .. } = event else { return };
        assert!(role.0 > 2, "a fault of the listener");
        self.0.notice(tenant, event).await;
    }
}

#[tokio::test]
async fn a_listener_that_breaks_hears_the_next_event() {
    let guilds = directory(|_| {});
    let recorder = Recorder::new("recorder");
    let _running = Running::start(&guilds);
    // Somebody who comes later hears too.
    guilds.listen(Arc::new(Broken(recorder.clone())));
    for role in 1..=3 {
        guilds.listeners.tell(
            tenant(1),
            1,
            What::Known(GuildEvent::RoleDeleted { role: RoleId(role), before: None }),
        );
    }
    assert_eq!(recorder.heard(1).await.len(), 1);
}

#[tokio::test]
async fn what_waits_at_the_end_is_still_delivered() {
    let guilds = directory(|_| {});
    let recorder = Recorder::new("recorder");
    guilds.listen(recorder.clone());
    for message in 1..=100 {
        guilds.listeners.tell(tenant(1), 1, gone(message));
    }
    guilds.clone().run(std::future::ready(())).await;
    assert_eq!(recorder.heard(100).await.len(), 100);
    assert_eq!(guilds.lost(), 0);
}

#[test]
fn every_kind_of_event_has_a_bit_of_its_own() {
    let bits: std::collections::HashSet<u32> = KINDS.iter().map(|kind| bit(kind)).collect();
    assert_eq!(bits.len(), KINDS.len());
    assert_eq!(bit("something else"), 0);
}
