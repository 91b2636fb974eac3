//! Starting and stopping the stand-in, and building its world.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::clock::SimClock;
use crate::delivery;
use crate::id::{ApplicationId, ChannelId, GuildId, RoleId, UserId};
use crate::log::Exchange;
use crate::permission::Permissions;
use crate::rest::limit::{RateLimiter, RateLimits};
use crate::server;
use crate::shared::Shared;
use crate::user::{TimedOut, User};
use crate::world::World;
use crate::world::channel::{Overwrite, kind};

/// How the stand-in behaves. The defaults are Discord's own times, and limits nobody meets by accident.
#[derive(Clone, Debug)]
pub struct SimConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How long an application may take to answer an interaction. Discord: 3 seconds.
    pub answer_within: Duration,
    /// How long an interaction's token lives. Discord: 15 minutes. [`Sim::advance`] makes time pass.
    pub token_life: Duration,
    /// The heartbeat interval clients are told. Discord: 41.25 seconds.
    pub heartbeat: Duration,
    /// Rate limits; the headers are always sent.
    pub rate_limits: RateLimits,
    /// Requests kept for [`Sim::log`]; the oldest go beyond it.
    pub log_capacity: usize,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            answer_within: Duration::from_secs(3),
            token_life: Duration::from_secs(15 * 60),
            heartbeat: Duration::from_millis(41_250),
            rate_limits: RateLimits::generous(),
            log_capacity: 10_000,
        }
    }
}

/// Why the stand-in could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {source}; choose another address, or port 0 for a free one")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The HTTP client that posts interactions could not be made.
    #[error("cannot make an HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

/// Discord would not save this interactions endpoint.
#[derive(Debug, thiserror::Error)]
#[error("the interactions endpoint could not be verified: {0}")]
pub struct EndpointRefused(String);

/// A running stand-in. Stops when dropped; [`Sim::shutdown`] also waits for it.
pub struct Sim {
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Sim {
    /// Starts listening, with an empty world.
    pub async fn start(config: SimConfig) -> Result<Self, StartError> {
        // Another provider may be installed already; any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listen = config.listen;
        let failed = |source| StartError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let http =
            reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
        let limiter = RateLimiter::new(config.rate_limits);
        let world = World::new(Arc::new(SimClock::new()), format!("http://{address}"), limiter);
        let shared = Arc::new(Shared::new(world, config, address, http));
        let router = server::router(Arc::clone(&shared));
        let stopping = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            let stopped = async move { stopping.stopped().await };
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped).await {
                tracing::error!(%error, "the stand-in stopped serving");
            }
        });
        Ok(Self { shared, task: Mutex::new(Some(task)) })
    }

    /// `http://HOST:PORT`, to which clients add `/api/v10/...`.
    pub fn rest_base(&self) -> String {
        self.shared.rest_base()
    }

    /// `ws://HOST:PORT`, as `GET /gateway/bot` and `READY` give it.
    pub fn gateway_url(&self) -> String {
        self.shared.gateway_url()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Stops: gateway connections are closed, running requests may finish for a second.
    pub async fn shutdown(&self) {
        self.shared.stop.send_replace(true);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut task) = task
            && tokio::time::timeout(Duration::from_secs(1), &mut task).await.is_err()
        {
            // A client that keeps its connection open does not keep the stand-in up.
            task.abort();
        }
    }

    /// A new person.
    pub fn user(&self, name: &str) -> User {
        let id = self.shared.write(|world| world.add_user(name, false));
        User { shared: Arc::clone(&self.shared), id }
    }

    /// The person (or bot) of that id, if there is one.
    pub fn user_by_id(&self, id: UserId) -> Option<User> {
        let known = self.shared.read(|world| world.users.contains_key(&id));
        known.then(|| User { shared: Arc::clone(&self.shared), id })
    }

    /// A new guild; its owner is its first member.
    pub fn guild(&self, name: &str, owner: &User) -> Guild {
        let id = self.shared.write(|world| world.add_guild(name, owner.id));
        Guild { shared: Arc::clone(&self.shared), id }
    }

    /// A new application with a bot, a token and a key pair.
    pub fn application(&self, name: &str, owner: &User) -> App {
        let id = self.shared.write(|world| world.add_application(name, owner.id));
        App { shared: Arc::clone(&self.shared), id }
    }

    /// Lets time pass at once: tokens expire, deadlines come.
    pub fn advance(&self, by: Duration) {
        self.shared.clock.skip(by);
        self.shared.write(|_| ());
    }

    /// Asks every gateway client to reconnect and resume (op 7).
    pub fn drop_gateway(&self) {
        self.shared.write(|world| world.sessions.ask_to_reconnect());
    }

    /// Cuts every gateway connection without a word. Sessions can be resumed.
    pub fn sever_gateway(&self) {
        self.shared.write(|world| world.sessions.sever());
    }

    /// Forgets every gateway session: clients get op 9 and must identify anew.
    pub fn forget_sessions(&self) {
        self.shared.write(|world| world.sessions.forget());
    }

    /// Refuses the next REST request with 429.
    pub fn refuse_next(&self, retry_after: Duration, global: bool) {
        self.shared.write(|world| world.limiter.order_refusal(retry_after, global));
    }

    /// Changes the rate limits and forgets what was counted.
    pub fn set_rate_limits(&self, limits: RateLimits) {
        self.shared.write(|world| world.limiter.set(limits));
    }

    /// Every REST request and posted interaction so far, oldest first, up to the log's capacity.
    pub fn log(&self) -> Vec<Exchange> {
        self.shared.log.lock().unwrap_or_else(PoisonError::into_inner).all()
    }

    /// Entries that the log no longer has.
    pub fn log_dropped(&self) -> u64 {
        self.shared.log.lock().unwrap_or_else(PoisonError::into_inner).dropped()
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.shared.stop.send_replace(true);
    }
}

