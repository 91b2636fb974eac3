//! The domain: hears what happens, and keeps what people wrote for as long as it may.

use std::{
    collections::BTreeSet,
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use guildhall_core::{
    Clock, Error, EventLog, TenantId,
    guild::{ChannelId, Courier, Guild, GuildEvent, GuildListener, Guilds, Message, MessageId},
    incident::Observer,
    notebook::Notebook,
    setting::{self, Setting, Settings},
};
use guildhall_store::Store;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    change::Changes,
    entry::{self, Entry},
    mailbox::{Letter, Mailbox, Slot},
    memory::Memory,
    setting::{BOTS, FEATURE, IGNORED, KEEP, MESSAGES, VOICE},
};

/// Messages that wait to be kept. What does not fit is shown as not known when it is deleted.
const UNKEPT: usize = 8_192;
/// How often messages are written down; in between they are in memory.
const WRITE_EVERY: Duration = Duration::from_millis(500);
/// How often what is too old is forgotten. Nothing is kept longer than the guild says plus this.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// The logs of all communities.
pub struct Logs {
    pub(crate) settings: Arc<dyn Settings>,
    pub(crate) places: Vec<&'static Setting>,
    pub(crate) guilds: Arc<dyn Guilds>,
    pub(crate) courier: Arc<dyn Courier>,
    memory: Memory,
    clock: Arc<dyn Clock>,
    unkept: Mutex<Vec<(TenantId, Message)>>,
    something_unkept: Notify,
    writing: tokio::sync::Mutex<()>,
    slot: Slot,
    mailbox: Mutex<Option<Mailbox>>,
    changes: Changes,
    /// Whether anything has ever been heard of any guild; not so without a gateway.
    heard: AtomicBool,
}

/// What the logs work with.
pub struct Parts {
    /// Where messages are kept.
    pub store: Store,
    /// What each community has set.
    pub settings: Arc<dyn Settings>,
    /// Every setting that names a channel which staff reads such things in, of whichever crate: what is
    /// written in those is never logged, or one entry would bring forth the next and a report be told on.
    pub places: Vec<&'static Setting>,
    /// Names of channels and roles.
    pub guilds: Arc<dyn Guilds>,
    /// Writes the logs.
    pub courier: Arc<dyn Courier>,
    /// Changes of the community's own: settings, ranks.
    pub events: Arc<dyn EventLog>,
    /// How far the changes have been read.
    pub notebook: Arc<dyn Notebook>,
    /// Hears of a log that cannot be written.
    pub observer: Arc<dyn Observer>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
}

