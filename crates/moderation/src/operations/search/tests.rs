use proptest::prelude::*;

use super::*;

#[test]
fn days_are_read() {
    assert_eq!(day("2026-01-31").unwrap().unix_timestamp(), 1_769_817_600);
    for wrong in ["", "2026-13-01", "2026-02-30", "31.1.2026", "yesterday"] {
        assert!(day(wrong).is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn no_text_breaks_the_readers(text in ".{0,60}") {
        let _ = day(&text);
        prop_assert!(!escaped(&text).replace("\\%", "").replace("\\\\", "").contains('%'));
    }
}
