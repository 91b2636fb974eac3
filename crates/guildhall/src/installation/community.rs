//! The community half of a running Guildhall: Discord's directory, settings and ranks, moderation, logs,
//! errors. It is put together before the catalogue, which asks it who may do what.

use std::{collections::BTreeMap, sync::Arc};

use guildhall_community::{Community, CommunityConfig};
use guildhall_core::{
    Catalogue, Clock, Operations, Rank, Spec, TenantId,
    access::Access,
    fault::Faults,
    guild::{ChannelId, Courier, Guilds, NoGuilds, RoleId, UserId},
    language::{self, Locales, Texts},
    notebook::Notebook,
    setting::{Setting, SettingKind},
    upstream::{Policy, Upstream},
};
use guildhall_discord::{Discord, DiscordConfig, Post};
use guildhall_flows::Handle;
use guildhall_guilds::{DiscordGuilds, GuildsConfig};
use guildhall_incidents::{Incidents, IncidentsConfig};
use guildhall_logs::Logs;
use guildhall_moderation::{Moderation, Seams};
use guildhall_servers::Servers;
use guildhall_store::{EventStore, Store};
use secrecy::SecretString;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::StartError;
use crate::configuration::Configuration;

/// The messages of every crate.
pub const LOCALES: &[Locales] = &[
    language::LOCALES,
    crate::administration::LOCALES,
    guildhall_community::LOCALES,
    guildhall_discord::LOCALES,
    guildhall_flows::LOCALES,
    guildhall_guilds::LOCALES,
    guildhall_http::LOCALES,
    guildhall_incidents::LOCALES,
    guildhall_link::LOCALES,
    guildhall_logs::LOCALES,
    guildhall_moderation::LOCALES,
    guildhall_recipes::LOCALES,
    guildhall_servers::LOCALES,
    guildhall_store::LOCALES,
];

/// Whether a community has game servers.
const SERVERS: Setting = Setting {
    key: "features.servers",
    summary: "Game servers: starting, stopping, console, players.",
    kind: SettingKind::Switch,
    default: "true",
};

/// The operations on game servers, which a community may switch off.
pub fn servers() -> Operations<Servers> {
    guildhall_servers::operations().feature("servers")
}

/// Every setting that a community has.
pub fn settings() -> Vec<&'static Setting> {
    [
        &[&SERVERS],
        guildhall_discord::SETTINGS,
        guildhall_community::SETTINGS,
        guildhall_moderation::SETTINGS,
        guildhall_logs::SETTINGS,
        guildhall_incidents::SETTINGS,
    ]
    .concat()
}

/// The settings that name a channel in which staff reads logs, reports and appeals.
fn log_channels() -> Vec<&'static Setting> {
    let mut all = settings();
    all.retain(|setting| setting.key.starts_with("logs.") && setting.kind == SettingKind::Channel);
    all
}

/// What is known of this half's operations, without anything running.
pub fn specs() -> Vec<Spec> {
    fn of<D: Send + Sync + 'static>(operations: &Operations<D>) -> Vec<Spec> {
        operations.specs().cloned().collect()
    }
    [
        of(&guildhall_community::operations()),
        of(&guildhall_moderation::operations()),
        of(&guildhall_logs::operations()),
        of(&guildhall_incidents::operations()),
    ]
    .concat()
}

/// What is there before any domain is.
pub struct Ground {
    pub store: Store,
    pub events: Arc<EventStore>,
    pub notebook: Arc<dyn Notebook>,
    pub clock: Arc<dyn Clock>,
}

/// What must not leave this machine.
pub struct Guarded {
    /// Values that must not turn up in any error.
    pub known: Vec<SecretString>,
    /// What people's ids are hashed with.
    pub pepper: SecretString,
}

/// Discord as domains see it, and what they share with the catalogue.
pub struct Surroundings {
    pub faults: Faults,
    pub upstream: Upstream,
    /// With Discord set up: its directory and the way to write there.
    pub discord: Option<(Arc<DiscordGuilds>, Arc<Post>)>,
    pub community: Arc<Community>,
    pub incidents: Arc<Incidents>,
    ground: Ground,
}

