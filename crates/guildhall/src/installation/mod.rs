//! A running Guildhall: everything wired together, started in order and stopped in the reverse of it.

mod community;
mod housekeeping;
#[cfg(test)]
mod lines;
mod local_agent;
mod messages;
mod readiness;
mod secrets;
mod standby;
mod trial;
mod turn;

use std::{
    collections::BTreeMap,
    fs::{File, TryLockError},
    io::{self, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    pin::pin,
    str::FromStr as _,
    sync::{Arc, OnceLock},
    time::Duration,
};

use guildhall_core::{Catalogue, Clock, HostId, Rank, Spec, SystemClock, TenantId};
use guildhall_discord::{Community, DiscordConfig, DiscordError, GatewayConfig};
use guildhall_flows::Engine;
use guildhall_guilds::GuildsError;
use guildhall_http::{Http, HttpConfig, metrics::Counted};
use guildhall_incidents::BadConfig;
use guildhall_recipes::secrets::SecretsKey;
use guildhall_servers::{RecipeBook, Servers, ServersConfig};
use guildhall_store::{
    AuditStore, Backend, EventStore, NewToken, NotebookStore, Store, StoreError, TokenStore,
};
use guildhall_telemetry::Latency;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use sqlx::{postgres::PgConnectOptions, sqlite::SqliteConnectOptions};
use tokio::{net::TcpListener, signal::unix::SignalKind, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    administration::{self, Administration},
    command_line::Trouble,
    configuration::{Configuration, why},
    log::Tracing,
};
use community::{Ground, Guarded, Surroundings};
use local_agent::LocalAgent;
use messages::{LateAgents, Messages, MessagesError};
use secrets::Secrets;
pub use trial::trial;

/// The file, in the data folder, that holds the operator's own API token.
const OPERATOR_TOKEN: &str = "operator";
/// The file, among the secrets, with what people's ids are hashed with before errors leave this machine.
const PEPPER: &str = "errors.pepper";
/// The file, among the secrets, with the key of game servers' secrets.
const SECRETS_KEY: &str = "servers.key";
/// The folder, in the data folder, of what nobody else may read.
const SECRETS: &str = "secrets";

/// How long after a crash another process, or this one started again, goes on with its workflows.
const LEASE: Duration = Duration::from_secs(5);
/// The file, in the data folder, that says where the HTTP interface is.
const ADDRESS: &str = "address";

/// Where the installation with this data folder is, or was, reached.
pub fn address_of(data: &Path) -> String {
    let kept = std::fs::read_to_string(data.join(ADDRESS)).map(|text| text.trim().to_owned());
    kept.unwrap_or_else(|_| "http://127.0.0.1:8080".to_owned())
}

/// The operator's own API token of the installation with this data folder.
pub fn operator_token(data: &Path) -> Result<SecretString, Trouble> {
    let path = data.join(SECRETS).join(OPERATOR_TOKEN);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim().to_owned().into()),
        Err(error) => Err(format!(
            "no API token: {}: {}. Give one with --token or GUILDHALL_TOKEN, or run this where `guildhall run` has its data.",
            path.display(),
            why(&error)
        )
        .into()),
    }
}

