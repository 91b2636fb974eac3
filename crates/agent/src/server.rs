//! One server: works towards what the control plane wants of it, and tells what it sees.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use guildhall_core::Clock;
use guildhall_link::message::{
    AgentEvent, Desired, EventKind, Exit, Failure, FailureCode, Observed, Phase, Rung, Want,
};
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::{
    console, disk,
    folder::Folder,
    game::{self, Run},
    host::Host,
    install::{self, Site},
    launch,
    players::Players,
    record::{Record, milliseconds},
    shim::{self, protocol::Ended},
    stop,
    trouble::Trouble,
    user::User,
};

/// What to do next.
pub(crate) enum Next {
    /// Look again.
    Again,
    /// Nothing, until the control plane wants something else.
    Wait,
    /// The server is gone.
    Gone,
}

/// Works on one server.
pub(crate) struct Server {
    pub(crate) host: Arc<Host>,
    pub(crate) desired: watch::Receiver<Arc<Desired>>,
    pub(crate) record: Record,
    pub(crate) players: Players,
    observed: watch::Sender<Observed>,
}

/// How a run ended, for what is told of it.
struct End {
    ended: Option<Ended>,
    wanted: bool,
    ladder: Vec<Rung>,
    took: Duration,
}

impl Server {
    /// Takes up what an earlier agent remembered.
    pub(crate) fn new(
        host: Arc<Host>,
        desired: watch::Receiver<Arc<Desired>>,
    ) -> (Self, watch::Receiver<Observed>) {
        let now = host.settings.clock.now();
        let first = desired.borrow().clone();
        let path = host.layout.record(first.server);
        let record = disk::read::<Record>(&path).unwrap_or_else(|error| {
            tracing::error!(server = %first.server, %error, "what was remembered of the server cannot be read");
            None
        });
        let record = record.unwrap_or_else(|| Record::new(&first, now));
        let players = Players::of(&first.recipe, &record.observed.players);
        let (observed, seen) = watch::channel(record.observed.clone());
        (Self { host, desired, record, players, observed }, seen)
    }

    /// Works until the server is gone.
    pub(crate) async fn run(mut self) {
        loop {
            let desired = self.desired.borrow_and_update().clone();
            self.adopt(&desired);
            let next = match desired.want {
                Want::Running => self.keep_running(&desired).await,
                Want::Stopped => self.keep_stopped(&desired).await,
                Want::Absent => self.remove(&desired).await,
            };
            let next = next.unwrap_or_else(|trouble| {
                let phase = self.record.observed.phase;
                self.fail(trouble.during(phase));
                Next::Wait
            });
            match next {
                Next::Again => {}
                Next::Wait => {
                    if self.desired.changed().await.is_err() {
                        return;
                    }
                }
                Next::Gone => return,
            }
        }
    }

    /// Takes up a new word of the control plane's. It is also a new chance for what had failed.
    pub(crate) fn adopt(&mut self, desired: &Desired) {
        let record = &mut self.record;
        if record.observed.generation == desired.generation {
            return;
        }
        record.observed.generation = desired.generation;
        if desired.session.is_some() || !record.is_running() {
            record.observed.session = desired.session;
        }
        record.crashes.clear();
        record.restart_at = None;
        record.observed.failure = None;
        if !record.is_running() {
            record.was_ready = false;
            if desired.want == Want::Running {
                record.observed.phase = Phase::Stopped;
            }
        }
        self.save();
    }

    async fn keep_running(&mut self, desired: &Desired) -> Result<Next, Trouble> {
        match self.find().await? {
            Run::Alive(started) => return self.attend(desired, &started).await,
            Run::Ended(ending) if self.is_current(ending.run) => {
                return Ok(self.went(desired, Some(ending.ended)));
            }
            Run::Lost(started) if self.is_current(started.run) => return Ok(self.went(desired, None)),
            _ => {}
        }
        match self.record.observed.phase {
            Phase::Failed => Ok(Next::Wait),
            Phase::Restarting => {
                let until = self.record.restart_at.unwrap_or_default();
                let until = OffsetDateTime::from_unix_timestamp_nanos(i128::from(until) * 1_000_000);
                let until = until.unwrap_or(OffsetDateTime::UNIX_EPOCH);
                let (clock, mut changes) = (self.host.settings.clock.clone(), self.desired.clone());
                tokio::select! {
                    () = clock.sleep_until(until) => self.start(desired).await,
                    _ = changes.changed() => Ok(Next::Again),
                }
            }
            _ => self.start(desired).await,
        }
    }

