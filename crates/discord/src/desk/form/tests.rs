//! What a form is called, and what its inputs are.

use guildhall_core::{
    Answer, Call, Effect, Operation, Rank,
    input::fields_of,
    operation::{Menu, MenuTarget},
};
use proptest::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::*;

#[derive(Deserialize, JsonSchema)]
struct Hush<const ENTRY: bool> {}

impl<const ENTRY: bool> Operation for Hush<ENTRY> {
    type Domain = ();
    type Output = ();
    const NAME: &'static str = "quiet hush";
    const SUMMARY: &'static str = "Keep members from writing and speaking for a time";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Change;
    const MENU: Option<Menu> = match ENTRY {
        true => Some(Menu { label: "Hush", on: MenuTarget::User, field: "user", ask: &[] }),
        false => None,
    };

    async fn run(self, (): &(), _: &Call) -> Result<Answer<()>, Error> {
        Ok(Answer::new((), guildhall_core::Document::default()))
    }
}

#[test]
fn a_title_is_whole_and_says_which_command_it_is() {
    assert_eq!(title(&Spec::of::<Hush<true>>()), "Hush");
    assert_eq!(title(&Spec::of::<Hush<false>>()), "/quiet hush");
    let short = Spec { summary: "Keep members quiet", ..Spec::of::<Hush<false>>() };
    assert_eq!(title(&short), "Keep members quiet");
}

fn described(description: &str) -> Field {
    let schema = json!({"properties": {"delete_days": {"type": "string", "description": description}}});
    fields_of(&schema).remove(0)
}

#[test]
fn a_label_says_what_the_input_is_for() {
    let all = |text: &str| Some(text.to_owned());
    for (description, wanted, more) in [
        ("What to call it", "What to call it", false),
        ("For how long, at most 28 days.", "For how long, at most 28 days", false),
        (
            "Why, or the name of a template in braces: {spam}",
            "Why, or the name of a template in braces",
            true,
        ),
        ("What happened; the staff reads it and does not see who wrote it", "What happened", true),
        (
            "Between two messages of one member: 5, 30s, 2m, at most 6h",
            "Between two messages of one member",
            true,
        ),
        ("How long it lasts in all, counted from its beginning", "How long it lasts in all", true),
        ("Something that goes on and on without any mark at which to stop", "delete days", true),
        ("", "delete days", false),
    ] {
        let (label, rest) = label(&described(description));
        assert_eq!(label, wanted);
        assert_eq!(rest, all(description).filter(|_| more), "{description}");
    }
}

proptest! {
    #[test]
    fn any_label_fits(description in "[a-zäß😀`.,;: (){}]{0,160}") {
        let (label, rest) = label(&described(&description));
        prop_assert!((1..=TITLE).contains(&label.encode_utf16().count()), "{label}");
        prop_assert!(!label.trim().is_empty());
        prop_assert!(rest.is_none_or(|rest| (1..=HINT).contains(&rest.encode_utf16().count())));
    }
}
