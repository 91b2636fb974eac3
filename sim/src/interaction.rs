//! Interactions: from the moment a user acts until the fifteen minutes of the token are over. Holds the rules of
//! answering: within three seconds, once, in a way that fits what was asked; then edits and follow-ups.

use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::id::{ApplicationId, ChannelId, GuildId, InteractionId, MessageId, UserId};
use crate::rest::error::ApiError;
use crate::validate::{command, modal, object_of};
use crate::world::World;
use crate::world::account::DEFAULT_LOCALE;
use crate::world::message::{Message, flag};
use crate::world::writing::Uploads;

/// What a user did, by Discord's numbers.
pub(crate) mod kind {
    pub(crate) const COMMAND: u8 = 2;
    pub(crate) const COMPONENT: u8 = 3;
    pub(crate) const AUTOCOMPLETE: u8 = 4;
    pub(crate) const MODAL: u8 = 5;
}

/// Where an interaction stands.
#[derive(Clone, Debug)]
pub(crate) enum State {
    /// Nothing came yet.
    Waiting,
    /// A message answered it (at once, or a deferral that was filled since).
    Message,
    /// “Thinking”: a message is promised.
    Deferred,
    /// The component's message may be edited later; nothing shows.
    DeferredUpdate,
    /// The component's message was changed.
    Updated,
    /// A form was shown.
    Modal(Value),
    /// Suggestions came.
    Choices(Vec<Value>),
    /// No valid answer within the time; what the user reads.
    Failed(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Interaction {
    pub(crate) id: InteractionId,
    pub(crate) application: ApplicationId,
    pub(crate) kind: u8,
    pub(crate) token: String,
    pub(crate) user: UserId,
    pub(crate) guild: Option<GuildId>,
    pub(crate) channel: ChannelId,
    pub(crate) created: OffsetDateTime,
    pub(crate) payload: Value,
    pub(crate) state: State,
    /// The message whose component was used, also of the modal that came of it.
    pub(crate) source: Option<MessageId>,
    /// What `@original` names.
    pub(crate) original: Option<MessageId>,
    /// A promised message that is still “thinking”, which the first follow-up fills.
    pub(crate) promised: bool,
    pub(crate) followups: Vec<MessageId>,
    /// The metadata of the interaction that showed the modal this one submits.
    pub(crate) triggered_by: Option<Value>,
    /// For suggestions: the type of the option being typed.
    pub(crate) option_type: i64,
    /// For context-menu commands the message type differs.
    pub(crate) context_menu: bool,
}

/// Interactions kept; the oldest are forgotten beyond it.
const KEPT: usize = 20_000;

impl Interaction {
    pub(crate) fn metadata(&self, world: &World) -> Value {
        let mut json = json!({
            "id": self.id, "type": self.kind, "user": world.user_json(self.user),
            "authorizing_integration_owners": owners(self.guild),
        });
        match self.kind {
            kind::COMPONENT => json["interacted_message_id"] = json!(self.source),
            kind::MODAL => {
                json["triggering_interaction_metadata"] = self.triggered_by.clone().unwrap_or_default();
            }
            _ => json["name"] = self.payload["data"]["name"].clone(),
        }
        json
    }

    fn answered(&self) -> bool {
        !matches!(self.state, State::Waiting | State::Failed(_))
    }
}

fn owners(guild: Option<GuildId>) -> Value {
    match guild {
        Some(guild) => json!({"0": guild}),
        None => json!({"0": "0"}),
    }
}

/// A user's act, before it has an id and a token.
pub(crate) struct Act {
    pub(crate) application: ApplicationId,
    pub(crate) kind: u8,
    pub(crate) user: UserId,
    pub(crate) channel: ChannelId,
    pub(crate) data: Value,
    pub(crate) source: Option<MessageId>,
    pub(crate) triggered_by: Option<Value>,
    pub(crate) option_type: i64,
}

impl World {
    /// Records the act and builds what the application receives.
    pub(crate) fn open_interaction(&mut self, act: Act) -> InteractionId {
        let id = InteractionId(self.next_id());
        let token = format!("aW50ZXJhY3Rpb246{}", hex::encode(rand::random::<[u8; 48]>()));
        let guild = self.channels.get(&act.channel).and_then(|channel| channel.guild);
        let payload = self.interaction_payload(&act, id, &token, guild);
        let context_menu =
            matches!(payload["data"]["type"].as_u64(), Some(2 | 3)) && act.kind == kind::COMMAND;
        let interaction = Interaction {
            id,
            application: act.application,
            kind: act.kind,
            token,
            user: act.user,
            guild,
            channel: act.channel,
            created: self.now(),
            payload,
            state: State::Waiting,
            source: act.source,
            original: None,
            promised: false,
            followups: Vec::new(),
            triggered_by: act.triggered_by,
            option_type: act.option_type,
            context_menu,
        };
        if self.interactions.len() >= KEPT
            && let Some((_, oldest)) = self.interactions.pop_first()
        {
            self.tokens.remove(&oldest.token);
        }
        self.tokens.insert(interaction.token.clone(), id);
        self.interactions.insert(id, interaction);
        id
    }

    fn interaction_payload(
        &self,
        act: &Act,
        id: InteractionId,
        token: &str,
        guild: Option<GuildId>,
    ) -> Value {
        let bot = self.bot_of(act.application);
        let rights = self.permissions(act.channel, act.user);
        let locale = self.users.get(&act.user).map_or(DEFAULT_LOCALE, |user| user.locale.as_str());
        let mut payload = json!({
            "id": id, "application_id": act.application, "type": act.kind, "data": act.data, "token": token,
            "version": 1, "channel_id": act.channel, "locale": locale, "entitlements": [],
            "app_permissions": self.permissions(act.channel, bot).0.to_string(),
            "authorizing_integration_owners": owners(guild), "context": i32::from(guild.is_none()),
            "attachment_size_limit": 10_485_760,
        });
        if let Some(channel) = self.channels.get(&act.channel) {
            let mut json = self.channel_json(channel, bot);
            json["permissions"] = json!(rights.0.to_string());
            payload["channel"] = json;
        }
        match guild {
            Some(guild) => {
                let mut member = self.member_json(guild, act.user);
                member["permissions"] = json!(rights.0.to_string());
                payload["member"] = member;
                payload["guild_id"] = json!(guild);
                let locale = self.guilds.get(&guild).map_or(DEFAULT_LOCALE, |guild| guild.locale.as_str());
                payload["guild_locale"] = json!(locale);
                payload["guild"] = json!({"id": guild, "locale": locale, "features": []});
            }
            None => payload["user"] = self.user_json(act.user),
        }
        if let Some(message) = act.source.and_then(|id| self.messages.get(&id)) {
            payload["message"] = self.message_json(message, bot);
        }
        payload
    }

    pub(crate) fn by_token(&self, token: &str) -> Option<&Interaction> {
        self.tokens.get(token).and_then(|id| self.interactions.get(id))
    }

    /// The time is over: nothing valid came, and the user is told as Discord tells.
    pub(crate) fn give_up(&mut self, id: InteractionId) {
        let Some(interaction) = self.interactions.get(&id) else { return };
        if !matches!(interaction.state, State::Waiting) {
            return;
        }
        let text = match interaction.kind {
            kind::COMMAND => "The application did not respond",
            kind::AUTOCOMPLETE => "Loading options failed",
            kind::MODAL => "Something went wrong. Try again.",
            _ => "This interaction failed",
        };
        let (channel, user, application, kind) =
            (interaction.channel, interaction.user, interaction.application, interaction.kind);
        if let Some(interaction) = self.interactions.get_mut(&id) {
            interaction.state = State::Failed(text.into());
        }
        if kind != kind::AUTOCOMPLETE {
            let mut notice =
                Message::new(MessageId(self.next_id()), channel, self.bot_of(application), self.now());
            notice.kind = 20;
            notice.content = text.into();
            notice.flags = flag::EPHEMERAL;
            notice.only_for = Some(user);
            notice.notice = true;
            self.post(notice);
        }
    }

    /// Takes the application's answer, from the callback route or from the body of an HTTP interaction. Gives the
    /// `InteractionCallbackResponse` object.
    pub(crate) fn answer(
        &mut self,
        id: InteractionId,
        body: &Value,
        uploads: Uploads,
        within: Duration,
    ) -> Result<Value, ApiError> {
        let interaction = self.interactions.get(&id).ok_or_else(ApiError::unknown_interaction)?.clone();
        if interaction.answered() {
            return Err(ApiError::already_acknowledged());
        }
        let late = self.now() - interaction.created > within;
        if late || matches!(interaction.state, State::Failed(_)) {
            return Err(ApiError::unknown_interaction());
        }
        let object = object_of(body)?;
        let asked = object.get("type").and_then(Value::as_u64).unwrap_or(0);
        let allowed: &[u64] = match interaction.kind {
            kind::COMMAND => &[4, 5, 9],
            kind::COMPONENT => &[4, 5, 6, 7, 9],
            kind::AUTOCOMPLETE => &[8],
            _ if interaction.source.is_some() => &[4, 5, 6, 7],
            _ => &[4, 5],
        };
        if !allowed.contains(&asked) {
            let list: Vec<String> = allowed.iter().map(ToString::to_string).collect();
            let message = format!("Value must be one of {{{}}}.", list.join(", "));
            return Err(ApiError::form(&["type"], "BASE_TYPE_CHOICES", &message));
        }
        let empty = json!({});
        let data = object.get("data").filter(|data| !data.is_null()).unwrap_or(&empty);
        let result = self.settle(&interaction, asked, data, uploads).map_err(under_data)?;
        let mut shown = json!({"id": id, "type": interaction.kind, "channel_id": interaction.channel});
        if let Some(guild) = interaction.guild {
            shown["guild_id"] = json!(guild);
        }
        let (state, message) = result;
        let Some(stored) = self.interactions.get_mut(&id) else {
            return Err(ApiError::unknown_interaction());
        };
        stored.promised = asked == 5;
        stored.original = message;
        stored.state = state;
        let mut answer = json!({});
        if let Some(message) = message.and_then(|id| self.messages.get(&id)) {
            shown["response_message_id"] = json!(message.id);
            shown["response_message_loading"] = json!(message.is_loading());
            shown["response_message_ephemeral"] = json!(message.is_ephemeral());
            if matches!(asked, 4 | 7) {
                let json = self.message_json(message, self.bot_of(interaction.application));
                answer["resource"] = json!({"type": asked, "message": json});
            }
        }
        answer["interaction"] = shown;
        Ok(answer)
    }

    fn settle(
        &mut self,
        interaction: &Interaction,
        asked: u64,
        data: &Value,
        uploads: Uploads,
    ) -> Result<(State, Option<MessageId>), ApiError> {
        let answer = match asked {
            4 => (State::Message, Some(self.respond(interaction, data, uploads, true)?)),
            5 => {
                let flags = object_of(data)?.get("flags").and_then(Value::as_u64).unwrap_or(0);
                let mut message = self.response_message(interaction, flags & flag::EPHEMERAL != 0, true);
                message.flags |= flag::LOADING;
                (State::Deferred, Some(self.post(message)))
            }
            6 => (State::DeferredUpdate, interaction.source),
            7 => {
                let source = interaction.source.ok_or_else(ApiError::unknown_message)?;
                self.edit(source, data, uploads)?;
                (State::Updated, Some(source))
            }
            8 => (State::Choices(command::check_suggestions(data, interaction.option_type)?), None),
            _ => (State::Modal(modal::check(data)?), None),
        };
        Ok(answer)
    }

    /// A message the application says through the interaction: the answer itself or a follow-up.
    fn respond(
        &mut self,
        interaction: &Interaction,
        data: &Value,
        uploads: Uploads,
        first: bool,
    ) -> Result<MessageId, ApiError> {
        let draft = self.draft(data, &uploads, None)?;
        let ephemeral = draft.flags.is_some_and(|flags| flags & flag::EPHEMERAL != 0);
        let message = self.response_message(interaction, ephemeral, first);
        Ok(self.post_draft(message, draft, uploads))
    }

    fn response_message(&mut self, interaction: &Interaction, ephemeral: bool, first: bool) -> Message {
        let id = MessageId(self.next_id());
        let bot = self.bot_of(interaction.application);
        let mut message = Message::new(id, interaction.channel, bot, self.now());
        message.application = Some(interaction.application);
        message.kind = match interaction.kind {
            kind::COMMAND if first && interaction.context_menu => 23,
            kind::COMMAND if first => 20,
            _ => 0,
        };
        let mut metadata = interaction.metadata(self);
        let reply_to = if first { interaction.source } else { interaction.original };
        if let Some(replied) = reply_to.filter(|id| self.messages.contains_key(id)) {
            message.kind = 19;
            message.reference = Some((interaction.channel, replied));
        }
        if !first && let Some(original) = interaction.original {
            metadata["original_response_message_id"] = json!(original);
        }
        message.interaction_metadata = Some(metadata);
        if ephemeral {
            message.flags |= flag::EPHEMERAL;
            message.only_for = Some(interaction.user);
        }
        message
    }

    /// A follow-up. The first one after a deferral fills the promised message, as in Discord.
    pub(crate) fn follow_up(
        &mut self,
        id: InteractionId,
        data: &Value,
        uploads: Uploads,
    ) -> Result<MessageId, ApiError> {
        let interaction = self.interactions.get(&id).ok_or_else(ApiError::unknown_webhook)?.clone();
        if !interaction.answered() {
            return Err(ApiError::unknown_webhook());
        }
        if let (true, Some(original)) = (interaction.promised, interaction.original) {
            self.fill(id, original, data, uploads)?;
            return Ok(original);
        }
        let message = self.respond(&interaction, data, uploads, false)?;
        if let Some(stored) = self.interactions.get_mut(&id) {
            stored.followups.push(message);
        }
        Ok(message)
    }

    /// Edits a message of the interaction; a promised one stops thinking.
    pub(crate) fn fill(
        &mut self,
        id: InteractionId,
        message: MessageId,
        data: &Value,
        uploads: Uploads,
    ) -> Result<(), ApiError> {
        self.edit(message, data, uploads)?;
        if let Some(stored) = self.interactions.get_mut(&id)
            && stored.original == Some(message)
        {
            if stored.promised {
                stored.state = State::Message;
            }
            stored.promised = false;
        }
        Ok(())
    }
}

/// Mistakes in a callback's `data` are reported below `data`.
fn under_data(mut error: ApiError) -> ApiError {
    if let Some(errors) = error.errors.take() {
        error.errors = Some(json!({ "data": errors }));
    }
    error
}
