//! Answers: the first within Discord's three seconds, and what comes after it.
//!
//! An operation that takes longer is acknowledged, and its answer is an edit. Edits go through the
//! interaction's token while it lives (15 minutes). After that a public answer is edited with the bot's own
//! token, and a private one, which the bot cannot reach, is sent as a direct message that says so.

use std::{future::Future, pin::pin, sync::OnceLock, time::Duration};

use guildhall_core::{
    ActorId, Document, Error, Follow, Kind as Blame, Reply, Spec, TenantId, incident::Reader,
    language::Language,
};
use time::OffsetDateTime;
use tracing::Instrument;
use twilight_model::{
    application::command::CommandOptionChoice,
    channel::message::{AllowedMentions, Component, MessageFlags},
    http::interaction::{InteractionResponse, InteractionResponseData, InteractionResponseType as Type},
};

use super::{Counter, Desk, nobody, seat::Seat};
use crate::{
    interaction::{Interaction, Kind},
    meters, patience,
    render::{self, Around, Asked},
    rest::{Body, Place, RestError},
};

/// How long an answer may take from Guildhall to Discord. Until then "unknown interaction" can mean that an
/// edit has overtaken it.
const UNDERWAY: Duration = Duration::from_secs(10);

/// What comes of an interaction.
pub(super) enum Reaction {
    /// A message of its own.
    Message(Message),
    /// The message with the button now reads like this.
    Replace(Message),
    /// A form to fill in.
    Form(Box<InteractionResponseData>),
}

/// A message for the one who acted, or for everybody there.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) components: Vec<Component>,
    ephemeral: bool,
    /// Whether it takes the place of a message that nobody else reads.
    in_place: bool,
    /// The conversation to show the way to.
    topic: Option<(TenantId, String)>,
}

/// How an interaction is acknowledged when the answer takes longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deferral {
    /// "… is thinking"; whether only one person will see the answer has to be said now.
    Message { ephemeral: bool },
    /// Nothing to see; the message with the button changes later.
    Update,
}

/// What is needed to reach the one who acted later.
pub(super) struct Ticket {
    kind: Kind,
    token: String,
    user: u64,
    language: Language,
    received: OffsetDateTime,
}

/// The answer to a PING.
pub(crate) fn pong() -> InteractionResponse {
    InteractionResponse { kind: Type::Pong, data: None }
}

/// The answer to somebody who types.
pub(super) fn choices(choices: Vec<CommandOptionChoice>) -> InteractionResponse {
    let data = InteractionResponseData { choices: Some(choices), ..InteractionResponseData::default() };
    InteractionResponse { kind: Type::ApplicationCommandAutocompleteResult, data: Some(data) }
}

impl Message {
    /// A message for the one who acted.
    pub(super) fn own(components: Vec<Component>) -> Self {
        Self { components, ephemeral: true, in_place: false, topic: None }
    }

    /// As an answer to a button; `own` is whether nobody else reads the message with the button.
    pub(super) fn placed(self, own: bool) -> Reaction {
        if own && self.in_place { Reaction::Replace(self) } else { Reaction::Message(self) }
    }

    fn response(self, kind: Type) -> InteractionResponse {
        let mut flags = MessageFlags::IS_COMPONENTS_V2;
        if self.ephemeral {
            flags |= MessageFlags::EPHEMERAL;
        }
        let data = InteractionResponseData {
            allowed_mentions: Some(AllowedMentions::default()),
            components: Some(self.components),
            flags: Some(flags),
            ..InteractionResponseData::default()
        };
        InteractionResponse { kind, data: Some(data) }
    }

    fn body(&self) -> Body<'_> {
        Body::of(&self.components)
    }
}

impl Reaction {
    fn response(self) -> InteractionResponse {
        match self {
            Self::Message(message) => message.response(Type::ChannelMessageWithSource),
            Self::Replace(message) => message.response(Type::UpdateMessage),
            Self::Form(form) => InteractionResponse { kind: Type::Modal, data: Some(*form) },
        }
    }
}

