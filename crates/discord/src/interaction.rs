//! An interaction as it arrives: only what Guildhall reads of it.
//!
//! The whole object is large (a button's interaction carries its message) and grows with every Discord
//! feature. Reading just these members is quick, and a component type that Discord adds tomorrow cannot make
//! today's interactions unreadable.

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

/// An id that Discord writes as text of digits; a number is taken as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Snowflake(pub(crate) u64);

impl<'de> Deserialize<'de> for Snowflake {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Snowflake;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a snowflake")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Snowflake, E> {
                Ok(Snowflake(number))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Snowflake, E> {
                text.parse().map(Snowflake).map_err(|_| E::custom("not a snowflake"))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// What kind of interaction it is, by Discord's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ping,
    Command,
    Component,
    Autocomplete,
    Modal,
    /// No interaction, but a message that is a command.
    Message,
}

impl Kind {
    /// The word in metrics and logs.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Command => "command",
            Self::Component => "component",
            Self::Autocomplete => "autocomplete",
            Self::Modal => "modal",
            Self::Message => "message",
        }
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            1 => Ok(Self::Ping),
            2 => Ok(Self::Command),
            3 => Ok(Self::Component),
            4 => Ok(Self::Autocomplete),
            5 => Ok(Self::Modal),
            other => Err(de::Error::custom(format!("{other} is not a type of interaction"))),
        }
    }
}

/// One interaction.
#[derive(Debug, Deserialize)]
pub(crate) struct Interaction {
    pub(crate) id: Snowflake,
    pub(crate) application_id: Snowflake,
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    pub(crate) token: String,
    pub(crate) data: Option<Data>,
    pub(crate) guild_id: Option<Snowflake>,
    pub(crate) channel_id: Option<Snowflake>,
    pub(crate) member: Option<Member>,
    pub(crate) user: Option<User>,
    pub(crate) message: Option<Message>,
    /// The language of who acted, and that of the guild, as Discord names them.
    pub(crate) locale: Option<String>,
    pub(crate) guild_locale: Option<String>,
}

/// What was typed, pressed or filled in.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Data {
    pub(crate) name: Option<String>,
    /// What kind of command: typed (1), in a person's menu (2), in a message's (3).
    #[serde(rename = "type")]
    pub(crate) kind: Option<u8>,
    pub(crate) options: Option<Vec<Given>>,
    /// Whose menu it was.
    pub(crate) target_id: Option<Snowflake>,
    pub(crate) custom_id: Option<String>,
    /// What was chosen in a menu.
    pub(crate) values: Option<Vec<String>>,
    pub(crate) components: Option<Vec<Submitted>>,
}

/// One option of a command, or a sub-command with its own options.
#[derive(Debug, Deserialize)]
pub(crate) struct Given {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: u8,
    pub(crate) value: Option<Value>,
    pub(crate) options: Option<Vec<Given>>,
    #[serde(default)]
    pub(crate) focused: bool,
}

impl Given {
    /// Whether this is a sub-command (1) or a group of them (2).
    pub(crate) fn is_word(&self) -> bool {
        matches!(self.kind, 1 | 2)
    }
}

/// One component of a form that was sent in. Inputs sit in rows (`components`) or labels (`component`).
#[derive(Debug, Deserialize)]
pub(crate) struct Submitted {
    pub(crate) custom_id: Option<String>,
    pub(crate) value: Option<Value>,
    pub(crate) values: Option<Vec<Value>>,
    pub(crate) component: Option<Box<Submitted>>,
    pub(crate) components: Option<Vec<Submitted>>,
}

/// Who acted, in a guild.
#[derive(Debug, Deserialize)]
pub(crate) struct Member {
    pub(crate) user: Option<User>,
    pub(crate) nick: Option<String>,
    pub(crate) roles: Option<Vec<Snowflake>>,
    /// What the member may do in the channel; the guild's owner has every bit.
    pub(crate) permissions: Option<Snowflake>,
}

impl Member {
    /// Discord's `ADMINISTRATOR` bit.
    pub(crate) fn is_administrator(&self) -> bool {
        self.permissions.is_some_and(|bits| bits.0 & (1 << 3) != 0)
    }
}

/// A Discord user.
#[derive(Debug, Deserialize)]
pub(crate) struct User {
    pub(crate) id: Snowflake,
    pub(crate) username: Option<String>,
    pub(crate) global_name: Option<String>,
}

