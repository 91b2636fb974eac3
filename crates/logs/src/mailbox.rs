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
/// How long lines are gathered. Discord's audit log entry, which says who did it, comes within that time; so
/// each line waits that long at least.
const GATHER: Duration = Duration::from_millis(1_500);
/// Lines in one post.
const TOGETHER: usize = 8;
/// Characters in one post, about: a log is read by scrolling, so a post is to fit into one message of 4,000.
const ROOM: usize = 3_000;
/// Posts a channel in one moment; what is more is summed up in the last.
const POSTS: usize = 4;

/// Something for the mailbox.
pub(crate) enum Letter {
    /// A line for a channel.
    Line { tenant: TenantId, channel: ChannelId, entry: Box<Entry> },
    /// Who did something to whom, from Discord's audit log.
    Audited {
        tenant: TenantId,
        action: u16,
        target: u64,
        by: Option<UserId>,
        reason: Option<String>,
        /// Whether it has waited for its line once; it may come before it.
        waited: bool,
    },
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
        let mut waiting = Vec::new();
        loop {
            let open = match waiting.is_empty() {
                true => tokio::select! {
                    biased;
                    () = stop.cancelled() => false,
                    count = self.letters.recv_many(&mut waiting, WAITING) => count > 0,
                },
                false => !stop.is_cancelled(),
            };
            if open {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = self.clock.sleep(GATHER) => {}
                }
            }
            let mut later = Vec::new();
            while let Ok(letter) = self.letters.try_recv() {
                later.push(letter);
            }
            if stop.is_cancelled() {
                waiting.append(&mut later);
            }
            for ((tenant, channel), entries) in gather(waiting, &mut later) {
                self.post(&tenant, channel, &entries).await;
            }
            // What has just come in waits for what Discord's audit log says of it.
            waiting = later;
            if !open {
                return;
            }
        }
    }

    async fn post(&self, tenant: &TenantId, channel: ChannelId, entries: &[Entry]) {
        let (posts, left_out) = posts(entries);
        let last = posts.len();
        for (at, post) in posts.into_iter().enumerate() {
            let mut document = post.iter().fold(Document::default(), |document, entry| {
                let document = if document.blocks.is_empty() { document } else { document.divider() };
                entry.write(document)
            });
            if left_out > 0 && at + 1 == last {
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

/// The posts that lines make, and how many lines are in none.
fn posts(entries: &[Entry]) -> (Vec<&[Entry]>, usize) {
    let (mut posts, mut rest) = (Vec::new(), entries);
    while !rest.is_empty() && posts.len() < POSTS {
        let mut used = 0;
        let fit = rest.iter().take(TOGETHER).take_while(|entry| {
            used += entry.length();
            used <= ROOM
        });
        let (post, more) = rest.split_at(fit.count().max(1));
        posts.push(post);
        rest = more;
    }
    (posts, rest.len())
}

/// Sorts lines by channel, in order, and names who did what. What the audit log says may be among the letters
/// that came `later`.
fn gather(letters: Vec<Letter>, later: &mut Vec<Letter>) -> HashMap<Place, Vec<Entry>> {
    let mut places: HashMap<Place, Vec<Entry>> = HashMap::new();
    let (lines, mut audited): (Vec<Letter>, Vec<Letter>) =
        letters.into_iter().partition(|letter| matches!(letter, Letter::Line { .. }));
    for letter in lines {
        let Letter::Line { tenant, channel, mut entry } = letter else { continue };
        if let Some((actions, target)) = entry.audited {
            let said = taken(&mut audited, &tenant, actions, target);
            let said = said.or_else(|| taken(later, &tenant, actions, target));
            if let Some(Letter::Audited { action, by, reason, .. }) = said {
                match action {
                    20 => entry.more.push("was thrown out".into()),
                    22 => entry.more.push("was banned".into()),
                    _ => {}
                }
                entry.by(by, reason.as_deref());
            }
        }
        places.entry((tenant, channel)).or_default().push(*entry);
    }
    for mut letter in audited {
        if let Letter::Audited { waited, .. } = &mut letter
            && !std::mem::replace(waited, true)
        {
            later.push(letter);
        }
    }
    places
}

/// Takes out what the audit log says of this. It speaks of one line only: of two messages that are deleted
/// together one may have been deleted by its author.
fn taken(letters: &mut Vec<Letter>, tenant: &TenantId, actions: &[u16], target: u64) -> Option<Letter> {
    let at = letters.iter().position(|letter| {
        matches!(letter, Letter::Audited { tenant: whose, action, target: whom, .. }
            if whose == tenant && *whom == target && actions.contains(action))
    })?;
    Some(letters.remove(at))
}

#[cfg(test)]
mod tests;