impl Deferral {
    /// How a call of an operation is acknowledged whose button or form was on a message, one that nobody else
    /// reads (`own`) or another.
    pub(super) fn of(spec: Option<&Spec>, own: bool) -> Self {
        match spec {
            Some(spec) if spec.in_place && own => Self::Update,
            spec => Self::Message { ephemeral: spec.is_none_or(|spec| spec.private) },
        }
    }

    fn response(self) -> InteractionResponse {
        match self {
            Self::Update => InteractionResponse { kind: Type::DeferredUpdateMessage, data: None },
            Self::Message { ephemeral } => {
                let flags = ephemeral.then_some(MessageFlags::EPHEMERAL);
                let data = InteractionResponseData { flags, ..InteractionResponseData::default() };
                InteractionResponse { kind: Type::DeferredChannelMessageWithSource, data: Some(data) }
            }
        }
    }
}

impl Desk {
    /// What it takes to answer the interaction later. Its token moves there.
    pub(super) fn ticket(&self, interaction: &mut Interaction) -> Ticket {
        let token = std::mem::take(&mut interaction.token);
        let language = Language::first(interaction.locales().into_iter().flatten());
        let received = self.clock.now();
        Ticket { kind: interaction.kind, token, user: interaction.user_id(), language, received }
    }

    /// Does `work` and answers: at once when it is quick, else acknowledged first and answered later. How, is
    /// what `work` has promised by then.
    pub(super) async fn answer(
        &self,
        ticket: Ticket,
        counter: Counter,
        promise: &OnceLock<Deferral>,
        work: impl Future<Output = Reaction> + Send,
    ) {
        let received = ticket.received;
        let mut work = pin!(work);
        tokio::select! {
            biased;
            reaction = &mut work => self.at_once(ticket, counter, reaction).await,
            () = self.clock.sleep_until(received + self.timing.defer_after) => {
                meters::interaction(ticket.kind, "deferred");
                let deferral = promise.get().copied().unwrap_or(Deferral::Message { ephemeral: true });
                if let Some(handed) = counter.hand_over(deferral.response())
                    && handed.await != Ok(true)
                {
                    // The operation goes on all the same; its events tell how it went.
                    tracing::warn!("an interaction could not be acknowledged; its answer will not be seen");
                }
                let margin = self.timing.token_life / 15;
                let ends = received + self.timing.token_life;
                let mut place = None;
                let reaction = tokio::select! {
                    biased;
                    reaction = &mut work => reaction,
                    () = self.clock.sleep_until(ends - margin) => {
                        if deferral == (Deferral::Message { ephemeral: false }) {
                            place = self.post.once(self.rest.original(&ticket.token)).await.ok();
                        }
                        work.await
                    }
                };
                self.later(ticket, deferral, place, reaction).await;
            }
        }
    }

    async fn at_once(&self, ticket: Ticket, counter: Counter, mut reaction: Reaction) {
        let missing = match &mut reaction {
            Reaction::Message(message) | Reaction::Replace(message) => self.show_way(message),
            Reaction::Form(_) => None,
        };
        let again = missing.and_then(|missing| match &reaction {
            Reaction::Message(message) | Reaction::Replace(message) => Some((missing, message.clone())),
            Reaction::Form(_) => None,
        });
        let handed = counter.hand_over(reaction.response());
        let Some(((tenant, topic), message)) = again else { return };
        if let Some(handed) = handed
            && handed.await != Ok(true)
        {
            return;
        }
        self.show_way_later(&ticket, message, &tenant, &topic).await;
    }

    /// Shows the way to the conversation, if its thread is known; else returns what to wait for.
    pub(super) fn show_way(&self, message: &mut Message) -> Option<(TenantId, String)> {
        let (tenant, topic) = message.topic.take()?;
        match self.topics.thread(&tenant, &topic) {
            Some(thread) => {
                message.components.push(way(thread));
                None
            }
            None => Some((tenant, topic)),
        }
    }

