//! What would keep a configuration from being started, found without starting: the same parts are put together as
//! at a start, on an empty database in a temporary folder, with nobody to speak to.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use guildhall_core::{Catalogue, Clock, Error, HostId, SystemClock};
use guildhall_discord::DiscordError;
use guildhall_guilds::GuildsError;
use guildhall_link::{
    Controller, ControllerConfig, Inbox, MqttConfig,
    message::{AgentEvent, ConsolePush, Presence},
    topic::ControlId,
};
use guildhall_store::{AuditStore, EventStore, NotebookStore, Options, Store};
use secrecy::SecretString;

use super::{
    StartError,
    community::{Ground, Guarded, Surroundings},
    discord_config, messages, store_url,
};
use crate::{
    configuration::{Configuration, Place, why},
    log,
};

/// Entries beside the communities that a round of the trial may find wrong, with one to spare.
const MOST_OTHERS: usize = 8;

/// Every mistake that a start would stumble over, with its entry. Not inside of a Tokio runtime.
pub fn trial(configuration: &Configuration) -> Vec<(Place, String)> {
    let mut found = of_this_machine(configuration);
    if let Err(message) = log::filter(&configuration.log.level) {
        found.push((Place::of("log.level"), message));
    }
    if let Some(Err(message)) = configuration.traces.as_ref().map(log::collector) {
        found.push((Place::of("traces.endpoint"), message));
    }
    if configuration.store.url.is_some()
        && let Err(error) = store_url(configuration)
    {
        found.push((Place::of("store.url"), told(&error)));
    }
    // One thread, and it does nothing but what is asked here: nothing that a part leaves for later is begun.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let tried = match runtime {
        Ok(runtime) => runtime.block_on(parts(configuration, &mut found)),
        Err(error) => Err(error.to_string()),
    };
    if let Err(why) = tried {
        let message = format!(
            "cannot be tried on this machine: {why}. The folder for temporary files has to be there."
        );
        found.push((Place::default(), message));
    }
    found
}

/// Files and folders.
fn of_this_machine(configuration: &Configuration) -> Vec<(Place, String)> {
    let mut found = Vec::new();
    let data = &configuration.data;
    let there = data.ancestors().find(|folder| folder.exists());
    if data.as_os_str().is_empty() || there.is_some_and(|folder| !folder.is_dir()) {
        found.push((Place::of("data"), "is not a folder, and none can be made there.".to_owned()));
    }
    if let Some(folder) = &configuration.recipes.folder
        && let Err(error) = std::fs::read_dir(folder)
    {
        let message = format!("{}: {}; make it, or take the entry out.", folder.display(), why(&error));
        found.push((Place::of("recipes.folder"), message));
    }
    found
}

async fn parts(configuration: &Configuration, found: &mut Vec<(Place, String)>) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| why(&error))?;
    let address = format!("sqlite://{}", folder.path().join("trial.db").display());
    let options = Options { durable: false, readers: 1, ..Options::new(address) };
    let store = Store::open_with(options, Vec::new()).await.map_err(|error| error.to_string())?;
    if let Err(error) = broker(configuration) {
        found.push((Place::of("mqtt.url"), error));
    }
    let mut trial = configuration.clone();
    // Each round takes out what it found; there are no more entries to take out than these.
    for _ in 0..configuration.communities.len() + MOST_OTHERS {
        let Err(error) = surroundings(&trial, &store) else { break };
        found.push(taken_out(&mut trial, configuration, &error));
    }
    store.close().await.map_err(|error| error.to_string())
}

/// The way to the agents, never gone.
fn broker(configuration: &Configuration) -> Result<(), String> {
    let Some((url, username, password)) =
        messages::beside(&configuration.mqtt).map_err(|error| told(&error.into()))?
    else {
        return Ok(());
    };
    let config = ControllerConfig::new(MqttConfig::new(url, username, password), ControlId::default());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Controller::connect(config, Arc::new(Nobody), clock).map(drop).map_err(|error| error.to_string())
}

