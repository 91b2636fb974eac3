//! Workflows whose code is wrong.

use std::{future::pending, sync::Arc, time::Duration};

use guildhall_core::ManualClock;
use guildhall_flows::{Failure, Flow, Outcome, StepError, Undo, Workflow, migrations};
use guildhall_store::{Store, testkit};

use crate::world::{Log, Running, end, engine, tenant, waits_for};

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
