//! What a case does on Discord, and how that is taken back. Everything here may be repeated.

use guildhall_core::{
    Error, Kind, TenantId,
    guild::{GuildAction, MessageId, UserId},
};
use guildhall_flows::{Failure, StepError};

use crate::{
    Moderation,
    book::{By, short, spoken},
    case::{CaseState, Closed, Deed, locked, unlocked},
    entity::case,
    error::ModerationError,
    jail::{CoverInput, CoverJail},
};

/// What became of a deed that was to be taken back.
enum Reversal {
    /// Nothing of it is left.
    Undone,
    /// It cannot be taken back, and it has happened.
    Happened,
}

impl Moderation {
    /// Does what the case says, and marks it as done.
    pub(crate) async fn act(&self, tenant: &TenantId, number: i64, found: &Found) -> Result<(), StepError> {
        let row = self.case(tenant, number).await?;
        if row.state != CaseState::Pending {
            return Ok(());
        }
        let mut deed = row.deed()?;
        self.perform(tenant, &row, &mut deed, found).await?;
        self.finish(tenant, number, Some(&deed)).await?;
        if let Deed::Jail { .. } = deed {
            // Channels that were there before the jail's role was. The jail stands also where this fails.
            let all = CoverInput { channel: None };
            if let Err(error) = self.start_once::<CoverJail>(tenant, "all", &all).await {
                self.report(tenant, "moderation-jail", &error.into());
            }
        }
        Ok(())
    }

    /// What an undo does: a case that is not done yet is taken back and marked as failed; one whose deed cannot
    /// be taken back, and has happened, is completed.
    pub(crate) async fn take_back(
        &self,
        tenant: &TenantId,
        number: i64,
        cause: Failure,
    ) -> Result<(), StepError> {
        let row = self.case(tenant, number).await?;
        if row.state != CaseState::Pending {
            return Ok(());
        }
        let deed = row.deed()?;
        let mut why = match &cause.remedy {
            Some(remedy) => format!("{} {remedy}", cause.message),
            None => cause.message.clone(),
        };
        match self.reverse(tenant, &row, &deed).await {
            Ok(Reversal::Happened) => {
                self.finish(tenant, number, Some(&deed)).await?;
                return Ok(());
            }
            Ok(Reversal::Undone) => {}
            // What passes by itself is tried again by the engine.
            Err(error) if matches!(error.kind, Kind::Upstream | Kind::Limit) => return Err(error.into()),
            Err(error) => why = format!("{why} It could not be taken back either: {}", spoken(&error)),
        }
        let why = short(&why, 1_000);
        self.change(tenant, number, &By::guildhall(), |row| {
            if row.state != CaseState::Pending {
                return Ok(false);
            }
            row.state = CaseState::Failed;
            row.failure = Some(why.clone());
            Ok(true)
        })
        .await?;
        Ok(())
    }

    async fn perform(
        &self,
        tenant: &TenantId,
        row: &case::Model,
        deed: &mut Deed,
        found: &Found,
    ) -> Result<(), Error> {
        let reason = audit_reason(row);
        let act = async |action| self.seams.guilds.act(tenant, action, &reason).await;
        let user = || row.user().ok_or_else(|| Error::bug("a case about a person has none"));
        match deed {
            Deed::Warn | Deed::Note | Deed::Massban { .. } => Ok(()),
            Deed::Ban { delete_seconds } => {
                act(GuildAction::Ban { user: user()?, delete_seconds: *delete_seconds }).await
            }
            Deed::Softban { delete_seconds } => {
                act(GuildAction::Ban { user: user()?, delete_seconds: *delete_seconds }).await?;
                act(GuildAction::Unban { user: user()? }).await
            }
            Deed::Unban => unless_gone(act(GuildAction::Unban { user: user()? }).await),
            Deed::Kick => {
                let user = user()?;
                match self.seams.guilds.member(tenant, user).await? {
                    Some(_) => unless_gone(act(GuildAction::Kick { user }).await),
                    None => Ok(()),
                }
            }
            Deed::Timeout => {
                let until = row.expires_at.map(Into::into);
                act(GuildAction::Timeout { user: user()?, until }).await
            }
            Deed::Untimeout => match self.seams.guilds.member(tenant, user()?).await? {
                Some(member) => act(GuildAction::Timeout { user: member.user, until: None }).await,
                None => Ok(()),
            },
            Deed::Jail { .. } => self
                .hold_in_jail(tenant, user()?, &reason)
                .await?
                .then_some(())
                .ok_or_else(|| ModerationError::NotHere(row.target_name.clone()).into()),
            Deed::Unjail { .. } => self.let_out(tenant, row, deed, &reason).await,
            Deed::Nick { nick, .. } => act(GuildAction::Nickname { user: user()?, nick: nick.clone() }).await,
            Deed::Role { role, give: true, .. } => {
                act(GuildAction::AddRole { user: user()?, role: *role }).await
            }
            Deed::Role { role, give: false, .. } => {
                act(GuildAction::RemoveRole { user: user()?, role: *role }).await
            }
            Deed::Slowmode { seconds, .. } => {
                let channel = row.place().ok_or_else(|| Error::bug("a slow mode without a channel"))?;
                act(GuildAction::Slowmode { channel, seconds: *seconds }).await
            }
            Deed::Lock { .. } => self.close_channels(tenant, deed, &reason).await,
            Deed::Unlock { .. } => self.open_channels(tenant, deed, &reason).await,
            Deed::Purge { .. } => self.delete_messages(tenant, row, deed, found, &reason).await,
        }
    }

