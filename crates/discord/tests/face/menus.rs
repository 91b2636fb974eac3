//! Select menus, pages that are worked on in place, forms with prefilled inputs, entries of people's and
//! messages' menus.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::stage::{ANNOUNCE, Stage, by_admin, choose, command, entry, form, is_ephemeral, press, words};

/// Every menu of a message: placeholder and `custom_id`.
fn menus(value: &Value) -> Vec<(String, String)> {
    match value {
        Value::Array(parts) => parts.iter().flat_map(menus).collect(),
        Value::Object(object) => {
            let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let select =
                object.get("type").and_then(Value::as_u64).is_some_and(|kind| matches!(kind, 3 | 5..=8));
            let own = select.then(|| (text("placeholder"), text("custom_id")));
            let inner = ["components", "data"].iter().filter_map(|key| object.get(*key)).flat_map(menus);
            own.into_iter().chain(inner).collect()
        }
        _ => Vec::new(),
    }
}

fn menu(message: &Value, label: &str) -> String {
    let all = menus(message);
    all.iter().find(|(name, _)| name == label).unwrap_or_else(|| panic!("no '{label}' in {all:?}")).1.clone()
}

fn last(stage: &Stage) -> Value {
    stage.toys.made.lock().unwrap().last().unwrap().clone()
}

#[tokio::test]
async fn a_choice_calls_the_operation_and_changes_the_page_in_place() {
    let stage = Stage::set().await;
    let page = stage.answer(command("toy sort", &[("by", json!("size"))])).await;
    assert_eq!((page["type"].clone(), is_ephemeral(&page["data"]["flags"])), (json!(4), true));
    assert!(words(&page).contains(&ANNOUNCE.to_string()), "the operation knows the channel");

    let one = menu(&page["data"], "By what");
    let answer = stage.answer(choose(&one, true, &["colour"])).await;
    assert_eq!(answer["type"], 7, "one's own page is changed");
    assert!(words(&answer).contains("Sorted by colour"), "{}", words(&answer));
    assert_eq!(last(&stage), json!({"by": "colour", "people": null, "note": "kept"}));
    stage.answer(choose(&one, true, &[])).await;
    assert_eq!(last(&stage)["by"], "", "nothing chosen is an empty text");

    let several = menu(&page["data"], "Whose");
    stage.answer(choose(&several, true, &["42", "43"])).await;
    assert_eq!(last(&stage)["people"], json!(["42", "43"]));

    let public = stage.answer(choose(&one, false, &["colour"])).await;
    assert_eq!(public["type"], 4, "what others look at is left as it is");
    assert!(is_ephemeral(&public["data"]["flags"]));
}

#[tokio::test]
async fn a_slow_choice_on_ones_own_page_defers_the_change_of_the_page() {
    let stage = Arc::new(Stage::set().await);
    let page = stage.answer(command("toy sort", &[])).await;
    let first = stage.begin(choose(&menu(&page["data"], "By what"), true, &["slowly"]));
    stage.begun().await;
    stage.clock.advance(stage.config.timing.defer_after);
    assert_eq!(first.await.unwrap(), json!({"type": 6}));
    stage.open_gate();
    let edit = stage.fake.wait("PATCH", "/messages/@original", 1).await;
    assert!(edit.words().contains("Sorted by slowly"));
}

#[tokio::test]
async fn a_refused_choice_leaves_the_page_and_says_why() {
    let stage = Stage::set().await;
    let page = stage.answer(command("toy sort", &[])).await;
    let answer = stage.answer(choose(&menu(&page["data"], "Whose"), true, &["nobody"])).await;
    assert_eq!((answer["type"].clone(), is_ephemeral(&answer["data"]["flags"])), (json!(4), true));
    assert!(words(&answer).contains("is no person"), "{}", words(&answer));
}

#[tokio::test]
async fn an_action_asks_for_optional_inputs_with_what_they_are_now() {
    let stage = Stage::set().await;
    let page = stage.answer(command("toy sort", &[])).await;
    let asked = stage.answer(press(&crate::stage::button(&page["data"], "Note"), true)).await;
    assert_eq!(asked["type"], 9);
    let input = &asked["data"]["components"][0]["component"];
    assert_eq!((input["value"].as_str(), input["required"].as_bool()), (Some("old"), Some(false)));
    let id = asked["data"]["custom_id"].as_str().unwrap();
    let mut sent = form(id, &[("note", "new")]);
    sent["message"] = json!({"id": "70", "flags": 64 | 32_768});
    let answer = stage.answer(sent).await;
    assert_eq!(answer["type"], 7, "the form's answer takes the place of the page it was opened from");
    assert_eq!(last(&stage)["note"], "new");
    stage.answer(form(id, &[("note", " ")])).await;
    assert_eq!(last(&stage)["note"], Value::Null, "left empty, it is not given");
}

#[tokio::test]
async fn an_entry_in_the_menu_of_a_person_asks_for_what_it_needs_and_calls() {
    let stage = Stage::set().await;
    let asked = stage.answer(entry(2, "Praise", 42)).await;
    assert_eq!(asked["type"], 9, "{asked}");
    let id = asked["data"]["custom_id"].as_str().unwrap().to_owned();
    let answer = stage.answer(form(&id, &[("reason", "being kind")])).await;
    assert!(words(&answer).contains("being kind"), "{}", words(&answer));
    assert_eq!(last(&stage)["people"], json!(["42"]));
}

#[tokio::test]
async fn an_entry_in_the_menu_of_a_message_names_the_message() {
    let stage = Stage::set().await;
    let refused = stage.answer(entry(3, "Mark it", 77)).await;
    assert!(words(&refused).contains("You need rank"), "{}", words(&refused));
    stage.answer(by_admin(entry(3, "Mark it", 77))).await;
    assert_eq!(last(&stage), json!(format!("{ANNOUNCE}/77")));
    let gone = stage.answer(entry(3, "Praise", 77)).await;
    assert!(words(&gone).contains("no longer used"), "{}", words(&gone));
}
