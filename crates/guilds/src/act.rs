//! What can be done in a guild. Everything may be repeated: what is so already is no error.

use guildhall_core::{
    Error, TenantId,
    guild::{ChannelId, GuildAction, MessageId, Overwrite, RoleId, UserId, bits, hierarchy, made_at},
};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use twilight_http::routing::Route;

use crate::{
    DiscordGuilds,
    rest::{Ask, RestError, parse},
    trouble::{self, Bound, code},
    wire,
};

/// A timeout lasts at most so long
/// (<https://discord.com/developers/docs/resources/guild#modify-guild-member>).
const LONGEST_TIMEOUT: Duration = Duration::days(28);
/// A ban deletes messages of at most the last seven days.
const LONGEST_WINDOW: u32 = 604_800;
const LONGEST_SLOWMODE: u32 = 21_600;
const LONGEST_NICKNAME: usize = 32;
const MOST_MESSAGES: usize = 100;
/// Older messages are not deleted together (<https://discord.com/developers/docs/resources/message#bulk-delete-messages>).
/// A minute less, for the time that the request takes and for clocks that are off.
const BULK_AGE: Duration = Duration::minutes(14 * 24 * 60 - 1);

/// What an action needs and is about, to say what was wrong when Discord says no.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct About {
    pub(crate) needs: u64,
    pub(crate) user: Option<UserId>,
    pub(crate) role: Option<RoleId>,
}

impl About {
    pub(crate) fn needs(needs: u64) -> Self {
        Self { needs, ..Self::default() }
    }

    fn user(mut self, user: UserId) -> Self {
        self.user = Some(user);
        self
    }

    fn role(mut self, role: RoleId) -> Self {
        self.role = Some(role);
        self
    }
}

impl DiscordGuilds {
    pub(crate) async fn perform(
        &self,
        tenant: &TenantId,
        action: GuildAction,
        reason: &str,
    ) -> Result<(), Error> {
        let guild = self.served(tenant)?;
        let user = subject(&action);
        if let Some(user) = user {
            self.doubt(guild, user);
        }
        let about = about(&action);
        let result = self.carry_out(guild, action, reason).await;
        if let Some(user) = user {
            self.forget_member(guild, user).await;
        }
        match result {
            Ok(()) => Ok(()),
            Err(Failed::Said(error)) => Err(error),
            Err(Failed::Rest(error)) => Err(self.why(tenant, error, about).await),
        }
    }

