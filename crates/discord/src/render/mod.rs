//! Documents become Components V2: a coloured container of texts, pictures and buttons, in as many pages as
//! Discord's limits ask for.
//!
//! Rendering is pure. What has to be remembered for the buttons to work comes out beside the pages.

mod markdown;
mod menu;
mod page;
mod table;
#[cfg(test)]
mod tests;

use guildhall_core::{
    Document, Tone,
    document::{Action, Block, Field, Style},
};
use twilight_model::channel::message::component::{
    Button, ButtonStyle, Component, MediaGallery, MediaGalleryItem, Separator, TextDisplay, UnfurledMediaItem,
};
use url::Url;

use crate::custom_id::{self, Intent, Keep, Meant};

pub(crate) use markdown::escape;
use page::Pages;

/// Discord's limit for a button's label.
const LABEL: usize = 80;
/// Discord's limit for the description of a picture.
const ALT: usize = 1_024;
/// The most characters of a picture's address that Discord takes.
const ADDRESS: usize = 2_048;
/// The most characters of a code block, so that two fit on a page.
const CODE: usize = 1_750;

/// A document in Discord's form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rendered {
    /// One message's components a page, at least one page.
    pub(crate) pages: Vec<Vec<Component>>,
    /// What the buttons refer to.
    pub(crate) keep: Vec<Keep>,
}

/// Whom a question asks, and until when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// The user's snowflake.
    pub(crate) user: u64,
    /// A Unix time in seconds.
    pub(crate) until: i64,
}

/// What a document is rendered for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Around {
    /// It is a question: its "yes" works for the one who is asked, and a "no" is put beside it.
    pub(crate) asked: Option<Asked>,
    /// It is a direct message, whose buttons name the guild that they act for.
    pub(crate) guild: Option<u64>,
}

/// A document as it is.
pub(crate) fn document(document: &Document) -> Rendered {
    render(document, Around::default())
}

/// A line below the container, in small print. `markdown` is written as it is.
pub(crate) fn footnote(markdown: String) -> Component {
    Component::TextDisplay(TextDisplay { content: markdown, id: None })
}

/// A document for a place.
pub(crate) fn render(document: &Document, around: Around) -> Rendered {
    let mut pages = Pages::new(document.color.or(colour(document.tone)), around.guild);
    if let Some(title) = document.title.as_deref() {
        heading(&mut pages, "## ", title);
    }
    for part in &document.blocks {
        block(&mut pages, part, around.asked);
    }
    if pages.is_empty() {
        pages.line(vec![if document.tone == Tone::Bad { "That did not work." } else { "Done." }.to_owned()]);
    }
    pages.finish(document)
}

fn colour(tone: Tone) -> Option<u32> {
    match tone {
        Tone::Neutral => None,
        Tone::Working => Some(0x34_98_DB),
        Tone::Good => Some(0x3B_A5_5D),
        Tone::Warning => Some(0xFA_A6_1A),
        Tone::Bad => Some(0xED_42_45),
    }
}

fn block(pages: &mut Pages, block: &Block, asked: Option<Asked>) {
    match block {
        Block::Heading { text } => heading(pages, "### ", text),
        Block::Text { text } => pages.line(markdown::atoms(text)),
        Block::Fields { fields } => fields.iter().for_each(|field| pages.line(named(field))),
        Block::Table(table) => table::lay_out(pages, table),
        Block::Progress { label, done, total } => pages.line(progress(label, *done, *total)),
        Block::Code { text } => code(pages, text),
        Block::Image { url, alt } => image(pages, url, alt),
        Block::Actions { actions } => buttons(pages, actions, asked),
        Block::Menu(menu) => menu::lay_out(pages, menu),
        Block::Divider => {
            pages.whole(Component::Separator(Separator { divider: Some(true), id: None, spacing: None }), 1);
        }
    }
}

/// A heading takes one line; what is longer goes on as text below it.
fn heading(pages: &mut Pages, mark: &str, text: &str) {
    let text = markdown::visible(text).replace('\n', " ");
    let text = text.trim();
    let (head, rest) = text.split_at(markdown::split_point(text, markdown::ATOM));
    if !head.is_empty() {
        pages.line(vec![format!("{mark}{}", escape(head))]);
    }
    if !rest.is_empty() {
        pages.line(markdown::atoms(&rest.into()));
    }
}

fn named(field: &Field) -> Vec<String> {
    let mut atoms = Vec::new();
    if !field.name.trim().is_empty() {
        atoms = markdown::atoms(&guildhall_core::Rich::new().strong(field.name.trim()));
        atoms.push(": ".to_owned());
    }
    atoms.extend(markdown::atoms(&field.value));
    atoms
}

