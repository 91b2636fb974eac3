//! Checks on everything that comes in, on both sides.
//!
//! Agents are untrusted: what they say is bounded here before anybody reads it. Size, version, host and
//! shape are checked, then the length of every list and text; control characters are taken out. What does
//! not fit is refused and counted in `guildhall_link_refused_total`, by reason. Whether tenant, server and
//! generation are right is for the receiver to say.

use guildhall_core::HostId;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    message::{
        AgentEvent, ConsoleChunk, ConsoleLine, ConsolePush, EventKind, Exit, Failure, Observed, PlayersSeen,
        Presence, Reply, Request, Rung,
    },
    wire,
};

/// Characters in a player's name, a signal's name, an agent's version or a server's name.
pub const MAX_NAME: usize = 64;
/// Characters in a message for people.
pub const MAX_MESSAGE: usize = 500;
/// Lines of output that explain a failure.
pub const MAX_OUTPUT_LINES: usize = 20;
/// Characters in each of those lines.
pub const MAX_OUTPUT_LINE: usize = 200;
/// Lines of the console that a crash is told with.
pub const MAX_CRASH_LINES: usize = 10;
/// Bytes in all of those lines together.
pub const MAX_CRASH_BYTES: usize = 2 * 1024;
/// Bytes in a console line.
pub const MAX_CONSOLE_LINE: usize = 4096;
/// Console lines in one chunk.
pub const MAX_CONSOLE_LINES: usize = 500;
/// Characters in a line that somebody sends to a console.
pub const MAX_INPUT_LINE: usize = 1000;
/// Players that are named.
pub const MAX_PLAYERS: usize = 1000;
/// Servers on one host.
pub const MAX_SERVERS: usize = 1000;
/// Port numbers in one question or answer.
pub const MAX_PORTS: usize = 64;
/// Events in one answer.
pub const MAX_EVENTS: u16 = 200;
/// Seconds for which a console is watched.
pub const MAX_WATCH_SECONDS: u16 = 300;
/// Variables of one server.
const MAX_VARIABLES: usize = 256;
/// Rungs of a stop ladder.
const MAX_RUNGS: usize = 16;
/// Counters are kept in signed columns.
const MAX_COUNT: u64 = i64::MAX as u64;

/// Why a message was refused; the metric's `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Larger than [`crate::message::MAX_BYTES`].
    Oversized,
    /// Not JSON, or not of the shape.
    Malformed,
    /// Of another version.
    Version,
    /// Of another host than the topic says.
    Host,
    /// A text, list or number is out of its bounds.
    Bounds,
    /// Events out of order.
    Order,
    /// More requests at once than are taken.
    Busy,
    /// An answer that nobody waits for any more.
    Late,
}

impl Reason {
    /// The word in the metric.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Oversized => "oversized",
            Self::Malformed => "malformed",
            Self::Version => "version",
            Self::Host => "host",
            Self::Bounds => "bounds",
            Self::Order => "order",
            Self::Busy => "busy",
            Self::Late => "late",
        }
    }
}

/// A message that was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", reason.as_str())]
pub struct Refused {
    /// Why.
    pub reason: Reason,
    /// In words. Nothing in it is quoted from the message but numbers and names of hosts.
    pub detail: String,
}

impl Refused {
    pub(crate) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    /// Counts it and logs it.
    pub(crate) fn count(&self, host: &HostId, what: &'static str) {
        metrics::counter!("guildhall_link_refused_total", "reason" => self.reason.as_str()).increment(1);
        tracing::debug!(%host, what, reason = self.reason.as_str(), detail = %self.detail, "message refused");
    }
}

/// Reads a host's event.
pub fn event(host: &HostId, bytes: &[u8]) -> Result<AgentEvent, Refused> {
    bounded_event(wire::read(wire::open(host, bytes)?)?)
}

/// Reads a host's console lines.
pub fn console(host: &HostId, bytes: &[u8]) -> Result<ConsolePush, Refused> {
    let mut push: ConsolePush = wire::read(wire::open(host, bytes)?)?;
    chunk(&mut push.chunk)?;
    Ok(push)
}

/// Reads a host's presence, of whatever version: whether it can be used is for the caller to say.
pub fn presence(host: &HostId, bytes: &[u8]) -> Result<Presence, Refused> {
    wire::within_bounds(bytes)?;
    let mut presence: Presence = wire::parse(bytes)?;
    if presence.host != *host {
        return Err(Refused::new(Reason::Host, format!("it says it is of host {}", presence.host)));
    }
    text("agent version", &mut presence.agent, MAX_NAME)?;
    Ok(presence)
}

