//! What an operation answers with: a small tree that every face renders in its own way.
//!
//! Text in a document is plain. A face escapes whatever its medium would read as markup, so a player's name
//! can never become a mention or a link. What is one is a span of its own.

mod address;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::guild::ChannelId;

pub use address::{Address, BadAddress};

/// The mood of a document: faces turn it into a colour or a symbol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// A plain answer.
    #[default]
    Neutral,
    /// Something is under way.
    Working,
    /// It worked.
    Good,
    /// It worked, with a caution.
    Warning,
    /// It did not work.
    Bad,
}

/// A piece of text in a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "span", content = "value")]
pub enum Span {
    /// Plain text.
    Plain(String),
    /// Text that stands out.
    Strong(String),
    /// A name, command or address, set in a fixed-width face.
    Code(String),
    /// A moment, shown in the reader's zone.
    Time(
        #[serde(with = "time::serde::rfc3339")]
        #[schemars(with = "String")]
        OffsetDateTime,
    ),
    /// A moment, shown as its distance from now.
    Ago(
        #[serde(with = "time::serde::rfc3339")]
        #[schemars(with = "String")]
        OffsetDateTime,
    ),
    /// An actor by id (`discord:4711`) and name.
    Person {
        /// The actor's id.
        id: String,
        /// What to show where the id cannot be resolved.
        name: String,
    },
    /// An address, which leads there where the medium can.
    Link(Address),
    /// A channel or thread on Discord.
    Channel {
        /// Its id.
        id: ChannelId,
        /// What to show where the id cannot be resolved.
        name: String,
    },
}

/// A line of text made of spans.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Rich(pub Vec<Span>);

impl Rich {
    /// An empty line, to add to.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds plain text.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Plain(text.into()));
        self
    }

    /// Adds text that stands out.
    #[must_use]
    pub fn strong(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Strong(text.into()));
        self
    }

    /// Adds fixed-width text.
    #[must_use]
    pub fn code(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Code(text.into()));
        self
    }

    /// Adds a moment.
    #[must_use]
    pub fn time(mut self, at: OffsetDateTime) -> Self {
        self.0.push(Span::Time(at));
        self
    }

    /// Adds a moment as its distance from now.
    #[must_use]
    pub fn ago(mut self, at: OffsetDateTime) -> Self {
        self.0.push(Span::Ago(at));
        self
    }

    /// Adds a person.
    #[must_use]
    pub fn person(mut self, id: &crate::ActorId, name: impl Into<String>) -> Self {
        self.0.push(Span::Person { id: id.as_str().to_owned(), name: name.into() });
        self
    }

    /// Adds an address.
    #[must_use]
    pub fn link(mut self, address: Address) -> Self {
        self.0.push(Span::Link(address));
        self
    }

    /// Adds an address that somebody gave: as a link where it is fit to be one, as plain text otherwise.
    #[must_use]
    pub fn address(self, text: &str) -> Self {
        match text.parse() {
            Ok(address) => self.link(address),
            Err(BadAddress) => self.text(text),
        }
    }

    /// Adds a channel or thread.
    #[must_use]
    pub fn channel(mut self, id: ChannelId, name: impl Into<String>) -> Self {
        self.0.push(Span::Channel { id, name: name.into() });
        self
    }

    /// Adds a text of the community's own, in which `<#id>` is a channel.
    #[must_use]
    pub fn with_channels(mut self, text: &str) -> Self {
        let (mut rest, mut from) = (text, 0);
        while let Some(at) = rest[from..].find("<#").map(|at| from + at) {
            let mention = rest[at..].find('>').map(|end| &rest[at..=at + end]);
            match mention.and_then(|mention| Some((mention, mention.parse().ok()?))) {
                Some((mention, id)) => {
                    let before = &rest[..at];
                    self = if before.is_empty() { self } else { self.text(before) }.channel(id, mention);
                    (rest, from) = (&rest[at + mention.len()..], 0);
                }
                None => from = at + 2,
            }
        }
        if rest.is_empty() { self } else { self.text(rest) }
    }
}

impl From<&str> for Rich {
    fn from(text: &str) -> Self {
        Self::new().text(text)
    }
}

impl From<String> for Rich {
    fn from(text: String) -> Self {
        Self::new().text(text)
    }
}

/// A name and its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Field {
    /// What it is.
    pub name: String,
    /// What it is worth.
    pub value: Rich,
}

/// Rows under headings. `total` counts the rows that exist, `rows` are those on this page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Table {
    /// One heading a column.
    pub columns: Vec<String>,
    /// One cell a column.
    pub rows: Vec<Vec<Rich>>,
}

/// How a button looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// The thing most people want next.
    Primary,
    /// One of several.
    #[default]
    Secondary,
    /// Cannot be taken back.
    Danger,
}

/// Something the reader can do next: an operation with its input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Action {
    /// At most 80 characters (Discord's limit for a button).
    pub label: String,
    /// The operation's name, as in the catalogue.
    pub operation: String,
    /// The operation's input.
    #[serde(default)]
    pub input: Value,
    /// How it looks.
    #[serde(default)]
    pub style: Style,
    /// The reader has seen the question that a destroying operation asks, and this is their yes.
    #[serde(default)]
    pub confirmed: bool,
    /// Inputs to ask for in a form before it is called, though they are not required.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ask: Vec<String>,
}

impl Action {
    /// An action that calls `operation` with `input`.
    pub fn new(label: impl Into<String>, operation: impl Into<String>, input: Value) -> Self {
        Self {
            label: label.into(),
            operation: operation.into(),
            input,
            style: Style::Secondary,
            confirmed: false,
            ask: Vec::new(),
        }
    }

