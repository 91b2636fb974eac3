//! What Discord sends, as far as it matters here. Everything is optional that can be, because a strict reader
//! fails on the next thing Discord changes.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, de};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A number that is written as text: a snowflake, or permission bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Num(pub(crate) u64);

impl<'de> Deserialize<'de> for Num {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Num;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number as text")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Num, E> {
                Ok(Num(number))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Num, E> {
                text.parse().map(Num).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// `null` and a missing value are the default.
fn lenient<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Text that is borrowed from the frame where it has no escapes.
///
/// serde borrows a `Cow` only where it is a field by itself, not inside of an `Option`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

impl Text<'_> {
    pub(crate) fn owned(&self) -> String {
        self.0.clone().into_owned()
    }

    /// The moment that it writes.
    pub(crate) fn moment(&self) -> Option<OffsetDateTime> {
        OffsetDateTime::parse(&self.0, &Rfc3339).ok()
    }
}

/// A person.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct User<'a> {
    pub(crate) id: Num,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub(crate) username: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) global_name: Option<Text<'a>>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) bot: bool,
}

impl User<'_> {
    /// What people see.
    pub(crate) fn shown(&self) -> &str {
        self.global_name.as_ref().map_or(&self.username.0, |name| &name.0)
    }
}

/// A member. The person is missing where the frame names it elsewhere.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Member<'a> {
    #[serde(borrow, default)]
    pub(crate) user: Option<User<'a>>,
    #[serde(borrow, default)]
    pub(crate) nick: Option<Text<'a>>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) roles: Vec<Num>,
    #[serde(borrow, default)]
    pub(crate) joined_at: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) communication_disabled_until: Option<Text<'a>>,
}

/// A role.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Role<'a> {
    pub(crate) id: Num,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub(crate) name: Text<'a>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) position: i64,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) permissions: Num,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) color: u32,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) managed: bool,
}

/// A permission overwrite; `kind` 0 is a role, 1 a member.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Overwrite {
    pub(crate) id: Num,
    #[serde(rename = "type", default, deserialize_with = "lenient")]
    pub(crate) kind: Num,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) allow: Num,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) deny: Num,
}

/// A channel or a thread.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Channel<'a> {
    pub(crate) id: Num,
    #[serde(default)]
    pub(crate) guild_id: Option<Num>,
    #[serde(rename = "type", default, deserialize_with = "lenient")]
    pub(crate) kind: u8,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub(crate) name: Text<'a>,
    #[serde(default)]
    pub(crate) parent_id: Option<Num>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) rate_limit_per_user: u32,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) permission_overwrites: Vec<Overwrite>,
    #[serde(default)]
    pub(crate) thread_metadata: Option<ThreadState>,
    /// On a thread's creation: whether it is new, and not just new to the bot.
    #[serde(default)]
    pub(crate) newly_created: Option<bool>,
}

/// Whether a thread is closed.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct ThreadState {
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) archived: bool,
}

/// Somebody's voice.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct VoiceState<'a> {
    #[serde(default)]
    pub(crate) guild_id: Option<Num>,
    pub(crate) user_id: Num,
    #[serde(default)]
    pub(crate) channel_id: Option<Num>,
    #[serde(borrow, default)]
    pub(crate) member: Option<Member<'a>>,
}

/// A guild. Lists that are missing were not told.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Guild<'a> {
    pub(crate) id: Num,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) unavailable: bool,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub(crate) name: Text<'a>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) owner_id: Num,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub(crate) preferred_locale: Text<'a>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub(crate) roles: Vec<Role<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub(crate) channels: Vec<Channel<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub(crate) threads: Vec<Channel<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub(crate) members: Vec<Member<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub(crate) voice_states: Vec<VoiceState<'a>>,
}

/// A file on a message.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Attachment<'a> {
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub(crate) url: Text<'a>,
}

/// A message; an edit may come without the author or the text.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Message<'a> {
    pub(crate) id: Num,
    pub(crate) channel_id: Num,
    #[serde(default)]
    pub(crate) guild_id: Option<Num>,
    #[serde(borrow, default)]
    pub(crate) author: Option<User<'a>>,
    #[serde(borrow, default)]
    pub(crate) member: Option<Member<'a>>,
    #[serde(borrow, default)]
    pub(crate) content: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub(crate) attachments: Vec<Attachment<'a>>,
    #[serde(borrow, default)]
    pub(crate) timestamp: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) edited_timestamp: Option<Text<'a>>,
    #[serde(default)]
    pub(crate) webhook_id: Option<Num>,
}

/// One or several messages that were deleted.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Deleted {
    #[serde(default)]
    pub(crate) id: Option<Num>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) ids: Vec<Num>,
    pub(crate) channel_id: Num,
    #[serde(default)]
    pub(crate) guild_id: Option<Num>,
}

/// A role and its guild.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RoleOf<'a> {
    pub(crate) guild_id: Num,
    #[serde(borrow)]
    pub(crate) role: Role<'a>,
}

/// A role that is gone.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RoleGone {
    pub(crate) guild_id: Num,
    pub(crate) role_id: Num,
}

/// A person and a guild: bans, and members that left.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct UserOf<'a> {
    pub(crate) guild_id: Num,
    #[serde(borrow)]
    pub(crate) user: User<'a>,
}

/// Nothing but which guild: to read before the rest.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Which {
    #[serde(default)]
    pub(crate) guild_id: Option<Num>,
}

/// The active threads of some channels, all of the guild's when no channel is named.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Threads<'a> {
    pub(crate) guild_id: Num,
    #[serde(default)]
    pub(crate) channel_ids: Option<Vec<Num>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub(crate) threads: Vec<Channel<'a>>,
}

/// An invite, from the gateway or from a list.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Invite<'a> {
    #[serde(borrow)]
    pub(crate) code: Text<'a>,
    #[serde(default)]
    pub(crate) guild_id: Option<Num>,
    #[serde(borrow, default)]
    pub(crate) inviter: Option<User<'a>>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) uses: u32,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) max_uses: u32,
}

/// An entry of the audit log.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Audit<'a> {
    pub(crate) id: Num,
    pub(crate) guild_id: Num,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) action_type: u16,
    #[serde(default)]
    pub(crate) user_id: Option<Num>,
    /// Mostly a snowflake, but not for everything that Discord logs.
    #[serde(borrow, default)]
    pub(crate) target_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) reason: Option<Text<'a>>,
}

/// The first frame of a session: who the bot is, and the guilds of this shard.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ready<'a> {
    #[serde(borrow)]
    pub(crate) user: User<'a>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub(crate) guilds: Vec<Guild<'a>>,
    /// The shard's number, and how many there are.
    #[serde(default)]
    pub(crate) shard: Option<(u64, u64)>,
}

/// A ban.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ban<'a> {
    #[serde(borrow, default)]
    pub(crate) reason: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) user: User<'a>,
}

/// Anything of which only the id matters.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Identified {
    pub(crate) id: Num,
}
