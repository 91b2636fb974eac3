//! A guild under test: building it, and seeing what became of it. What is done here is done by no member and needs no
//! permission; staff who act by hand are [`crate::Member`].

use std::sync::Arc;

use time::OffsetDateTime;

use crate::app::App;
use crate::id::{ChannelId, GuildId, RoleId, UserId};
use crate::permission::Permissions;
use crate::shared::Shared;
use crate::user::User;
use crate::world::account::LOCALES;
use crate::world::audit::Entry;
use crate::world::channel::{Overwrite, kind};

/// A guild. Cheap to clone.
#[derive(Clone)]
pub struct Guild {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: GuildId,
}

impl Guild {
    /// Its id.
    pub fn id(&self) -> GuildId {
        self.id
    }

    /// A new text channel that everybody sees.
    pub fn channel(&self, name: &str) -> ChannelId {
        self.shared.write(|world| world.add_channel(self.id, kind::TEXT, name))
    }

    /// A new forum channel.
    pub fn forum(&self, name: &str) -> ChannelId {
        self.shared.write(|world| world.add_channel(self.id, kind::FORUM, name))
    }

    /// A new text channel that only these roles see (and the owner, and administrators).
    pub fn hidden_channel(&self, name: &str, roles: &[RoleId]) -> ChannelId {
        self.shared.write(|world| {
            let id = world.add_channel(self.id, kind::TEXT, name);
            let hidden = Permissions::VIEW_CHANNEL;
            let rule = |id: u64, allow, deny| Overwrite { id, member: false, allow, deny };
            let mut overwrites = vec![rule(self.id.0, Permissions::NONE, hidden)];
            overwrites.extend(roles.iter().map(|role| rule(role.0, hidden, Permissions::NONE)));
            if let Some(channel) = world.channels.get_mut(&id) {
                channel.overwrites = overwrites;
            }
            world.channel_event("CHANNEL_UPDATE", id);
            id
        })
    }

    /// A new voice channel.
    pub fn voice_channel(&self, name: &str) -> ChannelId {
        self.shared.write(|world| world.add_channel(self.id, kind::VOICE, name))
    }

    /// A new category.
    pub fn category(&self, name: &str) -> ChannelId {
        self.shared.write(|world| world.add_channel(self.id, kind::CATEGORY, name))
    }

    /// Puts a channel into a category, or takes it out.
    pub fn set_category(&self, channel: ChannelId, category: Option<ChannelId>) {
        self.shared.write(|world| {
            if let Some(channel) = world.channels.get_mut(&channel) {
                channel.parent = category;
            }
            world.channel_event("CHANNEL_UPDATE", channel);
        });
    }

    /// A new role. It lies above the roles made before, but below those of bots.
    pub fn role(&self, name: &str, permissions: Permissions) -> RoleId {
        let made = self.shared.write(|world| world.add_role(self.id, name, permissions, None));
        // The guild of a handle is never removed, so a role is always made.
        made.unwrap_or(RoleId(self.id.0))
    }

    /// Makes a user a member, or gives a member more roles.
    pub fn join(&self, user: &User, roles: &[RoleId]) {
        self.shared.write(|world| world.join(self.id, user.id, roles));
    }

    /// Takes a user out.
    pub fn leave(&self, user: &User) {
        self.shared.write(|world| world.leave(self.id, user.id));
    }

    /// Invites an application's bot with what a community bot usually asks for.
    pub fn install(&self, app: &App) {
        self.install_with(app, Permissions::BOT);
    }

    /// Invites an application's bot with exactly these permissions, on top of those of `@everyone`.
    pub fn install_with(&self, app: &App, permissions: Permissions) {
        self.shared.write(|world| world.install(self.id, app.id, permissions));
    }

    /// The roles a member has, without `@everyone`; none for others.
    pub fn roles_of(&self, user: UserId) -> Option<Vec<RoleId>> {
        self.shared.read(|world| Some(world.guilds.get(&self.id)?.members.get(&user)?.roles.clone()))
    }

    /// The role an installed application's bot came with.
    pub fn bot_role(&self, app: &App) -> Option<RoleId> {
        let bot = app.bot();
        self.look(|guild| guild.roles.values().find(|role| role.bot == Some(bot)).map(|role| role.id))
    }

    /// A role's position; `@everyone` is 0.
    pub fn role_position(&self, role: RoleId) -> Option<i64> {
        self.look(|guild| guild.roles.get(&role).map(|role| role.position))
    }

    /// Puts a role, also a bot's, at a place in the order, 1 being the lowest above `@everyone`.
    pub fn place_role(&self, role: RoleId, position: i64) {
        self.shared.write(|world| world.set_role_position(self.id, role, position));
    }

