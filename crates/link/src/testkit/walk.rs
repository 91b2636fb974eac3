//! How a simulated server gets from what it is to what it should be, one phase at a time.

use std::sync::Arc;

use guildhall_core::{ServerId, SessionId};
use time::OffsetDateTime;

use super::{Effects, Fault, Shared, State};
use crate::{
    check::MAX_CRASH_LINES,
    message::{
        AgentEvent, ConsoleLine, Desired, EventKind, Exit, Failure, FailureCode, Observed, Phase,
        PlayersSeen, Refusal, Reply, Rung, Want,
    },
};

/// One server on the simulated host.
pub(super) struct Machine {
    pub(super) desired: Desired,
    pub(super) effects: Effects,
    pub(super) files: bool,
    /// A task walks it.
    pub(super) busy: bool,
    installed: bool,
    phase: Phase,
    since: OffsetDateTime,
    /// The session of the process that runs.
    process: Option<Option<SessionId>>,
    players: Vec<String>,
    failure: Option<Failure>,
    exit: Option<Exit>,
    /// The generation that has been brought about, or has failed.
    settled: Option<u64>,
}

impl Machine {
    fn new(desired: Desired, now: OffsetDateTime) -> Self {
        Self {
            desired,
            effects: Effects::default(),
            files: false,
            busy: false,
            installed: false,
            phase: Phase::Stopped,
            since: now,
            process: None,
            players: Vec::new(),
            failure: None,
            exit: None,
            settled: None,
        }
    }

    pub(super) fn running(&self) -> bool {
        self.process.is_some()
    }

    /// Whether its walk stands before a held phase, or is never ready.
    pub(super) fn waits(&self, state: &State) -> bool {
        match self.next(fault(state, self.desired.server)) {
            Some(step) => state.held.is_some() && step.enters() == state.held,
            None => self.settled != Some(self.desired.generation),
        }
    }

    pub(super) fn observed(&self) -> Option<Observed> {
        let gone = self.desired.want == Want::Absent && self.settled == Some(self.desired.generation);
        (!gone).then(|| Observed {
            tenant: self.desired.tenant.clone(),
            server: self.desired.server,
            generation: self.desired.generation,
            phase: self.phase,
            session: self.process.flatten(),
            since: self.since,
            pid: self.process.map(|_| 1000 + self.effects.starts),
            players: PlayersSeen {
                online: (self.phase == Phase::Ready)
                    .then(|| u32::try_from(self.players.len()).unwrap_or(u32::MAX)),
                max: Some(20),
                names: self.players.clone(),
                at: (self.phase == Phase::Ready).then_some(self.since),
            },
            failure: self.failure.clone(),
            exit: self.exit.clone(),
        })
    }

