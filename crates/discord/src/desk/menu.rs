//! Entries in the menu of a person or a message: the target goes into the input that the operation names.

use std::{collections::HashMap, sync::OnceLock};

use guildhall_core::{
    Error, Kind as Blame, Spec,
    input::FieldKind,
    operation::{Menu, MenuTarget},
};
use serde_json::{Map, Value};

use super::{
    Counter, Desk,
    answer::{Deferral, Reaction},
    form,
    seat::Seat,
};
use crate::{
    custom_id::Stored,
    interaction::{Interaction, Kind},
    meters,
};

/// Operations by the kind and label of their entries.
pub(super) fn entries<'a>(
    specs: impl Iterator<Item = &'a Spec>,
) -> HashMap<(u8, &'static str), &'static str> {
    let entry = |spec: &'a Spec| {
        let menu = spec.menu.as_ref()?;
        Some(((kind(menu.on), menu.label), spec.name))
    };
    specs.filter_map(entry).collect()
}

/// Discord's number for the kind of command.
fn kind(on: MenuTarget) -> u8 {
    match on {
        MenuTarget::User => 2,
        MenuTarget::Message => 3,
    }
}

impl Desk {
    pub(super) async fn menu(&self, mut interaction: Interaction, counter: Counter) {
        let (kind, label) = interaction.menu().unwrap_or_default();
        let entry = self.menus.get(&(kind, label.as_str())).and_then(|name| self.catalogue.spec(name));
        let found = entry.and_then(|spec| Some((spec, spec.menu?)));
        let private = found.is_none_or(|(spec, _)| spec.private);
        let promise = OnceLock::from(Deferral::Message { ephemeral: private });
        let ticket = self.ticket(&mut interaction);
        let work = async {
            let seat = match self.seat(&interaction, None, &label).await {
                Ok(seat) => seat,
                Err(error) => return self.turned_away(&interaction, &error).await,
            };
            let Some((spec, menu)) = found else {
                let error =
                    Error::new(Blame::NotFound, "stale_menu", "This entry of the menu is no longer used.")
                        .remedy("Restart Discord to see the menu as it is now.");
                return self.refused(interaction.kind, &seat, "a menu", error).await;
            };
            match self.chosen(&interaction, &seat, spec, menu).await {
                Ok(reaction) => reaction,
                Err(error) => self.refused(interaction.kind, &seat, spec.name, error).await,
            }
        };
        self.answer(ticket, counter, &promise, work).await;
    }

    async fn chosen(
        &self,
        interaction: &Interaction,
        seat: &Seat,
        spec: &Spec,
        menu: Menu,
    ) -> Result<Reaction, Error> {
        let target = interaction.data.as_ref().and_then(|data| data.target_id).map_or(0, |id| id.0);
        let value = match menu.on {
            MenuTarget::User => target.to_string(),
            MenuTarget::Message => {
                format!("{}/{target}", interaction.channel_id.map_or(0, |channel| channel.0))
            }
        };
        let several = spec.fields.iter().any(|f| f.name == menu.field && f.kind == FieldKind::Users);
        let value = if several { Value::from(vec![value]) } else { Value::from(value) };
        let input = Value::Object(Map::from_iter([(menu.field.to_owned(), value)]));
        let fields = menu.ask.iter().map(|&field| field.to_owned()).collect();
        let stored = Stored { operation: spec.name.to_owned(), input, fields };
        if let Some(form) = self.form_for(seat, &stored).await? {
            meters::interaction(Kind::Command, "form");
            return Ok(Reaction::Form(form));
        }
        let result = self.call(seat, stored.operation, Ok(stored.input), false).await;
        Ok(Reaction::Message(self.outcome(Kind::Command, seat, result).await))
    }
}

/// Why an operation cannot be in a menu.
pub(crate) fn problem(spec: &Spec, menu: &Menu) -> Option<&'static str> {
    let field = spec.fields.iter().find(|field| field.name == menu.field);
    match (menu.on, field.map(|field| &field.kind)) {
        (MenuTarget::User, Some(FieldKind::User | FieldKind::Users)) => {}
        (MenuTarget::Message, Some(FieldKind::Message)) => {}
        _ => return Some("the input that its menu names does not take the target"),
    }
    let asks = |name: &&str| spec.fields.iter().any(|field| field.name == **name);
    if !menu.ask.iter().all(asks) {
        return Some("its menu asks for an input that it does not have");
    }
    let missing = spec.fields.iter().filter(|field| {
        field.name != menu.field && (field.required || menu.ask.contains(&field.name.as_str()))
    });
    (missing.count() > form::INPUTS).then_some("its menu asks for more inputs than a form has")
}
