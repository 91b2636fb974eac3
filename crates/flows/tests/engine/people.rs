//! What people see to: stuck flows, lists, old journals.

use std::{sync::Arc, time::Duration};

use guildhall_core::{Clock, ManualClock, SystemClock};
use guildhall_flows::{Failure, FlowError, FlowId, Outcome, State, migrations};
use guildhall_store::testkit;

use crate::world::{Plan, Running, Trip, Visit, end, engine, rows, tenant, waits_for};

#[tokio::test]
async fn an_undo_that_never_works_leaves_the_flow_stuck_until_somebody_resumes_it() {
    for store in testkit::stores(migrations).await {
        let (clock, trip) = (Arc::new(ManualClock::default()), Trip::default());
        let engine = engine(&store, clock.clone()).register(trip.clone()).undo_attempts(2).build();
        let _running = Running::begin(&engine);
        // Luggage takes the first count, three tries of the undo take the next three and fail.
        let plan = Plan { full: true, stubborn: 4, flaky: 0 };
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
        // It has all its tries again, so one that fails does not make it stuck.
        waits_for(&engine, flow, "undo seat").await;
        clock.advance(Duration::from_secs(1));
        let Outcome::Failed(failure) = end(&engine, flow).await else { panic!("on {}", store.name) };
        assert!(engine.stuck().await.unwrap().is_empty());
        assert_eq!(failure.code, "full", "the first cause is kept, on {}", store.name);
        assert_eq!(trip.log.count("leave hotel None"), 1, "no undo is done twice, on {}", store.name);
    }
}

#[tokio::test]
async fn a_stuck_flow_can_be_abandoned() {
    for store in testkit::stores(migrations).await {
        let engine = engine(&store, Arc::new(SystemClock)).register(Trip::default()).undo_attempts(1).build();
        let _running = Running::begin(&engine);
        let plan = Plan { full: true, stubborn: 1000, flaky: 0 };
        let flow = engine.start::<Trip>(&tenant(), "ann", &plan).await.unwrap();
        assert!(matches!(end(&engine, flow).await, Outcome::Stuck(_)), "on {}", store.name);
        engine.signal(flow, "unread", &1).await.unwrap();
        engine.abandon(flow).await.unwrap();
        let Outcome::Failed(failure) = end(&engine, flow).await else { panic!("on {}", store.name) };
        assert_eq!(failure.code, "full", "the first cause is kept, on {}", store.name);
        assert!(engine.stuck().await.unwrap().is_empty(), "on {}", store.name);
        assert_eq!(rows(&store, "flow_signal").await, 0, "on {}", store.name);
        engine.start::<Trip>(&tenant(), "ann", &Plan::default()).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_kept_of_a_failure_holds_no_secret() {
    let secrets = ["full.", "jammed", "unwanted"];
    for store in testkit::stores(migrations).await {
        store.clean_with(move |text| {
            secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***")).into()
        });
        let (clock, trip) = (Arc::new(ManualClock::default()), Trip::default());
        let engine = engine(&store, clock.clone()).register(trip).undo_attempts(2).build();
        let _running = Running::begin(&engine);
        let plan = Plan { full: true, stubborn: 4, flaky: 0 };
        let flow = engine.start::<Trip>(&tenant(), "ann", &plan).await.unwrap();
        // A step fails, the flow is undone for it, and is stuck because an undo fails.
        waits_for(&engine, flow, "undo seat").await;
        clock.advance(Duration::from_secs(1));
        assert!(matches!(end(&engine, flow).await, Outcome::Stuck(_)), "on {}", store.name);
        engine.cancel(flow, Failure::new("cancelled", "It is unwanted.")).await.unwrap();
        let kept = store.everything().await;
        let holds = |word: &str| kept.windows(word.len()).any(|part| part == word.as_bytes());
        assert!(holds("The hotel is ***") && holds("It is ***"), "on {}", store.name);
        assert_eq!(secrets.map(holds), [false; 3], "on {}", store.name);
    }
}

#[tokio::test]
async fn a_flow_that_is_not_stuck_is_neither_resumed_nor_abandoned() {
    for store in testkit::stores(migrations).await {
        let engine = engine(&store, Arc::new(SystemClock)).register(Visit::default()).build();
        let flow = engine.start::<Visit>(&tenant(), "ann", &()).await.unwrap();
        let nobody = FlowId(SystemClock.uuid());
        for (refused, unknown) in [
            (engine.resume(flow).await, engine.resume(nobody).await),
            (engine.abandon(flow).await, engine.abandon(nobody).await),
        ] {
            let error = guildhall_core::Error::from(refused.unwrap_err());
            assert_eq!(error.code, "flow_not_stuck", "on {}", store.name);
            // There is no way for people to cancel a job, so none may be offered.
            let remedy = error.remedy.unwrap();
            assert!(remedy.contains("nothing to do") && !remedy.contains("ancel"), "{remedy}");
            assert!(matches!(unknown, Err(FlowError::Unknown(_))), "on {}", store.name);
        }
        assert_eq!(engine.info(flow).await.unwrap().unwrap().state, State::Running, "on {}", store.name);
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
        assert_eq!(rows(&store, "flow_step").await, 2, "only those of the visit, on {}", store.name);
    }
}

#[tokio::test]
async fn an_engine_removes_old_journals_by_itself() {
    for store in testkit::stores(migrations).await {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        let clock = Arc::new(ManualClock::default());
        let engine = engine(&store, clock.clone()).register(Trip::default()).keep_settled(3 * DAY).build();
        let _running = Running::begin(&engine);
        let trip = engine.start::<Trip>(&tenant(), "ann", &Plan::default()).await.unwrap();
        end(&engine, trip).await;
        let goes = async {
            let mut days = 0;
            while engine.info(trip).await.unwrap().is_some() {
                clock.advance(DAY);
                days += 1;
            }
            days
        };
        let days = tokio::time::timeout(Duration::from_secs(60), goes).await.expect("it is removed");
        assert!(days >= 3, "it was removed after {days} days, on {}", store.name);
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
