//! One operation: everything a person can do, once, for every face.

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc};

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    Actor, CallId, Clock, Document, Error, Rank, RunId, TenantId,
    guild::{ChannelId, MessageId},
    input::{self, Field},
    language::Language,
    permission::Bypass,
};

/// What an operation does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Looks.
    Read,
    /// Changes something that can be changed back.
    Change,
    /// Takes something away for good. Every face asks first.
    Destroy,
}

/// How often one actor may call an operation: `burst` at once, refilled evenly over a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// Calls a minute, at least 1.
    pub per_minute: u32,
    /// Calls at once, at least 1.
    pub burst: u32,
}

/// An entry in the menu that Discord shows for a person or a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Menu {
    /// The entry's words, at most 32 characters: `Warn`.
    pub label: &'static str,
    /// What the menu is for.
    pub on: MenuTarget,
    /// The input that the person or the message goes into. What else is required is asked for in a form.
    pub field: &'static str,
    /// Inputs that are asked for in the form as well, though they are not required.
    pub ask: &'static [&'static str],
}

/// What a menu is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MenuTarget {
    /// A person.
    User,
    /// A message.
    Message,
}

/// What an operation is about, where its name does not say it: `config set` sets a `setting`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// The noun in the singular, of letters, digits and `-`.
    pub noun: &'static str,
    /// What is done: `list`, `show`, `set`, `delete`, or any other word.
    pub verb: &'static str,
    /// The input that names one of them, if it is about one.
    pub item: Option<&'static str>,
}

/// What is known of an operation without running it.
#[derive(Clone, Debug, Serialize)]
pub struct Spec {
    /// Words with blanks between: `server start`.
    pub name: &'static str,
    /// One line, at most 100 characters (Discord's limit for a command's description).
    pub summary: &'static str,
    /// The rank it asks for unless a community says otherwise.
    pub rank: Rank,
    /// What it does to the world.
    pub effect: Effect,
    /// How often.
    pub limit: Limit,
    /// Whether only the actor sees the answer where others could.
    pub private: bool,
    /// Whether an answer to a button on a private message takes that message's place.
    pub in_place: bool,
    /// Other words for it in messages with a prefix.
    pub aliases: &'static [&'static str],
    /// How it may be called, as after a slash: `ban user:@somebody duration:7d reason:spam`.
    pub examples: &'static [&'static str],
    /// Where Discord offers it in the menu of a person or a message, and as what.
    pub menu: Option<Menu>,
    /// The permission on Discord that shows it in the list of commands: one [bit](crate::guild::bits). Without
    /// one, that of its rank does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<u64>,
    /// The switch of a community that turns it off, without `features.`: `moderation`.
    pub feature: Option<&'static str>,
    /// What it is about, where its name does not say it.
    #[serde(skip)]
    pub about: Option<About>,
    /// The inputs, in order.
    pub fields: Vec<Field>,
    /// The input's JSON schema.
    pub input: Value,
    /// The output's JSON schema.
    pub output: Value,
}

impl Spec {
    /// Reads everything from the type.
    pub fn of<O: Operation>() -> Self {
        let input = input::schema_of::<O>();
        Self {
            name: O::NAME,
            summary: O::SUMMARY,
            rank: O::RANK,
            effect: O::EFFECT,
            limit: O::LIMIT,
            private: O::PRIVATE,
            in_place: O::IN_PLACE,
            aliases: O::ALIASES,
            examples: O::EXAMPLES,
            menu: O::MENU,
            native: O::NATIVE,
            feature: None,
            about: O::ABOUT,
            fields: input::fields_of(&input),
            input,
            output: input::output_schema_of::<O::Output>(),
        }
    }
}

/// The circumstances of one call.
#[derive(Clone)]
pub struct Call {
    /// This call's id.
    pub id: CallId,
    /// Who calls.
    pub actor: Actor,
    /// The channel it is called from, where there is one.
    pub channel: Option<ChannelId>,
    /// The message it began with, where there is one: the command, or the message with the button; after a question,
    /// the command that asked it.
    pub message: Option<MessageId>,
    /// The language the caller reads.
    pub language: Language,
    /// The operation's name.
    pub operation: &'static str,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
    /// For the record, where the operation asks for ranks itself.
    pub bypass: Bypass,
}

