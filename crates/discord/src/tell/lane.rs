//! One topic's events, carried out in order.
//!
//! Every step is noted as soon as it is done, so carrying out an event again goes on where it stopped. The
//! one gap is between sending a message and noting it: Discord itself recognises the same nonce for some
//! minutes, and the first message of a thread is looked for by its content after that.

use std::{collections::VecDeque, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt as _;
use guildhall_core::{Document, Error, Event, Rich, error::panic_text, event::Tell};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use twilight_model::channel::message::Component;

use super::{Teller, topic::Topic};
use crate::{
    desk::Desk,
    meters, patience, render,
    rest::{Body, Place, RestError},
};

/// Discord's limit for a thread's name.
const TITLE: usize = 100;
/// Messages looked through for one that may have been sent before a crash.
const LOOK_BACK: u16 = 50;
/// How far Discord's clock and ours may be apart.
const SKEW: Duration = Duration::from_secs(120);
/// How often telling an event may panic before the event is skipped.
const PANICS: u32 = 3;
/// Discord: the thread is archived.
const ARCHIVED: u64 = 50_083;
/// Discord: the message is unknown.
const UNKNOWN_MESSAGE: u64 = 10_008;

/// One topic's worker.
pub(super) struct Lane {
    teller: Arc<Teller>,
    name: String,
    inbox: mpsc::UnboundedReceiver<Event>,
    report: mpsc::UnboundedSender<(String, i64)>,
    stop: CancellationToken,
    /// The newest status that is not shown yet.
    status: Option<Event>,
    /// What is being told, in order; it stays here until it is dealt with.
    at_work: VecDeque<Event>,
    /// Panics since an event was last dealt with.
    panics: u32,
}

/// What keeps an event from being told.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Rest(#[from] RestError),
    #[error("the notebook cannot be used: {0}")]
    Notebook(#[from] Error),
}

impl Lane {
    pub(super) fn new(
        teller: Arc<Teller>,
        name: String,
        inbox: mpsc::UnboundedReceiver<Event>,
        report: mpsc::UnboundedSender<(String, i64)>,
        stop: CancellationToken,
    ) -> Self {
        Self { teller, name, inbox, report, stop, status: None, at_work: VecDeque::new(), panics: 0 }
    }

    /// Tells until the teller lets the lane go. After a panic it starts over with everything it had.
    pub(super) async fn run(mut self) {
        while let Err(panic) = AssertUnwindSafe(self.work()).catch_unwind().await {
            if !self.start_over(&panic_text(panic.as_ref())).await {
                return;
            }
        }
    }

    async fn work(&mut self) {
        loop {
            while let Some(event) = self.at_work.front() {
                if !self.carry_out(event).await {
                    return;
                }
                self.at_work.pop_front();
                self.panics = 0;
            }
            if !self.take_up().await {
                return;
            }
        }
    }

    /// Waits for what is to be told next. `false` when nothing more comes.
    async fn take_up(&mut self) -> bool {
        loop {
            let due = if self.status.is_some() { Some(self.due().await) } else { None };
            let clock = self.teller.clock.clone();
            let stop = self.stop.clone();
            let event = tokio::select! {
                biased;
                () = stop.cancelled() => return false,
                () = clock.sleep_until(due.unwrap_or_else(|| clock.now())), if due.is_some() => {
                    self.at_work.extend(self.status.take());
                    return true;
                }
                event = self.inbox.recv() => event,
            };
            match event {
                None => return false,
                Some(event) if matches!(event.tell, Some(Tell::Status { .. })) => {
                    // Only the newest matters.
                    if let Some(older) = self.status.replace(event) {
                        meters::told("overtaken");
                        self.done(older.cursor);
                    }
                }
                Some(event) => {
                    if matches!(event.tell, Some(Tell::Close { .. })) {
                        self.at_work.extend(self.status.take());
                    }
                    self.at_work.push_back(event);
                    return true;
                }
            }
        }
    }

    /// After a panic: pauses, or skips the event that panics every time. `false` when it is time to stop.
    async fn start_over(&mut self, panic: &str) -> bool {
        self.panics += 1;
        meters::told("panicked");
        let (tenant, topic) = (&self.teller.community.tenant, self.name.as_str());
        tracing::error!(%tenant, topic, "telling an event panicked: {panic}");
        if self.panics < PANICS {
            tokio::select! {
                () = self.stop.cancelled() => return false,
                () = self.teller.clock.sleep(patience::pause(self.panics - 1)) => return true,
            }
        }
        self.panics = 0;
        if let Some(event) = self.at_work.pop_front().or_else(|| self.status.take()) {
            let (kind, cursor) = (event.kind.as_str(), event.cursor);
            tracing::error!(%tenant, topic, kind, cursor, "an event is skipped: telling it panics every time");
            meters::told("skipped");
            self.done(cursor);
        }
        true
    }

    fn done(&self, cursor: i64) {
        // The teller outlives its lanes, except at the end, when nobody counts any more.
        let _ = self.report.send((self.name.clone(), cursor));
    }

    /// When the status message may be changed again.
    async fn due(&self) -> time::OffsetDateTime {
        let topic = self.topic().await.ok().flatten();
        topic.map_or(time::OffsetDateTime::UNIX_EPOCH, |topic| {
            topic.last_edit() + self.teller.timing.status_every
        })
    }

    async fn topic(&self) -> Result<Option<Topic>, Error> {
        self.teller.desk.topics.get(&self.teller.community.tenant, &self.name).await
    }

    async fn put(&self, topic: &Topic) -> Result<(), Error> {
        self.teller.desk.topics.put(&self.teller.community.tenant, &self.name, topic).await
    }

    /// Tells one event, again and again while that can help. `false` when telling has to wait for a restart.
    async fn carry_out(&self, event: &Event) -> bool {
        let clock = self.teller.clock.as_ref();
        let until = clock.now() + self.teller.timing.give_up_after;
        let mut failed = 0;
        loop {
            let trouble = match self.tell(event).await {
                Ok(outcome) => {
                    meters::told(outcome);
                    break;
                }
                Err(trouble) => trouble,
            };
            let tenant = &self.teller.community.tenant;
            let (kind, topic, cursor) = (event.kind.as_str(), self.name.as_str(), event.cursor);
            match &trouble {
                Trouble::Rest(error @ RestError::Token) => {
                    tracing::error!(%tenant, topic, "events cannot be told: {error}");
                    meters::told("token");
                    return false;
                }
                Trouble::Rest(error) if !error.is_transient() => {
                    tracing::warn!(%tenant, topic, kind, cursor, "an event could not be told: {error}");
                    meters::told(error.as_str());
                    self.give_up_on_lost(error).await;
                    break;
                }
                _ => {}
            }
            let pause = patience::pause(failed);
            if clock.now() + pause > until {
                tracing::warn!(%tenant, topic, kind, cursor, "an event was given up: {trouble}");
                meters::told("gave_up");
                break;
            }
            tracing::debug!(%tenant, topic, kind, cursor, "an event is told later: {trouble}");
            tokio::select! {
                () = self.stop.cancelled() => return false,
                () = clock.sleep(pause) => failed += 1,
            }
        }
        self.done(event.cursor);
        true
    }

    /// Remembers that a thread or message has been taken away, so that nothing more is tried with it.
    async fn give_up_on_lost(&self, error: &RestError) {
        let RestError::Gone { code, .. } = error else { return };
        let Ok(Some(mut topic)) = self.topic().await else { return };
        if *code == UNKNOWN_MESSAGE {
            topic.status = None;
        } else {
            topic.lost = true;
        }
        if let Err(error) = self.put(&topic).await {
            tracing::debug!("a lost thread could not be noted: {}", error.causes());
        }
    }

    async fn tell(&self, event: &Event) -> Result<&'static str, Trouble> {
        match &event.tell {
            None => Ok("nothing"),
            Some(Tell::Announce { title, .. }) => self.open(event, title, true).await,
            Some(Tell::Open { title, .. }) => self.open(event, title, false).await,
            Some(Tell::Status { .. }) => self.show(event).await,
            Some(Tell::Say { .. }) => self.say(event, false).await,
            Some(Tell::Close { .. }) => self.say(event, true).await,
        }
    }

    /// A message in the announcement channel with a thread on it. The status message is the announcement
    /// itself, or else the first message in the thread.
    async fn open(&self, event: &Event, title: &str, announce: bool) -> Result<&'static str, Trouble> {
        let Desk { post, rest, .. } = self.teller.desk.as_ref();
        let mut topic = self.topic().await?.unwrap_or_default();
        if topic.opened > event.cursor || (topic.opened == event.cursor && topic.status.is_some()) {
            return Ok("told_before");
        }
        if topic.opened != event.cursor {
            topic = Topic { opened: event.cursor, ..Topic::default() };
        }
        let again = topic.opening.is_some();
        let title = title_of(title, &self.name);
        let opener = match topic.opener {
            Some(opener) => opener,
            None => {
                let channel = self.teller.community.announce_channel;
                let components = if announce {
                    self.components(event.document.as_ref()).await
                } else {
                    self.components(Some(&Document::default().text(Rich::new().strong(title.as_str())))).await
                };
                let found = if again { self.find(channel, &components, &topic).await? } else { None };
                let opener = match found {
                    Some(opener) => opener,
                    None => {
                        topic.opening = Some(self.teller.clock.now().unix_timestamp());
                        self.put(&topic).await?;
                        let body = Body::of(&components).nonce(nonce(event, "o"));
                        post.unhurried(|| rest.send(channel, &body)).await?
                    }
                };
                let Teller { desk, community, .. } = self.teller.as_ref();
                desk.topics.claim(&community.tenant, &self.name, opener).await?;
                topic.opener = Some(opener);
                self.put(&topic).await?;
                opener
            }
        };
        let thread = match topic.thread {
            Some(thread) => thread,
            None => {
                let thread = post.unhurried(|| rest.open_thread(opener, &title)).await?;
                topic.thread = Some(thread);
                self.put(&topic).await?;
                thread
            }
        };
        let status = if announce {
            opener
        } else {
            let components = self.components(event.document.as_ref()).await;
            let found = if again { self.find(thread, &components, &topic).await? } else { None };
            match found {
                Some(status) => status,
                None => {
                    let body = Body::of(&components).nonce(nonce(event, "s"));
                    post.unhurried(|| rest.send(thread, &body)).await?
                }
            }
        };
        topic.status = Some(status);
        topic.opening = None;
        topic.said = event.cursor;
        self.shown(&mut topic, event);
        self.put(&topic).await?;
        Ok("opened")
    }

    async fn show(&self, event: &Event) -> Result<&'static str, Trouble> {
        let Some(mut topic) = self.topic().await?.filter(|topic| !topic.lost) else { return Ok("no_thread") };
        if event.cursor <= topic.shown {
            return Ok("told_before");
        }
        let Some(status) = topic.status else { return Ok("no_thread") };
        let components = self.components(event.document.as_ref()).await;
        let body = Body::of(&components);
        let Desk { post, rest, .. } = self.teller.desk.as_ref();
        let edit = || post.unhurried(|| rest.edit(status, &body));
        match edit().await {
            Err(error) if error.code() == ARCHIVED && !topic.closed => {
                post.unhurried(|| rest.close_thread(status.channel, false)).await?;
                edit().await?;
            }
            other => other?,
        }
        self.shown(&mut topic, event);
        self.put(&topic).await?;
        Ok("shown")
    }

    async fn say(&self, event: &Event, close: bool) -> Result<&'static str, Trouble> {
        let Desk { post, rest, .. } = self.teller.desk.as_ref();
        let topic = self.topic().await?.filter(|topic| !topic.lost);
        let Some((mut topic, thread)) = topic.and_then(|topic| topic.thread.map(|thread| (topic, thread)))
        else {
            return Ok("no_thread");
        };
        let said = event.cursor <= topic.said;
        if said && (!close || topic.closed) {
            return Ok("told_before");
        }
        if !said {
            if let Some(document) = &event.document {
                let components = self.components(Some(document)).await;
                let body = Body::of(&components).nonce(nonce(event, "m"));
                let send = || post.unhurried(|| rest.send(thread, &body));
                match send().await {
                    Err(error) if error.code() == ARCHIVED => {
                        post.unhurried(|| rest.close_thread(thread, false)).await?;
                        send().await?;
                    }
                    other => drop(other?),
                }
            }
            topic.said = event.cursor;
            self.put(&topic).await?;
        }
        if close {
            post.unhurried(|| rest.close_thread(thread, true)).await?;
            topic.closed = true;
            self.put(&topic).await?;
            return Ok("closed");
        }
        Ok("said")
    }

    fn shown(&self, topic: &mut Topic, event: &Event) {
        let milliseconds = self.teller.clock.now().unix_timestamp_nanos() / 1_000_000;
        topic.shown_at = i64::try_from(milliseconds).unwrap_or_default();
        topic.shown = event.cursor;
    }

    async fn components(&self, document: Option<&Document>) -> Vec<Component> {
        let empty = Document::default();
        let rendered = render::document(document.unwrap_or(&empty));
        self.teller.desk.post.page(&self.teller.community.tenant, rendered, 0).await
    }

    /// A message of ours with the same words, sent since the topic was about to be opened. Two sessions of one
    /// day are announced in the same words, so one that belongs to another topic is passed over.
    async fn find(
        &self,
        channel: u64,
        components: &[Component],
        topic: &Topic,
    ) -> Result<Option<Place>, Trouble> {
        let Teller { desk, community, .. } = self.teller.as_ref();
        let me = desk.post.unhurried(|| desk.rest.me()).await?;
        let messages = desk.post.unhurried(|| desk.rest.recent(channel, LOOK_BACK)).await?;
        let since = Duration::from_secs(u64::try_from(topic.opening.unwrap_or_default()).unwrap_or_default());
        let wanted = words(&serde_json::to_value(components).unwrap_or_default());
        let like_it = messages.into_iter().filter(|message| {
            message.author.as_ref().is_some_and(|author| author.id.0 == me)
                && sent_at(message.id.0) + SKEW >= since
                && words(&message.components) == wanted
        });
        for message in like_it {
            if !desk.topics.is_anothers(&community.tenant, &self.name, message.id.0).await? {
                return Ok(Some(Place { channel, message: message.id.0 }));
            }
        }
        Ok(None)
    }
}

/// When a snowflake was made, since 1970 (<https://discord.com/developers/docs/reference#snowflakes>).
fn sent_at(snowflake: u64) -> Duration {
    Duration::from_millis((snowflake >> 22) + 1_420_070_400_000)
}

/// All text in a message's components, in order.
fn words(components: &Value) -> Vec<String> {
    match components {
        Value::Array(parts) => parts.iter().flat_map(words).collect(),
        Value::Object(part) => {
            let own = part.get("content").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(part.get("components").map(words).unwrap_or_default()).collect()
        }
        _ => Vec::new(),
    }
}

/// At most 25 characters, Discord's limit: a cursor has up to 19.
fn nonce(event: &Event, step: &str) -> String {
    format!("g{}{step}", event.cursor)
}

fn title_of(title: &str, topic: &str) -> String {
    let shown: String = [title, topic, "…"]
        .into_iter()
        .map(|text| text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>())
        .map(|text| text.trim().to_owned())
        .find(|text| !text.is_empty())
        .unwrap_or_default();
    render::shortened(&shown, TITLE)
}
