//! Discord's REST interface, as far as Guildhall speaks it, and what its errors mean.
//!
//! Answers are read leanly: an id is all that is needed of a message, and a strict reader would fail on the
//! next thing Discord adds to one.

use std::{future::IntoFuture, time::Duration};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::sync::OnceCell;
use twilight_http::{Client, Response, client::InteractionClient, error::ErrorType};
use twilight_model::{
    application::command::Command,
    channel::message::Component,
    http::interaction::InteractionResponse,
    id::{Id, marker::ApplicationMarker},
};

use crate::{
    config::{CommandScope, DiscordConfig, DiscordError},
    interaction::Snowflake,
};

/// How long one request may take, its waits for Discord's rate limits included.
const PATIENCE: Duration = Duration::from_secs(30);
/// Message flag: the message is made of components alone.
const COMPONENTS_V2: u64 = 1 << 15;
/// Message flag: only one person sees the message.
const EPHEMERAL: u64 = 1 << 6;

/// A message as it is sent.
#[derive(Debug, Serialize)]
pub(crate) struct Body<'a> {
    components: &'a [Component],
    flags: u64,
    allowed_mentions: Mentions,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    enforce_nonce: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_reference: Option<Reference>,
}

/// The message that is answered. One that is gone by then is answered all the same.
#[derive(Debug, Serialize)]
struct Reference {
    message_id: String,
    fail_if_not_exists: bool,
}

/// Nobody is pinged by anything that Guildhall writes.
#[derive(Debug, Serialize)]
struct Mentions {
    parse: [&'static str; 0],
}

impl<'a> Body<'a> {
    /// A message of these components.
    pub(crate) fn of(components: &'a [Component]) -> Self {
        let allowed_mentions = Mentions { parse: [] };
        Self {
            components,
            flags: COMPONENTS_V2,
            allowed_mentions,
            nonce: None,
            enforce_nonce: false,
            message_reference: None,
        }
    }

    /// It answers a message.
    pub(crate) fn replying(mut self, message: u64) -> Self {
        self.message_reference =
            Some(Reference { message_id: message.to_string(), fail_if_not_exists: false });
        self
    }

    /// Only the person who acted sees it.
    pub(crate) fn ephemeral(mut self, only: bool) -> Self {
        if only {
            self.flags |= EPHEMERAL;
        }
        self
    }

    /// Discord answers with the earlier message when one with this nonce was sent in the last minutes.
    pub(crate) fn nonce(mut self, nonce: String) -> Self {
        self.nonce = Some(nonce);
        self.enforce_nonce = true;
        self
    }

    fn bytes(&self) -> Result<Vec<u8>, RestError> {
        serde_json::to_vec(self).map_err(|error| RestError::Refused { code: 0, text: error.to_string() })
    }
}

/// Where a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) channel: u64,
    pub(crate) message: u64,
}

/// A message that somebody sent, as far as it is needed to know it again.
#[derive(Debug, Deserialize)]
pub(crate) struct Seen {
    pub(crate) id: Snowflake,
    pub(crate) author: Option<Author>,
    #[serde(default)]
    pub(crate) components: Value,
}

/// Who sent it.
#[derive(Debug, Deserialize)]
pub(crate) struct Author {
    pub(crate) id: Snowflake,
}

/// Where the gateway is, and how it wants to be used.
#[derive(Debug, Deserialize)]
pub(crate) struct GatewayInfo {
    pub(crate) url: String,
    pub(crate) shards: u32,
    pub(crate) session_start_limit: Option<SessionStarts>,
}

/// How sessions may be started.
#[derive(Debug, Deserialize)]
pub(crate) struct SessionStarts {
    pub(crate) max_concurrency: u16,
    pub(crate) remaining: u32,
    pub(crate) reset_after: u64,
    pub(crate) total: u32,
}

/// What a request came to, by what can be done about it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestError {
    /// Discord or the way to it is in trouble: try again later.
    #[error("Discord cannot be reached: {0}")]
    Unreachable(String),
    /// The message, channel, thread or interaction does not exist (any more).
    #[error("it is gone ({code}: {text})")]
    Gone { code: u64, text: String },
    /// The bot may not do that.
    #[error(
        "the bot lacks a permission there ({code}: {text}); give its role access to the channel, and let it send messages, and create and manage threads"
    )]
    Forbidden { code: u64, text: String },
    /// The bot's token is not accepted.
    #[error(
        "Discord does not accept the bot token; make a new one in the developer portal and put it into the configuration"
    )]
    Token,
    /// An interaction's token has ended.
    #[error("the interaction's token has ended")]
    Ended,
    /// Discord does not take the request as it is.
    #[error("Discord refused it ({code}: {text})")]
    Refused { code: u64, text: String },
}

impl RestError {
    /// Whether the same request can work later.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable(_))
    }

    /// Discord's own number for the error; 0 when there is none.
    pub(crate) fn code(&self) -> u64 {
        match self {
            Self::Gone { code, .. } | Self::Forbidden { code, .. } | Self::Refused { code, .. } => *code,
            _ => 0,
        }
    }

    /// The word in metrics.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Gone { .. } => "gone",
            Self::Forbidden { .. } => "forbidden",
            Self::Token => "token",
            Self::Ended => "ended",
            Self::Refused { .. } => "refused",
        }
    }
}

