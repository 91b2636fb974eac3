//! Several engines on one store, crashes, and leases.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use guildhall_core::{Clock, ManualClock, SystemClock};
use guildhall_flows::{Outcome, State, migrations};
use guildhall_store::{Store, testkit};
use sea_orm::ConnectionTrait;

use crate::world::{Plan, Retreat, Running, Trip, Visit, end, engine, rows, tenant, until, waits_for};

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
async fn a_sole_engine_takes_over_at_once_what_a_crash_left_behind() {
    for store in testkit::stores(migrations).await {
        let clock = Arc::new(ManualClock::default());
        let visit = Visit { gate: true, ..Visit::default() };
        let held = Retreat { hold: true, ..Retreat::default() };
        let first = engine(&store, clock.clone()).register(visit.clone()).register(held.clone()).build();
        let running = Running::begin(&first);
        let going = first.start::<Visit>(&tenant(), "ann", &()).await.unwrap();
        let undoing = first.start::<Retreat>(&tenant(), "ann", &()).await.unwrap();
        until(|| visit.log.count("enter") >= 1 && held.log.count("begin to undo first") >= 1).await;
        running.crash().await;

        // Time stands still, so the leases do not expire.
        let open = Visit { gate: false, ..visit.clone() };
        let calm = Retreat { hold: false, ..held.clone() };
        let second = engine(&store, clock).register(open).register(calm).sole().build();
        let _running = Running::begin(&second);
        waits_for(&second, going, "sleep rest").await;
        let Outcome::Failed(failure) = end(&second, undoing).await else { panic!("on {}", store.name) };
        assert_eq!(failure.code, "retreat", "on {}", store.name);
        assert_eq!(visit.log.count("enter"), 2, "on {}", store.name);
    }
}

#[tokio::test]
async fn an_engine_whose_flow_a_sole_one_took_can_no_longer_write() {
    for store in testkit::stores(migrations).await {
        let (slow_clock, clock) = (Arc::new(ManualClock::default()), Arc::new(ManualClock::default()));
        let slow_visit = Visit { gate: true, ..Visit::default() };
        // It has its hands full with the flow, so it does not take the same one again once that is freed.
        let slow = engine(&store, slow_clock).concurrency(1).register(slow_visit.clone()).build();
        let _slow = Running::begin(&slow);
        let flow = slow.start::<Visit>(&tenant(), "ann", &()).await.unwrap();
        until(|| slow_visit.log.count("enter") >= 1).await;

        // The promise is broken: the slow one still runs.
        let visit = Visit::default();
        let sole = engine(&store, clock.clone()).register(visit.clone()).sole().build();
        let _sole = Running::begin(&sole);
        waits_for(&sole, flow, "sleep rest").await;
        clock.advance(Duration::from_secs(3600));
        waits_for(&sole, flow, "signal word").await;
        slow_visit.leave.notify_one();
        until(|| slow_visit.over.load(Ordering::SeqCst) == 1).await;
        let info = sole.info(flow).await.unwrap().unwrap();
        assert_eq!(info.waiting.as_deref(), Some("signal word"), "on {}", store.name);
        assert_eq!(rows(&store, "flow_step").await, 3, "enter, rest and word, each once, on {}", store.name);
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
        until(|| slow_visit.over.load(Ordering::SeqCst) == 1).await;
        let info = quick.info(flow).await.unwrap().unwrap();
        assert_eq!(info.waiting.as_deref(), Some("signal word"), "on {}", store.name);
        quick.signal(flow, "word", &"done").await.unwrap();
        assert_eq!(end(&quick, flow).await, Outcome::Done("done".into()), "on {}", store.name);
        assert_eq!(
            (visit.log.all(), slow_visit.log.all()),
            (vec!["enter".into(), "leave".into()], vec!["enter".into()])
        );
    }
}

#[tokio::test]
async fn a_step_whose_flow_was_taken_over_is_cut_off_at_the_next_renewal() {
    for store in testkit::stores(migrations).await {
        let (slow_clock, clock) = (Arc::new(ManualClock::default()), Arc::new(ManualClock::default()));
        let slow_visit = Visit { gate: true, ..Visit::default() };
        let slow = engine(&store, slow_clock.clone()).register(slow_visit.clone()).build();
        let _slow = Running::begin(&slow);
        let flow = slow.start::<Visit>(&tenant(), "ann", &()).await.unwrap();
        until(|| slow_visit.log.count("enter") >= 1).await;
        clock.advance(Duration::from_secs(31));
        let quick = engine(&store, clock.clone()).register(Visit::default()).build();
        let _quick = Running::begin(&quick);
        waits_for(&quick, flow, "sleep rest").await;
        assert_eq!(slow_visit.gone.load(Ordering::SeqCst), 0, "on {}", store.name);
        slow_clock.advance(Duration::from_secs(10));
        until(|| slow_visit.gone.load(Ordering::SeqCst) == 1).await;
        assert_eq!(slow_visit.inside.load(Ordering::SeqCst), 1, "it was cut off, on {}", store.name);
    }
}

#[tokio::test]
async fn a_step_is_cut_off_when_its_lease_could_not_be_renewed_in_time() {
    for store in testkit::stores(migrations).await {
        let clock = Arc::new(ManualClock::default());
        let visit = Visit { gate: true, ..Visit::default() };
        let connections = store.again(migrations()).await;
        let cut_off = engine(&connections, clock.clone()).register(visit.clone()).build();
        let _running = Running::begin(&cut_off);
        cut_off.start::<Visit>(&tenant(), "ann", &()).await.unwrap();
        until(|| visit.log.count("enter") >= 1).await;
        connections.close().await.unwrap();
        let begun = clock.now();
        until(|| {
            clock.advance(Duration::from_secs(1));
            visit.gone.load(Ordering::SeqCst) == 1
        })
        .await;
        let took = clock.now() - begun;
        assert!((30..3600).contains(&took.whole_seconds()), "after {took} on {}", store.name);
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
async fn an_engine_leaves_flows_of_other_kinds_alone() {
    for store in testkit::stores(migrations).await {
        let trips = engine(&store, Arc::new(SystemClock)).register(Trip::default()).build();
        let _running = Running::begin(&trips);
        let visit = trips.start::<Visit>(&tenant(), "ann", &()).await.unwrap();
        let trip = trips.start::<Trip>(&tenant(), "ann", &Plan::default()).await.unwrap();
        end(&trips, trip).await;
        let info = trips.info(visit).await.unwrap().unwrap();
        assert_eq!((info.state, info.waiting), (State::Running, None), "on {}", store.name);
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