    async fn keep_stopped(&mut self, desired: &Desired) -> Result<Next, Trouble> {
        match self.find().await? {
            Run::Alive(_) => self.stop(desired).await?,
            Run::Ended(ending) if self.is_current(ending.run) => drop(self.went(desired, Some(ending.ended))),
            Run::Lost(started) if self.is_current(started.run) => drop(self.went(desired, None)),
            _ => {}
        }
        if self.record.observed.phase != Phase::Stopped {
            self.phase(Phase::Stopped);
        }
        self.record.observed.session = None;
        self.save();
        Ok(Next::Wait)
    }

    async fn remove(&mut self, desired: &Desired) -> Result<Next, Trouble> {
        self.keep_stopped(desired).await?;
        let layout = &self.host.layout;
        let path = layout.folder(desired.server);
        let user = User::of(desired.server, &path).filter(|_| self.host.own_users());
        if let Some(user) = &user {
            user.end_processes().await?;
        }
        let removed = tokio::task::spawn_blocking(move || Folder::remove(&path)).await;
        let removed = removed.unwrap_or_else(|_| Err(io::ErrorKind::Interrupted.into()));
        removed.map_err(|error| Trouble::io("removing the server's folder", &error))?;
        // Only now: its number may be the next server's user's, who would own what is left.
        if let Some(user) = user {
            user.remove().await?;
        }
        self.event(EventKind::Removed);
        Ok(Next::Gone)
    }

    /// Whether a run is the one that is remembered as running.
    fn is_current(&self, run: u64) -> bool {
        self.record.run == run && self.record.is_running()
    }

    async fn find(&self) -> Result<Run, Trouble> {
        game::find(&self.runtime())
            .await
            .map_err(|error| Trouble::io("looking for the game's process", &error))
    }

    pub(crate) fn runtime(&self) -> PathBuf {
        self.host.layout.runtime(self.record.observed.server)
    }

    /// Prepares, installs and starts, until the control plane wants something else.
    async fn start(&mut self, desired: &Desired) -> Result<Next, Trouble> {
        let mut changes = self.desired.clone();
        tokio::select! {
            biased;
            _ = changes.changed() => Ok(Next::Again),
            outcome = self.launch(desired) => outcome,
        }
    }

    async fn launch(&mut self, desired: &Desired) -> Result<Next, Trouble> {
        self.record.restart_at = None;
        self.phase(Phase::Preparing);
        let host = self.host.clone();
        let plan = launch::plan(desired, &host.layout.folder(desired.server))?;
        let (folder, fresh) = launch::folder(&host, desired).await?;
        if fresh {
            self.record.installed.clear();
        }
        self.install(&plan, &folder).await?;
        launch::write_files(&plan, &folder)?;
        let order = launch::order(&host, desired, &plan, &folder, self.record.run + 1)?;
        disk::private_folder(&order.runtime)
            .map_err(|error| Trouble::io("making the runtime folder", &error))?;

        // Before the process is there, so that an agent that dies in between looks for it.
        self.record.run = order.run;
        self.record.followed = 0;
        self.players = Players::of(&desired.recipe, &Default::default());
        self.record.observed.players = self.players.seen();
        self.phase(Phase::Starting);
        let answer = game::start(&host.settings.shim, &order).await;
        let started = answer.map_err(|error| Trouble::io("starting the game", &error))?;
        let started = started.map_err(|why| launch::not_started(&why, &order.program.argv[0]))?;
        self.record.observed.pid = Some(started.pid);
        self.save();
        Ok(Next::Again)
    }

