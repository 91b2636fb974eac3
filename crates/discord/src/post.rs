//! The post: documents to channels and people, for every domain that has something to say.
//!
//! What a document's buttons refer to is on the same shelf as that of answers, so both work alike. In a
//! direct message there is no guild around a button, so the button names the one it acts for.

use std::{future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use guildhall_core::{
    Clock, Document, Error, Kind, TenantId,
    guild::{ChannelId, Courier, Delivery, MessageId, MessageLink, UserId, bits, hierarchy},
    notebook::Notebook,
    upstream::{Passing, Upstream},
};
use moka::sync::Cache;
use secrecy::ExposeSecret;
use twilight_model::channel::message::Component;

use crate::{
    config::{DiscordConfig, DiscordError, Served},
    meters, patience,
    render::{self, Around, Rendered},
    rest::{Body, Place, Rest, RestError},
    shelf::Shelf,
};

/// How long a message is tried again where no [`Upstream`] decides about it.
const PATIENCE: Duration = Duration::from_secs(30);
/// Channels of direct messages remembered. Opening one is what Discord limits most.
const CHANNELS: u64 = 10_000;
/// Discord: this person takes no messages from the bot, shares no guild with it, or is not to be written to.
const CLOSED: [u64; 3] = [50_007, 50_278, 50_033];
/// Discord: the message is not made as it should be.
const INVALID_FORM: u64 = 50_035;

/// Writes documents to channels and people.
pub struct Post {
    pub(crate) rest: Arc<Rest>,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) served: Served,
    clock: Arc<dyn Clock>,
    upstream: Option<Upstream>,
    channels: Cache<u64, u64>,
}

impl Post {
    /// Checks the configuration as far as the post needs it. Nothing is connected.
    ///
    /// # Errors
    ///
    /// When the application or the address of Discord does not fit, or this machine can make no connection.
    pub fn new(
        config: &DiscordConfig,
        notebook: Arc<dyn Notebook>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, DiscordError> {
        let rest = Arc::new(Rest::new(config, config.token.expose_secret())?);
        Ok(Arc::new(Self {
            rest,
            shelf: Arc::new(Shelf::new(notebook, clock.clone())),
            served: Served::new(config),
            clock,
            upstream: config.upstream.clone(),
            channels: Cache::new(CHANNELS),
        }))
    }

    /// One page, after everything that its buttons refer to is kept.
    pub(crate) async fn page(
        &self,
        tenant: &TenantId,
        mut rendered: Rendered,
        page: usize,
    ) -> Vec<Component> {
        let kept = self.shelf.keep(tenant, &rendered.keep).await;
        let page = page.min(rendered.pages.len().saturating_sub(1));
        let mut components =
            if rendered.pages.is_empty() { Vec::new() } else { rendered.pages.swap_remove(page) };
        if let Err(error) = kept {
            tracing::warn!("what buttons refer to could not be kept: {}", error.causes());
            let note = if error.kind.is_refusal() {
                error.to_string()
            } else {
                "Some buttons here may not work: Guildhall could not keep what they refer to.".to_owned()
            };
            components.push(render::footnote(format!("-# {}", render::escape(&note))));
        }
        components
    }

    /// Sends components to a person.
    pub(crate) async fn deliver(
        &self,
        user: u64,
        components: &[Component],
        nonce: &str,
    ) -> Result<Delivery, Error> {
        let sent = async {
            let channel = match self.channels.get(&user) {
                Some(channel) => channel,
                None => self.ask(|| self.rest.direct(user)).await?,
            };
            self.channels.insert(user, channel);
            let body = Body::of(components).nonce(nonce.to_owned());
            self.ask(|| self.rest.send(channel, &body)).await
        };
        match sent.await {
            Ok(_) => Ok(Delivery::Delivered),
            Err(Trouble::Rest(error)) if CLOSED.contains(&error.code()) => {
                meters::delivery("closed");
                Ok(Delivery::Closed)
            }
            Err(trouble) => Err(trouble.into()),
        }
    }

    /// Asks Discord once, for an answer that somebody waits for: an open breaker does not hold it up.
    pub(crate) async fn once<T>(
        &self,
        attempt: impl Future<Output = Result<T, RestError>>,
    ) -> Result<T, RestError> {
        let Some(upstream) = &self.upstream else { return attempt.await };
        let result = upstream.once(async { attempt.await.map_err(Trouble::Rest) }).await;
        result.map_err(RestError::from)
    }

    /// Asks Discord for what nobody waits for: while its breaker is open it is left alone. Whoever asks tries again
    /// later, for as long as that makes sense.
    pub(crate) async fn unhurried<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, RestError>
    where
        F: Future<Output = Result<T, RestError>>,
    {
        match &self.upstream {
            Some(upstream) => guarded(upstream, attempt).await.map_err(RestError::from),
            None => attempt().await,
        }
    }

    /// Counts how a request went for which there was no time to ask: a first answer.
    pub(crate) fn note<T>(&self, result: &Result<T, RestError>) {
        if let Some(upstream) = &self.upstream {
            upstream.note(!result.as_ref().is_err_and(RestError::is_transient));
        }
    }

    /// Asks Discord, again while that can help.
    async fn ask<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, Trouble>
    where
        F: Future<Output = Result<T, RestError>>,
    {
        let Some(upstream) = &self.upstream else {
            let until = self.clock.now() + PATIENCE;
            let result = patience::insist(self.clock.as_ref(), until, RestError::is_transient, attempt).await;
            return result.map_err(Trouble::Rest);
        };
        guarded(upstream, attempt).await
    }
}

async fn guarded<T, F>(upstream: &Upstream, attempt: impl Fn() -> F) -> Result<T, Trouble>
where
    F: Future<Output = Result<T, RestError>>,
{
    let attempt = &attempt;
    upstream.call(|| async move { attempt().await.map_err(Trouble::Rest) }).await
}

#[async_trait]
impl Courier for Post {
    async fn post(
        &self,
        tenant: &TenantId,
        channel: ChannelId,
        document: &Document,
        nonce: &str,
    ) -> Result<MessageId, Error> {
        let components = self.page(tenant, render::document(document), 0).await;
        let body = Body::of(&components).nonce(nonce.to_owned());
        let place = self.ask(|| self.rest.send(channel.0, &body)).await?;
        Ok(MessageId(place.message))
    }

