//! One scenario: a flow from its start to its end, with the trouble that a script makes.

use std::{
    collections::VecDeque,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
};

use futures::FutureExt;
use guildhall_core::{Clock, error::panic_text};
use sea_orm::{ColumnTrait, QueryFilter};

use crate::{
    Outcome, State, Workflow,
    engine::Engine,
    fault::{Fault, Faults, Place, Point},
    table::{EntryKind, flow},
    testkit::{Scene, Stage},
    turn::End,
};

/// Turns after which a flow counts as one that never ends.
const TURNS: usize = 2_000;

/// A moment that was met.
#[derive(Clone, Debug)]
pub(super) struct Met {
    pub(super) name: String,
    pub(super) kind: EntryKind,
    pub(super) undo: bool,
    pub(super) place: Place,
}

/// Trouble that is to be made once, when its turn has come.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    /// The step and whether it is its undo; `None` is whatever comes next.
    at: Option<(String, bool, Place)>,
    fault: Fault,
    /// It need not happen.
    optional: bool,
    /// The world does not send this signal.
    silent: Option<String>,
}

impl Planned {
    pub(super) fn crash(name: &str, undo: bool, place: Place) -> Self {
        Self { at: Some((name.to_owned(), undo, place)), fault: Fault::Crash, optional: false, silent: None }
    }

    pub(super) fn crash_anywhere() -> Self {
        Self { at: None, fault: Fault::Crash, optional: true, silent: None }
    }

    pub(super) fn fail(name: &str, undo: bool, place: Place) -> Self {
        Self { at: Some((name.to_owned(), undo, place)), fault: Fault::Fail, optional: false, silent: None }
    }

    pub(super) fn silence(name: &str) -> Self {
        Self { at: None, fault: Fault::None, optional: true, silent: Some(name.to_owned()) }
    }
}

/// How a scenario must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// As if nothing had happened.
    Done,
    /// As if nothing had happened, or undone.
    Settled,
}

/// Makes the planned trouble, in order, and remembers what was met.
pub(super) struct Script {
    plan: Mutex<VecDeque<Planned>>,
    met: Mutex<Vec<Met>>,
    silent: Option<String>,
}

impl Script {
    pub(super) fn new(plan: Vec<Planned>) -> Self {
        let silent = plan.iter().find_map(|planned| planned.silent.clone());
        let plan = plan.into_iter().filter(|planned| planned.silent.is_none()).collect();
        Self { plan: Mutex::new(plan), met: Mutex::new(Vec::new()), silent }
    }

    pub(super) fn met(&self) -> Vec<Met> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn left(&self) -> Option<Planned> {
        let plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        plan.iter().find(|planned| !planned.optional).cloned()
    }
}

impl Faults for Script {
    fn meet(&self, point: Point<'_>) -> Fault {
        let Point { name, kind, undo, place } = point;
        let met = Met { name: name.to_owned(), kind, undo, place };
        self.met.lock().unwrap_or_else(PoisonError::into_inner).push(met);
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        let here = plan.front().is_some_and(|planned| match &planned.at {
            Some((at, of_undo, at_place)) => at == name && *of_undo == undo && *at_place == place,
            None => true,
        });
        if here { plan.pop_front().map_or(Fault::None, |planned| planned.fault) } else { Fault::None }
    }
}

/// Plays the scenario and says what was wrong with its end.
pub(super) async fn play<S: Scene>(
    scene: &S,
    stage: &Stage,
    script: Arc<Script>,
    expected: Expected,
) -> Result<(), String> {
    let outcome = run(scene, stage, &script).await?;
    if let Some(planned) = script.left() {
        return Err(format!(
            "{planned:?} never happened; the workflow does not do the same steps every time"
        ));
    }
    match outcome {
        Outcome::Stuck(failure) => Err(format!("it is stuck: {failure}")),
        Outcome::Failed(failure) if expected == Expected::Done => {
            Err(format!("it failed: {failure} ({:?})", failure.detail))
        }
        Outcome::Failed(failure) => {
            let clean = AssertUnwindSafe(scene.assert_clean(&failure)).catch_unwind().await;
            clean.map_err(|panic| format!("it was not undone: {}", panic_text(panic.as_ref())))
        }
        Outcome::Done(output) => {
            let output = serde_json::from_value::<<S::Workflow as Workflow>::Output>(output)
                .map_err(|error| format!("its output cannot be read again: {error}"))?;
            if script.silent.is_some() {
                // What a workflow makes of silence is its own affair.
                return Ok(());
            }
            let finished = AssertUnwindSafe(scene.assert_finished(&output)).catch_unwind().await;
            finished.map_err(|panic| format!("it did not end as it should: {}", panic_text(panic.as_ref())))
        }
    }
}

async fn run<S: Scene>(scene: &S, stage: &Stage, script: &Arc<Script>) -> Result<Outcome, String> {
    let trouble = |error: &dyn std::fmt::Display| format!("the store gave trouble: {error}");
    let start = || {
        Engine::builder(stage.store.clone(), stage.clock.clone())
            .register(scene.workflow())
            .faults(script.clone())
            .build()
    };
    let mut engine = start();
    let id = engine
        .start::<S::Workflow>(&stage.tenant, "kit", &scene.input())
        .await
        .map_err(|error| format!("it cannot be started: {error}"))?;
    for _ in 0..TURNS {
        match engine.turn(id).await.map_err(|error| trouble(&error))? {
            Some(End::Kept) => continue,
            Some(End::Crashed) => {
                engine = start();
                continue;
            }
            Some(End::Trouble(error)) => return Err(trouble(&error)),
            Some(end @ (End::Lost | End::Drained)) => return Err(format!("a turn ended as {end:?}")),
            None => {}
        }
        let info = engine.info(id).await.map_err(|error| trouble(&error))?.ok_or("the flow is gone")?;
        if info.state.is_settled() || info.state == State::Stuck {
            return engine.wait(id).await.map_err(|error| trouble(&error));
        }
        if let Some(waiting) = &info.waiting {
            let silent = script.silent.as_ref().is_some_and(|name| *waiting == format!("signal {name}"));
            if !silent {
                scene.waiting(&engine, id, waiting).await;
            }
        }
        pass_time(stage, id.0).await.map_err(|error| trouble(&error))?;
    }
    Err(format!("it did not end within {TURNS} turns"))
}

/// Moves the time to the moment at which the flow can go on.
async fn pass_time(stage: &Stage, flow: uuid::Uuid) -> Result<(), guildhall_store::StoreError> {
    let row = guildhall_store::operator::find::<flow::Entity>()
        .filter(flow::Column::Id.eq(flow))
        .one(stage.store.reader())
        .await?;
    let Some(row) = row else { return Ok(()) };
    let next = row.lease_until.map_or(row.due_at, |until| until.max(row.due_at)).time();
    let left = next - stage.clock.now();
    if left.is_positive() {
        stage.clock.advance(left.unsigned_abs());
    }
    Ok(())
}
