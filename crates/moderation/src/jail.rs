//! The jail: a role instead of one's own, in every channel, and after coming back as well.

use std::time::Duration;

use guildhall_core::{
    Error, TenantId,
    guild::{
        Channel, ChannelId, ChannelKind, GuildAction, GuildMember, Overwrite, RoleId, Standing, UserId, bits,
    },
    setting,
};
use guildhall_flows::{Failure, Flow, StepError, Workflow};
use guildhall_store::scope;
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};

use crate::{
    Moderation,
    book::By,
    case::{CaseKind, CaseState, Deed, together},
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
        let standing = Standing::Role(found.position, std::cmp::Reverse(found.id));
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
        let Some(row) = self.jailed(tenant, user).await? else { return Ok(true) };
        let Deed::Jail { role, .. } = row.deed()? else { return Ok(true) };
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

    /// Gives back the roles that still can be given, and keeps those that were given meanwhile.
    pub(crate) async fn give_back(
        &self,
        tenant: &TenantId,
        member: &GuildMember,
        role: RoleId,
        kept: &[RoleId],
        reason: &str,
    ) -> Result<(), Error> {
        let guild = self.seams.guilds.guild(tenant).await?;
        let mine = guild.standing(&self.seams.guilds.myself(tenant).await?);
        let givable = kept.iter().filter(|&&kept| {
            guild.role(kept).is_some_and(|found| {
                !found.managed && Standing::Role(found.position, std::cmp::Reverse(found.id)) < mine
            })
        });
        let roles = together(givable.chain(&member.roles).copied().filter(|kept| *kept != role));
        if together(member.roles.iter().copied()) == roles {
            return Ok(());
        }
        self.seams.guilds.act(tenant, GuildAction::SetRoles { user: member.user, roles }, reason).await
    }

    /// Keeps with a jail's case whether its roles are to be given once the person is back.
    pub(crate) async fn owe(&self, tenant: &TenantId, number: i64, yes: bool) -> Result<(), ModerationError> {
        self.change(tenant, number, &By::guildhall(), |row| {
            let mut deed = row.deed()?;
            match &mut deed {
                Deed::Jail { owed, .. } if *owed != yes => *owed = yes,
                _ => return Ok(false),
            }
            row.deed = serde_json::to_string(&deed)?;
            Ok(true)
        })
        .await?;
        Ok(())
    }

    /// The case whose roles somebody is owed. Only the newest counts: a later jail kept what they had by then.
    pub(crate) async fn owing(
        &self,
        tenant: &TenantId,
        user: UserId,
    ) -> Result<Option<case::Model>, ModerationError> {
        let newest = scope::find::<case::Entity>(tenant)
            .filter(case::Column::Target.eq(user.to_string()))
            .filter(case::Column::Kind.eq(CaseKind::Jail))
            .filter(case::Column::State.ne(CaseState::Failed))
            .order_by_desc(case::Column::Number)
            .one(self.seams.store.reader());
        Ok(newest.await?.filter(|row| matches!(row.deed(), Ok(Deed::Jail { owed: true, .. }))))
    }

    /// Gives somebody who is back the roles of a jail that ended while they were away.
    async fn give_owed(&self, tenant: &TenantId, user: UserId) -> Result<(), Error> {
        let Some(row) = self.owing(tenant, user).await? else { return Ok(()) };
        let Deed::Jail { role, roles, .. } = row.deed()? else { return Ok(()) };
        let Some(member) = self.seams.guilds.member(tenant, user).await? else { return Ok(()) };
        let reason = format!("Case {} ended while they were away", row.number);
        self.give_back(tenant, &member, role, &roles, &reason).await?;
        Ok(self.owe(tenant, row.number, false).await?)
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

/// Puts somebody back in jail who left and came back, and looks again until it holds. Whose jail ended meanwhile
/// gets the roles that it kept.
pub(crate) struct BackToJail(pub(crate) Shared);

impl Workflow for BackToJail {
    const KIND: &'static str = "moderation-back-to-jail";
    const WITHIN: Duration = Duration::from_secs(86_400);
    type Input = UserId;
    type Output = ();

    async fn run(&self, flow: &Flow, user: UserId) -> Result<(), Failure> {
        let hold = || async {
            let reason = "In jail by a case, and back on the server";
            let row = self.0.jailed(flow.tenant(), user).await?;
            match row.map(|row| row.state) {
                Some(CaseState::Active) => {
                    self.0.hold_in_jail(flow.tenant(), user, reason).await?;
                }
                Some(_) => {}
                None => self.0.give_owed(flow.tenant(), user).await?,
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
