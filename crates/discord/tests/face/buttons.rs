//! Buttons: actions, questions, pages, forms.

use std::time::Duration;

use serde_json::{Value, json};

use crate::stage::{Stage, button, buttons, by_admin, command, form, is_ephemeral, press, words};

async fn question(stage: &Stage) -> Value {
    let answer = stage.answer(by_admin(command("toy break", &[("toy", json!("ball"))]))).await;
    assert!(is_ephemeral(&answer["data"]["flags"]));
    assert!(words(&answer).contains("Break ball?"), "{}", words(&answer));
    answer
}

#[tokio::test]
async fn an_action_is_a_call_with_the_pressers_own_rank() {
    let stage = Stage::set().await;
    let answer = stage.answer(command("toy make", &[("name", json!("ball"))])).await;
    let id = button(&answer["data"], "Break it");
    let refused = stage.answer(press(&id, false)).await;
    assert!(words(&refused).contains("You need rank"), "{}", words(&refused));
    let asked = stage.answer(by_admin(press(&id, false))).await;
    assert!(words(&asked).contains("Break ball?"), "{}", words(&asked));
    assert!(stage.toys.broken.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_destroying_operation_runs_only_after_yes() {
    let stage = Stage::set().await;
    let asked = question(&stage).await;
    let answer = stage.answer(by_admin(press(&button(&asked["data"], "Yes, do it"), true))).await;
    assert_eq!(answer["type"], 7, "the question makes way for the answer");
    assert!(words(&answer).contains("Broken"), "{}", words(&answer));
    assert_eq!(*stage.toys.broken.lock().unwrap(), ["ball"]);
    let verdicts: Vec<&str> = stage.audit.seen().into_iter().map(|(_, verdict, _)| verdict).collect();
    assert_eq!(verdicts, ["asked", "done"]);
}

#[tokio::test]
async fn no_means_no() {
    let stage = Stage::set().await;
    let asked = question(&stage).await;
    let answer = stage.answer(by_admin(press(&button(&asked["data"], "No"), true))).await;
    assert_eq!(answer["type"], 7);
    assert!(words(&answer).contains("Nothing was done."));
    assert!(buttons(&answer["data"]).is_empty());
    assert!(stage.toys.broken.lock().unwrap().is_empty());
}

#[tokio::test]
async fn nobody_else_can_say_yes_and_nobody_can_say_it_too_late() {
    let stage = Stage::set().await;
    let asked = question(&stage).await;
    let yes = button(&asked["data"], "Yes, do it");
    let mut other = by_admin(press(&yes, true));
    other["member"]["user"]["id"] = json!("8");
    let answer = stage.answer(other).await;
    assert!(words(&answer).contains("This question is not yours."), "{}", words(&answer));

    stage.clock.advance(stage.config.timing.confirm_within + Duration::from_secs(1));
    let answer = stage.answer(by_admin(press(&yes, true))).await;
    assert!(words(&answer).contains("too old"), "{}", words(&answer));
    assert!(stage.toys.broken.lock().unwrap().is_empty());
    let codes: Vec<String> = stage.audit.seen().into_iter().map(|(_, _, code)| code).collect();
    assert_eq!(codes, ["", "not_your_question", "question_too_old"]);
}

#[tokio::test]
async fn a_long_input_is_kept_and_the_button_works_after_a_restart() {
    let mut stage = Stage::set().await;
    let name = "a toy with quite a long name 123";
    let long = [("toy", json!(format!("{name} {}", "and a longer story ".repeat(20))))];
    let asked = stage.answer(by_admin(command("toy break", &long))).await;
    let yes = button(&asked["data"], "Yes, do it");
    assert!(yes.len() <= 100 && !yes.contains("story"), "{yes}");
    stage.restart().await;
    stage.answer(by_admin(press(&yes, true))).await;
    assert!(stage.toys.broken.lock().unwrap()[0].starts_with(name));
}

#[tokio::test]
async fn a_button_that_means_nothing_any_more_says_so_and_is_recorded() {
    let stage = Stage::set().await;
    for id in [
        "",
        "whatever",
        "a9:x",
        "a1:=0123456789abcdef01234567",
        "p1:3:0123456789abcdef01234567",
        "a1:=../../x",
    ] {
        let answer = stage.answer(press(id, false)).await;
        assert!(words(&answer).contains("too old to work"), "{id}: {}", words(&answer));
        assert!(is_ephemeral(&answer["data"]["flags"]));
    }
    assert_eq!(stage.audit.seen().len(), 6);
    assert!(stage.audit.seen().iter().all(|(_, _, code)| code == "stale_button"));
}

#[tokio::test]
async fn a_long_answer_has_pages_that_can_be_turned_after_a_restart_and_nothing_is_missing() {
    let mut stage = Stage::set().await;
    let mut page = stage.answer(command("tale", &[("lines", json!(1_200))])).await["data"].clone();
    let mut told = words(&page);
    let mut turned = 1;
    while let Some((_, next)) = buttons(&page).into_iter().find(|(label, _)| label.starts_with("Next")) {
        if turned == 2 {
            stage.restart().await;
        }
        let answer = stage.answer(press(&next, true)).await;
        assert_eq!(answer["type"], 7, "the page is turned in place");
        page = answer["data"].clone();
        told.push('\n');
        told.push_str(&words(&page));
        turned += 1;
    }
    assert!(turned > 5, "{turned} pages");
    for line in 1..=1_200 {
        assert!(told.contains(&format!("line {line} of the tale")), "line {line} is missing");
    }
    let back = buttons(&page).into_iter().find(|(label, _)| label.contains("Previous")).unwrap();
    let answer = stage.answer(press(&back.1, false)).await;
    assert_eq!(answer["type"], 4, "on a message for everybody, a page is opened for the presser alone");
    assert!(is_ephemeral(&answer["data"]["flags"]));
}

#[tokio::test]
async fn an_action_that_lacks_an_input_asks_for_it_in_a_form() {
    let stage = Stage::set().await;
    let made = stage.answer(command("toy make", &[("name", json!("ball"))])).await;
    let asked = stage.answer(press(&button(&made["data"], "Another"), false)).await;
    assert_eq!(asked["type"], 9);
    insta::assert_json_snapshot!("form", asked["data"]);
    let id = asked["data"]["custom_id"].as_str().unwrap();
    let answer = stage.answer(form(id, &[("name", "bear")])).await;
    assert!(words(&answer).contains("made `bear`"), "{}", words(&answer));
    assert_eq!(stage.toys.made.lock().unwrap()[1]["size"], 3);

    let answer = stage.answer(form("m1:toy make|", &[("name", "bear"), ("size", "huge")])).await;
    assert!(words(&answer).contains("not a whole number"), "{}", words(&answer));
    let answer = stage.answer(form("nonsense", &[("name", "bear")])).await;
    assert!(words(&answer).contains("too old to work"), "{}", words(&answer));
}
