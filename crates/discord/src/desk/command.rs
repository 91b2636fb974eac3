//! Slash commands: the command's words name the operation, its options are the input.

use std::sync::OnceLock;

use guildhall_core::{
    Error, Spec,
    catalogue::Request,
    input::{self, FieldKind, Raw},
};
use serde_json::{Map, Value};

use super::{
    Counter, Desk,
    answer::{Deferral, Reaction},
    seat::Seat,
};
use crate::interaction::{Given, Interaction};

impl Desk {
    pub(super) async fn command(&self, mut interaction: Interaction, counter: Counter) {
        let (operation, options) = interaction.command();
        let spec = self.catalogue.spec(&operation);
        let private = spec.is_none_or(|spec| spec.private);
        let input = input_of(spec, options.into_iter().map(|option| (option.name.clone(), value_of(option))));
        let ticket = self.ticket(&mut interaction);
        let kind = interaction.kind;
        let work = async {
            let seat = match self.seat(&interaction, None, &operation).await {
                Ok(seat) => seat,
                Err(error) => return self.turned_away(&interaction, &error).await,
            };
            let result = self.call(&seat, operation, input, false).await;
            Reaction::Message(self.outcome(kind, &seat, result).await)
        };
        let promise = OnceLock::from(Deferral::Message { ephemeral: private });
        self.answer(ticket, counter, &promise, work).await;
    }

    /// Calls the operation. Everything that could be wrong with it is the catalogue's to say.
    pub(super) async fn call(
        &self,
        seat: &Seat,
        operation: String,
        input: Result<Value, Error>,
        confirmed: bool,
    ) -> Result<guildhall_core::Reply, Error> {
        match input {
            Ok(input) => self.request(seat, operation, Raw::Json(input), confirmed).await,
            Err(error) => Err(self.refusals.verified(seat.actor.clone(), &operation, error).await),
        }
    }

    pub(super) async fn request(
        &self,
        seat: &Seat,
        operation: String,
        input: Raw,
        confirmed: bool,
    ) -> Result<guildhall_core::Reply, Error> {
        let &Seat { ref actor, channel, message, language, .. } = seat;
        let actor = actor.clone();
        let request = Request { actor, operation, input, confirmed, channel, message, language };
        self.catalogue.call(request).await
    }
}

fn value_of(option: Given) -> Value {
    // An option with options of its own is no input of any operation; as an object it is refused as such.
    match (option.value, option.options) {
        (Some(value), _) => value,
        (None, Some(_)) => Value::Object(Map::new()),
        (None, None) => Value::Null,
    }
}

/// The operation's input from names and values. Lists and maps come as text; numbers and switches too, from
/// forms. What cannot be turned into its kind stays text, so that the catalogue says what is wrong with it.
pub(super) fn input_of(
    spec: Option<&Spec>,
    given: impl Iterator<Item = (String, Value)>,
) -> Result<Value, Error> {
    let mut object = Map::new();
    for (name, value) in given {
        let kind = spec
            .and_then(|spec| spec.fields.iter().find(|field| field.name == name))
            .map(|field| &field.kind);
        let value = match (kind, value) {
            (Some(kind), Value::String(text)) => typed(kind, text),
            (_, value) => value,
        };
        if object.insert(name.clone(), value).is_some() {
            return Err(input::given_twice().of(name).into());
        }
    }
    Ok(Value::Object(object))
}

pub(super) fn typed(kind: &FieldKind, text: String) -> Value {
    match kind {
        FieldKind::Text { .. }
        | FieldKind::Choice { .. }
        | FieldKind::User
        | FieldKind::Users
        | FieldKind::Role
        | FieldKind::Channel
        | FieldKind::Message
        | FieldKind::Duration => Value::String(text),
        FieldKind::Integer { .. } => text.trim().parse::<i64>().map_or(Value::String(text), Value::from),
        FieldKind::Number { .. } => match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Value::from(number),
            _ => Value::String(text),
        },
        FieldKind::Boolean => match text.trim().to_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Value::Bool(true),
            "false" | "no" | "off" | "0" => Value::Bool(false),
            _ => Value::String(text),
        },
        FieldKind::List => Value::Array(
            text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Value::from).collect(),
        ),
        FieldKind::Map => input::pairs(&text).map_or(Value::String(text), Value::Object),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_become_what_the_input_asks_for_and_stay_text_where_they_cannot() {
        let integer = FieldKind::Integer { min: None, max: None };
        let cases = [
            (&integer, "12", json!(12)),
            (&integer, "twelve", json!("twelve")),
            (&FieldKind::Boolean, "Yes", json!(true)),
            (&FieldKind::Boolean, "perhaps", json!("perhaps")),
            (&FieldKind::List, "a, b,,c", json!(["a", "b", "c"])),
            (&FieldKind::Map, "motd=\"Hi there\" max=20", json!({"motd": "Hi there", "max": "20"})),
            (&FieldKind::Map, "motd", json!("motd")),
            (&FieldKind::Number { min: None, max: None }, "NaN", json!("NaN")),
        ];
        for (kind, text, expected) in cases {
            assert_eq!(typed(kind, text.to_owned()), expected, "{text}");
        }
    }
}
