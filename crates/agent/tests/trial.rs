//! `recipe test`, without the command line.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::sync::Mutex;

use common::*;
use guildhall_agent::trial;
use guildhall_link::message::{EventKind, FailureCode};

#[tokio::test]
async fn a_recipe_is_tried_out_from_its_installation_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let step = "[[install]]\nstep = \"command\"\nrun = [\"/usr/bin/touch\", \"installed\"]\ncreates = \"installed\"\n";
    let recipe = game(ECHO, step).recipe;
    let told = Mutex::new(Vec::new());
    let report = trial::run(recipe, Default::default(), folder.path().to_owned(), settings(), |event| {
        told.lock().unwrap().push(event.clone());
    })
    .await
    .unwrap();
    assert!(report.passed(), "{report:?}");
    assert_eq!(report.console, ["ready"]);
    assert_eq!(rungs(report.exit.as_ref().unwrap()), ["stop"]);
    assert_eq!(report.warnings.len(), 1, "nothing tells who plays: {:?}", report.warnings);
    let told = told.into_inner().unwrap();
    assert!(
        told.iter().any(|event| matches!(event, EventKind::Progress { step, .. } if step == "running touch"))
    );
}

#[tokio::test]
async fn a_recipe_that_does_not_work_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = game("echo cannot find my world; exit 3", "").recipe;
    let report =
        trial::run(recipe, Default::default(), folder.path().to_owned(), settings(), |_| {}).await.unwrap();
    let failure = report.failure.as_ref().unwrap();
    assert!(!report.passed() && failure.code == FailureCode::EndedBeforeReady);
    assert_eq!(failure.output, ["cannot find my world"]);
}
