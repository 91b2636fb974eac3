//! A small domain of toys: one operation of each sort.

use std::sync::Mutex;

use guildhall_core::{
    Action, Answer, Call, Document, Effect, Error, Follow, Kind, Operation, Operations, Rank, RunId, Span,
    Tone,
    document::{Choices, Menu, MenuOption, Style},
    guild::{MessageId, MessageLink, UserId, bits},
    operation::{Choice, Menu as Entry, MenuTarget},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// The toys, and gates that hold slow operations.
pub struct Toys {
    pub made: Mutex<Vec<Value>>,
    pub broken: Mutex<Vec<String>>,
    /// The messages that what is broken began with: when it is asked, and when it is done.
    pub beginnings: Mutex<Vec<Option<MessageId>>>,
    /// One permit each time a slow operation has begun.
    pub begun: Semaphore,
    /// One permit lets one slow operation end.
    pub gate: Semaphore,
}

impl Default for Toys {
    fn default() -> Self {
        Self {
            made: Mutex::default(),
            broken: Mutex::default(),
            beginnings: Mutex::default(),
            begun: Semaphore::new(0),
            gate: Semaphore::new(0),
        }
    }
}

/// What is in the box.
#[derive(Deserialize, JsonSchema)]
pub struct List {}

impl Operation for List {
    type Domain = Toys;
    type Output = Value;
    const NAME: &'static str = "toy list";
    const SUMMARY: &'static str = "Show the toys";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Read;

    async fn run(self, toys: &Toys, _call: &Call) -> Result<Answer<Value>, Error> {
        let made = toys.made.lock().unwrap().len();
        let document = Document::titled("Toys").field("Made", made.to_string());
        Ok(Answer::new(json!(made), document.action(Action::new("Again", "toy list", json!({})))))
    }
}

/// What a toy is made of.
#[derive(Deserialize, JsonSchema, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stuff {
    Wood,
    Tin,
}

/// Makes a toy.
#[derive(Deserialize, JsonSchema, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct Make {
    /// What to call it
    #[schemars(length(min = 1, max = 32))]
    pub name: String,
    /// What it is made of
    pub stuff: Option<Stuff>,
    /// How large it is
    #[schemars(range(min = 1, max = 10))]
    pub size: Option<i64>,
    /// Whether it makes a noise
    pub loud: Option<bool>,
    /// What it is good for
    pub tags: Option<Vec<String>>,
    /// How it is set
    pub settings: Option<std::collections::BTreeMap<String, Value>>,
}

impl Operation for Make {
    type Domain = Toys;
    type Output = Value;
    const NAME: &'static str = "toy make";
    const SUMMARY: &'static str = "Make a toy";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Change;
    const PRIVATE: bool = false;

    async fn run(self, toys: &Toys, call: &Call) -> Result<Answer<Value>, Error> {
        let made = serde_json::to_value(&self).map_err(Error::bug)?;
        toys.made.lock().unwrap().push(made.clone());
        let document = Document::titled("Made").tone(Tone::Good).text(
            guildhall_core::Rich::new().person(&call.actor.id, "you").text(" made ").code(self.name.as_str()),
        );
        let offer = Action::new("Break it", "toy break", json!({"toy": self.name})).style(Style::Danger);
        let rename = Action::new("Another", "toy make", json!({"size": 3}));
        Ok(Answer::new(made, document.action(offer).action(rename)))
    }
}

/// Breaks a toy.
#[derive(Deserialize, JsonSchema)]
pub struct Break {
    /// Which toy
    #[schemars(extend("x-complete" = "toy"))]
    pub toy: String,
}

impl Operation for Break {
    type Domain = Toys;
    type Output = Value;
    const NAME: &'static str = "toy break";
    const SUMMARY: &'static str = "Break a toy for good";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Destroy;

    async fn ask(&self, toys: &Toys, call: &Call) -> Result<String, Error> {
        toys.beginnings.lock().unwrap().push(call.message);
        Ok(format!("Break {}?", self.toy))
    }

    async fn run(self, toys: &Toys, call: &Call) -> Result<Answer<Value>, Error> {
        toys.beginnings.lock().unwrap().push(call.message);
        toys.broken.lock().unwrap().push(self.toy.clone());
        Ok(Answer::new(json!(self.toy), Document::titled("Broken").tone(Tone::Good)))
    }
}

/// Takes its time, for the one who asked.
#[derive(Deserialize, JsonSchema)]
pub struct Slow {
    /// How it ends
    pub fail: Option<bool>,
}

impl Operation for Slow {
    type Domain = Toys;
    type Output = Value;
    const NAME: &'static str = "toy slow";
    const SUMMARY: &'static str = "Take a while";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Change;

