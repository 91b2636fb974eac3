//! The gateway: interactions that come over Discord's WebSocket go to the same desk as those over HTTP, and
//! their first answer goes back through REST.
//!
//! twilight keeps the connection: heartbeats, resuming, identifying in turn. Nothing that happens to it ends
//! the program.

use std::{
    borrow::Cow,
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::StreamExt;
use guildhall_core::{Clock, Error, Kind as Blame};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::{
    sync::{oneshot, watch},
    task::JoinSet,
};
use twilight_gateway::{CloseFrame, ConfigBuilder, Intents, Message, Shard, ShardId, queue::InMemoryQueue};

use crate::{
    config::GatewayConfig,
    desk::{Counter, Desk, stranger},
    ingress::Ingress,
    interaction::Interaction,
    meters, patience,
    rest::{GatewayInfo, Rest, RestError, quietly},
};

/// Interactions need no intent. This one keeps the bot shown as a member of its guilds and lets Discord say
/// when it is added to one.
const INTENTS: Intents = Intents::GUILDS;
/// How long an answer may be on its way: Discord waits three seconds, and deferring takes up to two.
const ANSWER: Duration = Duration::from_millis(900);

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
    pub(crate) rest: Arc<Rest>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) ingress: Arc<Ingress>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) state: watch::Sender<GatewayState>,
}

/// The shards that are connected.
#[derive(Default)]
struct Up {
    ready: Mutex<HashSet<u32>>,
    total: u32,
}

/// A gateway message, its payload not read yet.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow, default)]
    t: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    d: Option<&'a RawValue>,
}

impl Gateway {
    /// Stays connected until the future is dropped or Discord refuses every shard.
    pub(crate) async fn run(self: Arc<Self>) {
        self.state.send_replace(GatewayState::Connecting);
        let Some(info) = self.find().await else { return };
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
        let config = quietly(|| ConfigBuilder::new(token, INTENTS).proxy_url(url).queue(queue).build());
        let config = match config {
            Ok(config) => config,
            Err(error) => return self.refused(error.to_string()),
        };
        let up = Arc::new(Up { total, ..Up::default() });
        let mut shards = JoinSet::new();
        for number in 0..total {
            let shard = Shard::with_config(ShardId::new(number, total), config.clone());
            shards.spawn(self.clone().keep(shard, up.clone()));
        }
        while let Some(ended) = shards.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a gateway shard broke");
            }
        }
    }

    fn refused(&self, why: String) {
        tracing::error!("the gateway cannot be used; interactions over HTTP still work: {why}");
        self.state.send_replace(GatewayState::Refused(why));
    }

    /// Asks where the gateway is until there is an answer.
    async fn find(&self) -> Option<GatewayInfo> {
        let mut failed = 0;
        loop {
            match self.rest.gateway().await {
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

    /// Reads one shard until it ends, which it does only when Discord refuses it for good.
    async fn keep(self: Arc<Self>, mut shard: Shard, up: Arc<Up>) {
        let number = shard.id().number();
        let mut closed = None;
        while let Some(item) = shard.next().await {
            match item {
                Ok(Message::Text(text)) => self.event(number, &text, &up),
                Ok(Message::Close(frame)) => {
                    tracing::info!(shard = number, ?frame, "the gateway closed the connection");
                    self.down(number, &up);
                    closed = frame;
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
        self.refused(remedy(closed.as_ref()));
    }

    fn down(&self, shard: u32, up: &Up) {
        meters::gateway(shard, false);
        up.ready.lock().unwrap_or_else(PoisonError::into_inner).remove(&shard);
        self.state.send_replace(GatewayState::Connecting);
    }

    fn event(&self, shard: u32, text: &str, up: &Up) {
        let Ok(frame) = serde_json::from_str::<Frame<'_>>(text) else { return };
        match (frame.t.as_deref(), frame.d) {
            (Some("READY" | "RESUMED"), _) => {
                meters::gateway(shard, true);
                let mut ready = up.ready.lock().unwrap_or_else(PoisonError::into_inner);
                ready.insert(shard);
                if u32::try_from(ready.len()).is_ok_and(|ready| ready == up.total) {
                    tracing::info!("the gateway is connected");
                    self.state.send_replace(GatewayState::Ready);
                }
            }
            (Some("INTERACTION_CREATE"), Some(payload)) => self.interaction(payload.get()),
            _ => {}
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
        self.desk.accept(interaction, counter);
        let (rest, clock) = (self.rest.clone(), self.clock.clone());
        self.desk.spawn(async move {
            let Ok(answer) = answer.await else { return };
            let respond = || rest.respond(id, &token, &answer);
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
fn remedy(frame: Option<&CloseFrame<'static>>) -> String {
    let code = frame.map_or(0, |frame| frame.code);
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
