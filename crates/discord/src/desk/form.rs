//! Forms: an action that lacks required inputs asks for them in a modal, and what is filled in there joins
//! what the button carried.

use guildhall_core::{
    Error, Spec,
    input::{Field, FieldKind},
};
use serde_json::Value;
use twilight_model::{
    channel::message::component::{Component, Label, TextInput, TextInputStyle},
    http::interaction::InteractionResponseData,
};

use super::{
    Counter, Desk,
    answer::{Deferral, Reaction},
    command::input_of,
};
use crate::{
    custom_id::{self, Intent, Keep, Press, What},
    interaction::Interaction,
    meters,
    render::shortened,
    shelf,
};

/// Inputs a form.
const INPUTS: usize = 5;
/// Characters of a form's title, and of an input's label.
const TITLE: usize = 45;
/// Characters of an input's description, and of its placeholder.
const HINT: usize = 100;
/// Characters that can be filled in.
const LONGEST: u64 = 4_000;
/// From this many characters on an input gets several lines.
const LONG: u64 = 200;

/// The inputs to ask for.
pub(super) struct Form<'a> {
    spec: &'a Spec,
    missing: Vec<&'a Field>,
}

/// The form for what `input` lacks; `None` when it lacks nothing, or more than a form can ask.
pub(super) fn asking<'a>(spec: &'a Spec, input: &Value) -> Option<Form<'a>> {
    let given = |field: &Field| input.get(&field.name).is_some_and(|value| !value.is_null());
    let missing: Vec<&Field> = spec.fields.iter().filter(|field| field.required && !given(field)).collect();
    (1..=INPUTS).contains(&missing.len()).then_some(Form { spec, missing })
}

impl Form<'_> {
    pub(super) fn write(
        &self,
        operation: &str,
        input: &Value,
        keep: &mut Vec<Keep>,
    ) -> InteractionResponseData {
        InteractionResponseData {
            custom_id: Some(custom_id::write(Intent::Form, operation, input, 0, keep)),
            title: Some(shortened(self.spec.summary, TITLE)),
            components: Some(self.missing.iter().map(|field| ask(field)).collect()),
            ..InteractionResponseData::default()
        }
    }
}

#[expect(deprecated, reason = "twilight's TextInput has the old label as a member that has to be named")]
fn ask(field: &Field) -> Component {
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
        FieldKind::User | FieldKind::Users => Some("a mention or an id".to_owned()),
        FieldKind::Duration => Some("30m, 7d, 2w".to_owned()),
        FieldKind::Text { .. } | FieldKind::Role | FieldKind::Channel | FieldKind::Message => None,
    };
    let input = TextInput {
        custom_id: field.name.clone(),
        id: None,
        label: None,
        max_length: length(max),
        min_length: length(min.min(max)).filter(|least| *least > 0),
        placeholder: placeholder.map(|text| shortened(&text, HINT)),
        required: Some(true),
        style: if max > LONG && max < LONGEST { TextInputStyle::Paragraph } else { TextInputStyle::Short },
        value: None,
    };
    let description = (!field.description.trim().is_empty()).then(|| shortened(&field.description, HINT));
    let label = shortened(&field.name.replace('_', " "), TITLE);
    Component::Label(Label { component: Box::new(Component::TextInput(input)), description, id: None, label })
}

impl Desk {
    pub(super) async fn form(&self, mut interaction: Interaction, counter: Counter) {
        let kind = interaction.kind;
        let filled_in = interaction.filled_in();
        let press = custom_id::read(interaction.custom_id());
        let ticket = self.ticket(&mut interaction);
        let private = match &press {
            Some(Press::Form { what: What::Inline(stored) }) => {
                self.catalogue.spec(&stored.operation).is_none_or(|spec| spec.private)
            }
            _ => true,
        };
        let work = async {
            let seat = match self.seat(&interaction, "a form").await {
                Ok(seat) => seat,
                Err(error) => return Reaction::Message(self.turned_away(kind, &error)),
            };
            let meant = match press {
                Some(Press::Form { what }) => self.meant(&seat, what).await,
                _ => Err(shelf::stale()),
            };
            let stored = match meant {
                Ok(stored) => stored,
                Err(error) => {
                    meters::interaction(kind, "refused");
                    let error: Error = self.refusals.verified(seat.actor.clone(), "a form", error).await;
                    return Reaction::Message(self.failure(&seat.tenant, &error).await);
                }
            };
            let spec = self.catalogue.spec(&stored.operation);
            let known = stored.input.as_object().cloned().unwrap_or_default();
            let input = input_of(spec, known.into_iter().chain(filled_in));
            let result = self.call(&seat, stored.operation, input, false).await;
            Reaction::Message(self.outcome(kind, &seat, result).await)
        };
        self.answer(ticket, counter, Deferral::Message { ephemeral: private }, work).await;
    }
}
