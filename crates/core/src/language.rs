//! Errors in the language of who reads them: [Fluent](https://projectfluent.org) messages by error code.
//!
//! A crate keeps `locales/en.ftl` and `locales/de.ftl` beside its sources, with one message an error code; the
//! attribute `.remedy` says what to do:
//!
//! ```text
//! server_not_found = There is no server called “{ $name }”.
//!     .remedy = Run /server list to see those there are.
//! ```
//!
//! The variables are those that [`Error::with`] was given. What a language lacks is said in English, and what
//! English lacks as the code that raised the error wrote it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};

use crate::{Error, error::Variable};

/// A language that people read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// English, which everything falls back to.
    #[default]
    English,
    /// German.
    German,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// Its tag, as in `locales/de.ftl`.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The first of these that is spoken here. The tags are what Discord (`de`, `en-GB`), browsers
    /// (`de-AT;q=0.8`) and environments (`de_DE.UTF-8`) send; English when none is.
    pub fn first<'a>(tags: impl IntoIterator<Item = &'a str>) -> Self {
        tags.into_iter().find_map(|tag| tag.parse().ok()).unwrap_or_default()
    }
}

/// A tag of a language that is not spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this language is not spoken here; use en or de")]
pub struct UnknownLanguage;

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(tag: &str) -> Result<Self, UnknownLanguage> {
        let primary = tag.trim().split(['-', '_', ';', '.']).next().unwrap_or_default();
        let known = Self::ALL.into_iter().find(|language| primary.eq_ignore_ascii_case(language.tag()));
        known.ok_or(UnknownLanguage)
    }
}

/// One crate's messages.
#[derive(Clone, Copy, Debug)]
pub struct Locales {
    /// `locales/en.ftl`.
    pub en: &'static str,
    /// `locales/de.ftl`.
    pub de: &'static str,
}

/// The messages of this crate.
pub const LOCALES: Locales =
    Locales { en: include_str!("../locales/en.ftl"), de: include_str!("../locales/de.ftl") };

/// Every message of the program, in every language.
pub struct Texts {
    bundles: Vec<(Language, FluentBundle<FluentResource>)>,
    codes: BTreeSet<String>,
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Texts").field("codes", &self.codes.len()).finish_non_exhaustive()
    }
}

impl Texts {
    /// Reads the messages of all crates. Says which message of which language cannot be read or is there
    /// twice; a test of the program keeps that from happening to anybody.
    pub fn new(locales: &[Locales]) -> Result<Self, String> {
        let mut bundles = Vec::new();
        let mut codes = BTreeSet::new();
        for language in Language::ALL {
            let tag = language.tag().parse().map_err(|error| format!("{}: {error}", language.tag()))?;
            let mut bundle = FluentBundle::new_concurrent(vec![tag]);
            // Direction marks around variables show up as boxes in terminals.
            bundle.set_use_isolating(false);
            for locale in locales {
                let source = match language {
                    Language::English => locale.en,
                    Language::German => locale.de,
                };
                let resource = FluentResource::try_new(source.to_owned())
                    .map_err(|(_, errors)| format!("{}: {errors:?}", language.tag()))?;
                codes.extend(resource.entries().filter_map(code_of));
                bundle.add_resource(resource).map_err(|errors| format!("{}: {errors:?}", language.tag()))?;
            }
            bundles.push((language, bundle));
        }
        Ok(Self { bundles, codes })
    }

    /// The codes that have a message in any language.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.codes.iter().map(String::as_str)
    }

    /// Whether the language itself has a message for the code.
    pub fn has(&self, language: Language, code: &str) -> bool {
        self.bundle(language).is_some_and(|bundle| bundle.has_message(code))
    }

    /// The error as somebody with this language reads it.
    pub fn translate<'a>(&self, error: &'a Error, language: Language) -> Localized<'a> {
        let mut args = FluentArgs::new();
        for (name, value) in &error.vars {
            let value = match value {
                Variable::Text(text) => FluentValue::from(text.as_str()),
                Variable::Number(number) => FluentValue::from(*number),
            };
            args.set(*name, value);
        }
        let message = self.say(error.code, None, &args, language);
        let remedy = self.say(error.code, Some("remedy"), &args, language);
        let fields = error.fields.iter().map(|field| self.field(field, language)).collect();
        Localized { error, language, message, remedy, fields }
    }

    /// The text of a message or of one of its attributes, in the language or in English. A message whose
    /// variables are not all given is not said at all: the caller's own words are better than a hole.
    pub fn say(
        &self,
        code: &str,
        attribute: Option<&str>,
        args: &FluentArgs<'_>,
        language: Language,
    ) -> Option<String> {
        [language, Language::English].into_iter().find_map(|language| {
            let bundle = self.bundle(language)?;
            let message = bundle.get_message(code)?;
            let pattern = match attribute {
                None => message.value()?,
                Some(name) => message.get_attribute(name)?.value(),
            };
            let mut wrong = Vec::new();
            let text = bundle.format_pattern(pattern, Some(args), &mut wrong).into_owned();
            wrong.is_empty().then_some(text)
        })
    }

    /// The text of a message or of one of its attributes, with an example of all that it speaks of: the name of each
    /// thing stands where the thing would. For rehearsals, where nothing has happened that could be spoken of.
    pub fn example(&self, code: &str, attribute: Option<&str>, language: Language) -> Option<String> {
        let (bundle, message) = [language, Language::English].into_iter().find_map(|language| {
            let bundle = self.bundle(language)?;
            Some((bundle, bundle.get_message(code)?))
        })?;
        let pattern = match attribute {
            None => message.value()?,
            Some(name) => message.get_attribute(name)?.value(),
        };
        // What is not given is written as `{$name}`, and of variants the one for all other cases is taken.
        let text = bundle.format_pattern(pattern, Some(&FluentArgs::new()), &mut Vec::new()).into_owned();
        let mut parts = text.split("{$");
        let mut said = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').unwrap_or((part, ""));
            said.push_str(&name.replace('_', " "));
            said.push_str(rest);
        }
        Some(said)
    }

    fn field(&self, field: &crate::FieldError, language: Language) -> Option<String> {
        let code = field.code?;
        let mut args = FluentArgs::new();
        for (name, value) in &field.vars {
            let value = match value {
                Variable::Text(text) => FluentValue::from(text.as_str()),
                Variable::Number(number) => FluentValue::from(*number),
            };
            args.set(*name, value);
        }
        self.say(code, None, &args, language)
    }

    fn bundle(&self, language: Language) -> Option<&FluentBundle<FluentResource>> {
        self.bundles.iter().find(|(known, _)| *known == language).map(|(_, bundle)| bundle)
    }
}

