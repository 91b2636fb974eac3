//! Gathers the lines of a moment and posts them together: a raid that deletes a channel's messages one by
//! one must not use up what Discord lets the bot write.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use guildhall_core::{
    Clock, Document, Error, Face, Kind, TenantId,
    guild::{ChannelId, Courier, UserId},
    incident::{Observer, Occurrence},
};
use metrics::counter;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::entry::Entry;

/// Lines that wait in all. What does not fit is lost and counted.
const WAITING: usize = 4_096;
/// How long lines are gathered. Discord's audit log entry, which says who did it, comes within that time.
const GATHER: Duration = Duration::from_millis(1_500);
/// Lines in one post.
const TOGETHER: usize = 8;
/// Posts a channel in one moment; what is more is summed up in the last.
const POSTS: usize = 4;

/// Something for the mailbox.
pub(crate) enum Letter {
    /// A line for a channel.
    Line { tenant: TenantId, channel: ChannelId, entry: Box<Entry> },
    /// Who did something to whom, from Discord's audit log.
    Audited { tenant: TenantId, action: u16, target: u64, by: Option<UserId>, reason: Option<String> },
}

/// The way into the mailbox. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Slot {
    letters: mpsc::Sender<Letter>,
    lost: Arc<AtomicU64>,
}

impl Slot {
    pub(crate) fn put(&self, letter: Letter) {
        if self.letters.try_send(letter).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
            counter!("guildhall_logs_lost_total").increment(1);
        }
    }

    /// Lines lost because too many waited.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

/// Posts what comes in.
pub(crate) struct Mailbox {
    letters: mpsc::Receiver<Letter>,
    courier: Arc<dyn Courier>,
    observer: Arc<dyn Observer>,
    clock: Arc<dyn Clock>,
}

type Place = (TenantId, ChannelId);

impl Mailbox {
    pub(crate) fn new(
        courier: Arc<dyn Courier>,
        observer: Arc<dyn Observer>,
        clock: Arc<dyn Clock>,
    ) -> (Slot, Self) {
        let (sender, letters) = mpsc::channel(WAITING);
        (Slot { letters: sender, lost: Arc::default() }, Self { letters, courier, observer, clock })
    }

    /// Posts until `stop`, then what has come in by then.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut letters = Vec::new();
        loop {
            let open = tokio::select! {
                biased;
                () = stop.cancelled() => false,
                count = self.letters.recv_many(&mut letters, WAITING) => count > 0,
            };
            if open {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = self.clock.sleep(GATHER) => {}
                }
            }
            while let Ok(letter) = self.letters.try_recv() {
                letters.push(letter);
            }
            for ((tenant, channel), entries) in gather(letters.drain(..)) {
                self.post(&tenant, channel, &entries).await;
            }
            if !open {
                return;
            }
        }
    }

    async fn post(&self, tenant: &TenantId, channel: ChannelId, entries: &[Entry]) {
        let most = TOGETHER * POSTS;
        for (at, chunk) in entries[..entries.len().min(most)].chunks(TOGETHER).enumerate() {
            let mut document = chunk.iter().fold(Document::default(), |document, entry| {
                let document = if document.blocks.is_empty() { document } else { document.divider() };
                entry.write(document)
            });
            let left_out = entries.len().saturating_sub(most);
            if left_out > 0 && at + 1 == POSTS {
                counter!("guildhall_logs_summed_up_total").increment(left_out as u64);
                document = document.divider().text(format!("… and {left_out} more in the same moment."));
            }
            let nonce = self.clock.uuid().simple().to_string();
            if let Err(error) = self.courier.post(tenant, channel, &document, &nonce[..24]).await {
                self.report(tenant, &error);
                return;
            }
        }
    }

    /// A log channel that is gone must not be found out by nobody.
    fn report(&self, tenant: &TenantId, error: &Error) {
        counter!("guildhall_logs_unposted_total").increment(1);
        self.observer.notice(Occurrence {
            at: self.clock.now(),
            code: if error.kind == Kind::NotFound { "log_channel_gone" } else { error.code },
            kind: error.kind,
            operation: "logs".to_owned(),
            detail: error.causes(),
            tenant: tenant.clone(),
            actor: None,
            face: Face::System,
            call: None,
            trace: None,
        });
    }
}

/// Sorts lines by channel, in order, and names who did what.
fn gather(letters: impl Iterator<Item = Letter>) -> HashMap<Place, Vec<Entry>> {
    let mut places: HashMap<Place, Vec<Entry>> = HashMap::new();
    let mut audited = Vec::new();
    for letter in letters {
        match letter {
            Letter::Line { tenant, channel, entry } => {
                places.entry((tenant, channel)).or_default().push(*entry);
            }
            Letter::Audited { tenant, action, target, by, reason } => {
                audited.push((tenant, action, target, by, reason));
            }
        }
    }
    for ((tenant, _), entries) in &mut places {
        for entry in entries {
            let Some((actions, target)) = entry.audited else { continue };
            let said = audited.iter().find(|(whose, action, whom, ..)| {
                whose == tenant && *whom == target && actions.contains(action)
            });
            if let Some((_, action, _, by, reason)) = said {
                match action {
                    20 => entry.more.push("was thrown out".into()),
                    22 => entry.more.push("was banned".into()),
                    _ => {}
                }
                entry.by(*by, reason.as_deref());
            }
        }
    }
    places
}
