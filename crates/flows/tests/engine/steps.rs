//! Steps: done once and in order, tried again, undone last first.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use guildhall_core::{ManualClock, SystemClock, TenantId};
use guildhall_flows::{FlowError, Outcome, RETRIES, migrations};
use guildhall_store::testkit;

use crate::world::{Letter, Plan, Running, Trip, Visit, end, engine, tenant, until, waits_for};

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
        let FlowError::Active { flow: active, ref key, since, .. } = refused else { panic!("{refused:?}") };
        assert_eq!((active, key.as_str()), (flow, "ann"), "on {}", store.name);
        assert_eq!(since, engine.info(flow).await.unwrap().unwrap().since, "on {}", store.name);
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
    for store in testkit::stores(migrations).await {
        let (clock, trip) = (Arc::new(ManualClock::default()), Trip::default());
        let engine = engine(&store, clock.clone()).register(trip.clone()).build();
        let _running = Running::begin(&engine);
        let plan = Plan { flaky: 1000, ..Plan::default() };
        let flow = engine.start::<Trip>(&tenant(), "ann", &plan).await.unwrap();
        for _ in 0..RETRIES {
            waits_for(&engine, flow, "retry luggage").await;
            let tried = trip.log.count("luggage");
            clock.advance(Duration::from_secs(60));
            until(|| trip.log.count("luggage") != tried).await;
        }
        let Outcome::Failed(failure) = end(&engine, flow).await else { panic!("on {}", store.name) };
        assert_eq!(failure.code, "jammed", "on {}", store.name);
        assert_eq!(trip.log.count("luggage"), 6, "on {}", store.name);
        assert_eq!(trip.log.all().last().unwrap(), "free seat Some(12) because jammed", "on {}", store.name);
    }
}

#[tokio::test]
async fn an_undo_is_tried_twelve_times_with_a_back_off_of_at_most_a_minute() {
    for store in testkit::stores(migrations).await {
        let (clock, trip) = (Arc::new(ManualClock::default()), Trip::default());
        let engine = engine(&store, clock.clone()).register(trip.clone()).build();
        let _running = Running::begin(&engine);
        let plan = Plan { full: true, stubborn: 1000, flaky: 0 };
        let flow = engine.start::<Trip>(&tenant(), "ann", &plan).await.unwrap();
        let tries = || trip.failures.load(Ordering::SeqCst) - 1;
        for (tried, millis) in
            (1..).zip([500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000])
        {
            waits_for(&engine, flow, "undo seat").await;
            clock.advance(Duration::from_millis(millis - 1));
            waits_for(&engine, flow, "undo seat").await;
            assert_eq!(tries(), tried, "on {}", store.name);
            clock.advance(Duration::from_millis(1));
            until(|| tries() > tried).await;
        }
        assert!(matches!(end(&engine, flow).await, Outcome::Stuck(_)), "on {}", store.name);
        assert_eq!(tries(), 12, "on {}", store.name);
    }
}

#[tokio::test]
async fn an_output_that_is_too_large_fails_the_flow() {
    for store in testkit::stores(migrations).await {
        let engine = engine(&store, Arc::new(SystemClock)).register(Letter).build();
        let _running = Running::begin(&engine);
        let largest = "x".repeat(64 * 1024 - 3);
        let fits = engine.start::<Letter>(&tenant(), "short", &largest).await.unwrap();
        assert_eq!(end(&engine, fits).await.output::<String>().unwrap().len(), 64 * 1024 - 2);
        let long = engine.start::<Letter>(&tenant(), "long", &format!("{largest}x")).await.unwrap();
        let Outcome::Failed(failure) = end(&engine, long).await else { panic!("on {}", store.name) };
        assert_eq!(failure.code, "output_too_large", "on {}", store.name);
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
