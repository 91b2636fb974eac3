//! Buttons: an action is a call of its operation with the presser's own rank, a page is turned, a question
//! is answered.
//!
//! What belongs to a message that only one person sees (pages, yes, no) changes that message. Everything
//! else is answered with a message of its own, because other people are looking at the one with the button.

use guildhall_core::{Error, Kind as Blame, Tone};
use serde_json::Value;

use super::{
    Counter, Desk, Seat,
    answer::{Deferral, Reaction},
    form,
};
use crate::{
    custom_id::{self, Press, Stored, What},
    interaction::Interaction,
    meters, render, shelf,
};

impl Desk {
    pub(super) async fn button(&self, mut interaction: Interaction, counter: Counter) {
        let press = custom_id::read(interaction.custom_id());
        let own = interaction.message.as_ref().is_some_and(crate::interaction::Message::is_ephemeral);
        let deferral = match &press {
            Some(Press::Yes { .. } | Press::No | Press::Page { .. }) if own => Deferral::Update,
            Some(Press::Act { what: What::Inline(stored), .. }) => {
                let spec = self.catalogue.spec(&stored.operation);
                Deferral::Message { ephemeral: spec.is_none_or(|spec| spec.private) }
            }
            _ => Deferral::Message { ephemeral: true },
        };
        let ticket = self.ticket(&mut interaction);
        let kind = interaction.kind;
        let user = interaction.user_id();
        let work = async {
            let seat = match self.seat(&interaction, "a button").await {
                Ok(seat) => seat,
                Err(error) => return Reaction::Message(self.turned_away(kind, &error)),
            };
            match self.press(kind, user, &seat, press, own).await {
                Ok(reaction) => reaction,
                Err(error) => {
                    meters::interaction(kind, "refused");
                    let error = self.refusals.verified(seat.actor.clone(), "a button", error).await;
                    Reaction::Message(self.failure(&seat.tenant, &error).await)
                }
            }
        };
        self.answer(ticket, counter, deferral, work).await;
    }

    async fn press(
        &self,
        kind: crate::interaction::Kind,
        user: u64,
        seat: &Seat,
        press: Option<Press>,
        own: bool,
    ) -> Result<Reaction, Error> {
        let placed = |message| if own { Reaction::Replace(message) } else { Reaction::Message(message) };
        match press {
            None | Some(Press::Form { .. }) => Err(shelf::stale()),
            Some(Press::No) => {
                meters::interaction(kind, "declined");
                let document =
                    guildhall_core::Document::default().tone(Tone::Neutral).text("Nothing was done.");
                Ok(placed(self.page(&seat.tenant, render::document(&document), 0).await))
            }
            Some(Press::Page { page, key }) => {
                meters::interaction(kind, "page");
                let document = self.shelf.document(&seat.tenant, &key).await?;
                Ok(placed(self.page(&seat.tenant, render::document(&document), page).await))
            }
            Some(Press::Yes { user: asked, until, what }) => {
                if asked != user {
                    let error =
                        Error::new(Blame::Permission, "not_your_question", "This question is not yours.");
                    return Err(error.remedy("Run the command yourself to be asked."));
                }
                if self.clock.now().unix_timestamp() > until {
                    let error = Error::new(Blame::Conflict, "question_too_old", "This question is too old.");
                    return Err(error.remedy("Run the command again."));
                }
                let Stored { operation, input } = self.meant(seat, what).await?;
                let result = self.call(seat, operation, Ok(input), true).await;
                Ok(placed(self.outcome(kind, seat, result).await))
            }
            Some(Press::Act { what, confirmed }) => {
                let Stored { operation, input } = self.meant(seat, what).await?;
                if let Some(spec) = self.catalogue.spec(&operation)
                    && let Some(form) = form::asking(spec, &input)
                {
                    let mut keep = Vec::new();
                    let form = form.write(&operation, &input, &mut keep);
                    self.shelf.keep(&seat.tenant, &keep).await?;
                    meters::interaction(kind, "form");
                    return Ok(Reaction::Form(Box::new(form)));
                }
                let result = self.call(seat, operation, Ok(input), confirmed).await;
                Ok(Reaction::Message(self.outcome(kind, seat, result).await))
            }
        }
    }

    /// The operation and its input, from the button or the notebook.
    pub(super) async fn meant(&self, seat: &Seat, what: What) -> Result<Stored, Error> {
        let mut stored = match what {
            What::Inline(stored) => stored,
            What::Kept(key) => self.shelf.action(&seat.tenant, &key).await?,
        };
        if stored.input.is_null() {
            stored.input = Value::Object(serde_json::Map::new());
        }
        Ok(stored)
    }
}