    async fn show_way_later(&self, ticket: &Ticket, mut message: Message, tenant: &TenantId, topic: &str) {
        let Some(thread) = self.topics.wait(tenant, topic, self.timing.link_wait).await else {
            tracing::debug!(topic, "there was no thread to show the way to");
            return;
        };
        message.components.push(way(thread));
        if let Err(error) = self.edit(ticket, &message).await {
            tracing::debug!(%error, "the way to a thread could not be shown");
        }
    }

    async fn edit(&self, ticket: &Ticket, message: &Message) -> Result<(), RestError> {
        let body = message.body();
        self.insist(ticket, || self.rest.edit_original(&ticket.token, &body)).await
    }

    async fn insist<T, F>(&self, ticket: &Ticket, mut attempt: impl FnMut() -> F) -> Result<T, RestError>
    where
        F: Future<Output = Result<T, RestError>>,
    {
        let settled = ticket.received + self.timing.defer_after + UNDERWAY;
        let passes = |error: &RestError| {
            error.is_transient() || (matches!(error, RestError::Gone { .. }) && self.clock.now() < settled)
        };
        let until = ticket.received + self.timing.token_life;
        patience::insist(self.clock.as_ref(), until, passes, || self.post.once(attempt())).await
    }

    /// Asks Discord without an interaction's token, for as long as somebody may still wait for it.
    pub(super) async fn persist<T, F>(&self, mut attempt: impl FnMut() -> F) -> Result<T, RestError>
    where
        F: Future<Output = Result<T, RestError>>,
    {
        let until = self.clock.now() + self.timing.link_wait;
        let attempt = || self.post.once(attempt());
        patience::insist(self.clock.as_ref(), until, RestError::is_transient, attempt).await
    }

    /// The answer to something that has been acknowledged before.
    async fn later(&self, ticket: Ticket, deferral: Deferral, place: Option<Place>, reaction: Reaction) {
        let (mut message, replaces) = match reaction {
            Reaction::Message(message) => (message, false),
            Reaction::Replace(message) => (message, true),
            Reaction::Form(_) => {
                let error = Error::new(Blame::Upstream, "too_slow", "The form took too long to open.")
                    .remedy("Press the button again.");
                let actor = ActorId::discord(ticket.user);
                let reader = Reader { tenant: nobody(), actor, language: ticket.language };
                (self.said_to(&reader, &error).await, false)
            }
        };
        let missing = self.show_way(&mut message);
        if self.clock.now() < ticket.received + self.timing.token_life {
            match self.through_token(&ticket, deferral, &message, replaces).await {
                Ok(()) => {
                    meters::answer("edited");
                    if let Some((tenant, topic)) = missing {
                        self.show_way_later(&ticket, message, &tenant, &topic).await;
                    }
                    return;
                }
                Err(error) => tracing::info!(%error, "an answer could not be shown where it belongs"),
            }
        }
        match self.elsewhere(&ticket, place, &mut message).await {
            Ok(outcome) => meters::answer(outcome),
            Err(error) => {
                meters::answer("lost");
                tracing::warn!(%error, user = ticket.user, "an answer came too late and found no other way");
            }
        }
    }

    async fn through_token(
        &self,
        ticket: &Ticket,
        deferral: Deferral,
        message: &Message,
        replaces: bool,
    ) -> Result<(), RestError> {
        let token = &ticket.token;
        let private = message.ephemeral;
        let body = message.body().ephemeral(private);
        match deferral {
            // Everybody was promised an answer, but this one is for one person: Discord cannot change that,
            // so the promise is taken back and the answer follows.
            Deferral::Message { ephemeral: false } if private => {
                self.insist(ticket, || self.rest.delete_original(token)).await?;
                self.insist(ticket, || self.rest.follow_up(token, &body)).await
            }
            Deferral::Update if !replaces => self.insist(ticket, || self.rest.follow_up(token, &body)).await,
            _ => self.edit(ticket, message).await,
        }
    }

