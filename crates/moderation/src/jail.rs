//! The jail: a role instead of one's own, in every channel, and after coming back as well.

use std::{collections::BTreeSet, time::Duration};

use guildhall_core::{
    Error, Kind, TenantId,
    guild::{
        Channel, ChannelId, ChannelKind, GuildAction, GuildMember, Overwrite, RoleId, Standing, UserId, bits,
    },
    setting,
};
use guildhall_flows::{Failure, Flow, StepError, Workflow};
use guildhall_store::scope;
use sea_orm::{ColumnTrait, Condition, QueryFilter, QueryOrder, QuerySelect};
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
/// Between closing a channel and looking at it again. Whoever opens it over and over, another bot perhaps, is
/// answered twice in this time and no more often.
const PAUSE: Duration = Duration::from_secs(60);
/// People who are looked after when the guild is back; the newest jails first.
const LOOKED_AFTER: u64 = 100;

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

    /// Puts somebody who is back in jail again, or gives them what they are owed.
    async fn hold_or_give(&self, tenant: &TenantId, user: UserId) -> Result<(), Error> {
        match self.jailed(tenant, user).await?.map(|row| row.state) {
            Some(CaseState::Active) => {
                let reason = "In jail by a case, and back on the server";
                self.hold_in_jail(tenant, user, reason).await.map(|_| ())
            }
            Some(_) => Ok(()),
            None => self.give_owed(tenant, user).await,
        }
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

    /// Those who are in jail or owed roles, the newest jails first.
    pub(crate) async fn looked_after(&self, tenant: &TenantId) -> Result<BTreeSet<UserId>, ModerationError> {
        let owed = case::Column::Deed.contains("\"owed\":true");
        let rows = scope::find::<case::Entity>(tenant)
            .filter(case::Column::Kind.eq(CaseKind::Jail))
            .filter(Condition::any().add(case::Column::State.eq(CaseState::Active)).add(owed))
            .order_by_desc(case::Column::Number)
            .limit(LOOKED_AFTER)
            .all(self.seams.store.reader());
        Ok(rows.await?.iter().filter_map(case::Model::user).collect())
    }

    /// The jail's role and its own channel, as far as they are set.
    async fn jail(&self, tenant: &TenantId) -> Result<Option<(RoleId, Option<ChannelId>)>, Error> {
        let settings = self.seams.settings.as_ref();
        Ok(match setting::get::<Option<RoleId>>(settings, tenant, &JAIL_ROLE).await? {
            Some(role) => Some((role, setting::get(settings, tenant, &JAIL_CHANNEL).await?)),
            None => None,
        })
    }

    /// Whether a channel, as it is now, is open to those in jail, or their own is closed. Asks Discord nothing
    /// where it is not.
    pub(crate) async fn needs_cover(&self, tenant: &TenantId, channel: &Channel) -> Result<bool, Error> {
        match self.jail(tenant).await? {
            Some((role, own)) if lacking(channel, role, own).is_some() => {
                Ok(self.seams.guilds.guild(tenant).await?.role(role).is_some())
            }
            _ => Ok(false),
        }
    }

    /// Denies the jail's role what it must not have, in one channel or in all. Gives how many were changed. A
    /// channel that the bot may not change holds up no other one.
    pub(crate) async fn cover(&self, tenant: &TenantId, only: Option<ChannelId>) -> Result<u32, Error> {
        let Some((role, own)) = self.jail(tenant).await? else { return Ok(0) };
        let guild = self.seams.guilds.guild(tenant).await?;
        if guild.role(role).is_none() {
            return Ok(0);
        }
        let (mut changed, mut refused) = (0, None);
        for channel in guild.channels.iter().filter(|channel| only.is_none_or(|only| channel.id == only)) {
            let Some(overwrite) = lacking(channel, role, own) else { continue };
            let action = GuildAction::SetOverwrite { channel: channel.id, overwrite };
            match self.seams.guilds.act(tenant, action, "Those in jail see this channel no more").await {
                Ok(()) => changed += 1,
                // It was deleted in this moment.
                Err(error) if error.kind == Kind::NotFound => {}
                Err(error) if matches!(error.kind, Kind::Permission | Kind::Conflict) => {
                    refused = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(error) = refused {
            self.report(tenant, CoverJail::KIND, &error);
        }
        Ok(changed)
    }
}

/// What is to be said of the jail's role in a channel; nothing where it is said already. The jail's own channel
/// lets it in, every other one shuts it out, and a thread is as its channel.
fn lacking(channel: &Channel, role: RoleId, own: Option<ChannelId>) -> Option<Overwrite> {
    let (allow, deny) =
        if Some(channel.id) == own { (bits::READ_AND_WRITE, 0) } else { (0, bits::DENIED_IN_JAIL) };
    let now = channel.overwrites.iter().find(|now| now.role && now.target == role.0);
    let said = now.is_some_and(|now| now.deny & deny == deny && now.allow & allow == allow);
    let says = channel.kind != ChannelKind::Thread && !said;
    says.then_some(Overwrite { target: role.0, role: true, allow, deny })
}

/// Covers channels that let the jail's role in. One channel, which is new or was changed, is looked at twice:
/// whoever made it may still be at it.
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
        let changed = flow.step("cover", cover).retries(30).await?;
        if input.channel.is_none() {
            return Ok(changed);
        }
        flow.sleep("pause", PAUSE).await?;
        Ok(changed + flow.step("look", cover).retries(30).await?)
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
            let held = self.0.hold_or_give(flow.tenant(), user).await;
            if let Err(error) = &held
                && error.kind == Kind::Permission
            {
                // Nobody waits for the answer.
                self.0.report(flow.tenant(), Self::KIND, error);
            }
            Ok(held?)
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