    /// Deletes what was found, and keeps how far it came: what is gone cannot be taken back, only told.
    async fn delete_messages(
        &self,
        tenant: &TenantId,
        row: &case::Model,
        deed: &mut Deed,
        found: &Found,
        reason: &str,
    ) -> Result<(), Error> {
        let channel = row.place().ok_or_else(|| Error::bug("a purge without a channel"))?;
        let mut gone = 0;
        for messages in found.messages.chunks(100) {
            gone += messages.len();
            let action = GuildAction::DeleteMessages { channel, messages: messages.to_vec() };
            unless_gone(self.seams.guilds.act(tenant, action, reason).await)?;
            if let Deed::Purge { deleted, too_old, .. } = deed {
                *deleted = u32::try_from(gone).unwrap_or(u32::MAX);
                *too_old = found.too_old;
            }
            let text = serde_json::to_string(deed).map_err(Error::bug)?;
            let by = By::guildhall();
            let kept = self.change(tenant, row.number, &by, |row| {
                let changed = row.state == CaseState::Pending && row.deed != text;
                row.deed.clone_from(&text);
                Ok(changed)
            });
            kept.await?;
        }
        if let Deed::Purge { too_old, .. } = deed {
            *too_old = found.too_old;
        }
        Ok(())
    }

    async fn reverse(&self, tenant: &TenantId, row: &case::Model, deed: &Deed) -> Result<Reversal, Error> {
        let guilds = self.seams.guilds.as_ref();
        let reason = format!("Case {} could not be completed", row.number);
        let user = || row.user().ok_or_else(|| Error::bug("a case about a person has none"));
        let happened = |yes: bool| if yes { Reversal::Happened } else { Reversal::Undone };
        let member = async || guilds.member(tenant, user()?).await;
        match deed {
            Deed::Warn | Deed::Note | Deed::Massban { .. } => Ok(Reversal::Undone),
            Deed::Ban { .. } => {
                self.unban_if_banned(tenant, user()?, &reason).await?;
                Ok(Reversal::Undone)
            }
            Deed::Softban { .. } => {
                self.unban_if_banned(tenant, user()?, &reason).await?;
                Ok(happened(member().await?.is_none()))
            }
            Deed::Unban => Ok(happened(guilds.banned(tenant, user()?).await?.is_none())),
            Deed::Kick => Ok(happened(member().await?.is_none())),
            Deed::Timeout => {
                if let Some(member) = member().await?.filter(|member| member.timeout.is_some()) {
                    let action = GuildAction::Timeout { user: member.user, until: None };
                    guilds.act(tenant, action, &reason).await?;
                }
                Ok(Reversal::Undone)
            }
            Deed::Untimeout => {
                let now = self.seams.clock.now();
                let held = member().await?.and_then(|member| member.timeout).is_some_and(|until| until > now);
                Ok(happened(!held))
            }
            Deed::Jail { role, roles, .. } => {
                let released = Deed::Unjail { role: *role, roles: roles.clone() };
                self.let_out(tenant, row, &released, &reason).await?;
                Ok(Reversal::Undone)
            }
            Deed::Unjail { role, .. } => {
                let jailed = member().await?.is_some_and(|member| member.roles.contains(role));
                Ok(happened(!jailed))
            }
            Deed::Nick { before, nick } => {
                if member().await?.is_some_and(|member| member.nick == *nick) {
                    let action = GuildAction::Nickname { user: user()?, nick: before.clone() };
                    guilds.act(tenant, action, &reason).await?;
                }
                Ok(Reversal::Undone)
            }
            Deed::Role { role, give, .. } => {
                if member().await?.is_some_and(|member| member.roles.contains(role) == *give) {
                    let (user, role) = (user()?, *role);
                    let action = match give {
                        true => GuildAction::RemoveRole { user, role },
                        false => GuildAction::AddRole { user, role },
                    };
                    guilds.act(tenant, action, &reason).await?;
                }
                Ok(Reversal::Undone)
            }
            Deed::Slowmode { before, seconds } => {
                let channel = row.place().ok_or_else(|| Error::bug("a slow mode without a channel"))?;
                let guild = guilds.guild(tenant).await?;
                if guild.channel(channel).is_some_and(|now| now.slowmode == *seconds) {
                    let action = GuildAction::Slowmode { channel, seconds: *before };
                    guilds.act(tenant, action, &reason).await?;
                }
                Ok(Reversal::Undone)
            }
            Deed::Lock { .. } => {
                self.open_channels(tenant, deed, &reason).await?;
                Ok(Reversal::Undone)
            }
            // Half of the channels may be open; all of them is what was asked for.
            Deed::Unlock { .. } => {
                self.open_channels(tenant, deed, &reason).await?;
                Ok(Reversal::Happened)
            }
            // What is gone does not come back, and the case says how much that is.
            Deed::Purge { deleted, .. } => Ok(happened(*deleted > 0)),
        }
    }

