//! Proves a workflow: runs it with a failure at every step in turn, which must unwind clean; with a crash at
//! every step in turn, twice, which must end as if nothing had happened; and with every effect and every undo
//! repeated.
//!
//! The caller describes a world and what it must look like; the kit finds the steps by a first run without
//! trouble. All of it is done on SQLite and then on PostgreSQL, where that is installed. Each scenario has a fresh world and a community of its own. Time stands still and jumps to the
//! next moment at which something is due, so sleeps and deadlines cost nothing.
//!
//! ```
//! use std::sync::{Arc, Mutex};
//! use guildhall_flows::{Failure, Flow, StepError, Undo, Workflow, testkit};
//!
//! #[derive(Clone, Default)]
//! struct Rooms(Arc<Mutex<Vec<String>>>);
//!
//! struct Book(Rooms);
//!
//! impl Workflow for Book {
//!     const KIND: &'static str = "book";
//!     type Input = String;
//!     type Output = ();
//!
//!     async fn run(&self, flow: &Flow, guest: String) -> Result<(), Failure> {
//!         let (rooms, name) = (self.0.clone(), guest.clone());
//!         flow.step("reserve", || async {
//!             let mut taken = self.0.0.lock().unwrap();
//!             // Done twice it must be done once.
//!             if !taken.contains(&guest) {
//!                 taken.push(guest.clone());
//!             }
//!             Ok(())
//!         })
//!         .undo(move |_: Undo<()>| async move {
//!             rooms.0.lock().unwrap().retain(|taken| *taken != name);
//!             Ok(())
//!         })
//!         .await
//!     }
//! }
//!
//! struct Inn(Rooms);
//!
//! impl testkit::Scene for Inn {
//!     type Workflow = Book;
//!
//!     fn workflow(&self) -> Book {
//!         Book(self.0.clone())
//!     }
//!     fn input(&self) -> String {
//!         "ann".to_owned()
//!     }
//!     async fn assert_clean(&self, _cause: &Failure) {
//!         assert!(self.0.0.lock().unwrap().is_empty(), "a room is still taken");
//!     }
//!     async fn assert_finished(&self, _output: &()) {
//!         assert_eq!(*self.0.0.lock().unwrap(), ["ann"]);
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let report = testkit::check(Vec::new, |_stage| async { Inn(Rooms::default()) }).await;
//! assert_eq!(report.steps, ["reserve"]);
//! # });
//! ```

mod scenario;

use std::{fmt, future::Future, sync::Arc, time::Duration};

use guildhall_core::{ManualClock, TenantId};
use guildhall_store::{Store, testkit::TestStore};
use sea_orm_migration::MigrationTrait;

use crate::{Failure, FlowId, Handle, Workflow, engine::Engine, fault::Place, table::EntryKind};
use scenario::{Expected, Met, Planned, Script};

/// A world in which a workflow runs. It outlives crashes of the program, as a real one does.
pub trait Scene: Send + Sync + 'static {
    /// The workflow to prove.
    type Workflow: Workflow;

    /// The workflow as a freshly started program has it; called after every crash.
    fn workflow(&self) -> Self::Workflow;

    /// What it is started with.
    fn input(&self) -> <Self::Workflow as Workflow>::Input;

    /// Called whenever the flow waits, with [`FlowInfo::waiting`](crate::FlowInfo::waiting)'s words
    /// (`signal ready`), before time goes on. Here the world sends the signals that it would send.
    fn waiting(&self, handle: &Handle, flow: FlowId, waiting: &str) -> impl Future<Output = ()> + Send {
        let _ = (handle, flow, waiting);
        async {}
    }

    /// Panics unless everything is as it was before the flow, or as it should be after it failed.
    fn assert_clean(&self, cause: &Failure) -> impl Future<Output = ()> + Send;

    /// Panics unless everything is as it should be after the flow.
    fn assert_finished(
        &self,
        output: &<Self::Workflow as Workflow>::Output,
    ) -> impl Future<Output = ()> + Send;
}

