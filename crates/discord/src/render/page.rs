//! Pages: Discord takes 40 components and 4,000 characters of text a message.
//!
//! The budgets here are lower, because a page also carries the buttons that turn it and, later, the way to
//! a job's thread.

use std::collections::HashSet;

use guildhall_core::Document;
use twilight_model::channel::message::component::{
    ActionRow, ButtonStyle, Component, Container, SelectMenu, TextDisplay,
};

use super::{Rendered, Wanted, button, units};
use crate::custom_id::{self, Keep, Meant};

/// Characters of text a page, counted in UTF-16 units.
const CHARACTERS: usize = 3_700;
/// Components inside of the container.
const COMPONENTS: usize = 32;
/// Characters of one text display; `twilight-validate` takes 2,000.
const DISPLAY: usize = 1_900;

/// Pages being filled.
pub(super) struct Pages {
    colour: Option<u32>,
    guild: Option<u64>,
    done: Vec<Vec<Component>>,
    page: Page,
    keep: Vec<Keep>,
}

#[derive(Default)]
struct Page {
    parts: Vec<Component>,
    /// Text that is not in `parts` yet.
    text: String,
    characters: usize,
    components: usize,
    ids: HashSet<String>,
}

impl Pages {
    pub(super) fn new(colour: Option<u32>, guild: Option<u64>) -> Self {
        Self { colour, guild, done: Vec::new(), page: Page::default(), keep: Vec::new() }
    }

    /// Whether there is nothing to see yet.
    pub(super) fn is_empty(&self) -> bool {
        self.done.is_empty() && self.page.parts.is_empty() && self.page.text.trim().is_empty()
    }

    /// Adds a line of atoms, none of which is split.
    pub(super) fn line(&mut self, atoms: Vec<String>) {
        if !self.page.text.is_empty() {
            self.text("\n");
        }
        for atom in atoms {
            self.text(&atom);
        }
    }

    fn text(&mut self, atom: &str) {
        let length = units(atom);
        if units(&self.page.text) + length > DISPLAY {
            self.page.close_text();
        }
        let display = usize::from(self.page.text.is_empty());
        if self.page.characters + length > CHARACTERS || self.page.components + display > COMPONENTS {
            self.turn();
        }
        if self.page.text.is_empty() {
            if atom.trim().is_empty() {
                return;
            }
            self.page.components += 1;
        }
        self.page.text.push_str(atom);
        self.page.characters += length;
    }

    /// Adds a component that counts as `components`.
    pub(super) fn whole(&mut self, component: Component, components: usize) {
        self.page.close_text();
        if self.page.components + components > COMPONENTS {
            self.turn();
        }
        self.page.components += components;
        self.page.parts.push(component);
    }

    /// Adds a row of at most five buttons.
    pub(super) fn row(&mut self, wanted: &[Wanted<'_>]) {
        self.page.close_text();
        let characters: usize = wanted.iter().map(|wanted| units(&wanted.label)).sum();
        let full = self.page.components + 1 + wanted.len() > COMPONENTS;
        if full || self.page.characters + characters > CHARACTERS {
            self.turn();
        }
        let mut row = Vec::with_capacity(wanted.len());
        for wanted in wanted {
            let mut button = None;
            self.unique(|guild, number, keep| {
                let made = button.insert(wanted.button(guild, number, keep));
                made.custom_id.clone().unwrap_or_default()
            });
            row.extend(button.map(Component::Button));
        }
        self.page.characters += characters;
        self.close_row(row);
    }

    /// Adds a menu, which takes a row of its own. Its `custom_id` is written here.
    pub(super) fn select(&mut self, mut select: SelectMenu, meant: &Meant<'_>) {
        self.page.close_text();
        let characters = select.placeholder.as_deref().map_or(0, units);
        if self.page.components + 2 > COMPONENTS || self.page.characters + characters > CHARACTERS {
            self.turn();
        }
        select.custom_id = self.unique(|guild, number, keep| meant.write(guild, number, keep));
        self.page.characters += characters;
        self.close_row(vec![Component::SelectMenu(select)]);
    }

    fn close_row(&mut self, row: Vec<Component>) {
        self.page.components += 1 + row.len();
        self.page.parts.push(Component::ActionRow(ActionRow { components: row, id: None }));
    }

    /// An id that nothing else on the page has: two components of one message may not share one.
    fn unique(&mut self, mut write: impl FnMut(Option<u64>, usize, &mut Vec<Keep>) -> String) -> String {
        let mut number = 0;
        loop {
            let mut keep = Vec::new();
            let id = write(self.guild, number, &mut keep);
            if self.page.ids.insert(id.clone()) {
                self.remember(keep);
                return id;
            }
            number += 1;
        }
    }

    fn remember(&mut self, keep: Vec<Keep>) {
        for keep in keep {
            if !self.keep.contains(&keep) {
                self.keep.push(keep);
            }
        }
    }

    fn turn(&mut self) {
        let mut page = std::mem::take(&mut self.page);
        page.close_text();
        if !page.parts.is_empty() {
            self.done.push(page.parts);
        }
    }

    /// The pages, with the buttons that turn them.
    pub(super) fn finish(mut self, document: &Document) -> Rendered {
        self.turn();
        let Self { colour, guild, done, mut keep, .. } = self;
        let total = done.len();
        let key = if total > 1 {
            let key = serde_json::to_vec(document).map(|bytes| custom_id::key_of(&bytes)).unwrap_or_default();
            keep.push(Keep::Document { key: key.clone(), document: Box::new(document.clone()) });
            key
        } else {
            String::new()
        };
        let pages = done.into_iter().enumerate().map(|(at, parts)| {
            let container =
                Container { accent_color: colour.map(Some), components: parts, id: None, spoiler: None };
            let mut components = vec![Component::Container(container)];
            if total > 1 {
                components.push(turning(guild, at, total, &key));
            }
            components
        });
        Rendered { pages: pages.collect(), keep }
    }
}

impl Page {
    fn close_text(&mut self) {
        let text = std::mem::take(&mut self.text);
        let trimmed = text.trim_matches('\n');
        if !trimmed.trim().is_empty() {
            self.parts.push(Component::TextDisplay(TextDisplay { content: trimmed.to_owned(), id: None }));
        }
    }
}

fn turning(guild: Option<u64>, at: usize, total: usize, key: &str) -> Component {
    let mut row = Vec::with_capacity(3);
    if at > 0 {
        let id = custom_id::write_page(guild, at - 1, key);
        row.push(Component::Button(button("◀ Previous".to_owned(), ButtonStyle::Secondary, id)));
    }
    let mut here = button(
        format!("Page {} of {total}", at + 1),
        ButtonStyle::Secondary,
        custom_id::write_page(guild, at, key),
    );
    here.disabled = true;
    row.push(Component::Button(here));
    if at + 1 < total {
        let id = custom_id::write_page(guild, at + 1, key);
        row.push(Component::Button(button("Next ▶".to_owned(), ButtonStyle::Secondary, id)));
    }
    Component::ActionRow(ActionRow { components: row, id: None })
}
