//! Lines that people type: `ban @robin 7d spam`, `ban user:@robin --reason "two words"`.
//!
//! [`Vocabulary`] finds the operation that a line begins with, [`read`] sorts the words after it into inputs.
//! Both only sort: what does not fit an input is put there all the same, so that the catalogue says what is
//! wrong with it in the words it uses everywhere.

mod mention;
mod token;

use std::collections::{BTreeMap, HashMap};

use crate::{
    Spec,
    duration::{BadSpan, Span},
    guild::{ChannelId, MessageLink, RoleId, UserId},
    input::{Field, FieldKind, Line},
};
use mention::{is_id, is_people, takes_people};
use token::{Token, dashed, token};

/// Names offered when nothing is meant exactly.
const OFFERED: usize = 5;
/// Names offered of a group whose name stands alone: three rows of buttons on Discord.
const GROUP: usize = 15;
/// Words looked at to find out where a named text ends.
const LOOKED_AHEAD: usize = 32;

/// Every way to begin a line: the operations' names and their aliases.
#[derive(Debug, Default)]
pub struct Vocabulary {
    names: HashMap<String, &'static str>,
    /// Words of the longest name.
    longest: usize,
}

/// What a line begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begin<'a> {
    /// An operation; the rest of the line is for its inputs.
    Operation(&'static str, &'a str),
    /// Nothing that is known, but some operations may be meant.
    Near {
        /// Their names, the likeliest first.
        names: Vec<&'static str>,
        /// What was typed in their place.
        typed: &'a str,
        /// The rest of the line.
        rest: &'a str,
    },
    /// Nothing that is meant for Guildhall.
    Nothing,
}

impl Vocabulary {
    /// The names and aliases of these operations. A name goes before another's alias.
    pub fn new<'a>(specs: impl Iterator<Item = &'a Spec> + Clone) -> Self {
        let mut all = Self::default();
        for spec in specs.clone() {
            all.add(spec.name, spec.name);
        }
        for spec in specs {
            for alias in spec.aliases {
                all.add(alias, spec.name);
            }
        }
        all
    }

    fn add(&mut self, words: &str, name: &'static str) {
        self.longest = self.longest.max(words.split_whitespace().count());
        self.names.entry(joined(words.split_whitespace())).or_insert(name);
    }

    /// What the line begins with: the name of the most words wins.
    pub fn find<'a>(&self, line: &'a str) -> Begin<'a> {
        let mut ends = Vec::with_capacity(self.longest);
        let mut rest = line;
        while ends.len() < self.longest {
            let Some((_, after)) = word(rest) else { break };
            ends.push(line.len() - after.len());
            rest = after;
        }
        for end in ends.iter().rev() {
            let (begin, rest) = line.split_at(*end);
            if let Some(name) = self.names.get(&joined(begin.split_whitespace())) {
                return Begin::Operation(name, rest.trim());
            }
        }
        for end in ends.iter().rev() {
            let (begin, rest) = line.split_at(*end);
            let names = self.near(&joined(begin.split_whitespace()));
            if !names.is_empty() {
                return Begin::Near { names, typed: begin.trim(), rest: rest.trim() };
            }
        }
        Begin::Nothing
    }

    /// Operations whose name begins with these words, or is a slip of the finger away from them.
    fn near(&self, words: &str) -> Vec<&'static str> {
        let length = words.chars().count();
        // Two letters are near to everything, and no name is as long as a sentence.
        if !(2..=64).contains(&length) {
            return Vec::new();
        }
        let slips = if length < 5 { 1 } else { 2 };
        let mut found: Vec<(usize, &'static str)> = Vec::new();
        for (known, name) in &self.names {
            let begins = known.strip_prefix(words).is_some_and(|rest| rest.starts_with(' '));
            let distance = if begins {
                0
            } else if length < 3 || known.chars().count().abs_diff(length) > slips {
                continue;
            } else {
                strsim::osa_distance(known, words)
            };
            if distance <= slips {
                found.push((distance, *name));
            }
        }
        found.sort_unstable();
        let mut names: Vec<&'static str> = Vec::new();
        for (distance, name) in found {
            let most = if distance == 0 { GROUP } else { OFFERED };
            if !names.contains(&name) && names.len() < most {
                names.push(name);
            }
        }
        names
    }
}

