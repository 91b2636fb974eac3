//! A community on the stand-in, the directory that serves it, and a gateway connection that feeds it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::{SinkExt, StreamExt};
use guildhall_core::{
    Clock, Error, SystemClock, TenantId,
    fault::Faults,
    guild::{GuildEvent, GuildListener, UserId},
    upstream::{Policy, Upstream},
};
use guildhall_guilds::{DiscordGuilds, GuildsConfig};
use guildhall_sim::{App, ChannelId, Guild, Permissions, Sim, SimConfig, User};
use serde_json::{Value, json, value::RawValue};
use tokio::{sync::watch, task::JoinHandle};
use tokio_tungstenite::{connect_async, tungstenite::Message};
use twilight_model::gateway::Intents;

pub const SOON: Duration = Duration::from_secs(30);

/// A guild with an owner, a member, a channel and the bot.
pub struct Stage {
    pub sim: Sim,
    pub guild: Guild,
    pub olive: User,
    pub anna: User,
    pub general: ChannelId,
    pub app: App,
    pub faults: Faults,
    pub guilds: Arc<DiscordGuilds>,
}

impl Stage {
    pub async fn new() -> Self {
        Self::with(Permissions::BOT).await
    }

    /// The bot has exactly these permissions.
    pub async fn with(permissions: Permissions) -> Self {
        let sim = Sim::start(SimConfig::default()).await.expect("the stand-in starts");
        let (olive, anna) = (sim.user("olive"), sim.user("anna"));
        let guild = sim.guild("Community", &olive);
        let general = guild.channel("general");
        guild.join(&anna, &[]);
        let app = sim.application("Guildhall", &olive);
        guild.install_with(&app, permissions);
        let mut config = GuildsConfig::new(app.id().0, app.token().into());
        config.api_url = sim.rest_base();
        config.open = true;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let faults = Faults::new(clock.clone());
        let pause = Duration::from_millis(1);
        let policy = Policy { pause, longest: Duration::from_millis(200), ..Policy::default() };
        let upstream = Upstream::new("discord", policy, clock.clone(), faults.clone());
        let guilds = DiscordGuilds::new(config, upstream, clock).expect("the directory is made");
        Self { sim, guild, olive, anna, general, app, faults, guilds }
    }

    pub fn tenant(&self) -> TenantId {
        self.guild.id().0.to_string().parse().expect("a snowflake is a tenant")
    }

    /// The paths of all requests with this method.
    pub fn requests(&self, method: &str) -> Vec<String> {
        let all = self.sim.log();
        all.iter().filter(|one| one.method == method).map(|one| one.path.clone()).collect()
    }

    /// Connects the gateway with what the directory wants. Returns once the guild is told.
    pub async fn connect(&self) -> Fed {
        let intents = self.guilds.intents();
        self.app.grant_intents(u64::MAX);
        let (mut socket, _) = connect_async(format!("{}/?v=10&encoding=json", self.sim.gateway_url()))
            .await
            .expect("a gateway");
        let identify = json!({"op": 2, "d": {
            "token": self.app.token(), "intents": intents.bits(), "properties": {}, "shard": [0, 1],
        }});
        socket.send(Message::text(identify.to_string())).await.expect("sent");
        let guilds = self.guilds.clone();
        let (told, mut known) = watch::channel(0_u64);
        let feeding = tokio::spawn(async move {
            while let Some(Ok(message)) = socket.next().await {
                let Message::Text(text) = message else { continue };
                let frame: Value = serde_json::from_str(&text).expect("JSON");
                if let Some(kind) = frame["t"].as_str() {
                    let payload = RawValue::from_string(frame["d"].to_string()).expect("JSON");
                    guilds.frame(0, kind, &payload);
                    if kind == "READY" {
                        guilds.connected(intents);
                    }
                    let guild = kind == "GUILD_CREATE";
                    told.send_modify(|told| *told += u64::from(guild));
                }
            }
        });
        let wait = known.wait_for(|guilds| *guilds > 0);
        tokio::time::timeout(SOON, wait).await.expect("the guild is told").expect("the gateway is open");
        Fed { feeding, intents }
    }
}

pub fn user(user: &User) -> UserId {
    UserId(user.id().0)
}

pub fn channel(channel: ChannelId) -> guildhall_core::guild::ChannelId {
    guildhall_core::guild::ChannelId(channel.0)
}

pub fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    result.expect_err("it is refused").code
}

/// A connection that feeds the directory as long as it is there.
pub struct Fed {
    feeding: JoinHandle<()>,
    pub intents: Intents,
}

impl Drop for Fed {
    fn drop(&mut self) {
        self.feeding.abort();
    }
}

/// Hears everything.
pub struct Ear(watch::Sender<Vec<GuildEvent>>);

impl Ear {
    /// Listens, and lets events be delivered as long as the task is there.
    pub fn on(stage: &Stage) -> (Arc<Self>, JoinHandle<()>) {
        let ear = Arc::new(Self(watch::channel(Vec::new()).0));
        stage.guilds.listen(ear.clone());
        (ear, tokio::spawn(stage.guilds.clone().run(std::future::pending())))
    }

    /// So many events of a kind.
    pub async fn hears_often(&self, kind: &str, count: usize) {
        let mut heard = self.0.subscribe();
        let often = |all: &Vec<GuildEvent>| all.iter().filter(|event| event.kind() == kind).count() >= count;
        let wait = tokio::time::timeout(SOON, heard.wait_for(often)).await;
        drop(wait.expect("it is heard in time").expect("the ear is there"));
    }

    /// The first event that fits.
    pub async fn hears<T>(&self, mut fits: impl FnMut(&GuildEvent) -> Option<T>) -> T {
        let mut heard = self.0.subscribe();
        let wait = async {
            loop {
                let found = heard.borrow_and_update().iter().find_map(&mut fits);
                match found {
                    Some(found) => return found,
                    None => heard.changed().await.expect("the ear is there"),
                }
            }
        };
        tokio::time::timeout(SOON, wait).await.expect("it is heard in time")
    }
}

#[async_trait]
impl GuildListener for Ear {
    fn name(&self) -> &'static str {
        "ear"
    }

    fn wants(&self, _: &str) -> bool {
        true
    }

    async fn notice(&self, _: &TenantId, event: &GuildEvent) {
        self.0.send_modify(|heard| heard.push(event.clone()));
    }
}
