//! Buttons and menus: an action is a call of its operation with the presser's own rank, a choice goes into an
//! input of one, a page is turned, a question is answered.
//!
//! What belongs to a message that only one person sees (pages, yes, no, settings) changes that message.
//! Everything else is answered with a message of its own, because other people are looking at the one with
//! the button.

use std::sync::OnceLock;

use guildhall_core::{Document, Error, Kind as Blame};
use serde_json::{Map, Value};

use super::{
    Counter, Desk,
    answer::{Deferral, Reaction},
    command::typed,
    seat::Seat,
};
use crate::{
    custom_id::{self, Press, Stored, What},
    interaction::{Interaction, Kind},
    meters,
    render::{self, Around},
    shelf,
};

/// A press, and what came with it.
struct Pressed {
    press: Option<Press>,
    /// Whether nobody else reads the message.
    own: bool,
    /// What was chosen in a menu.
    values: Vec<String>,
}

impl Desk {
    pub(super) async fn button(&self, mut interaction: Interaction, counter: Counter) {
        let values = interaction.data.as_mut().and_then(|data| data.values.take()).unwrap_or_default();
        let (named, id) = custom_id::guild(interaction.custom_id());
        let pressed = Pressed { press: custom_id::read(id), own: interaction.is_own(), values };
        let promise = OnceLock::new();
        let ticket = self.ticket(&mut interaction);
        let work = async {
            let seat = match self.seat(&interaction, named, "a button").await {
                Ok(seat) => seat,
                Err(error) => return self.turned_away(&interaction, &error).await,
            };
            match self.press(&seat, pressed, &promise).await {
                Ok(reaction) => reaction,
                Err(error) => self.refused(Kind::Component, &seat, "a button", error).await,
            }
        };
        self.answer(ticket, counter, &promise, work).await;
    }

    async fn press(
        &self,
        seat: &Seat,
        pressed: Pressed,
        promise: &OnceLock<Deferral>,
    ) -> Result<Reaction, Error> {
        let Pressed { press, own, values } = pressed;
        let kind = Kind::Component;
        let (what, confirmed, chosen) = match press {
            None | Some(Press::Form { .. }) => return Err(shelf::stale()),
            Some(Press::No { user }) => {
                let asked = user.is_none_or(|user| user == seat.user());
                if !asked && !own {
                    return Err(not_asked());
                }
                meters::interaction(kind, "declined");
                let document = Document::default().text("Nothing was done.");
                let message = self.page(seat, &document, 0).await;
                let replaces = own || user.is_some();
                return Ok(if replaces { Reaction::Replace(message) } else { Reaction::Message(message) });
            }
            Some(Press::Page { page, key }) => {
                meters::interaction(kind, "page");
                if own {
                    let _ = promise.set(Deferral::Update);
                }
                let document = self.shelf.document(&seat.tenant, &key).await?;
                let message = self.page(seat, &document, page).await;
                return Ok(if own { Reaction::Replace(message) } else { Reaction::Message(message) });
            }
            Some(Press::Yes { user, until, what }) => {
                if user != seat.user() {
                    return Err(not_asked());
                }
                if self.clock.now().unix_timestamp() > until {
                    let error = Error::new(Blame::Conflict, "question_too_old", "This question is too old.");
                    return Err(error.remedy("Run the command again."));
                }
                // The answer takes the question's place, so that it cannot be answered twice.
                let _ = promise.set(Deferral::Update);
                let Stored { operation, input, .. } = self.meant(seat, what).await?;
                let result = self.call(seat, operation, Ok(input), true).await;
                return Ok(Reaction::Replace(self.outcome(kind, seat, result).await));
            }
            Some(Press::Act { what, confirmed }) => (what, confirmed, None),
            Some(Press::Choose { what, several }) => (what, false, Some(several)),
        };
        let mut stored = self.meant(seat, what).await?;
        let spec = self.catalogue.spec(&stored.operation);
        let _ = promise.set(Deferral::of(spec, own));
        if let Some(several) = chosen {
            let field = stored.fields.pop().unwrap_or_default();
            let known = spec.and_then(|spec| spec.fields.iter().find(|known| known.name == field));
            let value = match (several, known) {
                (true, _) => Value::from(values),
                (false, Some(known)) => typed(&known.kind, values.into_iter().next().unwrap_or_default()),
                (false, None) => Value::from(values.into_iter().next()),
            };
            if !stored.input.is_object() {
                stored.input = Value::Object(Map::new());
            }
            stored.input[field] = value;
        }
        if let Some(form) = self.form_for(seat, &stored).await? {
            meters::interaction(kind, "form");
            return Ok(Reaction::Form(form));
        }
        let result = self.call(seat, stored.operation, Ok(stored.input), confirmed).await;
        Ok(self.outcome(kind, seat, result).await.placed(own))
    }

    /// A page of a document for the one who acted.
    async fn page(&self, seat: &Seat, document: &Document, page: usize) -> super::answer::Message {
        let around = Around { asked: None, guild: seat.afar };
        let components = self.post.page(&seat.tenant, render::render(document, around), page).await;
        super::answer::Message::own(components)
    }

    /// The operation and its input, from the button or the notebook.
    pub(super) async fn meant(&self, seat: &Seat, what: What) -> Result<Stored, Error> {
        let mut stored = match what {
            What::Inline(stored) => stored,
            What::Kept(key) => self.shelf.action(&seat.tenant, &key).await?,
        };
        if stored.input.is_null() {
            stored.input = Value::Object(Map::new());
        }
        Ok(stored)
    }
}

fn not_asked() -> Error {
    Error::new(Blame::Permission, "not_your_question", "This question is not yours.")
        .remedy("Run the command yourself to be asked.")
}
