//! The gateway: interactions that come over Discord's WebSocket go to the same desk as those over HTTP, and
//! their first answer goes back through REST. Messages with a prefix go there too, and whatever happens in a
//! guild to the directory.
//!
//! twilight keeps the connection: heartbeats, resuming, identifying in turn. Nothing that happens to it ends
//! the program.

use std::{
    borrow::Cow,
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use futures::StreamExt;
use guildhall_core::{Clock, Error, Kind as Blame, error::panic_text};
use guildhall_guilds::DiscordGuilds;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::value::RawValue;
use time::{OffsetDateTime, PrimitiveDateTime};
use tokio::{
    sync::{oneshot, watch},
    task::JoinSet,
};
use twilight_gateway::{ConfigBuilder, Intents, Message, Shard, ShardId, queue::InMemoryQueue};

use crate::{
    config::GatewayConfig,
    desk::{Counter, Desk, stranger},
    ingress::Ingress,
    intent::{self, Refused},
    interaction::{Interaction, Snowflake},
    meters, patience,
    rest::{GatewayInfo, RestError, quietly},
    withheld::Withheld,
};

/// Discord's close code for an intent that the application may not have.
const DISALLOWED_INTENTS: u16 = 4014;
/// How long an answer may be on its way: Discord waits three seconds, and deferring takes up to two.
const ANSWER: Duration = Duration::from_millis(900);
/// Until when something is tried without which the gateway cannot be used.
const EVER: OffsetDateTime = PrimitiveDateTime::MAX.assume_utc();

/// Whether the gateway is connected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GatewayState {
    /// It is not wanted.
    #[default]
    Off,
    /// It is being connected, for the first time or again.
    Connecting,
    /// Interactions come in over it, on every shard.
    Ready,
    /// Discord will not have it; the text says why and what to do.
    Refused(String),
}

/// The connection.
pub(crate) struct Gateway {
    pub(crate) config: GatewayConfig,
    pub(crate) token: SecretString,
    pub(crate) application: u64,
    pub(crate) desk: Arc<Desk>,
    pub(crate) ingress: Arc<Ingress>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) state: watch::Sender<GatewayState>,
    pub(crate) guilds: Option<Arc<DiscordGuilds>>,
    pub(crate) refused: Arc<Refused>,
    pub(crate) withheld: Withheld,
}

/// The shards that are connected.
struct Up {
    ready: Mutex<HashSet<u32>>,
    total: u32,
    intents: Intents,
}

/// A gateway message, its payload not read yet.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow, default)]
    t: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    d: Option<&'a RawValue>,
}

/// The beginning of a session, as far as it is needed to know one's own name.
#[derive(Deserialize)]
struct Ready {
    user: Option<User>,
}

#[derive(Deserialize)]
struct User {
    id: Snowflake,
}