    /// The next step towards what is desired; `None` when there is nothing to do.
    fn next(&self, fault: Option<Fault>) -> Option<Step> {
        if self.settled == Some(self.desired.generation) {
            return None;
        }
        let other_session = self.process.is_some_and(|session| session != self.desired.session);
        let stays = self.desired.want == Want::Running && !other_session;
        if self.process.is_some() && !stays {
            return Some(if self.phase == Phase::Stopping { Step::Exit } else { Step::Stopping });
        }
        Some(match (self.desired.want, self.phase) {
            (Want::Absent, _) => Step::Remove,
            (Want::Stopped, _) => Step::Stopped,
            (Want::Running, Phase::Preparing) if self.installed => Step::Starting,
            (Want::Running, Phase::Preparing) => Step::Installing,
            (Want::Running, Phase::Installing) if fault == Some(Fault::Install) => {
                Step::Fail(FailureCode::InstallFailed)
            }
            (Want::Running, Phase::Installing) => Step::Starting,
            (Want::Running, Phase::Starting) => match fault {
                Some(Fault::NeverReady) => return None,
                Some(Fault::Start(code)) => Step::Fail(code),
                _ => Step::Ready,
            },
            (Want::Running, Phase::Ready) => Step::Ready,
            (Want::Running, Phase::Restarting) => Step::Starting,
            (Want::Running, Phase::Stopping | Phase::Stopped | Phase::Failed) => Step::Preparing,
        })
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Preparing,
    Installing,
    Starting,
    Ready,
    Stopping,
    /// The process ends after a stop.
    Exit,
    Stopped,
    Remove,
    Fail(FailureCode),
}

impl Step {
    fn enters(self) -> Option<Phase> {
        match self {
            Self::Preparing => Some(Phase::Preparing),
            Self::Installing => Some(Phase::Installing),
            Self::Starting => Some(Phase::Starting),
            Self::Ready => Some(Phase::Ready),
            Self::Stopping => Some(Phase::Stopping),
            Self::Stopped => Some(Phase::Stopped),
            Self::Fail(_) => Some(Phase::Failed),
            Self::Exit | Self::Remove => None,
        }
    }
}

fn fault(state: &State, server: ServerId) -> Option<Fault> {
    state.faults.get(&server).copied().or(state.fault)
}

/// Keeps a desired state, unless it is older than what is kept.
pub(super) fn apply(state: &mut State, desired: Desired, now: OffsetDateTime) -> Reply {
    let generation = desired.generation;
    let machine = state.machines.entry(desired.server).or_insert_with(|| {
        let mut machine = Machine::new(desired.clone(), now);
        machine.desired.generation = 0;
        machine
    });
    if generation < machine.desired.generation {
        let message = format!("Generation {generation} is older than {}.", machine.desired.generation);
        return Reply::Refused { why: Refusal::OldGeneration, message };
    }
    // The same generation again is a repetition, whatever else it says.
    if generation > machine.desired.generation || machine.effects.applied == 0 {
        machine.desired = desired;
        machine.effects.applied += 1;
        machine.settled = None;
    }
    Reply::Applied { generation }
}

/// Makes sure that a task walks the server.
pub(super) fn wake(shared: &Arc<Shared>, server: ServerId) {
    let idle = shared.change(|state| {
        let machine = state.machines.get_mut(&server);
        machine.is_some_and(|machine| !std::mem::replace(&mut machine.busy, true))
    });
    if idle {
        tokio::spawn(walk(shared.clone(), server));
    }
}

async fn walk(shared: Arc<Shared>, server: ServerId) {
    let mut changed = shared.changed.subscribe();
    loop {
        changed.mark_unchanged();
        let walked = step(&mut shared.lock(), server, shared.clock.now());
        if let Walked::Waits = walked {
            if changed.changed().await.is_err() {
                return;
            }
            continue;
        }
        shared.changed.send_modify(|count| *count += 1);
        if let Walked::Done = walked {
            return;
        }
        // Requests get in between two steps, as they do on a real host.
        tokio::task::yield_now().await;
    }
}

enum Walked {
    On,
    Waits,
    Done,
}

fn step(state: &mut State, server: ServerId, now: OffsetDateTime) -> Walked {
    let fault = fault(state, server);
    let held = state.held;
    let State { machines, journal, .. } = state;
    let Some(machine) = machines.get_mut(&server) else { return Walked::Done };
    let Some(step) = machine.next(fault) else {
        if machine.settled == Some(machine.desired.generation) {
            machine.busy = false;
            return Walked::Done;
        }
        return Walked::Waits;
    };
    if held.is_some() && step.enters() == held {
        return Walked::Waits;
    }
    let before = machine.phase;
    let mut told = Vec::new();
    if let Some(phase) = step.enters() {
        machine.phase = phase;
        machine.since = now;
        told.push(EventKind::Phase { phase });
    }
    let generation = machine.desired.generation;
    match step {
        Step::Preparing => {
            machine.files = true;
            machine.failure = None;
        }
        Step::Installing => {
            let total = u32::try_from(machine.desired.recipe.install.len().max(1)).unwrap_or(u32::MAX);
            let step = format!("Installing {}", machine.desired.recipe.title);
            told.push(EventKind::Progress { phase: Phase::Installing, step, done: 0, total });
        }
        Step::Starting => {
            if before == Phase::Installing {
                machine.installed = true;
                machine.effects.installs += 1;
            }
            machine.effects.starts += 1;
            machine.process = Some(machine.desired.session);
            machine.exit = None;
        }
        Step::Ready => {
            machine.settled = Some(generation);
            if before == Phase::Starting {
                told.push(EventKind::Ready { took_ms: 5 });
            }
        }
        Step::Stopping => {}
        Step::Exit => {
            let exit = stopped(&machine.desired, now);
            machine.effects.stops += 1;
            machine.players.clear();
            machine.exit = Some(exit.clone());
            told.push(EventKind::Exited { exit, restart_in_ms: None, crashes: 0, output: Vec::new() });
        }
        Step::Stopped => machine.settled = Some(generation),
        Step::Remove => {
            machine.effects.removes += u32::from(machine.files);
            (machine.files, machine.installed) = (false, false);
            machine.phase = Phase::Stopped;
            machine.settled = Some(generation);
            told.push(EventKind::Removed);
        }
        Step::Fail(code) => {
            let message = match code {
                FailureCode::InstallFailed => "The install step ended with exit status 1.",
                _ => "The game did not start.",
            };
            told.push(fail(machine, code, before, message));
        }
    }
    emit(journal, machine, told, now);
    // The session is named in the event of its end, so it goes only now.
    if matches!(step, Step::Exit | Step::Fail(_)) {
        machine.process = None;
    }
    Walked::On
}

fn fail(machine: &mut Machine, code: FailureCode, phase: Phase, message: &str) -> EventKind {
    let output = vec!["simulated: it did not work".to_owned()];
    let failure = Failure { code, phase, message: message.to_owned(), output };
    machine.failure = Some(failure.clone());
    machine.settled = Some(machine.desired.generation);
    EventKind::Failed { failure }
}

fn stopped(desired: &Desired, now: OffsetDateTime) -> Exit {
    let rung = match &desired.recipe.stop.command {
        Some(line) => Rung::Command { line: line.clone() },
        None => Rung::Signal { name: "SIGTERM".to_owned() },
    };
    Exit { at: now, status: Some(0), signal: None, wanted: true, ladder: vec![rung], took_ms: 5 }
}

fn emit(journal: &mut Vec<AgentEvent>, machine: &Machine, told: Vec<EventKind>, now: OffsetDateTime) {
    for kind in told {
        journal.push(AgentEvent {
            cursor: journal.len() as u64 + 1,
            at: now,
            tenant: machine.desired.tenant.clone(),
            server: machine.desired.server,
            generation: machine.desired.generation,
            session: machine.process.unwrap_or(machine.desired.session),
            kind,
        });
    }
}

/// Ends a process that nobody asked to end.
pub(super) fn crash(state: &mut State, server: ServerId, restart: bool, now: OffsetDateTime) -> bool {
    let State { machines, journal, consoles, .. } = state;
    let Some(machine) = machines.get_mut(&server).filter(|machine| machine.running()) else { return false };
    machine.effects.crashes += 1;
    machine.players.clear();
    let exit = Exit { at: now, status: Some(1), signal: None, wanted: false, ladder: Vec::new(), took_ms: 0 };
    machine.exit = Some(exit.clone());
    let crashes = machine.effects.crashes;
    let before = machine.phase;
    machine.phase = if restart { Phase::Restarting } else { Phase::Failed };
    machine.since = now;
    let lines = consoles.get(&server).into_iter().flatten().rev().filter_map(|line| match line {
        ConsoleLine::Output { text, .. } => Some(text.clone()),
        _ => None,
    });
    let mut output: Vec<String> = lines.take(MAX_CRASH_LINES).collect();
    output.reverse();
    let mut told = vec![
        EventKind::Exited { exit, restart_in_ms: restart.then_some(1), crashes, output },
        EventKind::Phase { phase: machine.phase },
    ];
    if restart {
        machine.settled = None;
    } else {
        told.push(fail(
            machine,
            FailureCode::CrashedTooOften,
            before,
            "It crashed more often than its budget allows.",
        ));
    }
    emit(journal, machine, told, now);
    machine.process = None;
    true
}

/// Changes who plays on a server that is ready.
pub(super) fn players(
    state: &mut State,
    server: ServerId,
    now: OffsetDateTime,
    kind: EventKind,
    change: impl FnOnce(&mut Vec<String>),
) -> bool {
    let State { machines, journal, .. } = state;
    let Some(machine) = machines.get_mut(&server).filter(|machine| machine.phase == Phase::Ready) else {
        return false;
    };
    change(&mut machine.players);
    emit(journal, machine, vec![kind], now);
    true
}
