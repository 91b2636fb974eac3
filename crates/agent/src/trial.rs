//! Tries a recipe out: installs it, starts it, waits until it is ready, asks who plays, and stops it, in a
//! folder of its own and without a control plane.

use std::{
    collections::BTreeMap,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use guildhall_core::TenantId;
use guildhall_link::message::{
    ConsoleLine, Desired, EventKind, Exit, Failure, FailureCode, Observed, Phase, PlayersSeen, Reply,
    Request, Want,
};
use guildhall_recipes::{Recipe, Values, patterns::strip_ansi};
use tokio::time::Instant;

use crate::{
    agent::Agent,
    config::{AgentError, Settings},
    trouble::Trouble,
};

/// How long a ready game may take to answer the first query.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// How often it is looked whether it did.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How a trial went.
#[derive(Clone, Debug)]
pub struct TrialReport {
    /// From the process's start until it was ready; `None` when it never was.
    pub ready_after: Option<Duration>,
    /// Who was seen playing. `online` is `None` when the recipe has no query, or the game did not answer it.
    pub players: PlayersSeen,
    /// How it ended, when it ran.
    pub exit: Option<Exit>,
    /// Why it failed, when it did.
    pub failure: Option<Failure>,
    /// The last lines of its console, as a person reads them.
    pub console: Vec<String>,
    /// What the recipe leaves to wish for, though the game works.
    pub warnings: Vec<String>,
}

impl TrialReport {
    /// Whether the game became ready, answered the query that the recipe has, and stopped.
    pub fn passed(&self) -> bool {
        self.failure.is_none() && self.ready_after.is_some() && self.exit.is_some()
    }
}

/// Tries a recipe. `variables` are a community's settings, the rest have their defaults; ports are free ones.
/// Everything happens in `folder`, which is made if need be; the server's files and its user are removed at the
/// end. `reporter` is told what happens, as it happens.
pub async fn run(
    recipe: Recipe,
    variables: BTreeMap<String, String>,
    folder: PathBuf,
    settings: Settings,
    reporter: impl Fn(&EventKind) + Send + Sync,
) -> Result<TrialReport, AgentError> {
    let clock = settings.clock.clone();
    prepare(&folder).map_err(|source| AgentError::Data { path: folder.clone(), source })?;
    let agent = Agent::open(folder, settings).await?;
    let wanted: Vec<u16> = recipe.ports.values().map(|port| port.default).collect();
    let count = u16::try_from(wanted.len()).unwrap_or(u16::MAX);
    let free = match agent.request(Request::FreePorts { wanted, count }).await {
        Reply::Ports { free } => free,
        _ => Vec::new(),
    };
    let ports = recipe.ports.keys().cloned().zip(free).collect();
    // A secret that was not set has to be somebody's; here it is nobody's for long.
    let values = Values::resolve(&recipe, &variables, &ports, |_| clock.uuid().simple().to_string());
    let values = match values {
        Ok(values) => values,
        Err(problems) => {
            let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
            agent.close().await;
            return Ok(failed(Trouble::new(FailureCode::BadRecipe, all.join("; ")).during(Phase::Preparing)));
        }
    };
    // Within the alphabet of tenants.
    let Ok(tenant) = "trial".parse::<TenantId>() else { unreachable!("'trial' is a tenant") };
    let desired = Desired {
        tenant,
        server: clock.uuid().into(),
        name: "trial".to_owned(),
        generation: 1,
        want: Want::Running,
        session: Some(clock.uuid().into()),
        recipe,
        variables: values.variables(),
        ports: values.ports().clone(),
        address: "127.0.0.1".to_owned(),
    };
    let mut trial = Trial {
        agent,
        desired,
        seen: 0,
        reporter,
        ready_after: None,
        exit: None,
        failure: None,
        removed: false,
    };
    let report = trial.run().await;
    trial.remove().await;
    trial.agent.close().await;
    Ok(report)
}

/// Games run as users of their own and have to get to their folders.
fn prepare(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o711))
}

fn failed(failure: Failure) -> TrialReport {
    TrialReport {
        ready_after: None,
        players: PlayersSeen::default(),
        exit: None,
        failure: Some(failure),
        console: Vec::new(),
        warnings: Vec::new(),
    }
}

