//! Starting and stopping the stand-in, and building its world.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::clock::SimClock;
use crate::guild::Guild;
use crate::id::{GuildId, UserId};
use crate::log::Exchange;
use crate::permission::Permissions;
use crate::rest::fault::FaultOrder;
use crate::rest::limit::{RateLimiter, RateLimits};
use crate::server;
use crate::shared::Shared;
use crate::user::User;
use crate::world::World;
use crate::world::channel::kind;
use crate::world::member::Member;

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

/// How large the guilds are that [`Sim::guilds`] makes.
#[derive(Clone, Copy, Debug)]
pub struct ManyGuilds {
    /// How many guilds.
    pub count: usize,
    /// Text channels in each.
    pub channels: usize,
    /// Roles in each, beside `@everyone` and the bot's.
    pub roles: usize,
    /// Members of each beside the owner and the bot; the same people are in all of them.
    pub members: usize,
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

    /// A person whose account was made that long ago, which the id tells.
    pub fn user_made_ago(&self, name: &str, ago: Duration) -> User {
        let id = self.shared.write(|world| {
            let now = world.now();
            // Before Discord began nobody had an account, so a longer time ago is its first day.
            let made = time::Duration::try_from(ago).ok().and_then(|ago| now.checked_sub(ago));
            let made = made.unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
            world.add_user_made_at(name, made)
        });
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

    /// The guild of that id, if there is one.
    pub fn guild_by_id(&self, id: GuildId) -> Option<Guild> {
        let known = self.shared.read(|world| world.guilds.contains_key(&id));
        known.then(|| Guild { shared: Arc::clone(&self.shared), id })
    }

    /// Many guilds at once, for measurements: each with so many text channels, roles and further members, and with the
    /// application's bot in it. Bots that are connected already are told as soon as all are made.
    pub fn guilds(&self, many: &ManyGuilds, owner: &User, app: Option<&App>) -> Vec<Guild> {
        self.shared.write(|world| {
            let mut people = Vec::new();
            for number in 0..many.members {
                people.push(world.add_user(&format!("member-{number}"), false));
            }
            let mut guilds = Vec::new();
            for number in 0..many.count {
                let id = world.add_guild(&format!("guild-{number}"), owner.id);
                for channel in 0..many.channels {
                    world.add_channel(id, kind::TEXT, &format!("channel-{channel}"));
                }
                for role in 0..many.roles {
                    world.add_role(id, &format!("role-{role}"), Permissions::NONE, None);
                }
                let now = world.now();
                if let Some(known) = world.guilds.get_mut(&id) {
                    known.members.extend(people.iter().map(|user| (*user, Member::new(now))));
                }
                if let Some(app) = app {
                    world.install(id, app.id, Permissions::BOT);
                }
                guilds.push(Guild { shared: Arc::clone(&self.shared), id });
            }
            guilds
        })
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

    /// Orders a fault: from now on requests fail, are refused, or take their time.
    pub fn fault(&self, order: FaultOrder) {
        self.shared.write(|world| world.faults.order(order));
    }

    /// Takes back every ordered fault.
    pub fn heal(&self) {
        self.shared.write(|world| world.faults.heal());
    }

    /// Requests that an ordered fault struck so far.
    pub fn faults_struck(&self) -> u64 {
        self.shared.read(|world| world.faults.struck())
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
