//! The test kit passes a good workflow, and finds what is wrong with bad ones.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use guildhall_flows::{
    Failure, Flow, FlowId, Handle, StepError, Undo, Workflow,
    testkit::{self, Report, Scene},
};

/// A warehouse: how many of each thing are out, and what was sent.
#[derive(Clone, Default)]
struct Warehouse(Arc<Mutex<BTreeMap<String, u32>>>);

impl Warehouse {
    fn set(&self, what: &str, count: u32) {
        let mut things = self.0.lock().unwrap();
        if count == 0 {
            things.remove(what);
        } else {
            things.insert(what.to_owned(), count);
        }
    }

    fn add(&self, what: &str) {
        *self.0.lock().unwrap().entry(what.to_owned()).or_default() += 1;
    }

    fn all(&self) -> Vec<(String, u32)> {
        self.0.lock().unwrap().clone().into_iter().collect()
    }
}

/// What is wrong with the order's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Nothing,
    EffectCountsUp,
    UndoMissing,
    UndoCountsDown,
    UndoNeedsOutput,
    DecidesByChance,
    NeverEnds,
}

#[derive(Clone)]
struct Order {
    wrong: Wrong,
    warehouse: Warehouse,
    runs: Arc<Mutex<u32>>,
}

impl Workflow for Order {
    const KIND: &'static str = "order";
    type Input = String;
    type Output = String;

    async fn run(&self, flow: &Flow, thing: String) -> Result<String, Failure> {
        let wrong = self.wrong;
        let runs = {
            let mut runs = self.runs.lock().unwrap();
            *runs += 1;
            *runs
        };
        if wrong == Wrong::DecidesByChance && runs > 3 {
            flow.step("afterthought", async || Ok(())).await?;
        }

        let warehouse = self.warehouse.clone();
        let reserve = flow.step("reserve", || async {
            if wrong == Wrong::EffectCountsUp {
                self.warehouse.add("reserved");
            } else {
                self.warehouse.set("reserved", 1);
            }
            Ok(7_u32)
        });
        let reserve = reserve.undo(async move |undo: Undo<u32>| {
            match wrong {
                Wrong::UndoMissing => {}
                Wrong::UndoNeedsOutput if undo.output.is_none() => {}
                Wrong::UndoCountsDown => {
                    let left =
                        warehouse.all().iter().find(|(what, _)| what == "reserved").map_or(0, |(_, n)| *n);
                    let less = left.checked_sub(1);
                    less.ok_or_else(|| StepError::permanent("none", "There is none left."))?;
                    warehouse.set("reserved", less.unwrap_or(0));
                }
                _ => warehouse.set("reserved", 0),
            }
            Ok(())
        });
        let shelf = reserve.await?;
        flow.sleep("cool-down", Duration::from_secs(900)).await?;
        let warehouse = self.warehouse.clone();
        flow.step("pack", || async {
            if wrong == Wrong::NeverEnds {
                return Err(StepError::transient("busy", "All hands are busy."));
            }
            self.warehouse.set("packed", shelf);
            Ok(())
        })
        .undo(async move |_: Undo<()>| {
            warehouse.set("packed", 0);
            Ok(())
        })
        .await?;
        let paid = flow.signal::<String>("paid", Duration::from_secs(600)).await?;
        let Some(by) = paid else { return Err(Failure::new("unpaid", "Nobody paid.")) };
        let warehouse = self.warehouse.clone();
        flow.step("send", || async {
            self.warehouse.set("sent", 1);
            Ok(())
        })
        .undo(async move |_: Undo<()>| {
            warehouse.set("sent", 0);
            Ok(())
        })
        .await?;
        Ok(format!("{thing} paid by {by}"))
    }
}

struct Shop(Order);

impl Scene for Shop {
    type Workflow = Order;

    fn workflow(&self) -> Order {
        self.0.clone()
    }

    fn input(&self) -> String {
        "lamp".to_owned()
    }

    async fn waiting(&self, handle: &Handle, flow: FlowId, waiting: &str) {
        if waiting == "signal paid" {
            handle.signal(flow, "paid", &"ann").await.unwrap();
        }
    }

    async fn assert_clean(&self, _cause: &Failure) {
        assert_eq!(self.0.warehouse.all(), [], "the warehouse is as it was");
    }

    async fn assert_finished(&self, output: &String) {
        assert_eq!(output, "lamp paid by ann");
        let things =
            [("packed", 7), ("reserved", 1), ("sent", 1)].map(|(what, count)| (what.to_owned(), count));
        assert_eq!(self.0.warehouse.all(), things);
    }
}

