//! The face as a whole: put together, served, and run.

use std::{collections::HashSet, future::Future, sync::Arc};

use axum::Router;
use guildhall_core::{
    Catalogue, Clock, EventLog, notebook::Notebook, permission::Ranking, setting::Settings,
};
use guildhall_guilds::DiscordGuilds;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use twilight_model::application::command::Command;

use crate::{
    config::{DiscordConfig, DiscordError},
    desk::{Desk, Tools},
    gateway::{Gateway, GatewayState},
    ingress::Ingress,
    intent::Refused,
    post::Post,
    registration::{self, Registration},
    tell::{Teller, Topics},
    withheld::Withheld,
};

/// What the face is put together from.
pub struct Parts {
    /// The operations.
    pub catalogue: Arc<Catalogue>,
    /// What is told in channels and threads.
    pub events: Arc<dyn EventLog>,
    /// What is remembered: threads, and what buttons refer to.
    pub notebook: Arc<dyn Notebook>,
    /// Who has which rank.
    pub ranking: Arc<dyn Ranking>,
    /// What communities have [set](crate::SETTINGS).
    pub settings: Arc<dyn Settings>,
    /// The directory that the gateway feeds; it is asked what it wants of the gateway.
    pub guilds: Option<Arc<DiscordGuilds>>,
    /// The way out, with the same configuration.
    pub post: Arc<Post>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
}

/// The Discord face.
pub struct Discord {
    config: DiscordConfig,
    commands: Vec<Command>,
    events: Arc<dyn EventLog>,
    notebook: Arc<dyn Notebook>,
    clock: Arc<dyn Clock>,
    post: Arc<Post>,
    guilds: Option<Arc<DiscordGuilds>>,
    refused: Arc<Refused>,
    desk: Arc<Desk>,
    ingress: Arc<Ingress>,
    gateway: watch::Sender<GatewayState>,
    since: OffsetDateTime,
}

impl Discord {
    /// Checks the configuration and the operations. Nothing is connected yet.
    ///
    /// Events from before this moment are not told to a community that has never been told anything.
    ///
    /// # Errors
    ///
    /// When the configuration does not fit, or an operation cannot be a command of Discord.
    pub fn new(config: DiscordConfig, parts: Parts) -> Result<Arc<Self>, DiscordError> {
        check(&config)?;
        let Parts { catalogue, events, notebook, ranking, settings, guilds, post, clock } = parts;
        let commands = registration::commands(catalogue.specs())?;
        let desk = Arc::new(Desk::new(Tools {
            catalogue,
            ranking,
            settings,
            guilds: guilds.clone(),
            post: post.clone(),
            topics: Arc::new(Topics::new(notebook.clone(), clock.clone())),
            clock: clock.clone(),
            timing: config.timing,
            application: config.application_id,
        }));
        let ingress = Arc::new(Ingress::new(&config, desk.clone(), clock.clone())?);
        let gateway = watch::Sender::new(GatewayState::Off);
        let since = clock.now();
        let refused = Arc::default();
        Ok(Arc::new(Self {
            config,
            commands,
            events,
            notebook,
            clock,
            post,
            guilds,
            refused,
            desk,
            ingress,
            gateway,
            since,
        }))
    }

    /// `POST /interactions`, to merge into the program's own routes.
    pub fn routes(self: &Arc<Self>) -> Router {
        self.ingress.routes()
    }

    /// The slash commands that stand for the operations.
    pub fn commands(&self) -> &[Command] {
        &self.commands
    }

    /// The gateway's state, now and as it changes.
    pub fn gateway(&self) -> watch::Receiver<GatewayState> {
        self.gateway.subscribe()
    }

    /// What does not work because the gateway is off or Discord refuses an intent, each in a line with what
    /// turns it on.
    pub fn features_off(&self) -> Vec<&'static str> {
        self.refused.features_off(self.config.gateway.is_some())
    }

    /// Registers the commands, keeps the gateway connected and tells events, until `shutdown` is done and
    /// what is under way has ended, or [`crate::Timing::drain`] is over.
    pub async fn run(self: Arc<Self>, shutdown: impl Future<Output = ()> + Send + 'static) {
        let stop = CancellationToken::new();
        // Dropped in the middle, this future takes along what it has started.
        let _guard = stop.clone().drop_guard();
        let tasks = TaskTracker::new();
        let registration = Registration {
            post: self.post.clone(),
            notebook: self.notebook.clone(),
            clock: self.clock.clone(),
            application: self.config.application_id,
            scope: self.config.commands,
            communities: self.config.communities.clone(),
            commands: self.commands.clone(),
        };
        tasks.spawn(until(stop.clone(), async move { registration.run().await }));
        if let Some(config) = self.config.gateway.clone() {
            let gateway = Arc::new(Gateway {
                config,
                token: self.config.token.clone(),
                application: self.config.application_id,
                guilds: self.guilds.clone(),
                refused: self.refused.clone(),
                desk: self.desk.clone(),
                ingress: self.ingress.clone(),
                clock: self.clock.clone(),
                state: self.gateway.clone(),
                withheld: Withheld::default(),
            });
            tasks.spawn(until(stop.clone(), gateway.run()));
        }
        for community in &self.config.communities {
            let teller = Arc::new(Teller {
                community: community.clone(),
                events: self.events.clone(),
                notebook: self.notebook.clone(),
                clock: self.clock.clone(),
                desk: self.desk.clone(),
                timing: self.config.timing,
                since: self.since,
            });
            tasks.spawn(teller.run(stop.clone()));
        }
        tasks.close();
        shutdown.await;
        stop.cancel();
        tokio::join!(tasks.wait(), self.desk.close());
        self.gateway.send_replace(GatewayState::Off);
    }
}

async fn until(stop: CancellationToken, work: impl Future<Output = ()>) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}

fn check(config: &DiscordConfig) -> Result<(), DiscordError> {
    let (mut guilds, mut tenants) = (HashSet::new(), HashSet::new());
    for community in &config.communities {
        let wrong = |problem| Err(DiscordError::Community { tenant: community.tenant.clone(), problem });
        if community.guild_id == 0 {
            return wrong("has no guild id: copy it from Discord, with developer mode on");
        }
        if community.announce_channel == 0 {
            return wrong(
                "has no channel for announcements: copy its id from Discord, with developer mode on",
            );
        }
        if !guilds.insert(community.guild_id) {
            return wrong("has the guild of another community; a guild belongs to one");
        }
        if !tenants.insert(&community.tenant) {
            return wrong("is there twice; name each community once");
        }
    }
    Ok(())
}