/// A guild. Cheap to clone.
#[derive(Clone)]
pub struct Guild {
    shared: Arc<Shared>,
    id: GuildId,
}

impl Guild {
    /// Its id.
    pub fn id(&self) -> GuildId {
        self.id
    }

    /// A new text channel that everybody sees.
    pub fn channel(&self, name: &str) -> ChannelId {
        self.shared.write(|world| world.add_channel(self.id, kind::TEXT, name))
    }

    /// A new forum channel.
    pub fn forum(&self, name: &str) -> ChannelId {
        self.shared.write(|world| world.add_channel(self.id, kind::FORUM, name))
    }

    /// A new text channel that only these roles see (and the owner, and administrators).
    pub fn hidden_channel(&self, name: &str, roles: &[RoleId]) -> ChannelId {
        self.shared.write(|world| {
            let id = world.add_channel(self.id, kind::TEXT, name);
            let hidden = Permissions::VIEW_CHANNEL;
            let rule = |id: u64, allow, deny| Overwrite { id, member: false, allow, deny };
            let mut overwrites = vec![rule(self.id.0, Permissions::NONE, hidden)];
            overwrites.extend(roles.iter().map(|role| rule(role.0, hidden, Permissions::NONE)));
            if let Some(channel) = world.channels.get_mut(&id) {
                channel.overwrites = overwrites;
            }
            world.channel_event("CHANNEL_UPDATE", id);
            id
        })
    }

    /// A new role.
    pub fn role(&self, name: &str, permissions: Permissions) -> RoleId {
        let made = self.shared.write(|world| world.add_role(self.id, name, permissions, None));
        // The guild of a handle is never removed, so a role is always made.
        made.unwrap_or(RoleId(self.id.0))
    }

    /// Makes a user a member, or gives a member more roles.
    pub fn join(&self, user: &User, roles: &[RoleId]) {
        self.shared.write(|world| world.join(self.id, user.id, roles));
    }

    /// Takes a user out.
    pub fn leave(&self, user: &User) {
        self.shared.write(|world| world.leave(self.id, user.id));
    }

    /// Invites an application's bot with what a community bot usually asks for.
    pub fn install(&self, app: &App) {
        self.install_with(app, Permissions::BOT);
    }

    /// Invites an application's bot with exactly these permissions, on top of those of `@everyone`.
    pub fn install_with(&self, app: &App, permissions: Permissions) {
        self.shared.write(|world| world.install(self.id, app.id, permissions));
    }

