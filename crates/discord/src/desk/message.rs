//! Commands as messages: `$ban @robin 7d spam`.
//!
//! Nearly every message is for nobody. Whether one is meant for Guildhall is seen from its first characters,
//! before anything else of it is read, and without a task of its own.

use std::{
    borrow::Cow,
    sync::{Arc, atomic::Ordering},
};

use guildhall_core::{
    Action, Document, Effect, Error, Kind as Blame, Rank, Spec, TenantId,
    guild::{ChannelId, Delivery, GuildMember, Guilds, MessageId, MessageLink, RoleId, UserId, bits},
    input::{self, Raw},
    permission::Member as Ranked,
    words::{self, Begin},
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;
use tracing::Instrument;
use twilight_model::channel::message::Component;

use super::{
    Desk,
    answer::way,
    seat::{Seat, actor},
};
use crate::{
    interaction::{Kind, Member, Snowflake, User, name_of},
    meters, patience, preference,
    render::{self, Around},
    rest::{Body, Place, RestError},
};

/// The part of a message that says whether it is meant for Guildhall.
#[derive(Deserialize)]
struct Heard<'a> {
    id: Snowflake,
    guild_id: Option<Snowflake>,
    #[serde(borrow)]
    content: Cow<'a, str>,
    author: Author,
    webhook_id: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Author {
    #[serde(default)]
    bot: bool,
}

/// A message that is meant for Guildhall, or may be.
pub(crate) struct Addressed {
    /// The message's id.
    pub(crate) id: u64,
    payload: String,
    /// Where the command begins; not known while the prefix is not.
    begin: Option<usize>,
}

/// A message as a command needs it.
#[derive(Deserialize)]
struct Written {
    id: Snowflake,
    channel_id: Snowflake,
    guild_id: Snowflake,
    content: String,
    author: User,
    member: Option<Member>,
    #[serde(default)]
    attachments: Vec<IgnoredAny>,
    referenced_message: Option<Referenced>,
}

/// The message that it answers.
#[derive(Deserialize)]
struct Referenced {
    id: Snowflake,
    channel_id: Snowflake,
}

impl Written {
    fn place(&self) -> Place {
        Place { channel: self.channel_id.0, message: self.id.0 }
    }

    /// The message that is meant where none is named: the one that is answered, else the one with the files.
    fn subject(&self) -> Option<MessageLink> {
        let link = |channel: Snowflake, message: Snowflake| MessageLink {
            channel: ChannelId(channel.0),
            message: MessageId(message.0),
        };
        let answered = self.referenced_message.as_ref().map(|other| link(other.channel_id, other.id));
        answered.or_else(|| (!self.attachments.is_empty()).then(|| link(self.channel_id, self.id)))
    }
}

impl Desk {
    /// Whether a message of the gateway is meant for Guildhall.
    pub(crate) fn hear(&self, payload: &str) -> Option<Addressed> {
        let heard: Heard<'_> = serde_json::from_str(payload).ok()?;
        let program = heard.author.bot || heard.webhook_id.is_some();
        let tenant = self.post.served.tenant(heard.guild_id?.0).filter(|_| !program)?;
        let addressed = |begin| Addressed { id: heard.id.0, payload: payload.to_owned(), begin };
        if let Some(begin) = self.mentioned(&heard.content) {
            return Some(addressed(Some(begin)));
        }
        match preference::prefix_now(self.settings.as_ref(), &tenant) {
            Some(prefix) => {
                if prefix.is_empty() || !heard.content.starts_with(&prefix) {
                    meters::message("unwanted");
                    return None;
                }
                Some(addressed(Some(prefix.len())))
            }
            None => Some(addressed(None)),
        }
    }

    /// Where the text goes on that begins with the bot's own mention.
    fn mentioned(&self, content: &str) -> Option<usize> {
        let inner = content.strip_prefix("<@")?;
        let inner = inner.strip_prefix('!').unwrap_or(inner);
        let (id, rest) = inner.split_once('>')?;
        (id.parse() == Ok(self.me.load(Ordering::Relaxed))).then_some(content.len() - rest.len())
    }

    /// Deals with a message in a task of its own.
    pub(crate) fn heed(self: &Arc<Self>, addressed: Addressed) {
        let desk = self.clone();
        let span = tracing::info_span!("interaction", kind = Kind::Message.as_str());
        let work = async move {
            let Ok(_place) = desk.places.try_acquire() else { return meters::message("busy") };
            let Addressed { payload, begin, .. } = addressed;
            let written: Written = match serde_json::from_str(&payload) {
                Ok(written) => written,
                Err(error) => {
                    tracing::warn!(%error, "the gateway sent a message that cannot be read");
                    return meters::message("malformed");
                }
            };
            let Some(tenant) = desk.post.served.tenant(written.guild_id.0) else { return };
            let line = match begin {
                Some(begin) => written.content.get(begin..),
                None => {
                    let prefix = preference::prefix(desk.settings.as_ref(), &tenant).await;
                    written.content.strip_prefix(&prefix).filter(|_| !prefix.is_empty())
                }
            };
            match line.map(|line| desk.vocabulary.find(line)) {
                None | Some(Begin::Nothing) => meters::message("unwanted"),
                Some(begin) => {
                    if desk.writers.take((written.guild_id.0, written.author.id.0)).is_err() {
                        return meters::message("too_often");
                    }
                    desk.obey(&written, tenant, begin).await;
                }
            }
        };
        self.tasks.spawn(work.instrument(span));
    }

    async fn obey(&self, written: &Written, tenant: TenantId, begin: Begin<'_>) {
        let (mut seat, ranked) = self.seat_of(written, tenant).await;
        if let Err(error) = ranked {
            meters::message("failed");
            let error = self.refusals.verified(seat.actor.clone(), "a message", error).await;
            let message = self.failure(&seat, &error).await;
            self.reply(written, message.components).await;
            return;
        }
        match begin {
            Begin::Nothing => {}
            Begin::Near { names, typed, rest } => {
                meters::message("near");
                let error = self.unknown(typed, &names, rest, written.subject());
                let message = self.failure(&seat, &error).await;
                self.reply(written, message.components).await;
            }
            Begin::Operation(name, rest) => {
                let Some(spec) = self.catalogue.spec(name) else { return };
                let direct = is_confidential(spec);
                seat.afar = direct.then_some(written.guild_id.0);
                let sorted = words::read(&spec.fields, rest, written.subject());
                let result = match sorted.over {
                    None => self.request(&seat, name.to_owned(), Raw::Words(sorted.words), false).await,
                    Some(word) => {
                        let error = too_many(name, &word);
                        Err(self.refusals.verified(seat.actor.clone(), name, error).await)
                    }
                };
                let direct = direct && result.is_ok();
                if !direct {
                    seat.afar = None;
                }
                let mut message = self.outcome(Kind::Message, &seat, result).await;
                if direct {
                    let components = self.hand_over(written, &seat, spec, message.components).await;
                    self.reply(written, components).await;
                    return;
                }
                let missing = self.show_way(&mut message);
                let place = self.reply(written, message.components.clone()).await;
                if let (Some(place), Some((tenant, topic))) = (place, missing)
                    && let Some(thread) = self.topics.wait(&tenant, &topic, self.timing.link_wait).await
                {
                    message.components.push(way(thread));
                    if let Err(error) = self.rest.edit(place, &Body::of(&message.components)).await {
                        tracing::debug!(%error, "the way to a thread could not be shown");
                    }
                }
            }
        }
    }

    /// Who wrote, with their rank, or what kept it from being found out.
    async fn seat_of(&self, written: &Written, tenant: TenantId) -> (Seat, Result<(), Error>) {
        let user = written.author.id.0;
        let member = written.member.as_ref();
        let roles: Vec<u64> = member
            .and_then(|member| member.roles.as_ref())
            .into_iter()
            .flatten()
            .map(|role| role.0)
            .collect();
        let nick = member.and_then(|member| member.nick.as_deref());
        let name = name_of(nick, Some(&written.author));
        // A message says nothing of what its writer may do; the guild does.
        let known = match &self.guilds {
            Some(guilds) => guilds.guild(&tenant).await.ok(),
            None => None,
        };
        let permissions = known.as_ref().map_or(0, |guild| {
            guild.permissions(&GuildMember {
                user: UserId(user),
                username: String::new(),
                name: String::new(),
                nick: None,
                roles: roles.iter().copied().map(RoleId).collect(),
                bot: false,
                joined: None,
                timeout: None,
            })
        });
        let mut actor = actor(&tenant, user, name);
        let ranked = Ranked {
            tenant: tenant.clone(),
            user,
            roles,
            administrator: permissions & bits::ADMINISTRATOR != 0,
            owner: known.as_ref().is_some_and(|guild| guild.owner == UserId(user)),
        };
        let rank = self.ranking.rank(&ranked).await.map(|rank| actor.rank = rank);
        let locale = known.as_ref().map(|guild| guild.locale.as_str());
        let language = preference::language(self.settings.as_ref(), &tenant, [locale, None]).await;
        let channel = Some(ChannelId(written.channel_id.0));
        (Seat { tenant, actor, afar: None, channel, language }, rank)
    }

    /// "Did you mean …?", with buttons that do it with what was typed behind it.
    fn unknown(
        &self,
        typed: &str,
        names: &[&'static str],
        rest: &str,
        subject: Option<MessageLink>,
    ) -> Error {
        let shown: String = typed.chars().take(64).collect();
        let near = names.join(", ");
        let mut error =
            Error::new(Blame::NotFound, "unknown_command", format!("There is no command '{shown}'."))
                .remedy(format!("Did you mean: {near}?"))
                .with("name", shown)
                .with("near", near);
        for name in names {
            let input = self.catalogue.spec(name).and_then(|spec| {
                let sorted = words::read(&spec.fields, rest, subject);
                // A button is no place for a secret.
                let fits = sorted.over.is_none() && !spec.fields.iter().any(|field| field.secret);
                input::read(&spec.fields, Raw::Words(sorted.words)).ok().filter(|_| fits)
            });
            error = error.action(Action::new(*name, *name, input.unwrap_or_else(|| json!({}))));
        }
        error
    }

    /// Sends a private answer as a direct message, and returns what to say where it was asked for.
    async fn hand_over(
        &self,
        written: &Written,
        seat: &Seat,
        spec: &Spec,
        components: Vec<Component>,
    ) -> Vec<Component> {
        let nonce = format!("d{}", written.id.0);
        let error = match self.post.deliver(seat.user(), &components, &nonce).await {
            Ok(Delivery::Delivered) => {
                let document = Document::default().text("The answer is in your direct messages.");
                return self.post.page(&seat.tenant, render::render(&document, Around::default()), 0).await;
            }
            Ok(Delivery::Closed) => Error::new(
                Blame::Conflict,
                "direct_closed",
                "The answer is only for you, and you take no direct messages from Guildhall.",
            )
            .remedy(format!("Use '/{}' instead, or allow direct messages from this server.", spec.name))
            .with("operation", spec.name),
            Err(error) => error,
        };
        self.failure(seat, &error).await.components
    }

    /// Answers the message. Returns where the answer is.
    async fn reply(&self, written: &Written, components: Vec<Component>) -> Option<Place> {
        let to = written.place();
        let body = Body::of(&components).replying(to.message).nonce(format!("r{}", to.message));
        let until = self.clock.now() + self.timing.link_wait;
        let send = || self.rest.send(to.channel, &body);
        match patience::insist(self.clock.as_ref(), until, RestError::is_transient, send).await {
            Ok(place) => {
                meters::message("answered");
                Some(place)
            }
            Err(error) => {
                meters::message("unanswered");
                tracing::info!(%error, channel = to.channel, "a command as a message could not be answered");
                None
            }
        }
    }
}

/// Whether the answer is for one person alone. A message cannot be answered like that, a direct message can.
///
/// What a private operation changed may be seen where it was asked for, as everybody there has read the
/// command; but not pages that are worked on, nor what only the owner may do, such as making a token.
fn is_confidential(spec: &Spec) -> bool {
    spec.private && (spec.effect == Effect::Read || spec.in_place || spec.rank >= Rank::OWNER)
}

fn too_many(operation: &str, word: &str) -> Error {
    let shown: String = word.chars().take(64).collect();
    Error::new(Blame::User, "words_left", format!("'{shown}' is one word too many for '{operation}'."))
        .remedy("Put text of several words into quotation marks.")
        .with("word", shown)
        .with("operation", operation)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_payload_breaks_the_reader(content in ".{0,200}", raw in ".{0,200}", bot: bool) {
            let whole = json!({"id": "1", "guild_id": "2", "channel_id": "3", "content": content, "author": {"id": "4", "bot": bot}});
            let text = whole.to_string();
            let heard: Heard<'_> = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&heard.content, &content);
            let _ = serde_json::from_str::<Heard<'_>>(&raw);
            let _ = serde_json::from_str::<Written>(&raw);
            let _ = serde_json::from_str::<Written>(&text);
        }
    }
}