/// The client.
pub(crate) struct Rest {
    client: Client,
    application: Id<ApplicationMarker>,
    me: OnceCell<u64>,
}

impl Rest {
    pub(crate) fn new(config: &DiscordConfig, token: &str) -> Result<Self, DiscordError> {
        let application = Id::new_checked(config.application_id).ok_or(DiscordError::ApplicationId)?;
        let (host, plain) = host_of(&config.api_url)?;
        let token = token.to_owned();
        let build = move || {
            Client::builder().token(token).proxy(host, plain).timeout(Duration::from_secs(10)).build()
        };
        let client = quietly(build)?;
        Ok(Self { client, application, me: OnceCell::new() })
    }

    fn interaction(&self) -> InteractionClient<'_> {
        self.client.interaction(self.application)
    }

    /// Answers an interaction that came over the gateway.
    pub(crate) async fn respond(
        &self,
        id: u64,
        token: &str,
        response: &InteractionResponse,
    ) -> Result<(), RestError> {
        done(self.interaction().create_response(some(id)?, token, response)).await.map_err(of_interaction)
    }

    /// Where the answer to an interaction is.
    pub(crate) async fn original(&self, token: &str) -> Result<Place, RestError> {
        let original: Original = read(self.interaction().response(token)).await.map_err(of_interaction)?;
        Ok(Place { channel: original.channel_id.0, message: original.id.0 })
    }

    /// Changes the answer to an interaction.
    pub(crate) async fn edit_original(&self, token: &str, body: &Body<'_>) -> Result<(), RestError> {
        let bytes = body.bytes()?;
        done(self.interaction().update_response(token).payload_json(&bytes)).await.map_err(of_interaction)
    }

    /// Takes the answer to an interaction away.
    pub(crate) async fn delete_original(&self, token: &str) -> Result<(), RestError> {
        done(self.interaction().delete_response(token)).await.map_err(of_interaction)
    }

    /// Answers an interaction once more.
    pub(crate) async fn follow_up(&self, token: &str, body: &Body<'_>) -> Result<(), RestError> {
        let bytes = body.bytes()?;
        done(self.interaction().create_followup(token).payload_json(&bytes)).await.map_err(of_interaction)
    }

    /// Sends a message.
    pub(crate) async fn send(&self, channel: u64, body: &Body<'_>) -> Result<Place, RestError> {
        let bytes = body.bytes()?;
        let sent: Sent = read(self.client.create_message(some(channel)?).payload_json(&bytes)).await?;
        Ok(Place { channel, message: sent.id.0 })
    }

    /// Changes a message.
    pub(crate) async fn edit(&self, place: Place, body: &Body<'_>) -> Result<(), RestError> {
        let bytes = body.bytes()?;
        done(self.client.update_message(some(place.channel)?, some(place.message)?).payload_json(&bytes))
            .await
    }

    /// Takes a message away.
    pub(crate) async fn delete(&self, place: Place) -> Result<(), RestError> {
        done(self.client.delete_message(some(place.channel)?, some(place.message)?)).await
    }

    /// The newest messages of a channel.
    pub(crate) async fn recent(&self, channel: u64, most: u16) -> Result<Vec<Seen>, RestError> {
        read(self.client.channel_messages(some(channel)?).limit(most)).await
    }

    /// Opens a thread on a message. A message has at most one, and it has the message's id.
    pub(crate) async fn open_thread(&self, place: Place, title: &str) -> Result<u64, RestError> {
        const ALREADY: u64 = 160_004;
        let request =
            self.client.create_thread_from_message(some(place.channel)?, some(place.message)?, title);
        match read::<Sent>(request).await {
            Ok(thread) => Ok(thread.id.0),
            Err(error) if error.code() == ALREADY => Ok(place.message),
            Err(error) => Err(error),
        }
    }

    /// Closes a thread, or opens it again.
    pub(crate) async fn close_thread(&self, thread: u64, closed: bool) -> Result<(), RestError> {
        done(self.client.update_thread(some(thread)?).archived(closed).locked(closed)).await
    }

    /// The channel for messages to one user.
    pub(crate) async fn direct(&self, user: u64) -> Result<u64, RestError> {
        let channel: Sent = read(self.client.create_private_channel(some(user)?)).await?;
        Ok(channel.id.0)
    }

    /// The bot's own user id.
    pub(crate) async fn me(&self) -> Result<u64, RestError> {
        let ask = || async { read::<Sent>(self.client.current_user()).await.map(|user| user.id.0) };
        self.me.get_or_try_init(ask).await.copied()
    }

    /// The bits that say, among others, which privileged intents the application has
    /// (<https://discord.com/developers/docs/resources/application#application-object-application-flags>).
    pub(crate) async fn application_flags(&self) -> Result<u64, RestError> {
        #[derive(Deserialize)]
        struct Application {
            #[serde(default)]
            flags: u64,
        }
        read::<Application>(self.client.current_user_application()).await.map(|own| own.flags)
    }

    /// Where the gateway is.
    pub(crate) async fn gateway(&self) -> Result<GatewayInfo, RestError> {
        read(self.client.gateway().authed()).await
    }

    /// Makes these the only commands.
    pub(crate) async fn set_commands(
        &self,
        scope: CommandScope,
        guild: u64,
        commands: &[Command],
    ) -> Result<(), RestError> {
        match scope {
            CommandScope::Global => done(self.interaction().set_global_commands(commands)).await,
            CommandScope::Guilds => done(self.interaction().set_guild_commands(some(guild)?, commands)).await,
        }
    }
}

