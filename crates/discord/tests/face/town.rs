//! A community in the stand-in Discord, with the face running for it.

use std::{sync::Arc, time::Duration};

use guildhall_core::{
    Clock, SystemClock,
    fault::Faults,
    upstream::{Policy, Upstream},
};
use guildhall_discord::{Community, Discord, DiscordConfig, GatewayConfig, GatewayState, Post};
use guildhall_guilds::{DiscordGuilds, GuildsConfig};
use guildhall_sim::{App, ChannelId, Exchange, Guild, Permissions, Sim, SimConfig, User};
use secrecy::SecretString;
use tokio::{sync::oneshot, task::JoinHandle};

use crate::{
    conformance,
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
    pub guilds: Arc<DiscordGuilds>,
    /// What is between the face and Discord, and the faults that may be put there.
    pub upstream: Upstream,
    pub faults: Faults,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Town {
    pub async fn build(gateway: bool) -> Self {
        Self::build_with(gateway, |_, _, _| {}).await
    }

    pub async fn build_with(gateway: bool, change: impl FnOnce(&Sim, &App, &mut DiscordConfig)) -> Self {
        Self::build_by(Arc::new(SystemClock), gateway, change).await
    }

    /// The same, by a clock other than the machine's.
    pub async fn build_by(
        clock: Arc<dyn Clock>,
        gateway: bool,
        change: impl FnOnce(&Sim, &App, &mut DiscordConfig),
    ) -> Self {
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
        change(&sim, &app, &mut config);
        let faults = Faults::new(clock.clone());
        let upstream = Upstream::new("discord", Policy::default(), clock.clone(), faults.clone());
        config.upstream = Some(upstream.clone());
        let mut directory = GuildsConfig::new(app.id().0, SecretString::from(app.token()));
        directory.api_url = sim.rest_base();
        directory.communities = vec![(tenant(), guild_id)];
        directory.open = config.open;
        let guilds = DiscordGuilds::new(directory, upstream.clone(), clock.clone()).unwrap();
        let (log, book) = (Arc::new(Log::new(clock.clone())), Arc::new(Book::default()));
        let (audit, toys) = (Arc::new(Audit::default()), Arc::new(Toys::default()));
        let set = Arc::new(Set::default());
        let known = Some(guilds.clone());
        let props = Props {
            audit: &audit,
            toys: &toys,
            log: &log,
            book: &book,
            set: &set,
            guilds: known,
            more: false,
        };
        let (face, post) = put_up(&config, clock, &props);
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(face.clone().run(async move {
            let _ = stopped.await;
        }));
        let town = Self {
            sim,
            app,
            guild,
            general,
            olive,
            anna,
            face,
            post,
            toys,
            log,
            set,
            audit,
            guilds,
            upstream,
            faults,
            stop,
            running,
        };
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

    /// Waits until a slow operation has begun.
    pub async fn begun(&self) {
        tokio::time::timeout(SOON, self.toys.begun.acquire()).await.expect("it begins").unwrap().forget();
    }

    /// Waits until the stand-in has written down an exchange like this.
    pub async fn exchanged(&self, wanted: impl Fn(&Exchange) -> bool) -> Exchange {
        let come = async {
            loop {
                match self.sim.log().into_iter().find(&wanted) {
                    Some(exchange) => return exchange,
                    None => tokio::task::yield_now().await,
                }
            }
        };
        tokio::time::timeout(SOON, come).await.expect("an exchange")
    }

    pub async fn leave(self) {
        self.leave_after(&[]).await;
    }

    /// The same where Discord has refused something on purpose, with one of these codes.
    pub async fn leave_after(self, refused: &[u64]) {
        let _ = self.stop.send(());
        tokio::time::timeout(SOON, self.running).await.expect("the face ends").unwrap();
        conformance::assert_conformance(&self.sim, refused);
        self.sim.shutdown().await;
    }
}
