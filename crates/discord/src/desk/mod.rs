//! The desk where interactions are dealt with, however they came in.
//!
//! Each gets a task of its own, so that an operation goes on when the one who asked is gone. The task hands
//! over exactly one first answer, and edits it later where there is more to say.

mod answer;
mod button;
mod command;
mod complete;
mod form;
mod menu;
mod message;
mod refusal;
mod seat;

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, atomic::AtomicU64},
    time::Instant,
};

use guildhall_core::{
    Actor, ActorId, Allowance, Catalogue, Clock, Face, Rank, TenantId, permission::Ranking,
    setting::Settings, words::Vocabulary,
};
use guildhall_guilds::DiscordGuilds;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use twilight_model::http::interaction::InteractionResponse;

use crate::{
    config::Timing,
    interaction::{Interaction, Kind},
    meters,
    post::Post,
    rest::Rest,
    shelf::Shelf,
    tell::Topics,
};

pub(crate) use answer::pong;
pub(crate) use menu::problem as menu_problem;
pub(crate) use refusal::Refusals;

/// Interactions dealt with at once. More are told to come back.
const AT_ONCE: usize = 2_048;
/// The tenant of records that belong to no community that is served.
const NOBODY: &str = "discord";

/// Commands as messages that one person may write in a minute. More are left unanswered: an answer to each
/// would let anybody make the bot flood a channel.
const MESSAGES: u32 = 60;
/// People whose messages are counted.
const PEOPLE: usize = 10_000;

/// What the desk works with.
pub(crate) struct Tools {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) ranking: Arc<dyn Ranking>,
    pub(crate) settings: Arc<dyn Settings>,
    pub(crate) guilds: Option<Arc<DiscordGuilds>>,
    pub(crate) post: Arc<Post>,
    pub(crate) topics: Arc<Topics>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) timing: Timing,
    /// The application's id, which is the bot's own until the gateway says otherwise.
    pub(crate) application: u64,
}

/// What every interaction needs.
pub(crate) struct Desk {
    catalogue: Arc<Catalogue>,
    ranking: Arc<dyn Ranking>,
    settings: Arc<dyn Settings>,
    guilds: Option<Arc<DiscordGuilds>>,
    pub(crate) post: Arc<Post>,
    clock: Arc<dyn Clock>,
    pub(crate) rest: Arc<Rest>,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) topics: Arc<Topics>,
    pub(crate) refusals: Refusals,
    timing: Timing,
    /// Operations by the kind and label of their menu entries.
    menus: HashMap<(u8, &'static str), &'static str>,
    vocabulary: Vocabulary,
    writers: Allowance<(u64, u64)>,
    /// The bot's own user id, by which it is mentioned.
    pub(crate) me: AtomicU64,
    places: Semaphore,
    tasks: TaskTracker,
}

/// A way to hand over the first answer, once.
pub(crate) struct Counter {
    answer: oneshot::Sender<InteractionResponse>,
    /// Says when Discord has the answer; `None` where nobody can know, as with an HTTP answer.
    handed: Option<oneshot::Receiver<bool>>,
    received: Instant,
    kind: Kind,
}

impl Counter {
    /// A counter and the end at which its answer comes out.
    pub(crate) fn new(
        kind: Kind,
        received: Instant,
        handed: Option<oneshot::Receiver<bool>>,
    ) -> (Self, oneshot::Receiver<InteractionResponse>) {
        let (answer, out) = oneshot::channel();
        (Self { answer, handed, received, kind }, out)
    }

    /// Hands over the answer. Consumes the counter: there is no second acknowledgement.
    fn hand_over(self, response: InteractionResponse) -> Option<oneshot::Receiver<bool>> {
        meters::acknowledged(self.kind, self.received.elapsed());
        if self.answer.send(response).is_err() {
            meters::interaction(self.kind, "unheard");
        }
        self.handed
    }
}

impl Desk {
    pub(crate) fn new(tools: Tools) -> Self {
        let Tools { catalogue, ranking, settings, guilds, post, topics, clock, timing, application } = tools;
        Self {
            refusals: Refusals::new(catalogue.clone(), clock.clone()),
            menus: menu::entries(catalogue.specs()),
            vocabulary: Vocabulary::new(catalogue.specs().collect::<Vec<_>>().into_iter()),
            writers: Allowance::new(clock.clone(), MESSAGES, PEOPLE),
            me: AtomicU64::new(application),
            rest: post.rest.clone(),
            shelf: post.shelf.clone(),
            catalogue,
            ranking,
            settings,
            guilds,
            post,
            topics,
            clock,
            timing,
            places: Semaphore::new(AT_ONCE),
            tasks: TaskTracker::new(),
        }
    }

    /// Deals with an interaction in a task of its own. The answer comes out at the counter's other end.
    pub(crate) fn accept(self: &Arc<Self>, interaction: Interaction, counter: Counter) {
        let desk = self.clone();
        let work = async move {
            let Ok(_place) = desk.places.try_acquire() else {
                meters::interaction(counter.kind, "busy");
                counter.hand_over(desk.busy(&interaction).await);
                return;
            };
            match interaction.kind {
                Kind::Ping | Kind::Message => drop(counter.hand_over(pong())),
                Kind::Autocomplete => desk.complete(interaction, counter).await,
                Kind::Command if interaction.menu().is_some() => desk.menu(interaction, counter).await,
                Kind::Command => desk.command(interaction, counter).await,
                Kind::Component => desk.button(interaction, counter).await,
                Kind::Modal => desk.form(interaction, counter).await,
            }
        };
        self.tasks.spawn(work.in_current_span());
    }

    /// Runs something that belongs to an interaction and is waited for at the end.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work);
    }

    /// Waits until everything that was accepted is done, or `drain` is over.
    pub(crate) async fn close(&self) {
        self.tasks.close();
        tokio::select! {
            () = self.tasks.wait() => {}
            () = self.clock.sleep(self.timing.drain) => {
                tracing::warn!(left = self.tasks.len(), "interactions were still being dealt with at the end");
            }
        }
    }
}

/// Somebody whose community is not served, for the record; `None` when nobody knows who it is.
pub(crate) fn stranger(interaction: Option<&Interaction>) -> Actor {
    let guild = interaction.and_then(|interaction| interaction.guild_id);
    let tenant = guild.and_then(|guild| guild.0.to_string().parse().ok());
    Actor {
        tenant: tenant.unwrap_or_else(nobody),
        id: interaction.map_or_else(|| ActorId::system("discord"), |one| ActorId::discord(one.user_id())),
        name: interaction.map_or_else(|| "unknown".to_owned(), Interaction::user_name),
        face: Face::Discord,
        rank: Rank::MEMBER,
        scope: None,
    }
}

/// The tenant of records that belong to no community.
pub(crate) fn nobody() -> TenantId {
    match NOBODY.parse() {
        Ok(tenant) => tenant,
        Err(_) => unreachable!("seven letters from a to z are a tenant"),
    }
}
