//! What people read.

use guildhall_core::{
    Action, Document, Error, Kind, Rank, document::Block, incident::Reader, language::Language,
};
use serde_json::json;

use crate::house::{House, Plan, actor, house, text};

fn reader(language: Language) -> Reader {
    let actor = actor("a", Rank::MEMBER);
    Reader { tenant: actor.tenant, actor: actor.id, language }
}

async fn read(house: &House, error: &Error, language: Language) -> Document {
    house.catalogue.present(&reader(language), error).await
}

fn set(house: &House, values: &[(&'static str, serde_json::Value)]) {
    house.set.0.lock().unwrap().extend(values.iter().cloned());
}

#[tokio::test]
async fn people_read_their_language() {
    let house = house(Plan::default()).await;
    let error = house.call(&actor("a", Rank::MEMBER), "errors list", json!({})).await.unwrap_err();
    let german = text(&read(&house, &error, Language::German).await);
    assert!(
        german.contains("brauchst du den Rang") && german.contains("Bitte jemanden vom Team"),
        "{german}"
    );
    house.minutes(5);
    let english = text(&read(&house, &error, Language::English).await);
    assert!(english.contains("You need rank 3 (Moderator)"), "{english}");
}

#[tokio::test]
async fn of_a_fault_people_read_the_reference_and_nothing_else() {
    let house = house(Plan::default()).await;
    set(&house, &[("errors.fold", json!(false))]);
    for kind in [Kind::Bug, Kind::Upstream] {
        let error = house.fail(&actor("a", Rank::MEMBER), kind, "secret inside").await;
        for detail in ["short", "normal", "full"] {
            set(&house, &[("errors.detail", json!(detail))]);
            for language in Language::ALL {
                let said = text(&read(&house, &error, language).await);
                assert!(said.contains(&error.call.unwrap().reference()), "{said}");
                assert!(
                    !said.contains("inside out") && !said.contains("secret") && !said.contains("boo"),
                    "{said}"
                );
            }
        }
    }
    let mut bug = Error::new(Kind::Bug, "odd", "The inside is out.").action(Action::new("x", "y", json!({})));
    bug.fields.push(guildhall_core::FieldError::new("inside", "is out"));
    let said = text(&read(&house, &bug, Language::English).await);
    assert!(!said.contains("is out"), "{said}");
}

#[tokio::test]
async fn a_community_has_its_own_style() {
    let house = house(Plan::default()).await;
    set(
        &house,
        &[
            ("errors.color", json!("#112233")),
            ("errors.title", json!("Oh no, {command}")),
            ("errors.intro", json!("Hear, hear: {code} {unknown}")),
            ("errors.footer", json!("Ask in #help. {remedy}")),
            ("errors.detail", json!("full")),
        ],
    );
    let error = house.fail(&actor("a", Rank::MEMBER), Kind::NotFound, "bread").await;
    let document = read(&house, &error, Language::English).await;
    assert_eq!(document.color, Some(0x0011_2233));
    assert_eq!(document.title.as_deref(), Some("Oh no, shop break"));
    let said = text(&document);
    for part in
        ["Hear, hear: out_of_stock {unknown}", "There is no bread.", "Ask in #help. Order some.", "not_found"]
    {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    house.minutes(5);
    set(&house, &[("errors.detail", json!("short")), ("errors.footer", json!(null))]);
    let short = text(&read(&house, &error, Language::English).await);
    assert!(short.contains("There is no bread.") && !short.contains("Order some."), "{short}");
}

#[tokio::test]
async fn repeats_are_folded_into_a_line_and_another_error_is_not_a_repeat() {
    let house = house(Plan::default()).await;
    let member = actor("a", Rank::MEMBER);
    let mut last = Document::default();
    for _ in 0..6 {
        let error = house.fail(&member, Kind::NotFound, "bread").await;
        last = read(&house, &error, Language::English).await;
    }
    let said = text(&last);
    assert!(
        said.contains("There is no bread.") && said.contains("(5 more times in the last minute)"),
        "{said}"
    );
    assert!(!said.contains("Order some."), "what to do was said before: {said}");
    assert_eq!(last.blocks.len(), 1);
    let error = house.fail(&member, Kind::NotFound, "bread").await;
    let german = text(&read(&house, &error, Language::German).await);
    assert!(german.contains("(noch 6-mal in der letzten Minute)"), "{german}");
    let other = house.fail(&member, Kind::NotFound, "milk").await;
    assert!(text(&read(&house, &other, Language::English).await).contains("Order some."));
    house.minutes(2);
    assert!(
        text(&read(&house, &error, Language::English).await).contains("Order some."),
        "the window is over"
    );
    let fault = house.fail(&member, Kind::Bug, "x").await;
    read(&house, &fault, Language::English).await;
    let again = house.fail(&member, Kind::Bug, "x").await;
    let said = text(&read(&house, &again, Language::English).await);
    assert!(said.contains(&again.call.unwrap().reference()), "a repeat has its own reference: {said}");
}

#[tokio::test]
async fn near_misses_are_offered() {
    let house = house(Plan::default()).await;
    let error = house.call(&actor("a", Rank::MEMBER), "errors lst", json!({})).await.unwrap_err();
    let document = read(&house, &error, Language::English).await;
    assert_eq!(document.actions().next().unwrap().operation, "errors list");
    assert!(document.blocks.iter().any(|block| matches!(block, Block::Actions { .. })));
}