    async fn install(&mut self, plan: &launch::Plan, folder: &Folder) -> Result<(), Trouble> {
        let marks = install::marks(&plan.steps);
        let total = u32::try_from(marks.len()).unwrap_or(u32::MAX);
        let host = self.host.clone();
        let npm_cache = host.layout.npm_cache();
        let site = Site { settings: &host.settings, folder, npm_cache: &npm_cache };
        self.record.installed.retain(|mark| marks.contains(mark));
        for (done, (step, mark)) in (0..).zip(plan.steps.iter().zip(&marks)) {
            if install::is_done(step, self.record.installed.contains(mark), folder) {
                continue;
            }
            self.phase(Phase::Installing);
            self.event(EventKind::Progress {
                phase: Phase::Installing,
                step: install::words(step),
                done,
                total,
            });
            install::carry_out(step, &site).await?;
            if !self.record.installed.contains(mark) {
                self.record.installed.push(mark.clone());
            }
            self.save();
        }
        Ok(())
    }

    /// Stops the game by its ladder.
    async fn stop(&mut self, desired: &Desired) -> Result<(), Trouble> {
        let end = self.climb(desired).await?;
        self.ended(&end, None);
        self.phase(Phase::Stopped);
        Ok(())
    }

    async fn climb(&mut self, desired: &Desired) -> Result<End, Trouble> {
        self.phase(Phase::Stopping);
        let runtime = self.runtime();
        let stopped = stop::stop(&runtime, &desired.recipe).await.map_err(|error| {
            Trouble::new(
                FailureCode::Host,
                format!("The game's process does not end, not even by SIGKILL: {error}."),
            )
        })?;
        // Also when the shim has said how it ended: what counts is that nothing is there any more.
        let ended = match self.find().await? {
            Run::Ended(ending) => Some(ending.ended),
            Run::Alive(_) => {
                return Err(Trouble::new(
                    FailureCode::Host,
                    "The game's shim does not answer, and its process is there.",
                ));
            }
            Run::Lost(_) | Run::None => stopped.ended,
        };
        Ok(End { ended, wanted: true, ladder: stopped.ladder, took: stopped.took })
    }

    /// The game was not ready in time.
    pub(crate) async fn give_up(&mut self, desired: &Desired) -> Result<Next, Trouble> {
        let within = desired.recipe.ready.within;
        let end = self.climb(desired).await?;
        let output = self.last_lines();
        self.ended(&end, None);
        let message =
            format!("The game was not ready {} s after its start and was stopped.", within.as_secs());
        let trouble = Trouble::new(FailureCode::NotReadyInTime, message).output(output);
        self.fail(trouble.during(Phase::Starting));
        Ok(Next::Wait)
    }

    /// The game ended, and was not asked to by anybody who still waits for it.
    pub(crate) fn went(&mut self, desired: &Desired, ended: Option<Ended>) -> Next {
        let phase = self.record.observed.phase;
        let wanted = phase == Phase::Stopping;
        let end = End { ended, wanted, ladder: Vec::new(), took: Duration::ZERO };
        if wanted || desired.want != Want::Running {
            self.ended(&end, None);
            self.phase(Phase::Stopped);
            return Next::Again;
        }
        let output = self.last_lines();
        let now = self.host.settings.clock.now();
        let backoff = self.host.settings.backoff;
        let window = i64::try_from(backoff.window.as_millis()).unwrap_or(i64::MAX);
        self.record.crashes.push(milliseconds(now));
        self.record.crashes.retain(|at| milliseconds(now).saturating_sub(*at) < window);
        let crashes = self.crashes();
        let how = how(ended);
        if phase == Phase::Starting && !self.record.was_ready {
            self.ended(&end, None);
            let trouble =
                Trouble::new(FailureCode::EndedBeforeReady, format!("The game {how} before it was ready."));
            self.fail(trouble.output(output).during(Phase::Starting));
            return Next::Wait;
        }
        let Some(wait) = backoff.wait(crashes) else {
            self.ended(&end, None);
            let message = format!(
                "The game crashed {crashes} times within {} minutes and stays down; the last time it {how}.",
                backoff.window.as_secs().div_ceil(60)
            );
            self.fail(Trouble::new(FailureCode::CrashedTooOften, message).output(output).during(phase));
            return Next::Wait;
        };
        self.ended(&end, Some(wait));
        self.record.restart_at = Some(milliseconds(now + wait));
        self.phase(Phase::Restarting);
        Next::Again
    }

