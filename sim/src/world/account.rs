//! Accounts: people and bots, when they were made, what they read in, and whether strangers may write to them.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::World;
use crate::id::UserId;
use crate::rest::error::ApiError;

/// The language of accounts and guilds that chose none.
pub(crate) const DEFAULT_LOCALE: &str = "en-US";

/// The languages Discord offers, by its own names.
pub(crate) const LOCALES: &[&str] = &[
    "ar", "bg", "cs", "da", "de", "el", "en-GB", "en-US", "es-419", "es-ES", "fi", "fr", "he", "hi", "hr",
    "hu", "id", "it", "ja", "ko", "lt", "nl", "no", "pl", "pt-BR", "ro", "ru", "sv-SE", "th", "tr", "uk",
    "vi", "zh-CN", "zh-TW",
];

/// A person or a bot.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) id: UserId,
    pub(crate) name: String,
    pub(crate) bot: bool,
    pub(crate) locale: String,
    /// Whether direct messages from members of the same guilds are let in.
    pub(crate) takes_direct_messages: bool,
    /// Whether the person pays for Nitro.
    pub(crate) nitro: bool,
}

impl Account {
    pub(crate) fn new(id: UserId, name: &str, bot: bool) -> Self {
        let locale = DEFAULT_LOCALE.into();
        Self { id, name: name.into(), bot, locale, takes_direct_messages: true, nitro: false }
    }

    pub(crate) fn json(&self) -> Value {
        let mut user = json!({
            "id": self.id, "username": self.name, "avatar": null, "discriminator": "0", "public_flags": 0,
            "flags": 0, "global_name": self.name, "primary_guild": null, "banner": null, "accent_color": null,
            "avatar_decoration_data": null, "collectibles": null,
        });
        if self.bot {
            // Discord gives bots a discriminator and no display name.
            user["bot"] = json!(true);
            user["discriminator"] = json!("0001");
            user["global_name"] = Value::Null;
        }
        user
    }
}

impl World {
    pub(crate) fn add_user(&mut self, name: &str, bot: bool) -> UserId {
        let id = UserId(self.next_id());
        self.users.insert(id, Account::new(id, name, bot));
        id
    }

    /// An account that was made at an earlier moment, which its id tells.
    pub(crate) fn add_user_made_at(&mut self, name: &str, made: OffsetDateTime) -> UserId {
        let id = UserId(self.snowflakes.backdated(made));
        self.users.insert(id, Account::new(id, name, false));
        id
    }

    pub(crate) fn user(&self, id: UserId) -> Result<&Account, ApiError> {
        self.users.get(&id).ok_or_else(ApiError::unknown_user)
    }

    pub(crate) fn user_json(&self, id: UserId) -> Value {
        match self.users.get(&id) {
            Some(user) => user.json(),
            None => Account::new(id, "deleted-user", false).json(),
        }
    }

    /// Whether the writer may send the reader direct messages: they share a guild, and the reader lets them in.
    pub(crate) fn may_write_to(&self, writer: UserId, reader: UserId) -> bool {
        let open = self.users.get(&reader).is_some_and(|reader| reader.takes_direct_messages);
        let together = self
            .guilds
            .values()
            .any(|guild| guild.members.contains_key(&writer) && guild.members.contains_key(&reader));
        open && together
    }
}