fn progress(label: &str, done: u32, total: u32) -> Vec<String> {
    const CELLS: u64 = 12;
    let mut atoms = markdown::atoms(&label.into());
    if total == 0 {
        atoms.push(" …".to_owned());
        return atoms;
    }
    let done = done.min(total);
    let full = usize::try_from(u64::from(done) * CELLS / u64::from(total)).unwrap_or_default();
    let empty = usize::try_from(CELLS).unwrap_or_default() - full;
    atoms.push(format!("\n`{}{}` {done} of {total}", "▰".repeat(full), "▱".repeat(empty)));
    atoms
}

fn code(pages: &mut Pages, text: &str) {
    let text = markdown::fence_safe(text);
    let mut rest = text.trim_end_matches('\n');
    while !rest.is_empty() {
        let (piece, left) = rest.split_at(markdown::split_point(rest, CODE / 2).max(code_split(rest)));
        rest = left;
        // A block of blanks is nothing to see, and Discord would not take it.
        if !piece.trim().is_empty() {
            pages.line(vec![markdown::code_block(piece.strip_suffix('\n').unwrap_or(piece))]);
        }
    }
}

/// As many whole lines as fit when counted as Discord may count them, in UTF-16 units.
fn code_split(text: &str) -> usize {
    let (mut units, mut last_line) = (0, 0);
    for (at, c) in text.char_indices() {
        units += c.len_utf16();
        if units > CODE {
            return last_line;
        }
        if c == '\n' {
            last_line = at + 1;
        }
    }
    text.len()
}

fn image(pages: &mut Pages, url: &str, alt: &str) {
    let address =
        Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(address) = address.map(String::from).filter(|address| address.chars().count() <= ADDRESS) else {
        // Discord would refuse the whole message for one address it cannot fetch.
        let text = if alt.trim().is_empty() { url } else { alt };
        pages.line(markdown::atoms(&text.into()));
        return;
    };
    let alt = shortened(&markdown::visible(alt), ALT);
    let item = MediaGalleryItem {
        description: (!alt.trim().is_empty()).then_some(alt),
        media: UnfurledMediaItem {
            content_type: None,
            height: None,
            proxy_url: None,
            url: address,
            width: None,
        },
        spoiler: None,
    };
    pages.whole(Component::MediaGallery(MediaGallery { id: None, items: vec![item] }), 1);
}

fn buttons(pages: &mut Pages, actions: &[Action], asked: Option<Asked>) {
    let mut wanted: Vec<Wanted<'_>> = actions.iter().map(|action| Wanted::of(action, asked)).collect();
    if let Some(Asked { user, .. }) = asked {
        let press = Pressed::No(user);
        wanted.push(Wanted { label: "No".to_owned(), style: ButtonStyle::Secondary, press });
    }
    for row in wanted.chunks(5) {
        pages.row(row);
    }
}

/// A button whose `custom_id` is written once it is known which page it is on.
struct Wanted<'a> {
    label: String,
    style: ButtonStyle,
    press: Pressed<'a>,
}

/// What pressing a button means.
enum Pressed<'a> {
    Meant(Meant<'a>),
    /// No, from this user.
    No(u64),
}

impl<'a> Wanted<'a> {
    fn of(action: &'a Action, asked: Option<Asked>) -> Self {
        let intent = match (action.confirmed, asked) {
            (false, _) => Intent::Act,
            (true, Some(Asked { user, until })) => Intent::Yes { user, until },
            (true, None) => Intent::Confirmed,
        };
        let style = match action.style {
            Style::Primary => ButtonStyle::Primary,
            Style::Secondary => ButtonStyle::Secondary,
            Style::Danger => ButtonStyle::Danger,
        };
        let label = [action.label.as_str(), action.operation.as_str(), "…"]
            .into_iter()
            .map(|text| markdown::visible(text).replace('\n', " ").trim().to_owned())
            .find(|text| !text.is_empty())
            .unwrap_or_default();
        let press = Pressed::Meant(Meant {
            intent,
            operation: &action.operation,
            input: &action.input,
            fields: &action.ask,
        });
        Self { label: shortened(&label, LABEL), style, press }
    }

    fn button(&self, guild: Option<u64>, number: usize, keep: &mut Vec<Keep>) -> Button {
        let id = match &self.press {
            Pressed::Meant(meant) => meant.write(guild, number, keep),
            Pressed::No(user) => custom_id::write_no(guild, *user, number),
        };
        button(self.label.clone(), self.style, id)
    }
}

fn button(label: String, style: ButtonStyle, custom_id: String) -> Button {
    Button {
        custom_id: Some(custom_id),
        disabled: false,
        emoji: None,
        id: None,
        label: Some(label),
        sku_id: None,
        style,
        url: None,
    }
}

/// `text` without blanks at its ends, or its beginning and an ellipsis that shows the cut.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    let text = text.trim();
    if text.encode_utf16().count() <= most {
        return text.to_owned();
    }
    let mut units = 1;
    let kept = text.chars().take_while(|c| {
        units += c.len_utf16();
        units <= most
    });
    kept.chain(['…']).collect()
}

/// The length of a text as Discord may count it, in UTF-16 units.
fn units(text: &str) -> usize {
    text.encode_utf16().count()
}
