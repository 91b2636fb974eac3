//! Watches a running game: when it is ready, who plays, and when it ends.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use guildhall_link::message::{ConsoleLine, Desired, EventKind, Phase, Want};
use guildhall_recipes::{
    Patterns,
    query::{self, Answer},
    recipe::Protocol,
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep_until},
};

use crate::{
    console::{self, Splitter},
    game::{self, Conversation},
    server::{Next, Server},
    shim::{
        Started,
        protocol::{Ask, Tell},
    },
    sockets,
    trouble::Trouble,
};

/// How often a game that is not ready yet is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(40);
/// How often it is asked whether it answers.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The conditions of being ready that are still open.
struct Open {
    log: bool,
    port: Option<(u16, Protocol)>,
    query: bool,
}

impl Open {
    fn of(desired: &Desired) -> Self {
        let ready = &desired.recipe.ready;
        Self {
            log: ready.log.is_some(),
            port: ready.port.as_deref().and_then(|name| port(desired, name)),
            query: ready.query && desired.recipe.players.query.is_some(),
        }
    }

    fn is_met(&self) -> bool {
        !self.log && self.port.is_none() && !self.query
    }
}

fn port(desired: &Desired, name: &str) -> Option<(u16, Protocol)> {
    let port = desired.recipe.ports.get(name)?;
    Some((desired.ports.get(name).copied().unwrap_or(port.default), port.protocol))
}

impl Server {
    /// Watches the game until it ends or something else is wanted.
    pub(crate) async fn attend(&mut self, desired: &Desired, started: &Started) -> Result<Next, Trouble> {
        if !self.record.is_running() || self.record.run != started.run {
            // Remembered wrongly, after a disk that took nothing: what runs is what counts.
            self.record.run = started.run;
            self.record.followed = 0;
            self.phase(Phase::Starting);
        }
        self.record.observed.pid = Some(started.pid);
        if self.record.observed.phase == Phase::Stopping {
            // A stop that was taken back while an agent was away; the game may be on its way out already.
            self.phase(if self.record.was_ready { Phase::Ready } else { Phase::Starting });
        }
        let patterns =
            Patterns::compile(&desired.recipe).map_err(|error| Trouble::bad_recipe(error.to_string()))?;
        let mut open = Open::of(desired);
        let names = desired.recipe.players.join.is_some() || desired.recipe.players.leave.is_some();
        let mut ready = self.record.observed.phase == Phase::Ready;
        let follows = names || (open.log && !ready);

        let Some(mut talk) = self.listen(follows).await else {
            // The shim is on its way out; the next look tells how the game ended.
            game::leaves(started).await;
            return Ok(Next::Again);
        };
        let (mut splitter, mut lines) = (Splitter::default(), Vec::new());
        let deadline = Instant::now() + desired.recipe.ready.within.saturating_sub(age(started));
        let (mut look, mut ask_at) = (Instant::now(), Instant::now());
        let mut asked: Option<JoinHandle<Option<Answer>>> = None;
        loop {
            if !ready && open.is_met() {
                ready = true;
                self.is_ready(started);
                if follows && !names {
                    // The console need not be read any more.
                    return Ok(Next::Again);
                }
            }
            // Before the other signs are there nobody would answer, and the wait for an answer that does not
            // come would be added to the start.
            let others_are_met = !open.log && open.port.is_none();
            let asks = desired.recipe.players.query.is_some()
                && asked.is_none()
                && (ready || (open.query && others_are_met));
            tokio::select! {
                tell = talk.next() => {
                    let mut told = tell.map(Some);
                    while let Ok(Some(tell)) = told {
                        if let Tell::Ended(ended) = tell {
                            splitter.flush(&mut lines);
                            self.read(&mut lines, &patterns, &mut open, splitter.whole());
                            return Ok(self.went(desired, Some(ended)));
                        }
                        splitter.push(tell, &mut lines);
                        told = talk.ready();
                    }
                    self.read(&mut lines, &patterns, &mut open, splitter.whole());
                    if told.is_err() {
                        game::leaves(started).await;
                        return Ok(Next::Again);
                    }
                }
                () = sleep_until(look), if !ready && open.port.is_some() => {
                    open.port = open.port.filter(|(number, protocol)| !sockets::is_open(*number, *protocol));
                    look = Instant::now() + LOOK_EVERY;
                }
                () = sleep_until(ask_at), if asks => asked = ask(desired),
                answer = answered(&mut asked) => {
                    asked = None;
                    ask_at = Instant::now() + if ready { self.pause() } else { ASK_EVERY };
                    if let Some(answer) = answer {
                        open.query = false;
                        let now = self.clock().now();
                        let events = self.players.answered(&answer, now);
                        self.tell_players(events, false);
                    }
                }
                () = sleep_until(deadline), if !ready => return self.give_up(desired).await,
                changed = self.desired.changed() => {
                    if changed.is_err() {
                        return Ok(Next::Wait);
                    }
                    let now = self.desired.borrow().clone();
                    if now.want != Want::Running {
                        return Ok(Next::Again);
                    }
                    // The game goes on with what it was started with.
                    self.adopt(&now);
                }
            }
        }
    }