    /// Asks for these inputs in a form first, what `input` has of them filled in.
    #[must_use]
    pub fn asking(mut self, fields: &[&str]) -> Self {
        self.ask = fields.iter().map(|&field| field.to_owned()).collect();
        self
    }

    /// Sets the style.
    #[must_use]
    pub fn style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }
}

/// A menu: what is chosen goes into one input of an operation, which is called at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Menu {
    /// What is chosen here, at most 150 characters (Discord's limit for a placeholder).
    pub label: String,
    /// The operation's name, as in the catalogue.
    pub operation: String,
    /// The rest of its input.
    #[serde(default)]
    pub input: Value,
    /// The input that the choice goes into: a text, or a list of texts when `most` is above 1.
    pub field: String,
    /// What there is to choose from.
    pub of: Choices,
    /// At least so many, 0 to 25; 0 lets the reader choose nothing, which is an empty text or list.
    pub least: u8,
    /// At most so many, 1 to 25.
    pub most: u8,
    /// What is chosen now: values of options, or ids.
    #[serde(default)]
    pub chosen: Vec<String>,
}

/// What there is to choose from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "choices", content = "options")]
pub enum Choices {
    /// These, at most 25.
    Options(Vec<MenuOption>),
    /// The community's text channels.
    Channels,
    /// The community's categories.
    Categories,
    /// The community's roles.
    Roles,
    /// The community's people.
    People,
}

/// One thing to choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MenuOption {
    /// What goes into the input, at most 100 characters.
    pub value: String,
    /// What the reader sees, at most 100 characters.
    pub label: String,
    /// More about it, at most 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// One part of a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "block")]
pub enum Block {
    /// A heading inside of the document.
    Heading {
        /// The words.
        text: String,
    },
    /// A paragraph.
    Text {
        /// The line.
        text: Rich,
    },
    /// Names and values.
    Fields {
        /// In the order to show.
        fields: Vec<Field>,
    },
    /// Rows and columns.
    Table(Table),
    /// How far a job is.
    Progress {
        /// What is being done, in the present: "installing".
        label: String,
        /// Steps done.
        done: u32,
        /// Steps in all; 0 when nobody can know.
        total: u32,
    },
    /// Output of a program, shown as it is.
    Code {
        /// The lines.
        text: String,
    },
    /// A picture.
    Image {
        /// Where it is.
        url: String,
        /// What it shows, for who cannot see it.
        alt: String,
    },
    /// What the reader can do next.
    Actions {
        /// In the order to show; faces show five a row.
        actions: Vec<Action>,
    },
    /// Something to choose.
    Menu(Menu),
    /// A line that sets apart what follows.
    Divider,
}

/// An answer that people read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Document {
    /// The first line, if any.
    #[serde(default)]
    pub title: Option<String>,
    /// The mood.
    #[serde(default)]
    pub tone: Tone,
    /// A colour of the community's own instead of the mood's, `0xrrggbb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<u32>,
    /// The parts, top to bottom.
    #[serde(default)]
    pub blocks: Vec<Block>,
}

impl Document {
    /// A document with a title.
    pub fn titled(title: impl Into<String>) -> Self {
        Self { title: Some(title.into()), ..Self::default() }
    }

    /// Sets the tone.
    #[must_use]
    pub fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    /// Adds a heading.
    #[must_use]
    pub fn heading(self, text: impl Into<String>) -> Self {
        self.block(Block::Heading { text: text.into() })
    }

    /// Adds a paragraph.
    #[must_use]
    pub fn text(self, text: impl Into<Rich>) -> Self {
        self.block(Block::Text { text: text.into() })
    }

    /// Adds one name and value, joining the fields right above it.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Rich>) -> Self {
        let field = Field { name: name.into(), value: value.into() };
        if let Some(Block::Fields { fields }) = self.blocks.last_mut() {
            fields.push(field);
            return self;
        }
        self.block(Block::Fields { fields: vec![field] })
    }

    /// Adds program output.
    #[must_use]
    pub fn code(self, text: impl Into<String>) -> Self {
        self.block(Block::Code { text: text.into() })
    }

    /// Adds a table.
    #[must_use]
    pub fn table(self, columns: &[&str], rows: Vec<Vec<Rich>>) -> Self {
        let columns = columns.iter().map(|&c| c.to_owned()).collect();
        self.block(Block::Table(Table { columns, rows }))
    }

    /// Adds progress.
    #[must_use]
    pub fn progress(self, label: impl Into<String>, done: u32, total: u32) -> Self {
        self.block(Block::Progress { label: label.into(), done, total })
    }

    /// Adds one action, joining the actions right above it.
    #[must_use]
    pub fn action(mut self, action: Action) -> Self {
        if let Some(Block::Actions { actions }) = self.blocks.last_mut() {
            actions.push(action);
            return self;
        }
        self.block(Block::Actions { actions: vec![action] })
    }

    /// Adds a menu.
    #[must_use]
    pub fn menu(self, menu: Menu) -> Self {
        self.block(Block::Menu(menu))
    }

    /// Adds a dividing line.
    #[must_use]
    pub fn divider(self) -> Self {
        self.block(Block::Divider)
    }

    /// Adds a part.
    #[must_use]
    pub fn block(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }

    /// Every action in the document, top to bottom.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.blocks.iter().flat_map(|block| match block {
            Block::Actions { actions } => actions.as_slice(),
            _ => &[],
        })
    }
}
