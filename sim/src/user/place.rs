//! A user in a channel: running commands, pressing buttons, filling in forms, and looking.

use std::time::Duration;

use serde_json::{Value, json};

use super::form::Modal;
use super::handle::InteractionHandle;
use super::slash::Invocation;
use super::{ActError, TimedOut, User, form, slash};
use crate::delivery;
use crate::id::{ApplicationId, ChannelId, MessageId, UserId};
use crate::interaction::{Act, kind};
use crate::permission::Permissions;
use crate::validate::component;
use crate::world::World;
use crate::world::message::Message;

/// A user in a channel: everything a person does happens somewhere. Must be used within a Tokio runtime.
#[derive(Clone)]
pub struct Place {
    pub(super) user: User,
    pub(super) channel: ChannelId,
}

impl Place {
    pub(crate) fn parts(&self) -> (std::sync::Arc<crate::shared::Shared>, ChannelId, UserId) {
        (std::sync::Arc::clone(&self.user.shared), self.channel, self.user.id)
    }

    /// The channel.
    pub fn channel(&self) -> ChannelId {
        self.channel
    }

    /// The user.
    pub fn user(&self) -> &User {
        &self.user
    }

    /// Runs a slash command by its path (`"server start"`), with its options as an object
    /// (`json!({"server": "survival"})`). Options are checked as Discord's own program does; a choice may be named by
    /// its label or its value, a user, role or channel by its id.
    #[expect(clippy::needless_pass_by_value, reason = "callers write json!(...) in place")]
    pub fn run(&self, command: &str, options: Value) -> Result<InteractionHandle, ActError> {
        let invocation = self.read(|world| slash::resolve(world, self.channel, self.user.id, command))?;
        self.invoke(&invocation, &options, None)
    }

    /// Runs a slash command as it is typed: `/server create name:survival recipe:minecraft-flying-squid`.
    pub fn type_command(&self, line: &str) -> Result<InteractionHandle, ActError> {
        let invocation = self.read(|world| slash::resolve(world, self.channel, self.user.id, line))?;
        let options = slash::typed_options(&invocation, line)?;
        self.invoke(&invocation, &options, None)
    }

    /// Types in an option that completes itself; `options` hold what was typed so far, `focused` names the option
    /// under the cursor. The suggestions come by [`InteractionHandle::choices`].
    #[expect(clippy::needless_pass_by_value, reason = "callers write json!(...) in place")]
    pub fn autocomplete(
        &self,
        command: &str,
        options: Value,
        focused: &str,
    ) -> Result<InteractionHandle, ActError> {
        let invocation = self.read(|world| slash::resolve(world, self.channel, self.user.id, command))?;
        self.invoke(&invocation, &options, Some(focused))
    }

    fn invoke(
        &self,
        invocation: &Invocation,
        options: &Value,
        focused: Option<&str>,
    ) -> Result<InteractionHandle, ActError> {
        let (data, option_type) =
            self.read(|world| slash::data(world, self.channel, invocation, options, focused))?;
        let kind = if focused.is_some() { kind::AUTOCOMPLETE } else { kind::COMMAND };
        Ok(self.act(invocation.command.application, kind, data, None, None, option_type))
    }

    /// Runs a context-menu command on a user.
    pub fn run_on_user(&self, command: &str, target: UserId) -> Result<InteractionHandle, ActError> {
        self.context_menu(command, 2, target.0)
    }

    /// Runs a context-menu command on a message.
    pub fn run_on_message(&self, command: &str, target: MessageId) -> Result<InteractionHandle, ActError> {
        self.seen(target)?;
        self.context_menu(command, 3, target.0)
    }

    fn context_menu(&self, name: &str, sort: u64, target: u64) -> Result<InteractionHandle, ActError> {
        let (application, data) =
            self.read(|world| slash::context_menu(world, self.channel, self.user.id, name, sort, target))?;
        Ok(self.act(application, kind::COMMAND, data, None, None, 0))
    }

    /// The names of the commands the user is offered here, sorted: slash commands, and context-menu commands.
    pub fn offered_commands(&self) -> Vec<String> {
        self.read(|world| slash::offered(world, self.channel, self.user.id))
    }

    /// What the user may do here.
    pub fn permissions(&self) -> Permissions {
        self.read(|world| world.permissions(self.channel, self.user.id))
    }