/// What keeps Guildhall from starting.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be used.
    #[error("{}: {}. Check `data` in the configuration and the folder's permissions.", path.display(), why(source))]
    Data {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another Guildhall runs on the same data.
    #[error("another Guildhall uses {}. Stop it first, or give this one a data folder of its own.", .0.display())]
    InUse(PathBuf),
    /// The database's address is none.
    #[error("store.url: {0}")]
    Address(String),
    /// The database cannot be used.
    #[error("store.url: {0}")]
    Store(#[from] StoreError),
    /// The database does not say whether another Guildhall acts for it.
    #[error(
        "store.url: the database cannot be asked whether another Guildhall acts for it: {0}. Check that it runs and that the address is right."
    )]
    Turn(sqlx::Error),
    /// The connection that holds the turn ended while this Guildhall acted.
    #[error(
        "the connection to the database that holds this Guildhall's turn was lost. It ends, so that no two act at once; start it again."
    )]
    TurnLost,
    /// The operator's token cannot be made.
    #[error("the operator's token cannot be made: {0}")]
    Token(guildhall_core::Error),
    /// There is no link to the agents.
    #[error(transparent)]
    Messages(#[from] MessagesError),
    /// Discord cannot be set up.
    #[error("discord: {0}")]
    Discord(#[from] DiscordError),
    /// Discord's directory cannot be set up.
    #[error("discord: {0}")]
    Guilds(#[from] GuildsError),
    /// The address of Redis is none.
    #[error("redis.url: {0}")]
    Redis(String),
    /// Sentry cannot be set up.
    #[error("errors: {0}")]
    Errors(#[from] BadConfig),
    /// The program's own messages do not read. A test keeps this from happening to anybody.
    #[error("the messages of this program are broken: {0}")]
    Texts(String),
    /// The HTTP address cannot be used.
    #[error("http.listen: {address} cannot be used: {}. Free the port or choose another one.", why(source))]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The figures cannot be kept.
    #[error("the metrics cannot be set up: {0}")]
    Metrics(String),
}

/// What is known of every operation, without anything running.
pub fn specs() -> Vec<Spec> {
    let servers = community::servers();
    let administration = administration::operations();
    let mut specs: Vec<Spec> = servers.specs().chain(administration.specs()).cloned().collect();
    specs.extend(administration::status().specs().cloned());
    specs.extend(community::specs());
    specs.sort_by_key(|spec| spec.name);
    specs
}

/// Runs until Ctrl-C or SIGTERM, once it is this process's turn. When that turn is lost, it comes back at once and
/// leaves what was under way as a crash would.
pub async fn run(configuration: Configuration, tracing: &Tracing, as_json: bool) -> Result<(), Trouble> {
    let mut end = pin!(told_to_end());
    let lock = lock(&configuration.data)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let tell = || match as_json {
        true => writeln!(io::stdout(), "{}", json!({"standing_by": standby::STANDING_BY})),
        false => writeln!(io::stdout(), "{}", standby::STANDING_BY),
    };
    let turn = tokio::select! {
        turn = standby::wait(&configuration, clock, tell) => turn?,
        ended = &mut end => return Ok(ended?),
    };
    let acting = act(configuration, tracing, lock, end, as_json);
    let Some(turn) = turn else { return acting.await };
    tokio::select! {
        ended = acting => {
            turn.release().await;
            ended
        }
        () = turn.lost() => Err(StartError::TurnLost.into()),
    }
}

/// Acts until `end`.
async fn act(
    configuration: Configuration,
    tracing: &Tracing,
    lock: File,
    end: impl Future<Output = io::Result<()>>,
    as_json: bool,
) -> Result<(), Trouble> {
    let data = configuration.data.clone();
    let installation = Installation::start(configuration, tracing, lock).await?;
    let url = format!("http://{}", installation.address);
    let token = data.join(SECRETS).join(OPERATOR_TOKEN).display().to_string();
    let places = [
        ("REST", format!("{url}/api/v1/operations")),
        ("OpenAPI", format!("{url}/api/v1/openapi.json")),
        ("metrics", format!("{url}/metrics")),
        ("token", token),
    ];
    let mut out = io::stdout();
    if as_json {
        let places: BTreeMap<String, String> =
            places.into_iter().map(|(name, place)| (name.to_lowercase(), place)).collect();
        writeln!(out, "{}", json!({"ready": places}))?;
    } else {
        writeln!(out, "Guildhall is ready.")?;
        for (name, place) in places {
            writeln!(out, "  {name:<7}  {place}")?;
        }
    }
    end.await?;
    tracing::info!("stopping; games go on");
    installation.stop().await;
    Ok(())
}

async fn told_to_end() -> io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}

/// A running Guildhall.
pub struct Installation {
    address: SocketAddr,
    stop: CancellationToken,
    latency_stop: tokio::sync::watch::Sender<bool>,
    tasks: Vec<(&'static str, JoinHandle<()>)>,
    agents: Vec<LocalAgent>,
    messages: Messages,
    store: Store,
    _lock: File,
}

impl Installation {
    /// Starts everything. When this returns, it takes requests.
    pub async fn start(
        configuration: Configuration,
        tracing: &Tracing,
        lock: File,
    ) -> Result<Self, StartError> {
        let metrics =
            guildhall_http::metrics::install().map_err(|error| StartError::Metrics(error.to_string()))?;
        let folder = configuration.data.join(SECRETS);
        let secrets =
            Secrets::open(folder.clone()).map_err(|source| StartError::Data { path: folder, source })?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let store = open_store(&configuration).await?;
        let events = EventStore::new(store.clone(), clock.clone());
        let audit = AuditStore::new(store.clone());
        let tokens = TokenStore::new(store.clone(), clock.clone());
        keep_operator_token(&tokens, &secrets, &configuration.home()).await?;

        let agents = Arc::new(LateAgents::default());
        let (recipes, left_out) = RecipeBook::load(configuration.recipes.folder.as_deref());
        for left in left_out {
            tracing::warn!(file = left.file, "a recipe is left out: {}", left.reason);
        }
        let mut config = servers_config(&configuration);
        config.secrets = Some(secrets_key(&secrets)?);
        let mut engine = Engine::builder(store.clone(), clock.clone()).lease(LEASE);
        if store.backend() == Backend::Sqlite {
            // The data folder is locked, so what another process has leased is an earlier one's.
            engine = engine.sole();
        }
        let servers = Arc::new(Servers::new(
            store.clone(),
            events.clone(),
            engine.handle(),
            agents.clone(),
            recipes,
            config,
            clock.clone(),
        ));
        let house = events.clone();
        let events = Arc::new(events);
        let mut discord_config = discord_config(&configuration);
        let ground = Ground {
            store: store.clone(),
            events: events.clone(),
            notebook: Arc::new(NotebookStore::new(store.clone())),
            clock: clock.clone(),
        };
        let known = known_secrets(&configuration, &secrets);
        let path = secrets.path(PEPPER);
        let pepper = secrets.get_or_make(PEPPER).map_err(|source| StartError::Data { path, source })?;
        let around =
            Surroundings::new(&configuration, discord_config.as_mut(), ground, Guarded { known, pepper })?;
        let moderation = around.moderation(engine.handle(), servers.clone());
        let logs = around.logs();
        let engine = moderation.register(servers.register(engine)).build();
        let flows = engine.handle();
        let messages =
            Messages::start(&configuration, &secrets, servers.clone(), &agents, clock.clone()).await?;

        let latency = Latency::new(store.clone(), clock.clone(), specs().iter().map(|spec| spec.name));
        tracing.meter.attach(latency.clone());
        let counted = Counted::new(Arc::new(audit.clone()), specs().iter().map(|spec| spec.name));
        let status = Arc::new(administration::Status {
            latency: latency.clone(),
            upstream: around.upstream.clone(),
            incidents: around.incidents.clone(),
            community: around.community.clone(),
            guilds: around.discord.as_ref().map(|(guilds, _)| guilds.clone()),
            discord: OnceLock::new(),
            store: store.clone(),
            since: clock.now(),
        });
        let administration = Administration {
            tokens: tokens.clone(),
            audit,
            agents,
            flows,
            servers: servers.as_ref().clone(),
            specs: specs(),
        };
        let catalogue = Catalogue::builder(Arc::new(counted), clock.clone(), around.community.permissions())
            .presenter(around.incidents.presenter())
            .observer(around.incidents.observer())
            .faults(around.faults.clone())
            .guilds(around.guilds())
            .add(community::servers(), servers.clone())
            .add(administration::operations(), Arc::new(administration))
            .add(administration::status(), status.clone())
            .add(guildhall_community::operations(), around.community.clone())
            .add(guildhall_moderation::operations(), moderation.clone())
            .add(guildhall_logs::operations(), logs.clone())
            .add(guildhall_incidents::operations(), around.incidents.clone())
            .build();
        let catalogue = Arc::new(catalogue);
        around.community.attach(&catalogue);

        let discord = around.face(discord_config, &catalogue)?;
        if let Some(discord) = &discord {
            // Set once, right here.
            let _ = status.discord.set(discord.clone());
        }
        let readiness = readiness::Parts {
            store: store.clone(),
            broker: messages.connected(),
            gateway: discord.as_ref().map(|discord| discord.gateway()),
        };
        let http = Http::new(
            HttpConfig::new(configuration.http.listen, configuration.home()),
            guildhall_http::Parts {
                catalogue,
                events,
                tokens: Arc::new(tokens),
                readiness: Arc::new(readiness),
                clock: clock.clone(),
                metrics,
            },
        );
        let mut router = http.routes();
        if let Some(discord) = &discord {
            router = router.merge(discord.routes());
        }
        let trace = axum::middleware::from_fn_with_state(tracing.ids(), guildhall_telemetry::request::trace);
        let router = router.layer(trace);
        let listen = |source| StartError::Listen { address: configuration.http.listen, source };
        let listener = TcpListener::bind(configuration.http.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let kept = configuration.data.join(ADDRESS);
        std::fs::write(&kept, format!("http://{address}\n"))
            .map_err(|source| StartError::Data { path: kept, source })?;

        let stop = CancellationToken::new();
        let mut tasks = around.start(&moderation, &logs, &stop);
        let (latency_stop, latency_ends) = tokio::sync::watch::channel(false);
        tasks.push(("latency", tokio::spawn(latency.run(latency_ends))));
        let ended = stop.clone();
        tasks.push(("workflows", tokio::spawn(async move { engine.run(ended.cancelled()).await })));
        let keeping = housekeeping::keep_house(house, clock.clone(), stop.clone());
        tasks.push(("housekeeping", tokio::spawn(keeping)));
        let ended = stop.clone();
        tasks.push(("servers", tokio::spawn(async move { servers.run(ended.cancelled()).await })));
        if let Some(discord) = discord {
            let ended = stop.clone();
            tasks.push(("discord", tokio::spawn(discord.run(async move { ended.cancelled().await }))));
        }
        let ended = stop.clone();
        let serve = async move {
            if let Err(error) = http.serve(listener, router, async move { ended.cancelled().await }).await {
                tracing::error!("the HTTP interface ended: {error}");
            }
        };
        tasks.push(("http", tokio::spawn(serve)));
        let agents = configuration
            .hosts
            .iter()
            .filter(|host| host.local)
            .filter_map(|host| messages.file(&host.name))
            .map(|file| LocalAgent::start(file.to_owned(), clock.clone()))
            .collect();
        Ok(Self { address, stop, latency_stop, tasks, agents, messages, store, _lock: lock })
    }

    /// Stops everything; games go on.
    pub async fn stop(self) {
        self.stop.cancel();
        self.latency_stop.send_replace(true);
        for (name, task) in self.tasks {
            if let Err(error) = task.await {
                tracing::error!("{name} ended badly: {error}");
            }
        }
        for agent in self.agents {
            agent.stop().await;
        }
        self.messages.stop().await;
        if let Err(error) = self.store.close().await {
            tracing::error!("the database did not close in order: {error}");
        }
    }
}

/// Takes the data folder for this process.
fn lock(data: &Path) -> Result<File, StartError> {
    let path = data.join("lock");
    let failed = |source| StartError::Data { path: path.clone(), source };
    std::fs::create_dir_all(data).map_err(failed)?;
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse(data.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// The database's address, as far as it can be judged without the database.
fn store_url(configuration: &Configuration) -> Result<SecretString, StartError> {
    let Some(url) = &configuration.store.url else {
        let file = std::path::absolute(configuration.data.join("guildhall.db"))
            .map_err(|source| StartError::Data { path: configuration.data.clone(), source })?;
        return Ok(format!("sqlite://{}", file.display()).into());
    };
    let text = url.expose_secret();
    let remedy = "use sqlite:///absolute/path.db or postgres://user@host/database";
    let bad =
        |why: String| StartError::Address(format!("the database address is not understood: {why}; {remedy}"));
    if let Some(rest) = text.strip_prefix("sqlite:") {
        let rest = rest.trim_start_matches("//");
        let file = rest.split('?').next().unwrap_or_default();
        if !file.starts_with('/') {
            return Err(bad("an SQLite database is a file with an absolute path".to_owned()));
        }
        SqliteConnectOptions::from_str(text).map_err(|error| bad(error.to_string()))?;
        if !trial::has_folder(file) {
            let message = format!("{file} cannot be a database; the folder has to be there, make it first");
            return Err(StartError::Address(message));
        }
    } else if is_shared(url) {
        PgConnectOptions::from_str(text).map_err(|error| bad(error.to_string()))?;
    } else {
        return Err(bad("it names neither sqlite nor postgres".to_owned()));
    }
    Ok(url.clone())
}

/// Whether several machines can use the database.
fn is_shared(url: &SecretString) -> bool {
    let schemes = ["postgres:", "postgresql:"];
    schemes.iter().any(|scheme| url.expose_secret().starts_with(scheme))
}

async fn open_store(configuration: &Configuration) -> Result<Store, StartError> {
    let url = store_url(configuration)?;
    let mut migrations = guildhall_flows::migrations();
    migrations.extend(guildhall_servers::migrations());
    migrations.extend(guildhall_community::migrations());
    migrations.extend(guildhall_moderation::migrations());
    migrations.extend(guildhall_logs::migrations());
    migrations.extend(guildhall_incidents::migrations());
    migrations.extend(guildhall_telemetry::migrations());
    Ok(Store::open(url.expose_secret(), migrations).await?)
}

/// The first start leaves a token for whoever runs the installation, so that the command line works on this
/// machine without any setting up.
async fn keep_operator_token(
    tokens: &TokenStore,
    secrets: &Secrets,
    tenant: &TenantId,
) -> Result<(), StartError> {
    let path = secrets.path(OPERATOR_TOKEN);
    if secrets.has(OPERATOR_TOKEN) {
        return Ok(());
    }
    // A database whose token file was lost: the old token is of no use to anybody.
    tokens.revoke(tenant, OPERATOR_TOKEN).await?;
    let new = NewToken { name: OPERATOR_TOKEN.to_owned(), rank: Rank::OPERATOR, scope: None, expires: None };
    let secret = tokens.create(tenant, new).await.map_err(StartError::Token)?;
    secrets.keep(OPERATOR_TOKEN, &secret.into()).map_err(|source| StartError::Data { path, source })
}

/// The key with which secrets of game servers are kept in the database.
fn secrets_key(secrets: &Secrets) -> Result<SecretsKey, StartError> {
    let path = secrets.path(SECRETS_KEY);
    SecretsKey::of_file(&path).map_err(|error| StartError::Data { path, source: io::Error::other(error) })
}

/// Values that must not turn up in any error.
fn known_secrets(configuration: &Configuration, secrets: &Secrets) -> Vec<SecretString> {
    let mut known = configuration.secrets();
    known.extend(secrets.all());
    known
}

fn servers_config(configuration: &Configuration) -> ServersConfig {
    let hosts: BTreeMap<HostId, Option<String>> =
        configuration.hosts.iter().map(|host| (host.name.clone(), Some(host.address.clone()))).collect();
    ServersConfig { hosts, recipes: configuration.recipes.folder.clone(), ..ServersConfig::default() }
}

fn discord_config(configuration: &Configuration) -> Option<DiscordConfig> {
    let section = configuration.discord.as_ref()?;
    let mut config = DiscordConfig::new(section.application_id, &section.public_key, section.token.clone());
    if let Some(url) = &section.api_url {
        config.api_url.clone_from(url);
    }
    config.open = section.open;
    config.gateway = section.gateway.then(|| GatewayConfig { url: section.gateway_url.clone() });
    config.communities = configuration
        .communities
        .iter()
        .filter_map(|community| {
            Some(Community {
                tenant: community.tenant.clone(),
                guild_id: community.guild?,
                announce_channel: community.channel?,
            })
        })
        .collect();
    Some(config)
}
