//! The engine, on both databases: flows survive what happens to the program, and run once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use guildhall_core::{Clock, ManualClock, SystemClock, TenantId};
use guildhall_flows::{
    Engine, EngineBuilder, Failure, Flow, FlowError, FlowId, Outcome, State, StepError, Undo, Workflow,
    migrations,
};
use guildhall_store::{Store, testkit};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Notify, oneshot},
    task::JoinHandle,
};

fn tenant() -> TenantId {
    "ours".parse().unwrap()
}

/// What happened in the world, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn count(&self, what: &str) -> usize {
        self.all().iter().filter(|entry| *entry == what).count()
    }
}

/// What the test lets happen in a trip's steps.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Plan {
    /// The third step fails for good.
    full: bool,
    /// The undo of the first step does not work this often.
    stubborn: usize,
    /// The second step fails in a way that goes away, this often.
    flaky: usize,
}

/// Three steps, of which two have an undo.
#[derive(Clone, Default)]
struct Trip {
    log: Log,
    failures: Arc<AtomicUsize>,
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

fn engine(store: &Store, clock: Arc<dyn Clock>) -> EngineBuilder {
    Engine::builder(store.clone(), clock).poll(Duration::from_millis(50))
}

/// An engine that runs until this is dropped, which is a crash, or stopped, which is not.
struct Running {
    task: JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
}

impl Running {
    fn begin(engine: &Engine) -> Self {
        let (stop, stopped) = oneshot::channel();
        let engine = engine.clone();
        let shutdown = async {
            // A test that forgets the sender means to stop too.
            let _ = stopped.await;
        };
        Self { task: tokio::spawn(async move { engine.run(shutdown).await }), stop: Some(stop) }
    }

    async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        (&mut self.task).await.unwrap();
    }