    /// Ends what a case holds, because its time is up.
    pub(crate) async fn lift(&self, tenant: &TenantId, row: &case::Model) -> Result<(), Error> {
        let deed = row.deed()?;
        let reason = format!("Case {} is over", row.number);
        match &deed {
            Deed::Ban { .. } => match row.user() {
                Some(user) => self.unban_if_banned(tenant, user, &reason).await,
                None => Ok(()),
            },
            Deed::Jail { role, roles, .. } => {
                let released = Deed::Unjail { role: *role, roles: roles.clone() };
                self.let_out(tenant, row, &released, &reason).await
            }
            Deed::Lock { .. } => self.open_channels(tenant, &deed, &reason).await,
            // Discord ends timeouts itself.
            _ => Ok(()),
        }
    }

    async fn unban_if_banned(&self, tenant: &TenantId, user: UserId, reason: &str) -> Result<(), Error> {
        match self.seams.guilds.banned(tenant, user).await? {
            Some(_) => unless_gone(self.seams.guilds.act(tenant, GuildAction::Unban { user }, reason).await),
            None => Ok(()),
        }
    }

    /// Gives back what a jail took. Who is not here is owed it until they come back.
    async fn let_out(
        &self,
        tenant: &TenantId,
        row: &case::Model,
        deed: &Deed,
        reason: &str,
    ) -> Result<(), Error> {
        let (Deed::Unjail { role, roles }, Some(user)) = (deed, row.user()) else { return Ok(()) };
        let (guilds, jail) = (self.seams.guilds.as_ref(), row.lifts.unwrap_or(row.number));
        if let Some(member) = guilds.member(tenant, user).await? {
            // Who has neither the jail's role nor one of their own has come back a moment ago.
            let released = !member.roles.contains(role) && roles.iter().any(|own| member.roles.contains(own));
            let given = match released {
                true => Ok(()),
                false => self.give_back(tenant, &member, *role, roles, reason).await,
            };
            if given.is_ok() || guilds.member(tenant, user).await?.is_some() {
                self.owe(tenant, jail, false).await?;
                return given;
            }
        }
        Ok(self.owe(tenant, jail, true).await?)
    }

    async fn close_channels(&self, tenant: &TenantId, deed: &Deed, reason: &str) -> Result<(), Error> {
        let Deed::Lock { everyone, channels } = deed else { return Ok(()) };
        for Closed { channel, before } in channels {
            let overwrite = locked(*everyone, before.as_ref());
            let action = GuildAction::SetOverwrite { channel: *channel, overwrite };
            unless_gone(self.seams.guilds.act(tenant, action, reason).await)?;
        }
        Ok(())
    }

    async fn open_channels(&self, tenant: &TenantId, deed: &Deed, reason: &str) -> Result<(), Error> {
        let (Deed::Lock { everyone, channels } | Deed::Unlock { everyone, channels }) = deed else {
            return Ok(());
        };
        let guild = self.seams.guilds.guild(tenant).await?;
        for Closed { channel, before } in channels {
            let Some(found) = guild.channel(*channel) else { continue };
            let now = found.overwrites.iter().find(|now| now.role && now.target == everyone.0);
            let overwrite = unlocked(*everyone, before.as_ref(), now);
            if now.copied().unwrap_or(guildhall_core::guild::Overwrite { allow: 0, deny: 0, ..overwrite })
                == overwrite
            {
                continue;
            }
            let action = GuildAction::SetOverwrite { channel: *channel, overwrite };
            unless_gone(self.seams.guilds.act(tenant, action, reason).await)?;
        }
        Ok(())
    }
}

/// What a purge found. It is looked for once: after some are gone, others would be found.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Found {
    pub(crate) messages: Vec<MessageId>,
    pub(crate) too_old: u32,
}

/// What is gone already need not be taken away.
fn unless_gone(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(error) if error.kind == Kind::NotFound => Ok(()),
        other => other,
    }
}

/// What Discord's own audit log says.
pub(crate) fn audit_reason(row: &case::Model) -> String {
    let reason = if row.reason.is_empty() { "no reason given" } else { &row.reason };
    short(&format!("Case {} by {}: {reason}", row.number, row.moderator_name), 512)
}