impl Call {
    /// For which community.
    pub fn tenant(&self) -> &TenantId {
        &self.actor.tenant
    }
}

/// A job that goes on after the answer; its events say how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Follow {
    /// The job.
    pub run: RunId,
    /// Events of the job come after this cursor.
    pub cursor: i64,
    /// The conversation in which people are told how it goes, if there is one.
    pub topic: Option<String>,
}

/// What an operation answers: data for programs, a document for people.
#[derive(Debug)]
pub struct Answer<T> {
    /// For programs.
    pub data: T,
    /// For people.
    pub document: Document,
    /// The job that goes on, if any.
    pub follow: Option<Follow>,
}

impl<T> Answer<T> {
    /// An answer that is all there is to say.
    pub fn new(data: T, document: Document) -> Self {
        Self { data, document, follow: None }
    }

    /// Names the job that goes on.
    #[must_use]
    pub fn following(mut self, follow: Follow) -> Self {
        self.follow = Some(follow);
        self
    }
}

/// Something a person can do: a struct whose fields are its inputs.
pub trait Operation: DeserializeOwned + JsonSchema + Send + 'static {
    /// The domain it belongs to.
    type Domain: Send + Sync + 'static;
    /// What programs get.
    type Output: Serialize + JsonSchema + Send;

    /// Words with blanks between, the first a noun: `server start`.
    const NAME: &'static str;
    /// One line, at most 100 characters.
    const SUMMARY: &'static str;
    /// The default rank.
    const RANK: Rank;
    /// What it does to the world.
    const EFFECT: Effect;
    /// How often one actor may call it.
    const LIMIT: Limit = Limit { per_minute: 60, burst: 20 };
    /// Whether only the actor sees the answer where others could.
    const PRIVATE: bool = true;
    /// Whether an answer to a button on a private message takes that message's place: for pages that are
    /// worked on, such as settings.
    const IN_PLACE: bool = false;
    /// Other words for it in messages with a prefix, each a word: `b` for `ban`.
    const ALIASES: &'static [&'static str] = &[];
    /// How it may be called, as after a slash.
    const EXAMPLES: &'static [&'static str] = &[];
    /// Where Discord offers it in the menu of a person or a message.
    const MENU: Option<Menu> = None;
    /// The permission on Discord that shows it in the list of commands, where those who have that permission have
    /// the rank by it: one [bit](crate::guild::bits), as Discord asks for all of several. It shows and hides, and
    /// lets nobody do anything.
    const NATIVE: Option<u64> = None;
    /// What it is about, where its name does not say it: for the addresses of REST.
    const ABOUT: Option<About> = None;

    /// What a destroying operation asks before it runs.
    fn question(&self) -> String {
        "This cannot be undone. Do it?".to_owned()
    }

    /// Looks before the question is asked, so that what would be refused afterwards is refused at once, and gives the
    /// question. [`Operation::question`] is for what need not look.
    fn ask(
        &self,
        _domain: &Self::Domain,
        _call: &Call,
    ) -> impl Future<Output = Result<String, Error>> + Send {
        std::future::ready(Ok(self.question()))
    }

    /// Does it.
    fn run(
        self,
        domain: &Self::Domain,
        call: &Call,
    ) -> impl Future<Output = Result<Answer<Self::Output>, Error>> + Send;
}

/// A value that a person may be offered while typing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Choice {
    /// What goes into the input.
    pub value: String,
    /// What the person reads.
    pub label: String,
}

pub(crate) type Completing<'a> = Pin<Box<dyn Future<Output = Result<Vec<Choice>, Error>> + Send + 'a>>;
pub(crate) type CompleteFn<D> =
    Arc<dyn for<'a> Fn(&'a D, &'a Actor, &'a str) -> Completing<'a> + Send + Sync>;

