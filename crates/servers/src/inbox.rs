//! What agents say by themselves. It is untrusted: an event counts only for a server that is placed on that
//! very host, for its community, in the generation that is wanted now; everything else is refused and counted.
//!
//! An event's effect and the host's cursor are one transaction, so each event has its effect exactly once.

use async_trait::async_trait;
use guildhall_core::{Error, HostId, ServerId};
use guildhall_link::{
    Inbox,
    message::{AgentEvent, ConsolePush, EventKind, Presence},
};
use guildhall_store::{Timestamp, Tx, operator};
use metrics::counter;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, sea_query::Expr};

use crate::{
    Servers,
    change::Change,
    entity::{cursor, server},
    error::ServersError,
    workflows::News,
    workshop::Tried,
};

/// Why something from an agent was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    UnknownServer,
    WrongTenant,
    WrongHost,
    NewerGeneration,
    OldGeneration,
    WrongSession,
}

impl Refused {
    fn as_str(self) -> &'static str {
        match self {
            Self::UnknownServer => "unknown_server",
            Self::WrongTenant => "wrong_tenant",
            Self::WrongHost => "wrong_host",
            Self::NewerGeneration => "newer_generation",
            Self::OldGeneration => "old_generation",
            Self::WrongSession => "wrong_session",
        }
    }

    fn count(self, host: &HostId, server: ServerId) {
        counter!("guildhall_servers_refused_total", "reason" => self.as_str()).increment(1);
        match self {
            // News that crossed a newer wish on its way is nothing out of the ordinary.
            Self::OldGeneration | Self::WrongSession => {
                tracing::debug!(%host, %server, reason = self.as_str(), "an event came too late");
            }
            _ => tracing::warn!(%host, %server, reason = self.as_str(), "an event was refused"),
        }
    }
}

#[async_trait]
impl Inbox for Servers {
    async fn cursor(&self, host: &HostId) -> u64 {
        match known(host).one(self.shop.store.reader()).await {
            Ok(row) => row.and_then(|row| u64::try_from(row.cursor).ok()).unwrap_or(0),
            Err(error) => {
                // From the beginning: what was taken in before is recognised.
                tracing::warn!(%host, %error, "cannot read the host's cursor");
                0
            }
        }
    }

    async fn event(&self, host: &HostId, event: AgentEvent) -> Result<(), Error> {
        self.take(host, &event).await.map_err(Into::into)
    }

    async fn console(&self, host: &HostId, push: ConsolePush) {
        self.consoles.push(host, &push);
    }

    async fn presence(&self, presence: Presence) {
        tracing::info!(host = %presence.host, online = presence.online, "a host came or went");
        self.shop.wake();
    }
}

impl Servers {
    async fn take(&self, host: &HostId, event: &AgentEvent) -> Result<(), ServersError> {
        let tx = self.shop.store.begin().await?;
        if !advance(&tx, host, event).await? {
            counter!("guildhall_servers_repeated_events_total").increment(1);
            return Ok(());
        }
        let mut decide = |change: &mut Change<'_>| Ok(judge(change, host, event));
        match self.shop.change_in(&tx, &event.tenant, event.server, &mut decide).await? {
            Tried::Done(Ok(()), overtaken) => {
                // A game that has begun, or that let somebody in who is kept out, is told by the reconciler.
                let tells = match &event.kind {
                    EventKind::Ready { .. } => true,
                    EventKind::Joined { player } => {
                        self.shop.came_back(&tx, &event.tenant, event.server.0, player).await?
                    }
                    _ => false,
                };
                tx.commit().await?;
                if tells {
                    self.shop.wake();
                }
                self.shop.cancel(overtaken).await;
            }
            Tried::Done(Err(refused), _) => {
                refused.count(host, event.server);
                tx.commit().await?;
            }
            Tried::Missing => {
                let elsewhere = operator::find::<server::Entity>()
                    .filter(server::Column::Id.eq(event.server.0))
                    .one(tx.conn())
                    .await?;
                let refused = if elsewhere.is_some() { Refused::WrongTenant } else { Refused::UnknownServer };
                refused.count(host, event.server);
                tx.commit().await?;
            }
            // The link offers it again.
            Tried::Overtaken => return Err(ServersError::Contended(None)),
        }
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "a host serves several communities; its cursor is nobody's")]
fn known(host: &HostId) -> sea_orm::Select<cursor::Entity> {
    cursor::Entity::find().filter(cursor::Column::Host.eq(host.as_str()))
}

/// Moves the host's cursor on; false for an event that has been taken in before. A smaller cursor with a
/// later time is the beginning of a new journal: the host was set up anew.
#[expect(clippy::disallowed_methods, reason = "a host serves several communities; its cursor is nobody's")]
async fn advance(tx: &Tx, host: &HostId, event: &AgentEvent) -> Result<bool, ServersError> {
    let cursor = i64::try_from(event.cursor).unwrap_or(i64::MAX);
    let at = Timestamp::from(event.at);
    let Some(row) = known(host).one(tx.conn()).await? else {
        let row = cursor::Model { host: host.to_string(), cursor, at };
        cursor::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
        return Ok(true);
    };
    if cursor <= row.cursor && at <= row.at {
        return Ok(false);
    }
    let moved = cursor::Entity::update_many()
        .col_expr(cursor::Column::Cursor, Expr::value(cursor))
        .col_expr(cursor::Column::At, Expr::value(at.max(row.at)))
        .filter(cursor::Column::Host.eq(host.as_str()))
        .filter(cursor::Column::Cursor.eq(row.cursor))
        .exec(tx.conn())
        .await?;
    Ok(moved.rows_affected == 1)
}

/// Checks an event against the server's row, and lets it have its effect.
fn judge(change: &mut Change<'_>, host: &HostId, event: &AgentEvent) -> Result<(), Refused> {
    if change.row.host.as_deref() != Some(host.as_str()) {
        return Err(Refused::WrongHost);
    }
    let generation = i64::try_from(event.generation).unwrap_or(i64::MAX);
    match generation.cmp(&change.row.generation) {
        std::cmp::Ordering::Greater => return Err(Refused::NewerGeneration),
        std::cmp::Ordering::Less => return Err(Refused::OldGeneration),
        std::cmp::Ordering::Equal => {}
    }
    if event.session.is_some_and(|session| change.row.session.is_some_and(|own| own != session.0)) {
        return Err(Refused::WrongSession);
    }
    match &event.kind {
        EventKind::Phase { phase } => change.see_phase(*phase),
        EventKind::Progress { phase, step, done, total } => change.see_progress(*phase, step, *done, *total),
        EventKind::Ready { took_ms } => change.see_ready(Some(*took_ms)),
        EventKind::Joined { player } => change.see_joined(player),
        EventKind::Left { player } => change.see_left(player),
        EventKind::Exited { exit, restart_in_ms, crashes, output } => {
            change.see_exit(exit, *restart_in_ms, *crashes, output);
        }
        EventKind::Failed { failure } => change.see_failed(&failure.clone().into()),
        EventKind::Removed => change.send(News::Look),
    }
    Ok(())
}