    /// The roles a member has, without `@everyone`; none for others.
    pub fn roles_of(&self, user: UserId) -> Option<Vec<RoleId>> {
        self.shared.read(|world| Some(world.guilds.get(&self.id)?.members.get(&user)?.roles.clone()))
    }
}

/// An application and its bot. Cheap to clone.
#[derive(Clone)]
pub struct App {
    shared: Arc<Shared>,
    id: ApplicationId,
}

impl App {
    /// Its id.
    pub fn id(&self) -> ApplicationId {
        self.id
    }

    /// Its bot's user id.
    pub fn bot(&self) -> UserId {
        self.shared.read(|world| world.bot_of(self.id))
    }

    /// The bot's token, without `Bot `.
    pub fn token(&self) -> String {
        self.look(|known| known.token.clone())
    }

    /// The Ed25519 key interactions are signed with, in hexadecimal.
    pub fn public_key(&self) -> String {
        self.look(crate::world::application::Application::public_key)
    }

    fn look<T: Default>(&self, look: impl FnOnce(&crate::world::application::Application) -> T) -> T {
        self.shared.read(|world| world.applications.get(&self.id).map(look).unwrap_or_default())
    }

    /// Sends interactions to this address from now on (or, with none, over the gateway). The endpoint is checked as
    /// Discord does: it must answer a signed ping, and refuse one with a wrong signature.
    pub async fn set_interactions_url(&self, url: Option<&str>) -> Result<(), EndpointRefused> {
        if let Some(url) = url {
            delivery::verify_endpoint(&self.shared, self.id, url).await.map_err(EndpointRefused)?;
        }
        self.shared.write(|world| {
            if let Some(known) = world.applications.get_mut(&self.id) {
                known.endpoint = url.map(Into::into);
            }
        });
        Ok(())
    }

    /// Grants exactly these privileged intents (bits 1, 8 and 15). New applications have all three.
    pub fn grant_intents(&self, intents: u64) {
        self.shared.write(|world| {
            if let Some(known) = world.applications.get_mut(&self.id) {
                known.privileged = intents;
            }
        });
    }

    /// Its registered commands, as Discord writes them.
    pub fn commands(&self) -> Vec<Value> {
        self.shared.read(|world| {
            let own = world.commands.values().filter(|command| command.application == self.id);
            own.map(crate::world::application::Command::json).collect()
        })
    }

    /// Waits until a command is registered, named with its sub-commands: `"server start"`.
    pub async fn wait_for_command(&self, path: &str, within: Duration) -> Result<(), TimedOut> {
        let names = |commands: &[Value]| {
            let mut names = Vec::new();
            for command in commands {
                collect_names(command, "", &mut names);
            }
            names
        };
        let look = || names(&self.commands()).iter().any(|name| name == path).then_some(());
        let seen = || format!("the commands {}", names(&self.commands()).join(", "));
        self.as_user().wait(within, look, seen).await
    }

    /// Gateway connections that have identified.
    pub fn connections(&self) -> usize {
        self.shared.read(|world| world.sessions.connected(self.id))
    }

    /// Waits until the bot is connected to the gateway.
    pub async fn wait_connected(&self, within: Duration) -> Result<(), TimedOut> {
        let look = || (self.connections() > 0).then_some(());
        self.as_user().wait(within, look, || "no gateway connection".into()).await
    }

    fn as_user(&self) -> User {
        User { shared: Arc::clone(&self.shared), id: self.bot() }
    }
}

fn collect_names(command: &Value, before: &str, names: &mut Vec<String>) {
    let name = format!("{before}{}", command["name"].as_str().unwrap_or_default());
    let below = command["options"].as_array().map(Vec::as_slice).unwrap_or_default();
    let nested: Vec<&Value> =
        below.iter().filter(|option| matches!(option["type"].as_i64(), Some(1 | 2))).collect();
    // At the top, a type of 1 or 2 means slash or user command; only below it marks nesting.
    if nested.is_empty() {
        names.push(name);
        return;
    }
    for option in nested {
        collect_names(option, &format!("{name} "), names);
    }
}
