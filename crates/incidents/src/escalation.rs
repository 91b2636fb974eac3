//! Tells the operators' channel of groups that need somebody: once a group and reason, edited as the count grows.
//!
//! What is to be told is a row, so it survives a restart and a Discord that is away; a message that cannot be
//! written is tried again, with growing pauses. Errors of Discord are logged here and reported to nobody.

use std::{collections::HashMap, sync::Arc, time::Duration};

use guildhall_core::{
    Action, Allowance, Clock, Document, Error, TenantId, Tone,
    document::Style,
    guild::{ChannelId, Courier, MessageId, MessageLink},
};
use guildhall_store::{Store, StoreError, Timestamp, scope};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use serde_json::json;
use time::OffsetDateTime;

use crate::{
    Fingerprint, Scrub, State, View,
    book::{Book, Scope, Touched},
    entity::notice,
    trend,
};

/// Refusals that make a new group worth telling, within its first hour. A failure is at once.
const NEW_REFUSALS: u64 = 50;
/// Errors an hour from which doubling counts: of failures and of refusals.
const DOUBLED_FAILURES: u64 = 20;
const DOUBLED_REFUSALS: u64 = 200;
/// A group is told of again for the same reason after so long.
const COOL_DOWN: Duration = Duration::from_secs(6 * 3_600);
/// A message is edited at most so often, and for so long.
const EDIT_PAUSE: Duration = Duration::from_secs(30);
const EDITED_FOR: Duration = Duration::from_secs(86_400);
/// Messages a minute.
const POSTS: u32 = 10;
/// Messages that may wait to be posted. When more groups need somebody at once, something is wrong that these tell
/// of as well.
const WAITING: u64 = 20;
/// Groups looked up in one query.
const CHUNK: usize = 200;
/// Messages looked over in one round.
const LOOKED_OVER: u64 = 50;
/// Attempts for one message; the pause before the first repetition doubles up to the longest.
const TRIES: i32 = 20;
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1_800);

/// Why a group is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// A fault of Guildhall's that was not there before, or a system that is left alone because it is away.
    Critical,
    /// It was not there before.
    New,
    /// It was resolved.
    CameBack,
    /// It happens twice as often as in the hour before.
    Doubled,
}

impl Reason {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::New => "new",
            Self::CameBack => "came_back",
            Self::Doubled => "doubled",
        }
    }

    fn of(word: &str) -> Self {
        let all = [Self::Critical, Self::CameBack, Self::Doubled];
        all.into_iter().find(|reason| reason.as_str() == word).unwrap_or(Self::New)
    }

    fn title(self) -> &'static str {
        match self {
            Self::Critical => "Critical error",
            Self::New => "New error",
            Self::CameBack => "Error came back",
            Self::Doubled => "Error doubled",
        }
    }
}

pub(crate) struct Escalation {
    channel: Option<(TenantId, ChannelId)>,
    store: Store,
    book: Arc<Book>,
    courier: Arc<dyn Courier>,
    scrub: Arc<Scrub>,
    clock: Arc<dyn Clock>,
    posts: Allowance<()>,
}

impl Escalation {
    pub(crate) fn new(
        channel: Option<(TenantId, ChannelId)>,
        store: Store,
        book: Arc<Book>,
        courier: Arc<dyn Courier>,
        scrub: Arc<Scrub>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let posts = Allowance::new(clock.clone(), POSTS, 1);
        Self { channel, store, book, courier, scrub, clock, posts }
    }

    /// Looks at the groups that errors were added to, and puts down which are to be told of.
    pub(crate) async fn consider(&self, touched: &[Touched]) -> Result<(), StoreError> {
        let Some((tenant, _)) = &self.channel else { return Ok(()) };
        let now = self.clock.now();
        let mut fingerprints: Vec<Fingerprint> =
            touched.iter().map(|group| group.fingerprint.clone()).collect();
        fingerprints.sort();
        fingerprints.dedup();
        let views = self.book.views(&Scope::Everyone, &fingerprints).await?;
        let trends = self.book.trends(&Scope::Everyone, &fingerprints, now).await?;
        let mut raised = Vec::new();
        for group in touched {
            let (Some(view), Some(trend)) = (views.get(&group.fingerprint), trends.get(&group.fingerprint))
            else {
                continue;
            };
            let hours = (trend[trend::HOURS - 2], trend[trend::HOURS - 1]);
            if let Some(reason) = reason(view, group.came_back, hours, now) {
                raised.push((group.fingerprint.clone(), reason));
            }
        }
        raised.dedup();
        self.raise(tenant, &raised, now).await
    }

