//! An error as a person reads it: in their language, in their community's style, repeats folded.
//!
//! Of a fault of Guildhall's people read that there was one, and a reference; never what it was.

use std::borrow::Cow;

use async_trait::async_trait;
use fluent_bundle::{FluentArgs, FluentValue};
use guildhall_core::{
    Action, Document, Error, Kind, Rich, Tone,
    document::Span,
    fault::REHEARSED,
    incident::{Presenter, Reader},
    language::{Language, Localized},
};

use crate::{
    Incidents,
    settings::{Detail, Style, fill},
};

/// The messages that are said around an error.
#[cfg(test)]
pub(crate) const CODES: &[&str] = &[
    "internal",
    "incident_reference",
    "incident_upstream",
    "incident_again",
    "incident_repeats_minutes",
    "incident_repeats_seconds",
    "incident_code_label",
    "incident_kind_label",
    "incident_kind",
    "incident_rehearsal",
    "incident_inputs_label",
];

/// Characters of a text that a template was filled in to.
const LONGEST: usize = 500;

#[async_trait]
impl Presenter for Incidents {
    async fn present(&self, reader: &Reader, error: &Error) -> Document {
        let style = Style::of(&self.settings, &reader.tenant).await;
        let repeats =
            style.window.map_or(0, |window| self.folds.count(reader, error, self.clock.now(), window));
        let saying = Saying { incidents: self, language: reader.language, error, style };
        if repeats == 0 { saying.in_full() } else { saying.folded(repeats) }
    }

    fn without_secrets<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.scrub.secrets(text)
    }
}

/// One error about to be said.
struct Saying<'a> {
    incidents: &'a Incidents,
    language: Language,
    error: &'a Error,
    style: Style,
}

/// What may be told of an error.
struct Told {
    message: String,
    remedy: Option<String>,
    /// Inputs and what is wrong with each.
    fields: Vec<(String, String)>,
}

