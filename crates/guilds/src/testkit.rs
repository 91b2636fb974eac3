//! What the tests of this crate share: a directory without a Discord behind it, and a listener that remembers.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use guildhall_core::{
    Clock, SystemClock, TenantId,
    fault::Faults,
    guild::{GuildEvent, GuildListener},
    upstream::{Policy, Upstream},
};
use serde_json::{Value, value::RawValue};
use tokio::sync::watch;

use crate::{DiscordGuilds, GuildsConfig};

pub(crate) const ME: u64 = 900;
pub(crate) const GUILD: u64 = 700 << 22;

/// A directory whose REST interface nobody answers at, so that whatever it knows it knows from frames.
pub(crate) fn directory(change: impl FnOnce(&mut GuildsConfig)) -> Arc<DiscordGuilds> {
    let mut config = GuildsConfig::new(ME, "token".into());
    config.api_url = "http://127.0.0.1:9".to_owned();
    config.open = true;
    change(&mut config);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let policy = Policy { attempts: 1, ..Policy::default() };
    let upstream = Upstream::new("discord", policy, clock.clone(), Faults::new(clock.clone()));
    DiscordGuilds::new(config, upstream, clock).unwrap()
}

pub(crate) fn tenant(guild: u64) -> TenantId {
    guild.to_string().parse().unwrap()
}

impl DiscordGuilds {
    pub(crate) fn told(&self, kind: &str, payload: &Value) {
        self.frame(0, kind, &RawValue::from_string(payload.to_string()).unwrap());
    }
}

/// Remembers everything it hears.
pub(crate) struct Recorder {
    name: &'static str,
    heard: watch::Sender<Vec<(TenantId, GuildEvent)>>,
}

impl Recorder {
    pub(crate) fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self { name, heard: watch::channel(Vec::new()).0 })
    }

    /// The first `count` events it hears.
    pub(crate) async fn heard(&self, count: usize) -> Vec<(TenantId, GuildEvent)> {
        let mut heard = self.heard.subscribe();
        let wait = heard.wait_for(|heard| heard.len() >= count);
        let result = tokio::time::timeout(Duration::from_secs(20), wait).await;
        result.expect("so many events come").expect("the recorder is there").clone()
    }

    /// The kinds of the first `count` events.
    pub(crate) async fn kinds(&self, count: usize) -> Vec<&'static str> {
        self.heard(count).await.iter().map(|(_, event)| event.kind()).collect()
    }
}

#[async_trait]
impl GuildListener for Recorder {
    fn name(&self) -> &'static str {
        self.name
    }

    fn wants(&self, _: &str) -> bool {
        true
    }

    async fn notice(&self, tenant: &TenantId, event: &GuildEvent) {
        self.heard.send_modify(|heard| heard.push((tenant.clone(), event.clone())));
    }
}

/// Delivers events as long as it is there.
pub(crate) struct Running(tokio::task::JoinHandle<()>);

impl Running {
    pub(crate) fn start(guilds: &Arc<DiscordGuilds>) -> Self {
        Self(tokio::spawn(guilds.clone().run(std::future::pending())))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}
