//! What people may ask of a server in which state, and what becomes of it: the operations' side of its life.
//! What the host reports is in [`crate::sight`].

use guildhall_core::{Actor, Outcome, RunId, SessionId};
use guildhall_flows::FlowId;

use crate::{
    change::Change,
    entity::session,
    error::{ServersError, span},
    failure::{Code, Trouble},
    launch::{self, Changed, Launch},
    session::{Ending, How},
    state::{Goal, State},
    told,
};

/// An operation that is at work on a server for longer than a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    Create,
    Start,
    Stop,
    Restart,
    Delete,
}

impl Job {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Delete => "delete",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Create, Self::Start, Self::Stop, Self::Restart, Self::Delete]
            .into_iter()
            .find(|job| job.as_str() == word)
    }

    /// What a server is while the job is at work: `starting`.
    pub(crate) fn doing(self) -> &'static str {
        match self {
            Self::Create => "being created",
            Self::Start => "starting",
            Self::Stop => "stopping",
            Self::Restart => "restarting",
            Self::Delete => "being deleted",
        }
    }
}

impl Change<'_> {
    /// The job at work, if any.
    pub(crate) fn job(&self) -> Option<Job> {
        self.row.busy.as_deref().and_then(Job::parse)
    }

    /// Begins the making of a server whose row is new.
    pub(crate) fn create(&mut self, actor: &Actor, run: RunId) {
        self.occupy(Job::Create, actor, run);
        self.enter(State::Created);
    }

    /// Begins a start: a new session, a new generation, the newest launch configuration.
    pub(crate) fn start(&mut self, actor: &Actor, run: RunId) -> Result<SessionId, ServersError> {
        self.refuse_when_busy()?;
        if !matches!(self.row.state, State::Stopped | State::Failed) {
            return Err(ServersError::Running { name: self.row.name.clone(), state: self.row.state });
        }
        // A failed server may have a session whose end nobody has seen.
        self.close_session(&Ending::new(How::Unseen), None);
        let id = SessionId(self.fresh());
        self.launch = self.newest.clone();
        self.row.launched = Some(self.newest.version);
        self.row.session = Some(id.0);
        self.session = Some(session::Model {
            id: id.0,
            tenant: self.tenant.to_string(),
            server: self.row.id,
            actor: actor.id.to_string(),
            actor_name: actor.name.clone(),
            started_at: self.at,
            ready_at: None,
            ended_at: None,
            config: self.newest.version,
            ending: None,
        });
        self.visits = Vec::new();
        self.row.keep_until = None;
        self.row.idle_told = false;
        self.forget_players();
        self.clear_failure();
        self.occupy(Job::Start, actor, run);
        self.want(Goal::Running);
        self.enter(State::Preparing);
        told::opened(self, actor);
        Ok(id)
    }

    /// Begins a stop. A start or restart at work is cancelled by it.
    pub(crate) fn stop(&mut self, actor: &Actor, run: RunId) -> Result<Option<SessionId>, ServersError> {
        match self.job() {
            None if self.row.session.is_none() && !self.row.state.may_run() => {
                return Err(ServersError::NotRunning { name: self.row.name.clone(), state: self.row.state });
            }
            None => {}
            Some(Job::Start | Job::Restart) => {
                let told = format!("{} stopped it before it was ready.", actor.name);
                self.supersede(&told);
            }
            Some(Job::Create | Job::Stop | Job::Delete) => self.refuse_when_busy()?,
        }
        self.occupy(Job::Stop, actor, run);
        self.want(Goal::Stopped);
        self.enter(State::Stopping);
        told::stopping(self, actor);
        Ok(self.row.session.map(SessionId))
    }

    /// Begins a restart within the session.
    pub(crate) fn restart(&mut self, actor: &Actor, run: RunId) -> Result<Option<SessionId>, ServersError> {
        self.refuse_when_busy()?;
        if self.row.session.is_none() || !self.row.state.may_run() {
            return Err(ServersError::NotRunning { name: self.row.name.clone(), state: self.row.state });
        }
        self.launch = self.newest.clone();
        self.row.launched = Some(self.newest.version);
        self.occupy(Job::Restart, actor, run);
        self.want(Goal::Stopped);
        self.enter(State::Restarting);
        told::restarting(self, actor);
        Ok(self.row.session.map(SessionId))
    }

    /// Begins the end of a server and its files.
    pub(crate) fn delete(&mut self, actor: &Actor, run: RunId) -> Result<(), ServersError> {
        self.refuse_when_busy()?;
        self.occupy(Job::Delete, actor, run);
        self.want(Goal::Absent);
        self.enter(State::Deleting);
        told::deleting(self, actor);
        Ok(())
    }

    /// A new version of the launch configuration, for the next start.
    pub(crate) fn configure(
        &mut self,
        actor: &Actor,
        next: Launch,
        changed: &[Changed],
    ) -> Result<(), ServersError> {
        self.version = Some(launch::row(&next, self.row.id, actor, self.at, changed, self.secrets)?);
        self.row.config = next.version;
        told::configured(self, actor, next.version, changed);
        self.newest = next;
        Ok(())
    }

    /// The job is over: the mark is taken away.
    pub(crate) fn release(&mut self) {
        self.over = self.run();
        self.row.busy = None;
        self.row.busy_actor = None;
        self.row.busy_name = None;
        self.row.busy_since = None;
        self.row.run = None;
        self.row.flow = None;
    }

    /// Changes what is wanted, under a new generation: whatever was asked for before is out of date.
    pub(crate) fn want(&mut self, goal: Goal) {
        self.row.goal = goal;
        self.row.generation += 1;
    }

    /// Keeps why it did not work; the state is somebody else's to set.
    pub(crate) fn note(&mut self, trouble: &Trouble) {
        self.row.failure_code = Some(trouble.code.as_str().to_owned());
        self.row.failure_message = Some(self.launch.for_everybody(&trouble.message));
        let output: Vec<String> = trouble.output.iter().map(|line| self.launch.for_everybody(line)).collect();
        self.row.failure_output = (!output.is_empty()).then(|| serde_json::json!(output).to_string());
    }

    /// What was kept of a failure.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        trouble_of(&self.row)
    }

    /// It does not work, and that ends the job and the session.
    pub(crate) fn settle_failed(&mut self, trouble: &Trouble) {
        self.note(trouble);
        let trouble = self.trouble().unwrap_or_else(|| trouble.clone());
        if self.row.goal == Goal::Running {
            self.want(Goal::Stopped);
        }
        self.enter(State::Failed);
        self.forget_players();
        self.release();
        let ending = Ending { trouble: Some(trouble), ..Ending::new(How::Failed) };
        self.close_session(&ending, Some(Outcome::Failed));
    }

    /// It could not be stopped or removed: the wish stays, the session stays open until the exit is seen, and
    /// the job is over.
    pub(crate) fn settle_unstopped(&mut self, trouble: &Trouble) {
        self.note(trouble);
        let trouble = self.trouble().unwrap_or_else(|| trouble.clone());
        self.enter(State::Failed);
        self.release();
        told::unstopped(self, &trouble);
    }

    /// It does not run, as wanted, and that ends the job and the session.
    pub(crate) fn settle_stopped(&mut self, mut ending: Ending) {
        if self.job() == Some(Job::Stop) {
            ending.by = self.row.busy_name.clone();
        }
        self.clear_failure();
        self.enter(State::Stopped);
        self.forget_players();
        self.release();
        self.close_session(&ending, Some(Outcome::Succeeded));
    }

    /// Ends the session, if there is one, with its summary. `outcome` ends the job at work with the same event.
    pub(crate) fn close_session(&mut self, ending: &Ending, outcome: Option<Outcome>) {
        self.leave_all();
        if self.session.is_none() && outcome.is_none() {
            return;
        }
        if let Some(session) = &mut self.session {
            session.ended_at = Some(self.at);
            session.ending = serde_json::to_string(ending).ok();
        }
        told::ended(self, ending, outcome);
        self.row.session = None;
    }

    /// Nobody plays any more.
    pub(crate) fn leave_all(&mut self) {
        for visit in self.visits.iter_mut().filter(|visit| visit.left_at.is_none()) {
            visit.left_at = Some(self.at);
        }
    }

    pub(crate) fn forget_players(&mut self) {
        self.row.online = None;
        self.row.empty_since = None;
    }

    pub(crate) fn clear_failure(&mut self) {
        self.row.failure_code = None;
        self.row.failure_message = None;
        self.row.failure_output = None;
    }

    fn occupy(&mut self, job: Job, actor: &Actor, run: RunId) {
        self.row.busy = Some(job.as_str().to_owned());
        self.row.busy_actor = Some(actor.id.to_string());
        self.row.busy_name = Some(crate::text::line(&actor.name, 64));
        self.row.busy_since = Some(self.at);
        self.row.run = Some(run.0);
        self.row.flow = None;
    }

    /// Tells the job at work that it is over, and whoever follows it too.
    fn supersede(&mut self, told: &str) {
        told::superseded(self, told);
        self.overtake();
    }

    /// The job at work is not needed any more.
    pub(crate) fn overtake(&mut self) {
        self.overtaken.extend(self.row.flow.map(FlowId));
    }

    fn refuse_when_busy(&self) -> Result<(), ServersError> {
        let Some(job) = self.job() else { return Ok(()) };
        Err(ServersError::Busy {
            name: self.row.name.clone(),
            doing: job.doing(),
            by: self.row.busy_name.clone().unwrap_or_else(|| "somebody".to_owned()),
            ago: span(self.row.busy_since.unwrap_or(self.at).time(), self.at.time()),
        })
    }
}

/// What a row says of a failure.
pub(crate) fn trouble_of(row: &crate::entity::server::Model) -> Option<Trouble> {
    let code = Code::parse(row.failure_code.as_deref()?);
    let output =
        row.failure_output.clone().and_then(|lines| serde_json::from_str(&lines).ok()).unwrap_or_default();
    Some(Trouble { code, message: row.failure_message.clone().unwrap_or_default(), output })
}