/// What people call somebody: the nickname, else the display name, else the name.
pub(crate) fn name_of(nick: Option<&str>, user: Option<&User>) -> String {
    let name = nick
        .or_else(|| user.and_then(|user| user.global_name.as_deref()))
        .or_else(|| user.and_then(|user| user.username.as_deref()));
    // Discord allows 32 characters; the rest could only be an attempt to fill the audit log.
    name.unwrap_or("somebody").chars().take(64).collect()
}

/// The message that a button is on.
#[derive(Debug, Deserialize)]
pub(crate) struct Message {
    id: Option<Snowflake>,
    message_reference: Option<Reference>,
    #[serde(default)]
    pub(crate) flags: u64,
}

/// The message that another one answers.
#[derive(Debug, Deserialize)]
struct Reference {
    message_id: Option<Snowflake>,
}

impl Message {
    /// The message that it began with: the command that this one answers, or else this one.
    pub(crate) fn beginning(&self) -> Option<u64> {
        let answered = self.message_reference.as_ref().and_then(|reference| reference.message_id.as_ref());
        answered.or(self.id.as_ref()).map(|id| id.0)
    }

    /// Whether only one person sees it.
    pub(crate) fn is_ephemeral(&self) -> bool {
        self.flags & (1 << 6) != 0
    }
}

impl Interaction {
    /// Who acted.
    pub(crate) fn user(&self) -> Option<&User> {
        self.member.as_ref().and_then(|member| member.user.as_ref()).or(self.user.as_ref())
    }

    /// The user's snowflake; 0 when the interaction does not say.
    pub(crate) fn user_id(&self) -> u64 {
        self.user().map_or(0, |user| user.id.0)
    }

    /// What people call the user.
    pub(crate) fn user_name(&self) -> String {
        name_of(self.member.as_ref().and_then(|member| member.nick.as_deref()), self.user())
    }

    /// Whether the message with the button is read by nobody else: it is ephemeral, or a direct message.
    pub(crate) fn is_own(&self) -> bool {
        self.message.as_ref().is_some_and(|message| message.is_ephemeral() || self.guild_id.is_none())
    }

    /// The languages that Discord names, the reader's own first.
    pub(crate) fn locales(&self) -> [Option<&str>; 2] {
        [self.locale.as_deref(), self.guild_locale.as_deref()]
    }

    /// The command's words joined by blanks (`server start`) and the options under them.
    pub(crate) fn command(&mut self) -> (String, Vec<Given>) {
        let Some(data) = self.data.as_mut() else { return (String::new(), Vec::new()) };
        let mut name = data.name.take().unwrap_or_default();
        let mut options = data.options.take().unwrap_or_default();
        while let [only] = options.as_mut_slice()
            && only.is_word()
        {
            name.push(' ');
            name.push_str(&only.name);
            options = only.options.take().unwrap_or_default();
        }
        (name, options)
    }

    /// Which entry of a person's (2) or message's (3) menu it is.
    pub(crate) fn menu(&self) -> Option<(u8, String)> {
        let data = self.data.as_ref()?;
        let kind = data.kind.filter(|kind| matches!(kind, 2 | 3))?;
        Some((kind, data.name.clone().unwrap_or_default()))
    }

    /// The id of the component or form.
    pub(crate) fn custom_id(&self) -> &str {
        self.data.as_ref().and_then(|data| data.custom_id.as_deref()).unwrap_or_default()
    }

    /// What was filled into a form, by input.
    pub(crate) fn filled_in(&mut self) -> Vec<(String, Value)> {
        let parts = self.data.as_mut().and_then(|data| data.components.take()).unwrap_or_default();
        let mut found = Vec::new();
        collect(parts, &mut found);
        found
    }
}

fn collect(parts: Vec<Submitted>, found: &mut Vec<(String, Value)>) {
    for part in parts {
        let value =
            part.value.or_else(|| part.values.map(|values| values.into_iter().next().unwrap_or_default()));
        if let (Some(name), Some(value)) = (part.custom_id, value) {
            found.push((name, value));
        }
        collect(part.components.unwrap_or_default(), found);
        if let Some(inner) = part.component {
            collect(vec![*inner], found);
        }
    }
}
