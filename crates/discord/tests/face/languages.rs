//! Errors in the reader's language, or in the community's.

use std::collections::BTreeSet;

use guildhall_core::{
    Error, Kind,
    language::{Language, Texts},
};
use guildhall_discord::{LANGUAGE, LOCALES, PREFIX, SETTINGS};
use serde_json::json;

use crate::stage::{Stage, command, press, speaking, words};

#[tokio::test]
async fn an_error_is_told_in_the_language_of_who_reads_it() {
    let stage = Stage::set().await;
    let broken = || command("toy break", &[("toy", json!("ball"))]);
    let german = words(&stage.answer(speaking("de", broken())).await);
    assert!(german.contains("brauchst du den Rang"), "{german}");
    let french = words(&stage.answer(speaking("fr", broken())).await);
    assert!(french.contains("You need rank"), "{french}");
    let mut guild = speaking("fr", broken());
    guild["guild_locale"] = json!("de");
    assert!(words(&stage.answer(guild).await).contains("brauchst du den Rang"));

    stage.set.set(&LANGUAGE, json!("en"));
    assert!(words(&stage.answer(speaking("de", broken())).await).contains("You need rank"));
    stage.set.set(&LANGUAGE, json!("de"));
    assert!(words(&stage.answer(broken()).await).contains("brauchst du den Rang"));
    assert!(words(&stage.answer(press("whatever", false)).await).contains("Dieser Knopf ist zu alt"));
}

#[tokio::test]
async fn who_has_no_community_is_answered_in_their_own_language() {
    let stage = Stage::set().await;
    let mut elsewhere = speaking("de", command("toy list", &[]));
    elsewhere["guild_id"] = json!("42");
    let answer = words(&stage.answer(elsewhere).await);
    assert!(answer.contains("nicht eingerichtet"), "{answer}");
}

/// Codes that the face raises, with what each speaks of.
const CODES: [(&str, &[&str]); 16] = [
    ("malformed_interaction", &[]),
    ("busy", &[]),
    ("too_slow", &[]),
    ("answer_too_long", &["size"]),
    ("stale_button", &[]),
    ("stale_menu", &[]),
    ("not_in_a_guild", &[]),
    ("unknown_guild", &[]),
    ("bot_not_in_guild", &[]),
    ("not_your_question", &[]),
    ("question_too_old", &[]),
    ("unknown_input", &[]),
    ("unknown_command", &["name", "near", "count"]),
    ("words_left", &["word", "operation"]),
    ("direct_closed", &["operation"]),
    ("direct_closed_done", &["operation"]),
];

#[test]
fn every_error_of_the_face_is_said_in_every_language() {
    let texts = Texts::new(&[LOCALES]).unwrap();
    let known: BTreeSet<&str> = CODES.iter().map(|(code, _)| *code).collect();
    assert_eq!(texts.codes().collect::<BTreeSet<_>>(), known);
    for (code, names) in CODES {
        for language in Language::ALL {
            assert!(texts.has(language, code), "{code} in {language:?}");
            let error = names.iter().fold(Error::new(Kind::User, code, "raw"), |e, name| e.with(name, "§"));
            let said = texts.translate(&error, language);
            assert_ne!(said.message(), "raw", "{code} in {language:?} lacks a variable");
            assert!(said.remedy().is_some(), "{code} in {language:?}");
        }
    }
}

#[test]
fn the_settings_have_defaults_that_fit() {
    let keys: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
    assert_eq!(keys, ["general.prefix", "general.language"]);
    assert_eq!(PREFIX.default_value(), json!("$"));
    assert_eq!(LANGUAGE.default_value(), json!("auto"));
}