impl Surroundings {
    /// Puts them together.
    pub fn new(
        configuration: &Configuration,
        config: Option<&mut DiscordConfig>,
        ground: Ground,
        guarded: Guarded,
    ) -> Result<Self, StartError> {
        let clock = ground.clock.clone();
        let faults = Faults::new(clock.clone());
        let upstream = Upstream::new("discord", Policy::default(), clock.clone(), faults.clone());
        let discord = match config {
            Some(config) => {
                config.upstream = Some(upstream.clone());
                let guilds = DiscordGuilds::new(guilds_config(config), upstream.clone(), clock.clone())?;
                let post = Post::new(config, ground.notebook.clone(), clock.clone())?;
                Some((guilds, post))
            }
            None => None,
        };
        let (guilds, courier) = seams(discord.as_ref());
        let community = Community::new(
            community_config(configuration)?,
            ground.store.clone(),
            ground.events.clone(),
            guilds,
            settings(),
            faults.clone(),
            clock.clone(),
        );
        let texts = Texts::new(LOCALES).map_err(StartError::Texts)?;
        let parts = guildhall_incidents::Parts {
            store: ground.store.clone(),
            texts: Arc::new(texts),
            settings: community.settings(),
            courier,
            faults: faults.clone(),
            secrets: guarded.known,
            clock,
        };
        let config = IncidentsConfig { pepper: Some(guarded.pepper), ..incidents_config(configuration) };
        let incidents = Incidents::new(config, parts)?;
        community.report_to(incidents.observer());
        Ok(Self { faults, upstream, discord, community, incidents, ground })
    }

    /// Discord's face, with Discord set up.
    pub fn face(
        &self,
        config: Option<DiscordConfig>,
        catalogue: &Arc<Catalogue>,
    ) -> Result<Option<Arc<Discord>>, StartError> {
        let (Some(config), Some((guilds, post))) = (config, &self.discord) else { return Ok(None) };
        let parts = guildhall_discord::Parts {
            catalogue: catalogue.clone(),
            events: self.ground.events.clone(),
            notebook: self.ground.notebook.clone(),
            ranking: self.community.ranking(),
            settings: self.community.settings(),
            guilds: Some(guilds.clone()),
            post: post.clone(),
            clock: self.ground.clock.clone(),
        };
        Ok(Some(Discord::new(config, parts)?))
    }

    /// Looks at guilds and acts in them.
    pub fn guilds(&self) -> Arc<dyn Guilds> {
        seams(self.discord.as_ref()).0
    }

    /// Moderation, whose workflows `flows` runs.
    pub fn moderation(&self, flows: Handle, access: Arc<dyn Access>) -> Arc<Moderation> {
        let (guilds, courier) = seams(self.discord.as_ref());
        Moderation::new(Seams {
            store: self.ground.store.clone(),
            events: EventStore::clone(&self.ground.events),
            flows,
            guilds,
            courier,
            settings: self.community.settings(),
            access,
            ranking: self.community.ranking(),
            permissions: self.community.permissions(),
            observer: self.incidents.observer(),
            clock: self.ground.clock.clone(),
        })
    }

    /// The logs of guild events.
    pub fn logs(&self) -> Arc<Logs> {
        let (guilds, courier) = seams(self.discord.as_ref());
        Logs::new(guildhall_logs::Parts {
            store: self.ground.store.clone(),
            settings: self.community.settings(),
            places: log_channels(),
            guilds,
            courier,
            events: self.ground.events.clone(),
            notebook: self.ground.notebook.clone(),
            observer: self.incidents.observer(),
            clock: self.ground.clock.clone(),
        })
    }