/// A domain's operations and completers, not yet bound to a running domain: enough to list, document and
/// parse them.
pub struct Operations<D> {
    pub(crate) entries: Vec<Unbound<D>>,
    pub(crate) completers: BTreeMap<&'static str, CompleteFn<D>>,
}

impl<D: Send + Sync + 'static> Default for Operations<D> {
    fn default() -> Self {
        Self { entries: Vec::new(), completers: BTreeMap::new() }
    }
}

impl<D: Send + Sync + 'static> Operations<D> {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an operation.
    ///
    /// # Panics
    ///
    /// When it destroys and has a secret input. Faces ask before it runs, and until then they keep the input
    /// where secrets must not be: in a button.
    #[must_use]
    pub fn with<O: Operation<Domain = D>>(mut self) -> Self {
        let spec = Spec::of::<O>();
        if spec.effect == Effect::Destroy {
            let secret = spec.fields.iter().find(|field| field.secret).map(|field| field.name.as_str());
            assert!(
                secret.is_none(),
                "the operation '{}' destroys, so its input '{}' cannot be secret: it would be kept in the button that asks",
                spec.name,
                secret.unwrap_or_default(),
            );
        }
        self.entries.push(Unbound { spec, prepare: prepare::<O> });
        self
    }

    /// Lets a community turn all of these off with the setting `features.<name>`.
    #[must_use]
    pub fn feature(mut self, name: &'static str) -> Self {
        for entry in &mut self.entries {
            entry.spec.feature = Some(name);
        }
        self
    }

    /// Adds the completer that inputs name with `x-complete`.
    #[must_use]
    pub fn completer<F>(mut self, name: &'static str, complete: F) -> Self
    where
        F: for<'a> Fn(&'a D, &'a Actor, &'a str) -> Completing<'a> + Send + Sync + 'static,
    {
        self.completers.insert(name, Arc::new(complete));
        self
    }

    /// What is known of each, in order.
    pub fn specs(&self) -> impl Iterator<Item = &Spec> {
        self.entries.iter().map(|entry| &entry.spec)
    }
}

/// An operation without its domain.
pub(crate) struct Unbound<D> {
    pub(crate) spec: Spec,
    pub(crate) prepare: Prepare<D>,
}

type Prepare<D> = fn(Value) -> Result<Box<dyn Prepared<D>>, Error>;

/// An operation whose input has been read, ready to run.
pub(crate) trait Prepared<D>: Send {
    fn ask<'a>(&'a self, domain: &'a D, call: &'a Call) -> Asking<'a>;
    fn run<'a>(self: Box<Self>, domain: &'a D, call: &'a Call) -> Running<'a>;
}

pub(crate) type Asking<'a> = Pin<Box<dyn Future<Output = Result<String, Error>> + Send + 'a>>;
pub(crate) type Running<'a> = Pin<Box<dyn Future<Output = Result<Answer<Value>, Error>> + Send + 'a>>;

struct Ready<O>(O);

impl<O: Operation> Prepared<O::Domain> for Ready<O> {
    fn ask<'a>(&'a self, domain: &'a O::Domain, call: &'a Call) -> Asking<'a> {
        Box::pin(self.0.ask(domain, call))
    }

    fn run<'a>(self: Box<Self>, domain: &'a O::Domain, call: &'a Call) -> Running<'a> {
        Box::pin(async move {
            let answer = self.0.run(domain, call).await?;
            let data = serde_json::to_value(answer.data).map_err(Error::bug)?;
            Ok(Answer { data, document: answer.document, follow: answer.follow })
        })
    }
}

fn prepare<O: Operation>(input: Value) -> Result<Box<dyn Prepared<O::Domain>>, Error> {
    let operation: O = serde_json::from_value(input).map_err(|error| {
        Error::new(crate::Kind::User, "unreadable_input", format!("The input does not fit: {error}."))
            .with("problem", error.to_string())
    })?;
    Ok(Box::new(Ready(operation)))
}
