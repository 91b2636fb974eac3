//! Many messages a second, for measuring how fast a bot takes them: written by a user, heard over the gateway, kept
//! nowhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::id::{ChannelId, MessageId, UserId};
use crate::shared::Shared;
use crate::user::{ActError, Place};
use crate::world::World;
use crate::world::message::Message;

/// How often a flood looks whether messages are due.
const TICK: Duration = Duration::from_millis(1);

/// Messages written while the world is held once, so that others get their turn.
const AT_ONCE: u64 = 200;

/// Frames that stay free in a client's outbox: a flood waits for slow clients instead of having them cut off.
const SPARE: usize = 512;

/// A running flood; it stops when this is dropped.
pub struct Flood {
    sent: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Flood {
    /// Messages written so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Whether all were written.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Waits until all were written; gives how many that were. A flood without end ends only when dropped.
    pub async fn finished(mut self) -> u64 {
        // An error means that the runtime is going down, and then there is nothing to wait for.
        let _ = (&mut self.task).await;
        self.sent()
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Place {
    /// Writes `total` messages as fast as the connected bots read them, or at most `per_second` of them; `content`
    /// makes the text of each from its number, from 0. They are heard as `MESSAGE_CREATE`, but no channel keeps them:
    /// a bot cannot fetch, answer or delete one. Needs a Tokio runtime.
    pub fn flood(
        &self,
        total: u64,
        per_second: Option<u32>,
        content: impl Fn(u64) -> String + Send + 'static,
    ) -> Result<Flood, ActError> {
        let (shared, channel, user) = self.parts();
        shared.read(|world| world.require_writing(channel, user))?;
        let sent = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&sent);
        let task = shared.runtime.clone().spawn(async move {
            let started = tokio::time::Instant::now();
            let mut ticks = tokio::time::interval(TICK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut done = 0;
            while done < total {
                ticks.tick().await;
                let due = per_second.map_or(total, |rate| {
                    let due = started.elapsed().as_secs_f64() * f64::from(rate);
                    // A rate times a time is neither negative nor near the bounds of the number.
                    total.min(due as u64)
                });
                while done < due {
                    let written = burst(&shared, channel, user, done..due.min(done + AT_ONCE), &content);
                    if written == 0 {
                        break;
                    }
                    done += written;
                    counter.store(done, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            }
        });
        Ok(Flood { sent, task })
    }
}

/// Writes some of the messages, as many as the clients have room for.
fn burst(
    shared: &Shared,
    channel: ChannelId,
    user: UserId,
    numbers: std::ops::Range<u64>,
    content: &impl Fn(u64) -> String,
) -> u64 {
    shared.write_quietly(|world| {
        let room = u64::try_from(world.sessions.room().saturating_sub(SPARE)).unwrap_or(0);
        let count = room.min(numbers.end - numbers.start);
        for number in numbers.start..numbers.start + count {
            let message = one(world, channel, user, content(number));
            world.announce_message(&message);
        }
        count
    })
}

fn one(world: &mut World, channel: ChannelId, user: UserId, content: String) -> Message {
    let mut message = Message::new(MessageId(world.next_id()), channel, user, world.now());
    message.content = content;
    world.resolve_mentions(&mut message, &crate::validate::message::AllowedMentions::default());
    message
}