/// Reads a host's answer.
pub fn reply(host: &HostId, bytes: &[u8]) -> Result<Reply, Refused> {
    let mut reply: Reply = wire::read(wire::open(host, bytes)?)?;
    match &mut reply {
        Reply::Applied { generation } => count("generation", *generation)?,
        Reply::Observed { observed: seen } => observed(seen)?,
        Reply::AllObserved { servers } => {
            at_most("servers", servers.len(), MAX_SERVERS)?;
            servers.iter_mut().try_for_each(observed)?;
        }
        Reply::Ports { free } => at_most("ports", free.len(), MAX_PORTS)?,
        Reply::Console { chunk: piece } => chunk(piece)?,
        Reply::Done => {}
        Reply::Events { events } => {
            at_most("events", events.len(), MAX_EVENTS.into())?;
            let whole = std::mem::take(events);
            *events = whole.into_iter().map(bounded_event).collect::<Result<_, _>>()?;
        }
        Reply::Refused { message, .. } => text("message", message, MAX_MESSAGE)?,
    }
    Ok(reply)
}

/// One event of an answer: the event, or where in the order it was and why it was refused.
pub(crate) type Caught = Result<AgentEvent, (Option<u64>, Refused)>;

/// Reads an answer to [`Request::Events`] event by event, so that one that does not fit does not keep the
/// others from being taken in. `None` when it is another answer.
pub(crate) fn events(host: &HostId, bytes: &[u8]) -> Result<Option<Vec<Caught>>, Refused> {
    #[derive(Deserialize)]
    struct Kind {
        reply: String,
    }
    #[derive(Deserialize)]
    struct Batch<'a> {
        #[serde(borrow)]
        events: Vec<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Place {
        cursor: u64,
    }
    let body = wire::open(host, bytes)?;
    if wire::read::<Kind>(body)?.reply != "events" {
        return Ok(None);
    }
    let Batch { events } = wire::parse(body.get().as_bytes())?;
    at_most("events", events.len(), MAX_EVENTS.into())?;
    let read = |raw: &RawValue| {
        wire::read(raw).and_then(bounded_event).map_err(|refused| {
            let cursor = wire::read::<Place>(raw).ok().map(|place| place.cursor);
            (cursor.filter(|cursor| *cursor <= MAX_COUNT), refused)
        })
    };
    Ok(Some(events.into_iter().map(read).collect()))
}

/// Reads a request, on the agent's side.
pub fn request(host: &HostId, bytes: &[u8]) -> Result<Request, Refused> {
    let request: Request = wire::read(wire::open(host, bytes)?)?;
    match &request {
        Request::Apply { desired } => {
            length("name", &desired.name, MAX_NAME)?;
            length("address", &desired.address, 255)?;
            count("generation", desired.generation)?;
            at_most("variables", desired.variables.len(), MAX_VARIABLES)?;
            at_most("ports", desired.ports.len(), MAX_PORTS)?;
        }
        Request::FreePorts { wanted, count } => {
            at_most("ports", wanted.len().max(usize::from(*count)), MAX_PORTS)?;
        }
        Request::Console { limit, .. } => at_most("limit", usize::from(*limit), MAX_CONSOLE_LINES)?,
        Request::WatchConsole { seconds, .. } => {
            at_most("seconds", usize::from(*seconds), MAX_WATCH_SECONDS.into())?;
        }
        Request::Send { line, by, .. } => {
            length("line", line, MAX_INPUT_LINE)?;
            length("by", by, 2 * MAX_NAME)?;
            if line.chars().chain(by.chars()).any(char::is_control) {
                return Err(Refused::new(Reason::Bounds, "a line has control characters"));
            }
        }
        Request::Events { limit, .. } => at_most("limit", usize::from(*limit), MAX_EVENTS.into())?,
        Request::Observe { .. } | Request::ObserveAll => {}
    }
    Ok(request)
}

/// Makes a text fit: control characters taken out, cut to `most` characters. For agents, whose messages are
/// refused when they do not fit.
pub fn cut(text: &str, most: usize) -> String {
    text.chars().filter_map(plain).take(most).collect()
}

fn bounded_event(mut event: AgentEvent) -> Result<AgentEvent, Refused> {
    count("cursor", event.cursor)?;
    count("generation", event.generation)?;
    if event.cursor == 0 {
        return Err(Refused::new(Reason::Bounds, "a cursor is 0"));
    }
    match &mut event.kind {
        EventKind::Phase { .. } | EventKind::Removed => {}
        EventKind::Progress { step, .. } => text("step", step, MAX_MESSAGE)?,
        EventKind::Ready { took_ms } => count("took_ms", *took_ms)?,
        EventKind::Joined { player } | EventKind::Left { player } => name("player", player)?,
        EventKind::Exited { exit: ended, restart_in_ms, crashes: _, output } => {
            exit(ended)?;
            count("restart_in_ms", restart_in_ms.unwrap_or_default())?;
            crash_output(output)?;
        }
        EventKind::Failed { failure: why } => failure(why)?,
    }
    Ok(event)
}

