//! What the tests share: workflows that do something to see, and an engine that runs and crashes.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use guildhall_core::{Clock, TenantId};
use guildhall_flows::{Engine, EngineBuilder, Failure, Flow, FlowId, Outcome, StepError, Undo, Workflow};
use guildhall_store::Store;
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Notify, oneshot},
    task::JoinHandle,
};

pub fn tenant() -> TenantId {
    "ours".parse().unwrap()
}

/// What happened in the world, in order.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub fn add(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub fn count(&self, what: &str) -> usize {
        self.all().iter().filter(|entry| *entry == what).count()
    }
}

/// What the test lets happen in a trip's steps.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Plan {
    /// The third step fails for good.
    pub full: bool,
    /// The undo of the first step does not work this often.
    pub stubborn: usize,
    /// The second step fails in a way that goes away, this often.
    pub flaky: usize,
}

/// Three steps, of which two have an undo.
#[derive(Clone, Default)]
pub struct Trip {
    pub log: Log,
    pub failures: Arc<AtomicUsize>,
}

impl Workflow for Trip {
    const KIND: &'static str = "trip";
    type Input = Plan;
    type Output = String;

    async fn run(&self, flow: &Flow, plan: Plan) -> Result<String, Failure> {
        let (log, failures, stubborn) = (self.log.clone(), self.failures.clone(), plan.stubborn);
        let seat = flow
            .step("seat", async || {
                self.log.add("seat");
                Ok(12_u32)
            })
            .undo(async move |undo: Undo<u32>| {
                if failures.fetch_add(1, Ordering::SeqCst) < stubborn {
                    return Err(StepError::permanent("closed", "The counter is closed."));
                }
                log.add(format!("free seat {:?} because {}", undo.output, undo.cause.code));
                Ok(())
            })
            .await?;
        flow.step("luggage", || async {
            self.log.add("luggage");
            if self.failures.fetch_add(1, Ordering::SeqCst) < plan.flaky {
                return Err(StepError::transient("jammed", "The belt is jammed."));
            }
            Ok(())
        })
        .await?;
        let log = self.log.clone();
        flow.step("hotel", || async {
            self.log.add("hotel");
            if plan.full { Err(StepError::permanent("full", "The hotel is full.")) } else { Ok(()) }
        })
        .undo(async move |undo: Undo<()>| {
            log.add(format!("leave hotel {:?}", undo.output));
            Ok(())
        })
        .await?;
        Ok(format!("seat {seat}"))
    }
}

pub fn engine(store: &Store, clock: Arc<dyn Clock>) -> EngineBuilder {
    Engine::builder(store.clone(), clock).poll(Duration::from_millis(50))
}

/// An engine that runs until this is dropped, which is a crash, or stopped, which is not.
pub struct Running {
    pub task: JoinHandle<()>,
    pub stop: Option<oneshot::Sender<()>>,
    /// The engine has heard that it is to stop.
    pub stopping: Arc<AtomicBool>,
}