    fn ended(&mut self, end: &End, restart: Option<Duration>) {
        // A failure tells the last lines itself, and a stop needs none.
        let output = restart.map(|_| console::last_words(&self.last_lines())).unwrap_or_default();
        for event in self.players.everybody_left() {
            self.event(event);
        }
        let at = end.ended.and_then(|ended| {
            OffsetDateTime::from_unix_timestamp_nanos(i128::from(ended.at_ms) * 1_000_000).ok()
        });
        let exit = Exit {
            at: at.unwrap_or_else(|| self.host.settings.clock.now()),
            status: end.ended.and_then(|ended| ended.status),
            signal: end.ended.and_then(|ended| ended.signal),
            wanted: end.wanted,
            ladder: end.ladder.clone(),
            took_ms: u64::try_from(end.took.as_millis()).unwrap_or(u64::MAX),
        };
        let restart_in_ms = restart.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        let crashes = self.crashes();
        self.event(EventKind::Exited { exit: exit.clone(), restart_in_ms, crashes, output });
        self.record.observed.players = self.players.seen();
        self.record.observed.players.online = None;
        self.record.observed.exit = Some(exit);
        self.record.observed.pid = None;
    }

    fn crashes(&self) -> u32 {
        u32::try_from(self.record.crashes.len()).unwrap_or(u32::MAX)
    }

    fn last_lines(&self) -> Vec<String> {
        let frames = std::fs::read(self.runtime().join(shim::CONSOLE)).unwrap_or_default();
        console::tail(&console::from_frames(&frames).0)
    }

    pub(crate) fn phase(&mut self, phase: Phase) {
        if self.record.observed.phase == phase {
            return;
        }
        self.event(EventKind::Phase { phase });
        self.record.observed.phase = phase;
        self.record.observed.since = self.host.settings.clock.now();
        self.save();
    }

    fn fail(&mut self, failure: Failure) {
        tracing::warn!(server = %self.record.observed.server, message = %failure.message, "the server failed");
        self.record.observed.failure = Some(failure.clone());
        self.record.observed.pid = None;
        self.phase(Phase::Failed);
        self.event(EventKind::Failed { failure });
        self.save();
    }

    /// Tells what happened. Told before it is remembered: an agent that dies in between tells it twice, and
    /// never not at all.
    pub(crate) fn event(&self, kind: EventKind) {
        let observed = &self.record.observed;
        self.host.journal.append(AgentEvent {
            cursor: 0,
            at: self.host.settings.clock.now(),
            tenant: observed.tenant.clone(),
            server: observed.server,
            generation: observed.generation,
            session: observed.session,
            kind,
        });
    }

    /// Remembers, and shows, what is known now.
    pub(crate) fn save(&mut self) {
        self.observed.send_replace(self.record.observed.clone());
        if let Err(error) = disk::write(&self.host.layout.record(self.record.observed.server), &self.record) {
            tracing::error!(server = %self.record.observed.server, %error, "what is known of the server cannot be written");
        }
    }

    /// Shows what is known now, without remembering it.
    pub(crate) fn show(&self) {
        self.observed.send_replace(self.record.observed.clone());
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.host.settings.clock
    }
}

fn how(ended: Option<Ended>) -> String {
    match ended {
        Some(Ended { status: Some(status), .. }) => format!("ended with exit status {status}"),
        Some(Ended { signal: Some(signal), .. }) => format!("was ended by signal {signal}"),
        _ => "was ended together with the process that watched it".to_owned(),
    }
}