impl Saying<'_> {
    fn in_full(&self) -> Document {
        let told = self.told();
        let reference = self.reference();
        let filled = |template: &str| -> String {
            let text = fill(template, |name| match name {
                "message" => Some(told.message.clone()),
                "remedy" => Some(told.remedy.clone().unwrap_or_default()),
                "reference" => Some(reference.clone().unwrap_or_default()),
                "command" => Some(self.command()),
                "code" => Some(self.error.code.to_owned()),
                _ => None,
            });
            text.chars().take(LONGEST).collect()
        };
        let title = self.style.title.as_deref().map(|title| filled(title).trim().to_owned());
        let title = title.filter(|title| !title.is_empty());
        // The community's own words may lead to a channel; what is filled in may not.
        let line = |template: &Option<String>| {
            let mut line = Rich::new().with_channels(template.as_deref().map_or("", str::trim));
            for span in &mut line.0 {
                if let Span::Plain(text) = span {
                    *text = filled(text);
                }
            }
            let said = |span: &Span| !matches!(span, Span::Plain(text) if text.trim().is_empty());
            line.0.iter().any(said).then_some(line)
        };
        let mut document = Document { title, ..self.empty() };
        if let Some(intro) = line(&self.style.intro) {
            document = document.text(intro);
        }
        document = match told.fields.as_slice() {
            // With a single mistake the message would only say that there is one.
            [(name, text)] => document.text(Rich::new().code(name).text(format!(" {text}"))),
            [] => document.text(told.message.as_str()),
            fields => fields.iter().fold(document.text(told.message.as_str()), |document, (name, text)| {
                document.field(name, text.as_str())
            }),
        };
        if let (Some(remedy), false) = (&told.remedy, self.style.detail == Detail::Short) {
            document = document.text(remedy.as_str());
        }
        if let Some(reference) = &reference {
            let line = self.say("incident_reference", None, &FluentArgs::new(), "Reference:");
            document = document.text(Rich::new().text(format!("{line} ")).code(reference));
        }
        if self.style.detail == Detail::Full {
            document = self.particulars(document);
        }
        if let Some(footer) = line(&self.style.footer) {
            document = document.text(footer);
        }
        if self.style.detail != Detail::Short {
            document = self.actions().fold(document, Document::action);
        }
        document
    }

    /// The message and how often it has come again. What to do about it was said the first time.
    fn folded(&self, repeats: u64) -> Document {
        let told = self.told();
        let mut line = match told.fields.as_slice() {
            [(name, text)] => Rich::new().code(name).text(format!(" {text}")),
            _ => Rich::new().text(told.message),
        };
        let mut args = FluentArgs::new();
        args.set("count", number(repeats));
        let times = self.say("incident_again", None, &args, "more than once");
        let window = self.style.window.unwrap_or_default().as_secs();
        let mut args = FluentArgs::new();
        args.set("times", FluentValue::from(times.as_str()));
        let (code, name, length) = match window % 60 {
            0 => ("incident_repeats_minutes", "minutes", window / 60),
            _ => ("incident_repeats_seconds", "seconds", window),
        };
        args.set(name, number(length));
        line = line.text(format!(" {}", self.say(code, None, &args, &times)));
        if let Some(reference) = self.reference() {
            line = line.text(" ").code(reference);
        }
        self.empty().text(line)
    }

    fn empty(&self) -> Document {
        Document { color: self.style.color, ..Document::default().tone(Tone::Bad) }
    }

    fn told(&self) -> Told {
        let told = self.as_it_is();
        if !self.is_rehearsed() {
            return told;
        }
        // Whoever rehearses is to see what people will read, and nobody is to take it for real.
        let mut args = FluentArgs::new();
        args.set("message", told.message.as_str());
        let message = self.say("incident_rehearsal", None, &args, &told.message);
        Told { message, ..told }
    }

    fn as_it_is(&self) -> Told {
        let texts = &self.incidents.texts;
        let localized = texts.translate(self.error, self.language);
        let known =
            texts.has(self.language, self.error.code) || texts.has(Language::English, self.error.code);
        match self.error.kind {
            Kind::Bug => Told {
                message: self.say(
                    "internal",
                    None,
                    &FluentArgs::new(),
                    "Something went wrong inside Guildhall.",
                ),
                remedy: None,
                fields: Vec::new(),
            },
            // What no text was written for is another system's own words.
            Kind::Upstream if !known => {
                let none = FluentArgs::new();
                let message = self.say(
                    "incident_upstream",
                    None,
                    &none,
                    "Something that Guildhall depends on does not answer.",
                );
                let remedy = self.say("incident_upstream", Some("remedy"), &none, "Try again in a minute.");
                Told { message, remedy: Some(remedy), fields: Vec::new() }
            }
            _ if self.is_rehearsed() => self.as_rehearsed(&localized),
            _ => self.as_said(&localized),
        }
    }

    fn is_rehearsed(&self) -> bool {
        self.error.vars.iter().any(|(name, _)| *name == REHEARSED)
    }

    /// The code's own message, though nothing has happened that it could speak of.
    fn as_rehearsed(&self, localized: &Localized<'_>) -> Told {
        let example = |attribute| self.incidents.texts.example(self.error.code, attribute, self.language);
        let message = example(None).unwrap_or_else(|| localized.message().to_owned());
        Told { message, remedy: example(Some("remedy")), fields: Vec::new() }
    }

    fn as_said(&self, localized: &Localized<'_>) -> Told {
        let clean = |text: &str| self.incidents.scrub.secrets(text).into_owned();
        Told {
            message: clean(localized.message()),
            remedy: localized.remedy().map(clean),
            fields: localized.fields().map(|(name, text)| (clean(name), clean(text))).collect(),
        }
    }

    /// The reference, where the person cannot mend it themselves.
    fn reference(&self) -> Option<String> {
        let call = self.error.call.filter(|_| !self.error.kind.is_refusal())?;
        Some(call.reference())
    }

    /// The operation that it happened in, if that is known.
    fn command(&self) -> String {
        let known = self.error.call.and_then(|call| self.incidents.intake.operation(call));
        self.incidents.scrub.secrets(&known.unwrap_or_default()).into_owned()
    }

    /// Who can do something about it, in the reader's words.
    fn kind(&self) -> String {
        let word = self.error.kind.as_str();
        let mut args = FluentArgs::new();
        args.set("kind", word);
        self.say("incident_kind", None, &args, word)
    }

    fn particulars(&self, document: Document) -> Document {
        let none = FluentArgs::new();
        let label = |code: &str, otherwise: &str| self.say(code, None, &none, otherwise);
        let document = document
            .field(label("incident_code_label", "Code"), Rich::new().code(self.error.code))
            .field(label("incident_kind_label", "Kind"), self.kind());
        let inputs: Vec<&str> = self.error.fields.iter().map(|field| field.field.as_str()).collect();
        if inputs.is_empty() {
            return document;
        }
        let inputs = self.incidents.scrub.secrets(&inputs.join(", ")).into_owned();
        document.field(label("incident_inputs_label", "Inputs"), inputs)
    }

    /// What may have been meant. A button would keep what it repeats, so one with a secret in it is left out.
    fn actions(&self) -> impl Iterator<Item = Action> {
        self.error
            .actions
            .iter()
            .filter(|action| {
                let text = format!("{} {}", action.label, action.input);
                self.incidents.scrub.secrets(&text) == text
            })
            .cloned()
    }

    fn say(&self, code: &str, attribute: Option<&str>, args: &FluentArgs<'_>, otherwise: &str) -> String {
        let said = self.incidents.texts.say(code, attribute, args, self.language);
        said.unwrap_or_else(|| otherwise.to_owned())
    }
}

fn number(count: u64) -> FluentValue<'static> {
    FluentValue::from(u32::try_from(count).unwrap_or(u32::MAX))
}
