//! Commands as messages: `$ban @robin 7d spam`.
//!
//! Nearly every message is for nobody. Whether one is meant for Guildhall is seen from its first characters,
//! before anything else of it is read, and without a task of its own.

use std::{
    borrow::Cow,
    sync::{Arc, atomic::Ordering},
};

use guildhall_core::{
    Action, Document, Effect, Error, Kind as Blame, Rank, Reply, Spec, TenantId,
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
    answer::{Message, way},
    seat::{Seat, actor},
};
use crate::{
    interaction::{Kind, Member, Snowflake, User, name_of},
    meters, preference,
    render::{self, Around},
    rest::{Body, Place, RestError},
};

/// The most characters of a [prefix](preference::PREFIX).
const LONGEST_PREFIX: usize = 5;

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
    /// Whether it holds, or is likely to hold, what others should not read.
    pub(crate) secret: bool,
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

/// What comes of a message.
struct Reaction {
    seat: Seat,
    message: Message,
    /// Set where the answer is for the writer alone.
    direct: Option<Direct>,
}

/// An answer that others should not read.
#[derive(Clone, Copy)]
struct Direct {
    operation: &'static str,
    /// Whether the operation was done, and not only looked something up.
    done: bool,
    /// Whether others should not even see that there is an answer.
    secret: bool,
}

impl Written {
    fn place(&self) -> Place {
        Place { channel: self.channel_id.0, message: self.id.0 }
    }

    /// The message that is meant where none is named: the one that is answered, else the one with the files, unless
    /// it is taken away.
    fn subject(&self, withdrawn: bool) -> Option<MessageLink> {
        let link = |channel: Snowflake, message: Snowflake| MessageLink {
            channel: ChannelId(channel.0),
            message: MessageId(message.0),
        };
        let answered = self.referenced_message.as_ref().map(|other| link(other.channel_id, other.id));
        let files = !self.attachments.is_empty() && !withdrawn;
        answered.or_else(|| files.then(|| link(self.channel_id, self.id)))
    }
}

impl Desk {
    /// Whether a message of the gateway is meant for Guildhall.
    pub(crate) fn hear(&self, payload: &str) -> Option<Addressed> {
        let heard: Heard<'_> = serde_json::from_str(payload).ok()?;
        let program = heard.author.bot || heard.webhook_id.is_some();
        let tenant = self.post.served.tenant(heard.guild_id?.0).filter(|_| !program)?;
        let addressed = |begin: Option<usize>| {
            let line = begin.and_then(|begin| heard.content.get(begin..));
            let secret = line.is_some_and(|line| self.secret(&self.vocabulary.find(line)).is_some());
            Addressed { id: heard.id.0, secret, payload: payload.to_owned(), begin }
        };
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
            None => {
                // Whatever the prefix turns out to be: what may be a secret is treated as one.
                let begins = heard.content.char_indices().map(|(begin, _)| begin).skip(1);
                let lines = begins.take(LONGEST_PREFIX).filter_map(|begin| heard.content.get(begin..));
                let secret =
                    lines.map(|line| self.vocabulary.find(line)).any(|found| self.secret(&found).is_some());
                Some(Addressed { secret, ..addressed(None) })
            }
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
        let secret = self.secret(&begin);
        let withdrawn = async { if secret.is_some() { Some(self.withdraw(written).await) } else { None } };
        let (reaction, withdrawn) = tokio::join!(self.react(written, tenant, begin, secret), withdrawn);
        let Some(Reaction { seat, mut message, direct }) = reaction else { return };
        if let Some(direct) = direct {
            let note = withdrawn.map(|gone| withdrawal(gone, direct.operation));
            let told = self.hand_over(written, &seat, direct, message.components, note).await;
            match told {
                Some(components) => drop(self.reply(written, components).await),
                None => meters::message("answered"),
            }
            return;
        }
        let missing = self.show_way(&mut message);
        let place = self.reply(written, message.components.clone()).await;
        if let (Some(place), Some((tenant, topic))) = (place, missing)
            && let Some(thread) = self.topics.wait(&tenant, &topic, self.timing.link_wait).await
        {
            message.components.push(way(thread));
            if let Err(error) = self.post.once(self.rest.edit(place, &Body::of(&message.components))).await {
                tracing::debug!(%error, "the way to a thread could not be shown");
            }
        }
    }

    /// Does what the message says. Where that is, or is likely to be, a `secret` operation, every answer is for its
    /// writer alone.
    async fn react(
        &self,
        written: &Written,
        tenant: TenantId,
        begin: Begin<'_>,
        secret: Option<&'static str>,
    ) -> Option<Reaction> {
        let (mut seat, ranked) = self.seat_of(written, tenant).await;
        let whispered = secret.map(|operation| Direct { operation, done: false, secret: true });
        seat.afar = secret.and(Some(written.guild_id.0));
        match begin {
            Begin::Nothing => None,
            Begin::Near { .. } | Begin::Operation(..) if ranked.is_err() => {
                meters::message("failed");
                let error = ranked.err()?;
                let error = self.refusals.verified(seat.actor.clone(), "a message", error).await;
                let message = self.failure(&seat, &error).await;
                Some(Reaction { seat, message, direct: whispered })
            }
            Begin::Near { names, typed, rest } => {
                meters::message("near");
                let names = self.usable(&seat, typed, names).await;
                let error = self.unknown(typed, &names, rest, written.subject(secret.is_some()));
                let message = self.failure(&seat, &error).await;
                Some(Reaction { seat, message, direct: whispered })
            }
            Begin::Operation(name, rest) => {
                let spec = self.catalogue.spec(name)?;
                let secret = secret.is_some();
                let private = secret || is_confidential(spec);
                seat.afar = private.then_some(written.guild_id.0);
                let sorted = words::read(&spec.fields, rest, written.subject(secret));
                let result = match sorted.over {
                    None => self.request(&seat, name.to_owned(), Raw::Words(sorted.words), false).await,
                    Some(word) => {
                        let error = too_many(name, &word);
                        Err(self.refusals.verified(seat.actor.clone(), name, error).await)
                    }
                };
                let private = private && (secret || result.is_ok());
                if !private {
                    seat.afar = None;
                }
                let done = spec.effect != Effect::Read && matches!(result, Ok(Reply::Done { .. }));
                let message = self.outcome(Kind::Message, &seat, result).await;
                let direct = private.then_some(Direct { operation: spec.name, done, secret });
                Some(Reaction { seat, message, direct })
            }
        }
    }

