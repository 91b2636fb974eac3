use proptest::prelude::*;

use super::*;

fn seconds(text: &str) -> u64 {
    text.parse::<Span>().unwrap_or_else(|error| panic!("{text}: {error}")).seconds()
}

#[test]
fn durations_are_read_as_people_write_them() {
    assert_eq!(seconds("90s"), 90);
    assert_eq!(seconds("1h30m"), 5_400);
    assert_eq!(seconds("1h 30m"), 5_400);
    assert_eq!(seconds("7D"), 604_800);
    assert_eq!(seconds("2 weeks"), 1_209_600);
    assert_eq!(seconds("1 day, 2 hours"), 93_600);
    assert_eq!(seconds("1mo"), 30 * 86_400);
}

#[test]
fn what_is_no_duration_is_told_from_what_is_too_long() {
    for text in ["", "soon", "7", "d", "7x", "-1h", "1.5h", "1h30", "h1"] {
        assert!(matches!(text.parse::<Span>(), Err(BadSpan::Unreadable(_))), "{text}");
    }
    for text in ["0s", "0d0h"] {
        assert_eq!(text.parse::<Span>(), Err(BadSpan::Nothing), "{text}");
    }
    for text in ["11y", "99999999999999999999d", "18446744073709551615w", "18446744073709551615s1s"] {
        assert!(matches!(text.parse::<Span>(), Err(BadSpan::TooLong(_))), "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(seconds in 1..=LONGEST.as_secs()) {
        let span = Span::new(Duration::from_secs(seconds)).unwrap();
        prop_assert_eq!(span.to_string().parse::<Span>(), Ok(span));
    }

    #[test]
    fn no_text_breaks_the_reader(text in ".{0,80}") {
        let _ = text.parse::<Span>();
    }
}