#[derive(Deserialize)]
struct Sent {
    id: Snowflake,
}

#[derive(Deserialize)]
struct Original {
    id: Snowflake,
    channel_id: Snowflake,
}

fn some<T>(id: u64) -> Result<Id<T>, RestError> {
    Id::new_checked(id).ok_or_else(|| RestError::Refused { code: 0, text: "0 is not an id".to_owned() })
}

/// Sends a request and forgets what comes back but for errors.
async fn done<T>(
    request: impl IntoFuture<Output = Result<Response<T>, twilight_http::Error>>,
) -> Result<(), RestError> {
    within(request).await.map(drop)
}

/// Sends a request and reads what comes back.
async fn read<D: DeserializeOwned>(
    request: impl IntoFuture<Output = Result<Response<impl Unpin>, twilight_http::Error>>,
) -> Result<D, RestError> {
    let response = within(request).await?;
    let bytes = response.bytes().await.map_err(|error| RestError::Unreachable(error.to_string()))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| RestError::Refused { code: 0, text: format!("its answer cannot be read: {error}") })
}

async fn within<T>(
    request: impl IntoFuture<Output = Result<Response<T>, twilight_http::Error>>,
) -> Result<Response<T>, RestError> {
    match tokio::time::timeout(PATIENCE, request.into_future()).await {
        Ok(result) => result.map_err(|error| classify(&error)),
        Err(_) => Err(RestError::Unreachable(format!("no answer within {} seconds", PATIENCE.as_secs()))),
    }
}

fn classify(error: &twilight_http::Error) -> RestError {
    match error.kind() {
        ErrorType::Response { body, status, .. } => by_status(status.get(), body),
        // The body was no error of Discord's: a proxy, or an outage page.
        ErrorType::Parsing { body } => RestError::Unreachable(cut(&String::from_utf8_lossy(body))),
        ErrorType::RequestError | ErrorType::RequestTimedOut | ErrorType::RequestCanceled => {
            let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            RestError::Unreachable(format!("{error} {cause}").trim_end().to_owned())
        }
        ErrorType::Unauthorized => RestError::Token,
        _ => {
            let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            RestError::Refused { code: 0, text: format!("{error}: {cause}") }
        }
    }
}

/// Discord's error, by status and the `code` of its body.
fn by_status(status: u16, body: &[u8]) -> RestError {
    #[derive(Deserialize)]
    struct Problem {
        #[serde(default)]
        code: u64,
    }
    let code = serde_json::from_slice::<Problem>(body).map_or(0, |problem| problem.code);
    let text = cut(&String::from_utf8_lossy(body));
    match (status, code) {
        (401, 50_027) => RestError::Ended,
        (401, _) => RestError::Token,
        (403, _) => RestError::Forbidden { code, text },
        (404, _) => RestError::Gone { code, text },
        (408 | 425 | 429 | 500.., _) => RestError::Unreachable(format!("{status}: {text}")),
        _ => RestError::Refused { code, text },
    }
}

/// Under an interaction's address, "unauthorized" speaks of the interaction's token, not the bot's.
fn of_interaction(error: RestError) -> RestError {
    if matches!(error, RestError::Token) { RestError::Ended } else { error }
}

fn cut(text: &str) -> String {
    text.chars().take(300).collect()
}

/// Splits `http(s)://host[:port]` into what twilight wants: the authority, and whether it is plain HTTP.
fn host_of(api_url: &str) -> Result<(String, bool), DiscordError> {
    let bad = || DiscordError::ApiUrl(api_url.to_owned());
    let url = url::Url::parse(api_url).map_err(|_| bad())?;
    let plain = match url.scheme() {
        "http" => true,
        "https" => false,
        _ => return Err(bad()),
    };
    if !matches!(url.path(), "" | "/") || url.query().is_some() || !url.username().is_empty() {
        return Err(bad());
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(bad)?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok((format!("{host}{port}"), plain))
}

/// Building a TLS client panics where the machine has no certificates. That is a configuration to report,
/// not a reason to die.
pub(crate) fn quietly<T>(build: impl FnOnce() -> T) -> Result<T, DiscordError> {
    // The second installation of a provider fails and changes nothing, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(build)).map_err(|_| {
        DiscordError::Transport(
            "the machine has no usable certificates; install 'ca-certificates'".to_owned(),
        )
    })
}
