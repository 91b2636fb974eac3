use proptest::prelude::*;

use super::*;

fn templates() -> BTreeMap<String, String> {
    BTreeMap::from([
        ("spam".to_owned(), "Advertising {without} asking".to_owned()),
        ("long".to_owned(), "x".repeat(1_000)),
    ])
}

#[test]
fn templates_are_filled_in_and_braces_are_left_alone() {
    let filled = |text: &str| filled(text, &templates()).unwrap();
    assert_eq!(filled("{spam}"), "Advertising {without} asking");
    assert_eq!(filled("{spam} in #general"), "Advertising {without} asking in #general");
    assert_eq!(filled("posted {json} {\"a\": 1} }{"), "posted {json} {\"a\": 1} }{");
    assert_eq!(filled("  two\u{7}\u{0} words\n"), "two words");
}

#[test]
fn an_unknown_template_names_the_near_ones_and_a_long_reason_its_length() {
    match filled("{spm}", &templates()).unwrap_err() {
        ModerationError::NoReason { name, near } => {
            assert!(name == "spm" && near.starts_with("spam"), "{near}");
        }
        other => panic!("{other}"),
    }
    assert!(matches!(filled("{long}{long}{long}", &templates()), Err(ModerationError::ReasonTooLong(3_000))));
    assert!(filled(&"ä".repeat(LONGEST), &templates()).is_ok());
    assert!(filled(&"ä".repeat(LONGEST + 1), &templates()).is_err());
}

#[test]
fn evidence_is_links() {
    let read = evidence(&["https://a.example/x <https://b.example>".to_owned(), "12/34".to_owned()]);
    let links: Vec<_> = read.unwrap().into_iter().map(|evidence| evidence.link).collect();
    assert_eq!(links, ["https://a.example/x", "https://b.example", "12/34"]);
    for wrong in ["javascript:alert(1)", "https://", "words", "ftp://x"] {
        assert!(evidence(&[wrong.to_owned()]).is_err(), "{wrong}");
    }
    assert!(evidence(&vec!["https://a.example".to_owned(); 11]).is_err());
}

proptest! {
    #[test]
    fn no_text_breaks_the_readers(text in ".{0,300}") {
        let _ = filled(&text, &templates());
        let _ = evidence(std::slice::from_ref(&text));
    }
}
