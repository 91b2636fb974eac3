use proptest::prelude::*;

use super::*;

#[test]
fn slow_mode_is_read_as_people_write_it() {
    for (text, wanted) in [("0", 0), ("off", 0), ("5", 5), ("5s", 5), (" 2m ", 120), ("6h", 21_600)] {
        assert_eq!(seconds(text).unwrap(), wanted, "{text}");
    }
    for wrong in ["", "-1", "7h", "21601", "soon", "99999999999999999999", "1h1"] {
        assert!(seconds(wrong).is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in ".{0,30}") {
        if let Ok(seconds) = seconds(&text) {
            prop_assert!(u64::from(seconds) <= LONGEST_SLOWMODE);
        }
    }
}
