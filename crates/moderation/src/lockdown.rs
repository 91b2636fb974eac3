//! Locks of channels and slow mode: what they become, and how a lock is ended.

use std::time::Duration;

use guildhall_core::{
    Actor,
    guild::{Channel, ChannelId, ChannelKind, RoleId, bits},
};
use guildhall_store::scope;
use sea_orm::{ColumnTrait, QueryFilter};

use crate::{
    Moderation,
    book::{By, NewCase},
    case::{CaseKind, CaseState, Closed, Deed},
    entity::case,
    error::ModerationError,
};

/// What the whole server is called where a channel's name would be.
pub(crate) const EVERYWHERE: &str = "the whole server";

impl Moderation {
    /// A case that locks one channel, or with `None` every text channel that members can write in.
    pub(crate) async fn locking(
        &self,
        actor: &Actor,
        channel: Option<ChannelId>,
        lasts: Option<Duration>,
        reason: String,
    ) -> Result<NewCase, ModerationError> {
        let tenant = &actor.tenant;
        let guild = self.able(tenant, CaseKind::Lock.needs()).await?;
        let everyone = RoleId(guild.id);
        let mut locked_alone = Vec::new();
        if channel.is_none() {
            // What has a lock of its own keeps it when the server is opened again.
            let rows = scope::find::<case::Entity>(tenant)
                .filter(case::Column::Kind.eq(CaseKind::Lock))
                .filter(case::Column::Holds.is_not_null())
                .all(self.seams.store.reader());
            locked_alone.extend(rows.await?.iter().filter_map(case::Model::place));
        }
        let name = match channel {
            Some(id) => {
                let found = guild.channel(id).ok_or_else(|| ModerationError::NoChannel(id.to_string()))?;
                format!("#{}", found.name)
            }
            None => EVERYWHERE.to_owned(),
        };
        let wanted = |found: &&Channel| match channel {
            Some(channel) => found.id == channel,
            None => found.kind == ChannelKind::Text && !locked_alone.contains(&found.id),
        };
        let before = |found: &Channel| {
            found.overwrites.iter().find(|known| known.role && known.target == everyone.0).copied()
        };
        let closed = |before: Option<guildhall_core::guild::Overwrite>| {
            before.is_some_and(|before| before.deny & bits::SEND_MESSAGES != 0)
        };
        let channels: Vec<Closed> = guild
            .channels
            .iter()
            .filter(wanted)
            .map(|found| Closed { channel: found.id, before: before(found) })
            .filter(|found| !closed(found.before))
            .collect();
        if channels.is_empty() {
            let key = channel.map_or_else(|| "lock:all".to_owned(), |channel| format!("lock:{channel}"));
            let mut holder = self.holder(tenant, &key).await?;
            if holder.is_none() {
                holder = self.holder(tenant, "lock:all").await?;
            }
            return Err(match holder {
                Some(row) => ModerationError::Held { who: name, by: row.moderator_name, number: row.number },
                None => ModerationError::NothingToLock(name),
            });
        }
        Ok(NewCase {
            channel,
            target_name: name,
            reason,
            lasts,
            ..NewCase::new(Deed::Lock { everyone, channels }, By::from(actor))
        })
    }

    /// A case that ends the lock of a channel, or of the whole server.
    pub(crate) async fn unlocking_place(
        &self,
        actor: &Actor,
        channel: Option<ChannelId>,
        reason: String,
    ) -> Result<NewCase, ModerationError> {
        let place = channel.map_or_else(|| "all".to_owned(), |channel| channel.to_string());
        let Some(row) = self.holder(&actor.tenant, &format!("lock:{place}")).await? else {
            let guild = self.seams.guilds.guild(&actor.tenant).await?;
            let name =
                channel.and_then(|channel| guild.channel(channel)).map(|found| format!("#{}", found.name));
            return Err(ModerationError::NotLocked(name.unwrap_or_else(|| EVERYWHERE.to_owned())));
        };
        self.unlocking(actor, &row, reason).await
    }

    /// A case that ends this lock.
    pub(crate) async fn unlocking(
        &self,
        actor: &Actor,
        row: &case::Model,
        reason: String,
    ) -> Result<NewCase, ModerationError> {
        self.able(&actor.tenant, CaseKind::Unlock.needs()).await?;
        match row.deed()? {
            Deed::Lock { everyone, channels } if row.state != CaseState::Failed => Ok(NewCase {
                channel: row.place(),
                target_name: row.target_name.clone(),
                reason,
                lifts: Some(row.number),
                ..NewCase::new(Deed::Unlock { everyone, channels }, By::from(actor))
            }),
            _ => Err(ModerationError::NotLocked(row.target_name.clone())),
        }
    }

    /// A case that sets a channel's slow mode.
    pub(crate) async fn slowing(
        &self,
        actor: &Actor,
        channel: ChannelId,
        seconds: u32,
        reason: String,
    ) -> Result<NewCase, ModerationError> {
        let guild = self.able(&actor.tenant, CaseKind::Slowmode.needs()).await?;
        let found = guild.channel(channel).ok_or_else(|| ModerationError::NoChannel(channel.to_string()))?;
        let deed = Deed::Slowmode { seconds, before: found.slowmode };
        Ok(NewCase {
            channel: Some(channel),
            target_name: format!("#{}", found.name),
            reason,
            ..NewCase::new(deed, By::from(actor))
        })
    }
}
