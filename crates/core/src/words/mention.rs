//! Mentions in a line: each is for one kind of input, so it says by itself where it belongs.

use super::{
    Sorter,
    token::{Token, token},
};
use crate::{
    guild::{ChannelId, RoleId, UserId},
    input::{Field, FieldKind, Line},
};

impl<'a> Sorter<'a> {
    /// Looks through the line for mentions, before any word is given to an input that one of them is for.
    pub(super) fn mentions(&self) -> Vec<(usize, &'a Field)> {
        let (words, named) = self.apart();
        let mut found: Vec<(usize, &'a Field)> = Vec::new();
        // Where ids begin that a mention may follow, and where people end who have been found.
        let (mut ids, mut end) = (None, 0);
        for token in words.iter().filter(|token| !token.quoted) {
            if token.start < end {
                continue;
            }
            let (run, before) = ids.unwrap_or((token.start, token.start));
            let follows = self.line[before..token.start].trim().is_empty() && is_people(token.text);
            let begin = if follows { run } else { token.start };
            // Of several ids only the first may be as short as any number.
            ids = match token.text {
                text if is_people(text) => Some((begin, token.end)),
                text if are_ids(text) => Some((token.start, token.end)),
                _ => None,
            };
            let free = |field: &&Field| {
                !named.contains(&field.name.as_str()) && !found.iter().any(|(_, of)| of.name == field.name)
            };
            match self.fields.iter().find(|field| free(field) && mentions(field, token.text)) {
                Some(field) if takes_people(field) => {
                    found.push((begin, field));
                    end = self.people_end(token.end);
                    ids = None;
                }
                Some(field) => found.push((token.start, field)),
                None => {}
            }
        }
        found
    }

    /// The words that name nothing and are nothing's value, and the inputs that are named.
    fn apart(&self) -> (Vec<Token<'a>>, Vec<&'a str>) {
        let (mut words, mut named, mut at) = (Vec::new(), Vec::new(), 0);
        while let Some(token) = token(self.line, at).filter(|token| token.quoted || token.text != "--") {
            at = token.end;
            let Some((field, value)) = self.naming(&token) else {
                words.push(token);
                continue;
            };
            named.push(field.name.as_str());
            if let Some(value) = value.and_then(|start| self.value_at(start)) {
                at = if takes_people(field) { self.people_end(value.end) } else { value.end };
            }
        }
        (words, named)
    }

    /// The input that the mention at `start` is for.
    pub(super) fn mentioned(&self, start: usize) -> Option<&'a Field> {
        self.mentions.iter().find(|(at, _)| *at == start).map(|(_, field)| *field)
    }

    /// Where the people end who follow each other from `at` on.
    fn people_end(&self, mut at: usize) -> usize {
        while let Some(token) = token(self.line, at).filter(|token| !token.quoted && is_people(token.text)) {
            at = token.end;
        }
        at
    }
}

/// Whether the word mentions what the input is for.
fn mentions(field: &Field, text: &str) -> bool {
    match field.kind {
        _ if takes_people(field) => text.starts_with("<@") && is_people(text),
        FieldKind::User => text.starts_with("<@") && is_id::<UserId>(text),
        FieldKind::Role => text.starts_with("<@&") && is_id::<RoleId>(text),
        FieldKind::Channel => text.starts_with("<#") && is_id::<ChannelId>(text),
        _ => false,
    }
}

/// Whether the input is for several people.
pub(super) fn takes_people(field: &Field) -> bool {
    field.kind == FieldKind::Users || field.line == Some(Line::People)
}

/// Whether the word is people alone: one, or several with commas between.
pub(super) fn is_people(text: &str) -> bool {
    are_ids(text) && text.split(',').all(|one| one.is_empty() || is_id::<UserId>(one))
}

/// The same, with numbers that are shorter than an id is.
fn are_ids(text: &str) -> bool {
    let mut ids = text.split(',').filter(|one| !one.is_empty()).peekable();
    ids.peek().is_some() && ids.all(|one| one.parse::<UserId>().is_ok())
}

/// Whether the word is a mention, or a number as long as an id: `3` is rather a number of days.
pub(super) fn is_id<T: std::str::FromStr>(text: &str) -> bool {
    (text.starts_with('<') || text.len() >= 15) && text.parse::<T>().is_ok()
}