impl Gateway {
    /// Stays connected until the future is dropped or Discord refuses every shard. Where it refuses an intent,
    /// it is asked for less.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut intents = intent::OWN;
        if let Some(guilds) = &self.guilds {
            guilds.want_messages(true);
            intents |= guilds.intents();
        }
        let all = intents;
        loop {
            self.state.send_replace(GatewayState::Connecting);
            let Some(info) = self.find().await else { return };
            if !self.connect(&info, intents).await {
                return;
            }
            let fewer = intent::fewer(intents, self.flags().await);
            if fewer == intents {
                return self.refused(remedy(DISALLOWED_INTENTS));
            }
            intents = fewer;
            self.refused.set(all - intents);
            for feature in self.refused.features_off(true) {
                tracing::warn!("Discord refuses an intent, so this is off: {feature}");
            }
        }
    }

    /// Keeps all shards connected until each is refused for good. `true` when an intent is why.
    async fn connect(self: &Arc<Self>, info: &GatewayInfo, intents: Intents) -> bool {
        let url = self.config.url.clone().unwrap_or_else(|| info.url.clone());
        let total = info.shards.clamp(1, 1_024);
        let queue = match &info.session_start_limit {
            Some(limit) => InMemoryQueue::new(
                limit.max_concurrency.max(1),
                limit.remaining,
                Duration::from_millis(limit.reset_after),
                limit.total,
            ),
            None => InMemoryQueue::default(),
        };
        let token = self.token.expose_secret().to_owned();
        let config = quietly(|| ConfigBuilder::new(token, intents).proxy_url(url).queue(queue).build());
        let config = match config {
            Ok(config) => config,
            Err(error) => {
                self.refused(error.to_string());
                return false;
            }
        };
        let up = Arc::new(Up { ready: Mutex::default(), total, intents });
        let mut shards = JoinSet::new();
        for number in 0..total {
            let shard = Shard::with_config(ShardId::new(number, total), config.clone());
            shards.spawn(self.clone().keep(shard, up.clone()));
        }
        while let Some(ended) = shards.join_next().await {
            match ended {
                Ok(DISALLOWED_INTENTS) => {
                    shards.shutdown().await;
                    return true;
                }
                Ok(code) => self.refused(remedy(code)),
                Err(error) => tracing::error!(%error, "a gateway shard broke"),
            }
        }
        false
    }

    fn refused(&self, why: String) {
        tracing::error!("the gateway cannot be used; interactions over HTTP still work: {why}");
        self.state.send_replace(GatewayState::Refused(why));
    }

    /// Asks where the gateway is until there is an answer.
    async fn find(&self) -> Option<GatewayInfo> {
        let mut failed = 0;
        loop {
            match self.desk.post.unhurried(|| self.desk.rest.gateway()).await {
                Ok(info) => return Some(info),
                Err(error @ RestError::Token) => {
                    self.refused(error.to_string());
                    return None;
                }
                Err(error) => tracing::warn!("the gateway's address cannot be had yet: {error}"),
            }
            self.clock.sleep(patience::pause(failed)).await;
            failed += 1;
        }
    }

    /// The bits of the application's flags; `None` where Discord does not tell. An outage is waited out: to guess is
    /// to give up what the application may have.
    async fn flags(&self) -> Option<u64> {
        let ask = || self.desk.post.unhurried(|| self.desk.rest.application_flags());
        patience::insist(self.clock.as_ref(), EVER, RestError::is_transient, ask).await.ok()
    }

    /// Reads one shard until it ends, which it does only when Discord refuses it for good; the close code says
    /// why, 0 if there is none.
    async fn keep(self: Arc<Self>, mut shard: Shard, up: Arc<Up>) -> u16 {
        let number = shard.id().number();
        let mut closed = 0;
        while let Some(item) = shard.next().await {
            match item {
                Ok(Message::Text(text)) => {
                    // One frame that breaks something must not end the shard.
                    let event = || self.event(number, &text, &up);
                    if let Err(panic) = catch_unwind(AssertUnwindSafe(event)) {
                        let why = panic_text(panic.as_ref());
                        tracing::error!(shard = number, "a frame of the gateway was given up: {why}");
                    }
                }
                Ok(Message::Close(frame)) => {
                    tracing::info!(shard = number, ?frame, "the gateway closed the connection");
                    self.down(number, &up);
                    closed = frame.map_or(0, |frame| frame.code);
                }
                Err(error) => {
                    tracing::warn!(shard = number, %error, "the gateway is in trouble; it is connected again");
                    if !shard.state().is_identified() {
                        self.down(number, &up);
                    }
                }
            }
        }
        self.down(number, &up);
        closed
    }

    fn down(&self, shard: u32, up: &Up) {
        meters::gateway(shard, false);
        up.ready.lock().unwrap_or_else(PoisonError::into_inner).remove(&shard);
        if let Some(guilds) = &self.guilds {
            guilds.disconnected();
        }
        self.state.send_replace(GatewayState::Connecting);
    }

    fn event(&self, shard: u32, text: &str, up: &Up) {
        let Ok(frame) = serde_json::from_str::<Frame<'_>>(text) else { return };
        let Some(kind) = frame.t.as_deref() else { return };
        let addressed = match (kind, frame.d) {
            ("MESSAGE_CREATE", Some(payload)) => self.desk.hear(payload.get()),
            _ => None,
        };
        // Nobody else hears of a message with something secret: a log of what was deleted would tell it.
        if let Some(secret) = addressed.as_ref().filter(|addressed| addressed.secret) {
            self.withheld.add(secret.id);
        } else if let (Some(guilds), Some(payload)) = (&self.guilds, frame.d)
            && !self.withheld.is_about(kind, payload.get())
        {
            guilds.frame(shard, kind, payload);
        }
        if let Some(addressed) = addressed.filter(|addressed| self.ingress.is_new(addressed.id)) {
            self.desk.heed(addressed);
        }
        match (kind, frame.d) {
            ("INTERACTION_CREATE", Some(payload)) => self.interaction(payload.get()),
            ("READY" | "RESUMED", payload) => {
                let ready = payload.and_then(|payload| serde_json::from_str::<Ready>(payload.get()).ok());
                if let Some(User { id }) = ready.and_then(|ready| ready.user) {
                    self.desk.me.store(id.0, Ordering::Relaxed);
                }
                self.up(shard, up);
            }
            _ => {}
        }
    }

    fn up(&self, shard: u32, up: &Up) {
        meters::gateway(shard, true);
        let mut ready = up.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.insert(shard);
        if u32::try_from(ready.len()).is_ok_and(|ready| ready == up.total) {
            tracing::info!("the gateway is connected");
            if let Some(guilds) = &self.guilds {
                guilds.connected(up.intents);
            }
            self.state.send_replace(GatewayState::Ready);
        }
    }

    fn interaction(&self, payload: &str) {
        let received = Instant::now();
        let interaction: Interaction = match serde_json::from_str(payload) {
            Ok(interaction) => interaction,
            Err(error) => {
                tracing::warn!(%error, "the gateway sent an interaction that cannot be read");
                meters::turned_away("malformed_interaction");
                let desk = self.desk.clone();
                self.desk.spawn(async move {
                    let error = Error::new(Blame::User, "malformed_interaction", "It is not an interaction.");
                    desk.refusals.verified(stranger(None), "an interaction", error).await;
                });
                return;
            }
        };
        if interaction.application_id.0 != self.application || !self.ingress.is_new(interaction.id.0) {
            meters::turned_away("replayed_interaction");
            return;
        }
        let (id, kind, token) = (interaction.id.0, interaction.kind, interaction.token.clone());
        let (handed, known) = oneshot::channel();
        let (counter, answer) = Counter::new(kind, received, Some(known));
        let span = tracing::info_span!("interaction", kind = kind.as_str());
        span.in_scope(|| self.desk.accept(interaction, counter));
        let (post, clock) = (self.desk.post.clone(), self.clock.clone());
        self.desk.spawn(async move {
            let Ok(answer) = answer.await else { return };
            // Nothing stands between the first answer and Discord, as it has to be there within three seconds.
            let respond = || async {
                let result = post.rest.respond(id, &token, &answer).await;
                post.note(&result);
                result
            };
            let until = clock.now() + ANSWER;
            let result = patience::insist(clock.as_ref(), until, RestError::is_transient, respond).await;
            if let Err(error) = &result {
                tracing::warn!(%error, "an interaction could not be answered");
                meters::interaction(kind, "unanswered");
            }
            // The desk may have nothing more to say, and no longer listen.
            let _ = handed.send(result.is_ok());
        });
    }
}

/// Why Discord refuses the gateway for good, and what to do
/// (<https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes>).
fn remedy(code: u16) -> String {
    let why = match code {
        4004 => {
            "Discord does not accept the bot token. Make a new one in the developer portal, under \"Bot\", and put it into the configuration."
        }
        4010 => "Discord does not accept the shard number. This is a fault of Guildhall; please report it.",
        4011 => {
            "The bot is in too many guilds for its number of shards. Restart Guildhall; it asks Discord for the number."
        }
        4012 => "Discord no longer speaks this version of the gateway. Update Guildhall.",
        4013 => "Discord does not know an intent. Update Guildhall.",
        4014 => {
            "The bot lacks an intent. Turn it on in the developer portal, under \"Bot\", \"Privileged Gateway Intents\"."
        }
        _ => "Discord closed the connection for good. Restart Guildhall to try again.",
    };
    format!("{why} (close code {code})")
}