impl Logs {
    /// The logs; nothing is written before [`Logs::run`].
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { store, settings, places, guilds, courier, events, notebook, observer, clock } = parts;
        let (slot, mailbox) = Mailbox::new(courier.clone(), observer, clock.clone());
        Arc::new(Self {
            changes: Changes::new(events, notebook, clock.clone()),
            memory: Memory::new(store),
            settings,
            places,
            guilds,
            courier,
            clock,
            unkept: Mutex::default(),
            something_unkept: Notify::new(),
            writing: tokio::sync::Mutex::default(),
            slot,
            mailbox: Mutex::new(Some(mailbox)),
            heard: AtomicBool::new(false),
        })
    }

    /// Lines that were lost because too many waited.
    pub fn lost(&self) -> u64 {
        self.slot.lost()
    }

    /// Writes logs, reads changes and forgets messages, until `shutdown`.
    ///
    /// Runs once: a second call returns when the first has taken the mailbox.
    pub async fn run(self: Arc<Self>, shutdown: impl Future<Output = ()> + Send) {
        let mailbox = self.mailbox.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mailbox) = mailbox else { return };
        let stop = CancellationToken::new();
        let ending = async {
            shutdown.await;
            stop.cancel();
        };
        tokio::join!(
            ending,
            mailbox.run(stop.clone()),
            self.changes.follow(&self, stop.clone()),
            self.keep(&stop),
            self.forget(&stop),
        );
    }

    /// Whether Guildhall has heard of anything that happens in guilds since it was started.
    pub(crate) fn hears_of_guilds(&self) -> bool {
        self.heard.load(Ordering::Relaxed)
    }

    /// Where a log is written; nowhere when it has no channel or all logs are switched off.
    async fn place(&self, tenant: &TenantId, log: &'static Setting) -> Result<Option<ChannelId>, Error> {
        let settings = self.settings.as_ref();
        match setting::get::<Option<ChannelId>>(settings, tenant, log).await? {
            Some(channel) if setting::get::<bool>(settings, tenant, &FEATURE).await? => Ok(Some(channel)),
            _ => Ok(None),
        }
    }

    /// Whether messages of a channel are logged, and so may be kept at all.
    async fn hears(&self, tenant: &TenantId, channel: ChannelId) -> Result<bool, Error> {
        Ok(self.place(tenant, &MESSAGES).await?.is_some()
            && !self.ignores(tenant, &MESSAGES, channel).await?)
    }

    /// Puts a line into a log, if the community has that log and does not ignore the channel.
    pub(crate) async fn write(&self, tenant: &TenantId, entry: Entry) -> Result<(), Error> {
        let Some(channel) = self.place(tenant, entry.log).await? else { return Ok(()) };
        for about in &entry.about {
            if self.ignores(tenant, entry.log, *about).await? {
                return Ok(());
            }
        }
        self.slot.put(Letter::Line { tenant: tenant.clone(), channel, entry: Box::new(entry) });
        Ok(())
    }

    /// Whether nothing of a channel goes to a log: it is on the list, or its category is, or it is a thread of
    /// such a channel; for what people write, one of staff's own places counts as being on the list.
    async fn ignores(&self, tenant: &TenantId, log: &Setting, channel: ChannelId) -> Result<bool, Error> {
        let settings = self.settings.as_ref();
        let mut ignored: BTreeSet<ChannelId> = setting::get(settings, tenant, &IGNORED).await?;
        // That somebody opens the reports to everybody is to be logged all the same.
        let written = log.key == MESSAGES.key;
        for place in self.places.iter().filter(|_| written) {
            ignored.extend(setting::get::<Option<ChannelId>>(settings, tenant, place).await?);
        }
        if ignored.is_empty() || ignored.contains(&channel) {
            return Ok(!ignored.is_empty());
        }
        let mut child = channel;
        // A thread's channel, and that one's category; there is nothing above.
        for _ in 0..2 {
            let found = self.guilds.channel(tenant, child).await.ok().flatten();
            match found.and_then(|channel| channel.parent) {
                Some(parent) if ignored.contains(&parent) => return Ok(true),
                Some(parent) => child = parent,
                None => return Ok(false),
            }
        }
        Ok(false)
    }

    async fn guild(&self, tenant: &TenantId) -> Option<Guild> {
        self.guilds.guild(tenant).await.ok()
    }

    async fn hear(&self, tenant: &TenantId, event: &GuildEvent) -> Result<(), Error> {
        let settings = self.settings.as_ref();
        match event {
            GuildEvent::MessageWritten(message) => {
                if (message.author.bot && !self.bots(tenant).await?)
                    || !self.hears(tenant, message.channel).await?
                {
                    return Ok(());
                }
                if let Some(keep) = setting::duration(settings, tenant, &KEEP).await? {
                    self.remember(tenant, message, keep);
                }
                return Ok(());
            }
            GuildEvent::MessageEdited { before, after } => {
                // Discord tells of a picture that was added to a link in the same way.
                if before.as_ref() == Some(&after.content)
                    || (after.author.bot && !self.bots(tenant).await?)
                    || !self.hears(tenant, after.channel).await?
                {
                    return Ok(());
                }
                let mut before = before.clone();
                let keep = setting::duration(settings, tenant, &KEEP).await?;
                before = before.filter(|_| keep.is_some());
                if let Some(keep) = keep {
                    self.write_down().await?;
                    if let Some(kept) = self.memory.recall(tenant, &[after.id], false).await?.pop() {
                        before = Some(kept.content);
                    }
                    self.remember(tenant, after, keep);
                }
                let event = GuildEvent::MessageEdited { before, after: after.clone() };
                return self.log(tenant, &event).await;
            }
            GuildEvent::MessagesDeleted { channel, messages, known } => {
                if !self.hears(tenant, *channel).await? {
                    return Ok(());
                }
                self.write_down().await?;
                let mut kept = self.memory.recall(tenant, messages, true).await?;
                if setting::duration(settings, tenant, &KEEP).await?.is_none() {
                    kept.clear();
                } else {
                    let unknown = known.iter().filter(|one| !kept.iter().any(|other| other.id == one.id));
                    let unknown: Vec<Message> = unknown.cloned().collect();
                    kept.extend(unknown);
                }
                if !self.bots(tenant).await? {
                    let bots = |id: MessageId| known.iter().any(|one| one.id == id && one.author.bot);
                    if messages.iter().all(|id| bots(*id)) {
                        return Ok(());
                    }
                    kept.retain(|one| !bots(one.id));
                }
                kept.sort_by_key(|message| message.id);
                let (channel, messages) = (*channel, messages.clone());
                let event = GuildEvent::MessagesDeleted { channel, messages, known: kept };
                return self.log(tenant, &event).await;
            }
            GuildEvent::VoiceMoved { from: Some(from), to } => {
                // Who goes to a channel that is left out has left, and who comes from one has entered.
                let from = if self.ignores(tenant, &VOICE, *from).await? { None } else { Some(*from) };
                let mut to = to.clone();
                if let Some(channel) = to.channel
                    && self.ignores(tenant, &VOICE, channel).await?
                {
                    to.channel = None;
                }
                return self.log(tenant, &GuildEvent::VoiceMoved { from, to }).await;
            }
            GuildEvent::Audited { action, by, target: Some(target), reason, .. } => {
                let (action, target, by, reason) = (*action, *target, *by, reason.clone());
                let tenant = tenant.clone();
                self.slot.put(Letter::Audited { tenant, action, target, by, reason, waited: false });
                return Ok(());
            }
            GuildEvent::Removed => {
                // A guild that removed the bot no longer says how long its messages may be kept.
                let _nobody_writes = self.writing.lock().await;
                self.unkept
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .retain(|(whose, _)| whose != tenant);
                self.memory.forget(tenant, None, self.clock.as_ref()).await?;
                return Ok(());
            }
            _ => {}
        }
        self.log(tenant, event).await
    }

    async fn log(&self, tenant: &TenantId, event: &GuildEvent) -> Result<(), Error> {
        let guild = self.guild(tenant).await;
        match entry::of(event, guild.as_ref(), self.clock.now()) {
            Some(entry) => self.write(tenant, entry).await,
            None => Ok(()),
        }
    }

    async fn bots(&self, tenant: &TenantId) -> Result<bool, Error> {
        setting::get(self.settings.as_ref(), tenant, &BOTS).await
    }

    /// Keeps a message, unless it is older than messages are kept: an edit does not make it young.
    fn remember(&self, tenant: &TenantId, message: &Message, keep: Duration) {
        if self.clock.now() - message.at > keep {
            return;
        }
        let mut unkept = self.unkept.lock().unwrap_or_else(PoisonError::into_inner);
        if unkept.len() < UNKEPT {
            unkept.push((tenant.clone(), message.clone()));
        } else {
            metrics::counter!("guildhall_logs_forgotten_total").increment(1);
        }
        drop(unkept);
        self.something_unkept.notify_one();
    }

    /// Writes down what is only in memory. Of one message only the newest text, as one statement cannot
    /// change a row twice.
    async fn write_down(&self) -> Result<(), Error> {
        // Who comes second waits for the first, so that what has been taken out is found in the store.
        let _one_at_a_time = self.writing.lock().await;
        let taken = std::mem::take(&mut *self.unkept.lock().unwrap_or_else(PoisonError::into_inner));
        let mut newest: Vec<(TenantId, Message)> = Vec::with_capacity(taken.len());
        for (tenant, message) in taken {
            match newest.iter_mut().rev().find(|(whose, other)| *whose == tenant && other.id == message.id) {
                Some(entry) => entry.1 = message,
                None => newest.push((tenant, message)),
            }
        }
        // Databases take a bounded number of values in one statement.
        for chunk in newest.chunks(500) {
            self.memory.keep(chunk).await?;
        }
        Ok(())
    }

    async fn keep(&self, stop: &CancellationToken) {
        loop {
            let going_on = tokio::select! {
                () = stop.cancelled() => false,
                () = self.something_unkept.notified() => true,
            };
            if going_on {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = self.clock.sleep(WRITE_EVERY) => {}
                }
            }
            if let Err(error) = self.write_down().await {
                tracing::warn!("messages could not be kept for the logs: {}", error.causes());
            }
            if !going_on {
                return;
            }
        }
    }

    async fn forget(&self, stop: &CancellationToken) {
        loop {
            if let Err(error) = self.forget_old().await {
                tracing::warn!("old messages could not be forgotten: {}", error.causes());
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.clock.sleep(FORGET_EVERY) => {}
            }
        }
    }

    /// Forgets every message that is older than its community keeps them. One community of which that cannot be
    /// read does not make the others' stay.
    async fn forget_old(&self) -> Result<(), Error> {
        let mut outcome = Ok(());
        for tenant in self.memory.tenants().await? {
            if let Err(error) = self.forget_old_of(&tenant).await {
                outcome = Err(error);
            }
        }
        outcome
    }

    async fn forget_old_of(&self, tenant: &TenantId) -> Result<(), Error> {
        // Without a log to show them in, messages are kept for nothing.
        let keep = match self.place(tenant, &MESSAGES).await? {
            Some(_) => setting::duration(self.settings.as_ref(), tenant, &KEEP).await?,
            None => None,
        };
        self.memory.forget(tenant, keep, self.clock.as_ref()).await?;
        Ok(())
    }
}

#[async_trait]
impl GuildListener for Logs {
    fn name(&self) -> &'static str {
        "logs"
    }

    fn wants(&self, kind: &str) -> bool {
        kind != "banned" && kind != "unbanned"
    }

    async fn notice(&self, tenant: &TenantId, event: &GuildEvent) {
        self.heard.store(true, Ordering::Relaxed);
        if let Err(error) = self.hear(tenant, event).await {
            tracing::warn!(%tenant, event = event.kind(), "could not be logged: {}", error.causes());
        }
    }
}