/// A line, its words sorted into inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sorted {
    /// By input, as [`Raw::Words`](crate::input::Raw::Words) wants them: a text each time that it is given.
    pub words: BTreeMap<String, Vec<String>>,
    /// The first word that no input is left for.
    pub over: Option<String>,
}

/// Sorts a line into the inputs `fields`.
///
/// - `--name value`, `-name value`, `name:value` and `name=value` name an input; `--name` alone turns a switch on.
/// - A mention goes to the first input of its kind that nothing else is for, wherever it stands. At the end of a
///   text it is taken out of it; in the middle it stays readable there as well.
/// - A text that is named without quotation marks goes on with the words after it, up to those that other inputs still
///   have to be given.
/// - An input for one value that is given several times, by name or by its place, has all of them, and is refused for
///   it: two lengths of time are never added up.
/// - All other words go to the inputs in their order. An input that must be given takes what comes, one that may
///   be left out only what looks like it. Several people are those that follow each other.
/// - Text in quotation marks is one word. The last text, or the one with [`Line::Rest`], takes the rest of the line
///   as it is written, but for the `--names` in it.
/// - After `--` nothing names an input, and mentions are words like others.
///
/// A message that is not named is the one that `replied` says.
pub fn read(fields: &[Field], line: &str, replied: Option<MessageLink>) -> Sorted {
    let (sorted, mentions) = (Sorted::default(), Vec::new());
    let (open, plain) = (None, false);
    let mut sorter = Sorter { fields, line, at: 0, next: 0, replied, open, plain, mentions, sorted };
    sorter.mentions = sorter.mentions();
    sorter.run();
    let Sorter { mut sorted, .. } = sorter;
    if let Some(link) = replied {
        let message = fields.iter().find(|field| field.kind == FieldKind::Message);
        if let Some(field) = message.filter(|field| !sorted.words.contains_key(&field.name)) {
            sorted.words.insert(field.name.clone(), vec![link.to_string()]);
        }
    }
    sorted
}

struct Sorter<'a> {
    fields: &'a [Field],
    line: &'a str,
    at: usize,
    /// The input that the next word without a name may be for.
    next: usize,
    replied: Option<MessageLink>,
    /// The text that was named last; words that nothing else takes belong to it.
    open: Option<&'a str>,
    /// Two dashes have been read: nothing is a name any more.
    plain: bool,
    /// Where mentions begin, and the inputs they are for.
    mentions: Vec<(usize, &'a Field)>,
    sorted: Sorted,
}

impl<'a> Sorter<'a> {
    fn run(&mut self) {
        while let Some(token) = self.peek() {
            if !token.quoted {
                if token.text == "--" {
                    self.at = token.end;
                    self.positional_rest();
                    return;
                }
                if self.named(&token) {
                    continue;
                }
            }
            self.positional(&token);
        }
    }

