//! Invites: who made them, how often they were used, when they end.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::World;
use super::audit::{Entry, action};
use super::rights::By;
use crate::clock::timestamp;
use crate::gateway::event::{Event, intent};
use crate::id::{ChannelId, GuildId, UserId};
use crate::permission::Permissions;
use crate::rest::error::ApiError;

/// Invites a guild may have.
const MOST: usize = 1_000;

#[derive(Clone, Debug)]
pub(crate) struct Invite {
    pub(crate) code: String,
    pub(crate) guild: GuildId,
    pub(crate) channel: ChannelId,
    pub(crate) inviter: UserId,
    pub(crate) uses: i64,
    /// 0 for any number.
    pub(crate) max_uses: i64,
    /// Seconds; 0 for ever.
    pub(crate) max_age: i64,
    pub(crate) temporary: bool,
    pub(crate) created: OffsetDateTime,
}

impl Invite {
    fn expires(&self) -> Option<OffsetDateTime> {
        (self.max_age > 0).then(|| self.created + time::Duration::seconds(self.max_age))
    }

    fn counts(&self) -> Value {
        json!({
            "code": self.code, "inviter": null, "uses": self.uses, "max_uses": self.max_uses,
            "max_age": self.max_age, "temporary": self.temporary, "created_at": timestamp(self.created),
            "expires_at": self.expires().map(timestamp), "type": 0,
        })
    }
}

impl World {
    pub(crate) fn invite_json(&self, invite: &Invite) -> Value {
        let mut json = invite.counts();
        json["inviter"] = self.user_json(invite.inviter);
        json["guild_id"] = json!(invite.guild);
        json["flags"] = json!(0);
        let channel = self.channels.get(&invite.channel);
        json["channel"] = json!({
            "id": invite.channel, "type": channel.map_or(0, |channel| channel.kind),
            "name": channel.map(|channel| channel.name.as_str()),
        });
        let name = self.guilds.get(&invite.guild).map(|guild| guild.name.as_str());
        json["guild"] = json!({
            "id": invite.guild, "name": name.unwrap_or_default(), "splash": null, "banner": null,
            "description": null, "icon": null, "features": [], "verification_level": 0, "vanity_url_code": null,
            "nsfw_level": 0, "nsfw": false, "premium_subscription_count": 0,
        });
        json
    }

    /// The invite of that code, unless its time is over.
    pub(crate) fn invite(&self, code: &str) -> Result<&Invite, ApiError> {
        let now = self.now();
        self.invites
            .get(code)
            .filter(|invite| invite.expires().is_none_or(|expires| expires > now))
            .ok_or_else(ApiError::unknown_invite)
    }

    pub(crate) fn create_invite(
        &mut self,
        channel: ChannelId,
        max_age: i64,
        max_uses: i64,
        temporary: bool,
        by: By<'_>,
    ) -> Result<Invite, ApiError> {
        let Some(guild) = self.channel(channel)?.guild else { return Err(ApiError::not_in_dm()) };
        self.require(channel, by.user, Permissions::CREATE_INSTANT_INVITE)?;
        if self.invites.values().filter(|invite| invite.guild == guild).count() >= MOST {
            return Err(ApiError::too_many_invites());
        }
        let code = hex::encode(rand::random::<[u8; 5]>());
        let created = self.now();
        let (inviter, uses) = (by.user, 0);
        let invite = Invite {
            code: code.clone(),
            guild,
            channel,
            inviter,
            uses,
            max_uses,
            max_age,
            temporary,
            created,
        };
        let mut data = invite.counts();
        data["guild_id"] = json!(guild);
        data["channel_id"] = json!(channel);
        data["inviter"] = self.user_json(by.user);
        self.invites.insert(code.clone(), invite.clone());
        self.invite_event("INVITE_CREATE", guild, channel, data);
        let entry = Entry::new(action::INVITE_CREATE, by, 0).change("code", None, Some(json!(code)));
        self.audit(guild, entry);
        Ok(invite)
    }

    pub(crate) fn delete_invite(&mut self, code: &str, by: By<'_>) -> Result<Invite, ApiError> {
        let invite = self.invite(code)?.clone();
        let manages = self.permissions(invite.channel, by.user).contains(Permissions::MANAGE_CHANNELS)
            || self.guild_permissions(invite.guild, by.user).contains(Permissions::MANAGE_GUILD);
        if !manages {
            return Err(ApiError::missing_permissions());
        }
        self.remove_invite(code);
        let entry = Entry::new(action::INVITE_DELETE, by, 0).change("code", Some(json!(code)), None);
        self.audit(invite.guild, entry);
        Ok(invite)
    }

    pub(crate) fn remove_invite(&mut self, code: &str) {
        let Some(invite) = self.invites.remove(code) else { return };
        let data = json!({"channel_id": invite.channel, "guild_id": invite.guild, "code": code});
        self.invite_event("INVITE_DELETE", invite.guild, invite.channel, data);
    }

    fn invite_event(&mut self, name: &'static str, guild: GuildId, channel: ChannelId, data: Value) {
        let event = Event::in_guild(name, guild, intent::GUILD_INVITES, data).seen_in(channel);
        self.emit(&event.needing(Permissions::MANAGE_CHANNELS));
    }

    /// The user joins by the invite, which counts the use and ends with its last one.
    pub(crate) fn accept_invite(&mut self, code: &str, user: UserId) -> Result<GuildId, ApiError> {
        let guild = self.invite(code)?.guild;
        if self.guild(guild)?.bans.contains_key(&user) {
            return Err(ApiError::banned_from_guild());
        }
        if self.guild(guild)?.members.contains_key(&user) {
            return Ok(guild);
        }
        let mut used_up = false;
        if let Some(invite) = self.invites.get_mut(code) {
            invite.uses += 1;
            used_up = invite.max_uses > 0 && invite.uses >= invite.max_uses;
        }
        self.join(guild, user, &[]);
        if used_up {
            self.remove_invite(code);
        }
        Ok(guild)
    }
}
