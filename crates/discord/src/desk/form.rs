//! Forms: an action that lacks required inputs asks for them in a modal, and what is filled in there joins
//! what the button carried.

use std::sync::OnceLock;

use guildhall_core::{
    Error, Spec,
    input::{Field, FieldKind},
};
use serde_json::{Map, Value};
use twilight_model::{
    channel::message::component::{Component, Label, TextInput, TextInputStyle},
    http::interaction::InteractionResponseData,
};

use super::{Counter, Desk, answer::Deferral, command::input_of, seat::Seat};
use crate::{
    custom_id::{self, Intent, Keep, Meant, Press, Stored},
    interaction::Interaction,
    render::shortened,
    shelf,
};

/// Inputs a form.
pub(super) const INPUTS: usize = 5;
/// Characters of a form's title, and of an input's label.
const TITLE: usize = 45;
/// Characters of an input's description, and of its placeholder.
const HINT: usize = 100;
/// Characters that can be filled in.
const LONGEST: u64 = 4_000;
/// From this many characters on an input gets several lines.
const LONG: u64 = 200;

/// The inputs to ask for.
struct Form<'a> {
    spec: &'a Spec,
    asked: Vec<&'a Field>,
}

/// The form for what `stored` lacks or wants to ask; `None` when that is nothing, or more than a form has.
fn asking<'a>(spec: &'a Spec, stored: &Stored) -> Option<Form<'a>> {
    let given = |field: &Field| stored.input.get(&field.name).is_some_and(|value| !value.is_null());
    let wanted = |field: &Field| stored.fields.contains(&field.name) || (field.required && !given(field));
    let asked: Vec<&Field> = spec.fields.iter().filter(|field| wanted(field)).collect();
    (1..=INPUTS).contains(&asked.len()).then_some(Form { spec, asked })
}

impl Form<'_> {
    fn write(&self, stored: &Stored, guild: Option<u64>, keep: &mut Vec<Keep>) -> InteractionResponseData {
        let meant =
            Meant { intent: Intent::Form, operation: &stored.operation, input: &stored.input, fields: &[] };
        let ask = |field: &&Field| ask(field, stored.input.get(&field.name));
        InteractionResponseData {
            custom_id: Some(meant.write(guild, 0, keep)),
            title: Some(title(self.spec)),
            components: Some(self.asked.iter().map(ask).collect()),
            ..InteractionResponseData::default()
        }
    }
}

/// What the form is for, never cut in the middle: its entry in a menu, its summary where that fits, or its name.
fn title(spec: &Spec) -> String {
    let whole = [spec.menu.map(|menu| menu.label), Some(spec.summary)].into_iter().flatten().find(fits);
    whole.map_or_else(|| shortened(&format!("/{}", spec.name), TITLE), str::to_owned)
}

fn fits(text: &&str) -> bool {
    !text.is_empty() && text.encode_utf16().count() <= TITLE
}

/// What an input is for, and more about it where the label does not say all: the label is the whole description or
/// as much of it as makes sense for itself, else the input's name.
fn label(field: &Field) -> (String, Option<String>) {
    let whole = field.description.replace('`', "");
    let whole = whole.trim();
    let sentence = whole.trim_end_matches('.');
    if fits(&sentence) {
        return (sentence.to_owned(), None);
    }
    let clause = |marks: &[&str]| {
        let ends = marks.iter().flat_map(|mark| sentence.match_indices(mark)).map(|(end, _)| end);
        ends.map(|end| sentence[..end].trim()).filter(fits).max_by_key(|clause| clause.len())
    };
    let name = || field.name.replace('_', " ");
    let clause = clause(&[". ", "; ", ": "]).or_else(|| clause(&[", ", " ("]));
    let label = clause.map_or_else(|| shortened(&name(), TITLE), str::to_owned);
    (label, Some(whole).filter(|whole| !whole.is_empty()).map(|whole| shortened(whole, HINT)))
}

