//! A community in the stand-in Discord, with the face running for it.

use std::{sync::Arc, time::Duration};

use guildhall_core::{
    Clock, SystemClock,
    fault::Faults,
    upstream::{Policy, Upstream},
};
use guildhall_discord::{Community, Discord, DiscordConfig, GatewayConfig, GatewayState, Post};
use guildhall_guilds::{DiscordGuilds, GuildsConfig};
use guildhall_sim::{App, ChannelId, Guild, Permissions, Sim, SimConfig, User};
use secrecy::SecretString;
use tokio::{sync::oneshot, task::JoinHandle};

use crate::{
    stage::{Audit, Book, Log, Props, Set, put_up, serve, tenant},
    toys::Toys,
};

pub const SOON: Duration = Duration::from_secs(20);

pub struct Town {
    pub sim: Sim,
    pub app: App,
    pub guild: Guild,
    pub general: ChannelId,
    pub olive: User,
    pub anna: User,
    pub face: Arc<Discord>,
    pub post: Arc<Post>,
    pub toys: Arc<Toys>,
    pub log: Arc<Log>,
    pub set: Arc<Set>,
    pub audit: Arc<Audit>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Town {
    pub async fn build(gateway: bool) -> Self {
        Self::build_with(gateway, |_, _| {}).await
    }

    pub async fn build_with(gateway: bool, change: impl FnOnce(&App, &mut DiscordConfig)) -> Self {
        let sim = Sim::start(SimConfig::default()).await.unwrap();
        let olive = sim.user("olive");
        let guild = sim.guild("Meadow", &olive);
        let general = guild.channel("general");
        let staff = guild.role("staff", Permissions::ADMINISTRATOR);
        guild.join(&olive, &[staff]);
        let anna = sim.user("anna");
        guild.join(&anna, &[]);
        let app = sim.application("Guildhall", &olive);
        guild.install(&app);

        let mut config = DiscordConfig::new(app.id().0, app.public_key(), SecretString::from(app.token()));
        config.api_url = sim.rest_base();
        config.gateway = gateway.then(GatewayConfig::default);
        let guild_id = guild.id().0;
        config.communities = vec![Community { tenant: tenant(), guild_id, announce_channel: general.0 }];
        change(&app, &mut config);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let upstream = Upstream::new("discord", Policy::default(), clock.clone(), Faults::new(clock.clone()));
        config.upstream = Some(upstream.clone());
        let mut directory = GuildsConfig::new(app.id().0, SecretString::from(app.token()));
        directory.api_url = sim.rest_base();
        directory.communities = vec![(tenant(), guild_id)];
        directory.open = config.open;
        let guilds = DiscordGuilds::new(directory, upstream, clock.clone()).unwrap();
        let (log, book) = (Arc::new(Log::new(clock.clone())), Arc::new(Book::default()));
        let (audit, toys) = (Arc::new(Audit::default()), Arc::new(Toys::default()));
        let set = Arc::new(Set::default());
        let guilds = Some(guilds);
        let props = Props { audit: &audit, toys: &toys, log: &log, book: &book, set: &set, guilds };
        let (face, post) = put_up(&config, clock, &props);
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(face.clone().run(async move {
            let _ = stopped.await;
        }));
        let town =
            Self { sim, app, guild, general, olive, anna, face, post, toys, log, set, audit, stop, running };
        if gateway {
            let mut state = town.face.gateway();
            let ready = state.wait_for(|state| *state == GatewayState::Ready);
            tokio::time::timeout(SOON, ready).await.expect("the gateway is connected").unwrap();
        } else {
            let base = serve(&town.face).await;
            town.app.set_interactions_url(Some(&format!("{base}/interactions"))).await.unwrap();
        }
        town.app.wait_for_command("toy make", SOON).await.unwrap();
        town
    }

    pub async fn leave(self) {
        let _ = self.stop.send(());
        tokio::time::timeout(SOON, self.running).await.expect("the face ends").unwrap();
        self.sim.shutdown().await;
    }
}
