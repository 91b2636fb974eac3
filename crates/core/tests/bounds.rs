//! What is said of numbers and lengths of time that an input does not take.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;

use guildhall_core::{
    Span,
    input::{self, Field, Raw, fields_of, schema_of},
    language::{LOCALES, Language, Texts},
};
use schemars::JsonSchema;
use serde_json::{Value, json};

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Mute {
    #[schemars(extend("x-longest" = "28d"))]
    lasts: Option<Span>,
    needed: Option<Span>,
    #[schemars(range(min = 1, max = 1000))]
    page: Option<u32>,
    balance: Option<i64>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Needed {
    needed: Span,
}

/// What is wrong with the input, in English and in German; the same in words and in JSON.
fn wrong<T: JsonSchema>(name: &str, text: &str) -> (String, String) {
    let fields = fields_of(&schema_of::<T>());
    let words = Raw::Words(BTreeMap::from([(name.to_owned(), vec![text.to_owned()])]));
    let [said, same] = [words, Raw::Json(json!({ name: text }))].map(|raw| said(&fields, raw));
    assert_eq!(said, same, "{name}: {text}");
    said
}

fn said(fields: &[Field], raw: Raw) -> (String, String) {
    let error = input::read(fields, raw).unwrap_err();
    let texts = Texts::new(&[LOCALES]).unwrap();
    let [english, german] = [Language::English, Language::German].map(|language| {
        let error = texts.translate(&error, language);
        error.fields().map(|(name, text)| format!("{name} {text}")).collect::<Vec<_>>().join("; ")
    });
    assert_eq!(error.message, english.replace(['“', '”'], "'"), "the code says the same as the text");
    (english, german)
}

#[test]
fn a_number_too_large_to_be_counted_with_is_told_the_bound() {
    let (english, german) = wrong::<Mute>("page", "99999999999999999999");
    assert_eq!(english, "page is 99999999999999999999, more than 1000.");
    assert!(german.contains("99999999999999999999") && german.contains("1000"), "{german}");
    assert_eq!(
        wrong::<Mute>("page", "-99999999999999999999").0,
        "page is -99999999999999999999, less than 1."
    );
    assert_eq!(
        wrong::<Mute>("balance", "99999999999999999999").0,
        "balance is 99999999999999999999, more than 9223372036854775807."
    );
    for text in ["many", "1.5", "-", "9e99", "99999999999999999999x"] {
        assert_eq!(wrong::<Mute>("page", text).0, "page is not a whole number.", "{text}");
    }
    let fields = fields_of(&schema_of::<Mute>());
    let number: Value = serde_json::from_str("99999999999999999999").unwrap();
    let (english, _) = said(&fields, Raw::Json(json!({ "page": number })));
    assert_eq!(english, "page is 100000000000000000000, more than 1000.");
    assert!(said(&fields, Raw::Json(json!({ "page": 1001 }))).0.ends_with("more than 1000."));
}

#[test]
fn a_length_of_time_that_is_too_long_is_told_the_inputs_own_bound() {
    for text in ["29d", "999999999y", "99999999999999999999d"] {
        let (english, german) = wrong::<Mute>("lasts", text);
        assert_eq!(english, format!("lasts is at most 28d, and “{text}” is longer."));
        assert_eq!(german, format!("lasts ist höchstens 28d, und „{text}“ ist länger."));
    }
    let fields = fields_of(&schema_of::<Mute>());
    assert_eq!(input::read(&fields, Raw::Json(json!({"lasts": "4w"}))).unwrap(), json!({"lasts": "4w"}));
    // What has no bound of its own is for ever when it is left away, where it may be.
    let error = input::read(&fields, Raw::Json(json!({"needed": "11y"}))).unwrap_err();
    assert_eq!(error.fields[0].code, Some("input_duration_too_long"));
    assert_eq!(wrong::<Needed>("needed", "11y").0, "needed is at most 10y, and “11y” is longer.");
}

#[test]
fn lengths_of_time_that_are_shown_fit() {
    let mut field = fields_of(&schema_of::<Mute>()).remove(0);
    for longest in [None, Some("10y"), Some("28d"), Some("7d"), Some("1d"), Some("1h"), Some("2m")] {
        field.longest = longest.map(|text| text.parse().unwrap());
        for example in field.durations().split(", ") {
            let span: Span = example.parse().unwrap();
            assert!(field.longest.is_none_or(|longest| span <= longest), "{example} of {longest:?}");
        }
    }
}