/// The community half and Discord's face.
fn surroundings(configuration: &Configuration, store: &Store) -> Result<(), StartError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ground = Ground {
        store: store.clone(),
        events: Arc::new(EventStore::new(store.clone(), clock.clone())),
        notebook: Arc::new(NotebookStore::new(store.clone())),
        clock: clock.clone(),
    };
    let guarded = Guarded { known: Vec::new(), pepper: SecretString::default() };
    let mut config = discord_config(configuration);
    let around = Surroundings::new(configuration, config.as_mut(), ground, guarded)?;
    let audit = Arc::new(AuditStore::new(store.clone()));
    let catalogue = Catalogue::builder(audit, clock, around.community.permissions()).build();
    around.face(config, &Arc::new(catalogue)).map(drop)
}

/// Names the entry that is wrong, and takes it out of the trial, so that what is wrong beside it is found as well.
fn taken_out(
    trial: &mut Configuration,
    configuration: &Configuration,
    error: &StartError,
) -> (Place, String) {
    let message = told(error);
    let place = match error {
        StartError::Redis(_) => {
            trial.redis.url = None;
            Place::of("redis.url")
        }
        StartError::Errors(_) => {
            trial.errors.sentry_dsn = None;
            Place::of("errors.sentry_dsn")
        }
        StartError::Discord(DiscordError::ApplicationId) | StartError::Guilds(GuildsError::ApplicationId) => {
            trial.discord.iter_mut().for_each(|discord| discord.application_id = 1);
            Place::of("discord.application_id")
        }
        StartError::Discord(DiscordError::ApiUrl(_)) | StartError::Guilds(GuildsError::ApiUrl(_)) => {
            trial.discord.iter_mut().for_each(|discord| discord.api_url = None);
            Place::of("discord.api_url")
        }
        StartError::Discord(DiscordError::Community { tenant, .. })
        | StartError::Guilds(GuildsError::Community { tenant, .. }) => {
            trial.communities.retain(|community| community.tenant != *tenant);
            let at = configuration.communities.iter().rposition(|community| community.tenant == *tenant);
            at.map_or_else(|| Place::of("communities"), |at| Place::of("communities").entry(at).key("guild"))
        }
        StartError::Discord(DiscordError::PublicKey) => {
            trial.discord = None;
            Place::of("discord.public_key")
        }
        StartError::Discord(_) | StartError::Guilds(_) => {
            trial.discord = None;
            Place::of("discord")
        }
        _ => {
            *trial = Configuration::default();
            Place::default()
        }
    };
    (place, message)
}

/// The error without its entry's name, which is told beside it.
fn told(error: &StartError) -> String {
    match error {
        StartError::Redis(message) | StartError::Address(message) => message.clone(),
        StartError::Errors(error) => error.to_string(),
        StartError::Discord(error) => error.to_string(),
        StartError::Guilds(error) => error.to_string(),
        StartError::Messages(messages::MessagesError::Address(error)) => error.to_string(),
        StartError::Messages(messages::MessagesError::NotAnAddress(address)) => {
            format!("'{address}' is not an address; write mqtt://host:1883 or mqtts://host:8883")
        }
        other => other.to_string(),
    }
}

/// Whether a database's file can be where an address says.
pub fn has_folder(file: &str) -> bool {
    Path::new(file).parent().is_some_and(Path::is_dir) && !Path::new(file).is_dir()
}

/// Hears nothing, as nobody is connected.
struct Nobody;

#[async_trait]
impl Inbox for Nobody {
    async fn cursor(&self, _: &HostId) -> u64 {
        0
    }

    async fn event(&self, _: &HostId, _: AgentEvent) -> Result<(), Error> {
        Ok(())
    }

    async fn console(&self, _: &HostId, _: ConsolePush) {}

    async fn presence(&self, _: Presence) {}
}