async fn inspect(wrong: Wrong) -> Report {
    testkit::inspect(Vec::new, |_stage| async move {
        Shop(Order { wrong, warehouse: Warehouse::default(), runs: Arc::default() })
    })
    .await
}

/// The scenarios in which something was wrong on this database, in order.
fn found<'a>(report: &'a Report, database: &str) -> Vec<&'a str> {
    let here = report.violations.iter().filter(|violation| violation.database == database);
    here.map(|violation| violation.scenario.as_str()).collect()
}

#[tokio::test]
async fn a_safe_workflow_passes() {
    let report = inspect(Wrong::Nothing).await;
    assert_eq!(report.violations, []);
    assert_eq!(report.steps, ["reserve", "cool-down", "pack", "paid", "send"]);
    // Crashes: 4 for each of 3 steps, 2 for each of 2 waits. Failures: 2 for each of 5. Undos with trouble, 4
    // ways: that of the failing step for the first two steps, and all three with the last. One silence, and
    // one run without trouble.
    assert_eq!(report.scenarios, 16 + 10 + 4 * 5 + 1 + 1);
    assert_eq!(report.databases[0], "SQLite");
    let both = guildhall_store::testkit::postgres(Vec::new()).await.is_some();
    assert_eq!(report.databases.get(1), both.then_some(&"PostgreSQL"));
}

#[tokio::test]
async fn an_effect_that_is_not_idempotent_is_found() {
    let report = inspect(Wrong::EffectCountsUp).await;
    for database in &report.databases {
        let expected = [
            "crashing twice in the midst of reserve",
            "crashing twice between the effect of reserve and the journal",
        ];
        assert_eq!(found(&report, database), expected, "{report:?}");
    }
}

#[tokio::test]
async fn a_missing_undo_is_found_at_every_later_step() {
    let report = inspect(Wrong::UndoMissing).await;
    for database in &report.databases {
        let found = found(&report, database);
        for scenario in
            ["failing at cool-down", "failing at pack", "failing at send", "with the signal paid never sent"]
        {
            assert!(found.contains(&scenario), "{scenario} not in {found:?} on {database}");
        }
    }
    assert!(
        report.violations.iter().all(|violation| violation.problem.starts_with("it was not undone")),
        "{report:?}"
    );
}

#[tokio::test]
async fn an_undo_that_is_not_idempotent_is_found() {
    let report = inspect(Wrong::UndoCountsDown).await;
    for database in &report.databases {
        let found = found(&report, database);
        for scenario in [
            "failing at reserve",
            "failing at send and repeating the undo of reserve",
            "failing at send and crashing twice right after the undo of reserve",
        ] {
            assert!(found.contains(&scenario), "{scenario} not in {found:?} on {database}");
        }
    }
}

#[tokio::test]
async fn an_undo_that_needs_the_output_of_a_step_that_was_cut_off_is_found() {
    let report = inspect(Wrong::UndoNeedsOutput).await;
    for database in &report.databases {
        assert_eq!(found(&report, database)[0], "failing at reserve, after its effect", "{report:?}");
    }
}

#[tokio::test]
async fn a_workflow_that_decides_by_chance_is_found() {
    let report = inspect(Wrong::DecidesByChance).await;
    for database in &report.databases {
        let mut found = report.violations.iter().filter(|violation| violation.database == *database);
        assert!(
            found.any(|violation| violation.problem.contains("does not keep to its journal")),
            "on {database}: {report:?}"
        );
    }
}

#[tokio::test]
async fn a_workflow_that_does_not_even_work_is_said_so_once() {
    let report = inspect(Wrong::NeverEnds).await;
    assert_eq!(report.violations.len(), report.databases.len(), "{report:?}");
    for (violation, database) in report.violations.iter().zip(&report.databases) {
        assert_eq!((violation.scenario.as_str(), violation.database), ("without trouble", *database));
        assert!(violation.problem.contains("All hands are busy"), "{violation}");
    }
    assert_eq!(report.scenarios, 1);
}

#[tokio::test]
#[should_panic(expected = "order is not safe")]
async fn check_panics_with_what_was_wrong() {
    testkit::check(Vec::new, |_stage| async {
        Shop(Order { wrong: Wrong::UndoMissing, warehouse: Warehouse::default(), runs: Arc::default() })
    })
    .await;
}