/// Where one scenario takes place.
#[derive(Clone)]
pub struct Stage {
    /// A store with the engine's tables and those asked for; scenarios share it.
    pub store: Store,
    /// The time, which only the kit moves.
    pub clock: Arc<ManualClock>,
    /// A community of the scenario's own.
    pub tenant: TenantId,
    /// For worlds that signal flows by themselves.
    pub handle: Handle,
}

/// What the kit has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The workflow's steps and waits, in order.
    pub steps: Vec<String>,
    /// How many scenarios were run on each database.
    pub scenarios: usize,
    /// The databases: `SQLite`, and `PostgreSQL` where that is installed.
    pub databases: Vec<&'static str>,
    /// What was wrong in them.
    pub violations: Vec<Violation>,
}

/// A scenario that did not end as it must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// On which database.
    pub database: &'static str,
    /// What was done to the flow.
    pub scenario: String,
    /// What was wrong.
    pub problem: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "on {}, {}: {}", self.database, self.scenario, self.problem)
    }
}

/// Runs all scenarios and panics with everything that was wrong. `migrations` are the tables that the world
/// needs beside the engine's and the store's own.
pub async fn check<S, F, Fut>(migrations: impl Fn() -> Vec<Box<dyn MigrationTrait>>, scene: F) -> Report
where
    S: Scene,
    F: Fn(Stage) -> Fut,
    Fut: Future<Output = S>,
{
    let report = inspect(migrations, scene).await;
    let problems: Vec<_> = report.violations.iter().map(|violation| format!("  {violation}")).collect();
    assert!(problems.is_empty(), "{} is not safe:\n{}", S::Workflow::KIND, problems.join("\n"));
    report
}

/// As [`check`], but gives what was wrong instead of panicking.
pub async fn inspect<S, F, Fut>(migrations: impl Fn() -> Vec<Box<dyn MigrationTrait>>, scene: F) -> Report
where
    S: Scene,
    F: Fn(Stage) -> Fut,
    Fut: Future<Output = S>,
{
    let tables = || {
        let mut tables = migrations();
        if !tables.iter().any(|table| crate::migrations().iter().any(|own| own.name() == table.name())) {
            tables.extend(crate::migrations());
        }
        tables
    };
    let mut report =
        Report { steps: Vec::new(), scenarios: 0, databases: Vec::new(), violations: Vec::new() };
    for store in guildhall_store::testkit::stores(tables).await {
        let database = store.name;
        let clock = Arc::new(ManualClock::default());
        let mut kit = Kit { store, scene: &scene, clock, scenarios: 0, violations: Vec::new() };
        let steps = kit.run_all().await;
        if report.databases.is_empty() {
            (report.steps, report.scenarios) = (steps, kit.scenarios);
        } else if kit.violations.is_empty() && (&steps, kit.scenarios) != (&report.steps, report.scenarios) {
            kit.violate("without trouble", format!("its steps are others than on {}", report.databases[0]));
        }
        report.databases.push(database);
        report.violations.append(&mut kit.violations);
    }
    report
}

struct Kit<'a, F> {
    store: TestStore,
    scene: &'a F,
    clock: Arc<ManualClock>,
    scenarios: usize,
    violations: Vec<Violation>,
}