    /// Takes an application's bot out, as staff do when they remove the integration.
    pub fn remove(&self, app: &App) {
        let bot = app.bot();
        self.shared.write(|world| world.leave(self.id, bot));
    }

    /// Gives the guild to another member.
    pub fn set_owner(&self, user: &User) {
        self.shared.write(|world| {
            if let Some(guild) =
                world.guilds.get_mut(&self.id).filter(|guild| guild.members.contains_key(&user.id))
            {
                guild.owner = user.id;
            }
            world.guild_changed(self.id);
        });
    }

    /// Sets the guild's language, by Discord's name: `de`, `en-US`, ... Others are not taken; false then.
    pub fn set_locale(&self, locale: &str) -> bool {
        if !LOCALES.contains(&locale) {
            return false;
        }
        self.shared.write(|world| {
            if let Some(guild) = world.guilds.get_mut(&self.id) {
                guild.locale = locale.into();
            }
            world.guild_changed(self.id);
        });
        true
    }

    /// Begins or ends an outage: bots hear that the guild is unavailable, or that it is back.
    pub fn set_outage(&self, out: bool) {
        self.shared.write(|world| world.set_outage(self.id, out));
    }

    /// What a member is in this guild now; none for others.
    pub fn member(&self, user: UserId) -> Option<MemberView> {
        self.look(|guild| {
            let member = guild.members.get(&user)?;
            Some(MemberView {
                nick: member.nick.clone(),
                roles: member.roles.clone(),
                joined_at: member.joined_at,
                timed_out_until: member.timed_out_until,
                voice: guild.voice.get(&user).map(|state| state.channel),
            })
        })
    }

    /// Who is banned, and why.
    pub fn bans(&self) -> Vec<(UserId, Option<String>)> {
        self.look(|guild| Some(guild.bans.iter().map(|(user, reason)| (*user, reason.clone())).collect()))
            .unwrap_or_default()
    }

    /// The audit log, oldest first.
    pub fn audit_log(&self) -> Vec<AuditView> {
        let view = |entry: &Entry| AuditView {
            action: entry.action,
            by: entry.by,
            target: entry.target,
            reason: entry.reason.clone(),
        };
        self.look(|guild| Some(guild.audit.iter().map(view).collect())).unwrap_or_default()
    }

    /// Every text, voice and category channel with its name, in the order they were made; without threads.
    pub fn channels(&self) -> Vec<(ChannelId, String)> {
        self.shared.read(|world| {
            let own = world.channels_of(self.id).filter(|channel| channel.thread.is_none());
            own.map(|channel| (channel.id, channel.name.clone())).collect()
        })
    }

    /// What a channel allows and denies whom.
    pub fn overwrites(&self, channel: ChannelId) -> Vec<OverwriteView> {
        let view = |overwrite: &Overwrite| OverwriteView {
            id: overwrite.id,
            member: overwrite.member,
            allow: overwrite.allow,
            deny: overwrite.deny,
        };
        self.shared.read(|world| {
            world.channels.get(&channel).map(|c| c.overwrites.iter().map(view).collect()).unwrap_or_default()
        })
    }

    /// A channel's slow mode, in seconds.
    pub fn slowmode(&self, channel: ChannelId) -> Option<i64> {
        self.shared.read(|world| world.channels.get(&channel).map(|channel| channel.rate_limit_per_user))
    }

    /// How often an invite was used; none when there is no such invite any more.
    pub fn invite_uses(&self, code: &str) -> Option<i64> {
        self.shared.read(|world| world.invite(code).ok().map(|invite| invite.uses))
    }

    fn look<T>(&self, look: impl FnOnce(&crate::world::guild::Guild) -> Option<T>) -> Option<T> {
        self.shared.read(|world| look(world.guilds.get(&self.id)?))
    }
}

/// What somebody is in a guild.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberView {
    /// The nickname, if any.
    pub nick: Option<String>,
    /// The roles, without `@everyone`.
    pub roles: Vec<RoleId>,
    /// When the member joined, the last time.
    pub joined_at: OffsetDateTime,
    /// The end of the last timeout, which may be over.
    pub timed_out_until: Option<OffsetDateTime>,
    /// The voice channel the member is in.
    pub voice: Option<ChannelId>,
}

/// One entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditView {
    /// Discord's number for what was done, for example 22 for a ban.
    pub action: u16,
    /// Who did it.
    pub by: UserId,
    /// To whom or what, by id.
    pub target: Option<u64>,
    /// Why.
    pub reason: Option<String>,
}

/// What a channel allows and denies a role or a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverwriteView {
    /// The id of the role or member.
    pub id: u64,
    /// Whether it is a member.
    pub member: bool,
    /// What is allowed.
    pub allow: Permissions,
    /// What is denied.
    pub deny: Permissions,
}
