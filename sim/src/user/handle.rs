//! What becomes of something a user did.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::form::Modal;
use super::{TimedOut, User};
use crate::id::InteractionId;
use crate::interaction::State;
use crate::world::message::Message;

/// A suggestion while typing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Choice {
    /// What the user reads.
    pub name: String,
    /// What is sent when it is chosen.
    pub value: Value,
}

/// How the application answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// With a message.
    Message(Box<Message>),
    /// With the promise of one: “thinking”.
    Deferred(Box<Message>),
    /// By saying that the component's message will change.
    DeferredUpdate,
    /// By changing the component's message.
    Updated(Box<Message>),
    /// With a form to fill in.
    Modal(Box<Modal>),
    /// With suggestions.
    Choices(Vec<Choice>),
    /// Not, or not validly, within the time. This is what the user reads.
    Failed(String),
}

/// Something a user did, and the way to what came of it.
#[derive(Clone)]
pub struct InteractionHandle {
    pub(crate) user: User,
    pub(crate) id: InteractionId,
}

impl InteractionHandle {
    /// The interaction's id.
    pub fn id(&self) -> InteractionId {
        self.id
    }

    /// Waits for the first answer. Always ends: after the three seconds Discord gives, it is [`Answer::Failed`].
    pub async fn answer(&self) -> Answer {
        let mut changes = self.user.shared.changes();
        loop {
            changes.mark_unchanged();
            if let Some(answer) = self.current() {
                return answer;
            }
            if changes.changed().await.is_err() {
                return Answer::Failed("The stand-in was shut down".into());
            }
        }
    }

    /// The answer so far; none while nothing came.
    pub fn current(&self) -> Option<Answer> {
        self.user.shared.read(|world| {
            let Some(interaction) = world.interactions.get(&self.id) else {
                return Some(Answer::Failed("The interaction is forgotten".into()));
            };
            let message =
                || interaction.original.and_then(|id| world.messages.get(&id)).cloned().map(Box::new);
            Some(match &interaction.state {
                State::Waiting => return None,
                State::Message => message().map_or_else(deleted, Answer::Message),
                State::Deferred => message().map_or_else(deleted, Answer::Deferred),
                State::DeferredUpdate => Answer::DeferredUpdate,
                State::Updated => message().map_or_else(deleted, Answer::Updated),
                State::Modal(form) => Answer::Modal(Box::new(Modal::read(form, interaction, world))),
                State::Choices(choices) => Answer::Choices(choices.iter().map(choice).collect()),
                State::Failed(text) => Answer::Failed(text.clone()),
            })
        })
    }

    /// Waits for the message that answers, past any “thinking”; also for the changed message of a component.
    pub async fn message(&self, within: Duration) -> Result<Message, TimedOut> {
        let look = || match self.current()? {
            Answer::Message(message) | Answer::Updated(message) => Some(*message),
            _ => None,
        };
        self.user.wait(within, look, || self.describe()).await
    }

    /// Waits for the form that answers.
    pub async fn modal(&self, within: Duration) -> Result<Modal, TimedOut> {
        let look = || match self.current()? {
            Answer::Modal(modal) => Some(*modal),
            _ => None,
        };
        self.user.wait(within, look, || self.describe()).await
    }

    /// Waits for suggestions.
    pub async fn choices(&self, within: Duration) -> Result<Vec<Choice>, TimedOut> {
        let look = || match self.current()? {
            Answer::Choices(choices) => Some(choices),
            _ => None,
        };
        self.user.wait(within, look, || self.describe()).await
    }

    /// The follow-up messages so far.
    pub fn followups(&self) -> Vec<Message> {
        self.user.shared.read(|world| {
            let followups = world.interactions.get(&self.id).map(|known| known.followups.as_slice());
            let ids = followups.unwrap_or_default().iter();
            ids.filter_map(|id| world.messages.get(id)).cloned().collect()
        })
    }

    fn describe(&self) -> String {
        match self.current() {
            None => "no answer yet".into(),
            Some(Answer::Message(message) | Answer::Deferred(message) | Answer::Updated(message)) => {
                message.text()
            }
            Some(other) => format!("{other:?}"),
        }
    }
}

fn deleted() -> Answer {
    Answer::Failed("The answer was deleted".into())
}

fn choice(json: &Value) -> Choice {
    Choice { name: json["name"].as_str().unwrap_or_default().into(), value: json["value"].clone() }
}
