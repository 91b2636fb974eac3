use proptest::prelude::*;

use super::*;

#[test]
fn a_pasted_list_is_read_and_what_is_no_id_is_named() {
    let read = ids("1, <@2>\n<@!3>;1\t4").unwrap();
    assert_eq!(read, [1, 2, 3, 4].map(UserId));
    assert!(matches!(ids(" , \n"), Err(ModerationError::NobodyNamed)));
    assert!(matches!(ids("1 bob"), Err(ModerationError::NoId(word)) if word == "bob"));
    let many: Vec<String> = (1..=501).map(|id| id.to_string()).collect();
    assert!(matches!(ids(&many.join(" ")), Err(ModerationError::TooManyNamed(501))));
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in ".{0,200}") {
        let _ = ids(&text);
    }
}
