//! What the domain makes of what happens in a guild: bans and kicks by hand become cases, measures that somebody
//! ended by hand end, those in jail who come back are put back, whose jail ended meanwhile get their
//! roles, and channels that are new or were opened to those in jail are closed.

use std::sync::Arc;

use async_trait::async_trait;
use guildhall_core::{
    ActorId, TenantId,
    guild::{GuildEvent, GuildListener, GuildMember, RoleId, UserId},
    setting,
};
use guildhall_store::StoreError;

use crate::{
    Moderation,
    book::{By, NewCase, short},
    case::{CaseKind, CaseState, Deed, Source},
    error::ModerationError,
    jail::{BackToJail, CoverInput, CoverJail},
    setting::{FEATURE, JAIL_ROLE, RECORD_BY_HAND},
};

/// Discord's numbers for entries of its audit log
/// (<https://discord.com/developers/docs/resources/audit-log#audit-log-entry-object-audit-log-events>).
mod entry {
    pub(super) const KICK: u16 = 20;
    pub(super) const BAN: u16 = 22;
    pub(super) const UNBAN: u16 = 23;
}

pub(crate) struct Listener(pub(crate) Arc<Moderation>);

#[async_trait]
impl GuildListener for Listener {
    fn name(&self) -> &'static str {
        "moderation"
    }

    fn wants(&self, kind: &str) -> bool {
        matches!(
            kind,
            "available"
                | "banned"
                | "unbanned"
                | "audited"
                | "member_joined"
                | "member_changed"
                | "channel_created"
                | "channel_changed"
        )
    }

    async fn notice(&self, tenant: &TenantId, event: &GuildEvent) {
        if let Err(error) = self.0.notice(tenant, event).await {
            let error = error.into();
            self.0.report(tenant, "moderation-listener", &error);
            tracing::warn!(event = event.kind(), "an event was not dealt with: {}", error.causes());
        }
    }
}

impl Moderation {
    async fn notice(&self, tenant: &TenantId, event: &GuildEvent) -> Result<(), ModerationError> {
        match event {
            GuildEvent::Available => self.catch_up(tenant).await,
            GuildEvent::Banned { user, name } => self.banned_by_hand(tenant, *user, name, None, None).await,
            GuildEvent::Unbanned { user, .. } => self.unbanned_by_hand(tenant, *user, None).await,
            GuildEvent::Audited { action, by: Some(by), target: Some(target), reason, at } => {
                let reference = format!("audit:{action}:{target}:{}", at.unix_timestamp_nanos() / 1_000_000);
                self.audited(tenant, *action, *by, UserId(*target), reason.as_deref(), reference).await
            }
            GuildEvent::MemberJoined { member, .. } => self.came_back(tenant, member).await,
            GuildEvent::MemberChanged { after, .. } => self.timeout_ended(tenant, after).await,
            // Discord tells of a channel that was moved, or given its category's permissions, as of any change; of
            // what the jail itself has changed too, where nothing is left to do.
            GuildEvent::ChannelCreated(channel) | GuildEvent::ChannelChanged { after: channel, .. } => {
                if !self.needs_cover(tenant, channel).await? {
                    return Ok(());
                }
                let input = CoverInput { channel: Some(channel.id) };
                let key = channel.id.to_string();
                self.start_once::<CoverJail>(tenant, &key, &input).await
            }
            _ => Ok(()),
        }
    }

    async fn audited(
        &self,
        tenant: &TenantId,
        action: u16,
        by: UserId,
        target: UserId,
        reason: Option<&str>,
        reference: String,
    ) -> Result<(), ModerationError> {
        if !matches!(action, entry::KICK | entry::BAN | entry::UNBAN) {
            return Ok(());
        }
        // What the bot did is a case already.
        if self.seams.guilds.myself(tenant).await?.user == by {
            return Ok(());
        }
        let name = self.name_of(tenant, by).await;
        let by = By { id: ActorId::discord(by.0), name };
        match action {
            entry::BAN => {
                let name = self.name_of(tenant, target).await;
                self.banned_by_hand(tenant, target, &name, Some(by), reason).await
            }
            entry::UNBAN => self.unbanned_by_hand(tenant, target, Some(by)).await,
            _ => {
                let name = self.name_of(tenant, target).await;
                self.kicked_by_hand(tenant, target, &name, by, reason, reference).await
            }
        }
    }

