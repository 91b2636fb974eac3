//! One gateway connection: hello, identify or resume, heartbeats, and the events of its session.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::event::intent;
use super::frame::Framing;
use super::session::{CannotResume, Frame, OUTBOX};
use crate::id::{ApplicationId, GuildId, UserId};
use crate::shared::Shared;
use crate::validate::snowflake;
use crate::world::World;

/// Payloads a client may send in a minute before Discord closes with 4008.
const PAYLOADS_PER_MINUTE: u32 = 120;

/// The largest payload a client may send; Discord closes with 4002 beyond it.
const LARGEST_PAYLOAD: usize = 4096;

/// Close codes, by Discord's table.
#[derive(Clone, Copy, Debug)]
enum Close {
    UnknownOpcode,
    Decode,
    NotAuthenticated,
    AuthenticationFailed,
    AlreadyAuthenticated,
    InvalidSequence,
    RateLimited,
    TimedOut,
    InvalidShard,
    InvalidIntents,
    DisallowedIntents,
}

impl Close {
    fn frame(self) -> (u16, &'static str) {
        match self {
            Self::UnknownOpcode => (4001, "Unknown opcode."),
            Self::Decode => (4002, "Error while decoding payload."),
            Self::NotAuthenticated => (4003, "Not authenticated."),
            Self::AuthenticationFailed => (4004, "Authentication failed."),
            Self::AlreadyAuthenticated => (4005, "Already authenticated."),
            Self::InvalidSequence => (4007, "Invalid seq."),
            Self::RateLimited => (4008, "Rate limited."),
            Self::TimedOut => (4009, "Session timed out."),
            Self::InvalidShard => (4010, "Invalid shard."),
            Self::InvalidIntents => (4013, "Invalid intent(s)."),
            Self::DisallowedIntents => (4014, "Disallowed intent(s)."),
        }
    }
}

struct Connection {
    shared: Arc<Shared>,
    outbox: mpsc::Sender<Frame>,
    session: Option<String>,
    window: (Instant, u32),
    last_heartbeat: Instant,
}

pub(crate) async fn serve(mut socket: WebSocket, shared: Arc<Shared>, compress: Option<String>) {
    let mut framing = Framing::named(compress.as_deref());
    let (outbox, mut inbox) = mpsc::channel(OUTBOX);
    let interval = shared.config.heartbeat;
    let now = Instant::now();
    let mut connection = Connection { shared, outbox, session: None, window: (now, 0), last_heartbeat: now };
    let hello = json!({
        "op": 10, "s": null, "t": null,
        "d": {"heartbeat_interval": u64::try_from(interval.as_millis()).unwrap_or(u64::MAX), "_trace": []},
    });
    if socket.send(framing.message(&hello.to_string())).await.is_err() {
        return;
    }
    loop {
        // Half an interval of grace, because a client may jitter its first beat over a whole interval.
        let zombie = connection.last_heartbeat + interval + interval / 2;
        // What is queued goes out before anything else is looked at, also before a cut.
        let close = tokio::select! {
            biased;
            frame = inbox.recv() => match frame {
                Some(Frame::Text(text)) => match socket.send(framing.message(&text)).await {
                    Ok(()) => continue,
                    Err(_) => break,
                },
                Some(Frame::Close(code, reason)) => Some((code, reason)),
                None => None,
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => match connection.receive(text.as_str()) {
                    Ok(()) => continue,
                    Err(close) => Some(close.frame()),
                },
                Some(Ok(Message::Binary(bytes))) => {
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    match connection.receive(&text) {
                        Ok(()) => continue,
                        Err(close) => Some(close.frame()),
                    }
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(Message::Close(frame))) => {
                    connection.closed_by_client(frame.as_ref().map(|frame| frame.code));
                    break;
                }
                Some(Err(_)) | None => break,
            },
            () = tokio::time::sleep_until(zombie) => Some(Close::TimedOut.frame()),
            () = connection.shared.stopped() => Some((1001, "The stand-in shuts down.")),
            () = connection.severed() => None,
        };
        let frame = close.map(|(code, reason)| CloseFrame { code, reason: reason.into() });
        // The client may be gone already, and then there is nobody to tell.
        let _ = tokio::time::timeout(Duration::from_secs(1), socket.send(Message::Close(frame))).await;
        break;
    }
}

