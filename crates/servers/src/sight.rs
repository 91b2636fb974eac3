//! What becomes of a server when its host reports something: the hosts' side of its life. Everything here may
//! be told twice, or late, and does nothing then.

use guildhall_core::Outcome;
use guildhall_flows::FlowId;
use guildhall_link::message::{Exit, Observed, Phase, PlayersSeen};
use metrics::counter;

use crate::{
    change::{Change, MOST_VISITS},
    entity::visit,
    failure::Trouble,
    life::Job,
    session::{Ending, How},
    state::{Goal, State},
    text, told,
    view::Progress,
    workflows::{DOWN, News, UP},
};

/// A player's name is at most this many characters; games allow 3 to 32.
const LONGEST_NAME: usize = 48;

impl Change<'_> {
    /// The host works on it: a phase on the way to ready, or on the way down.
    pub(crate) fn see_phase(&mut self, phase: Phase) {
        match phase {
            Phase::Preparing | Phase::Installing | Phase::Starting => {
                let state = State::from(phase);
                // During a restart's first half the old process's phases are still coming in.
                if self.row.goal == Goal::Running && self.row.state != state && self.row.state != State::Ready
                {
                    self.enter(state);
                    told::status(self);
                }
            }
            Phase::Ready | Phase::Failed | Phase::Restarting | Phase::Stopping => {}
            // Whoever waits for the stop looks closer, because the exit is worth telling.
            Phase::Stopped => self.send(News::Look),
        }
    }

    /// A step of the installation begins.
    pub(crate) fn see_progress(&mut self, phase: Phase, step: &str, done: u32, total: u32) {
        self.see_phase(phase);
        if self.row.state == State::from(phase) && !self.row.state.is_settled() {
            let step = self.launch.for_everybody(&text::line(step, 100));
            let progress = Progress { label: step, done: done.min(total), total };
            self.row.progress = serde_json::to_string(&progress).ok();
            told::status(self);
        }
    }

    /// Players can join.
    pub(crate) fn see_ready(&mut self, took_ms: Option<u64>) {
        if self.row.goal != Goal::Running || self.row.state == State::Ready {
            return;
        }
        let after_crash = self.job().is_none() && self.row.state == State::Restarting
            || self.session.as_ref().is_some_and(|session| session.ready_at.is_some())
                && self.job().is_none();
        self.clear_failure();
        self.enter(State::Ready);
        if let Some(session) = &mut self.session {
            session.ready_at.get_or_insert(self.at);
        }
        // A game that can tell who plays has nobody on it yet.
        let players = &self.launch.recipe.players;
        if self.row.online.is_none() && (players.query.is_some() || players.join.is_some()) {
            self.set_online(0);
        }
        self.send(News::Ready);
        self.release();
        told::ready(self, took_ms, after_crash);
    }

    /// The process ended.
    pub(crate) fn see_exit(
        &mut self,
        exit: &Exit,
        restart_in_ms: Option<u64>,
        crashes: u32,
        output: &[String],
    ) {
        self.leave_all();
        self.forget_players();
        let ending = Ending { exit: Some(exit.clone()), ..Ending::new(How::Stopped) };
        match self.job() {
            Some(Job::Stop) => {
                self.settle_stopped_telling(ending);
            }
            Some(Job::Restart) if self.row.goal != Goal::Running => {
                told::down_for_restart(self, &ending);
                self.send(News::Stopped);
            }
            Some(Job::Delete) => self.send(News::Look),
            // The agent says what it makes of an end before ready; that decides.
            Some(Job::Start | Job::Restart | Job::Create) => {}
            None if self.row.goal != Goal::Running => {
                if self.row.state != State::Failed || self.session.is_some() {
                    self.settle_stopped(ending);
                }
            }
            // Without a restart the agent says next what it makes of the end.
            None => {
                if let Some(wait) = restart_in_ms {
                    self.enter(State::Restarting);
                    // The wait itself is the agent's; the deadline begins after it.
                    let wait = std::time::Duration::from_millis(wait.min(3_600_000));
                    self.row.deadline = self.row.deadline.map(|deadline| (deadline.time() + wait).into());
                    let shown = |line: &String| self.launch.for_everybody(&text::line(line, 200));
                    let last: Vec<String> = output.iter().take(10).map(shown).collect();
                    told::crashed(self, exit, wait, crashes, &last);
                }
            }
        }
    }

    /// It failed and stays down.
    pub(crate) fn see_failed(&mut self, trouble: &Trouble) {
        match self.job() {
            Some(Job::Start | Job::Restart | Job::Stop | Job::Delete) => {
                self.note(trouble);
                self.send(News::Failed);
            }
            Some(Job::Create) => {}
            None if self.row.goal == Goal::Running => self.settle_failed(trouble),
            None => {}
        }
    }

    /// Somebody joined.
    pub(crate) fn see_joined(&mut self, player: &str) {
        let player = text::line(player, LONGEST_NAME);
        let Some(session) = self.session.as_ref().filter(|_| !player.is_empty()) else { return };
        self.row.empty_since = None;
        self.row.idle_told = false;
        if self.visits.iter().any(|visit| visit.player == player && visit.left_at.is_none()) {
            return;
        }
        if self.visits.len() as u64 >= MOST_VISITS {
            counter!("guildhall_servers_dropped_total", "what" => "visit").increment(1);
            return;
        }
        let visit = visit::Model {
            id: self.fresh(),
            tenant: self.row.tenant.clone(),
            server: self.row.id,
            session: session.id,
            player: player.clone(),
            joined_at: self.at,
            left_at: None,
        };
        self.visits.push(visit);
        self.count_players();
        told::joined(self, &player);
    }

    /// Somebody left.
    pub(crate) fn see_left(&mut self, player: &str) {
        let player = text::line(player, LONGEST_NAME);
        let open = self.visits.iter_mut().find(|visit| visit.player == player && visit.left_at.is_none());
        let Some(visit) = open else { return };
        visit.left_at = Some(self.at);
        self.count_players();
        told::left(self, &player);
    }

    /// What the game itself says of who plays; it counts more than the joins and leaves that were seen.
    pub(crate) fn see_players(&mut self, seen: &PlayersSeen) {
        if self.row.state != State::Ready {
            return;
        }
        self.row.max_players = seen.max.and_then(|max| i32::try_from(max).ok());
        let Some(online) = seen.online.and_then(|online| i32::try_from(online).ok()) else {
            self.forget_players();
            return;
        };
        // Joins and leaves that nobody saw are made up for, where the game names everybody.
        if seen.names.len() == usize::try_from(online).unwrap_or(usize::MAX) {
            let names: Vec<String> = seen.names.iter().map(|name| text::line(name, LONGEST_NAME)).collect();
            let open = self.visits.iter().filter(|visit| visit.left_at.is_none());
            let gone: Vec<String> =
                open.map(|visit| visit.player.clone()).filter(|player| !names.contains(player)).collect();
            for player in gone {
                self.see_left(&player);
            }
            for player in names {
                self.see_joined(&player);
            }
        }
        self.set_online(online);
    }

    /// What an agent sees of the whole server, when events may have been missed.
    pub(crate) fn see(&mut self, observed: &Observed) {
        match observed.phase {
            Phase::Ready => {
                self.see_ready(None);
                self.see_players(&observed.players);
            }
            Phase::Failed => {
                if let Some(failure) = &observed.failure {
                    self.see_failed(&failure.clone().into());
                }
            }
            Phase::Stopped => self.see_gone(observed.exit.as_ref()),
            phase => self.see_phase(phase),
        }
    }

    /// It does not run on its host.
    pub(crate) fn see_gone(&mut self, exit: Option<&Exit>) {
        let ending = Ending {
            exit: exit.cloned(),
            ..Ending::new(if exit.is_some() { How::Stopped } else { How::Ended })
        };
        match self.job() {
            Some(Job::Stop) => self.settle_stopped_telling(ending),
            Some(Job::Restart) if self.row.goal != Goal::Running => {
                self.leave_all();
                self.send(News::Stopped);
            }
            Some(_) => {}
            None if self.row.goal != Goal::Running
                && (self.session.is_some() || self.row.state.may_run()) =>
            {
                self.settle_stopped(ending);
            }
            None => {}
        }
    }

    fn settle_stopped_telling(&mut self, ending: Ending) {
        self.send(News::Stopped);
        self.settle_stopped(ending);
    }

    fn count_players(&mut self) {
        let online = self.visits.iter().filter(|visit| visit.left_at.is_none()).count();
        self.set_online(i32::try_from(online).unwrap_or(i32::MAX));
    }

    fn set_online(&mut self, online: i32) {
        self.row.online = Some(online);
        if online > 0 {
            self.row.empty_since = None;
            self.row.idle_told = false;
        } else {
            self.row.empty_since.get_or_insert(self.at);
        }
    }

    /// Tells the job at work.
    pub(crate) fn send(&mut self, news: News) {
        if let Some(flow) = self.row.flow.map(FlowId) {
            let name = if self.row.goal == Goal::Running { UP } else { DOWN };
            self.news.push((flow, name, news));
        }
    }

    /// The host has been away for too long.
    pub(crate) fn lose_host(&mut self, host: &str) {
        let trouble = Trouble::new(crate::failure::Code::HostLost, format!("Host {host} is not connected."));
        self.note(&trouble);
        self.overtake();
        self.enter(State::Failed);
        self.forget_players();
        let outcome = self.row.run.map(|_| Outcome::Failed);
        self.release();
        told::host_lost(self, &trouble, outcome);
    }

    /// The host is back and the game ran on.
    pub(crate) fn find_again(&mut self) {
        self.clear_failure();
        self.enter(State::Ready);
        told::found_again(self);
    }
}