    /// A ban that no case knows becomes one. Discord tells of it twice, in any order: as a ban, and in its audit
    /// log, which alone knows by whom and why.
    async fn banned_by_hand(
        &self,
        tenant: &TenantId,
        user: UserId,
        name: &str,
        by: Option<By>,
        reason: Option<&str>,
    ) -> Result<(), ModerationError> {
        let reason = short(reason.unwrap_or_default(), crate::reason::LONGEST);
        if let Some(known) = self.holder(tenant, &format!("ban:{user}")).await? {
            let Some(by) = by.filter(|_| known.source == Source::ByHand) else { return Ok(()) };
            self.change(tenant, known.number, &by, |row| {
                if row.moderator != By::by_hand().id.as_str() {
                    return Ok(false);
                }
                row.moderator = by.id.as_str().to_owned();
                row.moderator_name = by.name.clone();
                row.reason.clone_from(&reason);
                Ok(true)
            })
            .await?;
            return Ok(());
        }
        if !self.records_by_hand(tenant).await? {
            return Ok(());
        }
        // The audit log may tell of it after somebody has lifted it again.
        if self.seams.guilds.banned(tenant, user).await?.is_none() {
            return Ok(());
        }
        let new = NewCase {
            target: Some(user),
            target_name: name.to_owned(),
            reason,
            silent: true,
            source: Source::ByHand,
            carries: self.carries(tenant, CaseKind::Ban).await?,
            done: true,
            ..NewCase::new(Deed::Ban { delete_seconds: 0 }, by.unwrap_or_else(By::by_hand))
        };
        match self.open(tenant, new).await {
            // The moderator who used an operation in this very moment has a case for it.
            Ok(_) | Err(ModerationError::Held { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A case whose ban somebody has lifted by hand is closed.
    async fn unbanned_by_hand(
        &self,
        tenant: &TenantId,
        user: UserId,
        by: Option<By>,
    ) -> Result<(), ModerationError> {
        let Some(known) = self.holder(tenant, &format!("ban:{user}")).await? else {
            return Ok(());
        };
        let lift = format!("lift:{}", known.number);
        if known.kind == CaseKind::Softban || self.holder(tenant, &lift).await?.is_some() {
            return Ok(());
        }
        self.closed_by_hand(tenant, known.number, by.unwrap_or_else(By::by_hand)).await
    }

    async fn closed_by_hand(&self, tenant: &TenantId, number: i64, by: By) -> Result<(), ModerationError> {
        self.change(tenant, number, &by, |row| {
            if row.state != CaseState::Active || row.ending {
                return Ok(false);
            }
            row.end(CaseState::Closed, &by);
            Ok(true)
        })
        .await?;
        Ok(())
    }

    async fn kicked_by_hand(
        &self,
        tenant: &TenantId,
        user: UserId,
        name: &str,
        by: By,
        reason: Option<&str>,
        reference: String,
    ) -> Result<(), ModerationError> {
        if !self.records_by_hand(tenant).await? {
            return Ok(());
        }
        let new = NewCase {
            target: Some(user),
            target_name: name.to_owned(),
            reason: short(reason.unwrap_or_default(), crate::reason::LONGEST),
            silent: true,
            source: Source::ByHand,
            done: true,
            reference: Some(reference),
            ..NewCase::new(Deed::Kick, by)
        };
        match self.open(tenant, new).await {
            // After a lost connection Discord tells some events twice.
            Ok(_) | Err(ModerationError::Held { .. } | ModerationError::Store(StoreError::Duplicate(_))) => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// A timeout that is over before its case says so was ended by hand.
    async fn timeout_ended(&self, tenant: &TenantId, member: &GuildMember) -> Result<(), ModerationError> {
        let now = self.seams.clock.now();
        if member.timeout.is_some_and(|until| until > now) {
            return Ok(());
        }
        let Some(known) = self.holder(tenant, &format!("timeout:{}", member.user)).await? else {
            return Ok(());
        };
        if self.holder(tenant, &format!("lift:{}", known.number)).await?.is_some() {
            return Ok(());
        }
        // Discord clears it some seconds before the case's own end at the earliest.
        let nearly_over = known.expires_at.is_some_and(|end| end.time() <= now + time::Duration::seconds(10));
        // The event may be older than the case, and tell of somebody else's change.
        let held = self.seams.guilds.member(tenant, member.user).await?.and_then(|member| member.timeout);
        if nearly_over || held.is_some_and(|until| until > now) {
            return Ok(());
        }
        self.closed_by_hand(tenant, known.number, By::by_hand()).await
    }

    /// While nobody listened channels may have been made or opened, and who is in jail may have come back.
    async fn catch_up(&self, tenant: &TenantId) -> Result<(), ModerationError> {
        let role: Option<RoleId> = setting::get(self.seams.settings.as_ref(), tenant, &JAIL_ROLE).await?;
        if role.is_some() {
            self.start_once::<CoverJail>(tenant, "all", &CoverInput { channel: None }).await?;
        }
        for user in self.looked_after(tenant).await? {
            self.start_once::<BackToJail>(tenant, &format!("{user}.again"), &user).await?;
        }
        Ok(())
    }

    async fn came_back(&self, tenant: &TenantId, member: &GuildMember) -> Result<(), ModerationError> {
        let user = member.user;
        if self.jailed(tenant, user).await?.is_none() && self.owing(tenant, user).await?.is_none() {
            return Ok(());
        }
        // One for each time they join: one that still looks after an earlier time may not look soon.
        let joined = member.joined.unwrap_or_else(|| self.seams.clock.now());
        let key = format!("{user}.{}", joined.unix_timestamp_nanos() / 1_000_000);
        self.start_once::<BackToJail>(tenant, &key, &user).await
    }

    /// Starts a flow unless one is at it already.
    pub(crate) async fn start_once<W: guildhall_flows::Workflow>(
        &self,
        tenant: &TenantId,
        key: &str,
        input: &W::Input,
    ) -> Result<(), ModerationError> {
        match self.seams.flows.start::<W>(tenant, key, input).await {
            Ok(_) | Err(guildhall_flows::FlowError::Active { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn records_by_hand(&self, tenant: &TenantId) -> Result<bool, ModerationError> {
        let settings = self.seams.settings.as_ref();
        Ok(setting::get(settings, tenant, &FEATURE).await?
            && setting::get(settings, tenant, &RECORD_BY_HAND).await?)
    }

    async fn name_of(&self, tenant: &TenantId, user: UserId) -> String {
        if let Ok(Some(member)) = self.seams.guilds.member(tenant, user).await {
            return member.name;
        }
        let person = self.seams.guilds.person(user).await.ok().flatten();
        person.map_or_else(|| user.to_string(), |person| person.name)
    }
}