    async fn listen(&self, follows: bool) -> Option<Conversation> {
        let mut talk = Conversation::begin(&self.runtime()).await.ok()?;
        let ask = if follows { Ask::Follow { after: self.record.followed } } else { Ask::Wait };
        talk.ask(&ask).await.ok()?;
        Some(talk)
    }

    fn is_ready(&mut self, started: &Started) {
        self.record.was_ready = true;
        self.phase(Phase::Ready);
        let took_ms = u64::try_from(age(started).as_millis()).unwrap_or(u64::MAX);
        self.event(EventKind::Ready { took_ms });
    }

    /// Looks at lines for the game being ready, and for players.
    fn read(&mut self, lines: &mut Vec<ConsoleLine>, patterns: &Patterns, open: &mut Open, whole: u64) {
        let mut events = Vec::new();
        for line in lines.drain(..) {
            let at = console::offset(&line);
            let ConsoleLine::Output { text, .. } = line else { continue };
            if open.log && patterns.ready(&text) {
                open.log = false;
            }
            let now = || self.host.settings.clock.now();
            let event = if let Some(player) = patterns.joined(&text) {
                self.players.joined(player, now())
            } else if let Some(player) = patterns.left(&text) {
                self.players.left(player, now())
            } else {
                None
            };
            if let Some(event) = event {
                self.record.followed = at;
                events.push(event);
            }
        }
        // While it is not ready, the line that says so has to be found again by the next agent.
        if self.record.observed.phase == Phase::Ready {
            self.record.followed = self.record.followed.max(whole);
        }
        if !events.is_empty() {
            self.tell_players(events, true);
        }
    }

    fn tell_players(&mut self, events: Vec<EventKind>, named: bool) {
        let told = !events.is_empty();
        for event in events {
            self.event(event);
        }
        let before = &self.record.observed.players;
        let now = self.players.seen();
        let changed = told || named || (before.online, before.max) != (now.online, now.max);
        self.record.observed.players = now;
        if changed {
            self.save();
        } else {
            self.show();
        }
    }

    /// How long until the game is asked again. A tenth by chance, so that many servers do not ask as one.
    fn pause(&self) -> Duration {
        let every = self.host.settings.query_every;
        let chance = u32::from(self.clock().uuid().as_bytes()[15]) % 21;
        every.mul_f64(0.9 + f64::from(chance) / 100.0)
    }
}

fn ask(desired: &Desired) -> Option<JoinHandle<Option<Answer>>> {
    let players = &desired.recipe.players;
    let (number, _) = port(desired, players.port.as_deref().unwrap_or("game"))?;
    let protocol = players.query?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, number));
    Some(tokio::task::spawn_blocking(move || query::ask(protocol, address, ANSWER_WITHIN).ok()))
}

async fn answered(asked: &mut Option<JoinHandle<Option<Answer>>>) -> Option<Answer> {
    match asked {
        Some(asked) => asked.await.ok().flatten(),
        None => std::future::pending().await,
    }
}

/// How long ago a game was started.
fn age(started: &Started) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(Duration::from_millis(started.at_ms))
}
