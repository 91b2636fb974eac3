//! Sleeps, signals, deadlines and being cancelled.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use guildhall_core::{Clock, ManualClock, SystemClock};
use guildhall_flows::{Failure, Flow, FlowError, FlowId, Outcome, Workflow, migrations};
use guildhall_store::testkit;

use crate::world::{IntoValue, Letter, Running, Visit, end, engine, rows, tenant, until, waits_for};

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
        assert!(matches!(engine.wait(nobody).await, Err(FlowError::Unknown(_))));
        let reason = || Failure::new("cancelled", "Ann changed her mind.");
        assert!(matches!(engine.cancel(early, reason()).await, Err(FlowError::Settled(_))));
        assert!(matches!(engine.cancel(nobody, reason()).await, Err(FlowError::Unknown(_))));
        assert_eq!(rows(&store, "flow_signal").await, 0, "what nobody read is gone, on {}", store.name);
    }
}

#[tokio::test]
async fn signals_and_inputs_are_bounded() {
    for store in testkit::stores(migrations).await {
        let engine = engine(&store, Arc::new(SystemClock)).register(Visit::default()).build();
        let flow = engine.start::<Visit>(&tenant(), "ann", &()).await.unwrap();
        let largest = "x".repeat(64 * 1024 - 2);
        let huge = engine.signal(flow, "word", &format!("{largest}x")).await;
        assert!(matches!(huge, Err(FlowError::TooLarge { limit: 65_536, .. })), "{huge:?} on {}", store.name);
        let huge = engine.start::<Letter>(&tenant(), "ann", &format!("{largest}x")).await;
        assert!(matches!(huge, Err(FlowError::TooLarge { limit: 65_536, .. })), "{huge:?} on {}", store.name);
        engine.start::<Letter>(&tenant(), "ann", &largest).await.unwrap();
        engine.signal(flow, "word", &largest).await.unwrap();
        let tx = store.begin().await.unwrap();
        for _ in 0..99 {
            engine.signal_in(&tx, flow, "word", &1).await.unwrap();
        }
        tx.commit().await.unwrap();
        let refused = engine.signal(flow, "word", &1).await;
        assert!(matches!(refused, Err(FlowError::TooManySignals(_, 100))), "{refused:?} on {}", store.name);
    }
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
async fn a_step_under_way_is_not_cut_off_when_its_flow_is_cancelled() {
    for store in testkit::stores(migrations).await {
        let visit = Visit { gate: true, ..Visit::default() };
        let engine = engine(&store, Arc::new(ManualClock::default())).register(visit.clone()).build();
        let _running = Running::begin(&engine);
        let flow = engine.start::<Visit>(&tenant(), "ann", &()).await.unwrap();
        until(|| visit.log.count("enter") >= 1).await;
        engine.cancel(flow, Failure::new("cancelled", "Ann changed her mind.")).await.unwrap();
        assert_eq!(visit.gone.load(Ordering::SeqCst), 0, "on {}", store.name);
        visit.leave.notify_one();
        let Outcome::Failed(failure) = end(&engine, flow).await else { panic!("on {}", store.name) };
        assert_eq!((failure.code.as_str(), failure.step.as_deref()), ("cancelled", Some("rest")));
        assert_eq!(visit.inside.load(Ordering::SeqCst), 0, "the step came to its end, on {}", store.name);
        assert_eq!(visit.log.all(), ["enter", "undo enter"], "on {}", store.name);
    }
}

/// Waits for three signals, one after the other.
struct Calls;

impl Workflow for Calls {
    const KIND: &'static str = "calls";
    type Input = ();
    type Output = ();

    async fn run(&self, flow: &Flow, _: ()) -> Result<(), Failure> {
        for name in ["one", "two", "three"] {
            flow.signal::<()>(name, Duration::from_secs(60)).await?;
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_that_comes_just_as_the_flow_begins_to_wait_is_not_missed() {
    for store in testkit::stores(migrations).await {
        // Time stands still: a flow that has missed a signal would never look again.
        let engine = engine(&store, Arc::new(ManualClock::default())).register(Calls).build();
        let _running = Running::begin(&engine);
        let mut callers = tokio::task::JoinSet::new();
        for number in 0..100 {
            let engine = engine.clone();
            callers.spawn(async move {
                let flow = engine.start::<Calls>(&tenant(), &format!("{number}"), &()).await.unwrap();
                for name in ["one", "two", "three"] {
                    engine.signal(flow, name, &()).await.unwrap();
                }
                flow
            });
        }
        while let Some(flow) = callers.join_next().await {
            let outcome = end(&engine, flow.unwrap()).await;
            assert_eq!(outcome, Outcome::Done(().into_value()), "on {}", store.name);
        }
    }
}

#[tokio::test]
async fn an_idle_engine_is_woken_by_what_is_started_and_signalled() {
    for store in testkit::stores(migrations).await {
        // Time stands still, so it does not look by itself.
        let clock = Arc::new(ManualClock::default());
        let engine = engine(&store, clock.clone()).register(Visit::default()).build();
        let _running = Running::begin(&engine);
        let mut flows = Vec::new();
        for number in 0..5 {
            let flow = engine.start::<Visit>(&tenant(), &format!("{number}"), &()).await.unwrap();
            waits_for(&engine, flow, "sleep rest").await;
            flows.push(flow);
        }
        clock.advance(Duration::from_secs(3600));
        for flow in &flows {
            waits_for(&engine, *flow, "signal word").await;
        }
        for flow in flows {
            engine.signal(flow, "word", &"hello").await.unwrap();
            assert_eq!(end(&engine, flow).await, Outcome::Done("hello".into()), "on {}", store.name);
        }
    }
}