    async fn carry_out(&self, guild: u64, action: GuildAction, reason: &str) -> Result<(), Failed> {
        match action {
            GuildAction::Ban { user, delete_seconds } => {
                if delete_seconds > LONGEST_WINDOW {
                    return Err(Bound::BanWindow.error().into());
                }
                let route = Route::CreateBan { guild_id: guild, user_id: user.0 };
                let body = json!({ "delete_message_seconds": delete_seconds });
                self.done(Ask::change("ban", route, reason).body(body), &[]).await
            }
            GuildAction::Unban { user } => {
                let route = Route::DeleteBan { guild_id: guild, user_id: user.0 };
                self.done(Ask::change("unban", route, reason), &[code::UNKNOWN_BAN]).await
            }
            GuildAction::Kick { user } => {
                let route = Route::RemoveMember { guild_id: guild, user_id: user.0 };
                self.done(Ask::change("kick", route, reason), &[code::UNKNOWN_MEMBER]).await
            }
            GuildAction::Timeout { user, until } => self.time_out(guild, user, until, reason).await,
            GuildAction::AddRole { user, role } => {
                let route = Route::AddMemberRole { guild_id: guild, user_id: user.0, role_id: role.0 };
                self.done(Ask::change("add_role", route, reason), &[]).await
            }
            GuildAction::RemoveRole { user, role } => {
                let route = Route::RemoveMemberRole { guild_id: guild, user_id: user.0, role_id: role.0 };
                // A role that is gone nobody has, and who left has none.
                let so = [code::UNKNOWN_ROLE, code::UNKNOWN_MEMBER];
                self.done(Ask::change("remove_role", route, reason), &so).await
            }
            GuildAction::SetRoles { user, roles } => self.set_roles(guild, user, &roles, reason).await,
            GuildAction::Nickname { user, nick } => {
                let nick = nick.filter(|nick| !nick.is_empty());
                if nick.as_ref().is_some_and(|nick| nick.chars().count() > LONGEST_NICKNAME) {
                    return Err(Bound::Nickname.error().into());
                }
                // Its own nickname the bot changes at an address of its own, with a permission of its own.
                let mine = self.my_id().await? == user.0;
                let route = if mine {
                    Route::UpdateCurrentMember { guild_id: guild }
                } else {
                    Route::UpdateMember { guild_id: guild, user_id: user.0 }
                };
                self.done(Ask::change("nickname", route, reason).body(json!({ "nick": nick })), &[]).await
            }
            GuildAction::Slowmode { channel, seconds } => {
                if seconds > LONGEST_SLOWMODE {
                    return Err(Bound::Slowmode.error().into());
                }
                self.belongs(guild, channel).await?;
                let body = json!({ "rate_limit_per_user": seconds });
                let route = Route::UpdateChannel { channel_id: channel.0 };
                self.done(Ask::change("slowmode", route, reason).body(body), &[]).await?;
                self.forget_guild(guild).await;
                Ok(())
            }
            GuildAction::SetOverwrite { channel, overwrite } => {
                self.belongs(guild, channel).await?;
                let (channel_id, target_id) = (channel.0, overwrite.target);
                if overwrite.allow == 0 && overwrite.deny == 0 {
                    let route = Route::DeletePermissionOverwrite { channel_id, target_id };
                    let ask = Ask::change("overwrite", route, reason);
                    self.done(ask, &[code::UNKNOWN_OVERWRITE]).await?;
                } else {
                    let route = Route::UpdatePermissionOverwrite { channel_id, target_id };
                    let ask = Ask::change("overwrite", route, reason).body(overwrite_body(&overwrite));
                    self.done(ask, &[]).await?;
                }
                self.forget_guild(guild).await;
                Ok(())
            }
            GuildAction::DeleteMessages { channel, messages } => {
                self.belongs(guild, channel).await?;
                self.delete(channel, messages, reason).await
            }
            GuildAction::AddToThread { thread, user } => {
                self.belongs(guild, thread).await?;
                let route = Route::AddThreadMember { channel_id: thread.0, user_id: user.0 };
                self.done(Ask::change("add_to_thread", route, reason), &[]).await
            }
            GuildAction::CloseThread { thread } => {
                self.belongs(guild, thread).await?;
                let body = json!({ "archived": true, "locked": true });
                let route = Route::UpdateChannel { channel_id: thread.0 };
                self.done(Ask::change("close_thread", route, reason).body(body), &[code::THREAD_IS_CLOSED])
                    .await
            }
        }
    }

