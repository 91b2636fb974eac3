//! Shutting down: steps come to their end or are cut off, and flows are given back.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use guildhall_core::{ManualClock, SystemClock};
use guildhall_flows::{Failure, Flow, Outcome, Workflow, migrations};
use guildhall_store::testkit;
use tokio::sync::Notify;

use crate::world::{IntoValue, Log, Running, Visit, end, engine, tenant, until, waits_for};

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
async fn a_shutdown_cuts_off_what_takes_longer_than_its_grace() {
    for store in testkit::stores(migrations).await {
        let visit = Visit { gate: true, ..Visit::default() };
        let builder = engine(&store, Arc::new(SystemClock)).register(visit.clone());
        let first = builder.grace(Duration::from_millis(50)).build();
        let running = Running::begin(&first);
        let flow = first.start::<Visit>(&tenant(), "ann", &()).await.unwrap();
        until(|| visit.log.count("enter") >= 1).await;
        tokio::time::timeout(Duration::from_secs(60), running.stop()).await.expect("it stops");
        assert_eq!(visit.gone.load(Ordering::SeqCst), 1, "on {}", store.name);

        let open = Visit { gate: false, ..visit.clone() };
        let second = engine(&store, Arc::new(SystemClock)).register(open).build();
        let _running = Running::begin(&second);
        waits_for(&second, flow, "sleep rest").await;
        assert_eq!(visit.log.count("enter"), 2, "it was done again, on {}", store.name);
    }
}

/// A step that stays until it is let go, and another.
#[derive(Clone, Default)]
struct Pair {
    log: Log,
    go: Arc<Notify>,
}

impl Workflow for Pair {
    const KIND: &'static str = "pair";
    type Input = ();
    type Output = ();

    async fn run(&self, flow: &Flow, _: ()) -> Result<(), Failure> {
        flow.step("one", || async {
            self.log.add("one");
            self.go.notified().await;
            Ok(())
        })
        .await?;
        flow.step("two", || async {
            self.log.add("two");
            Ok(())
        })
        .await
    }
}

#[tokio::test]
async fn a_shutdown_begins_no_further_step() {
    for store in testkit::stores(migrations).await {
        let (clock, pair) = (Arc::new(ManualClock::default()), Pair::default());
        let first = engine(&store, clock.clone()).register(pair.clone()).build();
        let mut running = Running::begin(&first);
        let flow = first.start::<Pair>(&tenant(), "ann", &()).await.unwrap();
        until(|| pair.log.count("one") >= 1).await;
        running.stop.take().unwrap().send(()).unwrap();
        until(|| running.stopping.load(Ordering::SeqCst)).await;
        pair.go.notify_one();
        (&mut running.task).await.unwrap();
        assert_eq!(pair.log.all(), ["one"], "on {}", store.name);

        let second = engine(&store, clock).register(pair.clone()).build();
        let _running = Running::begin(&second);
        assert_eq!(end(&second, flow).await, Outcome::Done(().into_value()), "on {}", store.name);
        assert_eq!(pair.log.all(), ["one", "two"], "on {}", store.name);
    }
}