    async fn crash(self) {
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

async fn end(engine: &Engine, flow: FlowId) -> Outcome {
    let ended = tokio::time::timeout(Duration::from_secs(60), engine.wait(flow)).await;
    ended.expect("the flow ends").unwrap()
}

/// Returns once this holds.
async fn until(holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("it comes to hold within a minute");
}

/// Returns once the flow waits for this; time stands still, so it stays so.
async fn waits_for(engine: &Engine, flow: FlowId, what: &str) {
    let waits = async {
        while engine.info(flow).await.unwrap().unwrap().waiting.as_deref() != Some(what) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waits)
        .await
        .unwrap_or_else(|_| panic!("it never waits for {what}"));
}

#[tokio::test]
async fn steps_are_done_in_order_and_the_output_is_kept() {
    for store in testkit::stores(migrations).await {
        let trip = Trip::default();
        let engine = engine(&store, Arc::new(SystemClock)).register(trip.clone()).build();
        let running = Running::begin(&engine);
        let flow = engine.start::<Trip>(&tenant(), "ann", &Plan::default()).await.unwrap();
        let outcome = end(&engine, flow).await;
        assert_eq!(outcome.output::<String>().unwrap(), "seat 12", "on {}", store.name);
        assert_eq!(trip.log.all(), ["seat", "luggage", "hotel"], "on {}", store.name);
        running.stop().await;
    }
}

#[tokio::test]
async fn a_failure_undoes_in_reverse_and_says_why() {
    for store in testkit::stores(migrations).await {
        let trip = Trip::default();
        let engine = engine(&store, Arc::new(SystemClock)).register(trip.clone()).build();
        let _running = Running::begin(&engine);
        let plan = Plan { full: true, ..Plan::default() };
        let flow = engine.start::<Trip>(&tenant(), "ann", &plan).await.unwrap();
        let Outcome::Failed(failure) = end(&engine, flow).await else { panic!("on {}", store.name) };
        assert_eq!((failure.code.as_str(), failure.step.as_deref()), ("full", Some("hotel")));
        let expected = ["seat", "luggage", "hotel", "leave hotel None", "free seat Some(12) because full"];
        assert_eq!(trip.log.all(), expected, "on {}", store.name);
    }
}

#[tokio::test]
async fn a_flow_begins_with_its_transaction_or_not_at_all() {
    for store in testkit::stores(migrations).await {
        let trip = Trip::default();
        let engine = engine(&store, Arc::new(SystemClock)).register(trip.clone()).build();
        let _running = Running::begin(&engine);
        let tx = store.begin().await.unwrap();
        let never = engine.start_in::<Trip>(&tx, &tenant(), "ann", &Plan::default()).await.unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(engine.info(never).await.unwrap(), None, "on {}", store.name);

        let tx = store.begin().await.unwrap();
        let flow = engine.start_in::<Trip>(&tx, &tenant(), "ann", &Plan::default()).await.unwrap();
        tx.commit().await.unwrap();
        assert!(matches!(end(&engine, flow).await, Outcome::Done(_)), "on {}", store.name);
        assert_eq!(trip.log.count("seat"), 1, "on {}", store.name);
    }
}

#[tokio::test]
async fn one_flow_at_a_time_for_one_thing() {
    for store in testkit::stores(migrations).await {
        let engine = engine(&store, Arc::new(SystemClock)).register(Trip::default()).build();
        let (ours, plan) = (tenant(), Plan { full: true, ..Plan::default() });
        let begun = tokio::join!(
            engine.start::<Trip>(&ours, "ann", &plan),
            engine.start::<Trip>(&ours, "ann", &plan),
        );
        let (flow, refused) = match begun {
            (Ok(flow), Err(refused)) | (Err(refused), Ok(flow)) => (flow, refused),
            both => panic!("{both:?} on {}", store.name),
        };
        let FlowError::Active { flow: active, ref key, .. } = refused else { panic!("{refused:?}") };
        assert_eq!((active, key.as_str()), (flow, "ann"), "on {}", store.name);
        assert!(refused.to_string().contains(&flow.to_string()));
        assert_eq!(engine.active::<Trip>(&tenant(), "ann").await.unwrap().unwrap().id, flow);

        let others: TenantId = "theirs".parse().unwrap();
        engine.start::<Trip>(&others, "ann", &Plan::default()).await.unwrap();
        engine.start::<Trip>(&tenant(), "bob", &Plan::default()).await.unwrap();
        let _running = Running::begin(&engine);
        end(&engine, flow).await;
        assert_eq!(engine.active::<Trip>(&tenant(), "ann").await.unwrap(), None);
        engine.start::<Trip>(&tenant(), "ann", &Plan::default()).await.unwrap();
    }
}

#[tokio::test]
async fn a_conflict_does_not_spoil_the_callers_transaction() {
    for store in testkit::stores(migrations).await {
        let engine = engine(&store, Arc::new(SystemClock)).register(Trip::default()).build();
        engine.start::<Trip>(&tenant(), "ann", &Plan::default()).await.unwrap();
        let tx = store.begin().await.unwrap();
        let refused = engine.start_in::<Trip>(&tx, &tenant(), "ann", &Plan::default()).await;
        assert!(matches!(refused, Err(FlowError::Active { .. })), "{refused:?} on {}", store.name);
        engine.start_in::<Trip>(&tx, &tenant(), "bob", &Plan::default()).await.unwrap();
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_transient_error_is_tried_again_with_a_back_off() {
    for store in testkit::stores(migrations).await {
        let (clock, trip) = (Arc::new(ManualClock::default()), Trip::default());
        let engine = engine(&store, clock.clone()).register(trip.clone()).build();
        let _running = Running::begin(&engine);
        let flow =
            engine.start::<Trip>(&tenant(), "ann", &Plan { flaky: 2, ..Plan::default() }).await.unwrap();
        waits_for(&engine, flow, "retry luggage").await;
        clock.advance(Duration::from_millis(499));
        waits_for(&engine, flow, "retry luggage").await;
        assert_eq!(trip.log.count("luggage"), 1, "on {}", store.name);
        clock.advance(Duration::from_millis(1));
        until(|| trip.log.count("luggage") >= 2).await;
        waits_for(&engine, flow, "retry luggage").await;
        clock.advance(Duration::from_secs(1));
        assert!(matches!(end(&engine, flow).await, Outcome::Done(_)), "on {}", store.name);
        assert_eq!((trip.log.count("seat"), trip.log.count("luggage")), (1, 3), "on {}", store.name);
    }
}

#[tokio::test]
async fn retries_come_to_an_end() {
    let store = testkit::sqlite(migrations()).await;
    let (clock, trip) = (Arc::new(ManualClock::default()), Trip::default());
    let engine = engine(&store, clock.clone()).register(trip.clone()).build();
    let _running = Running::begin(&engine);
    let flow =
        engine.start::<Trip>(&tenant(), "ann", &Plan { flaky: 1000, ..Plan::default() }).await.unwrap();
    for _ in 0..5 {
        waits_for(&engine, flow, "retry luggage").await;
        let tried = trip.log.count("luggage");
        clock.advance(Duration::from_secs(60));
        until(|| trip.log.count("luggage") != tried).await;
    }
    let Outcome::Failed(failure) = end(&engine, flow).await else { panic!("it failed") };
    assert_eq!(failure.code, "jammed");
    assert_eq!(trip.log.count("luggage"), 6);
    assert_eq!(trip.log.all().last().unwrap(), "free seat Some(12) because jammed");
}

#[tokio::test]
async fn an_undo_that_never_works_leaves_the_flow_stuck_until_somebody_resumes_it() {
    for store in testkit::stores(migrations).await {
        let (clock, trip) = (Arc::new(ManualClock::default()), Trip::default());
        let engine = engine(&store, clock.clone()).register(trip.clone()).undo_attempts(2).build();
        let _running = Running::begin(&engine);
        // Three tries: luggage takes the first count, the undos take the next two and fail.
        let plan = Plan { full: true, stubborn: 3, flaky: 0 };
        let flow = engine.start::<Trip>(&tenant(), "ann", &plan).await.unwrap();
        waits_for(&engine, flow, "undo seat").await;
        clock.advance(Duration::from_secs(1));
        let Outcome::Stuck(failure) = end(&engine, flow).await else { panic!("on {}", store.name) };
        assert_eq!((failure.code.as_str(), failure.step.as_deref()), ("undo_failed", Some("seat")));
        assert_eq!(engine.stuck().await.unwrap()[0].id, flow, "on {}", store.name);
        assert!(
            matches!(
                engine.start::<Trip>(&tenant(), "ann", &Plan::default()).await,
                Err(FlowError::Active { .. })
            ),
            "what is stuck is in the way, on {}",
            store.name
        );
        engine.resume(flow).await.unwrap();
        let Outcome::Failed(failure) = end(&engine, flow).await else { panic!("on {}", store.name) };
        assert!(engine.stuck().await.unwrap().is_empty());
        assert_eq!(failure.code, "full", "the first cause is kept, on {}", store.name);
        assert_eq!(trip.log.count("leave hotel None"), 1, "no undo is done twice, on {}", store.name);
    }
}

#[tokio::test]
async fn a_stuck_flow_can_be_abandoned() {
    let store = testkit::sqlite(migrations()).await;
    let engine = engine(&store, Arc::new(SystemClock)).register(Trip::default()).undo_attempts(1).build();
    let _running = Running::begin(&engine);
    let plan = Plan { full: true, stubborn: 1000, flaky: 0 };
    let flow = engine.start::<Trip>(&tenant(), "ann", &plan).await.unwrap();
    assert!(matches!(end(&engine, flow).await, Outcome::Stuck(_)));
    engine.abandon(flow).await.unwrap();
    assert!(matches!(end(&engine, flow).await, Outcome::Failed(_)));
    assert!(matches!(engine.abandon(flow).await, Err(FlowError::NotStuck(_))));
    engine.start::<Trip>(&tenant(), "ann", &Plan::default()).await.unwrap();
}

/// A step that stays until it is let go, then a wait, then a signal.
#[derive(Clone, Default)]
struct Visit {
    log: Log,
    inside: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    leave: Arc<Notify>,
    gate: bool,
}

impl Workflow for Visit {
    const KIND: &'static str = "visit";
    const WITHIN: Duration = Duration::from_secs(100_000);
    type Input = ();
    type Output = Option<String>;

    async fn run(&self, flow: &Flow, _: ()) -> Result<Option<String>, Failure> {
        let log = self.log.clone();
        flow.step("enter", || async {
            let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(inside, Ordering::SeqCst);
            self.log.add("enter");
            if self.gate {
                self.leave.notified().await;
            }
            self.inside.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        })
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

#[tokio::test]
async fn a_sleep_ends_when_it_would_have_ended_without_the_restart() {
    for store in testkit::stores(migrations).await {
        let (clock, visit) = (Arc::new(ManualClock::default()), Visit::default());
        let first = engine(&store, clock.clone()).register(visit.clone()).build();
        let running = Running::begin(&first);
        let flow = first.start::<Visit>(&tenant(), "ann", &()).await.unwrap();
        waits_for(&first, flow, "sleep rest").await;
        running.stop().await;
        clock.advance(Duration::from_secs(3599));

        let second = engine(&store, clock.clone()).register(visit.clone()).build();
        let _running = Running::begin(&second);
        waits_for(&second, flow, "sleep rest").await;
        clock.advance(Duration::from_secs(1));
        waits_for(&second, flow, "signal word").await;
        second.signal(flow, "word", &"friend").await.unwrap();
        assert_eq!(end(&second, flow).await.output::<Option<String>>().unwrap().as_deref(), Some("friend"));
        assert_eq!(visit.log.all(), ["enter", "leave"], "on {}", store.name);
    }
}

#[tokio::test]
async fn a_signal_may_come_before_it_is_waited_for_or_never() {
    for store in testkit::stores(migrations).await {
        let clock = Arc::new(ManualClock::default());
        let engine = engine(&store, clock.clone()).register(Visit::default()).build();
        let _running = Running::begin(&engine);
        let early = engine.start::<Visit>(&tenant(), "ann", &()).await.unwrap();
        let never = engine.start::<Visit>(&tenant(), "bob", &()).await.unwrap();
        engine.signal(early, "word", &"first").await.unwrap();
        engine.signal(early, "word", &"second").await.unwrap();
        engine.signal(never, "other", &1).await.unwrap();
        waits_for(&engine, early, "sleep rest").await;
        waits_for(&engine, never, "sleep rest").await;
        clock.advance(Duration::from_secs(3600));
        assert_eq!(end(&engine, early).await, Outcome::Done("first".into()), "on {}", store.name);
        waits_for(&engine, never, "signal word").await;
        clock.advance(Duration::from_secs(60));
        assert_eq!(end(&engine, never).await, Outcome::Done(().into_value()), "on {}", store.name);
        assert!(matches!(engine.signal(early, "word", &"late").await, Err(FlowError::Settled(_))));
        let nobody = FlowId(clock.uuid());
        assert!(matches!(engine.signal(nobody, "word", &"?").await, Err(FlowError::Unknown(_))));
    }
}

trait IntoValue {
    fn into_value(self) -> serde_json::Value;
}

impl IntoValue for () {
    fn into_value(self) -> serde_json::Value {
        serde_json::Value::Null
    }
}

#[tokio::test]
async fn signals_are_bounded() {
    let store = testkit::sqlite(migrations()).await;
    let engine = engine(&store, Arc::new(SystemClock)).register(Visit::default()).build();
    let flow = engine.start::<Visit>(&tenant(), "ann", &()).await.unwrap();
    let huge = engine.signal(flow, "word", &"x".repeat(70_000)).await;
    assert!(matches!(huge, Err(FlowError::TooLarge { .. })), "{huge:?}");
    for _ in 0..100 {
        engine.signal(flow, "word", &1).await.unwrap();
    }
    assert!(matches!(engine.signal(flow, "word", &1).await, Err(FlowError::TooManySignals(_, 100))));
}

#[tokio::test]
async fn a_flow_that_takes_too_long_or_is_cancelled_is_undone() {
    for store in testkit::stores(migrations).await {
        let (clock, visit) = (Arc::new(ManualClock::default()), Visit::default());
        let engine = engine(&store, clock.clone()).register(visit.clone()).build();
        let _running = Running::begin(&engine);
        let cancelled = engine.start::<Visit>(&tenant(), "ann", &()).await.unwrap();
        waits_for(&engine, cancelled, "sleep rest").await;
        engine.cancel(cancelled, Failure::new("cancelled", "Ann changed her mind.")).await.unwrap();
        let Outcome::Failed(failure) = end(&engine, cancelled).await else { panic!("on {}", store.name) };
        assert_eq!((failure.code.as_str(), failure.message.as_str()), ("cancelled", "Ann changed her mind."));

        let late = engine.start::<Visit>(&tenant(), "bob", &()).await.unwrap();
        waits_for(&engine, late, "sleep rest").await;
        clock.advance(Duration::from_secs(100_000));
        let Outcome::Failed(failure) = end(&engine, late).await else { panic!("on {}", store.name) };
        assert_eq!(failure.code, "deadline", "on {}", store.name);
        assert_eq!(visit.log.all(), ["enter", "undo enter", "enter", "undo enter"], "on {}", store.name);
    }
}

#[tokio::test]
async fn no_more_flows_run_at_once_than_allowed() {
    for store in testkit::stores(migrations).await {
        let visit = Visit { gate: true, ..Visit::default() };
        let engine =
            engine(&store, Arc::new(ManualClock::default())).register(visit.clone()).concurrency(3).build();
        let _running = Running::begin(&engine);
        let mut flows = Vec::new();
        for number in 0..10 {
            flows.push(engine.start::<Visit>(&tenant(), &format!("{number}"), &()).await.unwrap());
        }
        for flow in 0..flows.len() {
            until(|| visit.log.count("enter") >= (flow + 3).min(10)).await;
            visit.leave.notify_one();
        }
        for flow in flows {
            waits_for(&engine, flow, "sleep rest").await;
        }
        assert_eq!(visit.most.load(Ordering::SeqCst), 3, "on {}", store.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn engines_that_share_a_store_run_each_flow_once() {
    for store in testkit::stores(migrations).await {
        let trip = Trip::default();
        let one = engine(&store, Arc::new(SystemClock)).register(trip.clone()).build();
        let elsewhere = store.again(migrations()).await;
        let other = engine(&elsewhere, Arc::new(SystemClock)).register(trip.clone()).build();
        let (_one, _other) = (Running::begin(&one), Running::begin(&other));
        let mut flows = Vec::new();
        for number in 0..30 {
            let starter = if number % 2 == 0 { &one } else { &other };
            flows.push(
                starter.start::<Trip>(&tenant(), &format!("{number}"), &Plan::default()).await.unwrap(),
            );
            other.wake();
        }
        for flow in flows {
            // Waited for by one, whoever ran it.
            assert!(matches!(end(&one, flow).await, Outcome::Done(_)), "on {}", store.name);
        }
        for step in ["seat", "luggage", "hotel"] {
            assert_eq!(trip.log.count(step), 30, "{step} on {}", store.name);
        }
    }
}

#[tokio::test]
async fn a_crashed_engines_flow_is_taken_over_when_its_lease_expires() {
    for store in testkit::stores(migrations).await {
        let clock = Arc::new(ManualClock::default());
        let visit = Visit { gate: true, ..Visit::default() };
        let lease = Duration::from_secs(30);
        let first = engine(&store, clock.clone()).register(visit.clone()).lease(lease).build();
        let running = Running::begin(&first);
        let flow = first.start::<Visit>(&tenant(), "ann", &()).await.unwrap();
        until(|| visit.log.count("enter") >= 1).await;
        running.crash().await;

        let open = Visit { gate: false, ..visit.clone() };
        let second = engine(&store, clock.clone()).register(open).lease(lease).build();
        let _running = Running::begin(&second);
        second.wake();
        // Another flow goes all the way, so the second engine has looked and left the first one's alone.
        let probe = second.start::<Visit>(&tenant(), "bob", &()).await.unwrap();
        waits_for(&second, probe, "sleep rest").await;
        assert_eq!(visit.log.count("enter"), 2, "on {}", store.name);
        clock.advance(lease);
        waits_for(&second, flow, "sleep rest").await;
        assert_eq!(visit.log.count("enter"), 3, "on {}", store.name);
    }
}

#[tokio::test]
async fn an_engine_that_was_too_slow_can_no_longer_write() {
    for store in testkit::stores(migrations).await {
        // The slow engine's clock stands still, so it does not know that its lease is over.
        let (slow_clock, clock) = (Arc::new(ManualClock::default()), Arc::new(ManualClock::default()));
        let slow_visit = Visit { gate: true, ..Visit::default() };
        let slow = engine(&store, slow_clock).register(slow_visit.clone()).build();
        let _slow = Running::begin(&slow);
        let flow = slow.start::<Visit>(&tenant(), "ann", &()).await.unwrap();
        until(|| slow_visit.log.count("enter") >= 1).await;

        let visit = Visit::default();
        clock.advance(Duration::from_secs(31));
        let quick = engine(&store, clock.clone()).register(visit.clone()).build();
        let _quick = Running::begin(&quick);
        waits_for(&quick, flow, "sleep rest").await;
        clock.advance(Duration::from_secs(3600));
        waits_for(&quick, flow, "signal word").await;

        // The slow one's step ends now; its result is not written and it does nothing further.
        slow_visit.leave.notify_one();
        until(|| slow_visit.inside.load(Ordering::SeqCst) == 0).await;
        quick.signal(flow, "word", &"done").await.unwrap();
        assert_eq!(end(&quick, flow).await, Outcome::Done("done".into()), "on {}", store.name);
        assert_eq!(
            (visit.log.all(), slow_visit.log.all()),
            (vec!["enter".into(), "leave".into()], vec!["enter".into()])
        );
    }
}

/// Until when a flow is leased, in microseconds since 1970.
async fn leased_until(store: &Store) -> Option<i64> {
    let query = sea_orm::sea_query::Query::select().column("lease_until").from("flow").to_owned();
    store.reader().query_one(&query).await.unwrap().unwrap().try_get("", "lease_until").unwrap()
}

#[tokio::test]
async fn leases_are_renewed_while_a_step_goes_on() {
    for store in testkit::stores(migrations).await {
        let clock = Arc::new(ManualClock::default());
        let visit = Visit { gate: true, ..Visit::default() };
        let lease = Duration::from_secs(30);
        let one = engine(&store, clock.clone()).register(visit.clone()).lease(lease).build();
        let _one = Running::begin(&one);
        let flow = one.start::<Visit>(&tenant(), "ann", &()).await.unwrap();
        until(|| visit.log.count("enter") >= 1).await;
        for _ in 0..4 {
            clock.advance(Duration::from_secs(11));
            let renewed = guildhall_store::Timestamp::from(clock.now() + lease).micros();
            let renews = async { while leased_until(&store).await != Some(renewed) {} };
            tokio::time::timeout(Duration::from_secs(60), renews).await.expect("the lease is renewed");
        }
        // Longer than the lease, and another engine that runs such flows too has looked and left it alone.
        let other =
            engine(&store, clock).register(visit.clone()).register(Trip::default()).lease(lease).build();
        let _other = Running::begin(&other);
        let probe = other.start::<Trip>(&tenant(), "bob", &Plan::default()).await.unwrap();
        end(&other, probe).await;
        visit.leave.notify_one();
        waits_for(&one, flow, "sleep rest").await;
        assert_eq!(visit.log.count("enter"), 1, "on {}", store.name);
    }
}

#[tokio::test]
async fn a_shutdown_lets_the_step_end_and_gives_the_flow_back_at_once() {
    for store in testkit::stores(migrations).await {
        let clock = Arc::new(ManualClock::default());
        let visit = Visit { gate: true, ..Visit::default() };
        let first = engine(&store, clock.clone()).register(visit.clone()).build();
        let running = Running::begin(&first);
        let flow = first.start::<Visit>(&tenant(), "ann", &()).await.unwrap();
        until(|| visit.log.count("enter") >= 1).await;
        let leave = visit.leave.clone();
        let (stopped, ()) = tokio::join!(tokio::spawn(running.stop()), async move { leave.notify_one() });
        stopped.unwrap();
        assert_eq!(visit.inside.load(Ordering::SeqCst), 0, "the step came to its end, on {}", store.name);

        let second = engine(&store, clock).register(Visit { gate: false, ..visit.clone() }).build();
        let _running = Running::begin(&second);
        waits_for(&second, flow, "sleep rest").await;
        assert_eq!(visit.log.count("enter"), 1, "on {}", store.name);
    }
}

#[tokio::test]
async fn an_engine_leaves_flows_of_other_kinds_alone() {
    let store = testkit::sqlite(migrations()).await;
    let trips = engine(&store, Arc::new(SystemClock)).register(Trip::default()).build();
    let _running = Running::begin(&trips);
    let visit = trips.start::<Visit>(&tenant(), "ann", &()).await.unwrap();
    let trip = trips.start::<Trip>(&tenant(), "ann", &Plan::default()).await.unwrap();
    end(&trips, trip).await;
    let info = trips.info(visit).await.unwrap().unwrap();
    assert_eq!((info.state, info.waiting), (State::Running, None));
}

/// Two steps whose undos the test can hold up, and then a failure.
#[derive(Clone, Default)]
struct Retreat {
    log: Log,
    hold: bool,
    go: Arc<Notify>,
}

impl Retreat {
    async fn undo(self, name: &'static str) -> Result<(), StepError> {
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

#[tokio::test]
async fn a_crash_while_undoing_is_resumed_where_it_was() {
    for store in testkit::stores(migrations).await {
        let (clock, held) = (Arc::new(ManualClock::default()), Retreat { hold: true, ..Retreat::default() });
        let first = engine(&store, clock.clone()).register(held.clone()).build();
        let running = Running::begin(&first);
        let flow = first.start::<Retreat>(&tenant(), "ann", &()).await.unwrap();
        until(|| held.log.count("begin to undo first") >= 1).await;
        assert_eq!(first.info(flow).await.unwrap().unwrap().state, State::Unwinding, "on {}", store.name);
        running.crash().await;

        clock.advance(Duration::from_secs(30));
        let second = engine(&store, clock).register(Retreat { hold: false, ..held.clone() }).build();
        let _running = Running::begin(&second);
        let Outcome::Failed(failure) = end(&second, flow).await else { panic!("on {}", store.name) };
        assert_eq!(failure.code, "retreat");
        let undone: Vec<_> = held.log.all().into_iter().filter(|entry| entry.contains("und")).collect();
        let expected = [
            "begin to undo second",
            "undid second",
            "begin to undo first",
            "begin to undo first",
            "undid first",
        ];
        assert_eq!(undone, expected, "on {}", store.name);
    }
}

/// What is wrong with a workflow's code.
#[derive(Clone, Copy, Debug)]
enum Wrong {
    Renamed,
    Shorter,
    SameName,
    AtOnce,
    Dropped,
    Kind,
    Panic,
    Huge,
    Slow,
}

struct Faulty(Wrong, Log, bool);

impl Workflow for Faulty {
    const KIND: &'static str = "faulty";
    type Input = ();
    type Output = ();

    async fn run(&self, flow: &Flow, _: ()) -> Result<(), Failure> {
        let log = self.1.clone();
        flow.step("first", async || Ok(1))
            .undo(async move |_: Undo<i32>| {
                log.add("undone");
                Ok(())
            })
            .await?;
        flow.sleep("pause", Duration::from_secs(1)).await?;
        let changed = self.2;
        match self.0 {
            Wrong::Renamed => flow.step(if changed { "b" } else { "a" }, async || Ok(())).await?,
            Wrong::Kind if changed => flow.sleep("a", Duration::ZERO).await?,
            Wrong::Kind => flow.step("a", async || Ok(())).await?,
            Wrong::Shorter if changed => return Ok(()),
            Wrong::Shorter => flow.step("a", async || Ok(())).await?,
            Wrong::SameName => flow.step("first", async || Ok(())).await?,
            Wrong::AtOnce => {
                let (one, other) =
                    (flow.step("a", async || pending().await), flow.step("b", async || Ok(())));
                let (one, other): (Result<(), _>, _) = tokio::join!(one, other);
                one.and(other)?;
            }
            Wrong::Dropped => {
                let endless = flow.step("endless", async || pending::<Result<(), StepError>>().await);
                tokio::select! {
                    biased;
                    ended = endless => ended?,
                    () = tokio::task::yield_now() => {}
                }
                flow.step("a", async || Ok(())).await?;
            }
            Wrong::Panic => {
                flow.step("a", async || -> Result<(), StepError> { panic!("out of range") }).await?;
            }
            Wrong::Huge => drop(flow.step("a", async || Ok("x".repeat(70_000))).await?),
            Wrong::Slow => {
                let slow = flow.step("a", async || pending::<Result<(), StepError>>().await);
                slow.retries(0).within(Duration::from_secs(5)).await?;
            }
        }
        flow.sleep("end", Duration::from_secs(1)).await
    }
}

async fn faulty(store: &Store, wrong: Wrong, log: Log) -> Outcome {
    let clock = Arc::new(ManualClock::default());
    let before = engine(store, clock.clone()).register(Faulty(wrong, log.clone(), false)).build();
    let running = Running::begin(&before);
    let flow = before.start::<Faulty>(&tenant(), "x", &()).await.unwrap();
    waits_for(&before, flow, "sleep pause").await;
    clock.advance(Duration::from_secs(1));
    let settles = end(&before, flow);
    let pauses = waits_for(&before, flow, "sleep end");
    let times_out = async {
        if matches!(wrong, Wrong::Slow) {
            loop {
                clock.advance(Duration::from_millis(100));
                tokio::task::yield_now().await;
            }
        }
        pending::<()>().await;
    };
    tokio::select! {
        outcome = settles => return outcome,
        () = times_out => {}
        () = pauses => {}
    }
    running.stop().await;
    // The program is changed while the flow is under way.
    let after = engine(store, clock.clone()).register(Faulty(wrong, log, true)).build();
    let _running = Running::begin(&after);
    clock.advance(Duration::from_secs(1));
    end(&after, flow).await
}

#[tokio::test]
async fn a_workflow_that_does_not_keep_to_its_journal_is_stopped_by_name() {
    let cases = [
        (Wrong::Renamed, "it had the step a before, it now has the step b"),
        (Wrong::Kind, "it had the step a before, it now has the sleep a"),
        (Wrong::Shorter, "it ended before a, which it did before"),
        (Wrong::SameName, "it has two steps named first"),
        (Wrong::AtOnce, "it does b at the same time as another step"),
        (Wrong::Dropped, "it dropped the step endless before that ended"),
    ];
    for (wrong, says) in cases {
        for store in testkit::stores(migrations).await {
            let log = Log::default();
            let outcome = faulty(&store, wrong, log.clone()).await;
            let Outcome::Stuck(failure) = outcome else { panic!("{wrong:?}: {outcome:?} on {}", store.name) };
            assert_eq!(failure.code, "not_deterministic", "{wrong:?} on {}", store.name);
            assert!(failure.message.contains(says), "{wrong:?}: {failure}");
            assert_eq!(log.all(), Vec::<String>::new(), "nothing is undone by code that cannot be trusted");
        }
    }
}

#[tokio::test]
async fn a_step_that_panics_gives_too_much_or_takes_too_long_fails_and_is_undone() {
    let cases = [(Wrong::Panic, "panicked"), (Wrong::Huge, "output_too_large"), (Wrong::Slow, "timed_out")];
    for (wrong, code) in cases {
        for store in testkit::stores(migrations).await {
            let log = Log::default();
            let outcome = faulty(&store, wrong, log.clone()).await;
            let Outcome::Failed(failure) = outcome else {
                panic!("{wrong:?}: {outcome:?} on {}", store.name)
            };
            assert_eq!(
                (failure.code.as_str(), failure.step.as_deref()),
                (code, Some("a")),
                "on {}",
                store.name
            );
            assert!(!failure.message.contains("out of range"), "a panic's words are for the log");
            assert_eq!(log.all(), ["undone"], "{wrong:?} on {}", store.name);
        }
    }
}

#[tokio::test]
async fn old_journals_are_removed_and_running_ones_kept() {
    for store in testkit::stores(migrations).await {
        let engine = engine(&store, Arc::new(SystemClock))
            .register(Trip::default())
            .register(Visit::default())
            .build();
        let running = Running::begin(&engine);
        let trip = engine.start::<Trip>(&tenant(), "ann", &Plan::default()).await.unwrap();
        end(&engine, trip).await;
        let visit = engine.start::<Visit>(&tenant(), "ann", &()).await.unwrap();
        waits_for(&engine, visit, "sleep rest").await;
        running.stop().await;
        let now = SystemClock.now();
        assert_eq!(engine.prune(now - Duration::from_secs(60)).await.unwrap(), 0, "on {}", store.name);
        assert_eq!(engine.prune(now).await.unwrap(), 1, "on {}", store.name);
        assert_eq!(engine.info(trip).await.unwrap(), None, "on {}", store.name);
        assert!(engine.info(visit).await.unwrap().is_some(), "on {}", store.name);
    }
}

#[tokio::test]
async fn what_is_stuck_is_listed_before_what_is_under_way_and_what_ended_is_not() {
    for store in testkit::stores(migrations).await {
        let clock = Arc::new(ManualClock::default());
        let (trip, visit) = (Trip::default(), Visit::default());
        let engine = engine(&store, clock.clone()).register(trip).register(visit).undo_attempts(1).build();
        let _running = Running::begin(&engine);
        let waiting = engine.start::<Visit>(&tenant(), "ann", &()).await.unwrap();
        waits_for(&engine, waiting, "sleep rest").await;
        clock.advance(Duration::from_secs(1));
        let done = engine.start::<Trip>(&tenant(), "ann", &Plan::default()).await.unwrap();
        assert!(matches!(end(&engine, done).await, Outcome::Done(_)), "on {}", store.name);
        let plan = Plan { full: true, stubborn: 1000, flaky: 0 };
        let stuck = engine.start::<Trip>(&tenant(), "bob", &plan).await.unwrap();
        assert!(matches!(end(&engine, stuck).await, Outcome::Stuck(_)), "on {}", store.name);
        for (page, expected) in [(0, Some(stuck)), (1, Some(waiting)), (2, None)] {
            let (flows, total) = engine.under_way(page, 1).await.unwrap();
            let ids: Vec<_> = flows.iter().map(|flow| flow.id).collect();
            assert_eq!((ids, total), (expected.into_iter().collect(), 2), "on {}", store.name);
        }
    }
}
