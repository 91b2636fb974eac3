//! Gateway sessions: they number the events of one client and keep the last of them, so that a client that lost
//! its connection can resume without missing one.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::id::{ApplicationId, GuildId};

/// Events kept for a resume. A client further behind has to identify anew.
const REPLAY: usize = 2_000;

/// Frames waiting for one connection. A client that does not read is cut off and may resume.
pub(crate) const OUTBOX: usize = 8_192;

/// What a connection is told to do.
#[derive(Debug)]
pub(crate) enum Frame {
    Text(String),
    Close(u16, &'static str),
}

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) application: ApplicationId,
    pub(crate) intents: u64,
    shard: (u64, u64),
    sequence: u64,
    sent: VecDeque<(u64, String)>,
    outbox: Option<mpsc::Sender<Frame>>,
}

impl Session {
    /// Guilds are spread over shards by Discord's formula; what has no guild goes to shard 0.
    pub(crate) fn hears_guild(&self, guild: Option<GuildId>) -> bool {
        let (shard, count) = self.shard;
        guild.map_or(0, |guild| (guild.0 >> 22) % count) == shard
    }
}

/// Why a session could not be resumed.
#[derive(Debug)]
pub(crate) enum CannotResume {
    /// There is no such session, or what the client missed is no longer kept.
    Unknown,
    /// The client claims to have seen events that were never sent.
    Sequence,
}

#[derive(Debug, Default)]
pub(crate) struct Sessions {
    all: BTreeMap<String, Session>,
    /// How often an application began a session, and how often it took one up again.
    begun: BTreeMap<ApplicationId, (u64, u64)>,
}

impl Sessions {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Session> {
        self.all.values()
    }

    pub(crate) fn open(
        &mut self,
        application: ApplicationId,
        intents: u64,
        shard: (u64, u64),
        outbox: mpsc::Sender<Frame>,
    ) -> String {
        let id = hex::encode(rand::random::<[u8; 16]>());
        self.begun.entry(application).or_default().0 += 1;
        let session = Session {
            id: id.clone(),
            application,
            intents,
            shard,
            sequence: 0,
            sent: VecDeque::new(),
            outbox: Some(outbox),
        };
        self.all.insert(id.clone(), session);
        id
    }

    pub(crate) fn dispatch(&mut self, id: &str, name: &str, data: &Value) {
        let Some(session) = self.all.get_mut(id) else { return };
        session.sequence += 1;
        let text = json!({"op": 0, "s": session.sequence, "t": name, "d": data}).to_string();
        session.sent.push_back((session.sequence, text.clone()));
        if session.sent.len() > REPLAY {
            session.sent.pop_front();
        }
        if let Some(outbox) = &session.outbox
            && outbox.try_send(Frame::Text(text)).is_err()
        {
            tracing::debug!(session = id, "gateway client does not keep up, connection dropped");
            session.outbox = None;
        }
    }

    /// Hands the session to a new connection, with everything the client has not seen.
    pub(crate) fn resume(
        &mut self,
        id: &str,
        application: ApplicationId,
        seen: u64,
        outbox: mpsc::Sender<Frame>,
    ) -> Result<(), CannotResume> {
        let session = self
            .all
            .get_mut(id)
            .filter(|session| session.application == application)
            .ok_or(CannotResume::Unknown)?;
        if seen > session.sequence {
            return Err(CannotResume::Sequence);
        }
        let kept_from = session.sent.front().map_or(session.sequence + 1, |(sequence, _)| *sequence);
        if seen + 1 < kept_from {
            self.all.remove(id);
            return Err(CannotResume::Unknown);
        }
        for (_, text) in session.sent.iter().filter(|(sequence, _)| *sequence > seen) {
            if outbox.try_send(Frame::Text(text.clone())).is_err() {
                return Err(CannotResume::Unknown);
            }
        }
        session.outbox = Some(outbox);
        self.begun.entry(application).or_default().1 += 1;
        self.dispatch(id, "RESUMED", &json!({"_trace": []}));
        Ok(())
    }

    /// The client closed in a way that ends the session (1000 or 1001), or identified anew.
    pub(crate) fn close(&mut self, id: &str) {
        self.all.remove(id);
    }

    /// Asks every connected client to reconnect and resume.
    pub(crate) fn ask_to_reconnect(&mut self) {
        for session in self.all.values_mut() {
            if let Some(outbox) = &session.outbox {
                let text = json!({"op": 7, "d": null, "s": null, "t": null}).to_string();
                if outbox.try_send(Frame::Text(text)).is_err() {
                    session.outbox = None;
                }
            }
        }
    }

    /// Cuts every connection without a word; sessions stay resumable.
    pub(crate) fn sever(&mut self) {
        for session in self.all.values_mut() {
            session.outbox = None;
        }
    }

    /// Forgets every session, as Discord does some minutes after a disconnect, and closes its connection.
    pub(crate) fn forget(&mut self) {
        for (_, session) in std::mem::take(&mut self.all) {
            if let Some(outbox) = session.outbox {
                let text = json!({"op": 9, "d": false, "s": null, "t": null}).to_string();
                if outbox.try_send(Frame::Text(text)).is_ok() {
                    // Best effort: a full outbox ends the connection anyway.
                    let _ = outbox.try_send(Frame::Close(4009, "Session timed out."));
                }
            }
        }
    }

    /// Whether the session is still served by the connection with this outbox.
    pub(crate) fn owned_by(&self, id: &str, outbox: &mpsc::Sender<Frame>) -> bool {
        let owner = self.all.get(id).and_then(|session| session.outbox.as_ref());
        owner.is_some_and(|owner| owner.same_channel(outbox))
    }

    /// Frames that the fullest outbox of a connected client still takes.
    pub(crate) fn room(&self) -> usize {
        let outboxes = self.all.values().filter_map(|session| session.outbox.as_ref());
        outboxes.filter(|outbox| !outbox.is_closed()).map(mpsc::Sender::capacity).min().unwrap_or(OUTBOX)
    }

    /// How often the application has identified, and how often it has resumed.
    pub(crate) fn begun(&self, application: ApplicationId) -> (u64, u64) {
        self.begun.get(&application).copied().unwrap_or_default()
    }

    pub(crate) fn connected(&self, application: ApplicationId) -> usize {
        self.all
            .values()
            .filter(|session| session.application == application)
            .filter(|session| session.outbox.as_ref().is_some_and(|outbox| !outbox.is_closed()))
            .count()
    }
}