    /// Posts what was put down, and edits what has changed since.
    pub(crate) async fn tell(&self) -> Result<(), StoreError> {
        let Some((tenant, channel)) = &self.channel else { return Ok(()) };
        let now = self.clock.now();
        let rows = scope::find::<notice::Entity>(tenant)
            .filter(notice::Column::RaisedAt.gt(Timestamp::from(now - EDITED_FOR)))
            .filter(notice::Column::NextAt.lte(Timestamp::from(now)))
            .filter(notice::Column::Tries.lt(TRIES))
            // Those that nobody has read yet come first.
            .order_by_desc(notice::Column::Message.is_null())
            .order_by_asc(notice::Column::NextAt)
            .limit(LOOKED_OVER)
            .all(self.store.reader())
            .await?;
        let fingerprints: Vec<Fingerprint> =
            rows.iter().filter_map(|row| row.fingerprint.parse().ok()).collect();
        let views = self.book.views(&Scope::Everyone, &fingerprints).await?;
        for row in &rows {
            let view =
                row.fingerprint.parse().ok().and_then(|fingerprint: Fingerprint| views.get(&fingerprint));
            let Some(view) = view else { continue };
            self.tell_of(tenant, *channel, row, view, now).await?;
        }
        self.looked_over(tenant, &rows, now).await
    }

    /// Lets the others have their turn: messages that say what is so already are looked at again in a while.
    async fn looked_over(
        &self,
        tenant: &TenantId,
        rows: &[notice::Model],
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let posted: Vec<&str> =
            rows.iter().filter(|row| row.message.is_some()).map(|row| row.fingerprint.as_str()).collect();
        if posted.is_empty() {
            return Ok(());
        }
        let tx = self.store.begin().await?;
        scope::update::<notice::Entity>(tenant)
            .col_expr(notice::Column::NextAt, Expr::value(Timestamp::from(now + EDIT_PAUSE)))
            .filter(notice::Column::Fingerprint.is_in(posted))
            .filter(notice::Column::Message.is_not_null())
            .filter(notice::Column::NextAt.lte(Timestamp::from(now)))
            .exec(tx.conn())
            .await?;
        tx.commit().await
    }

    async fn raise(
        &self,
        tenant: &TenantId,
        raised: &[(Fingerprint, Reason)],
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let fingerprints: Vec<&str> = raised.iter().map(|(fingerprint, _)| fingerprint.as_str()).collect();
        let mut there = HashMap::new();
        for chunk in fingerprints.chunks(CHUNK) {
            let known = scope::find::<notice::Entity>(tenant)
                .filter(notice::Column::Fingerprint.is_in(chunk.iter().copied()))
                .all(self.store.reader())
                .await?;
            there.extend(known.into_iter().map(|row| ((row.fingerprint, row.reason), row.raised_at)));
        }
        let waits = |(fingerprint, reason): &&(Fingerprint, Reason)| {
            let name = (fingerprint.as_str().to_owned(), reason.as_str().to_owned());
            there.get(&name).is_none_or(|raised_at| now - raised_at.time() >= COOL_DOWN)
        };
        let due: Vec<_> = raised.iter().filter(waits).collect();
        if due.is_empty() {
            return Ok(());
        }
        let room = usize::try_from(WAITING.saturating_sub(self.waiting(tenant, now).await?)).unwrap_or(0);
        if due.len() > room {
            // No row is kept of them, so the next error of such a group raises it again.
            tracing::warn!(groups = due.len() - room, "more groups are to be told of than anybody can read");
        }
        for (fingerprint, reason) in due.into_iter().take(room) {
            self.put_down(tenant, fingerprint, *reason, now).await?;
        }
        Ok(())
    }