impl Connection {
    /// Returns once the session was handed to another connection, cut off or forgotten.
    async fn severed(&self) {
        let mut changed = self.shared.changes();
        let Some(id) = &self.session else { return std::future::pending().await };
        loop {
            changed.mark_unchanged();
            if !self.shared.read(|world| world.sessions.owned_by(id, &self.outbox)) {
                return;
            }
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    fn closed_by_client(&mut self, code: Option<u16>) {
        // Discord ends the session when the client says goodbye; any other code leaves it to be resumed.
        if let (Some(id), Some(1000 | 1001)) = (&self.session, code) {
            self.shared.write(|world| world.sessions.close(id));
        }
    }

    fn count(&mut self) -> Result<(), Close> {
        if self.window.0.elapsed() >= Duration::from_secs(60) {
            self.window = (Instant::now(), 0);
        }
        self.window.1 += 1;
        if self.window.1 > PAYLOADS_PER_MINUTE { Err(Close::RateLimited) } else { Ok(()) }
    }

    fn receive(&mut self, text: &str) -> Result<(), Close> {
        self.count()?;
        if text.len() > LARGEST_PAYLOAD {
            return Err(Close::Decode);
        }
        let payload: Value = serde_json::from_str(text).map_err(|_| Close::Decode)?;
        let data = &payload["d"];
        match payload["op"].as_u64().ok_or(Close::Decode)? {
            1 => self.heartbeat(),
            2 => self.identify(data),
            6 => self.resume(data),
            // Presence, voice state and soundboard requests change nothing that the stand-in shows.
            3 | 4 | 31 => self.session.as_ref().map(|_| ()).ok_or(Close::NotAuthenticated),
            8 => self.request_members(data),
            _ => Err(Close::UnknownOpcode),
        }
    }

    fn say(&self, payload: &Value) {
        // A full outbox ends the connection on its next event; nothing is lost that a resume does not bring.
        let _ = self.outbox.try_send(Frame::Text(payload.to_string()));
    }

    fn heartbeat(&mut self) -> Result<(), Close> {
        self.last_heartbeat = Instant::now();
        self.say(&json!({"op": 11, "d": null, "s": null, "t": null}));
        Ok(())
    }

    fn identify(&mut self, data: &Value) -> Result<(), Close> {
        if self.session.is_some() {
            return Err(Close::AlreadyAuthenticated);
        }
        let token = data["token"].as_str().ok_or(Close::Decode)?;
        let token = token.strip_prefix("Bot ").unwrap_or(token);
        let intents = data["intents"].as_u64().ok_or(Close::InvalidIntents)?;
        let shard = match &data["shard"] {
            Value::Null => (0, 1),
            shard => match (shard[0].as_u64(), shard[1].as_u64()) {
                (Some(id), Some(count)) if id < count => (id, count),
                _ => return Err(Close::InvalidShard),
            },
        };
        if intents & !intent::KNOWN != 0 {
            return Err(Close::InvalidIntents);
        }
        let outbox = self.outbox.clone();
        let gateway = self.shared.gateway_url();
        let session = self.shared.write(|world| {
            let application = world.application_by_token(token).ok_or(Close::AuthenticationFailed)?;
            let granted = world.applications.get(&application).map_or(0, |known| known.privileged);
            if intents & intent::PRIVILEGED & !granted != 0 {
                return Err(Close::DisallowedIntents);
            }
            let session = world.sessions.open(application, intents, shard, outbox);
            ready(world, &session, application, intents, shard, &gateway);
            Ok(session)
        })?;
        self.session = Some(session);
        Ok(())
    }

    fn resume(&mut self, data: &Value) -> Result<(), Close> {
        if self.session.is_some() {
            return Err(Close::AlreadyAuthenticated);
        }
        let token = data["token"].as_str().ok_or(Close::Decode)?;
        let token = token.strip_prefix("Bot ").unwrap_or(token);
        let id = data["session_id"].as_str().ok_or(Close::Decode)?;
        let seen = data["seq"].as_u64().ok_or(Close::Decode)?;
        let outbox = self.outbox.clone();
        let result = self.shared.write(|world| {
            let application = world.application_by_token(token).ok_or(Close::AuthenticationFailed)?;
            Ok(world.sessions.resume(id, application, seen, outbox))
        })?;
        match result {
            Ok(()) => {
                self.session = Some(id.into());
                Ok(())
            }
            Err(CannotResume::Sequence) => Err(Close::InvalidSequence),
            Err(CannotResume::Unknown) => {
                self.say(&json!({"op": 9, "d": false, "s": null, "t": null}));
                Ok(())
            }
        }
    }

    fn request_members(&self, data: &Value) -> Result<(), Close> {
        let session = self.session.as_ref().ok_or(Close::NotAuthenticated)?;
        let guild: GuildId = snowflake(&data["guild_id"]).ok_or(Close::Decode)?;
        let all = data["query"] == "" && data["limit"].as_u64().unwrap_or(0) == 0;
        self.shared.write(|world| {
            let known = world.sessions.iter().find(|known| known.id == *session);
            let Some((application, intents)) = known.map(|known| (known.application, known.intents)) else {
                return Ok(());
            };
            // Everybody at once needs the privileged intent; some by id or name do not.
            if all && intents & intent::GUILD_MEMBERS == 0 {
                return Err(Close::DisallowedIntents);
            }
            let bot = world.bot_of(application);
            if !world.guilds.get(&guild).is_some_and(|guild| guild.members.contains_key(&bot)) {
                return Ok(());
            }
            for chunk in member_chunks(world, guild, data) {
                world.sessions.dispatch(session, "GUILD_MEMBERS_CHUNK", &chunk);
            }
            Ok(())
        })
    }
}

fn ready(
    world: &mut World,
    session: &str,
    application: ApplicationId,
    intents: u64,
    shard: (u64, u64),
    gateway: &str,
) {
    let bot = world.bot_of(application);
    let guilds: Vec<GuildId> = world
        .guilds
        .values()
        .filter(|guild| guild.members.contains_key(&bot) && (guild.id.0 >> 22) % shard.1 == shard.0)
        .map(|guild| guild.id)
        .collect();
    let flags = world.applications.get(&application).map_or(0, |known| known.flags());
    let mut user = world.user_json(bot);
    user["verified"] = json!(true);
    user["mfa_enabled"] = json!(false);
    user["email"] = Value::Null;
    let data = json!({
        "v": 10, "user": user, "session_type": "normal", "session_id": session, "resume_gateway_url": gateway,
        "guilds": guilds.iter().map(|id| json!({"id": id, "unavailable": true})).collect::<Vec<_>>(),
        "application": {"id": application, "flags": flags}, "shard": [shard.0, shard.1],
        "relationships": [], "private_channels": [], "presences": [], "guild_join_requests": [],
        "geo_ordered_rtc_regions": [], "user_settings": {}, "user_settings_proto": "", "auth": {}, "_trace": [],
    });
    world.sessions.dispatch(session, "READY", &data);
    if intents & intent::GUILDS == 0 {
        return;
    }
    for id in guilds {
        if let Some(guild) = world.guilds.get(&id).filter(|guild| !guild.unavailable) {
            let data = world.guild_create_json(guild, bot, intents);
            world.sessions.dispatch(session, "GUILD_CREATE", &data);
        }
    }
}

/// The answer to op 8: members by id, or by the start of their name, a thousand in each chunk.
fn member_chunks(world: &World, guild_id: GuildId, data: &Value) -> Vec<Value> {
    let Some(guild) = world.guilds.get(&guild_id) else { return Vec::new() };
    let asked: Vec<UserId> = match &data["user_ids"] {
        Value::Array(ids) => ids.iter().filter_map(snowflake).collect(),
        id @ (Value::String(_) | Value::Number(_)) => snowflake(id).into_iter().collect(),
        _ => Vec::new(),
    };
    let by_id = !data["user_ids"].is_null();
    let query = data["query"].as_str().unwrap_or_default().to_lowercase();
    let limit = match data["limit"].as_u64() {
        Some(0) | None => usize::MAX,
        Some(limit) => usize::try_from(limit).unwrap_or(usize::MAX).min(100),
    };
    let matches = |id: &&UserId| {
        if by_id {
            return asked.contains(id);
        }
        world.users.get(id).is_some_and(|user| user.name.to_lowercase().starts_with(&query))
    };
    let found: Vec<UserId> = guild.members.keys().filter(matches).take(limit).copied().collect();
    let missing: Vec<&UserId> = asked.iter().filter(|id| !guild.members.contains_key(id)).collect();
    let chunks: Vec<&[UserId]> = if found.is_empty() { vec![&[]] } else { found.chunks(1000).collect() };
    let count = chunks.len();
    let render = |(index, chunk): (usize, &&[UserId])| {
        let mut json = json!({
            "guild_id": guild_id, "chunk_index": index, "chunk_count": count, "not_found": missing,
            "members": chunk.iter().map(|id| world.member_json(guild_id, *id)).collect::<Vec<_>>(),
        });
        if let Some(nonce) = data["nonce"].as_str() {
            json["nonce"] = json!(nonce);
        }
        if data["presences"] == true {
            json["presences"] = json!([]);
        }
        json
    };
    chunks.iter().enumerate().map(render).collect()
}