    /// Sends it; these refusals say that it is so already.
    async fn done(&self, ask: Ask<'_>, so_already: &[u64]) -> Result<(), Failed> {
        match self.rest.send(&ask).await {
            Ok(_) => Ok(()),
            Err(error) if so_already.contains(&error.code()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn time_out(
        &self,
        guild: u64,
        user: UserId,
        until: Option<OffsetDateTime>,
        reason: &str,
    ) -> Result<(), Failed> {
        let now = self.clock.now();
        if until.is_some_and(|until| until > now + LONGEST_TIMEOUT) {
            return Err(Bound::Timeout.error().into());
        }
        // One that is over already is none.
        let until = until.filter(|until| *until > now).and_then(|until| until.format(&Rfc3339).ok());
        let route = Route::UpdateMember { guild_id: guild, user_id: user.0 };
        let body = json!({ "communication_disabled_until": until });
        self.done(Ask::change("timeout", route, reason).body(body), &[]).await
    }

    /// Replaces the roles but for those that a bot or an integration owns: nobody can give or take them, and
    /// Discord refuses a list that tries.
    async fn set_roles(
        &self,
        guild: u64,
        user: UserId,
        roles: &[RoleId],
        reason: &str,
    ) -> Result<(), Failed> {
        let answer = self.fetch_member(guild, user).await?;
        let bytes = answer.ok_or_else(|| trouble::unknown("member"))?;
        let member: wire::Member<'_> = parse(&bytes)?;
        let known = self.roles_now(guild).await?;
        let managed = |role: u64| known.iter().any(|(id, managed)| *id == role && *managed);
        let kept = member.roles.iter().map(|role| role.0).filter(|role| managed(*role));
        // A role that was deleted meanwhile cannot be given back.
        let exists = |role: &u64| known.iter().any(|(id, _)| id == role);
        let wanted = roles.iter().map(|role| role.0);
        let given = wanted.filter(|role| exists(role) && !managed(*role) && *role != guild);
        let mut all: Vec<u64> = kept.chain(given).collect();
        all.sort_unstable();
        all.dedup();
        let all: Vec<String> = all.iter().map(ToString::to_string).collect();
        let route = Route::UpdateMember { guild_id: guild, user_id: user.0 };
        self.done(Ask::change("set_roles", route, reason).body(json!({ "roles": all })), &[]).await
    }

    /// The guild's roles as Discord has them now, and which are managed. Not from memory: one that was made
    /// a moment ago may not have been told yet, and would be left out.
    async fn roles_now(&self, guild: u64) -> Result<Vec<(u64, bool)>, RestError> {
        let bytes = self.rest.send(&Ask::read("roles", Route::GetGuildRoles { guild_id: guild })).await?;
        let roles: Vec<wire::Role<'_>> = parse(&bytes)?;
        Ok(roles.iter().map(|role| (role.id.0, role.managed)).collect())
    }

    async fn delete(
        &self,
        channel: ChannelId,
        mut messages: Vec<MessageId>,
        reason: &str,
    ) -> Result<(), Failed> {
        messages.sort_unstable();
        messages.dedup();
        if messages.len() > MOST_MESSAGES {
            return Err(Bound::Messages.error().into());
        }
        let oldest = self.clock.now() - BULK_AGE;
        let (mut single, many): (Vec<_>, Vec<_>) =
            messages.into_iter().partition(|message| made_at(message.0) < oldest);
        if many.len() >= 2 {
            let ids: Vec<String> = many.iter().map(ToString::to_string).collect();
            let route = Route::DeleteMessages { channel_id: channel.0 };
            let ask = Ask::change("delete_messages", route, reason).body(json!({ "messages": ids }));
            match self.done(ask, &[code::UNKNOWN_MESSAGE]).await {
                // Discord's clock says that they are too old after all.
                Err(Failed::Rest(error)) if error.code() == code::TOO_OLD => single.extend(many),
                result => result?,
            }
        } else {
            single.extend(many);
        }
        for message in single {
            let route = Route::DeleteMessage { channel_id: channel.0, message_id: message.0 };
            self.done(Ask::change("delete_message", route, reason), &[code::UNKNOWN_MESSAGE]).await?;
        }
        Ok(())
    }

    /// Why Discord said no: it does not tell a missing permission from a role that is too low.
    pub(crate) async fn why(&self, tenant: &TenantId, error: RestError, about: About) -> Error {
        if error.code() == code::MISSING_ACCESS {
            // Either the channel is hidden from the bot, or it is in the guild no more.
            if let Ok(guild) = self.served(tenant) {
                self.forget_guild(guild).await;
            }
            let left = self.look_at_guild(tenant).await.err().filter(|seen| seen.code == "guild_left");
            return left.unwrap_or_else(|| trouble::of(error));
        }
        if error.code() != code::MISSING_PERMISSIONS {
            return trouble::of(error);
        }
        let said = match (self.look_at_guild(tenant).await, self.look_at_myself(tenant).await) {
            (Ok(guild), Ok(myself)) => {
                let target = match about.user {
                    Some(user) => self.look_at_member(tenant, user).await.ok().flatten(),
                    None => None,
                };
                if about.user == Some(guild.owner) {
                    hierarchy::the_owner()
                } else if let Err(error) = hierarchy::able(&guild, &myself, target.as_ref(), about.needs) {
                    error
                } else if let Some(role) =
                    about.role.and_then(|role| guild.role(role)).filter(|role| role.managed)
                {
                    trouble::managed(&role.name)
                } else if let Some(role) =
                    about.role.and_then(|role| guild.role(role)).filter(|role| role.id.0 != guild.id)
                {
                    // Everything else is in order, so it is the role that is given or taken.
                    hierarchy::role_too_low(&role.name)
                } else {
                    // The guild grants it, so a channel takes it away.
                    hierarchy::missing_permission(about.needs)
                }
            }
            _ => hierarchy::missing_permission(about.needs),
        };
        said.because(error)
    }
}

/// What went wrong: said already, or to be explained.
#[derive(Debug)]
enum Failed {
    Said(Error),
    Rest(RestError),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Said(error)
    }
}

impl From<RestError> for Failed {
    fn from(error: RestError) -> Self {
        Self::Rest(error)
    }
}

/// The overwrite as Discord reads it.
pub(crate) fn overwrite_body(overwrite: &Overwrite) -> Value {
    json!({
        "id": overwrite.target.to_string(),
        "type": u8::from(!overwrite.role),
        "allow": overwrite.allow.to_string(),
        "deny": overwrite.deny.to_string(),
    })
}

/// Which member an action changes.
fn subject(action: &GuildAction) -> Option<UserId> {
    match action {
        GuildAction::Ban { user, .. }
        | GuildAction::Kick { user }
        | GuildAction::Timeout { user, .. }
        | GuildAction::AddRole { user, .. }
        | GuildAction::RemoveRole { user, .. }
        | GuildAction::SetRoles { user, .. }
        | GuildAction::Nickname { user, .. } => Some(*user),
        _ => None,
    }
}

fn about(action: &GuildAction) -> About {
    let needs = match action {
        GuildAction::Ban { .. } | GuildAction::Unban { .. } => bits::BAN_MEMBERS,
        GuildAction::Kick { .. } => bits::KICK_MEMBERS,
        GuildAction::Timeout { .. } => bits::MODERATE_MEMBERS,
        GuildAction::AddRole { .. } | GuildAction::RemoveRole { .. } | GuildAction::SetRoles { .. } => {
            bits::MANAGE_ROLES
        }
        GuildAction::Nickname { .. } => bits::MANAGE_NICKNAMES,
        GuildAction::Slowmode { .. } => bits::MANAGE_CHANNELS,
        GuildAction::SetOverwrite { .. } => bits::MANAGE_ROLES,
        GuildAction::DeleteMessages { .. } => bits::MANAGE_MESSAGES,
        GuildAction::AddToThread { .. } => bits::SEND_MESSAGES_IN_THREADS,
        GuildAction::CloseThread { .. } => bits::MANAGE_THREADS,
    };
    let about = About::needs(needs);
    match action {
        // A role may be given to somebody who stands higher, as long as the role itself is lower.
        GuildAction::AddRole { role, .. } | GuildAction::RemoveRole { role, .. } => about.role(*role),
        // Of several roles the highest is the one that is in the way.
        GuildAction::SetRoles { user, .. } => about.user(*user),
        other => subject(other).map_or(about, |user| about.user(user)),
    }
}