    /// Without the interaction's token: a public answer by the bot's own, a private one by direct message.
    async fn elsewhere(
        &self,
        ticket: &Ticket,
        place: Option<Place>,
        message: &mut Message,
    ) -> Result<&'static str, RestError> {
        if let Some(place) = place {
            if !message.ephemeral {
                let body = message.body();
                return self.persist(|| self.rest.edit(place, &body)).await.map(|()| "edited_by_bot");
            }
            self.persist(|| self.rest.delete(place)).await?;
        }
        let note = "-# This took longer than Discord keeps an answer open, so it comes as a direct message.";
        message.components.push(render::footnote(note.to_owned()));
        let channel = self.persist(|| self.rest.direct(ticket.user)).await?;
        let body = message.body();
        self.persist(|| self.rest.send(channel, &body)).await.map(|_| "direct_message")
    }

    /// What a call came to, as a message.
    pub(super) async fn outcome(&self, kind: Kind, seat: &Seat, result: Result<Reply, Error>) -> Message {
        let answer = async {
            match result {
                Ok(Reply::Done { document, follow, private, in_place, .. }) => {
                    meters::interaction(kind, "done");
                    let around = Around { asked: None, guild: seat.afar };
                    let rendered = render::render(&document, around);
                    let components = self.post.page(&seat.tenant, rendered, 0).await;
                    let topic = follow.and_then(|Follow { topic, .. }| topic);
                    let topic = topic.map(|topic| (seat.tenant.clone(), topic));
                    Message { components, ephemeral: private, in_place, topic }
                }
                Ok(Reply::Confirm { document, .. }) => {
                    meters::interaction(kind, "asked");
                    let until = (self.clock.now() + self.timing.confirm_within).unix_timestamp();
                    let asked = Some(Asked { user: seat.user(), until });
                    let question = render::render(&document, Around { asked, guild: seat.afar });
                    Message::own(self.post.page(&seat.tenant, question, 0).await)
                }
                Err(error) => {
                    meters::interaction(kind, if error.kind.is_refusal() { "refused" } else { "failed" });
                    self.failure(seat, &error).await
                }
            }
        };
        answer.instrument(tracing::info_span!("answer")).await
    }

    /// An error, which only the one who acted sees.
    pub(super) async fn failure(&self, seat: &Seat, error: &Error) -> Message {
        let document = self.catalogue.present(&seat.reader(), error).await;
        let rendered = render::render(&document, Around { asked: None, guild: seat.afar });
        Message::own(self.post.page(&seat.tenant, rendered, 0).await)
    }

    /// Turns away somebody with a seat, for the record, and says why.
    pub(super) async fn refused(&self, kind: Kind, seat: &Seat, asked_for: &str, error: Error) -> Reaction {
        meters::interaction(kind, "refused");
        let error = self.refusals.verified(seat.actor.clone(), asked_for, error).await;
        Reaction::Message(self.failure(seat, &error).await)
    }

    /// An error for somebody whose community is not served: there is no notebook to keep anything in.
    pub(super) async fn turned_away(&self, interaction: &Interaction, error: &Error) -> Reaction {
        meters::interaction(interaction.kind, "refused");
        Reaction::Message(self.said_to(&self.passer_by(interaction), error).await)
    }

    /// The answer while there is too much to do.
    pub(super) async fn busy(&self, interaction: &Interaction) -> InteractionResponse {
        if interaction.kind == Kind::Autocomplete {
            return choices(Vec::new());
        }
        let error = Error::new(Blame::Limit, "busy", "Guildhall has too much to do right now.")
            .remedy("Try again in a few seconds.");
        self.said_to(&self.passer_by(interaction), &error).await.response(Type::ChannelMessageWithSource)
    }

    async fn said_to(&self, reader: &Reader, error: &Error) -> Message {
        unkept(&self.catalogue.present(reader, error).await)
    }
}

/// A document for which nothing can be kept.
fn unkept(document: &Document) -> Message {
    Message::own(render::document(document).pages.into_iter().next().unwrap_or_default())
}

pub(super) fn way(thread: u64) -> Component {
    render::footnote(format!("-# How it goes on: <#{thread}>"))
}
