//! Suggestions while a person types. They cannot be deferred: what is not there in time is left out.

use guildhall_core::{
    Kind as Blame,
    input::{Field, FieldKind},
    operation::Choice,
    suggest,
};
use serde_json::Value;
use twilight_model::application::command::{CommandOptionChoice, CommandOptionChoiceValue};

use super::{Counter, Desk, answer};
use crate::{
    interaction::{Given, Interaction},
    meters,
    render::shortened,
};

/// Discord's limits: suggestions at once, and characters of each.
const AT_ONCE: usize = 25;
const LONGEST: usize = 100;

impl Desk {
    pub(super) async fn complete(&self, mut interaction: Interaction, counter: Counter) {
        let (operation, options) = interaction.command();
        let until = self.clock.now() + self.timing.defer_after;
        let work = self.suggestions(&interaction, &operation, options);
        let choices = tokio::select! {
            biased;
            choices = work => choices,
            () = self.clock.sleep_until(until) => {
                meters::interaction(interaction.kind, "too_slow");
                Vec::new()
            }
        };
        counter.hand_over(answer::choices(choices));
    }

    async fn suggestions(
        &self,
        interaction: &Interaction,
        operation: &str,
        options: Vec<Given>,
    ) -> Vec<CommandOptionChoice> {
        let kind = interaction.kind;
        let Ok(seat) = self.seat(interaction, None, operation).await else { return Vec::new() };
        let focused = options.into_iter().find(|option| option.focused);
        let field = focused.as_ref().and_then(|option| {
            let spec = self.catalogue.spec(operation)?;
            spec.fields.iter().find(|field| field.name == option.name)
        });
        let (Some(focused), Some(field)) = (focused, field) else {
            let asked_for = format!("{operation} (suggestions)");
            let error = guildhall_core::Error::new(
                Blame::NotFound,
                "unknown_input",
                "There is nothing to suggest: the command or the input does not exist.",
            );
            self.refusals.verified(seat.actor, &asked_for, error).await;
            meters::interaction(kind, "refused");
            return Vec::new();
        };
        let partial = match &focused.value {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        if let FieldKind::Choice { of } = &field.kind
            && field.complete.is_none()
        {
            let near = suggest::nearest(&partial, of.iter().map(String::as_str), AT_ONCE);
            return near.into_iter().filter_map(|word| choice(field, word, word)).collect();
        }
        match self.catalogue.complete(&seat.actor, operation, &field.name, &partial).await {
            Ok(choices) => {
                meters::interaction(kind, "done");
                choices
                    .iter()
                    .take(AT_ONCE)
                    .filter_map(|Choice { value, label }| choice(field, value, label))
                    .collect()
            }
            Err(error) => {
                meters::interaction(kind, "failed");
                tracing::warn!(operation, "no suggestions: {}", error.causes());
                Vec::new()
            }
        }
    }
}

/// A suggestion in Discord's form. One whose value does not fit is left out: cut, it would be another value.
fn choice(field: &Field, value: &str, label: &str) -> Option<CommandOptionChoice> {
    let value = match field.kind {
        FieldKind::Integer { .. } => CommandOptionChoiceValue::Integer(value.parse().ok()?),
        FieldKind::Number { .. } => CommandOptionChoiceValue::Number(value.parse().ok()?),
        _ if value.is_empty() || value.chars().count() > LONGEST => return None,
        _ => CommandOptionChoiceValue::String(value.to_owned()),
    };
    let label = match (shortened(label, LONGEST), &value) {
        (label, CommandOptionChoiceValue::String(value)) if label.is_empty() => value.clone(),
        (label, _) if label.is_empty() => return None,
        (label, _) => label,
    };
    Some(CommandOptionChoice { name: label, name_localizations: None, value })
}