impl<S, F, Fut> Kit<'_, F>
where
    S: Scene,
    F: Fn(Stage) -> Fut,
    Fut: Future<Output = S>,
{
    /// All scenarios on one store; gives the workflow's steps.
    async fn run_all(&mut self) -> Vec<String> {
        let met = self.run("without trouble", Vec::new(), Expected::Done).await;
        let moments = met.into_iter().filter(|met| !met.undo && met.place == Place::Before);
        let mut steps: Vec<Met> = Vec::new();
        for moment in moments {
            // A wait is met before every look, a step once.
            if !steps.iter().any(|known| known.name == moment.name) {
                steps.push(moment);
            }
        }
        if self.violations.is_empty() {
            for step in &steps {
                self.crash_at(step).await;
            }
            let last = steps.len().saturating_sub(1);
            for (index, step) in steps.iter().enumerate() {
                self.fail_at(step, index == last).await;
            }
            for step in steps.iter().filter(|step| step.kind == EntryKind::Signal) {
                let silence = format!("with the signal {} never sent", step.name);
                self.run(&silence, vec![Planned::silence(&step.name)], Expected::Settled).await;
            }
        }
        steps.into_iter().map(|step| step.name).collect()
    }

    fn violate(&mut self, scenario: &str, problem: String) {
        let scenario = scenario.to_owned();
        self.violations.push(Violation { database: self.store.name, scenario, problem });
    }

    /// The program ends before the effect, in its midst, right after it, and after the journal has it; and then
    /// once more.
    async fn crash_at(&mut self, step: &Met) {
        let name = &step.name;
        let before = Planned::crash(name, false, Place::Before);
        self.run(&format!("crashing twice before {name}"), vec![before.clone(), before], Expected::Done)
            .await;
        if step.kind == EntryKind::Step {
            let during = Planned::crash(name, false, Place::During);
            let what = format!("crashing twice in the midst of {name}");
            self.run(&what, vec![during.clone(), during], Expected::Done).await;
            let after = Planned::crash(name, false, Place::After);
            let what = format!("crashing twice between the effect of {name} and the journal");
            self.run(&what, vec![after.clone(), after], Expected::Done).await;
        }
        let kept = Planned::crash(name, false, Place::Kept);
        let what = format!("crashing after {name}, and once more at once");
        self.run(&what, vec![kept, Planned::crash_anywhere()], Expected::Done).await;
    }

    /// The step fails, before or after its effect; and each undo that follows is repeated, and crashed twice.
    async fn fail_at(&mut self, step: &Met, last: bool) {
        let name = &step.name;
        let fail = Planned::fail(name, false, Place::Before);
        self.run(&format!("failing at {name}"), vec![fail.clone()], Expected::Settled).await;
        let fail = match step.kind {
            EntryKind::Step => Planned::fail(name, false, Place::After),
            EntryKind::Sleep | EntryKind::Signal => fail,
        };
        let what = format!("failing at {name}, after its effect");
        let met = self.run(&what, vec![fail.clone()], Expected::Settled).await;

        // The undos of earlier steps are the same whichever later step fails, so they are tried with the last.
        let undos = met.iter().filter(|met| met.undo && met.place == Place::Before);
        for undo in undos.filter(|undo| last || undo.name == *name) {
            let undo = &undo.name;
            let crash = |place| Planned::crash(undo, true, place);
            let plans = [
                ("crashing twice before", vec![crash(Place::Before), crash(Place::Before)]),
                ("crashing twice right after", vec![crash(Place::After), crash(Place::After)]),
                ("crashing twice after the journal has", vec![crash(Place::Kept), Planned::crash_anywhere()]),
                ("repeating", vec![Planned::fail(undo, true, Place::After)]),
            ];
            for (what, plan) in plans {
                // Once the last undo has been kept nothing more is met, so the second crash need not happen.
                let plan = std::iter::once(fail.clone()).chain(plan).collect();
                let what = format!("failing at {name} and {what} the undo of {undo}");
                self.run(&what, plan, Expected::Settled).await;
            }
        }
    }

    async fn run(&mut self, what: &str, plan: Vec<Planned>, expected: Expected) -> Vec<Met> {
        self.scenarios += 1;
        let tenant: TenantId =
            format!("kit-{}", self.scenarios).parse().expect("a tenant of letters and digits");
        let script = Arc::new(Script::new(plan));
        let handle = Engine::builder(self.store.store(), self.clock.clone()).handle();
        let stage = Stage { store: self.store.store(), clock: self.clock.clone(), tenant, handle };
        let scene = (self.scene)(stage.clone()).await;
        let play = scenario::play(&scene, &stage, script.clone(), expected);
        // Real time: a scenario that waits for something that does not come would wait for ever.
        let result = match tokio::time::timeout(Duration::from_secs(60), play).await {
            Ok(result) => result,
            Err(_) => {
                Err("it did not end within a minute; an effect waits for something that never comes"
                    .to_owned())
            }
        };
        if let Err(problem) = result {
            self.violate(what, problem);
        }
        script.met()
    }
}