    async fn run(self, toys: &Toys, _call: &Call) -> Result<Answer<Value>, Error> {
        toys.begun.add_permits(1);
        toys.gate.acquire().await.map_err(Error::bug)?.forget();
        if self.fail == Some(true) {
            return Err(Error::new(Kind::Upstream, "toy_jammed", "The toy is jammed."));
        }
        toys.made.lock().unwrap().push(json!("slow"));
        Ok(Answer::new(json!("slow"), Document::titled("Slowly done").tone(Tone::Good)))
    }
}

/// Takes its time, for everybody to see.
#[derive(Deserialize, JsonSchema)]
pub struct Show {
    /// How it ends
    pub fail: Option<bool>,
}

impl Operation for Show {
    type Domain = Toys;
    type Output = Value;
    const NAME: &'static str = "toy show";
    const SUMMARY: &'static str = "Show a toy to everybody";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Change;
    const PRIVATE: bool = false;

    async fn run(self, toys: &Toys, call: &Call) -> Result<Answer<Value>, Error> {
        Slow { fail: self.fail }.run(toys, call).await
    }
}

/// Breaks on the way.
#[derive(Deserialize, JsonSchema)]
pub struct Burst {}

impl Operation for Burst {
    type Domain = Toys;
    type Output = Value;
    const NAME: &'static str = "toy burst";
    const SUMMARY: &'static str = "Go wrong";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Change;

    async fn run(self, _toys: &Toys, _call: &Call) -> Result<Answer<Value>, Error> {
        panic!("the spring with the password hunter2 burst")
    }
}

/// Starts something that goes on.
#[derive(Deserialize, JsonSchema)]
pub struct Wind {
    /// The conversation
    pub topic: String,
}

impl Operation for Wind {
    type Domain = Toys;
    type Output = Value;
    const NAME: &'static str = "toy wind";
    const SUMMARY: &'static str = "Wind a toy up";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Change;

    async fn run(self, _toys: &Toys, call: &Call) -> Result<Answer<Value>, Error> {
        let run = RunId(call.clock.uuid());
        let follow = Follow { run, cursor: 0, topic: Some(self.topic) };
        Ok(Answer::new(json!(null), Document::titled("Winding").tone(Tone::Working)).following(follow))
    }
}

/// Says a lot.
#[derive(Deserialize, JsonSchema)]
pub struct Tale {
    /// How many lines
    pub lines: u32,
}

impl Operation for Tale {
    type Domain = Toys;
    type Output = Value;
    const NAME: &'static str = "tale";
    const SUMMARY: &'static str = "Tell a long tale";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Read;

    async fn run(self, _toys: &Toys, _call: &Call) -> Result<Answer<Value>, Error> {
        let lines = (1..=self.lines).map(|n| format!("line {n} of the tale")).collect::<Vec<_>>().join("\n");
        Ok(Answer::new(json!(self.lines), Document::titled("A tale").code(lines)))
    }
}

/// Sorts the box, a page that is worked on.
#[derive(Deserialize, JsonSchema, serde::Serialize)]
pub struct Sort {
    /// By what
    pub by: Option<String>,
    /// Whose toys
    pub people: Option<Vec<UserId>>,
    /// What to remember
    pub note: Option<String>,
}

impl Operation for Sort {
    type Domain = Toys;
    type Output = Value;
    const NAME: &'static str = "toy sort";
    const SUMMARY: &'static str = "Sort the toys";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Change;
    const IN_PLACE: bool = true;

    async fn run(self, toys: &Toys, call: &Call) -> Result<Answer<Value>, Error> {
        if self.by.as_deref() == Some("slowly") {
            toys.begun.add_permits(1);
            toys.gate.acquire().await.map_err(Error::bug)?.forget();
        }
        let data = serde_json::to_value(&self).map_err(Error::bug)?;
        toys.made.lock().unwrap().push(data.clone());
        let option =
            |value: &str| MenuOption { value: value.to_owned(), label: value.to_owned(), hint: None };
        let menu = |label: &str, field: &str, of, most| Menu {
            label: label.to_owned(),
            operation: Self::NAME.to_owned(),
            input: json!({"note": "kept"}),
            field: field.to_owned(),
            of,
            least: 0,
            most,
            chosen: Vec::new(),
        };
        let sizes = Choices::Options(vec![option("size"), option("colour"), option("slowly")]);
        let document = Document::titled(format!("Sorted by {}", self.by.unwrap_or_default()))
            .field("Channel", call.channel.map_or("nowhere".to_owned(), |channel| channel.to_string()))
            .menu(menu("By what", "by", sizes, 1))
            .menu(menu("Whose", "people", Choices::People, 5))
            .action(Action::new("Note", Self::NAME, json!({"note": "old"})).asking(&["note"]));
        Ok(Answer::new(data, document))
    }
}

