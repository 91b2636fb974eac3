//! The jail: a role instead of one's own, in every channel, and after coming back as well.

use std::time::Duration;

use guildhall_core::{
    Error, TenantId,
    guild::{Channel, ChannelId, ChannelKind, GuildAction, Overwrite, RoleId, UserId, bits},
    setting,
};
use guildhall_flows::{Failure, Flow, StepError, Workflow};
use serde::{Deserialize, Serialize};

use crate::{
    Moderation,
    case::{CaseState, Deed, together},
    entity::case,
    error::ModerationError,
    setting::{JAIL_CHANNEL, JAIL_ROLE},
    workflows::{Shared, unless_ended},
};

/// Seconds after coming back at which is looked whether the jail still holds: other bots give roles to who joins.
const LOOKS: [u64; 4] = [5, 15, 60, 300];

impl Moderation {
    /// The jail's role, checked: it exists, the bot can give it.
    pub(crate) async fn jail_role(&self, tenant: &TenantId) -> Result<RoleId, ModerationError> {
        let role: Option<RoleId> = setting::get(self.seams.settings.as_ref(), tenant, &JAIL_ROLE).await?;
        let role = role.ok_or(ModerationError::NoJail)?;
        let guild = self.seams.guilds.guild(tenant).await?;
        let found = guild.role(role).ok_or(ModerationError::JailGone)?;
        if found.managed {
            return Err(ModerationError::RoleManaged(found.name.clone()));
        }
        let myself = self.seams.guilds.myself(tenant).await?;
        let standing = guildhall_core::guild::Standing::Role(found.position, std::cmp::Reverse(found.id));
        if standing >= guild.standing(&myself) {
            return Err(guildhall_core::guild::hierarchy::role_too_low(&found.name).into());
        }
        Ok(role)
    }

    /// The case that holds somebody in jail now. Cases of other kinds say nothing about it.
    pub(crate) async fn jailed(
        &self,
        tenant: &TenantId,
        user: UserId,
    ) -> Result<Option<case::Model>, ModerationError> {
        self.holder(tenant, &format!("jail:{user}")).await
    }

    /// Sees to it that somebody with a jail case has the jail's role and no other but managed ones. False when
    /// they are not here.
    pub(crate) async fn hold_in_jail(
        &self,
        tenant: &TenantId,
        user: UserId,
        reason: &str,
    ) -> Result<bool, Error> {
        let Some(row) = self.jailed(tenant, user).await.map_err(Error::from)? else { return Ok(true) };
        let Deed::Jail { role, .. } = row.deed().map_err(Error::bug)? else { return Ok(true) };
        let Some(member) = self.seams.guilds.member(tenant, user).await? else { return Ok(false) };
        let guild = self.seams.guilds.guild(tenant).await?;
        let managed =
            member.roles.iter().copied().filter(|own| guild.role(*own).is_some_and(|own| own.managed));
        let wanted = together(managed.chain([role]));
        if together(member.roles.iter().copied()) != wanted {
            let action = GuildAction::SetRoles { user, roles: wanted };
            self.seams.guilds.act(tenant, action, reason).await?;
        }
        Ok(true)
    }

    /// Denies the jail's role what it must not have, in one channel or in all. Gives how many were changed.
    pub(crate) async fn cover(&self, tenant: &TenantId, only: Option<ChannelId>) -> Result<u32, Error> {
        let settings = self.seams.settings.as_ref();
        let Some(role) = setting::get::<Option<RoleId>>(settings, tenant, &JAIL_ROLE).await? else {
            return Ok(0);
        };
        let own: Option<ChannelId> = setting::get(settings, tenant, &JAIL_CHANNEL).await?;
        let guild = self.seams.guilds.guild(tenant).await?;
        if guild.role(role).is_none() {
            return Ok(0);
        }
        let mut changed = 0;
        let covered = |channel: &&Channel| {
            channel.kind != ChannelKind::Thread && only.is_none_or(|only| channel.id == only)
        };
        for channel in guild.channels.iter().filter(covered) {
            let (allow, deny) =
                if Some(channel.id) == own { (bits::READ_AND_WRITE, 0) } else { (0, bits::DENIED_IN_JAIL) };
            let overwrite = Overwrite { target: role.0, role: true, allow, deny };
            let now = channel.overwrites.iter().find(|now| now.role && now.target == role.0);
            if now.is_some_and(|now| now.deny & deny == deny && now.allow & allow == allow) {
                continue;
            }
            let action = GuildAction::SetOverwrite { channel: channel.id, overwrite };
            self.seams.guilds.act(tenant, action, "Those in jail see this channel no more").await?;
            changed += 1;
        }
        Ok(changed)
    }
}

/// Covers channels that the jail's role does not know yet.
pub(crate) struct CoverJail(pub(crate) Shared);

/// One channel, or all of them.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct CoverInput {
    pub(crate) channel: Option<ChannelId>,
}

impl Workflow for CoverJail {
    const KIND: &'static str = "moderation-cover-jail";
    const WITHIN: Duration = Duration::from_secs(3_600);
    type Input = CoverInput;
    type Output = u32;

    async fn run(&self, flow: &Flow, input: CoverInput) -> Result<u32, Failure> {
        let cover = || async { self.0.cover(flow.tenant(), input.channel).await.map_err(StepError::from) };
        flow.step("cover", cover).retries(30).await
    }
}

/// Puts somebody back in jail who left and came back, and looks again until it holds.
pub(crate) struct BackToJail(pub(crate) Shared);

impl Workflow for BackToJail {
    const KIND: &'static str = "moderation-back-to-jail";
    const WITHIN: Duration = Duration::from_secs(86_400);
    type Input = UserId;
    type Output = ();

    async fn run(&self, flow: &Flow, user: UserId) -> Result<(), Failure> {
        let hold = || async {
            let reason = "In jail by a case, and back on the server";
            let row = self.0.jailed(flow.tenant(), user).await.map_err(Error::from)?;
            let holds = row.is_some_and(|row| row.state == CaseState::Active);
            if holds {
                self.0.hold_in_jail(flow.tenant(), user, reason).await?;
            }
            Ok(())
        };
        let tried = flow.step("hold", hold).retries(60).await;
        unless_ended(tried)?;
        for (look, seconds) in LOOKS.into_iter().enumerate() {
            flow.sleep(&format!("wait {look}"), Duration::from_secs(seconds)).await?;
            unless_ended(flow.step(&format!("look {look}"), hold).retries(60).await)?;
        }
        Ok(())
    }
}
