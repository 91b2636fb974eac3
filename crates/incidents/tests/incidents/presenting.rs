//! What people read.

use guildhall_core::{
    Action, Document, Error, Kind, Rank,
    document::{Block, Span},
    incident::Reader,
    language::Language,
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
async fn a_rehearsed_error_reads_like_the_real_one_and_says_that_it_is_rehearsed() {
    let house = house(Plan::default()).await;
    let operator = actor("a", Rank::OPERATOR);
    let rehearsed = async |code: &str| {
        let input = json!({ "what": "error", "code": code, "operation": "shop order" });
        house.data(&operator, "errors simulate", input).await;
        house.call(&operator, "shop order", json!({})).await.unwrap_err()
    };
    let error = rehearsed("incident_not_found").await;
    let german = text(&read(&house, &error, Language::German).await);
    assert!(german.contains("Probe: In den letzten 90 Tagen gab es keinen Fehler „name“."), "{german}");
    assert!(german.contains("Gib den Fingerabdruck"), "what to do is said too: {german}");
    house.minutes(5);
    let english = text(&read(&house, &error, Language::English).await);
    assert!(english.contains("Rehearsal: There is no error “name” in the last 90 days."), "{english}");
    // One for which there is no text is said as it is.
    let unknown = rehearsed("never_said").await;
    let said = text(&read(&house, &unknown, Language::English).await);
    assert!(said.contains("Rehearsal: Something went wrong inside Guildhall."), "{said}");
    // What really happens is no rehearsal.
    let real = house.fail(&operator, Kind::NotFound, "bread").await;
    assert!(!text(&read(&house, &real, Language::English).await).contains("Rehearsal"));
}

#[tokio::test]
async fn the_kind_of_an_error_is_said_in_the_readers_words() {
    let house = house(Plan::default()).await;
    set(&house, &[("errors.detail", json!("full"))]);
    let error = house.fail(&actor("a", Rank::MEMBER), Kind::NotFound, "bread").await;
    let german = text(&read(&house, &error, Language::German).await);
    assert!(german.contains("nicht gefunden") && !german.contains("not_found"), "{german}");
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
        ["Hear, hear: out_of_stock {unknown}", "There is no bread.", "Ask in #help. Order some.", "not found"]
    {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    house.minutes(5);
    set(&house, &[("errors.detail", json!("short")), ("errors.footer", json!(null))]);
    let short = text(&read(&house, &error, Language::English).await);
    assert!(short.contains("There is no bread.") && !short.contains("Order some."), "{short}");
}

#[tokio::test]
async fn the_communitys_own_words_lead_to_a_channel_and_what_is_filled_in_does_not() {
    let house = house(Plan::default()).await;
    let own = [("errors.intro", "<#7> says:"), ("errors.footer", "Ask in <#42>. {message}")];
    set(&house, &own.map(|(key, text)| (key, json!(text))));
    let error = house.fail(&actor("a", Rank::MEMBER), Kind::NotFound, "<#13>").await;
    let document = read(&house, &error, Language::English).await;
    let mut channels = Vec::new();
    for block in &document.blocks {
        let Block::Text { text } = block else { continue };
        channels.extend(text.0.iter().filter_map(|span| match span {
            Span::Channel { id, .. } => Some(id.0),
            _ => None,
        }));
    }
    assert_eq!(channels, [7, 42]);
    assert!(text(&document).contains("There is no <#13>."), "{}", text(&document));
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
