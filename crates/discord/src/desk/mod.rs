//! The desk where interactions are dealt with, however they came in.
//!
//! Each gets a task of its own, so that an operation goes on when the one who asked is gone. The task hands
//! over exactly one first answer, and edits it later where there is more to say.

mod answer;
mod button;
mod command;
mod complete;
mod form;
mod refusal;

use std::{collections::HashMap, future::Future, sync::Arc, time::Instant};

use guildhall_core::{
    Actor, ActorId, Catalogue, Clock, Error, Face, Kind as Blame, Rank, TenantId,
    notebook::Notebook,
    permission::{Member, Ranking},
};
use tokio::sync::{Semaphore, oneshot};
use tokio_util::task::TaskTracker;
use twilight_model::http::interaction::InteractionResponse;

use crate::{
    config::{Community, DiscordConfig, Timing},
    interaction::{Interaction, Kind},
    meters,
    rest::Rest,
    shelf::Shelf,
    tell::Topics,
};

pub(crate) use answer::pong;
pub(crate) use refusal::Refusals;

/// Interactions dealt with at once. More are told to come back.
const AT_ONCE: usize = 2_048;
/// The tenant of records that belong to no community that is served.
const NOBODY: &str = "discord";

/// What every interaction needs.
pub(crate) struct Desk {
    communities: HashMap<u64, Community>,
    catalogue: Arc<Catalogue>,
    ranking: Arc<dyn Ranking>,
    clock: Arc<dyn Clock>,
    pub(crate) rest: Arc<Rest>,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) topics: Arc<Topics>,
    pub(crate) refusals: Refusals,
    timing: Timing,
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

/// Who acts, for which community.
pub(crate) struct Seat {
    pub(crate) tenant: TenantId,
    pub(crate) actor: Actor,
}

impl Desk {
    pub(crate) fn new(
        config: &DiscordConfig,
        catalogue: Arc<Catalogue>,
        notebook: &Arc<dyn Notebook>,
        ranking: Arc<dyn Ranking>,
        clock: Arc<dyn Clock>,
        rest: Arc<Rest>,
    ) -> Self {
        Self {
            communities: config.communities.iter().map(|c| (c.guild_id, c.clone())).collect(),
            refusals: Refusals::new(catalogue.clone(), clock.clone()),
            catalogue,
            ranking,
            rest,
            shelf: Arc::new(Shelf::new(notebook.clone(), clock.clone())),
            topics: Arc::new(Topics::new(notebook.clone(), clock.clone())),
            clock,
            timing: config.timing,
            places: Semaphore::new(AT_ONCE),
            tasks: TaskTracker::new(),
        }
    }

    /// Deals with an interaction in a task of its own. The answer comes out at the counter's other end.
    pub(crate) fn accept(self: &Arc<Self>, interaction: Interaction, counter: Counter) {
        let desk = self.clone();
        self.tasks.spawn(async move {
            let Ok(_place) = desk.places.try_acquire() else {
                meters::interaction(counter.kind, "busy");
                counter.hand_over(answer::busy(interaction.kind));
                return;
            };
            match interaction.kind {
                Kind::Ping => drop(counter.hand_over(pong())),
                Kind::Autocomplete => desk.complete(interaction, counter).await,
                Kind::Command => desk.command(interaction, counter).await,
                Kind::Component => desk.button(interaction, counter).await,
                Kind::Modal => desk.form(interaction, counter).await,
            }
        });
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

    /// Finds out who acts and for whom.
    async fn seat(&self, interaction: &Interaction, asked_for: &str) -> Result<Seat, Error> {
        let community = interaction.guild_id.and_then(|guild| self.communities.get(&guild.0));
        let (Some(community), Some(member)) = (community, &interaction.member) else {
            let (code, message, remedy) = if interaction.guild_id.is_none() {
                (
                    "not_in_a_guild",
                    "Guildhall works inside of a Discord server only.",
                    "Use the command there.",
                )
            } else {
                (
                    "unknown_guild",
                    "This Discord server is not set up in Guildhall.",
                    "Ask who runs Guildhall to add it to the configuration.",
                )
            };
            let error = Error::new(Blame::Permission, code, message).remedy(remedy);
            return Err(self.refusals.verified(stranger(Some(interaction)), asked_for, error).await);
        };
        let tenant = community.tenant.clone();
        let known = Member {
            tenant: tenant.clone(),
            user: interaction.user_id(),
            roles: member.roles.iter().flatten().map(|role| role.0).collect(),
            administrator: member.is_administrator(),
            owner: false,
        };
        let mut actor = Actor {
            tenant: tenant.clone(),
            id: ActorId::discord(known.user),
            name: interaction.user_name(),
            face: Face::Discord,
            rank: Rank::MEMBER,
            scope: None,
        };
        match self.ranking.rank(&known).await {
            Ok(rank) => actor.rank = rank,
            Err(error) => return Err(self.refusals.verified(actor, asked_for, error).await),
        }
        Ok(Seat { tenant, actor })
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