/// A value as somebody would type it.
fn typed_in(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(typed_in).collect::<Vec<_>>().join(", "),
        Value::Object(pairs) => {
            let pair = |(name, value): (&String, &Value)| format!("{name}=\"{}\"", typed_in(value));
            pairs.iter().map(pair).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}

#[expect(deprecated, reason = "twilight's TextInput has the old label as a member that has to be named")]
fn ask(field: &Field, value: Option<&Value>) -> Component {
    let (min, max) = match field.kind {
        FieldKind::Text { min, max, .. } => (min.unwrap_or(0), max.unwrap_or(LONGEST).clamp(1, LONGEST)),
        _ => (0, LONGEST),
    };
    let length = |characters: u64| u16::try_from(characters.min(LONGEST)).ok();
    let placeholder = match &field.kind {
        FieldKind::Choice { of } => Some(of.join(", ")),
        FieldKind::Boolean => Some("yes or no".to_owned()),
        FieldKind::Integer { .. } | FieldKind::Number { .. } => Some("a number".to_owned()),
        FieldKind::List => Some("several, with commas between".to_owned()),
        FieldKind::Map => Some("name=value other=\"two words\"".to_owned()),
        FieldKind::User => Some("a name, a mention or an id".to_owned()),
        FieldKind::Users => Some("mentions or ids".to_owned()),
        FieldKind::Role | FieldKind::Channel => Some("an id".to_owned()),
        FieldKind::Message => Some("a link to the message".to_owned()),
        FieldKind::Duration => Some(field.durations().to_owned()),
        FieldKind::Text { .. } => None,
    };
    let value = value.map(typed_in).filter(|text| !text.is_empty());
    // Discord refuses a form whose text is longer than the input takes.
    let value = value.filter(|text| text.encode_utf16().count() as u64 <= max);
    let input = TextInput {
        custom_id: field.name.clone(),
        id: None,
        label: None,
        max_length: length(max),
        min_length: length(min.min(max)).filter(|least| *least > 0),
        placeholder: placeholder.map(|text| shortened(&text, HINT)),
        required: Some(field.required),
        style: if max > LONG && max < LONGEST { TextInputStyle::Paragraph } else { TextInputStyle::Short },
        value,
    };
    let (label, description) = label(field);
    Component::Label(Label { component: Box::new(Component::TextInput(input)), description, id: None, label })
}

impl Desk {
    /// The form that has to be filled in before the operation can be called, if any.
    pub(super) async fn form_for(
        &self,
        seat: &Seat,
        stored: &Stored,
    ) -> Result<Option<Box<InteractionResponseData>>, Error> {
        let spec = self.catalogue.spec(&stored.operation);
        let Some(form) = spec.and_then(|spec| asking(spec, stored)) else { return Ok(None) };
        let mut keep = Vec::new();
        let form = form.write(stored, seat.afar, &mut keep);
        self.shelf.keep(&seat.tenant, &keep).await?;
        Ok(Some(Box::new(form)))
    }

    pub(super) async fn form(&self, mut interaction: Interaction, counter: Counter) {
        let kind = interaction.kind;
        let filled_in = interaction.filled_in();
        let (named, id) = custom_id::guild(interaction.custom_id());
        let press = custom_id::read(id);
        let own = interaction.is_own();
        let promise = OnceLock::new();
        let ticket = self.ticket(&mut interaction);
        let work = async {
            let seat = match self.seat(&interaction, named, "a form").await {
                Ok(seat) => seat,
                Err(error) => return self.turned_away(&interaction, &error).await,
            };
            let meant = match press {
                Some(Press::Form { what }) => self.meant(&seat, what).await,
                _ => Err(shelf::stale()),
            };
            let stored = match meant {
                Ok(stored) => stored,
                Err(error) => return self.refused(kind, &seat, "a form", error).await,
            };
            let spec = self.catalogue.spec(&stored.operation);
            let _ = promise.set(Deferral::of(spec, own));
            let input =
                input_of(spec, filled_in.into_iter()).map(|filled| joined(spec, stored.input, filled));
            let result = self.call(&seat, stored.operation, input, false).await;
            self.outcome(kind, &seat, result).await.placed(own)
        };
        self.answer(ticket, counter, &promise, work).await;
    }
}

/// What the button carried, with what was filled in over it. An input left empty is one not given.
fn joined(spec: Option<&Spec>, known: Value, filled: Value) -> Value {
    let mut all = if let Value::Object(known) = known { known } else { Map::new() };
    let Value::Object(filled) = filled else { return Value::Object(all) };
    for (name, value) in filled {
        let optional = spec.is_some_and(|spec| spec.fields.iter().any(|f| f.name == name && !f.required));
        let empty = match &value {
            Value::String(text) => text.trim().is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(pairs) => pairs.is_empty(),
            _ => false,
        };
        if empty && optional {
            all.shift_remove(&name);
        } else {
            all.insert(name, value);
        }
    }
    Value::Object(all)
}

#[cfg(test)]
mod tests;