    /// Presses a button, named by its custom id or by what is written on it.
    pub fn press(&self, message: MessageId, button: &str) -> Result<InteractionHandle, ActError> {
        let message = self.seen(message)?;
        let buttons = message.buttons();
        let found = buttons
            .iter()
            .find(|known| known.custom_id.as_deref() == Some(button))
            .or_else(|| buttons.iter().find(|known| known.label == button));
        let Some((found, custom_id)) = found.and_then(|found| Some((found, found.custom_id.as_ref()?)))
        else {
            let known: Vec<&str> = buttons.iter().map(|known| known.label.as_str()).collect();
            return Err(ActError::NoSuchComponent { wanted: button.into(), known: known.join(", ") });
        };
        if found.disabled {
            return Err(ActError::Disabled(button.into()));
        }
        let data = json!({"component_type": component::kind::BUTTON, "custom_id": custom_id, "id": 0});
        self.use_component(&message, data)
    }

    /// Chooses in a menu, named by its custom id: values or labels of a string menu, ids in the others.
    pub fn select(
        &self,
        message: MessageId,
        custom_id: &str,
        values: &[&str],
    ) -> Result<InteractionHandle, ActError> {
        let message = self.seen(message)?;
        let menu = message.component(custom_id).filter(|menu| menu["min_values"].is_number());
        let Some(menu) = menu else {
            let known = "no menu of that custom id".into();
            return Err(ActError::NoSuchComponent { wanted: custom_id.into(), known });
        };
        if menu["disabled"] == true {
            return Err(ActError::Disabled(custom_id.into()));
        }
        let data = self.read(|world| form::selection(world, self.channel, &menu, values))?;
        self.use_component(&message, data)
    }

    fn use_component(&self, message: &Message, mut data: Value) -> Result<InteractionHandle, ActError> {
        let custom_id = data["custom_id"].as_str().unwrap_or_default();
        data["id"] = message.component(custom_id).map(|found| found["id"].clone()).unwrap_or_default();
        let application = self.read(|world| {
            world.applications.values().find(|app| app.bot == message.author).map(|app| app.id)
        });
        let Some(application) = application else { return Err(ActError::CannotSee("application")) };
        Ok(self.act(application, kind::COMPONENT, data, Some(message.id), None, 0))
    }

    /// Fills in a form and sends it: field custom ids and what was typed, `json!({"reason": "spam"})`. Menus take a
    /// list of values. Fields left out keep the value the application gave them.
    #[expect(clippy::needless_pass_by_value, reason = "callers write json!(...) in place")]
    pub fn submit_modal(&self, modal: &Modal, fields: Value) -> Result<InteractionHandle, ActError> {
        let data = self.read(|world| form::submission(world, self.channel, modal, &fields))?;
        let triggered = modal.triggered_by.clone();
        Ok(self.act(modal.application, kind::MODAL, data, modal.source, Some(triggered), 0))
    }

    fn act(
        &self,
        application: ApplicationId,
        kind: u8,
        data: Value,
        source: Option<MessageId>,
        triggered_by: Option<Value>,
        option_type: i64,
    ) -> InteractionHandle {
        let act = Act {
            application,
            kind,
            user: self.user.id,
            channel: self.channel,
            data,
            source,
            triggered_by,
            option_type,
        };
        let id = delivery::dispatch(&self.user.shared, act);
        InteractionHandle { user: self.user.clone(), id }
    }

    /// What the user sees here, oldest first: everybody's messages and the user's own ephemeral ones.
    pub fn visible_messages(&self) -> Vec<Message> {
        self.read(|world| world.visible_messages(self.channel, self.user.id))
    }

    /// One message, if the user sees it.
    pub fn message(&self, id: MessageId) -> Option<Message> {
        self.visible_messages().into_iter().find(|message| message.id == id)
    }

    pub(super) fn seen(&self, id: MessageId) -> Result<Message, ActError> {
        self.message(id).ok_or(ActError::CannotSee("message"))
    }

    /// Waits until `find` finds something among the messages the user sees here. It is asked again after every
    /// change in the stand-in.
    pub async fn wait_until<T>(
        &self,
        within: Duration,
        mut find: impl FnMut(&[Message]) -> Option<T>,
    ) -> Result<T, TimedOut> {
        let look = || find(&self.visible_messages());
        let seen = || {
            let lines = self.visible_messages().into_iter().map(|message| {
                let buttons: Vec<String> =
                    message.buttons().into_iter().map(|button| format!("[{}]", button.label)).collect();
                format!("{}: {} {}", message.author_name, message.text(), buttons.join(" "))
            });
            lines.collect::<Vec<_>>().join("\n")
        };
        self.user.wait(within, look, seen).await
    }

    /// Waits for a message, old or new, whose text has `text` in it; gives the newest.
    pub async fn wait_for_text(&self, within: Duration, text: &str) -> Result<Message, TimedOut> {
        let find = |messages: &[Message]| {
            messages.iter().rev().find(|message| message.text().contains(text)).cloned()
        };
        self.wait_until(within, find).await
    }

    pub(super) fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        self.user.shared.read(look)
    }
}