/// What keeps these messages from being fit to be said: a code that one language says and another does not, or says
/// with other variables, and backticks. Empty when all is well.
pub fn gaps(locales: &[Locales]) -> Vec<String> {
    let mut gaps = Vec::new();
    for locale in locales {
        let (en, de) = (spoken(locale.en), spoken(locale.de));
        for (code, names) in &en {
            match de.get(code) {
                None => gaps.push(format!("{code}: German lacks it")),
                Some(other) if other != names => {
                    gaps.push(format!("{code}: English speaks of {names:?}, German of {other:?}"));
                }
                Some(_) => {}
            }
        }
        gaps.extend(
            de.keys().filter(|code| !en.contains_key(*code)).map(|code| format!("{code}: English lacks it")),
        );
        // A message is plain text: a face shows a backtick as one, and not what it encloses as code.
        let marked = [locale.en, locale.de].into_iter().flat_map(str::lines);
        let marked = marked.filter(|line| !line.starts_with('#') && line.contains('`'));
        gaps.extend(marked.map(|line| format!("{}: quotation marks are wanted, not backticks", line.trim())));
    }
    gaps
}

/// Each message and attribute of a source, with the variables it speaks of.
fn spoken(source: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut spoken = BTreeMap::new();
    let mut current = String::new();
    for line in source.lines().filter(|line| !line.starts_with('#')) {
        let head = line.split_once(" =").map(|(name, _)| name);
        match head {
            Some(name) if !line.starts_with([' ', '}']) => current = name.to_owned(),
            Some(name) if line.trim_start().starts_with('.') => {
                let message = current.split('.').next().unwrap_or_default();
                current = format!("{message}{}", name.trim());
            }
            _ => {}
        }
        let names: &mut BTreeSet<String> = spoken.entry(current.clone()).or_default();
        names.extend(line.split('$').skip(1).map(|rest| {
            rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>()
        }));
    }
    spoken.remove("");
    spoken
}

fn code_of(entry: &fluent_syntax::ast::Entry<&str>) -> Option<String> {
    match entry {
        fluent_syntax::ast::Entry::Message(message) => Some(message.id.name.to_owned()),
        _ => None,
    }
}

/// An error in a language.
#[derive(Debug)]
pub struct Localized<'a> {
    error: &'a Error,
    language: Language,
    message: Option<String>,
    remedy: Option<String>,
    fields: Vec<Option<String>>,
}

impl<'a> Localized<'a> {
    /// The error as the code that raised it wrote it.
    pub(crate) fn untranslated(error: &'a Error) -> Self {
        let fields = vec![None; error.fields.len()];
        Self { error, language: Language::English, message: None, remedy: None, fields }
    }

    /// What happened.
    pub fn message(&self) -> &str {
        self.message.as_deref().unwrap_or(&self.error.message)
    }

    /// What to do about it.
    pub fn remedy(&self) -> Option<&str> {
        self.remedy.as_deref().or(self.error.remedy.as_deref())
    }

    /// Each input and what is wrong with it.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.error
            .fields
            .iter()
            .zip(&self.fields)
            .map(|(field, text)| (field.field.as_str(), text.as_deref().unwrap_or(&field.message)))
    }

    /// What a face shows: message, remedy, what is wrong with which input, and, where the person cannot mend
    /// it themselves, the reference to quote.
    pub fn document(&self) -> crate::Document {
        let mut document = crate::Document::default().tone(crate::Tone::Bad);
        // With a single mistake the message would only say that there is one.
        let single = self.fields().next().filter(|_| self.fields.len() == 1 && self.fields[0].is_some());
        document = match single {
            Some((name, text)) => document.text(crate::Rich::new().code(name).text(format!(" {text}"))),
            None => document.text(self.message()),
        };
        if self.error.fields.len() > 1 {
            for (name, text) in self.fields() {
                document = document.field(name, text);
            }
        }
        if let Some(remedy) = self.remedy() {
            document = document.text(remedy);
        }
        if let (false, Some(call)) = (self.error.kind.is_refusal(), self.error.call) {
            let line = match self.language {
                Language::English => "If it stays, give the staff this reference: ",
                Language::German => "Wenn es bleibt, gib dem Team diese Kennung: ",
            };
            document = document.text(crate::Rich::new().text(line).code(call.reference()));
        }
        for action in &self.error.actions {
            document = document.action(action.clone());
        }
        document
    }
}