    async fn edit(&self, tenant: &TenantId, at: MessageLink, document: &Document) -> Result<(), Error> {
        let components = self.page(tenant, render::document(document), 0).await;
        let body = Body::of(&components);
        let place = Place { channel: at.channel.0, message: at.message.0 };
        Ok(self.ask(|| self.rest.edit(place, &body)).await?)
    }

    async fn direct(
        &self,
        tenant: &TenantId,
        user: UserId,
        document: &Document,
        nonce: &str,
    ) -> Result<Delivery, Error> {
        let Some(guild) = self.served.guild(tenant) else {
            return Err(Error::new(Kind::Conflict, "guild_none", "This community has no Discord server.")
                .remedy("Set up Discord in the configuration first."));
        };
        let around = Around { asked: None, guild: Some(guild) };
        let components = self.page(tenant, render::render(document, around), 0).await;
        self.deliver(user.0, &components, nonce).await
    }
}

/// What keeps a document from being written.
#[derive(Debug)]
enum Trouble {
    Rest(RestError),
    /// The circuit breaker, or a rehearsal.
    Held(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Held(error)
    }
}

impl Passing for Trouble {
    fn is_passing(&self) -> bool {
        match self {
            Self::Rest(error) => error.is_transient(),
            Self::Held(error) => error.is_passing(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Rest(_) => None,
            Self::Held(error) => error.retry_after,
        }
    }
}

impl From<Trouble> for RestError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Rest(error) => error,
            Trouble::Held(error) => Self::Unreachable(error.to_string()),
        }
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        let error = match trouble {
            Trouble::Held(error) => return error,
            Trouble::Rest(error) => error,
        };
        match &error {
            RestError::Gone { code, .. } => {
                let what = match *code {
                    10_003 => "channel",
                    10_013 => "user",
                    _ => "message",
                };
                Self::new(Kind::NotFound, "guild_unknown", format!("The {what} does not exist (any more)."))
                    .remedy("Check whether it was deleted.")
                    .with("what", what)
            }
            RestError::Forbidden { code: 50_001, .. } => hierarchy::missing_permission(bits::VIEW_CHANNEL),
            RestError::Forbidden { .. } => hierarchy::missing_permission(bits::SEND_MESSAGES),
            RestError::Unreachable(_) | RestError::Token | RestError::Ended => {
                Self::new(Kind::Upstream, "guild_unreachable", "Discord cannot be reached at the moment.")
                    .remedy("Try again in a minute.")
            }
            // A message that Discord cannot read is Guildhall's own fault.
            RestError::Refused { code: 0 | INVALID_FORM, .. } => return Self::bug(error),
            RestError::Refused { .. } => {
                Self::new(Kind::Conflict, "guild_refused", "Discord did not accept this.")
                    .remedy("Check what was given; Guildhall's log has Discord's own words.")
            }
        }
        .because(error)
    }
}
