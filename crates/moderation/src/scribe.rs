//! Keeps channels in step with what they tell of: the mod-log, reports, appeals, and what people are told of
//! their appeals.
//!
//! Whoever changes a case marks its message as due in the same transaction. What is due is written here, after
//! a restart as well, and by one of several processes: it is claimed first.

use std::time::Duration;

use guildhall_core::{
    Document, Error, Kind, TenantId,
    guild::{ChannelId, Delivery, MessageId, MessageLink, UserId},
    setting::{self, Setting},
};
use guildhall_store::{Timestamp, operator, scope};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    Moderation,
    book::{short, spoken},
    case::Told,
    entity::post,
    error::ModerationError,
    page,
    setting::{APPEAL_LOG, MOD_LOG, REPORT_LOG},
};

/// Messages written in one go.
const BATCH: u64 = 50;
/// How long a claim holds; after a crash the message is written after that.
const CLAIM: Duration = Duration::from_secs(60);
/// Tries before a message is given up until its topic changes again.
const ATTEMPTS: i32 = 20;
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(900);

/// Where something is to be written.
pub(crate) enum Letter {
    /// To a channel, where there is one to post it in.
    Channel(Option<ChannelId>, Document),
    /// To a person.
    Person(UserId, Document),
}

impl Moderation {
    /// Writes what is due. Gives how many messages it dealt with, and when the next is due.
    pub(crate) async fn write_due(&self) -> Result<(usize, Option<Timestamp>), ModerationError> {
        let now = Timestamp::from(self.seams.clock.now());
        let rows = operator::find::<post::Entity>()
            .filter(post::Column::Due.lte(now))
            .order_by_asc(post::Column::Due)
            .limit(BATCH)
            .all(self.seams.store.reader())
            .await?;
        let count = rows.len();
        for row in self.without_place(rows).await? {
            self.write_one(row).await?;
        }
        let next = operator::find::<post::Entity>()
            .filter(post::Column::Due.is_not_null())
            .order_by_asc(post::Column::Due)
            .one(self.seams.store.reader())
            .await?;
        Ok((count, next.and_then(|row| row.due)))
    }

    /// Lets those go that are told to the mod-log where there is none, all in one commit: most communities that
    /// have no mod-log have many of them. Gives the others.
    async fn without_place(&self, rows: Vec<post::Model>) -> Result<Vec<post::Model>, ModerationError> {
        let (mut others, mut placeless) = (Vec::new(), Vec::new());
        for row in rows {
            match row.tenant.parse::<TenantId>() {
                Ok(tenant)
                    if row.topic.starts_with("case:")
                        && place(&row).is_none()
                        && self.first_set(&tenant, &[&MOD_LOG]).await?.is_none() =>
                {
                    placeless.push((tenant, row));
                }
                _ => others.push(row),
            }
        }
        if placeless.is_empty() {
            return Ok(others);
        }
        let tx = self.seams.store.begin().await?;
        for (tenant, row) in placeless {
            scope::update::<post::Entity>(&tenant)
                .set(post::ActiveModel { due: Set(None), attempts: Set(0), ..Default::default() })
                .filter(post::Column::Topic.eq(row.topic))
                .filter(post::Column::Due.eq(row.due))
                .exec(tx.conn())
                .await?;
        }
        tx.commit().await?;
        Ok(others)
    }