    fn peek(&self) -> Option<Token<'a>> {
        token(self.line, self.at)
    }

    /// The input that the word names, and where its value begins if it has one: `--name value`, `--name=value`,
    /// `-name value`, `--switch`, `name:value`, `name: value`, `name=value`.
    fn naming(&self, token: &Token<'_>) -> Option<(&'a Field, Option<usize>)> {
        if token.quoted {
            return None;
        }
        let dashes = dashed(token.text).map(|(name, _)| name);
        let name = dashes.unwrap_or(token.text);
        let Some(cut) = name.find([':', '=']) else {
            let field = self.called(dashes?, true)?;
            return Some((field, (field.kind != FieldKind::Boolean).then_some(token.end)));
        };
        let field = self.called(&name[..cut], dashes.is_some())?;
        let start = token.end - (name.len() - cut - 1);
        let empty = dashes.is_some() && start == token.end;
        Some((field, (!empty).then_some(start)))
    }

    fn named(&mut self, token: &Token<'a>) -> bool {
        match self.naming(token) {
            Some((field, Some(start))) => {
                self.at = start;
                self.value(field);
            }
            Some((field, None)) => {
                self.at = token.end;
                self.put(field, if field.kind == FieldKind::Boolean { "true" } else { "" });
            }
            None => return self.misspelt(token),
        }
        true
    }

    /// A flag that was meant for an input is refused; anything else with dashes is text.
    fn misspelt(&mut self, token: &Token<'a>) -> bool {
        let Some((name, true)) = dashed(token.text).filter(|_| !token.quoted) else { return false };
        let name = name.split([':', '=']).next().unwrap_or_default();
        let near = |field: &Field| strsim::jaro_winkler(&field.name, name) >= 0.8;
        let word = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'));
        if !word || !self.fields.iter().any(near) {
            return false;
        }
        self.at = token.end;
        self.sorted.words.entry(name.to_owned()).or_default();
        true
    }

    /// Takes what follows as the value of a named input.
    fn value(&mut self, field: &'a Field) {
        let Some(token) = self.value_at(self.at) else { return self.put(field, "") };
        self.one(field, &token);
        if matches!(field.kind, FieldKind::Text { .. }) && !token.quoted {
            self.open = Some(&field.name);
        }
    }

    fn value_at(&self, at: usize) -> Option<Token<'a>> {
        token(self.line, at).filter(|token| !self.is_flag(token))
    }

    fn positional(&mut self, token: &Token<'a>) {
        if let Some(field) = self.mentioned(token.start) {
            return self.one(field, token);
        }
        while let Some(field) = self.fields.get(self.next) {
            if self.is_given(field) || !self.takes(field, token) {
                self.next += 1;
                continue;
            }
            if self.open.is_some() && self.belongs_to_open(field, token) {
                break;
            }
            return self.take(field, token);
        }
        self.at = token.end;
        if !self.go_on(token.text) && self.sorted.over.is_none() {
            self.sorted.over = Some(token.text.to_owned());
        }
    }

    /// Adds a word to the text that was named last, if there is one: all its words are one text.
    fn go_on(&mut self, word: &str) -> bool {
        let open = self.open.and_then(|name| self.sorted.words.get_mut(name)?.last_mut());
        let Some(text) = open else { return false };
        text.push(' ');
        text.push_str(word);
        true
    }

    /// Whether the word goes on with the text that was named last, though `field` would take it. `reason:calm down`:
    /// the second word is the reason's as well. `reason:too loud robin`: what must still be given is at the end.
    fn belongs_to_open(&self, field: &Field, token: &Token<'a>) -> bool {
        match field.kind {
            FieldKind::Text { .. } | FieldKind::List => !field.required,
            _ => field.required && !self.fits(field, token) && self.words_to_spare(token.start),
        }
    }

    /// Whether more words follow from `at` on than inputs still have to be given. What is named or mentioned, or looks
    /// like what another input is for, goes there.
    fn words_to_spare(&self, mut at: usize) -> bool {
        let missing = |field: &&Field| field.required && !self.is_given(field);
        let (mut missing, mut left) = (self.fields.iter().filter(missing).collect::<Vec<_>>(), 0);
        for _ in 0..LOOKED_AHEAD {
            let next = token(self.line, at).filter(|token| token.quoted || token.text != "--");
            let Some(token) = next else { break };
            at = token.end;
            let other = if let Some((field, value)) = self.naming(&token) {
                at = value.and_then(|start| self.value_at(start)).map_or(at, |value| value.end);
                Some(field)
            } else {
                let text = |field: &Field| matches!(field.kind, FieldKind::Text { .. } | FieldKind::List);
                let fits = |field: &&Field| !text(field) && !self.is_given(field) && self.fits(field, &token);
                self.mentioned(token.start).or_else(|| self.fields.iter().find(fits))
            };
            match other {
                Some(field) => missing.retain(|one| one.name != field.name),
                None => left += 1,
            }
            if other.is_some_and(|field| field.kind == FieldKind::Duration) {
                at = self.duration(&token).map_or(at, |(_, end)| end.max(at));
            }
            if left > missing.len() {
                return true;
            }
        }
        false
    }

    /// Everything from here on is for inputs without names.
    fn positional_rest(&mut self) {
        self.plain = true;
        while let Some(token) = self.peek() {
            self.positional(&token);
        }
    }

    /// Whether the word is for this input: the first input that must be given takes what comes.
    fn takes(&self, field: &Field, token: &Token<'a>) -> bool {
        let certain = match field.kind {
            FieldKind::Map => false,
            FieldKind::Message => self.replied.is_none(),
            _ => true,
        };
        (certain && field.required) || self.fits(field, token)
    }

    /// Whether the word looks like what the input is for.
    fn fits(&self, field: &Field, token: &Token<'a>) -> bool {
        let text = token.text;
        match &field.kind {
            FieldKind::Text { .. } | FieldKind::List => true,
            FieldKind::Duration => self.duration(token).is_some(),
            FieldKind::Map => text.contains('='),
            FieldKind::User => is_id::<UserId>(text),
            FieldKind::Users => is_people(text),
            FieldKind::Role => is_id::<RoleId>(text),
            FieldKind::Channel => is_id::<ChannelId>(text),
            FieldKind::Message => text.parse::<MessageLink>().is_ok(),
            FieldKind::Integer { .. } => text.parse::<i64>().is_ok(),
            FieldKind::Number { .. } => text.parse::<f64>().is_ok_and(f64::is_finite),
            FieldKind::Choice { of } => of.iter().any(|choice| choice.eq_ignore_ascii_case(text)),
            // A reason may well begin with "no".
            FieldKind::Boolean => false,
        }
    }

    fn take(&mut self, field: &'a Field, token: &Token<'a>) {
        self.next += 1;
        self.at = token.end;
        match &field.kind {
            FieldKind::Text { .. } if !takes_people(field) && self.is_last_text(field) => {
                self.rest(field, token);
            }
            FieldKind::List | FieldKind::Map => {
                self.put_several(field, token.text);
                while let Some(token) = self.peek().filter(|token| self.continues(field, token)) {
                    self.at = token.end;
                    self.put_several(field, token.text);
                }
            }
            _ => self.one(field, token),
        }
    }

    /// Takes a word, and those that belong to it: more people, the unit of a length of time.
    fn one(&mut self, field: &Field, token: &Token<'a>) {
        let (text, end) = match field.kind {
            FieldKind::Duration => self.duration(token).unwrap_or((token.text, token.end)),
            _ => (token.text, token.end),
        };
        self.at = end;
        self.put(field, text);
        while takes_people(field)
            && let Some(token) = self.peek().filter(|token| !token.quoted && is_people(token.text))
        {
            self.at = token.end;
            self.put(field, token.text);
        }
    }

    /// Whether another word belongs to the same list or map.
    fn continues(&self, field: &Field, token: &Token<'a>) -> bool {
        let last = self.fields.last().is_some_and(|last| last.name == field.name);
        let free = !self.is_flag(token) && self.mentioned(token.start).is_none();
        free && if field.kind == FieldKind::Map { token.text.contains('=') } else { last }
    }

    /// The rest of the line, as it is written; named inputs in it are taken out, and mentions at its end that are
    /// for other inputs.
    fn rest(&mut self, field: &'a Field, first: &Token<'a>) {
        let (mut parts, mut start, mut end): (Vec<&str>, _, _) = (Vec::new(), first.start, first.end);
        let mut single = first.quoted;
        self.open = None;
        while let Some(token) = self.peek() {
            if self.is_flag(&token) {
                if end > start {
                    parts.push(if single { first.text } else { &self.line[start..end] });
                }
                // A switch or a value that is not this text.
                self.named(&token);
                self.open = self.open.filter(|name| *name != field.name);
                (start, end) = (self.at, self.at);
                single = false;
                continue;
            }
            if let Some(other) = self.mentioned(token.start) {
                // Only a word after it makes it a part of the text.
                self.one(other, &token);
                continue;
            }
            if self.open.is_some() {
                self.at = token.end;
                self.go_on(token.text);
                continue;
            }
            if end == start {
                start = token.start;
            } else {
                single = false;
            }
            end = token.end;
            self.at = token.end;
        }
        if end > start {
            parts.push(if single { first.text } else { &self.line[start..end] });
        }
        self.put(field, &parts.join(" "));
    }

    /// The length of time that begins here and where it ends: `7d`, or two words such as `90 minutes`. One
    /// that is too long is one as well.
    fn duration(&self, first: &Token<'a>) -> Option<(&'a str, usize)> {
        let reads = |text: &str| !matches!(text.parse::<Span>(), Err(BadSpan::Unreadable(_)));
        if reads(first.text) {
            return Some((first.text, first.end));
        }
        let number = !first.quoted && first.text.bytes().all(|byte| byte.is_ascii_digit());
        let second = token(self.line, first.end).filter(|second| number && !second.quoted)?;
        let both = &self.line[first.start..second.end];
        reads(both).then_some((both, second.end))
    }

    /// Whether no text follows this one that could take the rest, and nothing that must be given.
    fn is_last_text(&self, field: &Field) -> bool {
        let after = self.fields.iter().skip_while(|other| other.name != field.name).skip(1);
        let rest = field.line == Some(Line::Rest);
        !after.into_iter().any(|other| {
            let text = matches!(other.kind, FieldKind::Text { .. }) && !rest;
            !self.is_given(other) && (other.required || text)
        })
    }

    /// Whether something was given for the input, or a mention further on is for it.
    fn is_given(&self, field: &Field) -> bool {
        self.sorted.words.contains_key(&field.name)
            || self.mentions.iter().any(|(_, of)| of.name == field.name)
    }

    /// The input with this name; an abbreviation will do where it can only mean one.
    fn called(&self, name: &str, abbreviated: bool) -> Option<&'a Field> {
        let name = name.to_lowercase().replace('-', "_");
        let exact = self.fields.iter().find(|field| field.name == name);
        if exact.is_some() || !abbreviated || name.is_empty() {
            return exact;
        }
        let mut begin = self.fields.iter().filter(|field| field.name.starts_with(&name));
        begin.next().filter(|_| begin.next().is_none())
    }

    /// Whether the word names an input with dashes, in full.
    fn is_flag(&self, token: &Token<'_>) -> bool {
        if self.plain {
            return false;
        }
        let name = dashed(token.text).filter(|_| !token.quoted).map(|(name, _)| name);
        let name = name.and_then(|name| name.split(['=', ':']).next());
        name.is_some_and(|name| self.called(name, false).is_some())
    }

    fn put(&mut self, field: &Field, text: &str) {
        let text = match &field.kind {
            FieldKind::Choice { of } => {
                of.iter().find(|choice| choice.eq_ignore_ascii_case(text)).map_or(text, String::as_str)
            }
            _ => text,
        };
        self.sorted.words.entry(field.name.clone()).or_default().push(text.to_owned());
    }

    fn put_several(&mut self, field: &Field, text: &str) {
        if field.kind == FieldKind::Map {
            return self.put(field, text);
        }
        text.split(',').filter(|item| !item.is_empty()).for_each(|item| self.put(field, item));
    }
}

/// The first word, and what follows it.
fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn joined<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