    /// The operation that is meant, or likely to be meant, if it has inputs that others should not read.
    fn secret(&self, begin: &Begin<'_>) -> Option<&'static str> {
        let name = match begin {
            Begin::Operation(name, _) => name,
            Begin::Near { names, .. } => names.first()?,
            Begin::Nothing => return None,
        };
        let spec = self.catalogue.spec(name)?;
        spec.fields.iter().any(|field| field.secret).then_some(spec.name)
    }

    /// Takes the message away that others should not read. Returns whether it is gone.
    async fn withdraw(&self, written: &Written) -> bool {
        match self.persist(|| self.rest.delete(written.place())).await {
            Ok(()) | Err(RestError::Gone { .. }) => true,
            Err(error) => {
                tracing::info!(%error, channel = written.channel_id.0, "a message with something secret stays");
                false
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
        let message = Some(MessageId(written.id.0));
        (Seat { tenant, actor, afar: None, channel, message, language }, rank)
    }

    /// Those of the names that the writer may use; of a whole group what shows something first.
    async fn usable(&self, seat: &Seat, typed: &str, names: Vec<&'static str>) -> Vec<&'static str> {
        let allowed = self.catalogue.allowed(&seat.actor).await.unwrap_or_default();
        let mut specs: Vec<&Spec> = allowed.into_iter().filter(|spec| names.contains(&spec.name)).collect();
        let place = |spec: &Spec| names.iter().position(|name| *name == spec.name);
        let group =
            typed.split_whitespace().map(str::to_lowercase).chain([String::new()]).collect::<Vec<_>>();
        let of_group = |spec: &Spec| spec.name.starts_with(&group.join(" "));
        specs.sort_by_key(|spec| {
            let needs = spec.fields.iter().any(|field| field.required);
            let page = !spec.name.ends_with(" open");
            (of_group(spec).then_some((page, needs, spec.effect != Effect::Read)), place(spec))
        });
        specs.into_iter().map(|spec| spec.name).collect()
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
                .remedy(match names {
                    [] => "/help shows what you can do here.".to_owned(),
                    _ => format!("Did you mean: {near}?"),
                })
                .with("name", shown)
                .with("count", names.len())
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

    /// Sends an answer that is for the writer alone as a direct message. Returns what to say where the message
    /// was; nothing, where even that should not be seen.
    async fn hand_over(
        &self,
        written: &Written,
        seat: &Seat,
        direct: Direct,
        mut components: Vec<Component>,
        note: Option<String>,
    ) -> Option<Vec<Component>> {
        let Direct { operation, done, secret } = direct;
        let note = note.map(render::footnote);
        components.extend(note.clone());
        let nonce = format!("d{}", written.id.0);
        let error = match self.post.deliver(seat.user(), &components, &nonce).await {
            Ok(Delivery::Delivered) if secret => return None,
            Ok(Delivery::Delivered) => {
                let document = Document::default().text("The answer is in your direct messages.");
                let rendered = render::render(&document, Around::default());
                return Some(self.post.page(&seat.tenant, rendered, 0).await);
            }
            Ok(Delivery::Closed) if done => Error::new(
                Blame::Conflict,
                "direct_closed_done",
                "It is done. The answer is only for you, and you take no direct messages from Guildhall.",
            )
            .remedy(format!("Use '/{operation}' next time: nobody else sees that."))
            .with("operation", operation),
            Ok(Delivery::Closed) => Error::new(
                Blame::Conflict,
                "direct_closed",
                "The answer is only for you, and you take no direct messages from Guildhall.",
            )
            .remedy(format!("Use '/{operation}' instead, or allow direct messages from this server."))
            .with("operation", operation),
            Err(error) => error,
        };
        let mut components = self.failure(seat, &error).await.components;
        components.extend(note);
        Some(components)
    }

    /// Answers the message. Returns where the answer is.
    async fn reply(&self, written: &Written, components: Vec<Component>) -> Option<Place> {
        let to = written.place();
        let body = Body::of(&components).replying(to.message).nonce(format!("r{}", to.message));
        match self.persist(|| self.rest.send(to.channel, &body)).await {
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

/// What became of a message that others should not read, and the way that nobody sees.
fn withdrawal(gone: bool, operation: &str) -> String {
    let what = if gone {
        "Your message was deleted, so that nobody else reads it."
    } else {
        "Everybody can still read your message: delete it. Guildhall may not, without Manage Messages."
    };
    format!("-# {what} Use `/{operation}` instead: nobody sees that at all.")
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