    /// Messages that nobody has read yet.
    async fn waiting(&self, tenant: &TenantId, now: OffsetDateTime) -> Result<u64, StoreError> {
        let waiting = scope::find::<notice::Entity>(tenant)
            .filter(notice::Column::Message.is_null())
            .filter(notice::Column::Tries.lt(TRIES))
            .filter(notice::Column::RaisedAt.gt(Timestamp::from(now - EDITED_FOR)));
        Ok(waiting.count(self.store.reader()).await?)
    }

    async fn put_down(
        &self,
        tenant: &TenantId,
        fingerprint: &Fingerprint,
        reason: Reason,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let fresh = notice::ActiveModel {
            tenant: Set(tenant.as_str().to_owned()),
            fingerprint: Set(fingerprint.as_str().to_owned()),
            reason: Set(reason.as_str().to_owned()),
            raised_at: Set(now.into()),
            channel: Set(None),
            message: Set(None),
            told_total: Set(0),
            told_state: Set(State::Open.number()),
            tries: Set(0),
            next_at: Set(now.into()),
        };
        let tx = self.store.begin().await?;
        // Not an update: a second process that raises the same at the same time finds the row there.
        scope::delete::<notice::Entity>(tenant)
            .filter(notice::Column::Fingerprint.eq(fingerprint.as_str()))
            .filter(notice::Column::Reason.eq(reason.as_str()))
            .filter(notice::Column::RaisedAt.lte(Timestamp::from(now - COOL_DOWN)))
            .exec(tx.conn())
            .await?;
        match notice::Entity::insert(fresh).exec_without_returning(tx.conn()).await.map_err(Into::into) {
            Ok(_) => tx.commit().await,
            Err(StoreError::Duplicate(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn tell_of(
        &self,
        tenant: &TenantId,
        channel: ChannelId,
        row: &notice::Model,
        view: &View,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let link = link_of(row);
        let (total, state) = (i64::try_from(view.total).unwrap_or(i64::MAX), view.state.number());
        if link.is_some() && (row.told_total, row.told_state) == (total, state) {
            return Ok(());
        }
        if link.is_none() && self.posts.take(()).is_err() {
            return Ok(());
        }
        let document = self.document(row, view, now).await?;
        let told = match link {
            Some(link) => self.courier.edit(tenant, link, &document).await.map(|()| link),
            None => {
                let posted = self.courier.post(tenant, channel, &document, &nonce(row)).await;
                posted.map(|message| MessageLink { channel, message })
            }
        };
        let change = scope::update::<notice::Entity>(tenant)
            .filter(notice::Column::Fingerprint.eq(row.fingerprint.as_str()))
            .filter(notice::Column::Reason.eq(row.reason.as_str()))
            .filter(notice::Column::RaisedAt.eq(row.raised_at));
        let change = match &told {
            Ok(link) => change
                .col_expr(notice::Column::Channel, Expr::value(link.channel.to_string()))
                .col_expr(notice::Column::Message, Expr::value(link.message.to_string()))
                .col_expr(notice::Column::ToldTotal, Expr::value(total))
                .col_expr(notice::Column::ToldState, Expr::value(state))
                .col_expr(notice::Column::Tries, Expr::value(0))
                .col_expr(notice::Column::NextAt, Expr::value(Timestamp::from(now + EDIT_PAUSE))),
            Err(error) => {
                let tries = self.failed(error, row, link.is_some());
                let pause = pause_after(tries).max(error.retry_after.unwrap_or_default());
                change
                    .col_expr(notice::Column::Tries, Expr::value(tries))
                    .col_expr(notice::Column::NextAt, Expr::value(Timestamp::from(now + pause)))
            }
        };
        let tx = self.store.begin().await?;
        change.exec(tx.conn()).await?;
        tx.commit().await
    }

    /// Says in the log that a message did not get there, and how many attempts count. Somebody may have deleted the
    /// message, which is as good as having read it: it is not written again.
    fn failed(&self, error: &Error, row: &notice::Model, edited: bool) -> i32 {
        if edited && error.code == "guild_unknown" {
            return TRIES;
        }
        let tries = row.tries.saturating_add(1);
        let last = if tries >= TRIES { "; it is given up" } else { "" };
        let (reason, fingerprint) = (row.reason.as_str(), row.fingerprint.as_str());
        tracing::warn!(
            code = error.code,
            fingerprint,
            reason,
            tries,
            "the operators' channel cannot be told of an error{last}: {}",
            self.scrub.all(&error.causes())
        );
        tries
    }

    async fn document(
        &self,
        row: &notice::Model,
        view: &View,
        now: OffsetDateTime,
    ) -> Result<Document, StoreError> {
        let samples = self.book.samples(&Scope::Everyone, &view.fingerprint, 1).await?;
        let trends = self.book.trends(&Scope::Everyone, std::slice::from_ref(&view.fingerprint), now).await?;
        let reason = Reason::of(&row.reason);
        let resolved = view.state == State::Resolved;
        let tone = match (resolved, reason) {
            (true, _) => Tone::Good,
            (false, Reason::Critical) => Tone::Bad,
            (false, _) => Tone::Warning,
        };
        let title = if resolved { "Error resolved" } else { reason.title() };
        let mut document = Document::titled(format!("{title}: {}", view.code)).tone(tone);
        if !view.cause.is_empty() {
            document = document.code(self.scrub.all(&view.cause).into_owned());
        }
        document = document
            .field("Operation", view.operation.as_str())
            .field("Kind", view.kind.as_str())
            .field("Times", view.total.to_string())
            .field("Communities", view.communities.to_string())
            .field("First", guildhall_core::Rich::new().ago(view.first))
            .field("Last", guildhall_core::Rich::new().ago(view.last));
        if let Some(trend) = trends.get(&view.fingerprint) {
            document = document.field("Last day", guildhall_core::Rich::new().code(trend::bars(trend)));
        }
        if let Some(sample) = samples.first() {
            if let Some(reference) = &sample.reference {
                document = document.field("Reference", guildhall_core::Rich::new().code(reference));
            }
            if let Some(trace) = &sample.trace {
                document = document.field("Trace", guildhall_core::Rich::new().code(trace));
            }
        }
        if let (true, Some(note)) = (resolved, &view.note) {
            document = document.field("Note", self.scrub.all(note).into_owned());
        }
        let input = json!({ "error": view.fingerprint });
        document = document.action(Action::new("Show", "errors show", input.clone()).style(Style::Primary));
        if !resolved {
            document = document.action(Action::new("Resolve", "errors resolve", input).asking(&["note"]));
        }
        Ok(document)
    }
}

/// Why this group is to be told of now, if it is.
fn reason(
    view: &View,
    came_back: bool,
    (before, now_hour): (u64, u64),
    now: OffsetDateTime,
) -> Option<Reason> {
    let failure = !view.kind.is_refusal();
    let new = now - view.first < Duration::from_secs(3_600);
    // An open breaker answers with this code; see `core::upstream`.
    let away = view.code == "upstream_down";
    let bug = view.kind == guildhall_core::Kind::Bug;
    let floor = if failure { DOUBLED_FAILURES } else { DOUBLED_REFUSALS };
    if came_back {
        return Some(Reason::CameBack);
    }
    if away || new && bug {
        return Some(Reason::Critical);
    }
    if new && (failure || view.total >= NEW_REFUSALS) {
        return Some(Reason::New);
    }
    (!new && now_hour >= floor && now_hour >= before.saturating_mul(2)).then_some(Reason::Doubled)
}

/// The same for the same message, so that one that was posted before a crash is not posted twice.
fn nonce(row: &notice::Model) -> String {
    let seconds = row.raised_at.micros().div_euclid(1_000_000);
    let initial = row.reason.get(..2).unwrap_or("x");
    format!("{}{initial}{:x}", row.fingerprint, seconds.rem_euclid(0xfff_ffff))
}

fn link_of(row: &notice::Model) -> Option<MessageLink> {
    let channel: ChannelId = row.channel.as_deref()?.parse().ok()?;
    let message: MessageId = row.message.as_deref()?.parse().ok()?;
    Some(MessageLink { channel, message })
}

fn pause_after(tries: i32) -> Duration {
    let doublings = u32::try_from(tries.clamp(1, 16) - 1).unwrap_or(0);
    FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
}