impl Running {
    pub fn begin(engine: &Engine) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (engine, stopping) = (engine.clone(), Arc::new(AtomicBool::new(false)));
        let heard = stopping.clone();
        let shutdown = async move {
            // A test that forgets the sender means to stop too.
            let _ = stopped.await;
            heard.store(true, Ordering::SeqCst);
        };
        Self { task: tokio::spawn(async move { engine.run(shutdown).await }), stop: Some(stop), stopping }
    }

    pub async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        (&mut self.task).await.unwrap();
    }

    pub async fn crash(self) {
        self.task.abort();
        let task = &self.task;
        until(|| task.is_finished()).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub async fn end(engine: &Engine, flow: FlowId) -> Outcome {
    let ended = tokio::time::timeout(Duration::from_secs(60), engine.wait(flow)).await;
    ended.expect("the flow ends").unwrap()
}

/// Returns once this holds.
pub async fn until(holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("it comes to hold within a minute");
}

/// Returns once the flow waits for this; time stands still, so it stays so.
pub async fn waits_for(engine: &Engine, flow: FlowId, what: &str) {
    let waits = async {
        while engine.info(flow).await.unwrap().unwrap().waiting.as_deref() != Some(what) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waits)
        .await
        .unwrap_or_else(|_| panic!("it never waits for {what}"));
}

pub type Gone = Arc<AtomicUsize>;

/// Counts when it is dropped.
pub struct OnDrop(pub Gone);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A step that stays until it is let go, then a wait, then a signal.
#[derive(Clone, Default)]
pub struct Visit {
    pub log: Log,
    pub inside: Arc<AtomicUsize>,
    pub most: Arc<AtomicUsize>,
    /// Steps that have ended or were cut off.
    pub gone: Gone,
    /// Turns that are over, with whatever they had to write.
    pub over: Gone,
    pub leave: Arc<Notify>,
    pub gate: bool,
}

impl Workflow for Visit {
    const KIND: &'static str = "visit";
    const WITHIN: Duration = Duration::from_secs(100_000);
    type Input = ();
    type Output = Option<String>;

    async fn run(&self, flow: &Flow, _: ()) -> Result<Option<String>, Failure> {
        let log = self.log.clone();
        let _over = OnDrop(self.over.clone());
        flow.step("enter", || async {
            let _gone = OnDrop(self.gone.clone());
            let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(inside, Ordering::SeqCst);
            self.log.add("enter");
            if self.gate {
                self.leave.notified().await;
            }
            self.inside.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        })
        .within(Duration::from_secs(24 * 3600))
        .undo(async move |_: Undo<()>| {
            log.add("undo enter");
            Ok(())
        })
        .await?;
        flow.sleep("rest", Duration::from_secs(3600)).await?;
        let said = flow.signal::<String>("word", Duration::from_secs(60)).await?;
        flow.step("leave", || async {
            self.log.add("leave");
            Ok(())
        })
        .await?;
        Ok(said)
    }
}

pub trait IntoValue {
    fn into_value(self) -> serde_json::Value;
}

impl IntoValue for () {
    fn into_value(self) -> serde_json::Value {
        serde_json::Value::Null
    }
}

/// How many rows a table has.
pub async fn rows(store: &Store, table: &'static str) -> i64 {
    use sea_orm::{ExprTrait, sea_query::Expr};

    let count = Expr::col(sea_orm::sea_query::Asterisk).count();
    let query = sea_orm::sea_query::Query::select().expr_as(count, "n").from(table).to_owned();
    store.reader().query_one(&query).await.unwrap().unwrap().try_get("", "n").unwrap()
}

/// Two steps whose undos the test can hold up, and then a failure.
#[derive(Clone, Default)]
pub struct Retreat {
    pub log: Log,
    pub hold: bool,
    pub go: Arc<Notify>,
}

impl Retreat {
    pub async fn undo(self, name: &'static str) -> Result<(), StepError> {
        self.log.add(format!("begin to undo {name}"));
        if self.hold && name == "first" {
            self.go.notified().await;
        }
        self.log.add(format!("undid {name}"));
        Ok(())
    }
}

impl Workflow for Retreat {
    const KIND: &'static str = "retreat";
    type Input = ();
    type Output = ();

    async fn run(&self, flow: &Flow, _: ()) -> Result<(), Failure> {
        let (first, second) = (self.clone(), self.clone());
        flow.step("first", async || Ok(())).undo(move |_| first.undo("first")).await?;
        flow.step("second", async || Ok(())).undo(move |_| second.undo("second")).await?;
        self.log.add("fail");
        Err(Failure::new("retreat", "It is too cold."))
    }
}

/// Gives back what it was sent, and one character more.
pub struct Letter;

impl Workflow for Letter {
    const KIND: &'static str = "letter";
    type Input = String;
    type Output = String;

    async fn run(&self, flow: &Flow, text: String) -> Result<String, Failure> {
        flow.step("write", async || Ok(())).await?;
        Ok(format!("{text}!"))
    }
}