    async fn write_one(&self, mut row: post::Model) -> Result<(), ModerationError> {
        let Ok(tenant) = row.tenant.parse::<TenantId>() else { return Ok(()) };
        let claim = Timestamp::from(self.seams.clock.now() + CLAIM);
        let tx = self.seams.store.begin().await?;
        let claimed = scope::update::<post::Entity>(&tenant)
            .set(post::ActiveModel {
                due: Set(Some(claim)),
                // Counted before it is tried, so that a try which a crash cut off is known of afterwards.
                attempts: Set(row.attempts.saturating_add(1)),
                ..Default::default()
            })
            .filter(post::Column::Topic.eq(&*row.topic))
            .filter(post::Column::Due.eq(row.due))
            .exec(tx.conn())
            .await?;
        tx.commit().await?;
        if claimed.rows_affected == 0 {
            return Ok(());
        }
        row.due = Some(claim);
        let done = match self.letter_for(&tenant, &row.topic).await {
            Ok(Some(letter)) => self.write_letter(&tenant, &mut row, letter).await,
            Ok(None) => Ok(None),
            Err(error) => Err(error.into()),
        };
        let (due, attempts, note) = match done {
            Ok(note) => (None, 0, note),
            Err(error) if matches!(error.kind, Kind::Upstream | Kind::Limit) && row.attempts < ATTEMPTS => {
                let doubled = Duration::from_secs(1 << row.attempts.clamp(0, 10));
                let pause = error.retry_after.unwrap_or(doubled).min(LONGEST_PAUSE);
                let due = Timestamp::from(self.seams.clock.now() + pause);
                (Some(due), row.attempts + 1, Some(spoken(&error)))
            }
            Err(error) => {
                self.report(&tenant, "moderation-scribe", &error);
                (None, 0, Some(spoken(&error)))
            }
        };
        let columns = post::ActiveModel {
            due: Set(due),
            attempts: Set(attempts),
            channel: Set(row.channel.clone()),
            message: Set(row.message.clone()),
            note: Set(note.map(|note| short(&note, 500))),
            ..Default::default()
        };
        let place =
            post::ActiveModel { channel: Set(row.channel), message: Set(row.message), ..Default::default() };
        let tx = self.seams.store.begin().await?;
        let kept = scope::update::<post::Entity>(&tenant)
            .set(columns)
            .filter(post::Column::Topic.eq(&*row.topic))
            .filter(post::Column::Due.eq(Some(claim)))
            .exec(tx.conn())
            .await?;
        if let Some(appeal) = row.topic.strip_prefix("verdict:") {
            // Its page says whether the person was reached.
            self.post_soon(&tx, &tenant, format!("appeal:{appeal}")).await?;
        }
        if kept.rows_affected == 0 {
            // It changed again meanwhile and is due anew; only where it is has to be kept.
            scope::update::<post::Entity>(&tenant)
                .set(place)
                .filter(post::Column::Topic.eq(&*row.topic))
                .exec(tx.conn())
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Posts, or edits what was posted. Gives what is to be noted about it.
    async fn write_letter(
        &self,
        tenant: &TenantId,
        row: &mut post::Model,
        letter: Letter,
    ) -> Result<Option<String>, Error> {
        let courier = self.seams.courier.as_ref();
        let (channel, document) = match letter {
            Letter::Channel(channel, document) => (channel, document),
            Letter::Person(user, document) => {
                let nonce = short(&row.topic.replace(':', "-"), 25);
                let told = match courier.direct(tenant, user, &document, &nonce).await? {
                    Delivery::Delivered => Told::Delivered,
                    Delivery::Closed => Told::Closed,
                };
                return Ok(Some(told.sentence().to_owned()));
            }
        };
        let mut note = None;
        let mut nonce = short(&row.topic.replace(':', "-"), 25);
        if let Some(at) = place(row) {
            match courier.edit(tenant, at, &document).await {
                Ok(()) => return Ok(None),
                Err(error) if error.kind == Kind::NotFound => {
                    note = Some("The message was deleted, so it was posted anew.".to_owned());
                    // The old nonce would give the old message again.
                    nonce = short(&format!("{}-{}", at.message.0 % 1_000_000, nonce), 25);
                    (row.channel, row.message) = (None, None);
                }
                Err(error) => return Err(error),
            }
        }
        let Some(channel) = channel else { return Ok(note) };
        let message = courier.post(tenant, channel, &document, &nonce).await?;
        row.channel = Some(channel.to_string());
        row.message = Some(message.to_string());
        if row.attempts > 0 {
            // An earlier try may have posted it without our hearing of it. The nonce gives that message then,
            // with what it said at that time.
            courier.edit(tenant, MessageLink { channel, message }, &document).await?;
        }
        Ok(note)
    }

    /// The first of these channels that is set.
    pub(crate) async fn first_set(
        &self,
        tenant: &TenantId,
        channels: &[&'static Setting],
    ) -> Result<Option<ChannelId>, Error> {
        for setting in channels {
            let channel = setting::get::<Option<ChannelId>>(self.seams.settings.as_ref(), tenant, setting);
            if let Some(channel) = channel.await? {
                return Ok(Some(channel));
            }
        }
        Ok(None)
    }

    async fn letter_for(&self, tenant: &TenantId, topic: &str) -> Result<Option<Letter>, ModerationError> {
        let Some((what, number)) = topic.split_once(':') else { return Ok(None) };
        let Ok(number) = number.parse::<i64>() else { return Ok(None) };
        Ok(match what {
            "case" => {
                let row = self.case(tenant, number).await?;
                Some(Letter::Channel(self.first_set(tenant, &[&MOD_LOG]).await?, page::sheet(&row)))
            }
            "report" => {
                let channel = self.first_set(tenant, &[&REPORT_LOG]).await?;
                Some(Letter::Channel(channel, self.report_page(tenant, number).await?))
            }
            "thread" => {
                let thread = self.report_row(tenant, number).await?.place();
                Some(Letter::Channel(thread, self.report_page(tenant, number).await?))
            }
            "appeal" => {
                let channel = self.first_set(tenant, &[&APPEAL_LOG, &REPORT_LOG, &MOD_LOG]).await?;
                Some(Letter::Channel(channel, self.appeal_page(tenant, number).await?))
            }
            "verdict" => self.verdict(tenant, number).await?.map(|(user, text)| Letter::Person(user, text)),
            _ => None,
        })
    }
}

fn place(row: &post::Model) -> Option<MessageLink> {
    let channel: ChannelId = row.channel.as_deref()?.parse().ok()?;
    let message: MessageId = row.message.as_deref()?.parse().ok()?;
    Some(MessageLink { channel, message })
}