fn observed(seen: &mut Observed) -> Result<(), Refused> {
    count("generation", seen.generation)?;
    players(&mut seen.players)?;
    seen.failure.as_mut().map_or(Ok(()), failure)?;
    seen.exit.as_mut().map_or(Ok(()), exit)
}

fn players(seen: &mut PlayersSeen) -> Result<(), Refused> {
    at_most("players", seen.names.len(), MAX_PLAYERS)?;
    seen.names.iter_mut().try_for_each(|player| name("player", player))
}

fn failure(why: &mut Failure) -> Result<(), Refused> {
    text("message", &mut why.message, MAX_MESSAGE)?;
    at_most("output lines", why.output.len(), MAX_OUTPUT_LINES)?;
    why.output.iter_mut().try_for_each(|line| text("output line", line, MAX_OUTPUT_LINE))
}

/// The last words of a game that crashed.
fn crash_output(lines: &mut [String]) -> Result<(), Refused> {
    at_most("crash lines", lines.len(), MAX_CRASH_LINES)?;
    at_most("bytes of crash lines", lines.iter().map(String::len).sum(), MAX_CRASH_BYTES)?;
    lines.iter_mut().try_for_each(|line| text("crash line", line, MAX_OUTPUT_LINE))
}

fn exit(ended: &mut Exit) -> Result<(), Refused> {
    count("took_ms", ended.took_ms)?;
    at_most("rungs", ended.ladder.len(), MAX_RUNGS)?;
    ended.ladder.iter_mut().try_for_each(|rung| match rung {
        Rung::Command { line } => text("command", line, MAX_INPUT_LINE),
        Rung::Signal { name } => text("signal", name, MAX_NAME),
    })
}

fn chunk(piece: &mut ConsoleChunk) -> Result<(), Refused> {
    count("next", piece.next)?;
    at_most("console lines", piece.lines.len(), MAX_CONSOLE_LINES)?;
    piece.lines.iter_mut().try_for_each(|line| match line {
        ConsoleLine::Output { offset, text } => {
            count("offset", *offset)?;
            if text.len() > MAX_CONSOLE_LINE {
                let detail = format!("a console line has {} bytes, more than {MAX_CONSOLE_LINE}", text.len());
                return Err(Refused::new(Reason::Bounds, detail));
            }
            // Colours and cursor movements are the game's; a terminal shows them, other faces drop them.
            text.retain(|c| !c.is_control() || c == '\t' || c == '\u{1b}');
            Ok(())
        }
        ConsoleLine::Input { offset, by, text: line } => {
            count("offset", *offset)?;
            text("by", by, 2 * MAX_NAME)?;
            text("line", line, MAX_INPUT_LINE)
        }
        ConsoleLine::Gap { offset, bytes } => {
            count("offset", *offset)?;
            count("bytes", *bytes)
        }
    })
}

/// Takes control characters out of a text and checks its length.
fn text(what: &str, text: &mut String, most: usize) -> Result<(), Refused> {
    length(what, text, most)?;
    if text.contains(char::is_control) {
        *text = text.chars().filter_map(plain).collect();
    }
    Ok(())
}

fn name(what: &str, name: &mut String) -> Result<(), Refused> {
    text(what, name, MAX_NAME)?;
    if name.trim().is_empty() {
        return Err(Refused::new(Reason::Bounds, format!("a {what} has no name")));
    }
    Ok(())
}

/// A character as it may stand in a line: line ends become blanks, so that words stay apart.
fn plain(character: char) -> Option<char> {
    match character {
        '\n' | '\r' => Some(' '),
        '\t' => Some('\t'),
        other => (!other.is_control()).then_some(other),
    }
}

fn length(what: &str, text: &str, most: usize) -> Result<(), Refused> {
    // Counting characters of a text that is far too long is a waste.
    if text.len() > 4 * most || text.chars().count() > most {
        return Err(Refused::new(Reason::Bounds, format!("a {what} has more than {most} characters")));
    }
    Ok(())
}

fn at_most(what: &str, there: usize, most: usize) -> Result<(), Refused> {
    if there > most {
        return Err(Refused::new(Reason::Bounds, format!("{there} {what}, more than {most}")));
    }
    Ok(())
}

fn count(what: &str, number: u64) -> Result<(), Refused> {
    if number > MAX_COUNT {
        return Err(Refused::new(Reason::Bounds, format!("{what} is {number}, more than {MAX_COUNT}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