struct Trial<R> {
    agent: std::sync::Arc<Agent>,
    desired: Desired,
    seen: u64,
    reporter: R,
    ready_after: Option<Duration>,
    exit: Option<Exit>,
    failure: Option<Failure>,
    removed: bool,
}

impl<R: Fn(&EventKind)> Trial<R> {
    async fn run(&mut self) -> TrialReport {
        self.want(Want::Running).await;
        self.until(None, |trial| trial.ready_after.is_some() || trial.failure.is_some()).await;
        let mut players = PlayersSeen::default();
        let mut warnings = Vec::new();
        if self.ready_after.is_some() && self.failure.is_none() {
            let asks = self.desired.recipe.players.query.is_some();
            if asks {
                let until = Instant::now() + ANSWER_WITHIN;
                while players.online.is_none() && self.failure.is_none() && Instant::now() < until {
                    players = self.observed().await.map(|observed| observed.players).unwrap_or_default();
                    self.until(Some(LOOK_EVERY), |trial| trial.failure.is_some()).await;
                }
                if players.online.is_none() {
                    warnings.push("The game did not answer the query of [players].".to_owned());
                }
            } else if self.desired.recipe.players.join.is_none() {
                warnings.push(
                    "Nothing in [players] tells who plays, so the server never stops by itself.".to_owned(),
                );
            }
        }
        let console = self.console().await;
        if self.failure.is_none() {
            self.exit = None;
            self.want(Want::Stopped).await;
            self.until(None, |trial| trial.exit.is_some() || trial.failure.is_some()).await;
            let own = self.exit.as_ref().is_some_and(|exit| exit.ladder.len() == 1);
            if !own && self.failure.is_none() {
                warnings.push("The game did not stop in its own way; see [stop].".to_owned());
            }
        }
        TrialReport {
            ready_after: self.ready_after,
            players,
            exit: self.exit.clone(),
            failure: self.failure.clone(),
            console,
            warnings,
        }
    }

    /// Takes the server away, whatever became of it.
    async fn remove(&mut self) {
        self.failure = None;
        self.want(Want::Absent).await;
        self.until(None, |trial| trial.removed || trial.failure.is_some()).await;
    }

    async fn want(&mut self, want: Want) {
        self.desired.want = want;
        let reply = self.agent.request(Request::Apply { desired: Box::new(self.desired.clone()) }).await;
        self.desired.generation += 1;
        if let Reply::Refused { message, .. } = reply {
            self.failure = Some(Trouble::new(FailureCode::Host, message).during(Phase::Preparing));
        }
    }

    /// Takes events in until something holds. The server's own deadlines see to it that something does.
    async fn until(&mut self, within: Option<Duration>, holds: impl Fn(&Self) -> bool) {
        let mut newest = self.agent.newest();
        let wait = async {
            while !holds(self) {
                let events = self.agent.events(self.seen, 200).await;
                let none = events.is_empty();
                for event in events {
                    self.seen = event.cursor;
                    (self.reporter)(&event.kind);
                    match event.kind {
                        EventKind::Ready { took_ms } => {
                            self.ready_after = Some(Duration::from_millis(took_ms));
                        }
                        EventKind::Exited { exit, .. } => self.exit = Some(exit),
                        EventKind::Failed { failure } => self.failure = Some(failure),
                        EventKind::Removed => self.removed = true,
                        _ => {}
                    }
                }
                if none && newest.changed().await.is_err() {
                    return;
                }
            }
        };
        match within {
            Some(within) => drop(tokio::time::timeout(within, wait).await),
            None => wait.await,
        }
    }

    async fn observed(&self) -> Option<Observed> {
        match self.agent.request(Request::Observe { server: self.desired.server }).await {
            Reply::Observed { observed } => Some(*observed),
            _ => None,
        }
    }

    async fn console(&self) -> Vec<String> {
        let request = Request::Console { server: self.desired.server, after: None, limit: 50 };
        let Reply::Console { chunk } = self.agent.request(request).await else { return Vec::new() };
        let text = |line| match line {
            ConsoleLine::Output { text, .. } => Some(strip_ansi(&text)),
            _ => None,
        };
        chunk.lines.into_iter().filter_map(text).collect()
    }
}