    /// Lets the domains hear of guild events and starts what works in the background.
    pub fn start(
        &self,
        moderation: &Arc<Moderation>,
        logs: &Arc<Logs>,
        stop: &CancellationToken,
    ) -> Vec<(&'static str, JoinHandle<()>)> {
        let ended = || {
            let stop = stop.clone();
            async move { stop.cancelled_owned().await }
        };
        let mut tasks = vec![
            ("settings", tokio::spawn(self.community.clone().run(ended()))),
            ("incidents", tokio::spawn(self.incidents.clone().run(ended()))),
            ("moderation", tokio::spawn(moderation.clone().run(ended()))),
            ("logs", tokio::spawn(logs.clone().run(ended()))),
        ];
        if let Some((guilds, _)) = &self.discord {
            guilds.listen(self.community.listener());
            guilds.listen(moderation.listener());
            guilds.listen(logs.clone());
            tasks.push(("guilds", tokio::spawn(guilds.clone().run(ended()))));
        }
        tasks
    }
}

fn seams(discord: Option<&(Arc<DiscordGuilds>, Arc<Post>)>) -> (Arc<dyn Guilds>, Arc<dyn Courier>) {
    match discord {
        Some((guilds, post)) => (guilds.clone(), post.clone()),
        None => (Arc::new(NoGuilds), Arc::new(NoGuilds)),
    }
}

fn guilds_config(config: &DiscordConfig) -> GuildsConfig {
    let mut guilds = GuildsConfig::new(config.application_id, config.token.clone());
    guilds.api_url.clone_from(&config.api_url);
    guilds.communities =
        config.communities.iter().map(|community| (community.tenant.clone(), community.guild_id)).collect();
    guilds.open = config.open;
    guilds
}

fn community_config(configuration: &Configuration) -> Result<CommunityConfig, StartError> {
    let mut assigned: BTreeMap<TenantId, Vec<(RoleId, Rank)>> = BTreeMap::new();
    for community in &configuration.communities {
        let roles = |ids: &[u64], rank| ids.iter().map(move |id| (RoleId(*id), rank)).collect::<Vec<_>>();
        let staff = assigned.entry(community.tenant.clone()).or_default();
        staff.extend(roles(&community.admin_roles, Rank::ADMIN));
        staff.extend(roles(&community.moderator_roles, Rank::MODERATOR));
    }
    let config = CommunityConfig {
        operators: configuration.operators.iter().map(|user| UserId(*user)).collect(),
        assigned,
        redis: configuration.redis.url.clone(),
    };
    config.check().map_err(StartError::Redis)?;
    Ok(config)
}

fn incidents_config(configuration: &Configuration) -> IncidentsConfig {
    let section = &configuration.errors;
    let community = section.community.clone().unwrap_or_else(|| configuration.home());
    IncidentsConfig {
        operators_channel: section.channel.map(|channel| (community, ChannelId(channel))),
        sentry_dsn: section.sentry_dsn.clone(),
        environment: section.environment.clone(),
        release: env!("CARGO_PKG_VERSION").to_owned(),
        ..IncidentsConfig::default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_whole_programs_messages_are_complete_and_each_is_there_once() {
        assert_eq!(language::gaps(LOCALES), Vec::<String>::new());
        Texts::new(LOCALES).expect("every message reads, and none is there twice");
    }

    #[test]
    fn every_feature_has_a_switch() {
        let switch =
            |feature: &str| settings().iter().any(|setting| setting.key == format!("features.{feature}"));
        let off: Vec<_> = crate::installation::specs().into_iter().filter_map(|spec| spec.feature).collect();
        assert!(!off.is_empty());
        for feature in off {
            assert!(switch(feature), "nothing turns {feature} off");
        }
    }

    #[test]
    fn every_setting_is_there_once_and_its_default_is_json() {
        let mut keys = BTreeSet::new();
        for setting in settings() {
            assert!(keys.insert(setting.key), "{} is declared twice", setting.key);
            assert!(setting.key.contains('.') && setting.summary.chars().count() <= 100, "{}", setting.key);
            assert!(serde_json::from_str::<serde_json::Value>(setting.default).is_ok(), "{}", setting.key);
        }
    }
}
