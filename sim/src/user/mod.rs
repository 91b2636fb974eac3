//! Acting as a person: running commands, pressing buttons, filling in forms, reading what that person sees.

pub(crate) mod form;
mod handle;
mod slash;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

pub use form::{Field, Modal};
pub use handle::{Answer, Choice, InteractionHandle};

use crate::delivery;
use crate::id::{ApplicationId, ChannelId, GuildId, MessageId, UserId};
use crate::interaction::{Act, kind};
use crate::permission::Permissions;
use crate::rest::message as message_route;
use crate::shared::Shared;
use crate::validate::component;
use crate::world::World;
use crate::world::channel::Channel;
use crate::world::message::Message;
use slash::Invocation;

/// Why a person could not do that. Discord's own program would not have let them try.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    /// No such command is registered here.
    #[error("there is no command /{name} here; registered are: {known}")]
    UnknownCommand {
        /// What was asked for.
        name: String,
        /// The commands there are.
        known: String,
    },
    /// The command has no such option.
    #[error("/{command} has no option {option}; it has: {known}")]
    UnknownOption {
        /// The command.
        command: String,
        /// The option asked for.
        option: String,
        /// The options there are.
        known: String,
    },
    /// A required option was left out.
    #[error("/{command} needs the option {option}")]
    MissingOption {
        /// The command.
        command: String,
        /// The option that is missing.
        option: String,
    },
    /// A value does not fit its option or field.
    #[error("{what}: {why}")]
    BadValue {
        /// The option or field.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// The user lacks the permission; the command would not be shown, or the message box would be grey.
    #[error("this user may not do that here")]
    NotAllowed,
    /// The user cannot see that channel or message.
    #[error("this user cannot see that {0}")]
    CannotSee(&'static str),
    /// The message has no such button or menu.
    #[error("the message has no {wanted}; it has: {known}")]
    NoSuchComponent {
        /// What was asked for, by custom id or label.
        wanted: String,
        /// What there is.
        known: String,
    },
    /// The button or menu is greyed out.
    #[error("{0} is disabled")]
    Disabled(String),
}

/// What was waited for did not come.
#[derive(Clone, Debug, thiserror::Error)]
#[error("nothing fitting came within {within:?}; {user} saw:\n{seen}")]
pub struct TimedOut {
    /// How long was waited.
    pub within: Duration,
    /// Who looked.
    pub user: String,
    /// What that user saw at the end.
    pub seen: String,
}

/// A channel or thread as a user sees it.
#[derive(Clone, Debug, Serialize)]
pub struct ChannelView {
    /// Its id.
    pub id: ChannelId,
    /// Its name; for direct messages the other's name.
    pub name: String,
    /// Discord's channel type: 0 text, 1 direct message, 4 category, 11 public thread, 12 private thread.
    pub kind: u8,
    /// Its guild; none for direct messages.
    pub guild: Option<GuildId>,
    /// The category, or for a thread the channel it belongs to.
    pub parent: Option<ChannelId>,
    /// For a thread: whether it is archived.
    pub archived: bool,
    /// For a thread: whether it is locked.
    pub locked: bool,
}

/// A person in the stand-in. Cheap to clone.
#[derive(Clone)]
pub struct User {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: UserId,
}

impl User {
    /// The user's id.
    pub fn id(&self) -> UserId {
        self.id
    }

    /// The user's name.
    pub fn name(&self) -> String {
        self.shared.read(|world| world.users.get(&self.id).map(|user| user.name.clone()).unwrap_or_default())
    }

    /// The user looking at a channel, thread or direct-message channel.
    pub fn in_channel(&self, channel: ChannelId) -> Place {
        Place { user: self.clone(), channel }
    }

    /// The direct-message channel with another user, for example a bot.
    pub fn direct(&self, other: UserId) -> Place {
        let channel = self.shared.write(|world| world.direct_channel(self.id, other));
        self.in_channel(channel)
    }

    /// Every channel and thread the user can see, archived threads included, in the order they were made.
    pub fn channels(&self) -> Vec<ChannelView> {
        self.shared.read(|world| {
            let seen = world.channels.values().filter(|channel| world.can_see(channel.id, self.id));
            seen.map(|channel| view(world, channel, self.id)).collect()
        })
    }

    /// The threads of a channel that the user can see.
    pub fn threads(&self, channel: ChannelId) -> Vec<ChannelView> {
        let mut channels = self.channels();
        channels.retain(|view| view.parent == Some(channel) && (10..=12).contains(&view.kind));
        channels
    }

    /// Waits until `find` finds something among the channels and threads the user sees.
    pub async fn wait_for_channel<T>(
        &self,
        within: Duration,
        mut find: impl FnMut(&[ChannelView]) -> Option<T>,
    ) -> Result<T, TimedOut> {
        self.wait(
            within,
            || find(&self.channels()),
            || {
                let names: Vec<String> = self.channels().into_iter().map(|view| view.name).collect();
                format!("channels {}", names.join(", "))
            },
        )
        .await
    }

    pub(crate) async fn wait<T>(
        &self,
        within: Duration,
        mut look: impl FnMut() -> Option<T>,
        seen: impl Fn() -> String,
    ) -> Result<T, TimedOut> {
        let mut changes = self.shared.changes();
        let search = async {
            loop {
                changes.mark_unchanged();
                if let Some(found) = look() {
                    return Some(found);
                }
                if changes.changed().await.is_err() {
                    return None;
                }
            }
        };
        match tokio::time::timeout(within, search).await {
            Ok(Some(found)) => Ok(found),
            _ => Err(TimedOut { within, user: self.name(), seen: seen() }),
        }
    }
}

fn view(world: &World, channel: &Channel, user: UserId) -> ChannelView {
    let other = channel.recipients.iter().find(|other| **other != user);
    let name = match other.and_then(|other| world.users.get(other)) {
        Some(other) => other.name.clone(),
        None => channel.name.clone(),
    };
    let thread = channel.thread.as_ref();
    ChannelView {
        id: channel.id,
        name,
        kind: channel.kind,
        guild: channel.guild,
        parent: channel.parent,
        archived: thread.is_some_and(|thread| thread.archived),
        locked: thread.is_some_and(|thread| thread.locked),
    }
}

/// A user in a channel: everything a person does happens somewhere. Must be used within a Tokio runtime.
#[derive(Clone)]
pub struct Place {
    user: User,
    channel: ChannelId,
}

impl Place {
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

    /// Writes a message. Writing in an archived thread wakes it, unless it is locked.
    pub fn send_message(&self, content: &str) -> Result<MessageId, ActError> {
        let (channel, user) = (self.channel, self.user.id);
        let length = content.chars().count();
        if length == 0 || length > 2000 {
            let why = "a message has 1 to 2000 characters".into();
            return Err(ActError::BadValue { what: "message".into(), why });
        }
        self.user.shared.write(|world| {
            if !world.can_see(channel, user) {
                return Err(ActError::CannotSee("channel"));
            }
            message_route::require_writing(world, channel, user).map_err(|_| ActError::NotAllowed)?;
            let mut message = Message::new(MessageId(world.next_id()), channel, user, world.now());
            message.content = content.into();
            let allowed = crate::validate::message::AllowedMentions::default();
            world.resolve_mentions(&mut message, &allowed);
            Ok(world.post(message))
        })
    }

    /// Reacts to a message with an emoji.
    pub fn react(&self, message: MessageId, emoji: &str) -> Result<(), ActError> {
        self.seen(message)?;
        self.user.shared.write(|world| {
            let may = world.permissions(self.channel, self.user.id).contains(Permissions::ADD_REACTIONS);
            if !may {
                return Err(ActError::NotAllowed);
            }
            message_route::react(world, message, emoji, self.user.id);
            Ok(())
        })
    }

    /// What the user sees here, oldest first: everybody's messages and the user's own ephemeral ones.
    pub fn visible_messages(&self) -> Vec<Message> {
        self.read(|world| world.visible_messages(self.channel, self.user.id))
    }

    /// One message, if the user sees it.
    pub fn message(&self, id: MessageId) -> Option<Message> {
        self.visible_messages().into_iter().find(|message| message.id == id)
    }

    fn seen(&self, id: MessageId) -> Result<Message, ActError> {
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

    fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        self.user.shared.read(look)
    }
}