/// Praises somebody.
#[derive(Deserialize, JsonSchema, serde::Serialize)]
pub struct Praise {
    /// Whom
    pub people: Vec<UserId>,
    /// For how long
    pub duration: Option<Span>,
    /// For what
    pub reason: Option<String>,
    /// Whether nobody hears of it
    pub silent: Option<bool>,
}

impl Operation for Praise {
    type Domain = Toys;
    type Output = Value;
    const NAME: &'static str = "praise";
    const SUMMARY: &'static str = "Praise people";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Change;
    const ALIASES: &'static [&'static str] = &["pr"];
    const PRIVATE: bool = false;
    const MENU: Option<Entry> =
        Some(Entry { label: "Praise", on: MenuTarget::User, field: "people", ask: &["reason"] });

    async fn run(self, toys: &Toys, _call: &Call) -> Result<Answer<Value>, Error> {
        let data = serde_json::to_value(&self).map_err(Error::bug)?;
        toys.made.lock().unwrap().push(data.clone());
        let document = Document::titled("Praised").text(self.reason.unwrap_or_default());
        Ok(Answer::new(data, document))
    }
}

/// Marks a message.
#[derive(Deserialize, JsonSchema)]
pub struct Mark {
    /// Which
    pub message: MessageLink,
}

impl Operation for Mark {
    type Domain = Toys;
    type Output = Value;
    const NAME: &'static str = "mark";
    const SUMMARY: &'static str = "Mark a message";
    const RANK: Rank = Rank::MODERATOR;
    const EFFECT: Effect = Effect::Change;
    const NATIVE: Option<u64> = Some(bits::KICK_MEMBERS);
    const MENU: Option<Entry> =
        Some(Entry { label: "Mark it", on: MenuTarget::Message, field: "message", ask: &[] });

    async fn run(self, toys: &Toys, _call: &Call) -> Result<Answer<Value>, Error> {
        let data = json!(self.message.to_string());
        toys.made.lock().unwrap().push(data.clone());
        Ok(Answer::new(data, Document::titled("Marked")))
    }
}

/// Tells the toy maker what nobody else should know.
#[derive(Deserialize, JsonSchema)]
pub struct Whisper {
    /// What
    #[schemars(length(min = 3, max = 1000), extend("x-secret" = true))]
    pub text: String,
    /// About whom
    #[schemars(extend("x-secret" = true))]
    pub about: Option<UserId>,
}

impl Operation for Whisper {
    type Domain = Toys;
    type Output = Value;
    const NAME: &'static str = "whisper";
    const SUMMARY: &'static str = "Tell the toy maker something";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Change;

    async fn run(self, toys: &Toys, _call: &Call) -> Result<Answer<Value>, Error> {
        toys.made.lock().unwrap().push(json!({"heard": self.text, "about": self.about}));
        Ok(Answer::new(json!(null), Document::titled("Heard").text(self.text)))
    }
}

/// Paints a toy.
#[derive(Deserialize, JsonSchema)]
pub struct Paint {
    /// In which colour
    pub colour: String,
}

impl Operation for Paint {
    type Domain = Toys;
    type Output = Value;
    const NAME: &'static str = "paint";
    const SUMMARY: &'static str = "Paint a toy";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Change;

    async fn run(self, _toys: &Toys, _call: &Call) -> Result<Answer<Value>, Error> {
        Ok(Answer::new(json!(self.colour), Document::titled("Painted")))
    }
}

/// Every toy operation, and one `more`.
pub fn operations(more: bool) -> Operations<Toys> {
    let all = if more { Operations::new().with::<Paint>() } else { Operations::new() };
    all.with::<List>()
        .with::<Make>()
        .with::<Break>()
        .with::<Slow>()
        .with::<Show>()
        .with::<Burst>()
        .with::<Wind>()
        .with::<Tale>()
        .with::<Sort>()
        .with::<Praise>()
        .with::<Mark>()
        .with::<Whisper>()
        .completer("toy", |toys: &Toys, _actor, partial: &str| {
            Box::pin(async move {
                if partial == "stuck" {
                    toys.begun.add_permits(1);
                    toys.gate.acquire().await.map_err(Error::bug)?.forget();
                }
                let names = ["ball", "bear", "train", &"x".repeat(101)].map(str::to_owned);
                let fitting = names.into_iter().filter(|name| name.contains(partial));
                Ok(fitting.map(|name| Choice { label: format!("The {name}"), value: name }).collect())
            })
        })
}
